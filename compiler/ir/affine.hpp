// Affine integer expressions over axes and loop indices, ranges and conditions made of them.
#pragma once

#include <llvm/ADT/SmallVector.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace tpc::ir {

// An axis (T, d, rows ...) or a loop, sum or family index of one program. Every `for`, `sum` and family header
// introduces fresh symbols, so a symbol is bound in one place only.
enum class Symbol : std::uint32_t {};

// (constant + sum coefficient * symbol) / denominator, terms sorted by symbol, coefficients not 0, denominator >= 1
// and without a factor common to all. `/` of the language divides exactly: that is checked once sizes are known.
struct Affine {
    std::int64_t constant = 0;
    llvm::SmallVector<std::pair<Symbol, std::int64_t>, 2> terms;
    std::int64_t denominator = 1;

    Affine() = default;
    Affine(std::int64_t value) : constant(value) {} // NOLINT: numbers are affine expressions
    static Affine of(Symbol symbol);

    [[nodiscard]] bool is_constant() const { return terms.empty(); }
    [[nodiscard]] bool is_constant(std::int64_t value) const {
        return terms.empty() && denominator == 1 && constant == value;
    }
    [[nodiscard]] std::int64_t coefficient(Symbol symbol) const; // numerator's
    friend bool operator==(const Affine& a, const Affine& b) {
        return a.constant == b.constant && a.denominator == b.denominator && a.terms == b.terms;
    }
};

Affine operator+(const Affine& a, const Affine& b);
Affine operator-(const Affine& a, const Affine& b);
Affine operator-(const Affine& a);
Affine operator*(std::int64_t factor, const Affine& a);
Affine divide(const Affine& a, std::int64_t divisor); // divisor != 0

// Replaces symbols for which `replacement` gives an expression.
Affine substitute(const Affine& a, const std::function<std::optional<Affine>(Symbol)>& replacement);

// The value when every symbol has one; nothing when the division is not exact.
std::optional<std::int64_t> evaluate(const Affine& a, const std::function<std::int64_t(Symbol)>& value);

std::size_t hash_value(const Affine& a);

// index in lower..upper, inclusive, may be empty.
struct Range {
    Symbol index{};
    Affine lower;
    Affine upper;
    friend bool operator==(const Range&, const Range&) = default;
};

enum class Relation { zero, non_negative, non_zero }; // value == 0, >= 0, != 0

struct Condition {
    Affine value;
    Relation relation = Relation::zero;
    friend bool operator==(const Condition&, const Condition&) = default;
};

// The instances of a statement: nested ranges, outermost first, and the conditions of the `if`s around it.
struct Domain {
    std::vector<Range> ranges;
    std::vector<Condition> conditions;
};

// `l in 1..L, l != 1` becomes `l in 2..L`: exclusions of a bound join the range.
void tighten(Domain& domain);

} // namespace tpc::ir
