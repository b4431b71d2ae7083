#include "runtime/tiles/halo.hpp"

#include "compiler/plan/intervals.hpp"

#include <algorithm>

namespace tpc::execute {

using limit::PairTerm;
using plan::Interval;
using plan::Intervals;

namespace {

// Wide reads stay tests: a halo should be a border.
std::int64_t most_beyond(std::int64_t size) {
    return std::max<std::int64_t>(2, size / 4);
}

class Grower {
  public:
    Grower(const plan::Plan& plan, const plan::Part& part) : plan_(plan), part_(part), loops_(plan::loops_of(part)) {
        const auto finite = [](const plan::SelfPlan& side) {
            std::vector<plan::Box> boxes;
            for (const plan::FiniteArray& array : side.finite)
                boxes.push_back(array.box);
            return boxes;
        };
        halo_.left = {plan.left.boxes, finite(plan.left)};
        halo_.right = {plan.right.boxes, finite(plan.right)};
        for (const plan::PairArray& array : part.arrays)
            halo_.arrays.push_back(array.box);
    }

    Halo run() {
        for (const plan::PairOp& op : part_.ops)
            for (const plan::TermOp& term : op.terms) {
                Intervals slots = loops_;
                for (const plan::LoopRange& sum : term.sums)
                    plan::set(sum, slots);
                if (term.kind == PairTerm::Kind::input) {
                    grow(term.left_place, plan_.left.finite[term.left_finite].box, halo_.left.finite[term.left_finite],
                         slots);
                    grow(term.right_place, plan_.right.finite[term.right_finite].box, halo_.right.finite[term.right_finite],
                         slots);
                } else if (term.kind == PairTerm::Kind::matmul || term.kind == PairTerm::Kind::read) {
                    entry(term.entry, slots);
                }
            }
        if (plan_.same_sizes) { // an element has one offset on both sides
            for (std::size_t f = 0; f < halo_.left.families.size(); ++f)
                unite(halo_.left.families[f], halo_.right.families[f]);
            for (std::size_t f = 0; f < halo_.left.finite.size(); ++f)
                unite(halo_.left.finite[f], halo_.right.finite[f]);
        }
        return std::move(halo_);
    }

  private:
    const plan::Plan& plan_;
    const plan::Part& part_;
    Intervals loops_;
    Halo halo_;

    static void unite(plan::Box& a, plan::Box& b) {
        for (std::size_t d = 0; d < a.size.size(); ++d) {
            const std::int64_t upper = std::max(a.lower[d] + a.size[d], b.lower[d] + b.size[d]);
            a.lower[d] = b.lower[d] = std::min(a.lower[d], b.lower[d]);
            a.size[d] = b.size[d] = upper - a.lower[d];
        }
    }
    static void grow(std::int64_t lower, std::int64_t size, const Interval& range, std::int64_t& outer_lower,
                     std::int64_t& outer_size) {
        const std::int64_t below = std::max<std::int64_t>(0, lower - range.lower);
        const std::int64_t above = std::max<std::int64_t>(0, range.upper - (lower + size - 1));
        if (below > most_beyond(size) || above > most_beyond(size))
            return;
        const std::int64_t upper = std::max(outer_lower + outer_size, lower + size + above);
        outer_lower = std::min(outer_lower, lower - below);
        outer_size = upper - outer_lower;
    }
    static void grow(const plan::Place& place, const plan::Box& box, plan::Box& outer, const Intervals& slots) {
        if (place.mode != ir::IndexMode::zero)
            return;
        for (std::size_t d = 0; d < place.indices.size(); ++d)
            grow(box.lower[d], box.size[d], plan::range_of(place.indices[d], slots), outer.lower[d], outer.size[d]);
    }
    static void element(const plan::Place& place, const plan::SelfPlan& side, TileBoxes& boxes, const Intervals& slots) {
        if (const auto array = side.finite_of(place.family))
            grow(place, side.finite[*array].box, boxes.finite[*array], slots);
        else
            grow(place, side.boxes[place.family], boxes.families[place.family], slots);
    }
    void entry(const plan::EntryRead& read, const Intervals& slots) {
        element(read.left, plan_.left, halo_.left, slots);
        element(read.right, plan_.right, halo_.right, slots);
        if (read.array == plan::no_array)
            return;
        const plan::PairArray& array = part_.arrays[read.array];
        plan::Box& outer = halo_.arrays[read.array];
        const std::size_t left_rank = read.left.indices.size();
        for (std::size_t k = 0; k < array.kept.size(); ++k) {
            const std::size_t d = array.kept[k];
            const plan::Place& place = d < left_rank ? read.left : read.right;
            if (place.mode == ir::IndexMode::zero)
                grow(array.box.lower[k], array.box.size[k],
                     plan::range_of(place.indices[d < left_rank ? d : d - left_rank], slots), outer.lower[k], outer.size[k]);
        }
    }
};

} // namespace

Halo halo_of(const plan::Plan& plan, const plan::Part& part) {
    return Grower(plan, part).run();
}

} // namespace tpc::execute
