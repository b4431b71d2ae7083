#include "runtime/joint/shared.hpp"

#include "runtime/points/growth.hpp"
#include "runtime/points/root.hpp"
#include "runtime/tapes/copy.hpp"
#include "runtime/tapes/elementwise.hpp"

#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <map>

namespace tpc::joint {
namespace {

std::vector<std::uint32_t> occurring(const std::vector<Placed>& parts, std::vector<std::uint32_t> Placed::*side) {
    std::vector<std::uint32_t> result;
    for (const Placed& part : parts)
        result.insert(result.end(), (part.*side).begin(), (part.*side).end());
    std::ranges::sort(result);
    result.erase(std::unique(result.begin(), result.end()), result.end());
    return result;
}

std::size_t place_of(std::vector<NodeId>& list, NodeId id) {
    const auto found = std::ranges::find(list, id);
    const auto k = static_cast<std::size_t>(found - list.begin());
    if (found == list.end())
        list.push_back(id);
    return k;
}

// The rotation V that brings the coordinates w of mean + root w in the order of their effect on the products: root V has the
// principal directions of the second moment of their gradients. Products of two Gaussians become differences of squares.
Eigen::MatrixXd by_effect(const Shared& shared, const Eigen::VectorXd& mean, const Eigen::MatrixXd& root,
                          const std::vector<double>& samples) {
    if (root.cols() < 2)
        return Eigen::MatrixXd::Identity(root.cols(), root.cols());
    const Eigen::Index l = shared.left.gaussians;
    const Eigen::Index r = shared.right.gaussians;
    const Pilot left(shared.left, mean.head(l), root.topRows(l), samples);
    const Pilot right(shared.right, mean.tail(r), root.bottomRows(r), samples);
    // The gradient of f g is (g grad f, f grad g).
    Eigen::MatrixXd moment = Eigen::MatrixXd::Zero(l + r, l + r);
    for (std::size_t i = 0; i < shared.left.values.size(); ++i) {
        const Eigen::MatrixXd gradient = left.gradient(i);
        Eigen::RowVectorXd others = Eigen::RowVectorXd::Zero(gradient.cols());
        Eigen::MatrixXd across = Eigen::MatrixXd::Zero(r, gradient.cols());
        for (const auto& [of, j] : shared.products)
            if (of == i) {
                others += right.value(j).cwiseAbs2();
                across += right.gradient(j) * right.value(j).asDiagonal();
            }
        moment.topLeftCorner(l, l) += gradient * others.asDiagonal() * gradient.transpose();
        moment.topRightCorner(l, r) += gradient * left.value(i).asDiagonal() * across.transpose();
    }
    for (std::size_t j = 0; j < shared.right.values.size(); ++j) {
        const Eigen::MatrixXd gradient = right.gradient(j);
        Eigen::RowVectorXd others = Eigen::RowVectorXd::Zero(gradient.cols());
        for (const auto& [i, of] : shared.products)
            if (of == j)
                others += left.value(i).cwiseAbs2();
        moment.bottomRightCorner(r, r) += gradient * others.asDiagonal() * gradient.transpose();
    }
    const Eigen::MatrixXd effect = root.transpose() * moment.selfadjointView<Eigen::Upper>() * root;
    if (!effect.allFinite())
        return Eigen::MatrixXd::Identity(root.cols(), root.cols());
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(effect);
    const Eigen::MatrixXd directions = solver.eigenvectors().rowwise().reverse();
    return directions * signs_of_columns(root * directions).asDiagonal();
}

// What rounding may contribute in single precision; below this much single precision is not tried.
double rounding_allowed(const Sampling& sampling) {
    constexpr double least = 1e-6; // a few units in the last place
    const double allowed = sampling.acceptable / 10;
    return allowed < least ? 0 : allowed;
}

struct Direction {
    std::size_t left = 0, gaussian = 0; // of left function i, to right Gaussian y
    std::vector<double> weights;
    std::vector<std::size_t> rows;
};

// Nothing where single precision will not do.
template <class Real>
std::optional<SharedExpectations> estimate_in(const Shared& shared, const Points& left_points, const Points& right_points,
                                              const Eigen::MatrixXd& linked, double allowed) {
    constexpr std::size_t block = FunctionRows<Real>::block;
    const bool tangents = linked.size() > 0;
    FunctionRows<Real> left(shared.left, left_points, tangents);
    FunctionRows<Real> right(shared.right, right_points, tangents);
    if (!left.precise(allowed) || !right.precise(allowed))
        return std::nullopt;

    // sum over x of linked(x, y) d left_i / d x
    std::vector<Direction> directions;
    std::map<std::pair<std::size_t, std::size_t>, std::size_t> direction_of;
    struct Term {
        std::size_t product = 0, direction = 0, row = 0;
    };
    std::vector<Term> terms;
    for (std::size_t p = 0; tangents && p < shared.products.size(); ++p)
        for (std::size_t y = 0; y < shared.right.gaussians; ++y) {
            const auto [i, j] = shared.products[p];
            const auto row = right.derivative(j, y);
            if (!row)
                continue;
            const auto [place, fresh] = direction_of.try_emplace({i, y}, directions.size());
            if (fresh) {
                directions.push_back({i, y, {}, {}});
                for (std::size_t x = 0; x < shared.left.gaussians; ++x)
                    if (const double link = linked(static_cast<Eigen::Index>(x), static_cast<Eigen::Index>(y)); link != 0)
                        if (const auto along = left.derivative(i, x)) {
                            directions.back().weights.push_back(link);
                            directions.back().rows.push_back(*along);
                        }
            }
            if (!directions[place->second].rows.empty())
                terms.push_back({p, place->second, *row});
        }

    SharedExpectations result;
    result.values.assign(shared.products.size(), 0);
    result.tangents.assign(tangents ? shared.products.size() : 0, 0);
    std::vector<Real> on_left(left.rows() * block), on_right(right.rows() * block);
    std::vector<Real> along(directions.size() * block);
    std::vector<const Real*> rows;
    const std::size_t count = left_points.count();
    for (std::size_t first = 0; first < count; first += block) {
        const std::size_t size = std::min(block, count - first);
        left(first, on_left.data());
        right(first, on_right.data());
        for (std::size_t p = 0; p < shared.products.size(); ++p) {
            const auto [i, j] = shared.products[p];
            result.values[p] += dot(on_left.data() + left.value(i) * block, on_right.data() + right.value(j) * block, size);
        }
        for (std::size_t d = 0; d < directions.size(); ++d) {
            rows.clear();
            for (const std::size_t row : directions[d].rows)
                rows.push_back(on_left.data() + row * block);
            combine(0, directions[d].weights.data(), rows.data(), rows.size(), along.data() + d * block, block);
        }
        for (const Term& term : terms)
            result.tangents[term.product] +=
                dot(along.data() + term.direction * block, on_right.data() + term.row * block, size);
    }
    for (std::vector<double>* sums : {&result.values, &result.tangents})
        for (double& sum : *sums) {
            sum /= static_cast<double>(count);
            if (std::is_same_v<Real, float> && !std::isfinite(sum))
                return std::nullopt;
        }
    return result;
}

} // namespace

Shared share(const std::vector<Placed>& parts) {
    Shared result;
    result.left_places = occurring(parts, &Placed::left);
    result.right_places = occurring(parts, &Placed::right);
    result.left.gaussians = static_cast<std::uint32_t>(result.left_places.size());
    result.right.gaussians = static_cast<std::uint32_t>(result.right_places.size());
    const auto index = [](const std::vector<std::uint32_t>& all, std::uint32_t place) {
        return static_cast<std::uint32_t>(std::ranges::lower_bound(all, place) - all.begin());
    };
    for (const Placed& placed : parts) {
        const Integrand& integrand = placed.part->integrand;
        const auto sample = [&](Tape& to) { return [&](std::uint32_t k) { return to.sample(placed.samples[k]); }; };
        TapeCopy on_left(
            integrand.tape, result.left.tape,
            [&](std::uint32_t k) { return result.left.tape.gaussian(index(result.left_places, placed.left[k])); },
            sample(result.left.tape));
        TapeCopy on_right(
            integrand.tape, result.right.tape,
            [&](std::uint32_t k) {
                return result.right.tape.gaussian(index(result.right_places, placed.right[k - integrand.left_gaussians]));
            },
            sample(result.right.tape));
        const NodeId left = on_left(integrand.left);
        const NodeId right = on_right(integrand.right);
        result.products.emplace_back(place_of(result.left.values, left), place_of(result.right.values, right));
    }
    finish(result.left);
    finish(result.right);
    result.left_denominators = denominators(result.left.tape, all_outputs(result.left), result.left.gaussians);
    result.right_denominators = denominators(result.right.tape, all_outputs(result.right), result.right.gaussians);
    return result;
}

namespace {

void require_integrable(const Shared& shared, const Eigen::VectorXd& mean, const Eigen::MatrixXd& root,
                        const Eigen::MatrixXd& linked, const std::vector<double>& samples) {
    if (shared.left_denominators.together.empty() && shared.right_denominators.together.empty())
        return;
    std::vector<Products> integrands;
    for (const auto& [i, j] : shared.products) {
        integrands.push_back({{{1, shared.left.values[i], shared.right.values[j]}}});
        if (linked.size() > 0)
            integrands.push_back(weighted(linked, shared.left.gradients[i], shared.right.gradients[j]));
    }
    require_integrable({&shared.left.tape, &shared.left_denominators, 0},
                       {&shared.right.tape, &shared.right_denominators, shared.left.gaussians}, integrands, mean, root,
                       samples);
}

} // namespace

SharedExpectations estimate(const Shared& shared, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                            const Eigen::MatrixXd& linked, const std::vector<double>& samples, const Sampling& sampling) {
    const Eigen::Index l = shared.left.gaussians;
    const Eigen::Index r = shared.right.gaussians;
    Eigen::MatrixXd root = principal_root(covariance);
    if (sampling.one_sample)
        for (const auto& [i, j] : shared.products)
            require_existence({{&shared.left.tape, shared.left.values[i], 0},
                               {&shared.right.tape, shared.right.values[j], shared.left.gaussians}},
                              mean, root, samples);
    if (sampling.first_run)
        require_integrable(shared, mean, root, linked, samples);
    root *= sampling.has_frame() ? rotation_to(root, *sampling.frame) : by_effect(shared, mean, root, samples);
    if (sampling.frame != nullptr && !sampling.has_frame())
        *sampling.frame = root;
    if (sampling.sampled != nullptr && root.cols() > 0)
        *sampling.sampled = true;
    const Points left{mean.head(l), root.topRows(l), samples, sampling.log2_points, sampling.replicate};
    const Points right{mean.tail(r), root.bottomRows(r), samples, sampling.log2_points, sampling.replicate};
    if (const double allowed = rounding_allowed(sampling); allowed > 0)
        if (auto result = estimate_in<float>(shared, left, right, linked, allowed))
            return *std::move(result);
    return *estimate_in<double>(shared, left, right, linked, 0);
}

} // namespace tpc::joint
