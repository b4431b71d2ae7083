// Expectations of products of vectors that depend on several Gaussians, for the lanes of a pair machine.
#pragma once

#include "runtime/execute/lanes.hpp"
#include "runtime/execute/ledger.hpp"
#include "runtime/execute/unroll.hpp"
#include "runtime/joint/solve.hpp"

#include <memory>
#include <mutex>

namespace tpc::execute {

struct JointElement {
    std::uint32_t family = 0;
    std::vector<std::int64_t> indices;
    auto operator<=>(const JointElement&) const = default;
};

// One expectation at one instance: the function, its Gaussians, and where their covariances are stored.
struct JointTerm {
    std::unique_ptr<joint::Solver> solver;
    std::vector<GaussianElement> left, right;
    std::vector<SampleNumber> left_numbers, right_numbers;
    using Entry = std::optional<std::size_t>;            // nothing: zero
    std::vector<Entry> within_left, within_right, cross; // row-major
};

// The expectations of one part, unrolled when first met. Thread-safe.
class JointCache {
  public:
    JointCache(const plan::Part& part, const plan::SelfPlan& left, const plan::SelfPlan& right, joint::Sampling given)
        : sampling(given), part_(part), left_(left), right_(right) {}
    // E[product of the left elements times product of the right elements].
    const JointTerm& find(const std::vector<JointElement>& left, const std::vector<JointElement>& right, bool slopes);
    const joint::Sampling sampling;
    // All of them, with the methods that were used.
    void report(bool pair, Ledger& ledger) const;

  private:
    const plan::Part& part_;
    Definitions left_, right_;
    mutable std::mutex mutex_;
    std::map<std::tuple<std::vector<JointElement>, std::vector<JointElement>, bool>, std::unique_ptr<JointTerm>> terms_;
};

// By lane. `tangent`: sum of slopes times T of the Gaussians; `incoming`: D of the product, from which D of the Gaussians
// grows by slopes times it. Null: not wanted.
template <class Real> struct JointResult {
    Real* value = nullptr;
    Real* tangent = nullptr;
    const Real* incoming = nullptr;
};
template <class Real>
void evaluate_joint(const JointTerm& term, const Side<Real>& left, const Side<Real>& right, const Store<Real>& store,
                    std::size_t count, const joint::Sampling& sampling, const JointResult<Real>& result);
// E of elements of one sample.
template <class Real>
void evaluate_mean(const JointTerm& term, const Side<Real>& side, std::size_t count, const joint::Sampling& sampling,
                   Real* value);

} // namespace tpc::execute
