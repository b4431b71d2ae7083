#include "runtime/joint/shared.hpp"

#include "runtime/joint/elementwise.hpp"
#include "runtime/joint/root.hpp"

#include <algorithm>
#include <map>

namespace tpc::joint {
namespace {

constexpr std::size_t block = 128; // points at once

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

double dot(const double* a, const double* b, std::size_t count) {
    using Row = Eigen::Map<const Eigen::VectorXd>;
    const auto n = static_cast<Eigen::Index>(count);
    return Row(a, n).dot(Row(b, n));
}

} // namespace

Shared share(const std::vector<Placed>& parts, bool slopes) {
    Shared result;
    result.left_places = occurring(parts, &Placed::left);
    result.right_places = occurring(parts, &Placed::right);
    Several& several = result.several;
    several.left_gaussians = static_cast<std::uint32_t>(result.left_places.size());
    several.right_gaussians = static_cast<std::uint32_t>(result.right_places.size());
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
        const NodeId left = copy(integrand.tape, integrand.left, of_left, placed.samples, several.left_tape, left_done);
        const NodeId right = copy(integrand.tape, integrand.right, of_right, placed.samples, several.right_tape, right_done);
        result.products.emplace_back(place_of(result.left, left), place_of(several.right, right));
    }
    several.left = result.left[0];
    if (!slopes)
        return result;
    if (result.left.size() == 1) {
        finish(several);
        return result;
    }
    for (const NodeId id : result.left)
        result.left_gradient.push_back(several.left_tape.gradient(id, several.left_gaussians));
    for (const NodeId id : several.right)
        result.right_gradient.push_back(several.right_tape.gradient(id, several.right_gaussians));
    return result;
}

SeveralExpectations estimate(const Shared& shared, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                             const Eigen::MatrixXd& linked, const std::vector<double>& samples, const Sampling& sampling) {
    const Several& several = shared.several;
    const bool tangents = linked.size() > 0;
    SeveralExpectations result;
    if (shared.left.size() == 1) {
        const SeveralExpectations all = estimate(several, mean, covariance, linked, samples, sampling);
        for (const auto& [left, right] : shared.products) {
            result.values.push_back(all.values[right]);
            if (tangents)
                result.tangents.push_back(all.tangents[right]);
        }
        return result;
    }
    const Eigen::MatrixXd root = principal_root(covariance);
    if (sampling.sampled != nullptr && root.cols() > 0)
        *sampling.sampled = true;
    const auto points = normal_points(static_cast<std::size_t>(root.cols()), sampling.log2_points, sampling.replicate);
    const std::size_t count = root.cols() == 0 ? 1 : std::size_t{1} << sampling.log2_points;
    const PointMap map(mean, root);

    std::vector<NodeId> left = shared.left, right = several.right;
    for (const auto& gradient : shared.left_gradient)
        left.insert(left.end(), gradient.begin(), gradient.end());
    for (const auto& gradient : shared.right_gradient)
        right.insert(right.end(), gradient.begin(), gradient.end());
    TapeRun on_left(several.left_tape, left, block, samples.data());
    TapeRun on_right(several.right_tape, right, block, samples.data());

    const std::size_t l = several.left_gaussians, r = several.right_gaussians;
    std::vector<double> values((l + r) * block, 0);
    std::vector<double> directions(shared.left.size() * r * block, 0); // sum over k of linked(k, y) d left_i / d x_k
    std::vector<bool> directed(shared.left.size() * r, false);
    result.values.assign(shared.products.size(), 0);
    result.tangents.assign(tangents ? shared.products.size() : 0, 0);
    for (std::size_t first = 0; first < count; first += block) {
        const std::size_t size = std::min(block, count - first);
        map(points, first, size, values.data(), block);
        on_left.evaluate(values.data(), block, size);
        on_right.evaluate(values.data() + l * block, block, size);
        for (std::size_t p = 0; p < shared.products.size(); ++p)
            result.values[p] += dot(on_left.row(shared.left[shared.products[p].first]),
                                    on_right.row(several.right[shared.products[p].second]), size);
        if (!tangents)
            continue;
        for (std::size_t i = 0; i < shared.left.size(); ++i)
            for (std::size_t y = 0; y < r; ++y)
                directed[i * r + y] =
                    along_links(linked, static_cast<Eigen::Index>(y), several.left_tape, shared.left_gradient[i], on_left,
                                size, directions.data() + (i * r + y) * block);
        for (std::size_t p = 0; p < shared.products.size(); ++p) {
            const auto [i, j] = shared.products[p];
            for (std::size_t y = 0; y < r; ++y)
                if (directed[i * r + y] && !several.right_tape.is_number(shared.right_gradient[j][y], 0))
                    result.tangents[p] +=
                        dot(directions.data() + (i * r + y) * block, on_right.row(shared.right_gradient[j][y]), size);
        }
    }
    for (std::vector<double>* sums : {&result.values, &result.tangents})
        for (double& sum : *sums)
            sum /= static_cast<double>(count);
    return result;
}

} // namespace tpc::joint
