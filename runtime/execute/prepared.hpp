// The dual kernels of the cross operations and their features for all samples of two states.
#pragma once

#include "runtime/samples/duals.hpp"
#include "runtime/samples/ledger.hpp"

#include <map>
#include <memory>
#include <tuple>

namespace tpc::execute {

// By cross operation: the largest variance and mean that its dual kernel meets. They choose the method, so that all parts of
// one kernel must have the same.
struct Laws {
    std::vector<double> variance, mean;
    // With the samples of a state on the left, on the right; null: none.
    template <class Real> void raise(const plan::Plan& plan, const State<Real>* left, const State<Real>* right);
};

template <class Real> class Prepared {
  public:
    Prepared(const plan::Plan& plan, const State<Real>& left, const State<Real>& right, const Laws& laws,
             DualCache<Real>& duals);
    std::vector<DualFeatures<Real>> features; // by operation

    // The dual kernels of `pairs` pairs: those with a row operation at the rate of a core, others timed at a few laws.
    void report(const plan::Plan& plan, const Laws& laws, std::size_t pairs, Ledger& ledger) const;

  private:
    std::map<std::tuple<const void*, int, const void*, std::uint32_t>, std::unique_ptr<std::vector<Real>>> arrays_;

    const std::vector<Real>* compute(const gaussian::Dual<Real>* dual, int side, const State<Real>& state,
                                     std::uint32_t family);
};

} // namespace tpc::execute
