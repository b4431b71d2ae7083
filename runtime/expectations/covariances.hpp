// Which covariances of one sample's Gaussians are known: those that its self part computes, and those of independent ones.
#pragma once

#include "runtime/expectations/unroll.hpp"

#include <set>

namespace tpc::execute {

class Covariances {
  public:
    explicit Covariances(const Definitions& definitions);
    [[nodiscard]] bool known(const GaussianElement& x, const GaussianElement& y) const;

  private:
    const Definitions& definitions_;
    std::set<std::pair<GaussianElement, GaussianElement>> computed_;

    // Members of random parameters: elements without a common one are independent (limit/sources.hpp, of one element).
    using Member = std::pair<std::uint32_t, std::vector<std::int64_t>>;
    void add_sources(const GaussianElement& element, std::set<Member>& result) const;
};

} // namespace tpc::execute
