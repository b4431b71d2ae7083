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
    if (node.op == Op::read && derivation.program().families[node.target].type != Type::vector)
        need_family(derivation, node.target);
    std::vector<Range> inner = sums;
    inner.insert(inner.end(), node.ranges.begin(), node.ranges.end());
    for (const ExprId child : node.children)
        need_scalar(derivation, child, domain, inner);
}

// The numbers that a statement is made with.
void need_numbers(Derivation& derivation, std::size_t unit) {
    if (derivation.numbered[unit])
        return;
    derivation.numbered[unit] = true;
    const Unit& own = derivation.units[unit];
    for (const network::LinearTerm& term : own.form.terms)
        need_scalar(derivation, term.coefficient, own.domain, term.ranges);
    if (own.form.kind == network::FormKind::scalar || own.form.kind == network::FormKind::finite ||
        own.form.kind == network::FormKind::general)
        need_scalar(derivation, derivation.program().statements[unit].value, own.domain, {});
}

} // namespace

// Everything an element needs of its own sample, once its statement is involved at all.
void touch(Derivation& derivation, std::size_t unit) {
    if (derivation.touched[unit])
        return;
    derivation.touched[unit] = true;
    const Unit& own = derivation.units[unit];
    const bool number = own.form.kind == network::FormKind::scalar || own.form.kind == network::FormKind::finite;
    if (!own.output && !number && derivation.result.second_needed[own.family])
        demand(derivation, {true, unit, unit}, diagonal(derivation, unit));
    need_numbers(derivation, unit);
}

void need_family(Derivation& derivation, std::uint32_t family) {
    if (derivation.family_touched[family])
        return;
    derivation.family_touched[family] = true;
    for (const std::size_t p : derivation.statements_of[family])
        touch(derivation, p);
}

void need_second(Derivation& derivation, std::uint32_t family) {
    if (derivation.result.second_needed[family])
        return;
    derivation.result.second_needed[family] = true;
    for (const std::size_t p : derivation.statements_of[family]) {
        if (derivation.touched[p])
            demand(derivation, {true, p, p}, diagonal(derivation, p));
        for (const network::LinearTerm& term : derivation.units[p].form.terms)
            if (term.reads_vector())
                need_second(derivation, term.operand);
    }
}

void need_mean(Derivation& derivation, std::uint32_t family) {
    for (const std::size_t p : derivation.statements_of[family]) {
        if (derivation.result.mean_needed[p])
            continue;
        derivation.result.mean_needed[p] = true;
        touch(derivation, p);
        const network::Form& form = derivation.units[p].form;
        for (const network::LinearTerm& term : form.terms)
            if (term.base == network::Base::read && derivation.result.may_have_mean[term.operand])
                need_mean(derivation, term.operand);
        if (form.kind == network::FormKind::product) {
            for (const network::ElementRead& read : form.reads) {
                need_family(derivation, read.family);
                need_mean(derivation, read.family);
            }
            const auto groups = group_factors(derivation, {true, p, p}, form.reads, {}, diagonal(derivation, p));
            if (groups.size() < form.reads.size()) { // dependent factors
                derivation.result.joint_mean[p] = true;
                demand_gaussians(derivation, derivation.units[p].domain, form.reads);
            }
        } else if (derivation.of_one_gaussian(derivation.units[p])) {
            if (form.kind != network::FormKind::activation)
                continue;
            need_family(derivation, form.reads[0].family);
            if (derivation.result.may_have_mean[form.reads[0].family])
                need_mean(derivation, form.reads[0].family);
        } else if (form.kind == network::FormKind::activation || form.kind == network::FormKind::general) {
            derivation.result.joint_mean[p] = true;
            demand_gaussians(derivation, derivation.units[p].domain, {itself(derivation.units[p])});
        }
    }
}

namespace {

// The pairs of elements of one sample that two reads touch at the points of a domain.
Set elements_of_domain(const Derivation& derivation, const network::ElementRead& left, const network::ElementRead& right,
                       const Domain& domain) {
    const IndexSpace& space = derivation.space(true);
    std::vector<Symbol> variables;
    for (const Range& range : domain.ranges)
        variables.push_back(range.index);
    std::vector<Condition> conditions;
    require(conditions, domain);
    return elements_of_one_sample(space, variables, space.set(variables, conditions), {left.family, left.access}, false,
                                  {right.family, right.access}, true);
}

} // namespace

void demand_moment(Derivation& derivation, const network::ElementRead& left, const network::ElementRead& right,
                   const Domain& domain, const std::vector<Range>& sums) {
    need_family(derivation, left.family);
    need_family(derivation, right.family);
    Domain whole = domain;
    whole.ranges.insert(whole.ranges.end(), sums.begin(), sums.end());
    demand_elements(derivation, true, left.family, right.family, elements_of_domain(derivation, left, right, whole));
}

namespace {

// The numbers in all that stands between the elements of a family and Gaussians: an expectation over those computes it, and
// second moments on the way, which may be infinite, count for nothing.
void need_functions(Derivation& derivation, std::uint32_t family) {
    if (derivation.unrolled[family] || derivation.result.network.gaussian[family])
        return;
    derivation.unrolled[family] = true;
    for (const std::size_t p : derivation.statements_of[family]) {
        need_numbers(derivation, p);
        const network::Form& form = derivation.units[p].form;
        for (const network::ElementRead& read : form.reads)
            need_functions(derivation, read.family);
        for (const network::LinearTerm& term : form.terms)
            if (term.base == network::Base::read)
                need_functions(derivation, term.operand);
    }
}

} // namespace

void demand_gaussians(Derivation& derivation, bool self, std::uint32_t x, std::uint32_t y, const Set& elements) {
    need_functions(derivation, x);
    need_functions(derivation, y);
    const Sources& sources = derivation.sources(self);
    for (const auto& [g, left] : sources.gaussians(x, false))
        for (const auto& [h, right] : sources.gaussians(y, true)) {
            const std::uint32_t a = derivation.deviations_of(g), b = derivation.deviations_of(h);
            for (const std::uint32_t family : {a, b}) {
                need_family(derivation, family);
                if (derivation.result.may_have_mean[family])
                    need_mean(derivation, family);
            }
            if (!sources.common(a, b).empty())
                demand_elements(derivation, self, a, b, product(left, right).image(elements));
        }
}

void demand_gaussians(Derivation& derivation, const Domain& domain, const std::vector<network::ElementRead>& reads) {
    for (const network::ElementRead& a : reads)
        for (const network::ElementRead& b : reads)
            demand_gaussians(derivation, true, a.family, b.family, elements_of_domain(derivation, a, b, domain));
}

} // namespace tpc::limit
