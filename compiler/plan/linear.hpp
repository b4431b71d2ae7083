// Arithmetic of affine indices.
#pragma once

#include "compiler/plan/plan.hpp"

namespace tpc::plan {

// scale * a + b, of denominators 1; slots whose coefficients cancel do not appear.
Linear combine(const Linear& a, std::int64_t scale, const Linear& b);
// a - b; nothing where one has a denominator.
std::optional<Linear> difference(const Linear& a, const Linear& b);
// a - b where it does not depend on the instance.
std::optional<std::int64_t> constant_difference(const Linear& a, const Linear& b);
std::int64_t coefficient(const Linear& linear, std::uint32_t slot);
// `linear` with `value` for a slot, both of denominator 1.
Linear substitute(const Linear& linear, std::uint32_t slot, const Linear& value);

} // namespace tpc::plan
