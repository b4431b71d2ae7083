#include "runtime/joint/side.hpp"

#include "runtime/joint/root.hpp"

#include <algorithm>

namespace tpc::joint {
namespace {

constexpr std::size_t most_bytes = std::size_t{256} << 20;

std::size_t bytes_of(const RightSide& side) {
    return side.single_rows.size() * sizeof(float) + side.double_rows.size() * sizeof(double);
}

template <class Real> void keep(Rows<Real>& rows, std::size_t count, std::vector<Real>& result) {
    constexpr std::size_t block = Rows<Real>::block;
    const std::size_t stride = rows.rows() * block;
    const std::size_t blocks = (count + block - 1) / block;
    if (blocks * stride * sizeof(Real) > most_bytes / 2)
        return;
    result.resize(blocks * stride);
    for (std::size_t k = 0; k < blocks; ++k)
        rows(k * block, result.data() + k * stride);
}

std::shared_ptr<const RightSide> make(const Functions& functions, const Eigen::VectorXd& mean,
                                      const Eigen::MatrixXd& covariance, const std::vector<double>& samples,
                                      const Sampling& sampling, bool slopes) {
    auto side = std::make_shared<RightSide>();
    side->nodes = functions.tape.nodes();
    side->values = functions.values;
    side->slopes = slopes;
    side->covariance = covariance;
    side->principal = principal_root(covariance);
    const Eigen::MatrixXd nothing(covariance.rows(), 0);
    side->rotation = by_effect(functions, mean, nothing, side->principal, samples);
    side->points = {mean, side->principal * side->rotation, samples, sampling.log2_points, sampling.replicate};
    if (const double allowed = rounding_allowed(sampling); allowed > 0) {
        Rows<float> rows(functions, side->points, slopes);
        side->single = rows.precise(allowed);
        if (side->single)
            keep(rows, side->points.count(), side->single_rows);
    }
    if (!side->single) {
        Rows<double> rows(functions, side->points, slopes);
        keep(rows, side->points.count(), side->double_rows);
    }
    return side;
}

} // namespace

double rounding_allowed(const Sampling& sampling) {
    constexpr double least = 1e-6; // a few units in the last place
    const double allowed = sampling.acceptable / 10;
    return allowed < least ? 0 : allowed;
}

std::shared_ptr<const RightSide> RightSides::find(const Functions& functions, const Eigen::VectorXd& mean,
                                                  const Eigen::MatrixXd& covariance, const std::vector<double>& samples,
                                                  const Sampling& sampling, bool slopes) {
    const auto is_this = [&](const std::shared_ptr<const RightSide>& side) {
        const Points& points = side->points;
        return points.log2_count == sampling.log2_points && points.replicate == sampling.replicate &&
               side->slopes == slopes && points.mean.size() == mean.size() && points.mean == mean &&
               side->covariance == covariance && points.samples == samples && side->values == functions.values &&
               side->nodes == functions.tape.nodes();
    };
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = std::ranges::find_if(kept_, is_this); found != kept_.end()) {
            kept_.splice(kept_.begin(), kept_, found);
            return kept_.front();
        }
    }
    auto side = make(functions, mean, covariance, samples, sampling, slopes);
    const std::lock_guard lock(mutex_);
    kept_.push_front(side);
    std::size_t bytes = 0;
    std::size_t count = 0;
    constexpr std::size_t most = 32; // each is compared
    std::erase_if(kept_, [&](const auto& one) { return (bytes += bytes_of(*one)) > most_bytes || ++count > most; });
    return side;
}

} // namespace tpc::joint
