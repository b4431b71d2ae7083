// What the self part leaves of every sample, and the scalar expressions of a program evaluated for many samples at once.
#pragma once

#include "compiler/plan/address.hpp"
#include "runtime/samples/pages.hpp"
#include "runtime/samples/request.hpp"

#include <stdexcept>

namespace tpc::execute {

// An expectation that no method computes; becomes Outcome::error.
struct MethodError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// What is said where a second moment is infinite or no number.
inline constexpr const char* not_finite = "the kernel does not exist, or is beyond what numbers hold: a variance is not "
                                          "finite, because of a division by 0 (as in a "
                                          "layer norm of zeros) or of what grows from layer to layer";

// Where a function changes between one number and the next one, as they are about a mean far from 0.
template <class Real> [[noreturn]] void refuse_mean() {
    constexpr bool single = sizeof(Real) == 4;
    throw MethodError(
        std::string("a mean is so large beside the deviations from it that, where a function reads their sum, ") +
        (single ? "single" : "double") + " precision leaves them to rounding: subtract it before" +
        (single ? ", or compute with --dtype f64" : ""));
}

// Arrays by [element][sample]; `samples` is the length of the last dimension.
template <class Real> struct State {
    const plan::SelfPlan* plan = nullptr;
    const SampleSet* data = nullptr;
    std::size_t samples = 0;
    std::vector<Numbers<Real>> finite;       // by finite array: [element][coordinate][sample]
    std::vector<Numbers<Real>> coefficients; // by coefficient array
    std::vector<Numbers<Real>> scalars;      // by family
    std::vector<Numbers<Real>> means;        // by family: E[Z]
    std::vector<Numbers<Real>> second;       // by family: E[Z^2]
    std::vector<Numbers<Real>> norm;         // by family: sqrt(E[Z^2])
    Numbers<Real> minus, plus;               // by entry of the self part

    [[nodiscard]] const Real* second_of(std::uint32_t family, llvm::ArrayRef<std::int64_t> element) const {
        return second[family].data() + offset_in(plan->boxes[family], element) * samples;
    }
    [[nodiscard]] const Real* norm_of(std::uint32_t family, llvm::ArrayRef<std::int64_t> element) const {
        return norm[family].data() + offset_in(plan->boxes[family], element) * samples;
    }
    // Null: zero.
    [[nodiscard]] const Real* mean_of(std::uint32_t family, llvm::ArrayRef<std::int64_t> element) const {
        if (!means[family].empty())
            return means[family].data() + offset_in(plan->boxes[family], element) * samples;
        if (plan->recursions.may_have_mean[family])
            throw std::logic_error("a mean that nothing asked for");
        return nullptr;
    }
};

// Values of scalar expressions for samples [first, first + count).
template <class Real> class ScalarEvaluator {
  public:
    ScalarEvaluator(const State<Real>& state, std::size_t first, std::size_t count)
        : state_(state), first_(first), count_(count) {}
    [[nodiscard]] std::vector<Real> operator()(ir::ExprId e, std::int64_t* slots) const;
    // [coordinate][sample of the chunk]
    [[nodiscard]] std::vector<std::vector<Real>> finite(ir::ExprId e, std::int64_t* slots) const;

  private:
    const State<Real>& state_;
    std::size_t first_, count_;

    [[nodiscard]] std::int64_t affine(const ir::Affine& a, const std::int64_t* slots) const;
    [[nodiscard]] std::vector<Real> reduce(const ir::Node& node, std::int64_t* slots) const;
};

// A constant expression (numbers, axes, indices) at one instance; primed symbols are the right sample's.
double evaluate_constant(const limit::Recursions& recursions, const ir::Sizes& left, const ir::Sizes& right, ir::ExprId e,
                         const std::int64_t* slots);
// As a number where it depends on no index.
plan::Constant folded(const limit::Recursions& recursions, const ir::Sizes& left, const ir::Sizes& right, plan::Constant c);

} // namespace tpc::execute
