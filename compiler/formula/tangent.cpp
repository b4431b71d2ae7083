#include "compiler/formula/build.hpp"

namespace tpc::formula {

using namespace ir;
using Kind = Formula::Kind;

namespace {

// With `through`, the operands' own T as well; without it only what the parameters of this equation add.
Formula term_T(Build& build, const limit::Equation& equation, const limit::PairTerm& term, const Instance& instance,
               bool through) {
    std::vector<Formula> list{without_roots(build.table(), coefficients(build, equation, term, instance, false))};
    switch (term.kind) {
    case limit::PairTerm::Kind::matmul: {
        const limit::Element left = with(instance.values, *term.left);
        const limit::Element right = with(instance.values, *term.right);
        const Formula rate = scale_of(build, term, instance, true);
        const Formula scale = scale_of(build, term, instance, false);
        const Formula C = covariance(Quantity::C, left, right, false);
        const Formula T = covariance(Quantity::T, left, right, false);
        if (!through)
            list.push_back(product({rate, C}));
        else if (rate.kind == Kind::number && is_number(scale, rate.number))
            list.push_back(product({rate, add(build.table(), {C, T})}));
        else
            list.push_back(add(build.table(), {product({rate, C}), product({scale, T})}));
        break;
    }
    case limit::PairTerm::Kind::read:
        if (!through)
            return number(0);
        list.push_back(
            covariance(Quantity::T, with(instance.values, *term.left), with(instance.values, *term.right), false));
        break;
    case limit::PairTerm::Kind::input:
        list.push_back(scale_of(build, term, instance, true));
        list.push_back(inner(build, equation, term, instance, false));
        break;
    case limit::PairTerm::Kind::parameter:
        list.push_back(scale_of(build, term, instance, true));
        break;
    case limit::PairTerm::Kind::means:
        return number(0);
    }
    return sum(build.result.program, over_of(term, instance), {}, product(list));
}

} // namespace

// All but group k, where T passes through group k.
Formula other_groups(const limit::Equation& equation, std::size_t k, const Instance& instance) {
    std::vector<Formula> factors;
    for (std::size_t other = 0; other < equation.groups.size(); ++other)
        if (other != k)
            factors.push_back(group_C(equation.groups[other], instance, false));
    return product(factors);
}

Formula value_T(Build& build, const limit::Equation& equation, const Instance& instance, bool through) {
    std::vector<Formula> parts;
    switch (equation.rule) {
    case limit::Rule::linear:
        for (const limit::PairTerm& term : equation.terms)
            parts.push_back(term_T(build, equation, term, instance, through));
        break;
    case limit::Rule::dual: {
        if (!through)
            break;
        const Formula factor = dual(build, equation, instance, true, false);
        parts.push_back(product({covariance(Quantity::T, *factor.left, *factor.right, false), factor}));
        break;
    }
    case limit::Rule::product:
        for (std::size_t k = 0; k < equation.groups.size() && through; ++k) {
            const limit::GroupRead& group = equation.groups[k];
            if (group.is_cross())
                parts.push_back(product({covariance(Quantity::T, with(instance.values, group.left[0]),
                                                    with(instance.values, group.right[0]), false),
                                         other_groups(equation, k, instance)}));
            else if (group.joint && !group.left.empty() && !group.right.empty())
                parts.push_back(
                    product({expectation(Quantity::T, group, instance, false), other_groups(equation, k, instance)}));
        }
        break;
    }
    return add(build.table(), parts);
}

} // namespace tpc::formula
