// Loops over left instances whose operations run as rows, or as sheets of them, one after the other.
#pragma once

#include "compiler/plan/plan.hpp"

#include <llvm/ADT/SmallVector.h>

namespace tpc::execute {

// An operation whose right indices follow from the left ones, along an innermost left loop or two nested ones; along a
// single left loop one right index may run as it likes.
struct Follower {
    std::uint32_t op = 0;
    struct Loop {
        const plan::LoopRange* range = nullptr;
        const plan::Linear* value = nullptr; // null: it runs
    };
    std::vector<Loop> loops;                  // right ones, outermost first
    llvm::SmallVector<std::size_t, 2> moving; // by left loop, outermost first: the loop whose index moves with it
};

// The operations of a left loop or of two nested ones, statement by statement, where they may run as rows or as sheets.
struct Nest {
    llvm::SmallVector<const plan::LoopRange*, 2> loops; // outermost first
    std::vector<Follower> followers;
};

std::optional<Nest> nest_of(const plan::Part& part, const plan::WalkItem& outer);

} // namespace tpc::execute
