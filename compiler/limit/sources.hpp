// Which random parameters an element's Z depends on directly (not through the operands of matrices), and what follows:
// elements without a common source are independent (limits.md section 1).
#pragma once

#include "compiler/limit/index_space.hpp"

namespace tpc::limit {

class Sources {
  public:
    Sources(const Network& network, const IndexSpace& space);

    // { [x's element] -> [y's element] } that may depend on each other; x of the left sample, y of the right.
    [[nodiscard]] const passes::Map& common(std::uint32_t x, std::uint32_t y) const;

  private:
    const Network& network_;
    const IndexSpace& space_;
    // By family and parameter: { [element] -> [member] }, a superset; of the left and the right sample.
    using OfFamilies = std::vector<std::map<std::uint32_t, passes::Map>>;
    OfFamilies sources_[2];
    mutable std::map<std::pair<std::uint32_t, std::uint32_t>, passes::Map> common_;

    void solve(bool right, std::uint32_t primed_from);
};

} // namespace tpc::limit
