#include "runtime/execute/near.hpp"

#include "runtime/gaussian/univariate.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace tpc::execute {
namespace {

bool kinked(const plan::Plan& plan, ir::ExprId function) {
    const auto known = gaussian::analyse({&plan.recursions.network.program.exprs, function}, nullptr);
    return !known || !known->smooth;
}

bool homogeneous(const plan::Plan& plan, ir::ExprId function) {
    const auto known = gaussian::analyse({&plan.recursions.network.program.exprs, function}, nullptr);
    const auto scales = [&](double z) {
        const double value = (*known->value)(z);
        return std::abs((*known->value)(2 * z) - 2 * value) <= 1e-12 * std::abs(value);
    };
    return known && std::ranges::all_of(std::array{-3.0, -0.7, -0.1, 0.1, 0.7, 3.0}, scales);
}

std::vector<std::vector<double>> inverse_lengths(const SampleSet& set) {
    std::vector<std::vector<double>> result;
    for (std::size_t k = 0; k < set.inputs.size(); ++k) {
        std::vector<double>& own = result.emplace_back();
        for (std::size_t s = 0; s < set.samples; ++s) {
            const auto [x, size] = vector_of(set, k, s);
            const double square = std::inner_product(x, x + size, x, 0.0);
            own.push_back(square > 0 ? 1 / std::sqrt(square) : 0);
        }
    }
    return result;
}

// A step that visits all of `size` places from here and there.
std::size_t stride_of(std::size_t size) {
    std::size_t stride = size * 5 / 8 + 1;
    while (std::gcd(stride, size) > 1)
        ++stride;
    return stride % size;
}

// |a x -+ b y| <= distance for one of the signs. Most are known to be larger after a few numbers, if not after the first
// ones: many samples begin with zeros.
bool near(const double* x, const double* y, std::size_t size, std::size_t stride, double a, double b, double distance) {
    const double bound = distance * distance;
    double minus = 0, plus = 0;
    for (std::size_t n = 0, at = 0; n < size && std::min(minus, plus) <= bound; ++n) {
        const double u = a * x[at], v = b * y[at];
        minus += (u - v) * (u - v);
        plus += (u + v) * (u + v);
        at += stride;
        at -= at >= size ? size : 0;
    }
    return std::min(minus, plus) <= bound;
}

} // namespace

bool loses_angles(const plan::Plan& plan) {
    const std::vector<plan::PairOp>& ops = plan.cross.ops;
    const auto loses = [&](const plan::PairOp& op) {
        const bool sums = op.rule == limit::Rule::linear && !op.gap_linear && !op.terms.empty();
        return (sums || op.rule == limit::Rule::product) && !op.output && op.left_statement == op.right_statement &&
               !plan.cross.arrays[op.array].value;
    };
    const auto bends = [&](const plan::PairOp& op) {
        return op.rule == limit::Rule::dual && op.tangent && op.left_function && kinked(plan, *op.left_function);
    };
    return plan.same_sizes && std::ranges::any_of(ops, loses) && std::ranges::any_of(ops, bends);
}

bool takes_apart(const plan::Plan& plan) {
    return plan.same_sizes && std::ranges::any_of(plan.cross.ops, [&](const plan::PairOp& op) {
               return op.rule == limit::Rule::dual && op.left_function && !homogeneous(plan, *op.left_function);
           });
}

Vector vector_of(const SampleSet& set, std::size_t input, std::size_t sample) {
    const std::vector<double>& values = set.inputs[input].values;
    const std::size_t size = values.size() / set.samples;
    return {values.data() + sample * size, size};
}

NearSamples::NearSamples(const SampleSet& left, const SampleSet& right, double distance)
    : left_(left), right_(right), distance_(distance), left_inverse_(inverse_lengths(left)),
      right_inverse_(&left == &right ? left_inverse_ : inverse_lengths(right)) {
    for (const Input& input : left.inputs)
        strides_.push_back(
            stride_of(std::max<std::size_t>(input.values.size() / std::max<std::size_t>(left.samples, 1), 1)));
}

std::vector<SamplePair> NearSamples::operator()(const Span& rows, const Span& columns, bool later) const {
    std::vector<SamplePair> result;
    for (std::size_t i = rows.first; i < rows.end(); ++i)
        for (std::size_t j = later ? std::max(columns.first, i + 1) : columns.first; j < columns.end(); ++j) {
            bool all = true, equal = true;
            for (std::size_t k = 0; all && k < left_.inputs.size(); ++k) {
                const auto [x, size] = vector_of(left_, k, i);
                const double* const y = vector_of(right_, k, j).data;
                const double a = left_inverse_[k][i], b = right_inverse_[k][j];
                const auto same = [&, x = x, size = size] { return std::equal(x, x + size, y); };
                all = a > 0 && b > 0 ? near(x, y, size, strides_[k], a, b, distance_) : same();
                equal = equal && all && same();
            }
            if (all && !equal)
                result.emplace_back(i, j);
        }
    return result;
}

} // namespace tpc::execute
