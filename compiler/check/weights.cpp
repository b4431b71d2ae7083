#include "compiler/check/weights.hpp"

#include "compiler/check/bounds.hpp"
#include "compiler/check/parameter_terms.hpp"
#include "compiler/check/uses.hpp"
#include "compiler/ir/renaming.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tpc::check {
namespace {

using ir::Affine;
using ir::ExprId;
using ir::Function;
using ir::Range;

bool leads_to(std::uint32_t family, std::uint32_t source, const ir::Program& program, const Links& links) {
    std::set<std::uint32_t> seen{family};
    std::vector<std::uint32_t> pending{family};
    while (!pending.empty()) {
        const std::uint32_t at = pending.back();
        pending.pop_back();
        if (at == program.statements[source].family)
            return true;
        for (const auto& [statement, read] : links)
            if (program.statements[statement].family == at)
                for (const Link& link : read)
                    if (seen.insert(link.family).second)
                        pending.push_back(link.family);
    }
    return false;
}

std::string fresh_name(const ir::Program& program, const std::string& stem) {
    const auto taken = [&](const std::string& name) {
        const auto is = [&](const auto& list) {
            return std::ranges::any_of(list, [&](const auto& item) { return item.name == name; });
        };
        return is(program.families) || is(program.parameters) || is(program.inputs) || is(program.symbols);
    };
    std::string name = stem;
    for (int k = 2; taken(name); ++k)
        name = stem + std::to_string(k);
    return name;
}

// 1 where the loops meet, else 0: relu(1 - sum |t - s|) of integers.
ExprId meeting(ir::ExprTable& exprs, const std::vector<Range>& loops, const std::vector<Range>& others) {
    ExprId distance = exprs.number(0);
    for (std::size_t k = 0; k < loops.size(); ++k) {
        const ExprId apart = exprs.affine(Affine::of(loops[k].index) - Affine::of(others[k].index));
        distance = exprs.apply(Function::add, {distance, exprs.apply(Function::abs, {apart})});
    }
    return loops.empty() ? exprs.number(1)
                         : exprs.apply(Function::relu, {exprs.apply(Function::sub, {exprs.number(1), distance})});
}

// Puts `statement`, inside `loops`, behind the statement `after`.
bool insert_behind(std::vector<ir::Item>& items, std::uint32_t after, std::uint32_t statement,
                   const std::vector<Range>& loops) {
    for (std::size_t k = 0; k < items.size(); ++k) {
        if (auto* loop = std::get_if<ir::Loop>(&items[k].node)) {
            if (insert_behind(loop->body, after, statement, loops))
                return true;
            continue;
        }
        if (std::get<std::uint32_t>(items[k].node) != after)
            continue;
        ir::Item item{statement};
        for (auto range = loops.rbegin(); range != loops.rend(); ++range) {
            ir::Loop around{*range, {}};
            around.body.push_back(std::move(item));
            item = {std::move(around)};
        }
        items.insert(items.begin() + static_cast<std::ptrdiff_t>(k) + 1, std::move(item));
        return true;
    }
    return false;
}

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

} // namespace

std::optional<std::uint32_t> Weights::of(std::uint32_t family, std::uint32_t source, const Links& links) {
    if (const auto known = known_.find({family, source}); known != known_.end())
        return known->second;
    if (!leads_to(family, source, program_, links))
        return std::nullopt;
    const ir::Family name = program_.families[family];
    const ir::Statement& term = program_.statements[source];
    const auto result = static_cast<std::uint32_t>(program_.families.size());
    program_.families.push_back(
        {fresh_name(program_, fmt::format("{}_from_{}", name.name, program_.families[term.family].name)), ir::Type::scalar,
         name.rank + static_cast<unsigned>(term.domain.ranges.size()), name.span, name.implicit});
    known_.emplace(std::pair(family, source), result);
    for (const auto& [statement, _] : links)
        if (program_.statements[statement].family == family)
            define(result, statement, source, links);
    return result;
}

void Weights::define(std::uint32_t weights, std::uint32_t statement, std::uint32_t source, const Links& links) {
    ir::ExprTable& exprs = program_.exprs;
    ir::Statement result = program_.statements[statement];
    const std::vector<Range> own = result.domain.ranges;
    const std::vector<Range> of_source = program_.statements[source].domain.ranges; // a copy: symbols are added
    std::vector<Range> loops;
    ir::Renaming renaming;
    for (const Range& range : of_source)
        loops.push_back(ir::fresh_range(program_, range, renaming, program_.info(range.index).span));
    result.family = weights;
    result.value = statement == source ? meeting(exprs, own, loops) : exprs.number(0);
    for (const Range& loop : loops) {
        result.indices.push_back(Affine::of(loop.index));
        result.domain.ranges.push_back(loop);
    }
    for (const Link& link : links.at(statement)) {
        const auto read_weights = of(link.family, source, links);
        if (!read_weights)
            continue;
        ir::Node read;
        read.op = ir::Op::read;
        read.target = *read_weights;
        read.access = link.access;
        for (const Range& loop : loops)
            read.access.indices.push_back(Affine::of(loop.index));
        read.span = result.span;
        result.value = exprs.apply(
            Function::add, {result.value, sum_over(exprs, link.ranges, times(exprs, link.coefficient, exprs.add(read)))});
    }
    const auto index = static_cast<std::uint32_t>(program_.statements.size());
    program_.statements.push_back(std::move(result));
    insert_behind(program_.body, statement, index, loops);
}

std::vector<bool> recursive_scalars(const ir::Program& program) {
    const Bindings ranges = bindings(program);
    const std::size_t count = program.statements.size();
    std::map<std::uint32_t, std::vector<std::uint32_t>> scalars; // statements, by family
    for (std::uint32_t k = 0; k < count; ++k)
        if (program.families[program.statements[k].family].type == ir::Type::scalar)
            scalars[program.statements[k].family].push_back(k);
    std::vector<std::vector<std::uint32_t>> reads(count);
    for (const auto& [_, statements] : scalars)
        for (const std::uint32_t k : statements)
            visit(program.exprs, program.statements[k].value, [&](ExprId, const ir::Node& node) {
                const auto read = node.op == ir::Op::read ? scalars.find(node.target) : scalars.end();
                if (read == scalars.end())
                    return;
                for (const std::uint32_t other : read->second)
                    if (node.access.mode != ir::IndexMode::none ||
                        !provably_disjoint(program, program.statements[other].indices, node.access.indices, ranges))
                        reads[k].push_back(other);
            });
    std::vector<bool> result(count);
    for (std::uint32_t k = 0; k < count; ++k) {
        std::vector<bool> seen(count);
        std::vector<std::uint32_t> pending{k};
        while (!pending.empty() && !result[k]) {
            const std::uint32_t at = pending.back();
            pending.pop_back();
            for (const std::uint32_t next : reads[at]) {
                if (next == k)
                    result[k] = true;
                if (!seen[next]) {
                    seen[next] = true;
                    pending.push_back(next);
                }
            }
        }
    }
    return result;
}

ExprId Weights::guarded(ExprId expression, std::uint32_t statement, const std::vector<Range>& ranges) {
    ir::Statement part = program_.statements[statement];
    const ir::Family name = program_.families[part.family];
    const ir::Node value = program_.exprs[expression];
    ir::Node element;
    element.op = ir::Op::read;
    element.type = value.type;
    element.target = static_cast<std::uint32_t>(program_.families.size());
    element.span = value.span;
    for (const Range& loop : part.domain.ranges)
        element.access.indices.push_back(Affine::of(loop.index));
    part.indices.assign(element.access.indices.begin(), element.access.indices.end());
    std::vector<Range> loops;
    ir::Renaming renaming;
    for (const Range& range : ranges) {
        loops.push_back(ir::fresh_range(program_, range, renaming, value.span));
        part.domain.ranges.push_back(loops.back());
        part.indices.push_back(Affine::of(loops.back().index));
        element.access.indices.push_back(Affine::of(range.index));
    }
    part.family = element.target;
    program_.families.push_back({fresh_name(program_, fmt::format("{}_part", name.name)), value.type,
                                 static_cast<unsigned>(part.indices.size()), name.span});
    const auto add = [&](ExprId of_part) {
        part.value = of_part;
        program_.statements.push_back(part);
        insert_behind(program_.body, statement, static_cast<std::uint32_t>(program_.statements.size() - 1), loops);
    };
    add(ir::renamed(program_.exprs, expression, renaming));
    // Where the first conditions hold and the next one does not.
    const std::vector<ir::Condition> conditions = std::exchange(part.domain.conditions, {});
    for (const ir::Condition& condition : conditions) {
        part.domain.conditions.push_back(opposite(condition));
        add(program_.exprs.number(0));
        part.domain.conditions.back() = condition;
    }
    return program_.exprs.add(element);
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
