#include "compiler/ir/affine.hpp"

#include <llvm/ADT/Hashing.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace tpc::ir {

namespace {

// Indices stay far below 2^63 in any program that can run; beyond it nothing would be right.
[[noreturn]] void overflow() {
    throw std::overflow_error("integer expression too large");
}

std::int64_t plus(std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    if (__builtin_add_overflow(a, b, &result))
        overflow();
    return result;
}

std::int64_t times(std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    if (__builtin_mul_overflow(a, b, &result))
        overflow();
    return result;
}

// Restores the invariant: no zero coefficients, a positive denominator, nothing common to all.
Affine normalised(Affine a) {
    a.terms.erase(std::remove_if(a.terms.begin(), a.terms.end(), [](const auto& term) { return term.second == 0; }),
                  a.terms.end());
    if (a.denominator == 1)
        return a;
    std::int64_t common = std::gcd(a.constant, a.denominator);
    for (const auto& [symbol, coefficient] : a.terms)
        common = std::gcd(common, coefficient);
    if (a.denominator < 0)
        common = -common;
    if (common == 1)
        return a;
    a.constant /= common;
    a.denominator /= common;
    for (auto& term : a.terms)
        term.second /= common;
    return a;
}

// (factor_a * a + factor_b * b) of the numerators.
Affine combine(const Affine& a, std::int64_t factor_a, const Affine& b, std::int64_t factor_b) {
    Affine result;
    result.constant = plus(times(a.constant, factor_a), times(b.constant, factor_b));
    const auto* p = a.terms.begin();
    const auto* q = b.terms.begin();
    while (p != a.terms.end() || q != b.terms.end()) {
        if (q == b.terms.end() || (p != a.terms.end() && p->first < q->first)) {
            result.terms.push_back({p->first, times(p->second, factor_a)});
            ++p;
        } else if (p == a.terms.end() || q->first < p->first) {
            result.terms.push_back({q->first, times(q->second, factor_b)});
            ++q;
        } else {
            result.terms.push_back({p->first, plus(times(p->second, factor_a), times(q->second, factor_b))});
            ++p;
            ++q;
        }
    }
    return result;
}

} // namespace

Affine Affine::of(Symbol symbol) {
    Affine result;
    result.terms.push_back({symbol, 1});
    return result;
}

std::int64_t Affine::coefficient(Symbol symbol) const {
    for (const auto& [s, coefficient] : terms)
        if (s == symbol)
            return coefficient;
    return 0;
}

Affine operator+(const Affine& a, const Affine& b) {
    const std::int64_t common = std::gcd(a.denominator, b.denominator);
    Affine sum = combine(a, b.denominator / common, b, a.denominator / common);
    sum.denominator = times(a.denominator / common, b.denominator);
    return normalised(std::move(sum));
}

Affine operator-(const Affine& a) {
    return -1 * a;
}

Affine operator-(const Affine& a, const Affine& b) {
    return a + (-b);
}

Affine operator*(std::int64_t factor, const Affine& a) {
    Affine result = combine(a, factor, Affine{}, 0);
    result.denominator = a.denominator;
    return normalised(std::move(result));
}

Affine divide(const Affine& a, std::int64_t divisor) {
    if (divisor == 0)
        throw std::domain_error("integer expression divided by zero");
    Affine result = a;
    result.denominator = times(a.denominator, divisor);
    return normalised(std::move(result));
}

Affine substitute(const Affine& a, const std::function<std::optional<Affine>(Symbol)>& replacement) {
    Affine result = a.constant;
    for (const auto& [symbol, coefficient] : a.terms)
        result = result + coefficient * replacement(symbol).value_or(Affine::of(symbol));
    return divide(result, a.denominator);
}

std::optional<std::int64_t> evaluate(const Affine& a, const std::function<std::int64_t(Symbol)>& value) {
    std::int64_t sum = a.constant;
    for (const auto& [symbol, coefficient] : a.terms)
        sum = plus(sum, times(coefficient, value(symbol)));
    if (sum % a.denominator != 0)
        return std::nullopt;
    return sum / a.denominator;
}

std::size_t hash_value(const Affine& a) {
    llvm::hash_code code = llvm::hash_combine(a.constant, a.denominator);
    for (const auto& [symbol, coefficient] : a.terms)
        code = llvm::hash_combine(code, static_cast<std::uint32_t>(symbol), coefficient);
    return code;
}

void tighten(Domain& domain) {
    std::erase_if(domain.conditions, [&](const Condition& condition) {
        if (condition.relation != Relation::non_zero || condition.value.denominator != 1)
            return false;
        for (Range& range : domain.ranges) {
            const std::int64_t c = condition.value.coefficient(range.index);
            if (c != 1 && c != -1)
                continue;
            const Affine excluded = -c * (condition.value - c * Affine::of(range.index));
            if (excluded == range.lower) {
                range.lower = range.lower + Affine(1);
                return true;
            }
            if (excluded == range.upper) {
                range.upper = range.upper - Affine(1);
                return true;
            }
        }
        return false;
    });
}

} // namespace tpc::ir
