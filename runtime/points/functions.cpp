#include "runtime/points/functions.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::joint {

void finish(Functions& functions) {
    for (const NodeId id : functions.values)
        functions.gradients.push_back(functions.tape.gradient(id, functions.gaussians));
}

std::vector<NodeId> all_outputs(const Functions& functions) {
    std::vector<NodeId> outputs = functions.values;
    for (const auto& gradient : functions.gradients)
        outputs.insert(outputs.end(), gradient.begin(), gradient.end());
    return outputs;
}

namespace {

constexpr std::size_t pilot_count = std::size_t{1} << pilot_log2;

} // namespace

Pilot::Pilot(const Functions& functions, const Eigen::VectorXd& mean, const Eigen::MatrixXd& root,
             const std::vector<double>& samples)
    : functions_(functions), run_(functions.tape, all_outputs(functions), pilot_count, samples.data()) {
    const auto coordinates = pilot_points(static_cast<std::size_t>(root.cols()));
    std::vector<double> gaussians(functions.gaussians * pilot_count);
    PointMap(mean, root)(coordinates, 0, pilot_count, gaussians.data(), pilot_count);
    run_.evaluate(gaussians.data(), pilot_count, pilot_count);
}

Eigen::RowVectorXd Pilot::value(std::size_t i) const {
    return Eigen::Map<const Eigen::RowVectorXd>(run_.row(functions_.values[i]), pilot_count);
}

Eigen::MatrixXd Pilot::gradient(std::size_t i) const {
    Eigen::MatrixXd result(static_cast<Eigen::Index>(functions_.gaussians), static_cast<Eigen::Index>(pilot_count));
    for (std::size_t k = 0; k < functions_.gaussians; ++k)
        result.row(static_cast<Eigen::Index>(k)) =
            Eigen::Map<const Eigen::RowVectorXd>(run_.row(functions_.gradients[i][k]), pilot_count);
    return result;
}

template <class Real>
FunctionRows<Real>::FunctionRows(const Functions& functions, const Points& points, bool slopes)
    : functions_(functions), points_(points), outputs_([&] {
          std::vector<NodeId> all = functions.values;
          for (const auto& gradient : functions.gradients)
              if (slopes)
                  std::ranges::copy_if(gradient, std::back_inserter(all),
                                       [&](NodeId id) { return !functions.tape.is_number(id, 0); });
          std::ranges::sort(all);
          all.erase(std::unique(all.begin(), all.end()), all.end());
          return all;
      }()),
      coordinates_(normal_points<Real>(static_cast<std::size_t>(points.root.cols()), points.log2_count, points.replicate)),
      map_(points.mean, points.root), run_(functions.tape, outputs_, block, points.samples.data()),
      gaussians_(functions.gaussians * block) {
    const auto place = [&](NodeId id) {
        return static_cast<std::size_t>(std::ranges::lower_bound(outputs_, id) - outputs_.begin());
    };
    for (const NodeId id : functions.values)
        value_.push_back(place(id));
    for (const auto& gradient : functions.gradients) {
        derivative_.emplace_back();
        for (const NodeId id : gradient)
            derivative_.back().push_back(!slopes || functions.tape.is_number(id, 0) ? std::nullopt
                                                                                    : std::optional(place(id)));
    }
}

template <class Real> void FunctionRows<Real>::operator()(std::size_t first, Real* values) {
    const std::size_t size = std::min(block, points_.count() - first);
    map_(coordinates_, first, size, gaussians_.data(), block);
    run_.evaluate(gaussians_.data(), block, size);
    for (std::size_t r = 0; r < outputs_.size(); ++r)
        std::copy_n(run_.row(outputs_[r]), size, values + r * block);
}

template <class Real> bool FunctionRows<Real>::precise(double error) {
    if constexpr (std::is_same_v<Real, double>)
        return true;
    constexpr std::size_t some = 64;
    const std::size_t count = std::min(some, points_.count());
    std::vector<Real> narrow(rows() * block);
    (*this)(0, narrow.data());
    std::vector<std::shared_ptr<const NormalRow>> coordinates;
    for (const auto& row : coordinates_)
        coordinates.push_back(std::make_shared<NormalRow>(row->begin(), row->begin() + std::min(some, row->size())));
    std::vector<double> gaussians(functions_.gaussians * some);
    map_(coordinates, 0, count, gaussians.data(), some);
    TapeRun run(functions_.tape, outputs_, some, points_.samples.data());
    run.evaluate(gaussians.data(), some, count);
    for (std::size_t r = 0; r < outputs_.size(); ++r) {
        double difference = 0, norm = 0;
        for (std::size_t p = 0; p < count; ++p) {
            const double wide = run.row(outputs_[r])[p];
            difference += std::pow(static_cast<double>(narrow[r * block + p]) - wide, 2);
            norm += wide * wide;
        }
        if (!(difference <= error * error * norm))
            return false;
    }
    return true;
}

template class FunctionRows<float>;
template class FunctionRows<double>;

} // namespace tpc::joint
