// Other symbols for bound indices.
#pragma once

#include "compiler/ir/program.hpp"

#include <optional>
#include <utility>
#include <vector>

namespace tpc::ir {

struct Renaming {
    std::vector<std::pair<Symbol, Affine>> pairs;
    std::optional<Affine> operator()(Symbol symbol) const {
        for (const auto& [from, to] : pairs)
            if (from == symbol)
                return to;
        return std::nullopt;
    }
};

// The range under a fresh symbol of the same name, which joins `renaming`; its bounds as that has them so far.
inline Range fresh_range(Program& program, const Range& range, Renaming& renaming, source::Span span) {
    const Symbol symbol = program.fresh(program.info(range.index).name, false, span);
    const Range result{symbol, substitute(range.lower, renaming), substitute(range.upper, renaming)};
    renaming.pairs.emplace_back(range.index, Affine::of(symbol));
    return result;
}

} // namespace tpc::ir
