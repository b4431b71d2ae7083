// Products of expectations of a tile.
#include "runtime/tiles/machine.hpp"

#include <algorithm>

namespace tpc::execute {

// C of an entry by lane.
template <class Real> void TileMachine<Real>::covariance(const Entry& read, Real* out) {
    const Real* m = minus(read);
    if (read.array->value) {
        std::copy_n(m, lanes_, out);
        return;
    }
    const std::size_t own = static_cast<std::size_t>(read.array - arrays_.data());
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
        if (t != nullptr && read.array->moves)
            std::copy_n(tangent(read), lanes_, t);
        return true;
    }
    std::fill_n(out, lanes_, Real(0));
    for (const auto& [right, place] : group.means) {
        const TileSide<Real>& side = right ? program_.right : program_.left;
        plan::Indices element;
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
        plan::Indices x;
        plan::Indices y;
        const auto find = [&](const plan::Place& place, plan::Indices& element) {
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
        if (out.array->moves)
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

template void TileMachine<double>::product(std::uint32_t, const Run&);
template void TileMachine<float>::product(std::uint32_t, const Run&);

} // namespace tpc::execute
