// Loops whose expectations may be computed for all of their instances at once.
#pragma once

#include "compiler/plan/walk.hpp"

namespace tpc::execute {

// Loops around an operation on right instances, from without, if all that the expectations of the innermost one read is
// known before it runs: it writes no covariances of Gaussians. Else none.
struct JointLoop {
    std::vector<const plan::WalkItem*> loops;
    [[nodiscard]] const plan::WalkItem* innermost() const { return loops.empty() ? nullptr : loops.back(); }
    // The last iteration of the innermost one that comes before the instance at `path`, or is its own; nothing: all do.
    [[nodiscard]] std::optional<std::int64_t> last(const plan::Path& path, const std::int64_t* slots) const;
};
std::vector<JointLoop> joint_loops(const plan::Part& part, const network::Network& network);

} // namespace tpc::execute
