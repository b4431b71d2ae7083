// An element with itself, for a chunk of samples: E[Z^2] needs no correlation.
#pragma once

#include "runtime/rows/rows.hpp"
#include "runtime/samples/duals.hpp"

namespace tpc::execute {

// Sums of terms, and E[phi(z)^2] = (p1^2 + p2^2) E[z^2] for phi = p1 z + p2 |z|.
template <class Real> class MomentMachine {
  public:
    // Samples [first, first + count). `slots`: where the instances stand.
    MomentMachine(State<Real>& state, const plan::Part& part, std::size_t first, std::size_t count, DualCache<Real>& duals,
                  std::int64_t* slots);
    // Writes the second moments of the element at `element` of its family and its entry, the two gaps to itself; false where
    // the operation is of another kind.
    bool run(std::uint32_t op, std::size_t element, std::size_t entry);

  private:
    struct Term {
        plan::Constant scale, left, right;
    };
    struct Op {
        bool known = false;
        bool means = false; // whether products of means are among the terms
        std::vector<Term> terms;
        std::optional<Real> square; // of a dual: p1^2 + p2^2
    };
    State<Real>& state_;
    const plan::Part& part_;
    std::size_t first_, count_;
    DualCache<Real>& duals_;
    std::int64_t* slots_;
    std::vector<Op> ops_;
    std::vector<rows::MomentTerm<Real>> terms_;
    plan::Indices left_, right_; // of the element that is read
    std::vector<bool> lost_;     // by family: a sum of terms that are not 0 came out as 0
    std::vector<bool> varies_;   // by lane: a function of what varies, or a term that is lost beside another

    const Op& prepared(std::uint32_t op);
    [[nodiscard]] Real number(const plan::Constant& constant) const;
    void collect(const plan::TermOp& op, const Term& term, std::size_t depth);
    bool collect_run(const plan::TermOp& op, const Term& term, std::int64_t first, std::int64_t last);
    void add(const plan::TermOp& op, rows::MomentTerm<Real> term);
    // Throws where too little is left when means are subtracted. A rest of nothing but rounding is that of a constant, but
    // for samples of which something varies that may have been lost beside its mean.
    void require_digits(const rows::MomentRow<Real>& row, bool means);
    // Throws where a function changes between one number and the next one, as they are about a mean far from 0.
    void require_place(const plan::PairOp& op);
    // Angles do not shrink with variances: behind relu and sign one below what numbers hold is not one of 0.
    void require_held(const plan::PairOp& op);
    [[nodiscard]] bool underflows(const rows::MomentRow<Real>& row) const;
    bool read(const plan::EntryRead& entry, rows::MomentTerm<Real>& term);
    const Real* factor(const plan::Factor& factor);
    const Real* mean(const plan::Place& place);
    const Real* variance(const plan::Place& place); // E[Z^2]
    const Real* at(const Numbers<Real>& numbers, std::size_t offset) const {
        return numbers.data() + offset * state_.samples + first_;
    }
};

} // namespace tpc::execute
