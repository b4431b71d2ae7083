// One operation of a plan for a row of lanes.
#pragma once

#include "runtime/expectations/joint.hpp"
#include "runtime/samples/duals.hpp"

#include <array>
#include <functional>

namespace tpc::execute {

template <class Real> class PairMachine {
  public:
    PairMachine(const plan::Part& part, const limit::Recursions& recursions, const Side<Real>& left, const Side<Real>& right,
                const Store<Real>& store, std::size_t count, DualCache<Real>& duals, JointCache& joints,
                const std::vector<DualFeatures<Real>>* features);

    std::int64_t* slots() { return slots_.data(); }
    [[nodiscard]] bool applies(const plan::PairOp& op) const {
        for (const plan::Guard& guard : op.guards)
            if (!guard.holds(slots_.data()))
                return false;
        return true;
    }
    // Lanes whose two samples are equal: an element with itself has the gap 0 and the sample's own second moment, which a
    // rounding error of e would turn into sqrt(e) at a kink (limits.md section 8).
    void set_equal_lanes(std::vector<std::size_t> lanes) { equal_lanes_ = std::move(lanes); }
    // Moments of the samples were sampled.
    void set_sampled(bool sampled) { row_sampled_ = sampled; }
    // `op` is an operation of this innermost loop, whose expectations may be computed for all instances at once, or up to
    // `last`; null: for one.
    void set_loop(std::uint32_t op, const plan::WalkItem* loop, std::optional<std::int64_t> last) {
        row_op_ = op;
        row_loop_ = loop;
        row_last_ = last;
    }
    // Of the entries; none: all are for outputs. Rows are of entries of one use.
    void set_uses(const Uses& uses) { uses_ = uses.empty() ? nullptr : &uses; }
    // The entries that an operation reads: as they are, or as the law of Gaussians.
    void visit_reads(std::uint32_t op, const std::function<void(std::size_t entry, bool law)>& visit);
    [[nodiscard]] ReadFor use(const plan::PairOp& op) const {
        return uses_ == nullptr || op.output ? ReadFor::output : (*uses_)[target(op)];
    }
    // The entry that an operation writes at the current instances.
    [[nodiscard]] std::size_t target(const plan::PairOp& op) const;
    // Writes that entry and returns it. `diagonal`: both are one instance of one sample (minus is 0 exactly); sums are left
    // to MomentMachine.
    std::size_t run(std::uint32_t op, bool diagonal);
    // The same operation transposed: D of what it reads from D of the entry; adds parameter terms to `ntk`. For an output
    // operation D is 1.
    void run_backward(std::uint32_t op, Real* ntk);
    // An output operation's kernels at the current instances.
    void output(std::uint32_t op, Real* nngp, Real* ntk);

  private:
    const plan::Part& part_;
    const limit::Recursions& recursions_;
    Side<Real> left_, right_;
    Store<Real> store_;
    std::size_t count_;
    DualCache<Real>& duals_;
    JointCache& joints_;
    const std::vector<DualFeatures<Real>>* features_;
    std::vector<std::int64_t> slots_;
    std::vector<std::size_t> equal_lanes_;
    // Expectations of the loop that runs: by group, for all of its instances.
    struct Row {
        std::vector<JointElement> left;
        std::vector<std::vector<JointElement>> rights;
        JointRowResult<Real> result;
    };
    std::uint32_t row_op_ = 0;
    std::optional<std::int64_t> row_last_;
    bool row_sampled_ = false;
    const plan::WalkItem* row_loop_ = nullptr;
    std::map<std::pair<const plan::GroupOp*, ReadFor>, Row> rows_;
    const Uses* uses_ = nullptr;
    ReadFor use_ = ReadFor::output; // of what runs
    // Scratch rows.
    std::vector<Real> value_, minus_, plus_, tangent_, a_, b_, c_, d_, slope_, features_left_, features_right_;
    std::vector<Real> left_scale_, right_scale_; // 1 / k, k of linear_gap
    std::vector<Real> zero_;                     // never written

    struct Located {
        bool left = false, right = false;
        plan::Indices left_element, right_element;
        std::size_t entry = 0; // valid when both, and the array exists
        bool stored = false;
    };
    Located locate_entry(const plan::EntryRead& read) const;
    Located locate_in(const plan::EntryRead& read, const std::vector<plan::PairArray>& arrays, const plan::SelfPlan& left,
                      const plan::SelfPlan& right) const;
    double constant(const plan::Constant& constant) const;
    struct Weight {
        Real constant = 1;                   // both sides' numbers
        Real left = 1, right = 1;            // the numbers of each side
        Lanes<Real> left_array, right_array; // data null: none
        [[nodiscard]] bool fixed() const { return left_array.data == nullptr && right_array.data == nullptr; }
    };
    Weight weight(const plan::TermOp& term) const;
    Lanes<Real> factor_array(const plan::Factor& factor, const Side<Real>& side) const;
    // `visit`(whether the term's guards hold).
    template <class Visit> void over_sums(const plan::TermOp& term, std::size_t depth, const Visit& visit);

    // What a term adds to value_ and tangent_ at the values of its sums at hand.
    void add(const plan::TermOp& term, bool tangent);
    // The same for all values of the innermost sum, where it is steady; false where an index leaves its family.
    bool add_run(const plan::TermOp& term, std::int64_t first, std::int64_t last, bool tangent);
    void add_sums(const plan::TermOp& term, std::size_t depth, bool steady, bool tangent);
    void linear(const plan::PairOp& op, bool tangent);
    std::array<Lanes<Real>, 2> seconds(const plan::PairOp& op) const;
    void linear_gap(const plan::PairOp& op);
    void gram(const plan::TermOp& term, Real* product, Real* minus = nullptr, Real* plus = nullptr,
              const Real* left_scale = nullptr, const Real* right_scale = nullptr) const;
    void dual(const plan::PairOp& op, std::uint32_t index, bool diagonal, bool tangent, std::size_t entry);
    void product(const plan::PairOp& op, bool tangent);
    void finish_moments(const plan::PairOp& op, bool diagonal);
    void law(const plan::PairOp& op, const Located& read, gaussian::Gaussians<Real>& gaussians);
    // out = E of the group; `tangent`: its T, 0 for a group of one sample.
    void group_value(const plan::GroupOp& group, Real* out, Real* tangent = nullptr);
    std::vector<JointElement> joint_elements(const std::vector<plan::Place>& places, const Side<Real>& side) const;
    const JointTerm& joint_term(const plan::GroupOp& group, bool slopes);
    [[nodiscard]] joint::Sampling sampling() const {
        return use_ == ReadFor::law ? joints_.sampling.of_laws() : joints_.sampling;
    }
    bool row_value(const plan::GroupOp& group, Real* out, Real* tangent);
    void settle_equal_lanes(const plan::PairOp& op, std::size_t entry);
    void means(const plan::TermOp& term, Real* out) const;
};

} // namespace tpc::execute
