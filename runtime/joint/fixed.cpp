// Gaussians that are 0 under a law.
#include "runtime/joint/solve.hpp"
#include "runtime/tapes/copy.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::joint {
namespace {

std::vector<bool> occurring(const Integrand& integrand) {
    const std::vector<TapeNode>& nodes = integrand.tape.nodes();
    std::vector<bool> reached(nodes.size(), false), result(integrand.left_gaussians + integrand.right_gaussians, false);
    reached[integrand.left] = reached[integrand.right] = true;
    for (std::size_t k = nodes.size(); k-- > 0;) {
        if (!reached[k])
            continue;
        if (nodes[k].kind == TapeNode::Kind::apply)
            reached[nodes[k].a] = reached[nodes[k].b] = true;
        else if (nodes[k].kind == TapeNode::Kind::gaussian)
            result[nodes[k].index] = true;
    }
    return result;
}

// E[left right], nodes of `tape`, with zeros put in; Gaussians keep their places. Nothing where a number becomes infinite:
// that is for those to report that evaluate it.
std::optional<Integrand> with_zeros(const Tape& tape, NodeId left, NodeId right, const Integrand& whole,
                                    const std::vector<std::uint32_t>& zeros) {
    Integrand result;
    result.left_gaussians = whole.left_gaussians;
    result.right_gaussians = whole.right_gaussians;
    TapeCopy copy(tape, result.tape, [&](std::uint32_t index) {
        return std::ranges::binary_search(zeros, index) ? result.tape.number(0) : result.tape.gaussian(index);
    });
    result.left = copy(left);
    result.right = copy(right);
    const auto finite = [](const TapeNode& node) {
        return node.kind != TapeNode::Kind::number || std::isfinite(node.number);
    };
    return std::ranges::all_of(result.tape.nodes(), finite) ? std::optional(std::move(result)) : std::nullopt;
}

} // namespace

Solver::Solver(Integrand whole, bool slopes) : whole_(std::move(whole)), slopes_(slopes), occurs_(occurring(whole_)) {}

const Solver::Fixed* Solver::fixed(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance) const {
    Zeros zeros;
    for (std::uint32_t k = 0; k < occurs_.size(); ++k)
        if (occurs_[k] && covariance(k, k) == 0 && mean(k) == 0)
            zeros.push_back(k);
    if (zeros.empty())
        return nullptr;
    const std::lock_guard lock(mutex_);
    std::unique_ptr<Fixed>& place = fixed_[zeros];
    if (!place) {
        place = std::make_unique<Fixed>();
        if (auto integrand = with_zeros(whole_.tape, whole_.left, whole_.right, whole_, zeros))
            place->solver = std::make_unique<Solver>(std::move(*integrand), slopes_);
        place->zeros = std::move(zeros);
    }
    return place->solver ? place.get() : nullptr;
}

std::optional<Eigen::MatrixXd> Solver::slopes_of_fixed(const Fixed& fixed, const Eigen::VectorXd& mean,
                                                       const Eigen::MatrixXd& covariance, const Eigen::MatrixXd& linked,
                                                       const std::vector<double>& samples, const Sampling& sampling,
                                                       bool may_sample) const {
    Eigen::MatrixXd result = Eigen::MatrixXd::Zero(linked.rows(), linked.cols());
    if (!slopes_)
        return result;
    const auto is_zero = [&](std::uint32_t k) { return std::ranges::binary_search(fixed.zeros, k); };
    const std::uint32_t lefts = whole_.left_gaussians;
    for (std::uint32_t a = 0; a < lefts; ++a)
        for (std::uint32_t b = 0; b < whole_.right_gaussians; ++b) {
            if (linked(a, b) == 0 || !occurs_[a] || !occurs_[lefts + b] || (!is_zero(a) && !is_zero(lefts + b)))
                continue;
            const Solver* slope = nullptr;
            {
                const std::lock_guard lock(fixed.mutex);
                auto& known = fixed.slopes[{a, b}];
                if (!known) {
                    Tape tape = whole_.tape;
                    const NodeId left = tape.gradient(whole_.left, lefts)[a];
                    const NodeId right = tape.gradient(whole_.right, lefts + whole_.right_gaussians)[lefts + b];
                    if (auto integrand = with_zeros(tape, left, right, whole_, fixed.zeros))
                        known = std::make_unique<Solver>(std::move(*integrand), false);
                }
                slope = known.get();
            }
            if (slope == nullptr)
                return std::nullopt;
            const auto value = slope->solve(mean, covariance, Eigen::MatrixXd::Zero(linked.rows(), linked.cols()), samples,
                                            sampling, may_sample);
            if (!value)
                return std::nullopt;
            result(a, b) = value->value;
        }
    return result;
}

} // namespace tpc::joint
