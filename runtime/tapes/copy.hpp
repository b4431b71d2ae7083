// Functions of one tape in another.
#pragma once

#include "runtime/tapes/tape.hpp"

#include <functional>

namespace tpc::joint {

// `gaussian`, `sample`: what stands for those of `from`, a node of `to`.
class TapeCopy {
  public:
    using Leaf = std::function<NodeId(std::uint32_t)>;
    TapeCopy(const Tape& from, Tape& to, Leaf gaussian, Leaf sample)
        : from_(from), to_(to), gaussian_(std::move(gaussian)), sample_(std::move(sample)) {}
    // With the numbers of the sample as they are.
    TapeCopy(const Tape& from, Tape& to, Leaf gaussian)
        : TapeCopy(from, to, std::move(gaussian), [&to](std::uint32_t index) { return to.sample(index); }) {}
    TapeCopy(const TapeCopy&) = delete;
    TapeCopy& operator=(const TapeCopy&) = delete;

    NodeId operator()(NodeId id);

  private:
    const Tape& from_;
    Tape& to_;
    Leaf gaussian_, sample_;
    std::map<NodeId, NodeId> done_;
};

} // namespace tpc::joint
