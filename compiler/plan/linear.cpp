#include "compiler/plan/linear.hpp"

#include <map>

namespace tpc::plan {

Linear combine(const Linear& a, std::int64_t scale, const Linear& b) {
    std::map<std::uint32_t, std::int64_t> terms(b.terms.begin(), b.terms.end());
    for (const auto& [slot, factor] : a.terms)
        terms[slot] += scale * factor;
    Linear result{scale * a.constant + b.constant, {}, 1};
    for (const auto& [slot, factor] : terms)
        if (factor != 0)
            result.terms.emplace_back(slot, factor);
    return result;
}

std::optional<Linear> difference(const Linear& a, const Linear& b) {
    if (a.denominator != 1 || b.denominator != 1)
        return std::nullopt;
    return combine(b, -1, a);
}

std::optional<std::int64_t> constant_difference(const Linear& a, const Linear& b) {
    const auto apart = difference(a, b);
    return apart && apart->terms.empty() ? std::optional(apart->constant) : std::nullopt;
}

std::int64_t coefficient(const Linear& linear, std::uint32_t slot) {
    for (const auto& [own, factor] : linear.terms)
        if (own == slot)
            return factor;
    return 0;
}

Linear substitute(const Linear& linear, std::uint32_t slot, const Linear& value) {
    const std::int64_t factor = coefficient(linear, slot);
    Linear rest = linear;
    std::erase_if(rest.terms, [&](const auto& term) { return term.first == slot; });
    Linear result = combine(value, factor, rest);
    result.denominator = linear.denominator;
    return result;
}

} // namespace tpc::plan
