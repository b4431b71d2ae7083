// Where an operation of a part stands, and its terms under the names of another one that reads what it writes.
#pragma once

#include "compiler/plan/plan.hpp"

#include <map>
#include <optional>
#include <set>

namespace tpc::execute {

using Names = std::map<std::uint32_t, plan::Linear>; // slots of one operation, as indices where another one runs

// Names for the slots of a target, such that it is what is read; false where that is not to be had.
bool match(const std::vector<plan::Linear>& target, const plan::Place& read, Names& names);

// The indices of a term where another operation runs; slots of its own that have no name there make it fail.
class Renaming {
  public:
    Renaming(const Names& names, const std::set<std::uint32_t>& around);
    bool fine = true;

    void operator()(plan::Linear& linear);
    void operator()(plan::TermOp& term);

  private:
    const Names& names_;
    const std::set<std::uint32_t>& around_;
    std::set<std::uint32_t> sums_; // of the term at hand
    bool moved_ = false;

    void operator()(std::vector<plan::Linear>& indices);
    void operator()(plan::Constant& constant) { fine = fine && (constant.fixed || !moved_); }
    void operator()(plan::Place& place) { (*this)(place.indices); }
    void operator()(std::optional<plan::Place>& place);
    void operator()(plan::Factor& factor);
};

bool same(const plan::Guard& a, const plan::Guard& b);
bool always(const plan::Guard& guard);

// The statement below which an operation stands, alone, and the loops around it.
struct Home {
    std::size_t statement = 0;
    std::vector<const plan::WalkItem*> left, right; // loops, outermost first
    [[nodiscard]] std::vector<const plan::WalkItem*> planes() const;
    [[nodiscard]] std::set<std::uint32_t> slots() const;
};
std::optional<Home> home_of(const plan::Part& part, std::uint32_t op);
// Takes an operation out of a right walk.
void remove(std::vector<plan::WalkItem>& items, std::uint32_t op);

} // namespace tpc::execute
