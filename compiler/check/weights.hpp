// Names for outputs that are defined by recursion: f[t] = a[t] * f[t-1] + v[t]' @ x[t] / sqrt(n). Such a name is the sum,
// over all statements and instances s that put a term of their own into it, of that term times a weight,
//     f[T] = sum(s: w[T,s] * v[s]' @ x[s] / sqrt(n)),    w[t,s] = [t == s] + a[t] * w[t-1,s],
// and the weights obey the recursion of the name: numbers, data and Moments decide them.
#pragma once

#include "compiler/ir/program.hpp"

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace tpc::check {

// coefficient * family[access], summed over `ranges`, in the value of a statement.
struct Link {
    std::uint32_t family = 0;
    ir::Access access;
    ir::ExprId coefficient{};
    std::vector<ir::Range> ranges;
};

// The links of every statement of the families that a name leads to.
using Links = std::map<std::uint32_t, std::vector<Link>>;

// Families of weights, and their statements behind those of the names. Keeps the program by reference.
class Weights {
  public:
    explicit Weights(ir::Program& program) : program_(program) {}

    // The weights of what `source` (a statement) adds of its own in the elements of `family`: a scalar family with the
    // indices of `family` and then the loops of `source`. Nothing when it adds to none of them.
    std::optional<std::uint32_t> of(std::uint32_t family, std::uint32_t source, const Links& links);

    // The expression where the conditions of the statement hold, else 0: an element of a family over the loops of the
    // statement and these ranges.
    ir::ExprId guarded(ir::ExprId expression, std::uint32_t statement, const std::vector<ir::Range>& ranges);

  private:
    ir::Program& program_;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> known_;

    void define(std::uint32_t weights, std::uint32_t statement, std::uint32_t source, const Links& links);
};

// The statements of scalars that read elements of their own, directly or through other scalars.
std::vector<bool> recursive_scalars(const ir::Program& program);

// The points of the ranges at which the conditions hold, as ranges once more: one list of them for each part. Not `exact`,
// and too many, where bounds do not decide it for all sizes.
struct Parts {
    std::vector<std::vector<ir::Range>> ranges;
    bool exact = true;
};
Parts ranges_under(const ir::Program& program, const ir::Domain& domain);

} // namespace tpc::check
