// Long sums of products as blocks of a matrix product, one for each lane.
#pragma once

#include "runtime/rows/rows.hpp"

namespace tpc::rows {

// sum over the repeats of a term, at every position of every sheet, as C itself (and T); or, block by block, what a linear
// row would make of it and of one more term, of C itself and numbers, that is stored elsewhere: with its factors, as gaps.
template <class Real> struct ContractRow {
    std::size_t sheets = 1, positions = 1, lanes = 0;
    const Term<Real>* term = nullptr;
    Real* value = nullptr;
    Real* tangent = nullptr;                  // null: not wanted
    std::ptrdiff_t step = 0, sheet = 0;       // of both, from one position to the next, from one row of them to the next
    const LinearRow<Real>* closing = nullptr; // its inverses, factors and `plus`; null: C itself
    const Term<Real>* also = nullptr;         // null: nothing
};

// What is summed moves with the sheets, and the right factor with the positions; or the other way round.
template <class Real> bool entries_by_sheet(const Term<Real>& term) {
    return term.minus.step == 0 && term.tangent.step == 0 && term.left_norm.step == 0 && term.right_norm.step == 0 &&
           term.left_factor.step == 0 && term.right_factor.sheet == 0;
}
template <class Real> bool entries_by_position(const Term<Real>& term) {
    return term.minus.sheet == 0 && term.tangent.sheet == 0 && term.left_norm.sheet == 0 && term.right_norm.sheet == 0 &&
           term.left_factor.step == 0 && term.right_factor.sheet == 0;
}

// Whether a term may be that one.
template <class Real> bool adds_entries(const Term<Real>& term) {
    return term.value && term.repeats == 1 && term.minus.data != nullptr && term.left_factor.data == nullptr &&
           term.right_factor.data == nullptr;
}

// The sum is long, and one of the two factors of each product belongs to the sheets, the other one to the positions, so that
// either is loaded for many products; or it stands alone.
template <class Real> bool contracts(const Term<Real>& term, std::size_t sheets, std::size_t positions);

// sum over k: l[s,k] r[p,k] C(k), where C and its norms move with s or with p. `scratch`: contract_scratch numbers.
template <class Real> void contract(const ContractRow<Real>& row, Real* scratch);
std::size_t contract_scratch(std::size_t repeats);

} // namespace tpc::rows
