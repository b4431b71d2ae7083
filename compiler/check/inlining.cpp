#include "compiler/check/inlining.hpp"

#include "compiler/ir/renaming.hpp"

#include <algorithm>

namespace tpc::check {
namespace {

using ir::Affine;
using ir::ExprId;
using Ranges = std::vector<ir::Range>;

// Several statements define the family: the part of the sum's ranges that reads this one.
bool restrict_ranges(const ir::Program& program, const Bindings& all, const Bindings& here, const ir::Statement& statement,
                     const ir::Access& access, Ranges& ranges) {
    if (!statement.domain.conditions.empty())
        return false;
    for (std::size_t k = 0; k < statement.indices.size(); ++k) {
        const Affine low = lower_bound(statement.indices[k], all), high = upper_bound(statement.indices[k], all);
        const Affine& index = access.indices[k];
        if (provably_non_negative(program, index - low, here) && provably_non_negative(program, high - index, here))
            continue;
        const auto range =
            std::find_if(ranges.begin(), ranges.end(), [&](const ir::Range& r) { return index == Affine::of(r.index); });
        if (range == ranges.end())
            return false;
        if (provably_non_negative(program, low - range->lower, {}))
            range->lower = low;
        else if (!provably_non_negative(program, range->lower - low, {}))
            return false;
        if (provably_non_negative(program, range->upper - high, {}))
            range->upper = high;
        else if (!provably_non_negative(program, high - range->upper, {}))
            return false;
    }
    return true;
}

} // namespace

std::optional<std::vector<std::pair<ExprId, Ranges>>> inlined(ir::Program& program, const Bindings& all,
                                                              const std::vector<bool>& recursive, const ir::Node& read,
                                                              const Ranges& ranges) {
    Bindings here = all;
    bind(here, ranges);
    std::vector<std::uint32_t> found;
    for (std::uint32_t k = 0; k < recursive.size(); ++k)
        if (program.statements[k].family == read.target &&
            !provably_disjoint(program, program.statements[k].indices, read.access.indices, here))
            found.push_back(k);
    if (found.empty() || read.access.mode != ir::IndexMode::none)
        return std::nullopt;
    std::vector<std::pair<ExprId, Ranges>> result;
    for (const std::uint32_t index : found) {
        const ir::Statement statement = program.statements[index];
        Ranges inner = ranges;
        if (recursive[index] || (found.size() > 1 && !restrict_ranges(program, all, here, statement, read.access, inner)))
            return std::nullopt;
        std::vector<std::pair<Affine, Affine>> equations;
        for (std::size_t k = 0; k < statement.indices.size(); ++k)
            equations.emplace_back(statement.indices[k], read.access.indices[k]);
        std::vector<ir::Symbol> unknowns;
        for (const ir::Range& range : statement.domain.ranges)
            unknowns.push_back(range.index);
        const Solution solution = solve(equations, unknowns);
        if (solution.values.size() != unknowns.size())
            return std::nullopt;
        const auto value = [&](ir::Symbol s) {
            const auto it = solution.values.find(s);
            return it == solution.values.end() ? std::nullopt : std::optional(it->second);
        };
        result.emplace_back(ir::renamed(program.exprs, statement.value, value), std::move(inner));
    }
    return result;
}

} // namespace tpc::check
