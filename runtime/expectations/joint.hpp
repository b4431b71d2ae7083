// Expectations of products of vectors that depend on several Gaussians, for the lanes of a pair machine.
#pragma once

#include "runtime/expectations/covariances.hpp"
#include "runtime/expectations/unroll.hpp"
#include "runtime/joint/shared.hpp"
#include "runtime/joint/solve.hpp"
#include "runtime/points/twins.hpp"
#include "runtime/samples/lanes.hpp"
#include "runtime/samples/ledger.hpp"

#include <memory>
#include <mutex>
#include <unordered_map>

namespace tpc::execute {

struct JointElement {
    std::uint32_t family = 0;
    std::vector<std::int64_t> indices;
    auto operator<=>(const JointElement&) const = default;
};

// Gaussians of both samples, the numbers that functions of them need, and where their covariances are stored.
struct JointLaw {
    std::vector<GaussianElement> left, right;
    std::vector<SampleNumber> left_numbers, right_numbers;
    using Entry = std::optional<std::size_t>;            // nothing: zero
    std::vector<Entry> within_left, within_right, cross; // row-major
};

// Functions of both elements of a product in both samples, and the numbers that these need.
struct JointTwins {
    joint::Twins functions;
    std::vector<SampleNumber> left_numbers, right_numbers;
};

// One expectation at one instance.
struct JointTerm : JointLaw {
    std::unique_ptr<joint::Solver> solver;
    std::vector<JointElement> left_elements, right_elements;
    std::unique_ptr<JointTwins> twins;  // of both samples, where both elements have the same Gaussians
    mutable std::vector<double> values; // of one sample: by sample, in this replicate
    bool square = false;                // of one element of one sample
    // Perturbations part samples: squares grow, all else falls.
    [[nodiscard]] joint::Sampling at(joint::Sampling sampling) const {
        if (!square)
            sampling.perturbation = -sampling.perturbation;
        return sampling;
    }
};

// Expectations of one product of left elements with each of several of right ones: what a loop over right instances
// computes.
struct JointRow : JointLaw {
    std::vector<const JointTerm*> terms;
    double work = 0; // operations at one point
    // Which parts have no method but sampling.
    struct Open {
        joint::Depth depth = joint::Depth::terms;
        std::vector<std::vector<bool>> parts; // by term
    };
    mutable std::mutex mutex;
    mutable std::unordered_map<std::size_t, Open> sampled; // by pairs of samples of which some part is open
    struct Sampled {                                       // parts that have one set of points
        joint::Shared shared;
        joint::Frames frames;
    };
    mutable std::map<std::vector<const joint::Part*>, std::unique_ptr<Sampled>> together;
    mutable joint::Use use;
};

// Whether some expectation is over several Gaussians at once.
bool has_joint(const plan::Part& part);
bool has_joint(const plan::SelfPlan& self);

// What may be kept between replicates for each sample, or pair of them: bytes that are left.
struct Kept {
    std::vector<std::size_t> budgets;
    std::size_t samples = 0; // left ones
    std::size_t rights = 0;  // 0: each sample with itself
    joint::Sampling at(joint::Sampling sampling, std::size_t left, std::size_t right) {
        sampling.place = rights == 0 ? left : left * rights + right;
        sampling.budget = sampling.place < budgets.size() ? &budgets[sampling.place] : nullptr;
        return sampling;
    }
};

// What an entry of a part is read for: for outputs, or for the law of Gaussians only.
enum class ReadFor : std::uint8_t { none, law, output };
using Uses = std::vector<ReadFor>; // by entry; empty: not known

// The expectations of one part, unrolled when first met. Thread-safe.
class JointCache {
  public:
    // `rights` 0: the part of each sample by itself.
    JointCache(const plan::Part& part, const plan::SelfPlan& left, const plan::SelfPlan& right, std::size_t lefts,
               std::size_t rights);
    // E[product of the left elements times product of the right elements].
    const JointTerm& find(const std::vector<JointElement>& left, const std::vector<JointElement>& right, bool slopes);
    // Null where one set of points would not serve all: functions that have a better one each, or Gaussians of two of them
    // of which not all covariances are known.
    const JointRow* find_row(const std::vector<JointElement>& left, const std::vector<std::vector<JointElement>>& rights,
                             bool slopes);
    // E[product of elements of one sample, the right one or not], if this replicate has computed it.
    [[nodiscard]] std::optional<double> within(bool right, const std::vector<JointElement>& first,
                                               const std::vector<JointElement>& second, std::size_t sample) const;
    const JointCache *left_samples = nullptr, *right_samples = nullptr; // of expectations of both samples
    joint::Sampling sampling;                                           // of this replicate
    Kept kept;
    Uses uses; // of the entries of the part
    // All of them, with the methods that were used since the last report.
    void report(bool pair, Ledger& ledger) const;

  private:
    const plan::Part& part_;
    const plan::SelfPlan& left_plan_;
    const plan::SelfPlan& right_plan_;
    std::optional<Definitions> left_, right_; // once they are needed
    std::optional<Covariances> right_known_;
    std::mutex known_mutex_;
    mutable std::mutex mutex_;
    std::map<std::tuple<std::vector<JointElement>, std::vector<JointElement>, bool>, std::unique_ptr<JointTerm>> terms_;
    std::map<std::tuple<std::vector<JointElement>, std::vector<std::vector<JointElement>>, bool>, std::unique_ptr<JointRow>>
        rows_;

    void define();
    std::unique_ptr<JointRow> make_row(const std::vector<JointElement>& left,
                                       const std::vector<std::vector<JointElement>>& rights, bool slopes);
    bool all_known(const JointRow& row);
    std::unique_ptr<JointTwins> make_twins(const std::vector<JointElement>& left,
                                           const std::vector<JointElement>& right) const;
    void locate(JointLaw& law) const;
};

// By lane. `tangent`: sum of slopes times T of the Gaussians; `incoming`: D of the product, from which D of the Gaussians
// grows by slopes times it. Null: not wanted. `sampled_before`: covariances follow from sampled numbers.
template <class Real> struct JointResult {
    Real* value = nullptr;
    Real* tangent = nullptr;
    const Real* incoming = nullptr;
};
template <class Real>
void evaluate_joint(const JointTerm& term, const Side<Real>& left, const Side<Real>& right, const Store<Real>& store,
                    std::size_t count, JointCache& joints, const joint::Sampling& of_replicate,
                    const JointResult<Real>& result, bool sampled_before);
// The first lane alone, for all terms of a row; no tangents: they are not wanted. `sampled_before`: whether covariances that
// it reads follow from sampled numbers; becomes true if it is sampled.
template <class Real> struct JointRowResult { std::vector<Real> values, tangents; };
template <class Real>
JointRowResult<Real> evaluate_row(const JointRow& row, const Side<Real>& left, const Side<Real>& right,
                                  const Store<Real>& store, JointCache& joints, const joint::Sampling& of_replicate,
                                  bool tangents, bool& sampled_before);
// E of elements of one sample.
template <class Real>
void evaluate_mean(const JointTerm& term, const Side<Real>& side, std::size_t count, JointCache& joints, Real* value);

// Those of a plan, for all replicates.
struct Joints {
    JointCache left;
    std::optional<JointCache> right; // nothing: the left samples are the right ones too
    JointCache cross;
    Joints(const plan::Plan& plan, std::size_t lefts, std::optional<std::size_t> rights);
    void start(const joint::Sampling& sampling); // a replicate
};

} // namespace tpc::execute
