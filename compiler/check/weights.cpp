#include "compiler/check/weights.hpp"

#include "compiler/check/additions.hpp"
#include "compiler/check/bounds.hpp"
#include "compiler/check/instances.hpp"
#include "compiler/check/parameter_terms.hpp"
#include "compiler/check/uses.hpp"
#include "compiler/ir/fresh_names.hpp"
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
        {ir::FreshNames(program_).fresh(fmt::format("{}_from_{}", name.name, program_.families[term.family].name)),
         ir::Type::scalar, name.rank + static_cast<unsigned>(term.domain.ranges.size()), name.span, name.implicit});
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
    add_behind(program_, statement, std::move(result), loops);
}

std::vector<OutputTerm> Weights::weighted(std::uint32_t statement, std::vector<OutputTerm> terms, const ir::Node& read,
                                          const Links& links, const std::vector<Range>& sums, ExprId coefficient) {
    const auto weights = of(read.target, statement, links);
    if (!weights)
        return {};
    std::vector<OutputTerm> result;
    const Parts parts = ranges_under(program_, program_.statements[statement].domain);
    if (!parts.exact)
        for (OutputTerm& term : terms)
            guard(program_, term, statement);
    for (const std::vector<Range>& part : parts.ranges) {
        std::vector<Range> instances;
        ir::Renaming symbols;
        for (const Range& loop : part)
            instances.push_back(ir::fresh_range(program_, loop, symbols, program_.info(loop.index).span));
        ir::Node weight = read;
        weight.target = *weights;
        weight.type = ir::Type::scalar; // also of names of vectors
        for (const Range& instance : instances)
            weight.access.indices.push_back(Affine::of(instance.index));
        const ExprId factor = sum_over(program_.exprs, sums, times(program_.exprs, coefficient, program_.exprs.add(weight)));
        for (OutputTerm term : terms) {
            for (Range& range : term.ranges)
                range = {range.index, ir::substitute(range.lower, symbols), ir::substitute(range.upper, symbols)};
            term.ranges.insert(term.ranges.begin(), instances.begin(), instances.end());
            term.coefficient = times(program_.exprs, factor, ir::renamed(program_.exprs, term.coefficient, symbols));
            for (Affine& index : term.member.indices)
                index = ir::substitute(index, symbols);
            if (term.kind == OutputTerm::Kind::readout)
                term.vector = ir::renamed(program_.exprs, term.vector, symbols);
            result.push_back(std::move(term));
        }
    }
    return result;
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

} // namespace tpc::check
