#include "runtime/execute/tile_machine.hpp"

#include "runtime/execute/centre.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::execute {

using limit::PairTerm;

namespace {
std::int64_t coefficient(const plan::Linear& linear, std::uint32_t slot) {
    for (const auto& [own, factor] : linear.terms)
        if (own == slot)
            return factor;
    return 0;
}
// From one iteration to the next.
std::int64_t step_of(const plan::Linear& linear, const Run& run) {
    return (run.slot == no_slot ? 0 : coefficient(linear, run.slot)) +
           (run.also == no_slot ? 0 : coefficient(linear, run.also));
}
} // namespace

template <class Real>
TileMachine<Real>::TileMachine(const TileProgram<Real>& program, std::size_t lanes, bool tangent)
    : program_(program), part_(program.plan->forward()), width_(lanes), tangent_(tangent), slots_(part_.slots, 0),
      space_(program.rows * lanes, Real(0)), zeros_(lanes, Real(0)), twos_(lanes, Real(2)) {
    for (auto& scratch : row_)
        scratch.assign(lanes, Real(0));
}

template <class Real>
void TileMachine<Real>::load(std::size_t left, std::size_t first, std::size_t lanes, std::size_t used,
                             std::vector<std::size_t> equal) {
    left_ = left;
    first_ = first;
    lanes_ = lanes;
    used_ = used;
    equal_ = std::move(equal);
    for (std::uint32_t a = 0; a < part_.arrays.size(); ++a)
        if (part_.arrays[a].accumulated)
            clear(a);
}

template <class Real> void TileMachine<Real>::clear(std::uint32_t array) {
    const TileArray& own = program_.arrays[array];
    const auto rows = static_cast<std::ptrdiff_t>(own.rows * width_);
    // gaps of elements that are 0 count for nothing
    if (own.value)
        std::fill_n(row(own.minus, 0), rows, Real(0));
    if (tangent_)
        std::fill_n(row(own.tangent, 0), rows, Real(0));
}

template <class Real> double TileMachine<Real>::constant(const plan::Constant& c) const {
    return c.fixed ? c.value
                   : evaluate_constant(program_.plan->recursions, program_.plan->left.sizes, program_.plan->right.sizes,
                                       c.expression, slots_.data());
}

template <class Real> Spot TileMachine<Real>::spot(const Route& route, const Run& run, std::uint32_t sum) const {
    Spot result;
    if (route.straight) {
        const auto step = [](const Address& address, const Run& along) {
            return (along.slot == no_slot ? 0 : address.factor(along.slot)) +
                   (along.also == no_slot ? 0 : address.factor(along.also));
        };
        result.element = route.element_at(slots_.data());
        result.element_step = step(route.element_at, run);
        result.entry = route.entry_at(slots_.data());
        result.entry_step = step(route.entry_at, run);
        if (outer_.slot != no_slot) {
            result.element_sheet = step(route.element_at, outer_);
            result.entry_sheet = step(route.entry_at, outer_);
        }
        if (sum != no_slot) {
            result.element_again = route.element_at.factor(sum);
            result.entry_again = route.entry_at.factor(sum);
        }
        for (const Route::Dimension& d : route.folded)
            result.entry += d.entry * (((*d.index)(slots_.data()) % d.period + d.period) % d.period);
        return result;
    }
    result.element = route.base;
    for (const Route::Dimension& d : route.dimensions) {
        std::int64_t index = (*d.index)(slots_.data());
        std::ptrdiff_t step = step_of(*d.index, run);
        std::ptrdiff_t again = sum == no_slot ? 0 : coefficient(*d.index, sum);
        if (index < d.lower || index >= d.lower + d.size) {
            const auto mapped = apply_mode(index, d.lower, d.lower + d.size - 1, route.mode);
            if (!mapped) {
                result.inside = false;
                return result;
            }
            index = *mapped;
            if (route.mode == ir::IndexMode::clamp)
                step = again = 0;
        }
        result.element += d.element * index;
        result.element_step += d.element * step;
        result.element_again += d.element * again;
        result.entry += d.entry * (d.period > 0 ? (index % d.period + d.period) % d.period : index);
        result.entry_step += d.entry * step;
        result.entry_again += d.entry * again;
    }
    return result;
}

template <class Real>
typename TileMachine<Real>::Entry TileMachine<Real>::entry(const TileRead& read, const Run& run, std::uint32_t sum) const {
    Entry result{spot(read.left, run, sum), spot(read.right, run, sum)};
    if (!result.left.inside || !result.right.inside || read.array == plan::no_array)
        return result;
    result.array = &program_.arrays[read.array];
    result.at = read.base + result.left.entry + result.right.entry;
    result.step = result.left.entry_step + result.right.entry_step;
    result.again = result.left.entry_again + result.right.entry_again;
    result.sheet = result.left.entry_sheet + result.right.entry_sheet;
    return result;
}

template <class Real>
typename TileMachine<Real>::Entry TileMachine<Real>::moved(const Entry& entry, std::size_t sheet,
                                                           std::size_t position) const {
    Entry result = entry;
    const auto s = static_cast<std::ptrdiff_t>(sheet);
    const auto p = static_cast<std::ptrdiff_t>(position);
    result.at += s * entry.sheet + p * entry.step;
    result.left.element += s * entry.left.element_sheet + p * entry.left.element_step;
    result.right.element += s * entry.right.element_sheet + p * entry.right.element_step;
    return result;
}

template <class Real> void TileMachine<Real>::enter(const Run& run) {
    if (run.slot != no_slot)
        slots_[run.slot] = run.lower;
    if (run.also != no_slot)
        slots_[run.also] = run.also_first;
}

// Nothing but addresses changes along the run.
template <class Real> bool TileMachine<Real>::steady(std::uint32_t index, const Run& run) const {
    const plan::PairOp& op = part_.ops[index];
    const std::vector<std::uint32_t>& alone = program_.ops[index].alone;
    const auto varies = [&](std::uint32_t slot) { return std::find(alone.begin(), alone.end(), slot) != alone.end(); };
    return std::none_of(op.guards.begin(), op.guards.end(),
                        [&](const plan::Guard& guard) { return step_of(guard.value, run) != 0; }) &&
           !(run.slot != no_slot && varies(run.slot)) && !(run.also != no_slot && varies(run.also));
}

template <class Real> void TileMachine<Real>::run(std::uint32_t index, const Run& run, const Run& outer) {
    const plan::PairOp& op = part_.ops[index];
    const auto straight = [&](const Run& along) {
        return (along.slot == no_slot || program_.ops[index].straight_along(along.slot)) &&
               (along.also == no_slot || program_.ops[index].straight_along(along.also));
    };
    if (outer.slot != no_slot && !(steady(index, outer) && steady(index, run) && straight(outer) && straight(run))) {
        for (std::int64_t i = outer.lower; i <= outer.upper; ++i) {
            enter(outer.piece(i, i));
            this->run(index, run);
        }
        return;
    }
    outer_ = outer;
    enter(outer);
    enter(run);
    if (!steady(index, run)) {
        for (std::int64_t i = run.lower; i <= run.upper; ++i) {
            enter(run.piece(i, i));
            this->run(index, {});
        }
        return;
    }
    for (const plan::Guard& guard : op.guards)
        if (!guard.holds(slots_.data()))
            return;
    switch (op.rule) {
    case limit::Rule::dual:
        dual(index, run);
        return;
    case limit::Rule::linear:
        linear(index, run, nullptr, nullptr);
        return;
    case limit::Rule::product:
        product(index, run);
        return;
    }
}

template <class Real> void TileMachine<Real>::output(std::uint32_t index, Real* nngp, Real* ntk) {
    outer_ = {};
    linear(index, {}, nngp, ntk);
}

// --- linear operations

// Where along a run an index leaves its range or comes back: the addresses are affine between two cuts.
template <class Real> void TileMachine<Real>::cuts(const Route& route, const Run& run, std::vector<std::int64_t>& at) const {
    if (route.mode == ir::IndexMode::none)
        return;
    for (const Route::Dimension& d : route.dimensions) {
        const std::int64_t c = step_of(*d.index, run);
        if (c == 0)
            continue;
        const std::int64_t start = (*d.index)(slots_.data());
        const auto part = [&](std::int64_t i) { // which copy of the range, or before and after it
            const std::int64_t raw = start + c * (i - run.lower) - d.lower;
            if (route.mode == ir::IndexMode::wrap)
                return raw >= 0 ? raw / d.size : -1 - (-1 - raw) / d.size;
            return raw < 0 ? std::int64_t{-1} : raw < d.size ? std::int64_t{0} : std::int64_t{1};
        };
        for (std::int64_t i = run.lower; part(i) != part(run.upper);) {
            std::int64_t same = i;
            std::int64_t other = run.upper; // the first of another part lies in (same, other]
            while (other - same > 1) {
                const std::int64_t middle = same + (other - same) / 2;
                (part(middle) == part(i) ? same : other) = middle;
            }
            at.push_back(other);
            i = other;
        }
    }
}

template <class Real>
void TileMachine<Real>::cuts(const plan::TermOp& term, const TileTerm& own, std::size_t depth, const Run& run,
                             std::vector<std::int64_t>& at) {
    if (own.entry.left.mode == ir::IndexMode::none && own.entry.right.mode == ir::IndexMode::none)
        return;
    if (depth < term.sums.size()) {
        const plan::LoopRange& range = term.sums[depth];
        const std::int64_t upper = range.last(slots_.data());
        for (std::int64_t i = range.first(slots_.data()); i <= upper; ++i) {
            slots_[range.slot] = i;
            cuts(term, own, depth + 1, run, at);
        }
        return;
    }
    cuts(own.entry.left, run, at);
    cuts(own.entry.right, run, at);
}

// Every read of the rectangle (positions, repeats) is where the first one says.
template <class Real>
bool TileMachine<Real>::within(const Route& route, const Run& run, std::uint32_t sum, std::int64_t repeats) const {
    if (route.straight)
        return true;
    const auto positions = static_cast<std::int64_t>(run.count());
    return std::all_of(route.dimensions.begin(), route.dimensions.end(), [&](const Route::Dimension& d) {
        const std::int64_t start = (*d.index)(slots_.data());
        const std::int64_t a = step_of(*d.index, run) * (positions - 1);
        const std::int64_t b = coefficient(*d.index, sum) * (repeats - 1);
        const std::int64_t least = start + std::min<std::int64_t>(a, 0) + std::min<std::int64_t>(b, 0);
        const std::int64_t most = start + std::max<std::int64_t>(a, 0) + std::max<std::int64_t>(b, 0);
        return least >= d.lower && most < d.lower + d.size;
    });
}

template <class Real>
rows::Moving<Real> TileMachine<Real>::moving(const PerSample<Real>& numbers, const Spot& spot, bool right) const {
    return {numbers.at(spot.element, right ? first_ : left_), spot.element_step * numbers.element,
            spot.element_again * numbers.element, spot.element_sheet * numbers.element};
}

// The normalised gaps of two finite vectors along a row.
template <class Real>
void TileMachine<Real>::gram(const plan::TermOp& term, const Spot& left, const Spot& right, std::size_t positions,
                             rows::Term<Real>& out) {
    if (grams_used_ == grams_.size())
        grams_.emplace_back();
    std::vector<Real>& space = grams_[grams_used_++];
    const std::size_t sheets = outer_.count();
    if (space.size() < 2 * sheets * positions * width_)
        space.resize(2 * sheets * positions * width_);
    const PerSample<Real>& x = program_.left.unit[term.left_finite];
    const PerSample<Real>& y = program_.right.unit[term.right_finite];
    const auto length = static_cast<std::size_t>(program_.plan->left.finite[term.left_finite].length);
    Real* minus = space.data();
    Real* plus = space.data() + sheets * positions * width_;
    for (std::size_t k = 0; k < sheets * positions; ++k) {
        const auto at = [&](const Spot& spot) {
            return spot.element + static_cast<std::ptrdiff_t>(k / positions) * spot.element_sheet +
                   static_cast<std::ptrdiff_t>(k % positions) * spot.element_step;
        };
        rows::gram(rows::GramRow<Real>{length, lanes_, x.at(at(left), left_), y.at(at(right), first_),
                                       program_.right.coordinate, minus + k * width_, plus + k * width_});
    }
    const auto step = static_cast<std::ptrdiff_t>(width_);
    const std::ptrdiff_t sheet = step * static_cast<std::ptrdiff_t>(positions);
    out.minus = {minus, step, 0, sheet};
    out.plus = {plus, step, 0, sheet};
    out.left_norm = moving(program_.left.length[term.left_finite], left, false);
    out.right_norm = moving(program_.right.length[term.right_finite], right, true);
}

// One term, or `repeats` of it along the sum `sum`; false when those do not make one row.
template <class Real>
bool TileMachine<Real>::add(const plan::TermOp& term, const TileTerm& own, const Run& run, bool gap, std::uint32_t sum,
                            std::int64_t repeats) {
    const auto row = static_cast<std::ptrdiff_t>(width_);
    const rows::Moving<Real> zero{zeros_.data(), 0, 0};
    rows::Term<Real> out;
    out.repeats = static_cast<std::size_t>(repeats);
    out.scale = static_cast<Real>(constant(own.scale));
    const auto factor = [&](const plan::Factor& given, const Route& route, bool right, const plan::Constant& fixed,
                            Real& number) -> rows::Moving<Real> {
        if (!given.array) {
            number = static_cast<Real>(constant(fixed));
            return {};
        }
        return moving((right ? program_.right : program_.left).coefficients[*given.array], spot(route, run, sum), right);
    };
    out.left_factor = factor(term.left_factor, own.left_factor, false, own.left, out.left);
    out.right_factor = factor(term.right_factor, own.right_factor, true, own.right, out.right);
    const bool rated =
        term.kind == PairTerm::Kind::matmul || term.kind == PairTerm::Kind::input || term.kind == PairTerm::Kind::parameter;
    out.rate = rated && tangent_ ? static_cast<Real>(constant(own.rate)) : Real(0);
    switch (term.kind) {
    case PairTerm::Kind::parameter:
        break;
    case PairTerm::Kind::means: {
        if (gap) // the constant 1
            break;
        if (repeats > 1 && !(within(own.left_mean, run, sum, repeats) && within(own.right_mean, run, sum, repeats)))
            return false;
        const auto mean = [&](const std::optional<plan::Place>& place, const Route& route, bool right,
                              rows::Moving<Real>& norm) {
            if (!place)
                return true;
            const PerSample<Real>& numbers = (right ? program_.right : program_.left).mean[place->family];
            const Spot at = spot(route, run, sum);
            if (!at.inside || numbers.empty())
                return false;
            norm = moving(numbers, at, right);
            return true;
        };
        if (!mean(term.left_mean, own.left_mean, false, out.left_norm) ||
            !mean(term.right_mean, own.right_mean, true, out.right_norm))
            return true; // centred: nothing
        break;
    }
    case PairTerm::Kind::input: {
        const Spot left = spot(own.entry.left, run);
        const Spot right = spot(own.entry.right, run);
        if (left.inside && right.inside) {
            gram(term, left, right, run.count(), out);
            break;
        }
        if (!gap || (!left.inside && !right.inside))
            return true;
        out.left_norm = left.inside ? moving(program_.left.length[term.left_finite], left, false) : zero;
        out.right_norm = right.inside ? moving(program_.right.length[term.right_finite], right, true) : zero;
        break;
    }
    case PairTerm::Kind::matmul:
    case PairTerm::Kind::read: {
        if (repeats > 1 && !(within(own.entry.left, run, sum, repeats) && within(own.entry.right, run, sum, repeats)))
            return false;
        const Entry read = entry(own.entry, run, sum);
        if ((!read.stored() && !gap) || (!read.left.inside && !read.right.inside))
            return true;
        if (read.stored()) {
            out.value = read.array->value;
            const auto at = [&](const Real* data) {
                return rows::Moving<Real>{data, read.step * row, read.again * row, read.sheet * row};
            };
            out.minus = at(minus(read));
            if (read.array->signs)
                out.plus = at(plus(read));
            if (tangent_)
                out.tangent = at(tangent(read));
        } else {
            out.minus = {twos_.data(), 0, 0};
            out.rate = 0;
        }
        if (out.value)
            break;
        out.left_norm = read.left.inside ? moving(program_.left.norm[term.entry.left.family], read.left, false) : zero;
        out.right_norm = read.right.inside ? moving(program_.right.norm[term.entry.right.family], read.right, true) : zero;
        break;
    }
    }
    terms_.push_back(out);
    return true;
}

template <class Real>
void TileMachine<Real>::collect(const plan::TermOp& term, const TileTerm& own, std::size_t depth, const Run& run, bool gap) {
    const auto holds = [&] {
        return std::all_of(term.guards.begin(), term.guards.end(),
                           [&](const plan::Guard& guard) { return guard.holds(slots_.data()); });
    };
    if (depth == term.sums.size()) {
        if (holds())
            add(term, own, run, gap, no_slot, 1);
        return;
    }
    const plan::LoopRange& range = term.sums[depth];
    const std::int64_t lower = range.first(slots_.data());
    const std::int64_t upper = range.last(slots_.data());
    if (depth + 1 == term.sums.size() && own.repeats && upper > lower) {
        slots_[range.slot] = lower;
        if (!holds() || add(term, own, run, gap, range.slot, upper - lower + 1))
            return;
    }
    for (std::int64_t i = lower; i <= upper; ++i) {
        slots_[range.slot] = i;
        collect(term, own, depth + 1, run, gap);
    }
}

// Writes the entries of the run or, given `value`, the numbers of one output instance there.
template <class Real> void TileMachine<Real>::linear(std::uint32_t index, const Run& run, Real* value, Real* tangent) {
    const plan::PairOp& op = part_.ops[index];
    const TileOp& own = program_.ops[index];
    cuts_.assign(1, run.lower);
    if (run.slot != no_slot)
        for (std::size_t k = 0; k < op.terms.size(); ++k)
            cuts(op.terms[k], own.terms[k], 0, run, cuts_);
    std::sort(cuts_.begin(), cuts_.end());
    cuts_.erase(std::unique(cuts_.begin(), cuts_.end()), cuts_.end());
    const bool raw = value != nullptr || program_.arrays[op.array].value;
    const bool gap = op.gap_linear && !raw;
    for (std::size_t k = 0; k < cuts_.size(); ++k) {
        const Run piece = run.piece(cuts_[k], k + 1 < cuts_.size() ? cuts_[k + 1] - 1 : run.upper);
        enter(piece);
        terms_.clear();
        grams_used_ = 0;
        for (std::size_t t = 0; t < op.terms.size(); ++t)
            collect(op.terms[t], own.terms[t], 0, piece, gap);
        rows::LinearRow<Real> out;
        out.sheets = outer_.count();
        out.positions = piece.count();
        out.lanes = lanes_;
        out.terms = terms_.data();
        out.count = terms_.size();
        out.gap = gap;
        out.value = raw;
        if (value != nullptr) {
            out.minus = value;
            out.tangent = tangent;
            rows::linear(out);
            return;
        }
        const Entry to = entry(own.target, piece);
        if (op.accumulates) {
            rows::Term<Real> before;
            before.value = true;
            const auto row = static_cast<std::ptrdiff_t>(width_);
            before.minus = {minus(to), to.step * row, 0, to.sheet * row};
            if (tangent_)
                before.tangent = {this->tangent(to), to.step * row, 0, to.sheet * row};
            terms_.push_back(before);
            out.terms = terms_.data();
            out.count = terms_.size();
        }
        out.minus = minus(to);
        out.plus = plus(to);
        out.tangent = op.tangent ? this->tangent(to) : nullptr;
        out.step = to.step * static_cast<std::ptrdiff_t>(width_);
        out.sheet = to.sheet * static_cast<std::ptrdiff_t>(width_);
        if (!raw) {
            const plan::PairArray& array = part_.arrays[op.array];
            out.left_inverse = moving(program_.left.inverse[array.left], to.left, false);
            out.right_inverse = moving(program_.right.inverse[array.right], to.right, true);
        }
        rows::linear(out);
        settle(op, to, piece.count());
    }
}

// Exactly no gap where an element meets itself in an equal sample.
template <class Real> void TileMachine<Real>::settle(const plan::PairOp& op, const Entry& out, std::size_t count) {
    if (equal_.empty() || op.left_statement != op.right_statement || out.array->value)
        return;
    const Spot& left = out.left;
    const Spot& right = out.right;
    if (left.element != right.element && left.element_step == right.element_step &&
        left.element_sheet == right.element_sheet)
        return; // nowhere
    for (std::size_t k = 0; k < outer_.count() * count; ++k) {
        const Entry entry = moved(out, k / count, k % count);
        if (entry.left.element != entry.right.element)
            continue;
        const Real* inverse = program_.right.inverse[part_.arrays[op.array].right].at(entry.right.element, first_);
        for (const std::size_t lane : equal_) {
            const bool none = inverse[lane] == Real(0);
            minus(entry)[lane] = none ? Real(2) : Real(0);
            if (entry.array->signs)
                plus(entry)[lane] = none ? Real(2) : Real(4);
        }
    }
}

// --- dual kernels

template <class Real> void TileMachine<Real>::dual(std::uint32_t index, const Run& run) {
    const plan::PairOp& op = part_.ops[index];
    const TileDual<Real>& own = program_.duals[index];
    const Entry read = entry(program_.ops[index].read, run);
    const Entry out = entry(program_.ops[index].target, run);
    if (!read.left.inside || !read.right.inside)
        throw MethodError("a nonlinearity of an element outside its family");
    const bool slopes = op.tangent && tangent_;
    const std::size_t count = run.count();
    const std::size_t sheets = outer_.count();
    const auto connect = [&](auto& row, const Entry& from, const Entry& to) {
        row.minus = from.stored() ? minus(from) : twos_.data();
        row.plus = from.stored() ? plus(from) : nullptr;
        row.tangent = from.stored() ? tangent(from) : zeros_.data();
        row.out_minus = minus(to);
        row.out_plus = plus(to);
        row.out_tangent = slopes ? tangent(to) : nullptr;
    };
    const bool coarse = !out.array->value;
    if (coarse && own.shape.kind == gaussian::Shape::Kind::homogeneous) {
        const bool whole = read.stored() && read.step == 1 && out.step == 1 && lanes_ == width_;
        const std::size_t calls = whole ? 1 : count;
        for (std::size_t k = 0; k < sheets * calls; ++k) {
            rows::HomogeneousRow<Real> row;
            row.count = whole ? count * lanes_ : lanes_;
            row.linear = static_cast<Real>(own.shape.linear);
            row.absolute = static_cast<Real>(own.shape.absolute);
            connect(row, moved(read, k / calls, k % calls), moved(out, k / calls, k % calls));
            rows::homogeneous(row);
        }
    } else if (coarse && own.shape.kind == gaussian::Shape::Kind::series) {
        for (std::size_t k = 0; k < sheets * count; ++k) {
            const Entry from = moved(read, k / count, k % count);
            rows::SeriesRow<Real> row;
            row.lanes = lanes_;
            row.terms = own.shape.terms;
            row.even = own.shape.values[0];
            row.odd = own.shape.values[1];
            row.slope_even = own.shape.slopes[0];
            row.slope_odd = own.shape.slopes[1];
            row.left_values = own.left.at(from.left.element, left_);
            row.left_slopes = row.left_values + row.terms;
            row.right_values = own.right.at(from.right.element, first_);
            row.right_stride = static_cast<std::size_t>(own.right.element) / series_width(row.terms);
            row.right_slopes = row.right_values + row.terms * row.right_stride;
            row.left_squares = row.left_slopes + row.terms;
            row.right_squares = row.right_slopes + row.terms * row.right_stride;
            connect(row, from, moved(out, k / count, k % count));
            rows::series(row);
        }
    } else {
        for (std::size_t k = 0; k < sheets * count; ++k)
            dual_by_method(index, moved(read, k / count, k % count), moved(out, k / count, k % count));
    }
    settle(op, out, count);
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
        centre(g, {row_[2].data(), row_[3].data(), row_[4].data(), row_[5].data()});
    }
    typename gaussian::Dual<Real>::Features features_left{};
    typename gaussian::Dual<Real>::Features features_right{};
    if (own.method->features() > 0) {
        features_left = {{own.left.at(read.left.element, left_), 0}, 1};
        features_right = {{own.right.at(read.right.element, first_), 1}, program_.right.layout.padded()};
    }
    const bool slopes = op.tangent && tangent_;
    Real* slope = row_[6].data();
    // the inputs may be read while the results are written: other rows
    Real* to_minus = row_[7].data();
    Real* to_plus = row_[8].data();
    own.method->evaluate(g, features_left, features_right,
                         gaussian::DualResult<Real>{nullptr, to_minus, to_plus, slopes ? slope : nullptr});
    const Real* inner = read.stored() && slopes ? row(read.array->tangent, read.at) : zeros_.data();
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

// --- products

// C of an entry by lane.
template <class Real> void TileMachine<Real>::covariance(const Entry& read, Real* out) {
    const Real* m = minus(read);
    if (read.array->value) {
        std::copy_n(m, lanes_, out);
        return;
    }
    const std::size_t own = static_cast<std::size_t>(read.array - program_.arrays.data());
    const Real a = *program_.left.norm[part_.arrays[own].left].at(read.left.element, left_);
    const Real* b = program_.right.norm[part_.arrays[own].right].at(read.right.element, first_);
    for (std::size_t k = 0; k < lanes_; ++k)
        out[k] = a * b[k] * (1 - m[k] / 2);
}

// E of a group by lane; false: 0. `tangent` null: not wanted.
template <class Real> bool TileMachine<Real>::group(const plan::GroupOp& group, const TileRead& cross, Real* out, Real* t) {
    if (t != nullptr)
        std::fill_n(t, lanes_, Real(0));
    if (group.cross) {
        const Entry read = entry(cross, {});
        if (!read.stored())
            return false;
        covariance(read, out);
        if (t != nullptr)
            std::copy_n(tangent(read), lanes_, t);
        return true;
    }
    std::fill_n(out, lanes_, Real(0));
    for (const auto& [right, place] : group.means) {
        const TileSide<Real>& side = right ? program_.right : program_.left;
        Indices element;
        if (side.mean[place.family].empty() ||
            !locate(place.indices, place.mode, side.state->plan->boxes[place.family], slots_.data(), element))
            return false;
        const auto at = static_cast<std::ptrdiff_t>(offset_in(side.boxes.families[place.family], element));
        const Real* numbers = side.mean[place.family].at(at, right ? first_ : left_);
        for (std::size_t k = 0; k < lanes_; ++k)
            out[k] = right ? numbers[k] : *numbers;
    }
    for (const plan::GroupOp::SelfEntry& self : group.self) {
        const State<Real>& state = self.right ? *program_.right.state : *program_.left.state;
        const plan::SelfPlan& plan = *state.plan;
        Indices x;
        Indices y;
        const auto find = [&](const plan::Place& place, Indices& element) {
            return locate(place.indices, place.mode, plan.boxes[place.family], slots_.data(), element);
        };
        if (!find(self.entry.left, x) || !find(self.entry.right, y) || self.entry.array == plan::no_array)
            return false;
        const std::size_t at = entry_offset(plan.part.arrays[self.entry.array], x, y) * state.samples;
        for (std::size_t k = 0; k < used_; ++k) {
            const std::size_t sample = at + (self.right ? first_ + k : left_);
            out[k] = (state.plus[sample] - state.minus[sample]) / 4;
        }
    }
    return true;
}

// The product of the groups' expectations; T by the product rule over the groups with an element of each sample.
template <class Real> void TileMachine<Real>::product(std::uint32_t index, const Run& run) {
    const plan::PairOp& op = part_.ops[index];
    const bool slopes = op.tangent && tangent_;
    Real* value = row_[0].data();
    Real* t = row_[1].data();
    Real* c = row_[2].data();
    Real* d = row_[3].data();
    for (std::size_t p = 0; p < run.count(); ++p) {
        enter(run.piece(run.lower + static_cast<std::int64_t>(p), run.upper));
        std::fill_n(value, lanes_, Real(1));
        std::fill_n(t, lanes_, Real(0));
        for (std::size_t m = 0; m < op.groups.size(); ++m) {
            if (!group(op.groups[m], program_.ops[index].groups[m], c, slopes ? d : nullptr))
                std::fill_n(c, lanes_, Real(0));
            for (std::size_t k = 0; k < lanes_; ++k) {
                if (slopes)
                    t[k] = t[k] * c[k] + value[k] * d[k];
                value[k] *= c[k];
            }
        }
        const Entry out = entry(program_.ops[index].target, {});
        if (slopes)
            std::copy_n(t, lanes_, tangent(out));
        finish(op, out, value);
        settle(op, out, 1);
    }
}

// An entry from C by lane.
template <class Real> void TileMachine<Real>::finish(const plan::PairOp& op, const Entry& out, const Real* value) {
    if (out.array->value) {
        std::copy_n(value, lanes_, minus(out));
        return;
    }
    const plan::PairArray& array = part_.arrays[op.array];
    const Real a = *program_.left.inverse[array.left].at(out.left.element, left_);
    const Real* b = program_.right.inverse[array.right].at(out.right.element, first_);
    Real* m = minus(out);
    Real* p = plus(out);
    for (std::size_t k = 0; k < lanes_; ++k) {
        const Real rho = value[k] * (a * b[k]);
        m[k] = std::max(2 - 2 * rho, Real(0));
        if (p != nullptr)
            p[k] = std::max(2 + 2 * rho, Real(0));
    }
}

template class TileMachine<double>;
template class TileMachine<float>;

} // namespace tpc::execute
