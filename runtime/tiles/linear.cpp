// Linear operations of a tile: sums of terms, cut where an index leaves its range.
#include "compiler/plan/linear.hpp"
#include "runtime/rows/contract.hpp"
#include "runtime/tiles/fuse.hpp"
#include "runtime/tiles/machine.hpp"

#include <algorithm>

namespace tpc::execute {

using limit::PairTerm;

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
        const std::int64_t b = plan::coefficient(*d.index, sum) * (repeats - 1);
        const std::int64_t least = start + std::min<std::int64_t>(a, 0) + std::min<std::int64_t>(b, 0);
        const std::int64_t most = start + std::max<std::int64_t>(a, 0) + std::max<std::int64_t>(b, 0);
        return least >= d.lower && most < d.lower + d.size;
    });
}

// One term, or `repeats` of it along the sum `sum`; false when those do not make one row. What is not `paired` (its guards
// do not hold) counts in the gap only.
template <class Real>
bool TileMachine<Real>::add(const plan::TermOp& term, const TileTerm& own, const Run& run, bool gap, bool paired,
                            std::uint32_t sum, std::int64_t repeats) {
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
        const Spot at = spot(route, run, sum);
        return moving((right ? program_.right : program_.left).coefficients[*given.array], at, right);
    };
    out.left_factor = factor(term.left_factor, own.left_factor, false, own.left, out.left);
    out.right_factor = factor(term.right_factor, own.right_factor, true, own.right, out.right);
    const bool rated =
        term.kind == PairTerm::Kind::matmul || term.kind == PairTerm::Kind::input || term.kind == PairTerm::Kind::parameter;
    out.rate = rated && tangent_ ? static_cast<Real>(constant(own.rate)) : Real(0);
    switch (term.kind) {
    case PairTerm::Kind::parameter:
        if (!paired) {
            out.minus = {twos_.data(), 0, 0};
            out.rate = 0;
        }
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
        if (left.inside && right.inside && paired) {
            gram(term, left, right, run.count(), out);
            break;
        }
        if (!gap || (!left.inside && !right.inside))
            return true;
        out.minus = {twos_.data(), 0, 0};
        out.rate = 0;
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
        if (read.stored() && paired) {
            out.value = read.array->value;
            const auto at = [&](const Real* data) {
                return rows::Moving<Real>{data, read.step * row, read.again * row, read.sheet * row};
            };
            out.minus = at(minus(read));
            if (read.array->signs)
                out.plus = at(plus(read));
            if (read.array->moves)
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
    if (depth == 0 && !plan::hold(term.chosen, slots_.data())) // what sums run over does not change it
        return;
    if (depth == term.sums.size()) {
        if (const bool paired = plan::hold(term.guards, slots_.data()); paired || gap)
            add(term, own, run, gap, paired, no_slot, 1);
        return;
    }
    const plan::LoopRange& range = term.sums[depth];
    const std::int64_t lower = range.first(slots_.data());
    const std::int64_t upper = range.last(slots_.data());
    if (depth + 1 == term.sums.size() && own.repeats && upper > lower) {
        slots_[range.slot] = lower;
        const bool paired = plan::hold(term.guards, slots_.data());
        if ((!paired && !gap) || add(term, own, run, gap, paired, range.slot, upper - lower + 1))
            return;
    }
    for (std::int64_t i = lower; i <= upper; ++i) {
        slots_[range.slot] = i;
        collect(term, own, depth + 1, run, gap);
    }
}

// Puts what long sums come to in their places, or writes all there is to write, which is true then.
template <class Real> bool TileMachine<Real>::contract(std::size_t positions, const rows::LinearRow<Real>& out) {
    const auto is_long = [&](const rows::Term<Real>& term) { return rows::contracts(term, out.sheets, positions); };
    if (terms_.size() <= 2 && std::count_if(terms_.begin(), terms_.end(), is_long) == 1) { // closed at once
        const auto sum = std::find_if(terms_.begin(), terms_.end(), is_long);
        const auto other = sum == terms_.begin() ? terms_.end() - 1 : terms_.begin();
        if (other == sum || (rows::adds_entries(*other) && other->minus.data != out.minus)) { // that one is written over
            scratch_.resize(std::max(scratch_.size(), rows::contract_scratch(sum->repeats)));
            rows::ContractRow<Real> row{out.sheets, positions, lanes_, &*sum, out.minus, out.tangent, out.step, out.sheet};
            row.closing = &out;
            row.also = other == sum ? nullptr : &*other;
            rows::contract(row, scratch_.data());
            return true;
        }
    }
    const std::size_t size = out.sheets * positions * width_;
    std::size_t used = 0;
    for (rows::Term<Real>& term : terms_) {
        if (!is_long(term))
            continue;
        scratch_.resize(std::max(scratch_.size(), rows::contract_scratch(term.repeats)));
        const bool moves = tangent_ && (term.tangent.data != nullptr || term.rate != Real(0));
        rows::ContractRow<Real> row{out.sheets, positions, lanes_, &term, out.minus, out.tangent, out.step, out.sheet};
        if (used == sums_.size())
            sums_.emplace_back();
        Numbers<Real>& space = sums_[used++];
        space.resize(std::max(space.size(), 2 * size));
        row.value = space.data();
        row.tangent = moves ? space.data() + size : nullptr;
        row.step = static_cast<std::ptrdiff_t>(width_);
        row.sheet = row.step * static_cast<std::ptrdiff_t>(positions);
        rows::contract(row, scratch_.data());
        rows::Term<Real> sum;
        sum.value = true;
        sum.minus = {row.value, row.step, 0, row.sheet};
        if (moves)
            sum.tangent = {row.tangent, row.step, 0, row.sheet};
        term = sum;
    }
    return false;
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
    const bool raw = bare_ || value != nullptr || (arrays_[op.array].value && !fused(op));
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
            if (!contract(piece.count(), out))
                rows::linear(out);
            return;
        }
        const Entry to = entry(own.target, piece);
        if (op.accumulates) {
            rows::Term<Real> before;
            before.value = true;
            const auto row = static_cast<std::ptrdiff_t>(width_);
            before.minus = {minus(to), to.step * row, 0, to.sheet * row};
            if (to.array->moves)
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
        if (fused(op)) {
            dual_of_sum(index, entry(own.read, piece), out);
            if (!bare_) {
                settle(op, to, piece.count());
                to_value(op, to, piece.count());
            }
            continue;
        }
        if (const auto& factor = program_.factors[index].left)
            out.left_factor = moving(program_.left.coefficients[*factor->array], spot(own.left_factor, piece), false);
        if (const auto& factor = program_.factors[index].right)
            out.right_factor = moving(program_.right.coefficients[*factor->array], spot(own.right_factor, piece), true);
        if (!raw) {
            const plan::PairArray& array = part_.arrays[op.array];
            out.left_inverse = moving(program_.left.inverse[array.left], to.left, false);
            out.right_inverse = moving(program_.right.inverse[array.right], to.right, true);
        }
        if (gap || !contract(piece.count(), out))
            rows::linear(out);
        settle(op, to, piece.count());
    }
}

template void TileMachine<double>::linear(std::uint32_t, const Run&, double*, double*);
template void TileMachine<float>::linear(std::uint32_t, const Run&, float*, float*);

} // namespace tpc::execute
