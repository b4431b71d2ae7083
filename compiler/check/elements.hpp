// The uses that outputs reach, element by element, at given sizes: settles what index ranges leave open.
#pragma once

#include "compiler/check/gia.hpp"

#include <map>
#include <optional>
#include <set>
#include <vector>

namespace tpc::check {

using Member = std::vector<std::int64_t>;

struct ElementUses {
    std::map<ir::ExprId, std::set<Member>> members;     // matmul and parameter nodes: the family members they use
    std::map<std::uint32_t, std::set<Member>> readouts; // by parameter: the members read out
    // By output: an element that is made of averages and has no readout, with one of its averages.
    std::map<std::uint32_t, std::pair<Member, const OutputTerm*>> averages;
};

// Terms whose coefficients are 0 at an element, as weights of recursions that lead elsewhere, are no uses.
// Nothing when the walk would take more than `budget` steps or an element is missing.
std::optional<ElementUses> element_uses(const ir::Program& program, const std::vector<std::vector<OutputTerm>>& terms,
                                        const ir::Sizes& sizes, std::size_t budget);

} // namespace tpc::check
