#include "compiler/limit/formula_build.hpp"

namespace tpc::limit {

using namespace ir;
using Kind = Formula::Kind;

namespace {

Formula term_C(Build& build, const Equation& equation, const PairTerm& term, const Instance& instance, bool self) {
    std::vector<Formula> list{without_roots(build.table(), coefficients(build, equation, term, instance, self))};
    switch (term.kind) {
    case PairTerm::Kind::matmul:
    case PairTerm::Kind::read:
        if (term.kind == PairTerm::Kind::matmul)
            list.push_back(scale_of(build, term, instance, false));
        list.push_back(covariance(Quantity::C, with(instance.values, *term.left), with(instance.values, *term.right), self));
        break;
    case PairTerm::Kind::input:
        list.push_back(scale_of(build, term, instance, false));
        list.push_back(inner(build, equation, term, instance, self));
        break;
    case PairTerm::Kind::parameter:
        list.push_back(scale_of(build, term, instance, false));
        break;
    case PairTerm::Kind::means:
        if (term.left)
            list.push_back(mean(with(instance.values, *term.left), false));
        if (term.right)
            list.push_back(mean(with(instance.values, *term.right), !self));
        break;
    }
    return sum(build.result.program, over_of(term, instance), {}, product(list));
}

} // namespace

Formula group_C(const GroupRead& group, const Instance& instance, bool self) {
    const auto at = [&](const std::optional<Element>& element) { return with(instance.values, *element); };
    if (group.left && group.right)
        return covariance(Quantity::C, at(group.left), at(group.right), self);
    const bool right = !group.left;
    const auto& first = right ? group.right : group.left;
    const auto& second = right ? group.right2 : group.left2;
    if (second)
        return covariance(Quantity::C, at(first), at(second), true, right && !self);
    return mean(at(first), right && !self);
}

Formula value_C(Build& build, const Equation& equation, const Instance& instance, bool self) {
    std::vector<Formula> parts;
    switch (equation.rule) {
    case Rule::linear:
        for (const PairTerm& term : equation.terms)
            parts.push_back(term_C(build, equation, term, instance, self));
        return add(build.table(), parts);
    case Rule::dual:
        return dual(build, equation, instance, false, self);
    case Rule::product:
        for (const GroupRead& group : equation.groups)
            parts.push_back(group_C(group, instance, self));
        return product(parts);
    }
    return {};
}

} // namespace tpc::limit
