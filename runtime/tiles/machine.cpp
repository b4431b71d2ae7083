#include "runtime/tiles/machine.hpp"

#include "compiler/plan/linear.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::execute {

std::int64_t step_of(const plan::Linear& linear, const Run& run) {
    return (run.slot == no_slot ? 0 : plan::coefficient(linear, run.slot)) +
           (run.also == no_slot ? 0 : plan::coefficient(linear, run.also));
}

template <class Real>
TileMachine<Real>::TileMachine(const TileProgram<Real>& program, Real* space, bool tangent, bool bare)
    : program_(program), part_(program.part), arrays_(bare ? program.bare : program.arrays), width_(program.width),
      tangent_(tangent), bare_(bare), slots_(part_.slots, 0), space_(space), zeros_(width_, Real(0)), twos_(width_, Real(2)),
      same_(width_, Real(0)), apart_(width_, Real(0)) {
    for (auto& scratch : row_)
        scratch.assign(width_, Real(0));
}

template <class Real>
void TileMachine<Real>::load(std::size_t left, std::size_t first, std::size_t lanes, std::size_t used,
                             std::vector<std::size_t> equal, std::size_t following) {
    following_ = following;
    left_ = left;
    first_ = first;
    lanes_ = lanes;
    used_ = used;
    equal_ = std::move(equal);
    std::fill(apart_.begin(), apart_.end(), Real(1));
    std::fill(same_.begin(), same_.end(), Real(0));
    for (const std::size_t lane : equal_)
        same_[lane] = 1;
    for (std::uint32_t a = 0; a < part_.arrays.size(); ++a)
        if (part_.arrays[a].accumulated)
            clear(a);
}

template <class Real> void TileMachine<Real>::clear(std::uint32_t array) {
    const TileArray& own = arrays_[array];
    const auto rows = static_cast<std::ptrdiff_t>(own.rows * width_);
    // gaps of elements that are 0 count for nothing
    if (own.value)
        std::fill_n(row(own.minus, 0), rows, Real(0));
    if (own.moves)
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
        std::ptrdiff_t again = sum == no_slot ? 0 : plan::coefficient(*d.index, sum);
        if (index < d.lower || index >= d.lower + d.size) {
            const auto mapped = ir::apply_mode(index, d.lower, d.lower + d.size - 1, route.mode);
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
    result.array = &arrays_[read.array];
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
        const std::vector<bool>& by_slot = program_.ops[index].straight;
        return (along.slot == no_slot || by_slot[along.slot]) && (along.also == no_slot || by_slot[along.also]);
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

template <class Real>
rows::Moving<Real> TileMachine<Real>::moving(const PerSample<Real>& numbers, const Spot& spot, bool right) const {
    return {numbers.at(spot.element, right ? first_ : left_), spot.element_step * numbers.element,
            spot.element_again * numbers.element, spot.element_sheet * numbers.element};
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
    const auto row = static_cast<std::ptrdiff_t>(width_);
    const PerSample<Real>& all = program_.right.inverse[part_.arrays[op.array].right];
    const rows::Moving<Real> inverse = moving(all, right, true);
    Real* const to_minus = minus(out);
    Real* const to_plus = plus(out);
    for (std::ptrdiff_t sheet = 0; sheet < static_cast<std::ptrdiff_t>(outer_.count()); ++sheet)
        for (std::ptrdiff_t p = 0; p < static_cast<std::ptrdiff_t>(count); ++p) {
            const auto element = [&](const Spot& spot) {
                return spot.element + sheet * spot.element_sheet + p * spot.element_step;
            };
            if (element(left) != element(right))
                continue;
            const Real* own = inverse.data + sheet * inverse.sheet + p * inverse.step;
            const std::ptrdiff_t at = (sheet * out.sheet + p * out.step) * row;
            for (const std::size_t lane : equal_) {
                const auto to = at + static_cast<std::ptrdiff_t>(lane);
                const bool none = own[lane] == Real(0);
                to_minus[to] = none ? Real(2) : Real(0);
                if (to_plus != nullptr)
                    to_plus[to] = none ? Real(2) : Real(4);
            }
        }
}

template class TileMachine<double>;
template class TileMachine<float>;

} // namespace tpc::execute
