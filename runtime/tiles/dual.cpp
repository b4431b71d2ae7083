// Dual kernels of a tile.
#include "runtime/gaussian/correlation.hpp"
#include "runtime/gaussian/parities.hpp"
#include "runtime/rows/value_homogeneous.hpp"
#include "runtime/rows/value_series.hpp"
#include "runtime/tiles/fuse.hpp"
#include "runtime/tiles/machine.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::execute {

template <class Real> void TileMachine<Real>::dual(std::uint32_t index, const Run& run) {
    const plan::PairOp& op = part_.ops[index];
    const TileDual<Real>& own = program_.duals[index];
    if (fused(op)) {
        linear(index, run, nullptr, nullptr);
        return;
    }
    const Entry read = entry(program_.ops[index].read, run);
    const Entry out = entry(program_.ops[index].target, run);
    if (!read.left.inside || !read.right.inside)
        throw MethodError("a nonlinearity of an element outside its family");
    const std::size_t count = run.count();
    if (bare_) {
        dual_of_values(index, read, out, count);
        return;
    }
    const std::size_t sheets = outer_.count();
    const auto connect = [&](auto& row, const Entry& from, const Entry& to) {
        row.minus = from.stored() ? minus(from) : twos_.data();
        row.plus = from.stored() ? plus(from) : nullptr;
        row.tangent = from.stored() && from.array->moves ? tangent(from) : zeros_.data();
        row.out_minus = minus(to);
        row.out_plus = plus(to);
        row.out_tangent = tangent(to);
    };
    const bool by_rows = coarse(own, *out.array);
    if (by_rows && own.shape.kind == gaussian::Shape::Kind::homogeneous) {
        const bool zeros = out.array->moves && read.stored() && !read.array->moves; // of one position
        const bool whole = read.stored() && read.step == 1 && out.step == 1 && lanes_ == width_ && !zeros;
        const std::size_t calls = whole ? 1 : count;
        for (std::size_t k = 0; k < sheets * calls; ++k) {
            rows::HomogeneousRow<Real> row;
            row.count = whole ? count * lanes_ : lanes_;
            row.linear = static_cast<Real>(own.shape.linear);
            row.absolute = static_cast<Real>(own.shape.absolute);
            connect(row, moved(read, k / calls, k % calls), moved(out, k / calls, k % calls));
            rows::homogeneous(row);
        }
    } else if (by_rows && own.shape.kind == gaussian::Shape::Kind::series) {
        for (std::size_t k = 0; k < sheets * count; ++k) {
            const Entry from = moved(read, k / count, k % count);
            rows::SeriesRow<Real> row;
            connect(row, from, moved(out, k / count, k % count));
            series(own, from.left.element, from.right.element, row);
        }
    } else if (by_rows && own.shape.kind == gaussian::Shape::Kind::arcsine) {
        for (std::size_t k = 0; k < sheets * count; ++k) {
            const Entry from = moved(read, k / count, k % count);
            rows::ArcsineRow<Real> row;
            row.lanes = lanes_;
            row.constant = static_cast<Real>(own.shape.constant);
            row.scale = static_cast<Real>(own.shape.scale);
            row.blur = static_cast<Real>(own.shape.blur);
            row.left = own.left.at(from.left.element, left_);
            row.right = own.right.at(from.right.element, first_);
            row.right_stride = program_.lanes;
            connect(row, from, moved(out, k / count, k % count));
            rows::arcsine(row);
        }
    } else {
        for (std::size_t k = 0; k < sheets * count; ++k)
            dual_by_method(index, moved(read, k / count, k % count), moved(out, k / count, k % count));
    }
    if (!exact_for_equal(own, by_rows))
        settle(op, out, count);
    if (by_rows)
        to_value(op, out, count);
}

// Where nobody reads more than C, gaps that a row operation left.
template <class Real> void TileMachine<Real>::to_value(const plan::PairOp& op, const Entry& out, std::size_t count) {
    if (!out.array->value)
        return;
    const plan::PairArray& array = part_.arrays[op.array];
    const auto row = static_cast<std::ptrdiff_t>(width_);
    rows::ValueRow<Real> values;
    values.sheets = outer_.count();
    values.positions = count;
    values.lanes = lanes_;
    values.left_norm = moving(program_.left.norm[array.left], out.left, false);
    values.right_norm = moving(program_.right.norm[array.right], out.right, true);
    values.data = minus(out);
    values.step = out.step * row;
    values.sheet = out.sheet * row;
    rows::values(values);
}

// Mehler's series of one pair of elements; `row` says what it reads and writes.
template <class Real>
void TileMachine<Real>::series(const TileDual<Real>& dual, std::ptrdiff_t left, std::ptrdiff_t right,
                               rows::SeriesRow<Real> row) const {
    const std::size_t values = gaussian::terms_of(dual.shape.values, dual.shape.terms);
    const std::size_t slopes = gaussian::terms_of(dual.shape.slopes, dual.shape.terms);
    const PerSample<Real>& of_left = dual.gaps ? (*dual.gaps)().left : dual.left;
    const PerSample<Real>& of_right = dual.gaps ? (*dual.gaps)().right : dual.right;
    row.terms = dual.shape.terms;
    row.even = dual.shape.values[0];
    row.odd = dual.shape.values[1];
    row.slope_even = dual.shape.slopes[0];
    row.slope_odd = dual.shape.slopes[1];
    row.left_values = of_left.at(left, left_);
    row.left_slopes = row.left_values + values;
    row.left_squares = row.left_slopes + slopes;
    row.right_stride = of_right.lanes;
    row.lanes = std::min(lanes_, of_right.lanes);
    for (std::size_t lane = 0; lane < lanes_; lane += row.lanes) {
        row.right_values = of_right.at(right, first_ + lane);
        row.right_slopes = row.right_values + values * row.right_stride;
        row.right_squares = row.right_slopes + slopes * row.right_stride;
        rows::series(row);
        for (const Real** from : {&row.minus, &row.plus, &row.tangent})
            *from += *from != nullptr ? row.lanes : 0;
        for (Real** to : {&row.out_minus, &row.out_plus, &row.out_tangent})
            *to += *to != nullptr ? row.lanes : 0;
    }
}

// In two steps: tiles with gaps are few where there are others on C alone.
template <class Real>
void TileMachine<Real>::series_of_sum(const TileDual<Real>& dual, const Entry& read, const rows::LinearRow<Real>& row) {
    const std::size_t size = row.sheets * row.positions * width_;
    sum_.resize(std::max(sum_.size(), 3 * size));
    rows::LinearRow<Real> sum = row;
    sum.minus = sum_.data();
    sum.plus = row.signs ? sum_.data() + size : nullptr;
    sum.tangent = sum_.data() + 2 * size;
    sum.step = static_cast<std::ptrdiff_t>(width_);
    sum.sheet = sum.step * static_cast<std::ptrdiff_t>(row.positions);
    rows::linear(sum);
    for (std::size_t k = 0; k < row.sheets * row.positions; ++k) {
        const auto sheet = static_cast<std::ptrdiff_t>(k / row.positions);
        const auto position = static_cast<std::ptrdiff_t>(k % row.positions);
        const std::ptrdiff_t from = sheet * sum.sheet + position * sum.step, to = sheet * row.sheet + position * row.step;
        rows::SeriesRow<Real> what;
        what.minus = sum.minus + from;
        what.plus = sum.plus != nullptr ? sum.plus + from : nullptr;
        what.tangent = sum.tangent + from;
        what.out_minus = row.minus + to;
        what.out_plus = row.plus != nullptr ? row.plus + to : nullptr;
        what.out_tangent = row.tangent + to;
        series(dual, read.left.element + sheet * read.left.element_sheet + position * read.left.element_step,
               read.right.element + sheet * read.right.element_sheet + position * read.right.element_step, what);
    }
}

// Of the sum that a row of terms is.
template <class Real>
void TileMachine<Real>::dual_of_sum(std::uint32_t index, const Entry& read, rows::LinearRow<Real>& row) {
    const plan::EntryRead& entry = part_.ops[index].entry;
    const TileDual<Real>& own = program_.duals[index];
    if (!read.left.inside || !read.right.inside)
        throw MethodError("a nonlinearity of an element outside its family");
    row.signs = program_.ops[index].signs;
    row.left_inverse = moving(program_.left.inverse[entry.left.family], read.left, false);
    row.right_inverse = moving(program_.right.inverse[entry.right.family], read.right, true);
    if (own.shape.kind == gaussian::Shape::Kind::homogeneous) {
        rows::HomogeneousRow<Real> what;
        what.linear = static_cast<Real>(own.shape.linear);
        what.absolute = static_cast<Real>(own.shape.absolute);
        if (bare_)
            rows::value_of_sum(row, what, itself(index, read) ? same_.data() : zeros_.data(), apart_.data());
        else
            rows::dual_of_sum(row, what);
        return;
    }
    const auto connect_to = [&](auto& what, const auto& sides) { // to the numbers of each sample
        const rows::Moving<Real> left = moving(sides.left, read.left, false), right = moving(sides.right, read.right, true);
        what.left = left.data;
        what.left_step = left.step;
        what.left_sheet = left.sheet;
        what.right = right.data;
        what.right_step = right.step;
        what.right_sheet = right.sheet;
        what.right_stride = program_.lanes;
    };
    if (own.shape.kind == gaussian::Shape::Kind::series) {
        if constexpr (sizeof(Real) == 8)
            if (bare_) {
                rows::ValueSeries what;
                what.even = own.shape.slopes[0];
                what.odd = own.shape.slopes[1];
                what.terms = what.even && what.odd ? own.shape.terms : (own.shape.terms + (what.even ? 1 : 0)) / 2;
                what.reach = own.shape.reach.data();
                connect_to(what, own.bare);
                const std::vector<EqualLane<Real>> equal = equal_lanes(index, read, row);
                rows::value_of_sum(row, what, apart_.data());
                settle(own, equal, read, row);
                return;
            }
        series_of_sum(own, read, row);
        return;
    }
    rows::ArcsineRow<Real> what;
    what.constant = static_cast<Real>(own.shape.constant);
    what.scale = static_cast<Real>(own.shape.scale);
    what.blur = static_cast<Real>(own.shape.blur);
    connect_to(what, own);
    if (!bare_) {
        rows::dual_of_sum(row, what);
        return;
    }
    const std::vector<EqualLane<Real>> equal = equal_lanes(index, read, row);
    rows::value_of_sum(row, what, apart_.data());
    settle(own, equal, read, row);
}

// Of C and T that are stored, as others read them too: the sum is that entry. Where an element meets itself in an equal
// sample its row is cut, as nothing is lost there.
template <class Real>
void TileMachine<Real>::dual_of_values(std::uint32_t index, const Entry& read, const Entry& out, std::size_t count) {
    const auto row = static_cast<std::ptrdiff_t>(width_);
    const auto piece = [&](std::size_t sheet, std::size_t sheets, std::size_t first, std::size_t positions) {
        Entry from = moved(read, sheet, first);
        const Entry to = moved(out, sheet, first);
        if (sheets == 1)
            from.left.element_sheet = from.right.element_sheet = 0;
        if (positions == 1)
            from.left.element_step = from.right.element_step = 0;
        rows::Term<Real> term;
        term.value = true;
        term.minus.data = zeros_.data();
        if (from.stored()) {
            const auto at = [&](const Real* data) { return rows::Moving<Real>{data, from.step * row, 0, from.sheet * row}; };
            term.minus = at(minus(from));
            if (from.array->moves)
                term.tangent = at(tangent(from));
        }
        rows::LinearRow<Real> sum;
        sum.sheets = sheets;
        sum.positions = positions;
        sum.lanes = lanes_;
        sum.terms = &term;
        sum.count = 1;
        sum.value = true;
        sum.minus = minus(to);
        sum.tangent = tangent(to);
        sum.step = to.step * row;
        sum.sheet = to.sheet * row;
        dual_of_sum(index, from, sum);
    };
    const std::size_t sheets = outer_.count();
    const Spot &left = read.left, &right = read.right;
    const std::ptrdiff_t along = left.element_step - right.element_step;
    const bool meets = !equal_.empty() && part_.ops[index].left_statement == part_.ops[index].right_statement;
    if (!meets || (along == 0 && left.element_sheet == right.element_sheet)) {
        piece(0, sheets, 0, count);
        return;
    }
    for (std::size_t sheet = 0; sheet < sheets; ++sheet) {
        const std::ptrdiff_t ahead =
            right.element - left.element + static_cast<std::ptrdiff_t>(sheet) * (right.element_sheet - left.element_sheet);
        const std::ptrdiff_t at = along != 0 && ahead % along == 0 ? ahead / along : -1;
        if (at < 0 || at >= static_cast<std::ptrdiff_t>(count)) {
            piece(sheet, 1, 0, count);
            continue;
        }
        const auto own = static_cast<std::size_t>(at);
        if (own > 0)
            piece(sheet, 1, 0, own);
        piece(sheet, 1, own, 1);
        if (own + 1 < count)
            piece(sheet, 1, own + 1, count - own - 1);
    }
}

// Any other method, on the lanes that are samples; it takes and gives gaps that are not normalised.
template <class Real> void TileMachine<Real>::dual_by_method(std::uint32_t index, const Entry& read, const Entry& out) {
    const plan::PairOp& op = part_.ops[index];
    const TileDual<Real>& own = program_.duals[index];
    const std::uint32_t a = op.entry.left.family;
    const std::uint32_t b = op.entry.right.family;
    gaussian::Gaussians<Real> g;
    g.count = used_;
    Real* second = row_[9].data();
    const Real norm_a = *program_.left.norm[a].at(read.left.element, left_);
    const Real* norm_b = program_.right.norm[b].at(read.right.element, first_);
    const Real second_a = norm_a * norm_a;
    for (std::size_t k = 0; k < used_; ++k)
        second[k] = norm_b[k] * norm_b[k];
    g.variance_a = {&second_a, 0};
    g.variance_b = {second, 1};
    Real* raw_minus = row_[0].data();
    Real* raw_plus = row_[1].data();
    for (std::size_t k = 0; k < used_; ++k) {
        const Real both = gaussian::root_product(second_a, second[k]);
        const Real m = read.stored() ? row(read.array->minus, read.at)[k] : Real(2);
        const Real p = read.stored() && read.array->signs ? row(read.array->plus, read.at)[k] : 4 - m;
        raw_minus[k] = both * m;
        raw_plus[k] = both * p;
    }
    g.minus = {raw_minus, 1};
    g.plus = {raw_plus, 1};
    const PerSample<Real>& mean_a = program_.left.mean[a];
    const PerSample<Real>& mean_b = program_.right.mean[b];
    if (!mean_a.empty() || !mean_b.empty()) {
        g.mean_a = {mean_a.empty() ? zeros_.data() : mean_a.at(read.left.element, left_), 0};
        g.mean_b = {mean_b.empty() ? zeros_.data() : mean_b.at(read.right.element, first_), mean_b.empty() ? 0u : 1u};
    }
    typename gaussian::Dual<Real>::Features features_left{};
    typename gaussian::Dual<Real>::Features features_right{};
    if (own.method->features() > 0) {
        features_left = {{own.left.at(read.left.element, left_), 0}, 1};
        features_right = {{own.right.at(read.right.element, first_), 1}, program_.lanes};
    }
    const bool slopes = out.array->moves;
    Real* slope = row_[6].data();
    // the inputs may be read while the results are written: other rows
    Real* to_minus = row_[7].data();
    Real* to_plus = row_[8].data();
    own.method->evaluate(g, features_left, features_right,
                         gaussian::DualResult<Real>{nullptr, to_minus, to_plus, slopes ? slope : nullptr});
    const Real* inner = read.stored() && read.array->moves ? tangent(read) : zeros_.data();
    const plan::PairArray& array = part_.arrays[op.array];
    const Real left_inverse = *program_.left.inverse[array.left].at(out.left.element, left_);
    const Real* right_inverse = program_.right.inverse[array.right].at(out.right.element, first_);
    for (std::size_t k = 0; k < used_; ++k) {
        if (slopes)
            tangent(out)[k] = inner[k] * slope[k];
        if (out.array->value) {
            minus(out)[k] = (to_plus[k] - to_minus[k]) / 4;
            continue;
        }
        const Real inverse = left_inverse * right_inverse[k];
        minus(out)[k] = inverse > 0 ? to_minus[k] * inverse : Real(2);
        if (out.array->signs)
            plus(out)[k] = inverse > 0 ? to_plus[k] * inverse : Real(2);
    }
}

template void TileMachine<double>::dual_of_sum(std::uint32_t, const Entry&, rows::LinearRow<double>&);
template void TileMachine<float>::dual_of_sum(std::uint32_t, const Entry&, rows::LinearRow<float>&);
template void TileMachine<double>::to_value(const plan::PairOp&, const Entry&, std::size_t);
template void TileMachine<float>::to_value(const plan::PairOp&, const Entry&, std::size_t);
template void TileMachine<double>::dual(std::uint32_t, const Run&);
template void TileMachine<float>::dual(std::uint32_t, const Run&);

} // namespace tpc::execute
