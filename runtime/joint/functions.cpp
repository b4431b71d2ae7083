#include "runtime/joint/functions.hpp"

#include "runtime/joint/root.hpp"

#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>

namespace tpc::joint {

void finish(Functions& functions) {
    for (const NodeId id : functions.values)
        functions.gradients.push_back(functions.tape.gradient(id, functions.gaussians));
}

Eigen::MatrixXd by_effect(const Functions& functions, const Eigen::VectorXd& mean, const Eigen::MatrixXd& before,
                          const Eigen::MatrixXd& root, const std::vector<double>& samples) {
    if (root.cols() < 2)
        return Eigen::MatrixXd::Identity(root.cols(), root.cols());
    constexpr std::size_t count = std::size_t{1} << pilot_log2;
    Eigen::MatrixXd all(root.rows(), before.cols() + root.cols());
    all << before, root;
    const auto coordinates = pilot_points(static_cast<std::size_t>(all.cols()));
    std::vector<double> values(functions.gaussians * count);
    PointMap(mean, all)(coordinates, 0, count, values.data(), count);
    std::vector<NodeId> outputs;
    for (const auto& gradient : functions.gradients)
        outputs.insert(outputs.end(), gradient.begin(), gradient.end());
    TapeRun run(functions.tape, outputs, count, samples.data());
    run.evaluate(values.data(), count, count);
    Eigen::MatrixXd gradient(static_cast<Eigen::Index>(functions.gaussians), static_cast<Eigen::Index>(count));
    Eigen::MatrixXd effect = Eigen::MatrixXd::Zero(root.cols(), root.cols());
    for (const auto& ids : functions.gradients) {
        for (std::size_t k = 0; k < ids.size(); ++k)
            gradient.row(static_cast<Eigen::Index>(k)) =
                Eigen::Map<const Eigen::RowVectorXd>(run.row(ids[k]), static_cast<Eigen::Index>(count));
        const Eigen::MatrixXd along = root.transpose() * gradient;
        effect.noalias() += along * along.transpose();
    }
    if (!effect.allFinite())
        return Eigen::MatrixXd::Identity(root.cols(), root.cols());
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(effect);
    const Eigen::MatrixXd directions = solver.eigenvectors().rowwise().reverse();
    return directions * signs_of_columns(root * directions).asDiagonal();
}

template <class Real>
Rows<Real>::Rows(const Functions& functions, const Points& points, bool slopes)
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

template <class Real> void Rows<Real>::operator()(std::size_t first, Real* values) {
    const std::size_t size = std::min(block, points_.count() - first);
    map_(coordinates_, first, size, gaussians_.data(), block);
    run_.evaluate(gaussians_.data(), block, size);
    for (std::size_t r = 0; r < outputs_.size(); ++r)
        std::copy_n(run_.row(outputs_[r]), size, values + r * block);
}

template <class Real> bool Rows<Real>::precise(double error) {
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

template class Rows<float>;
template class Rows<double>;

} // namespace tpc::joint
