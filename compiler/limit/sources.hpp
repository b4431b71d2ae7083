// Which random parameters an element's Z depends on directly (not through the operands of matrices), and what follows:
// elements without a common source are independent (limits.md section 1).
#pragma once

#include "compiler/limit/index_space.hpp"

namespace tpc::limit {

class Sources {
  public:
    Sources(const network::Network& network, const IndexSpace& space);

    // { [x's element] -> [y's element] } that may depend on each other; x of the left sample, y of the right.
    [[nodiscard]] const passes::Map& common(std::uint32_t x, std::uint32_t y) const;

    // By Gaussian family: { [x's element] -> [Gaussian element] } that x is a function of, a superset.
    using Relation = std::map<std::uint32_t, passes::Map>;
    [[nodiscard]] const Relation& gaussians(std::uint32_t x, bool right) const;

  private:
    const network::Network& network_;
    const IndexSpace& space_;
    // Of the left and the right sample, by family.
    std::vector<Relation> parameters_[2]; // by parameter: { [element] -> [member] }, a superset
    mutable std::optional<std::vector<Relation>> gaussians_[2];
    mutable std::map<std::pair<std::uint32_t, std::uint32_t>, passes::Map> common_;
};

} // namespace tpc::limit
