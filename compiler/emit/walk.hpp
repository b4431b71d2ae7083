// The loops of a plan around the blocks of its operations.
#pragma once

#include "compiler/emit/operations.hpp"

#include <functional>

namespace tpc::emit {

class Walk {
  public:
    Walk(Source& source, const plan::Part& part, Scope& scope) : source_(source), part_(part), scope_(scope) {}

    // An instance of a left statement within its loops: at every level its place among the siblings and its loop.
    struct Step {
        std::size_t position = 0;
        std::optional<std::uint32_t> slot;
    };
    using Path = std::vector<Step>;
    using Leaf = std::function<std::string(std::size_t statement, const Path&)>;
    using Run = std::function<std::string(std::uint32_t op)>;

    std::string left(const Leaf& leaf);
    // The right instances that go with a left statement, or (`until`) those of them before its own instance.
    std::string right(std::size_t statement, const Path* until, const Run& run);

  private:
    Source& source_;
    const plan::Part& part_;
    Scope& scope_;

    std::string left(const std::vector<plan::WalkItem>& items, Path& path, const Leaf& leaf);
    std::string right(const std::vector<plan::WalkItem>& items, const Run& run);
    std::string right_item(const plan::WalkItem& item, const Run& run);
    // `ties`: conditions under which the loops so far stand where the left ones do.
    std::string before(const std::vector<plan::WalkItem>& items, const Path& path, std::size_t depth,
                       const std::vector<std::string>& ties, const Run& run);
    std::string operation(std::uint32_t op, const Run& run);

    struct Solved {
        std::optional<plan::Linear> value; // of all operations below
    };
    Solved solved(const plan::WalkItem& item) const;
    std::string loop(const plan::WalkItem& item, const std::string& tighter, const std::function<std::string()>& body);
};

} // namespace tpc::emit
