#include "compiler/check/instances.hpp"

#include "compiler/check/additions.hpp"
#include "compiler/check/bounds.hpp"
#include "compiler/ir/fresh_names.hpp"
#include "compiler/ir/renaming.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace tpc::check {
namespace {

using ir::Affine;
using ir::ExprId;
using ir::Range;

// Narrows the range that decides value >= 0; false where bounds do not tell how.
bool narrow(const ir::Program& program, std::vector<Range>& ranges, const Affine& value) {
    const auto decides = std::find_if(ranges.rbegin(), ranges.rend(),
                                      [&](const Range& range) { return value.coefficient(range.index) != 0; });
    if (decides == ranges.rend() || value.denominator != 1 || std::abs(value.coefficient(decides->index)) != 1)
        return false;
    Bindings here;
    bind(here, ranges);
    const std::int64_t sign = value.coefficient(decides->index);
    const Affine edge = -sign * (value - sign * Affine::of(decides->index)); // index >= edge, or <= where sign < 0
    Affine& bound = sign > 0 ? decides->lower : decides->upper;
    if (provably_non_negative(program, sign * (edge - bound), here))
        bound = edge;
    else if (!provably_non_negative(program, sign * (bound - edge), here))
        return false;
    return true;
}

bool provably_empty(const ir::Program& program, const std::vector<Range>& ranges) {
    Bindings here;
    bind(here, ranges);
    return std::ranges::any_of(
        ranges, [&](const Range& range) { return provably_positive(program, range.lower - range.upper, here); });
}

ir::Condition opposite(const ir::Condition& condition) {
    switch (condition.relation) {
    case ir::Relation::zero:
        return {condition.value, ir::Relation::non_zero};
    case ir::Relation::non_zero:
        return {condition.value, ir::Relation::zero};
    default:
        return {-condition.value - Affine(1), ir::Relation::non_negative};
    }
}

// In all instances of the loops, whatever conditions say.
bool declared(const ir::Program& program, const OutputTerm& term) {
    Bindings here = bindings(program);
    bind(here, term.ranges);
    const auto& family = program.parameters[term.parameter].family;
    const auto at_member = [&](ir::Symbol symbol) -> std::optional<Affine> { // bounds may use earlier indices
        for (std::size_t k = 0; k < family.size(); ++k)
            if (family[k].index == symbol)
                return term.member.indices[k];
        return std::nullopt;
    };
    for (std::size_t k = 0; k < family.size(); ++k) {
        const Affine above = term.member.indices[k] - ir::substitute(family[k].lower, at_member),
                     below = ir::substitute(family[k].upper, at_member) - term.member.indices[k];
        if (!provably_non_negative(program, above, here) || !provably_non_negative(program, below, here))
            return false;
    }
    return true;
}

// The expression where the conditions of the statement hold, else 0: an element of a family over the loops of the statement
// and these ranges.
ExprId guarded(ir::Program& program, ExprId expression, std::uint32_t statement, const std::vector<Range>& ranges) {
    ir::Statement part = program.statements[statement];
    const ir::Family name = program.families[part.family];
    const ir::Node value = program.exprs[expression];
    ir::Node element;
    element.op = ir::Op::read;
    element.type = value.type;
    element.target = static_cast<std::uint32_t>(program.families.size());
    element.span = value.span;
    for (const Range& loop : part.domain.ranges)
        element.access.indices.push_back(Affine::of(loop.index));
    part.indices.assign(element.access.indices.begin(), element.access.indices.end());
    std::vector<Range> loops;
    ir::Renaming renaming;
    for (const Range& range : ranges) {
        loops.push_back(ir::fresh_range(program, range, renaming, value.span));
        part.domain.ranges.push_back(loops.back());
        part.indices.push_back(Affine::of(loops.back().index));
        element.access.indices.push_back(Affine::of(range.index));
    }
    part.family = element.target;
    program.families.push_back({ir::FreshNames(program).fresh(fmt::format("{}_part", name.name)), value.type,
                                static_cast<unsigned>(part.indices.size()), name.span});
    const auto add = [&](ExprId of_part) {
        part.value = of_part;
        add_behind(program, statement, part, loops);
    };
    add(ir::renamed(program.exprs, expression, renaming));
    // Where the first conditions hold and the next one does not.
    const std::vector<ir::Condition> conditions = std::exchange(part.domain.conditions, {});
    for (const ir::Condition& condition : conditions) {
        part.domain.conditions.push_back(opposite(condition));
        add(program.exprs.number(0));
        part.domain.conditions.back() = condition;
    }
    return program.exprs.add(element);
}

} // namespace

void guard(ir::Program& program, OutputTerm& term, std::uint32_t statement) {
    if (program.exprs[term.coefficient].op != ir::Op::number)
        term.coefficient = guarded(program, term.coefficient, statement, term.ranges);
    if (term.kind == OutputTerm::Kind::readout)
        term.vector = guarded(program, term.vector, statement, term.ranges);
    if (term.kind != OutputTerm::Kind::constant && term.member.mode == ir::IndexMode::none && !declared(program, term))
        term.member.mode = ir::IndexMode::clamp; // some member, times 0
}

Parts ranges_under(const ir::Program& program, const ir::Domain& domain) {
    Parts result{{domain.ranges}, true};
    for (const ir::Condition& condition : domain.conditions) {
        const Affine& value = condition.value;
        std::vector<std::vector<Range>> rest;
        for (std::vector<Range>& part : result.ranges) {
            Bindings here;
            bind(here, part);
            if (condition.relation == ir::Relation::non_zero) { // value >= 1 or -value >= 1
                std::vector<Range> above = part, below = part;
                if (provably_non_zero(program, value, here)) {
                    rest.push_back(part);
                } else if (narrow(program, above, value - Affine(1)) && narrow(program, below, -value - Affine(1))) {
                    rest.push_back(below);
                    rest.push_back(above);
                } else {
                    result.exact = false;
                    rest.push_back(part);
                }
                continue;
            }
            result.exact = narrow(program, part, value) && result.exact;
            if (condition.relation == ir::Relation::zero)
                result.exact = narrow(program, part, -value) && result.exact;
            rest.push_back(part);
        }
        std::erase_if(rest, [&](const std::vector<Range>& part) { return provably_empty(program, part); });
        result.ranges = std::move(rest);
    }
    return result;
}

} // namespace tpc::check
