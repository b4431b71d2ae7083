#include "runtime/joint/shared.hpp"

#include "runtime/joint/elementwise.hpp"
#include "runtime/joint/growth.hpp"
#include "runtime/joint/root.hpp"

#include <Eigen/SVD>

#include <algorithm>
#include <cmath>
#include <map>

namespace tpc::joint {
namespace {

// A function of one tape in another, with other Gaussians and numbers.
NodeId copy(const Tape& from, NodeId id, const std::map<std::uint32_t, std::uint32_t>& gaussians,
            const std::vector<std::uint32_t>& samples, Tape& to, std::map<NodeId, NodeId>& done) {
    if (const auto found = done.find(id); found != done.end())
        return found->second;
    const TapeNode node = from.nodes()[id];
    const auto again = [&](NodeId argument) { return copy(from, argument, gaussians, samples, to, done); };
    NodeId result = 0;
    switch (node.kind) {
    case TapeNode::Kind::number:
        result = to.number(node.number);
        break;
    case TapeNode::Kind::sample:
        result = to.sample(samples[node.index]);
        break;
    case TapeNode::Kind::gaussian:
        result = to.gaussian(gaussians.at(node.index));
        break;
    case TapeNode::Kind::apply:
        if (ir::is_binary(node.function)) {
            const NodeId a = again(node.a);
            result = to.apply(node.function, a, again(node.b));
        } else {
            result = to.apply(node.function, again(node.a));
        }
        break;
    }
    done[id] = result;
    return result;
}

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

// Left Gaussians of the points of the right ones: mean + root (coordinates of the right ones, then more).
Points given_right(const Shared& shared, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                   const std::vector<double>& samples, const RightSide& right) {
    const Eigen::Index l = shared.left.gaussians;
    const Eigen::Index r = shared.right.gaussians;
    Points points{mean.head(l), {}, samples, right.points.log2_count, right.points.replicate};
    const Eigen::MatrixXd own = principal_root(covariance.topLeftCorner(l, l));
    const auto inverse = [](const Eigen::MatrixXd& root) { // of orthogonal columns
        return Eigen::MatrixXd(root.colwise().squaredNorm().cwiseInverse().asDiagonal() * root.transpose());
    };
    Eigen::MatrixXd before = Eigen::MatrixXd::Zero(l, right.principal.cols());
    Eigen::MatrixXd rest = own;
    if (own.cols() > 0 && right.principal.cols() > 0) {
        // Canonical correlations above 1 are rounding, or noise of sampled covariances.
        const Eigen::MatrixXd between =
            inverse(own) * covariance.topRightCorner(l, r) * inverse(right.principal).transpose();
        const Eigen::JacobiSVD<Eigen::MatrixXd> svd(between, Eigen::ComputeFullU | Eigen::ComputeThinV);
        const Eigen::ArrayXd s = svd.singularValues().array().min(1);
        const Eigen::MatrixXd turned = own * svd.matrixU();
        before = turned.leftCols(s.size()) * s.matrix().asDiagonal() * svd.matrixV().transpose() * right.rotation;
        rest = turned;
        rest.leftCols(s.size()) *= ((1 - s) * (1 + s)).sqrt().matrix().asDiagonal();
        rest = principal_root(rest * rest.transpose());
    }
    rest *= by_effect(shared.left, points.mean, before, rest, samples);
    points.root.resize(l, before.cols() + rest.cols());
    points.root << before, rest;
    return points;
}

struct Direction {
    std::size_t left = 0, gaussian = 0; // of left function i, to right Gaussian y
    std::vector<double> weights;
    std::vector<std::size_t> rows;
};

// Nothing where single precision will not do.
template <class Real>
std::optional<SharedExpectations> estimate_in(const Shared& shared, const Points& left_points, const RightSide& side,
                                              const Eigen::MatrixXd& linked, double allowed) {
    constexpr std::size_t block = Rows<Real>::block;
    const bool tangents = linked.size() > 0;
    Rows<Real> left(shared.left, left_points, tangents);
    if (!left.precise(allowed))
        return std::nullopt;
    Rows<Real> right(shared.right, side.points, tangents);
    const std::vector<Real>& kept = side.kept<Real>();

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
    std::vector<Real> on_left(left.rows() * block), on_right(kept.empty() ? right.rows() * block : 0);
    std::vector<Real> along(directions.size() * block);
    std::vector<const Real*> rows;
    const std::size_t count = left_points.count();
    for (std::size_t first = 0; first < count; first += block) {
        const std::size_t size = std::min(block, count - first);
        left(first, on_left.data());
        if (kept.empty())
            right(first, on_right.data());
        const Real* here = kept.empty() ? on_right.data() : kept.data() + first * right.rows();
        for (std::size_t p = 0; p < shared.products.size(); ++p) {
            const auto [i, j] = shared.products[p];
            result.values[p] += dot(on_left.data() + left.value(i) * block, here + right.value(j) * block, size);
        }
        for (std::size_t d = 0; d < directions.size(); ++d) {
            rows.clear();
            for (const std::size_t row : directions[d].rows)
                rows.push_back(on_left.data() + row * block);
            combine(0, directions[d].weights.data(), rows.data(), rows.size(), along.data() + d * block, block);
        }
        for (const Term& term : terms)
            result.tangents[term.product] += dot(along.data() + term.direction * block, here + term.row * block, size);
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
        std::map<std::uint32_t, std::uint32_t> of_left, of_right;
        for (std::uint32_t k = 0; k < placed.left.size(); ++k)
            of_left[k] = index(result.left_places, placed.left[k]);
        for (std::uint32_t k = 0; k < placed.right.size(); ++k)
            of_right[integrand.left_gaussians + k] = index(result.right_places, placed.right[k]);
        std::map<NodeId, NodeId> left_done, right_done;
        const NodeId left = copy(integrand.tape, integrand.left, of_left, placed.samples, result.left.tape, left_done);
        const NodeId right = copy(integrand.tape, integrand.right, of_right, placed.samples, result.right.tape, right_done);
        result.products.emplace_back(place_of(result.left.values, left), place_of(result.right.values, right));
    }
    finish(result.left);
    finish(result.right);
    return result;
}

SharedExpectations estimate(const Shared& shared, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                            const Eigen::MatrixXd& linked, const std::vector<double>& samples, const Sampling& sampling,
                            RightSides& sides) {
    const Eigen::Index r = shared.right.gaussians;
    const auto side =
        sides.find(shared.right, mean.tail(r), covariance.bottomRightCorner(r, r), samples, sampling, linked.size() > 0);
    if (sampling.one_sample) {
        const Eigen::MatrixXd root = principal_root(covariance);
        for (const auto& [i, j] : shared.products)
            require_existence({{&shared.left.tape, shared.left.values[i], 0},
                               {&shared.right.tape, shared.right.values[j], shared.left.gaussians}},
                              mean, root, samples);
    }
    const Points left = given_right(shared, mean, covariance, samples, *side);
    if (sampling.sampled != nullptr && left.root.cols() > 0)
        *sampling.sampled = true;
    if (side->single)
        if (auto result = estimate_in<float>(shared, left, *side, linked, rounding_allowed(sampling)))
            return *std::move(result);
    return *estimate_in<double>(shared, left, *side, linked, 0);
}

} // namespace tpc::joint
