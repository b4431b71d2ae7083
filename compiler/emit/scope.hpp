// The loop variables that are open at a place of the emitted code, with bounds on their values.
#pragma once

#include "compiler/emit/text.hpp"
#include "compiler/plan/plan.hpp"

#include <optional>

namespace tpc::emit {

// An index as an affine expression of loop variables, or as other text.
struct Index {
    std::optional<plan::Linear> linear;
    std::string text;
};

// Whether a condition always, never or sometimes holds.
enum class Truth { always, never, unknown };

class Scope {
  public:
    // `names`: of the slots, as the program calls them.
    explicit Scope(std::vector<std::string> names) : names_(std::move(names)) {}

    struct Bounds {
        std::int64_t least = 0, greatest = 0;
    };

    // Makes a slot a variable of these bounds, or (`equal`) of that value; gives its name.
    std::string enter(std::uint32_t slot, const Bounds& bounds, const plan::Linear* equal = nullptr);
    void leave(std::uint32_t slot);
    // A name for a variable of our own.
    std::string enter_own(const std::string& wanted);
    void leave_own(const std::string& name) { active_.erase(name); }
    // `body` after "const int l_ = l;" where it mentions that variable of known value.
    std::string with_value(std::uint32_t slot, const std::string& body);

    std::string text(const plan::Linear& value);
    [[nodiscard]] Bounds bounds(const plan::Linear& value) const;
    // With variables of known value replaced.
    [[nodiscard]] plan::Linear resolved(const plan::Linear& value) const;
    [[nodiscard]] Truth truth(const plan::Guard& guard) const;
    std::string text(const plan::Guard& guard);
    // a == b for all values of the variables.
    [[nodiscard]] bool same(const plan::Linear& a, const plan::Linear& b) const;

    // The place of `indices` in a box, row-major.
    std::string offset(const plan::Box& box, const std::vector<Index>& indices);

  private:
    struct Open {
        std::string name;
        Bounds bounds;
        std::optional<plan::Linear> equal;
        std::string written; // its value
    };
    std::vector<std::string> names_;
    std::map<std::uint32_t, Open> open_;
    std::set<std::string> active_;

    std::string fresh(const std::string& wanted);
};

// a + factor * b, both of denominator 1.
plan::Linear combine(const plan::Linear& a, std::int64_t factor, const plan::Linear& b);

} // namespace tpc::emit
