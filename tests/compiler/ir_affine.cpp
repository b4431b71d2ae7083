#include "compiler/ir/affine.hpp"

#include <catch2/catch.hpp>

using namespace tpc::ir;

namespace {

constexpr auto T = static_cast<Symbol>(0);
constexpr auto t = static_cast<Symbol>(1);

std::optional<std::int64_t> at(const Affine& a, std::int64_t size, std::int64_t index) {
    return evaluate(a, [&](Symbol s) { return s == T ? size : index; });
}

} // namespace

TEST_CASE("affine expressions stay normalised") {
    const Affine a = 2 * Affine::of(t) + Affine::of(T) - 3;
    CHECK(a - a == Affine(0));
    CHECK(a == Affine(-3) + Affine::of(T) + Affine::of(t) + Affine::of(t));
    CHECK(a.coefficient(t) == 2);
    CHECK(hash_value(a) == hash_value(Affine::of(T) + 2 * Affine::of(t) - 3));
    CHECK(divide(4 * Affine::of(t) + 2, 2) == 2 * Affine::of(t) + 1);
    CHECK(divide(Affine(6), -4) == divide(Affine(-3), 2));
    CHECK(divide(Affine::of(t), 2) + divide(Affine::of(t), 2) == Affine::of(t));
    CHECK(divide(Affine::of(t), 2) + divide(Affine::of(T), 3) == divide(3 * Affine::of(t) + 2 * Affine::of(T), 6));
    CHECK_THROWS_AS(divide(Affine::of(t), 0), std::domain_error);
    CHECK_THROWS_AS(INT64_MAX * Affine(2), std::overflow_error);
}

TEST_CASE("affine expressions are evaluated exactly or not at all") {
    const Affine half = divide(Affine::of(T) - Affine::of(t), 2);
    CHECK(at(half, 7, 3) == 2);
    CHECK(at(half, 3, 7) == -2);
    CHECK(at(half, 8, 3) == std::nullopt);
}

TEST_CASE("substitution replaces symbols once") {
    const Affine a = Affine::of(T) - 2 * Affine::of(t);
    const Affine b = substitute(a, [](Symbol s) { return s == t ? std::optional(Affine::of(T) + 1) : std::nullopt; });
    CHECK(b == -Affine::of(T) - 2);
    CHECK(substitute(divide(a, 2), [](Symbol) { return Affine(4); }) == Affine(-2));
}
