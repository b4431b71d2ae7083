#include "compiler/check/bounds.hpp"

#include <algorithm>

namespace tpc::check {
namespace {

using ir::Affine;
using ir::Symbol;

Affine replace(const Affine& value, Symbol symbol, const Affine& by) {
    return ir::substitute(value, [&](Symbol s) { return s == symbol ? std::optional(by) : std::nullopt; });
}

// Inner indices have bounds in outer ones, so the innermost (largest) symbol goes first.
Affine bound(Affine value, const Bindings& ranges, bool upper) {
    for (std::size_t step = 0; step <= 4 * ranges.size() + 4; ++step) {
        const std::pair<Symbol, std::int64_t>* last = nullptr;
        for (const auto& term : value.terms)
            if (ranges.contains(term.first))
                last = &term;
        if (!last)
            break;
        const ir::Range& range = ranges.at(last->first);
        const bool take_upper = (last->second > 0) == upper;
        value = replace(value, last->first, take_upper ? range.upper : range.lower);
    }
    return value;
}

// The least value when all symbols are axes >= 1, times the denominator.
std::optional<std::int64_t> least(const ir::Program& program, const Affine& value) {
    std::int64_t sum = value.constant;
    for (const auto& [symbol, coefficient] : value.terms) {
        if (!program.info(symbol).axis || coefficient < 0)
            return std::nullopt;
        sum += coefficient;
    }
    return sum;
}

} // namespace

void bind(Bindings& result, const std::vector<ir::Range>& ranges) {
    for (const ir::Range& range : ranges)
        result[range.index] = range;
}

Bindings bindings(const ir::Program& program) {
    Bindings result;
    for (const auto& parameter : program.parameters)
        bind(result, parameter.family);
    for (const auto& statement : program.statements)
        bind(result, statement.domain.ranges);
    for (const auto& output : program.outputs)
        bind(result, output.family);
    for (std::uint32_t id = 0; id < program.exprs.size(); ++id)
        for (const ir::Range& range : program.exprs[ir::ExprId{id}].ranges)
            result[range.index] = range;
    return result;
}

Affine lower_bound(const Affine& value, const Bindings& ranges) {
    return bound(value, ranges, false);
}
Affine upper_bound(const Affine& value, const Bindings& ranges) {
    return bound(value, ranges, true);
}

bool provably_non_negative(const ir::Program& program, const Affine& value, const Bindings& ranges) {
    const auto minimum = least(program, lower_bound(value, ranges));
    return minimum && *minimum >= 0;
}

bool provably_positive(const ir::Program& program, const Affine& value, const Bindings& ranges) {
    const auto minimum = least(program, lower_bound(value, ranges));
    return minimum && *minimum > 0;
}

bool provably_non_zero(const ir::Program& program, const Affine& value, const Bindings& ranges) {
    return provably_positive(program, value, ranges) || provably_positive(program, -value, ranges);
}

bool provably_disjoint(const ir::Program& program, llvm::ArrayRef<Affine> a, llvm::ArrayRef<Affine> b,
                       const Bindings& ranges) {
    for (std::size_t k = 0; k < std::min(a.size(), b.size()); ++k) {
        // The two tuples run independently: the bounds of each side, not of the difference.
        if (provably_positive(program, lower_bound(a[k], ranges) - upper_bound(b[k], ranges), {}))
            return true;
        if (provably_positive(program, lower_bound(b[k], ranges) - upper_bound(a[k], ranges), {}))
            return true;
    }
    return false;
}

Solution solve(const std::vector<std::pair<Affine, Affine>>& equations, const std::vector<Symbol>& unknowns) {
    Solution solution;
    for (const auto& [left, right] : equations)
        solution.residual.push_back(left - right);
    for (const Symbol symbol : unknowns) {
        for (std::size_t k = 0; k < solution.residual.size(); ++k) {
            const Affine equation = solution.residual[k];
            const std::int64_t c = equation.coefficient(symbol);
            if (c != equation.denominator && c != -equation.denominator)
                continue;
            // sign * symbol + rest == 0  =>  symbol = -sign * rest
            const int sign = c > 0 ? 1 : -1;
            const Affine value = -sign * (equation - sign * Affine::of(symbol));
            solution.residual.erase(solution.residual.begin() + static_cast<std::ptrdiff_t>(k));
            for (Affine& other : solution.residual)
                other = replace(other, symbol, value);
            for (auto& [_, earlier] : solution.values)
                earlier = replace(earlier, symbol, value);
            solution.values[symbol] = value;
            break;
        }
    }
    std::erase_if(solution.residual, [](const Affine& rest) { return rest.is_constant(0); });
    return solution;
}

} // namespace tpc::check
