// The sums over products of two terms that read members of one random parameter: the members are equal or independent.
#pragma once

#include "compiler/ir/affine.hpp"

#include <map>
#include <vector>

namespace tpc::limit {

// Equalities of members are solved for sum indices of the right term, then of the left; what remains is a condition.
struct Matching {
    std::vector<ir::Range> sums; // left, then right (primed)
    std::vector<ir::Condition> conditions;
    std::map<ir::Symbol, ir::Affine> solved;
    bool impossible = false;

    [[nodiscard]] ir::Affine apply(const ir::Affine& affine) const;
    void require_equal(const ir::Affine& left, const ir::Affine& right);

  private:
    void add_bounds(const ir::Range& removed, const ir::Affine& value);
};

} // namespace tpc::limit
