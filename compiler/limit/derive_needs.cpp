#include "compiler/limit/derivation.hpp"

namespace tpc::limit {

using namespace ir;
using passes::Set;

namespace {

// Moments, means and scalars inside a coefficient.
void need_scalar(Derivation& derivation, ExprId e, const Domain& domain, const std::vector<Range>& sums) {
    const Node node = derivation.program().exprs[e];
    if (node.op == Op::moment) {
        const Node a = derivation.program().exprs[node.children[0]];
        const Node b = derivation.program().exprs[node.children[1]];
        if (a.op == Op::read && b.op == Op::read)
            demand_moment(derivation, {a.target, a.access}, {b.target, b.access}, domain, sums);
        for (const Node& side : {a, b})
            if (side.op == Op::read && (a.op != Op::read || b.op != Op::read))
                need_mean(derivation, side.target);
        return;
    }
    if (node.op == Op::mean) {
        const Node a = derivation.program().exprs[node.children[0]];
        if (a.op == Op::read) {
            need_family(derivation, a.target);
            need_mean(derivation, a.target);
        }
        return;
    }
    if (node.op == Op::read)
        need_family(derivation, node.target);
    std::vector<Range> inner = sums;
    inner.insert(inner.end(), node.ranges.begin(), node.ranges.end());
    for (const ExprId child : node.children)
        need_scalar(derivation, child, domain, inner);
}

} // namespace

// Everything an element needs of its own sample, once its statement is involved at all.
void touch(Derivation& derivation, std::size_t unit) {
    if (derivation.touched[unit])
        return;
    derivation.touched[unit] = true;
    const Unit& own = derivation.units[unit];
    if (own.form.kind == FormKind::general && !own.output) {
        derivation.diagnostics.report(source::Id::function_of_several, own.span, derivation.describe(unit));
        derivation.refused = true;
        return;
    }
    if (own.form.kind == FormKind::activation && !derivation.result.network.gaussian[own.form.reads[0].family]) {
        derivation.diagnostics.report(source::Id::function_of_non_gaussian, own.span, derivation.describe(unit));
        derivation.refused = true;
        return;
    }
    const bool number = own.form.kind == FormKind::scalar || own.form.kind == FormKind::finite;
    if (!own.output && !number) // second moments: variances of Gaussians, and gaps
        demand(derivation, {true, unit, unit}, diagonal(derivation, unit));
    for (const LinearTerm& term : own.form.terms)
        need_scalar(derivation, term.coefficient, own.domain, term.ranges);
    if (number)
        need_scalar(derivation, derivation.program().statements[unit].value, own.domain, {});
}

void need_family(Derivation& derivation, std::uint32_t family) {
    if (derivation.family_touched[family])
        return;
    derivation.family_touched[family] = true;
    for (const std::size_t p : derivation.statements_of[family])
        touch(derivation, p);
}

void need_mean(Derivation& derivation, std::uint32_t family) {
    for (const std::size_t p : derivation.statements_of[family]) {
        if (derivation.result.mean_needed[p])
            continue;
        derivation.result.mean_needed[p] = true;
        touch(derivation, p);
        const Form& form = derivation.units[p].form;
        for (const LinearTerm& term : form.terms)
            if (term.base == Base::read && derivation.result.may_have_mean[term.operand])
                need_mean(derivation, term.operand);
        if (form.kind == FormKind::activation) {
            need_family(derivation, form.reads[0].family);
            if (derivation.result.may_have_mean[form.reads[0].family])
                need_mean(derivation, form.reads[0].family);
        }
        if (form.kind != FormKind::product)
            continue;
        for (const ElementRead& read : form.reads) {
            need_family(derivation, read.family);
            need_mean(derivation, read.family);
        }
        // E of a product of dependent factors: only pairs, as self covariances
        for (const auto& group : group_factors(derivation, {true, p, p}, form.reads, {}, diagonal(derivation, p)))
            if (group.size() == 2)
                demand_moment(derivation, form.reads[group[0]], form.reads[group[1]], derivation.units[p].domain, {});
    }
}

void demand_moment(Derivation& derivation, const ElementRead& left, const ElementRead& right, const Domain& domain,
                   const std::vector<Range>& sums) {
    need_family(derivation, left.family);
    need_family(derivation, right.family);
    const IndexSpace& space = derivation.space(true);
    Domain whole = domain;
    whole.ranges.insert(whole.ranges.end(), sums.begin(), sums.end());
    std::vector<Symbol> variables;
    for (const Range& range : whole.ranges)
        variables.push_back(range.index);
    std::vector<Condition> conditions;
    require(conditions, whole);
    demand_elements(derivation, true, left.family, right.family,
                    elements_of_one_sample(space, variables, space.set(variables, conditions), {left.family, left.access},
                                           false, {right.family, right.access}, true));
}

} // namespace tpc::limit
