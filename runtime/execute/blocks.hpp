// The kernels of sample sets, block by block, from what all blocks share.
//
// What a pair needs of each sample is kept for all samples where the memory suffices, and otherwise computed for two panels
// of samples at a time. The bits are the same: methods are chosen for the laws of all samples, and the self part runs
// through panels in the chunks in which it runs through the whole.
#pragma once

#include "runtime/execute/prepared.hpp"
#include "runtime/expectations/joint.hpp"
#include "runtime/samples/results.hpp"
#include "runtime/tiles/program.hpp"

#include <optional>

namespace tpc::execute {

// Dual kernels of a plan, for all laws: replicates have them in common.
template <class Real> struct Duals {
    DualCache<Real> left, right, pairs;
    Duals(const plan::Plan& plan, const Options& options);
};

template <class Real> class Blocks {
  public:
    // `right` null: the kernel of `left` with itself. `joints`: of these sets,
    // started. `laws`: of sets that these are parts of. Throws MethodError.
    Blocks(const plan::Plan& plan, const SampleSet& left, const SampleSet* right, const Options& options, Joints& joints,
           Duals<Real>& duals, const Laws* laws = nullptr);
    ~Blocks();
    static std::size_t least_memory(const plan::Plan& plan, const SampleSet& left, const SampleSet* right,
                                    std::size_t threads);

    [[nodiscard]] std::size_t panel() const { return panel_; }
    [[nodiscard]] const Laws& laws() const { return laws_; }
    // See Evaluation::block.
    std::vector<Kernel> operator()(const Span& rows, const Span& columns);
    void report(Ledger& ledger) const; // after a block

  private:
    struct Panel {
        Span span;
        std::optional<SampleSet> part; // of the set, where that is not the whole
        State<Real> state;
    };
    struct Pairing;

    const plan::Plan& plan_;
    const SampleSet& left_set_;
    const SampleSet& right_set_;
    const bool symmetric_;
    const Options& options_;
    Joints& joints_;
    Duals<Real>& duals_;
    EqualSamples equal_;
    Laws laws_;
    std::size_t panel_ = 0;
    std::shared_ptr<Panel> left_, right_; // those of the last block
    std::unique_ptr<Pairing> pairing_;    // of these two

    std::shared_ptr<Panel> make(bool right, const Span& span);
    void gather_laws(std::size_t size);
    [[nodiscard]] std::size_t bytes_of_sample();
    void choose(std::size_t bytes);
    void pair_up(const Span& rows, const Span& columns);
};

} // namespace tpc::execute
