#include "runtime/tiles/route.hpp"

#include "compiler/plan/intervals.hpp"
#include "compiler/plan/linear.hpp"

#include <algorithm>

namespace tpc::execute {

void Address::add(const plan::Linear& index, std::ptrdiff_t stride) {
    base += stride * index.constant;
    for (const auto& [slot, coefficient] : index.terms) {
        const auto found = std::ranges::find(factors, slot, [](const auto& factor) { return factor.first; });
        if (found != factors.end())
            found->second += stride * coefficient;
        else
            factors.emplace_back(slot, stride * coefficient);
    }
}

bool Route::straight_along(std::uint32_t slot) const {
    return straight && std::none_of(folded.begin(), folded.end(),
                                    [&](const Dimension& d) { return plan::coefficient(*d.index, slot) != 0; });
}

namespace {

using limit::PairTerm;

bool straight_along(const TileOp& op, std::uint32_t slot) {
    const auto all = [&](std::initializer_list<const Route*> routes) {
        return std::all_of(routes.begin(), routes.end(), [&](const Route* route) { return route->straight_along(slot); });
    };
    return op.groups.empty() &&
           all({&op.target.left, &op.target.right, &op.read.left, &op.read.right, &op.left_factor, &op.right_factor}) &&
           std::all_of(op.terms.begin(), op.terms.end(), [&](const TileTerm& term) {
               return all({&term.entry.left, &term.entry.right, &term.left_factor, &term.right_factor, &term.left_mean,
                           &term.right_mean});
           });
}

// right - left of a read or a target, as numbers and offsets, where the guards of an operation say so.
std::optional<plan::Linear> apart(const plan::Linear& right, const plan::Linear& left,
                                  const std::vector<plan::Guard>& guards, std::size_t symbols) {
    const auto of_offsets = [&](const plan::Linear& linear) {
        return std::all_of(linear.terms.begin(), linear.terms.end(), [&](const auto& t) { return t.first >= symbols; });
    };
    const auto difference = plan::difference(right, left);
    if (!difference || of_offsets(*difference))
        return difference;
    for (const plan::Guard& guard : guards)
        for (const std::int64_t sign : {1, -1})
            if (guard.relation == ir::Relation::zero && guard.value.denominator == 1)
                if (auto rest = plan::combine(guard.value, sign, *difference); of_offsets(rest))
                    return rest;
    return std::nullopt;
}

class Router {
  public:
    Router(const plan::Plan& plan, const plan::Part& part, const Halo& halo, const std::vector<Fold>& folds)
        : plan_(plan), part_(part), halo_(halo), folds_(folds), loops_(plan::loops_of(part)) {}

    TileRead entry(const plan::PairOp& op, const plan::EntryRead& read, const plan::Intervals& slots) const {
        TileRead result{side(read.left, halo_.left), side(read.right, halo_.right), read.array};
        if (read.array == plan::no_array)
            return result;
        const std::size_t left_rank = read.left.indices.size();
        strides(result, left_rank);
        // Where one side leaves its family, its border holds zeros for the elements of the other side that have entries.
        const plan::Box& left_box = plan_.left.box_of(read.left.family);
        const plan::Box& right_box = plan_.right.box_of(read.right.family);
        const bool left_stored = stored(read.array, read.left, 0, left_box, slots);
        if (!stored(read.array, read.right, left_rank, right_box, slots))
            for (std::size_t d = 0; d < left_rank; ++d)
                narrow(result.left.dimensions[d], left_box.lower[d], left_box.size[d]);
        // An index that the array does not keep follows from the left one for elements that are there: beyond its family
        // none of the rows is its, unless the read keeps to it there as well. Such rows hold nothing.
        const std::vector<std::size_t>& kept = part_.arrays[read.array].kept;
        for (std::size_t d = 0; d < result.right.dimensions.size(); ++d)
            if (!left_stored || (std::find(kept.begin(), kept.end(), left_rank + d) == kept.end() && !keeps(op, read, d)))
                narrow(result.right.dimensions[d], right_box.lower[d], right_box.size[d]);
        return result;
    }
    // The same, of an operation without sums.
    TileRead whole(const plan::PairOp& op, const plan::EntryRead& read) const {
        TileRead result = entry(op, read, loops_);
        within(result.left, loops_);
        within(result.right, loops_);
        return result;
    }
    static Route route(const std::vector<plan::Linear>& indices, ir::IndexMode mode, const plan::Box& inner,
                       const plan::Box& outer) {
        Route result;
        result.mode = mode;
        std::ptrdiff_t stride = 1;
        result.dimensions.resize(indices.size());
        for (std::size_t d = indices.size(); d-- > 0;) {
            const plan::Box& box = mode == ir::IndexMode::zero ? outer : inner;
            result.dimensions[d] = {&indices[d], box.lower[d], box.size[d], stride, 0};
            result.base -= stride * outer.lower[d];
            stride *= outer.size[d];
        }
        return result;
    }

    // In its coefficient array; nowhere where it is a number.
    static Route factor(const plan::Factor& f, const plan::SelfPlan& side) {
        if (!f.array)
            return {};
        const plan::Box& box = side.coefficients[*f.array].box;
        Route result = route(f.point, ir::IndexMode::none, box, box);
        straighten(result);
        return result;
    }
    void factors(const SumFactors& given, TileOp& op) const {
        if (given.left)
            op.left_factor = factor(*given.left, plan_.left);
        if (given.right)
            op.right_factor = factor(*given.right, plan_.right);
    }

    TileTerm term(const plan::PairOp& whole, const plan::TermOp& op) const {
        TileTerm result;
        plan::Intervals slots = loops_;
        for (const plan::LoopRange& sum : op.sums)
            plan::set(sum, slots);
        result.scale = folded(op.scale);
        result.rate = folded(op.rate);
        if (!op.left_factor.array)
            result.left = folded(op.left_factor.constant);
        if (!op.right_factor.array)
            result.right = folded(op.right_factor.constant);
        if (op.kind == PairTerm::Kind::input) {
            result.entry.left = route(op.left_place.indices, op.left_place.mode, plan_.left.finite[op.left_finite].box,
                                      halo_.left.finite[op.left_finite]);
            result.entry.right = route(op.right_place.indices, op.right_place.mode, plan_.right.finite[op.right_finite].box,
                                       halo_.right.finite[op.right_finite]);
        } else if (op.kind == PairTerm::Kind::matmul || op.kind == PairTerm::Kind::read) {
            result.entry = entry(whole, op.entry, slots);
        }
        within(result.entry.left, slots);
        within(result.entry.right, slots);
        result.left_factor = factor(op.left_factor, plan_.left);
        result.right_factor = factor(op.right_factor, plan_.right);
        if (op.left_mean)
            result.left_mean = side(*op.left_mean, halo_.left);
        if (op.right_mean)
            result.right_mean = side(*op.right_mean, halo_.right);
        for (Route* route : {&result.left_mean, &result.right_mean})
            straighten(*route);
        if (op.sums.empty() || op.kind == PairTerm::Kind::input)
            return result;
        const std::uint32_t slot = op.sums.back().slot;
        result.repeats = std::none_of(op.guards.begin(), op.guards.end(),
                                      [&](const plan::Guard& guard) { return plan::coefficient(guard.value, slot) != 0; }) &&
                         result.scale.fixed && result.rate.fixed && (op.left_factor.array || result.left.fixed) &&
                         (op.right_factor.array || result.right.fixed);
        return result;
    }
    TileRead target(const plan::PairOp& op) const {
        const plan::PairArray& array = part_.arrays[op.array];
        TileRead result{target_side(op.left_target, array.left, plan_.left, halo_.left),
                        target_side(op.right_target, array.right, plan_.right, halo_.right), op.array};
        strides(result, op.left_target.size());
        straighten(result.left);
        straighten(result.right);
        return result;
    }

  private:
    const plan::Plan& plan_;
    const plan::Part& part_;
    const Halo& halo_;
    const std::vector<Fold>& folds_;
    plan::Intervals loops_;

    // The read's right index `d` is where every element of the array has it, whatever the left one is. One that comes back
    // into its family on the left leaves the right one behind.
    bool keeps(const plan::PairOp& op, const plan::EntryRead& read, std::size_t d) const {
        if (read.left.mode == ir::IndexMode::wrap || read.left.mode == ir::IndexMode::clamp)
            return false;
        const std::size_t symbols = plan_.recursions.network.program.symbols.size();
        for (std::size_t e = 0; e < read.left.indices.size(); ++e) {
            const auto own = apart(read.right.indices[d], read.left.indices[e], op.guards, symbols);
            const auto same = [&](const plan::PairOp& writer) {
                if (writer.array != read.array || writer.output)
                    return true;
                const auto there = apart(writer.right_target[d], writer.left_target[e], writer.guards, symbols);
                return there && plan::constant_difference(*own, *there) == 0;
            };
            if (own && std::all_of(part_.ops.begin(), part_.ops.end(), same))
                return true;
        }
        return false;
    }
    // Every element of one side that is read has rows in the array, or is tested.
    bool stored(std::uint32_t array, const plan::Place& place, std::size_t first, const plan::Box& family,
                const plan::Intervals& slots) const {
        if (place.mode == ir::IndexMode::zero)
            return true;
        const std::vector<std::size_t>& kept = part_.arrays[array].kept;
        const plan::Box& rows = halo_.arrays[array];
        for (std::size_t k = 0; k < kept.size(); ++k) {
            if (kept[k] < first || kept[k] >= first + place.indices.size())
                continue;
            const std::size_t d = kept[k] - first;
            const plan::Interval range = place.mode == ir::IndexMode::none
                                             ? plan::range_of(place.indices[d], slots)
                                             : plan::Interval{family.lower[d], family.lower[d] + family.size[d] - 1};
            if (range.lower < rows.lower[k] || range.upper >= rows.lower[k] + rows.size[k])
                return false;
        }
        return true;
    }
    static void narrow(Route::Dimension& dimension, std::int64_t lower, std::int64_t size) {
        const std::int64_t upper = std::min(dimension.lower + dimension.size, lower + size);
        dimension.lower = std::max(dimension.lower, lower);
        dimension.size = upper - dimension.lower;
    }
    // Indices that cannot leave their range need no tests.
    static void within(Route& route, const plan::Intervals& slots) {
        const bool all = std::all_of(route.dimensions.begin(), route.dimensions.end(), [&](const Route::Dimension& d) {
            const plan::Interval range = plan::range_of(*d.index, slots);
            return range.lower >= d.lower && range.upper < d.lower + d.size;
        });
        if (all)
            route.mode = ir::IndexMode::none;
        straighten(route);
    }
    static void straighten(Route& route) {
        route.straight = route.mode == ir::IndexMode::none &&
                         std::all_of(route.dimensions.begin(), route.dimensions.end(),
                                     [](const Route::Dimension& d) { return d.index->denominator == 1; });
        if (!route.straight)
            return;
        route.element_at.base = route.base;
        for (const Route::Dimension& d : route.dimensions) {
            route.element_at.add(*d.index, d.element);
            if (d.period > 0)
                route.folded.push_back(d);
            else
                route.entry_at.add(*d.index, d.entry);
        }
    }

    // Offsets of the rows of the array.
    void strides(TileRead& read, std::size_t left_rank) const {
        const plan::PairArray& array = part_.arrays[read.array];
        const plan::Box& outer = halo_.arrays[read.array];
        std::ptrdiff_t stride = 1;
        for (std::size_t k = array.kept.size(); k-- > 0;) {
            const std::size_t d = array.kept[k];
            Route& route = d < left_rank ? read.left : read.right;
            Route::Dimension& dimension = route.dimensions[d < left_rank ? d : d - left_rank];
            dimension.entry = stride;
            if (const Fold& fold = folds_[read.array]; fold.period > 0 && fold.dimension == k) {
                dimension.period = fold.period;
                stride *= fold.period;
            } else {
                read.base -= stride * outer.lower[k];
                stride *= outer.size[k];
            }
            if (route.mode == ir::IndexMode::zero) // what is read inside the family is in the array
                narrow(dimension, outer.lower[k], outer.size[k]);
        }
    }
    plan::Constant folded(const plan::Constant& c) const {
        return execute::folded(plan_.recursions, plan_.left.sizes, plan_.right.sizes, c);
    }
    static Route target_side(const std::vector<plan::Linear>& indices, std::uint32_t family, const plan::SelfPlan& side,
                             const TileBoxes& boxes) {
        if (family >= side.boxes.size() && !side.finite_of(family)) // an output's: nothing of the sample belongs to it
            return {};
        return route(indices, ir::IndexMode::none, side.box_of(family), outer_of(side, boxes, family));
    }
    static const plan::Box& outer_of(const plan::SelfPlan& side, const TileBoxes& boxes, std::uint32_t family) {
        const auto array = side.finite_of(family);
        return array ? boxes.finite[*array] : boxes.families[family];
    }
    Route side(const plan::Place& place, const TileBoxes& boxes) const {
        const plan::SelfPlan& own = &boxes == &halo_.left ? plan_.left : plan_.right;
        return route(place.indices, place.mode, own.box_of(place.family), outer_of(own, boxes, place.family));
    }
};

} // namespace

std::vector<TileOp> routes_of(const plan::Plan& plan, const plan::Part& part, const std::vector<SumFactors>& factors,
                              const Halo& halo, const std::vector<Fold>& folds) {
    const Router router(plan, part, halo, folds);
    std::vector<TileOp> result;
    for (std::size_t k = 0; k < part.ops.size(); ++k) {
        const plan::PairOp& op = part.ops[k];
        TileOp tile;
        tile.alone = slots_alone(plan.recursions, op);
        if (!op.output)
            tile.target = router.target(op);
        if (op.rule == limit::Rule::dual)
            tile.read = router.whole(op, op.entry);
        for (const plan::TermOp& term : op.terms)
            tile.terms.push_back(router.term(op, term));
        router.factors(factors[k], tile);
        for (const plan::GroupOp& group : op.groups)
            tile.groups.push_back(group.cross ? router.whole(op, group.entry) : TileRead{});
        for (std::uint32_t slot = 0; slot < part.slots; ++slot)
            tile.straight.push_back(straight_along(tile, slot));
        result.push_back(std::move(tile));
    }
    return result;
}

} // namespace tpc::execute
