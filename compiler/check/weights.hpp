// Names for outputs that are defined by recursion: f[t] = a[t] * f[t-1] + v[t]' @ x[t] / sqrt(n). Such a name is the sum,
// over all statements and instances s that put a term of their own into it, of that term times a weight,
//     f[T] = sum(s: w[T,s] * v[s]' @ x[s] / sqrt(n)),    w[t,s] = [t == s] + a[t] * w[t-1,s],
// and the weights obey the recursion of the name: numbers, data and Moments decide them.
#pragma once

#include "compiler/check/gia.hpp"

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

    // The terms that `statement` adds of its own (in its loops) as terms of sum(sums: coefficient * read), in all of its
    // instances.
    std::vector<OutputTerm> weighted(std::uint32_t statement, std::vector<OutputTerm> terms, const ir::Node& read,
                                     const Links& links, const std::vector<ir::Range>& sums, ir::ExprId coefficient);

  private:
    ir::Program& program_;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> known_;

    // The weights of what `source` (a statement) adds of its own in the elements of `family`: a scalar family with the
    // indices of `family` and then the loops of `source`. Nothing when it adds to none of them.
    std::optional<std::uint32_t> of(std::uint32_t family, std::uint32_t source, const Links& links);
    void define(std::uint32_t weights, std::uint32_t statement, std::uint32_t source, const Links& links);
};

// The statements of scalars that read elements of their own, directly or through other scalars.
std::vector<bool> recursive_scalars(const ir::Program& program);

} // namespace tpc::check
