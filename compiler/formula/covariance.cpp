#include "compiler/formula/build.hpp"

namespace tpc::formula {

using namespace ir;
using Kind = Formula::Kind;

namespace {

Formula term_C(Build& build, const limit::Equation& equation, const limit::PairTerm& term, const Instance& instance,
               bool self) {
    std::vector<Formula> list{without_roots(build.table(), coefficients(build, equation, term, instance, self))};
    switch (term.kind) {
    case limit::PairTerm::Kind::matmul:
    case limit::PairTerm::Kind::read:
        if (term.kind == limit::PairTerm::Kind::matmul)
            list.push_back(scale_of(build, term, instance, false));
        list.push_back(covariance(Quantity::C, with(instance.values, *term.left), with(instance.values, *term.right), self));
        break;
    case limit::PairTerm::Kind::input:
        list.push_back(scale_of(build, term, instance, false));
        list.push_back(inner(build, equation, term, instance, self));
        break;
    case limit::PairTerm::Kind::parameter:
        list.push_back(scale_of(build, term, instance, false));
        break;
    case limit::PairTerm::Kind::means:
        if (term.left)
            list.push_back(mean(with(instance.values, *term.left), false));
        if (term.right)
            list.push_back(mean(with(instance.values, *term.right), !self));
        break;
    }
    return sum(build.result.program, over_of(term, instance), {}, product(list));
}

} // namespace

Formula expectation(Quantity quantity, const limit::GroupRead& group, const Instance& instance, bool self) {
    Formula f;
    f.kind = Kind::expectation;
    f.quantity = quantity;
    f.one_sample = self;
    for (const limit::Element& element : group.left)
        f.lefts.push_back(with(instance.values, element));
    for (const limit::Element& element : group.right)
        f.rights.push_back(with(instance.values, element));
    return f;
}

Formula group_C(const limit::GroupRead& group, const Instance& instance, bool self) {
    const auto at = [&](const limit::Element& element) { return with(instance.values, element); };
    if (group.joint)
        return expectation(Quantity::C, group, instance, self);
    if (group.is_cross())
        return covariance(Quantity::C, at(group.left[0]), at(group.right[0]), self);
    const bool right = group.left.empty();
    const std::vector<limit::Element>& side = right ? group.right : group.left;
    if (side.size() == 2)
        return covariance(Quantity::C, at(side[0]), at(side[1]), true, right && !self);
    return mean(at(side[0]), right && !self);
}

Formula value_C(Build& build, const limit::Equation& equation, const Instance& instance, bool self) {
    std::vector<Formula> parts;
    switch (equation.rule) {
    case limit::Rule::linear:
        for (const limit::PairTerm& term : equation.terms)
            parts.push_back(term_C(build, equation, term, instance, self));
        return add(build.table(), parts);
    case limit::Rule::dual:
        return dual(build, equation, instance, false, self);
    case limit::Rule::product:
        for (const limit::GroupRead& group : equation.groups)
            parts.push_back(group_C(group, instance, self));
        return product(parts);
    }
    return {};
}

} // namespace tpc::formula
