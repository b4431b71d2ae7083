// Equal samples on C alone: an element with itself has E[phi^2] and T E[phi'^2] behind a dual kernel, whatever rounding left
// of C before, and no digit is lost.
#include "runtime/rows/value_series.hpp"
#include "runtime/tiles/machine.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::execute {
namespace {

// E[phi^2] and E[phi'^2] of an element, of which `at` says where the numbers are.
template <class Real> std::pair<Real, Real> moments_of(const gaussian::Shape& shape, const Real* at) {
    if (shape.kind == gaussian::Shape::Kind::series)
        return {at[rows::SeriesNumbers::square], at[rows::SeriesNumbers::slope]};
    using Numbers = gaussian::ArcsineFeatures;
    const Real sine = at[Numbers::root] * at[Numbers::root], rest = at[Numbers::rest] * at[Numbers::rest];
    return {at[Numbers::norm] * at[Numbers::norm],
            static_cast<Real>(shape.scale / shape.blur) * rest / std::sqrt(rest * (1 + sine))};
}

} // namespace

template <class Real> bool TileMachine<Real>::itself(std::uint32_t index, const Entry& read) const {
    const plan::PairOp& op = part_.ops[index];
    const Spot &left = read.left, &right = read.right;
    return !equal_.empty() && op.left_statement == op.right_statement && left.element == right.element &&
           left.element_step == right.element_step && left.element_sheet == right.element_sheet;
}

template <class Real>
std::vector<EqualLane<Real>> TileMachine<Real>::equal_lanes(std::uint32_t index, const Entry& read,
                                                            const rows::LinearRow<Real>& row) {
    std::vector<EqualLane<Real>> result;
    if (!itself(index, read))
        return result;
    constexpr std::size_t step = rows::lane_step<Real>;
    const std::size_t size = row.sheets * row.positions;
    sum_.resize(std::max(sum_.size(), 2 * size * step));
    std::vector<rows::Term<Real>> terms(row.terms, row.terms + row.count);
    rows::LinearRow<Real> one = row; // the lanes around
    one.terms = terms.data();
    one.lanes = step;
    one.gap = false;
    one.value = true;
    one.minus = sum_.data();
    one.plus = nullptr;
    one.tangent = sum_.data() + size * step;
    one.step = static_cast<std::ptrdiff_t>(step);
    one.sheet = one.step * static_cast<std::ptrdiff_t>(row.positions);
    std::size_t moved = 0;
    for (const std::size_t lane : equal_) {
        const std::size_t first = lane / step * step;
        for (rows::Term<Real>& term : terms)
            for (rows::Moving<Real>* by_lane :
                 {&term.minus, &term.plus, &term.tangent, &term.right_norm, &term.right_factor})
                by_lane->data += by_lane->data != nullptr ? first - moved : 0;
        moved = first;
        rows::linear(one);
        EqualLane<Real>& own = result.emplace_back(EqualLane<Real>{lane, apart_[lane], {}});
        for (std::size_t k = 0; k < size; ++k)
            own.tangent.push_back(one.tangent[k * step + lane - first]);
    }
    return result;
}

template <class Real>
void TileMachine<Real>::settle(const TileDual<Real>& dual, const std::vector<EqualLane<Real>>& equal, const Entry& read,
                               const rows::LinearRow<Real>& row) {
    const PerSample<Real>& numbers = dual.shape.kind == gaussian::Shape::Kind::series ? dual.bare.left : dual.left;
    for (const EqualLane<Real>& own : equal) {
        apart_[own.lane] = own.apart;
        for (std::size_t k = 0; k < own.tangent.size(); ++k) {
            const auto sheet = static_cast<std::ptrdiff_t>(k / row.positions);
            const auto position = static_cast<std::ptrdiff_t>(k % row.positions);
            const std::ptrdiff_t element =
                read.left.element + sheet * read.left.element_sheet + position * read.left.element_step;
            const auto [square, slope] = moments_of(dual.shape, numbers.at(element, left_));
            const std::ptrdiff_t to = sheet * row.sheet + position * row.step + static_cast<std::ptrdiff_t>(own.lane);
            row.minus[to] = square;
            row.tangent[to] = slope * own.tangent[k];
        }
    }
}

template bool TileMachine<double>::itself(std::uint32_t, const Entry&) const;
template bool TileMachine<float>::itself(std::uint32_t, const Entry&) const;
template std::vector<EqualLane<double>> TileMachine<double>::equal_lanes(std::uint32_t, const Entry&,
                                                                         const rows::LinearRow<double>&);
template std::vector<EqualLane<float>> TileMachine<float>::equal_lanes(std::uint32_t, const Entry&,
                                                                       const rows::LinearRow<float>&);
template void TileMachine<double>::settle(const TileDual<double>&, const std::vector<EqualLane<double>>&, const Entry&,
                                          const rows::LinearRow<double>&);
template void TileMachine<float>::settle(const TileDual<float>&, const std::vector<EqualLane<float>>&, const Entry&,
                                         const rows::LinearRow<float>&);

} // namespace tpc::execute
