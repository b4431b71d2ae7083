// Dual kernels.
#include "compiler/plan/walk.hpp"
#include "runtime/gaussian/correlation.hpp"
#include "runtime/pairs/pair.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::execute {

// The law of the Gaussians that a dual operation reads.
template <class Real>
void PairMachine<Real>::law(const plan::PairOp& op, const Located& read, gaussian::Gaussians<Real>& g) {
    g.count = count_;
    g.variance_a = left_.at(left_.state->second_of(op.entry.left.family, read.left_element));
    g.variance_b = right_.at(right_.state->second_of(op.entry.right.family, read.right_element));
    const Real* mean_a = left_.state->mean_of(op.entry.left.family, read.left_element);
    const Real* mean_b = right_.state->mean_of(op.entry.right.family, read.right_element);
    if (read.stored) {
        g.minus = {store_.minus + store_.at(read.entry), 1};
        g.plus = {store_.plus + store_.at(read.entry), 1};
    } else {
        for (std::size_t i = 0; i < count_; ++i)
            c_[i] = 2 * gaussian::root_product(g.variance_a[i], g.variance_b[i]);
        g.minus = g.plus = {c_.data(), 1};
    }
    if (mean_a == nullptr && mean_b == nullptr)
        return;
    g.mean_a = mean_a ? left_.at(mean_a) : Lanes<Real>{zero_.data(), 1};
    g.mean_b = mean_b ? right_.at(mean_b) : Lanes<Real>{zero_.data(), 1};
}

template <class Real>
void PairMachine<Real>::dual(const plan::PairOp& op, std::uint32_t index, bool diagonal, bool tangent, std::size_t entry) {
    const Located read = locate_entry(op.entry);
    if (!read.left || !read.right)
        throw MethodError("a nonlinearity of an element outside its family");
    gaussian::Gaussians<Real> g;
    law(op, read, g);
    if (diagonal) {
        for (std::size_t i = 0; i < count_; ++i)
            d_[i] = 4 * g.variance_a[i];
        g.minus = {zero_.data(), 1};
        g.plus = {d_.data(), 1};
    }
    const gaussian::Dual<Real>* method = nullptr;
    typename gaussian::Dual<Real>::Features left{};
    typename gaussian::Dual<Real>::Features right{};
    if (features_ != nullptr) {
        const DualFeatures<Real>& prepared = (*features_)[index];
        method = prepared.dual;
        if (const std::size_t k = method->features()) {
            const auto at = [&](const std::vector<Real>& array, const Side<Real>& side, std::uint32_t family,
                                const plan::Indices& element) {
                const std::size_t e = offset_in(side.state->plan->boxes[family], element);
                return typename gaussian::Dual<Real>::Features{side.at(array.data() + e * k * side.state->samples),
                                                               side.state->samples};
            };
            left = at(*prepared.left, left_, op.entry.left.family, read.left_element);
            right = at(*prepared.right, right_, op.entry.right.family, read.right_element);
        }
    } else { // self part: the regime is that of the lanes at hand
        double variance = 0;
        double mean = 0;
        for (std::size_t i = 0; i < count_; ++i) {
            variance = std::max({variance, static_cast<double>(g.variance_a[i]), static_cast<double>(g.variance_b[i])});
            if (g.mean_a.data != nullptr)
                mean =
                    std::max({mean, std::abs(static_cast<double>(g.mean_a[i])), std::abs(static_cast<double>(g.mean_b[i]))});
            if (!std::isfinite(static_cast<double>(g.variance_a[i])))
                variance = static_cast<double>(g.variance_a[i]);
        }
        method = &duals_.find(op.left_function, op.right_function, variance, mean);
        if (const std::size_t k = method->features()) {
            const bool alike = diagonal && op.left_function == op.right_function;
            features_left_.resize(k * count_);
            const auto dense = [&](const Lanes<Real>& lanes, std::vector<Real>& row) -> const Real* {
                if (lanes.data == nullptr || lanes.stride == 1)
                    return lanes.data;
                row.assign(count_, lanes[0]);
                return row.data();
            };
            std::vector<Real> row1, row2, row3, row4;
            method->prepare(0, count_, dense(g.variance_a, row1), dense(g.mean_a, row2), features_left_.data(), count_);
            if (!alike) {
                features_right_.resize(k * count_);
                method->prepare(1, count_, dense(g.variance_b, row3), dense(g.mean_b, row4), features_right_.data(), count_);
            }
            left = {{features_left_.data(), 1}, count_};
            right = {{alike ? features_left_.data() : features_right_.data(), 1}, count_};
        }
    }
    const std::size_t at = store_.at(entry);
    gaussian::DualResult<Real> result{nullptr, store_.minus + at, store_.plus + at, tangent ? slope_.data() : nullptr};
    method->evaluate(g, left, right, result);
    if (!tangent)
        return;
    if (!read.stored) {
        std::fill(store_.tangent + at, store_.tangent + at + count_, Real(0));
        return;
    }
    const Real* inner = store_.tangent + store_.at(read.entry);
    for (std::size_t i = 0; i < count_; ++i)
        store_.tangent[at + i] = inner[i] * slope_[i];
}

template void PairMachine<double>::dual(const plan::PairOp&, std::uint32_t, bool, bool, std::size_t);
template void PairMachine<float>::dual(const plan::PairOp&, std::uint32_t, bool, bool, std::size_t);

} // namespace tpc::execute
