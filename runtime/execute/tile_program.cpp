#include "runtime/execute/tile_program.hpp"

#include "compiler/plan/intervals.hpp"
#include "compiler/plan/items.hpp"
#include "compiler/plan/linear.hpp"
#include "runtime/execute/tile_fold.hpp"
#include "runtime/execute/tile_fuse.hpp"
#include "runtime/execute/tile_halo.hpp"
#include "runtime/execute/tile_through.hpp"
#include "runtime/rows/rows.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <unistd.h>

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
    return op.groups.empty() && all({&op.target.left, &op.target.right, &op.read.left, &op.read.right}) &&
           std::all_of(op.terms.begin(), op.terms.end(), [&](const TileTerm& term) {
               return all({&term.entry.left, &term.entry.right, &term.left_factor, &term.right_factor, &term.left_mean,
                           &term.right_mean});
           });
}

// Slots along which an operation cannot run as one row: their value changes more than addresses. Its own guards are looked
// at when it runs.
class Alone {
  public:
    explicit Alone(const limit::Recursions& recursions) : recursions_(recursions) {}

    std::vector<std::uint32_t> operator()(const plan::PairOp& op) {
        for (const auto* target : {&op.left_target, &op.right_target})
            fractions(*target);
        entry(op.entry, true);
        for (const plan::TermOp& term : op.terms) {
            for (const auto* guards : {&term.guards, &term.chosen})
                for (const plan::Guard& guard : *guards)
                    all(guard.value);
            for (const plan::LoopRange& range : term.sums) {
                all(range.lower);
                all(range.upper);
                for (const auto* bounds : {&range.lowers, &range.uppers})
                    std::for_each(bounds->begin(), bounds->end(), [&](const plan::Linear& bound) { all(bound); });
            }
            for (const plan::Factor* factor : {&term.left_factor, &term.right_factor}) {
                fractions(factor->point);
                if (!factor->array)
                    constant(factor->constant);
            }
            constant(term.scale);
            constant(term.rate);
            entry(term.entry, false);
            for (const plan::Place* place : {&term.left_place, &term.right_place})
                fractions(place->indices);
            for (const auto& mean : {term.left_mean, term.right_mean})
                if (mean)
                    place(*mean, true);
        }
        for (const plan::GroupOp& group : op.groups) {
            entry(group.entry, true);
            for (const auto& [right, mean] : group.means)
                place(mean, true);
            for (const plan::GroupOp::SelfEntry& self : group.self)
                entry(self.entry, true);
        }
        return {slots_.begin(), slots_.end()};
    }

  private:
    const limit::Recursions& recursions_;
    std::set<std::uint32_t> slots_;

    void all(const plan::Linear& linear) {
        for (const auto& [slot, coefficient] : linear.terms)
            slots_.insert(slot);
    }
    void fractions(const std::vector<plan::Linear>& indices) {
        for (const plan::Linear& index : indices)
            if (index.denominator != 1)
                all(index);
    }
    void place(const plan::Place& place, bool moded) {
        fractions(place.indices);
        if (moded && place.mode != ir::IndexMode::none)
            for (const plan::Linear& index : place.indices)
                all(index);
    }
    void entry(const plan::EntryRead& read, bool moded) {
        place(read.left, moded);
        place(read.right, moded);
    }
    void constant(const plan::Constant& c) {
        if (c.fixed)
            return;
        for (std::uint32_t slot = 0; slot < recursions_.network.program.symbols.size(); ++slot)
            if (plan::involves(recursions_.network.program.exprs, c.expression, slot))
                slots_.insert(slot);
    }
};

// Arrays whose entries cannot be negative: squares of functions that are not, and sums of those with positive weights.
template <class Real> std::vector<bool> never_negative(const plan::Part& part, const std::vector<TileDual<Real>>& duals) {
    std::vector<bool> result(part.arrays.size(), true);
    const auto positive = [](const plan::Factor& factor) { return !factor.array && factor.constant.fixed; };
    const auto term_is = [&](const plan::TermOp& term) {
        if (!positive(term.left_factor) || !positive(term.right_factor) || !term.scale.fixed || term.scale.value < 0 ||
            term.left_factor.constant.value * term.right_factor.constant.value < 0)
            return false;
        if (term.kind == PairTerm::Kind::parameter)
            return true;
        if (term.kind != PairTerm::Kind::matmul && term.kind != PairTerm::Kind::read)
            return false;
        return term.entry.array == plan::no_array || result[term.entry.array];
    };
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t k = 0; k < part.ops.size(); ++k) {
            const plan::PairOp& op = part.ops[k];
            if (!result[op.array])
                continue;
            const bool holds = op.rule == limit::Rule::dual ? duals[k].shape.nonnegative
                                                            : op.rule == limit::Rule::linear &&
                                                                  std::all_of(op.terms.begin(), op.terms.end(), term_is);
            if (holds)
                continue;
            result[op.array] = false;
            changed = true;
        }
    }
    return result;
}

// Arrays whose T is not 0: what depends on parameters.
std::vector<bool> moving(const plan::Part& part) {
    std::vector<bool> result(part.arrays.size(), false);
    const auto reads = [&](std::uint32_t array) { return array != plan::no_array && result[array]; };
    const auto term_is = [&](const plan::TermOp& term) {
        const bool read = term.kind == PairTerm::Kind::matmul || term.kind == PairTerm::Kind::read;
        const bool rated = term.kind != PairTerm::Kind::read && term.kind != PairTerm::Kind::means &&
                           !(term.rate.fixed && term.rate.value == 0);
        return rated || (read && reads(term.entry.array));
    };
    for (bool changed = true; changed;) {
        changed = false;
        for (const plan::PairOp& op : part.ops) {
            if (op.output || !op.tangent || result[op.array])
                continue;
            // the row operation of a sum and its dual kernel always has T
            const bool holds = fused(op) || (op.rule == limit::Rule::dual && reads(op.entry.array)) ||
                               std::any_of(op.terms.begin(), op.terms.end(), term_is) ||
                               std::any_of(op.groups.begin(), op.groups.end(), [&](const plan::GroupOp& group) {
                                   return group.cross && reads(group.entry.array);
                               });
            if (!holds)
                continue;
            result[op.array] = changed = true;
        }
    }
    return result;
}

// h_k / |h|, the slopes, and the sums of squares of even and odd h_k / |h|: for all samples, as rows want them.
template <class Real>
PerSample<Real> series_features(const std::vector<Real>& features, std::size_t terms, const TileLayout& layout,
                                const plan::Box& inner, const plan::Box& outer) {
    const std::size_t given = 2 * terms + 1; // what Dual::features says of a series
    const std::size_t samples = layout.samples;
    const auto elements = static_cast<std::size_t>(inner.count());
    std::vector<std::array<double, 2>> squares(elements * samples);
    for (std::size_t e = 0; e < elements; ++e)
        for (std::size_t k = 0; k < terms; ++k)
            for (std::size_t s = 0; s < samples; ++s) {
                const auto h = static_cast<double>(features[(e * given + k) * samples + s]);
                squares[e * samples + s][k % 2] += h * h;
            }
    return layout.make<Real>(inner, outer, series_width(terms), [&](std::size_t e, std::size_t k, std::size_t s) {
        const auto& [even, odd] = squares[e * samples + s];
        const double square = even + odd;
        if (k >= 2 * terms)
            return square > 0 ? static_cast<Real>((k == 2 * terms ? even : odd) / square) : Real(0);
        const Real h = features[(e * given + k) * samples + s];
        return k >= terms ? h : square > 0 ? static_cast<Real>(static_cast<double>(h) / std::sqrt(square)) : Real(0);
    });
}

// The features of any other method as they are.
template <class Real>
PerSample<Real> plain_features(const std::vector<Real>& features, std::size_t width, const TileLayout& layout,
                               const plan::Box& inner, const plan::Box& outer) {
    return layout.make<Real>(inner, outer, width, [&](std::size_t e, std::size_t k, std::size_t s) {
        return features[(e * width + k) * layout.samples + s];
    });
}

template <class Real>
TileDual<Real> tile_dual(const plan::EntryRead& read, const gaussian::Dual<Real>& method, const State<Real>& left,
                         const State<Real>& right) {
    TileDual<Real> dual;
    dual.method = &method;
    dual.shape = method.shape();
    // second moments are not variances: the method itself tells them apart
    if (!left.means[read.left.family].empty() || !right.means[read.right.family].empty())
        dual.shape.kind = gaussian::Shape::Kind::other;
    return dual;
}

template <class Real>
PerSample<Real> features_of(const TileDual<Real>& dual, const TileSide<Real>& side, std::uint32_t family,
                            const std::vector<Real>& given) {
    const plan::Box& inner = side.state->plan->boxes[family];
    const plan::Box& outer = side.boxes.families[family];
    return dual.shape.kind == gaussian::Shape::Kind::series
               ? series_features(given, dual.shape.terms, side.layout, inner, outer)
               : plain_features(given, dual.method->features(), side.layout, inner, outer);
}

// What operations read of left and of right elements: norms of what they sum or multiply, inverses of what they write.
template <class Real> std::array<TileNeeds, 2> needs_of(const TileProgram<Real>& program) {
    const plan::Part& part = program.part;
    const std::size_t families = program.plan->recursions.network.program.families.size();
    const TileNeeds none{std::vector<bool>(families, false), std::vector<bool>(families, false)};
    std::array<TileNeeds, 2> needs{none, none};
    const auto mark = [&](std::vector<bool> TileNeeds::*number, std::uint32_t left, std::uint32_t right) {
        for (const auto& [side, family] : {std::pair{0u, left}, std::pair{1u, right}})
            if (family < families) // else an output's or finite vectors
                (needs[side].*number)[family] = true;
    };
    for (std::size_t k = 0; k < part.ops.size(); ++k) {
        const plan::PairOp& op = part.ops[k];
        const bool by_rows = op.rule == limit::Rule::dual && coarse(program.duals[k], program.arrays[op.array]);
        if (!op.output && (fused(op) || !exact_for_equal(program.duals[k], by_rows)))
            mark(&TileNeeds::inverse, part.arrays[op.array].left, part.arrays[op.array].right);
        if (op.rule == limit::Rule::dual && !by_rows)
            mark(&TileNeeds::norm, op.entry.left.family, op.entry.right.family);
        for (const plan::TermOp& term : op.terms)
            if (term.kind == PairTerm::Kind::matmul || term.kind == PairTerm::Kind::read)
                mark(&TileNeeds::norm, term.entry.left.family, term.entry.right.family);
        for (const plan::GroupOp& group : op.groups)
            if (group.cross && group.entry.array != plan::no_array)
                mark(&TileNeeds::norm, part.arrays[group.entry.array].left, part.arrays[group.entry.array].right);
    }
    return needs;
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
        const auto factor = [](const plan::Factor& f, const plan::SelfPlan& side) {
            if (!f.array)
                return Route{};
            const plan::Box& box = side.coefficients[*f.array].box;
            return route(f.point, ir::IndexMode::none, box, box);
        };
        result.left_factor = factor(op.left_factor, plan_.left);
        result.right_factor = factor(op.right_factor, plan_.right);
        if (op.left_mean)
            result.left_mean = side(*op.left_mean, halo_.left);
        if (op.right_mean)
            result.right_mean = side(*op.right_mean, halo_.right);
        for (Route* route : {&result.left_factor, &result.right_factor, &result.left_mean, &result.right_mean})
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

std::size_t series_width(std::size_t terms) {
    return 2 * terms + 2;
}

namespace {

constexpr std::size_t fewest_lanes = 16; // of a row of the workspace

// Rows of one array, layers folded.
std::size_t rows_of(const plan::Box& outer, const Fold& fold) {
    const auto count = static_cast<std::size_t>(outer.count());
    return fold.period == 0
               ? count
               : count / static_cast<std::size_t>(outer.size[fold.dimension]) * static_cast<std::size_t>(fold.period);
}

// As many lanes as keep the workspace in the second-level cache, blocks of nearly the same size.
template <class Real> std::size_t lanes_of(std::size_t bytes, std::size_t samples) {
    constexpr std::size_t most_lanes = 512;
    constexpr std::size_t usual_cache = std::size_t{2} << 20;
    constexpr std::size_t step = rows::lane_step<Real>;
    static const long own_cache = sysconf(_SC_LEVEL2_CACHE_SIZE);
    const std::size_t cache = own_cache > 0 ? static_cast<std::size_t>(own_cache) : usual_cache;
    const auto whole = [](std::size_t lanes) { return (lanes + step - 1) / step * step; };
    const std::size_t fitting = cache / 4 * 3 / std::max<std::size_t>(1, bytes) / step * step;
    const std::size_t most = std::clamp(fitting, fewest_lanes, most_lanes);
    const std::size_t all = std::max(samples, std::size_t{1});
    const std::size_t blocks = (all + most - 1) / most;
    return whole((all + blocks - 1) / blocks);
}

// The workspace of the narrowest row.
template <class Real> std::size_t bytes_of(const plan::Plan& plan, const plan::Part& part) {
    const Halo halo = halo_of(plan, part);
    const std::vector<Fold> folds = folds_of(plan, part);
    std::size_t rows = 0;
    for (std::size_t a = 0; a < folds.size(); ++a)
        rows += 3 * rows_of(halo.arrays[a], folds[a]);
    return rows * fewest_lanes * sizeof(Real);
}

// Planes where whole arrays would not stay in the second-level cache: rows within a plane are short, often of one position.
template <class Real> const plan::Part& forward_of(const plan::Plan& plan) {
    constexpr std::size_t most_bytes = std::size_t{1} << 19;
    return plan.planes && bytes_of<Real>(plan, plan.whole()) > most_bytes ? *plan.planes : plan.whole();
}

} // namespace

template <class Real> bool fits_tiles(const plan::Plan& plan) {
    constexpr std::size_t most_bytes = std::size_t{2} << 30; // for each thread
    for (const plan::PairOp& op : plan.whole().ops)
        for (const plan::GroupOp& group : op.groups)
            if (group.joint)
                return false;
    return tile_bytes<Real>(plan) <= most_bytes;
}

template <class Real> std::size_t tile_bytes(const plan::Plan& plan) {
    return bytes_of<Real>(plan, forward_of<Real>(plan));
}

template <class Real>
TileProgram<Real> tile_program(const plan::Plan& plan, const State<Real>& left, const State<Real>& right,
                               const std::vector<DualFeatures<Real>>& features, bool tangent) {
    TileProgram<Real> program;
    program.plan = &plan;
    const plan::Part& forward = forward_of<Real>(plan);
    program.duals.resize(forward.ops.size());
    std::vector<bool> with_sums(forward.ops.size(), false);
    for (std::size_t k = 0; k < with_sums.size(); ++k)
        if (const plan::PairOp& op = forward.ops[k]; op.rule == limit::Rule::dual) {
            program.duals[k] = tile_dual(op.entry, *features[k].dual, left, right);
            with_sums[k] = tangent && op.tangent && takes_sums(program.duals[k]) && !forward.arrays[op.array].value;
        }
    program.part = read_through(fuse(forward, with_sums));
    const plan::Part& part = program.part;
    const Halo halo = halo_of(plan, part);
    const std::vector<Fold> folds = folds_of(plan, part);
    const auto each_dual = [&](const auto& visit) {
        for (std::size_t k = 0; k < part.ops.size(); ++k)
            if (part.ops[k].rule == limit::Rule::dual)
                visit(program.duals[k], part.ops[k].entry, features[k]);
    };
    std::size_t cached = 0; // numbers of each right sample that every tile reads
    each_dual([&](TileDual<Real>& dual, const plan::EntryRead& read, const DualFeatures<Real>&) {
        cached += dual.method->features() * static_cast<std::size_t>(halo.right.families[read.right.family].count());
    });
    const std::vector<bool> nonnegative = never_negative(part, program.duals);
    const std::vector<bool> moves = moving(part);
    for (std::size_t a = 0; a < part.arrays.size(); ++a) {
        TileArray tile;
        tile.value = part.arrays[a].value;
        tile.signs = !tile.value && !nonnegative[a];
        tile.moves = tangent && moves[a];
        tile.rows = rows_of(halo.arrays[a], folds[a]);
        const auto take = [&](std::size_t& offset) {
            offset = program.rows;
            program.rows += tile.rows;
        };
        take(tile.minus);
        if (tile.signs)
            take(tile.plus);
        if (tile.moves)
            take(tile.tangent);
        program.arrays.push_back(tile);
    }
    program.lanes = lanes_of<Real>((program.rows + cached) * sizeof(Real), right.samples);
    const auto [left_needs, right_needs] = needs_of(program);
    program.left = tile_side(left, 1, halo.left, left_needs);
    program.right = tile_side(right, program.lanes, halo.right, right_needs);
    each_dual([&](TileDual<Real>& dual, const plan::EntryRead& read, const DualFeatures<Real>& prepared) {
        if (dual.method->features() == 0)
            return;
        dual.left = features_of(dual, program.left, read.left.family, *prepared.left);
        dual.right = features_of(dual, program.right, read.right.family, *prepared.right);
    });
    const Router router(plan, part, halo, folds);
    for (std::size_t k = 0; k < part.ops.size(); ++k) {
        const plan::PairOp& op = part.ops[k];
        TileOp tile;
        if (fused(op))
            tile.signs = !nonnegative[forward.ops[k].entry.array];
        tile.alone = Alone(plan.recursions)(op);
        if (!op.output)
            tile.target = router.target(op);
        if (op.rule == limit::Rule::dual)
            tile.read = router.whole(op, op.entry);
        for (const plan::TermOp& term : op.terms)
            tile.terms.push_back(router.term(op, term));
        for (const plan::GroupOp& group : op.groups)
            tile.groups.push_back(group.cross ? router.whole(op, group.entry) : TileRead{});
        for (std::uint32_t slot = 0; slot < part.slots; ++slot)
            tile.straight.push_back(straight_along(tile, slot));
        program.ops.push_back(std::move(tile));
    }
    return program;
}

template bool fits_tiles<double>(const plan::Plan&);
template bool fits_tiles<float>(const plan::Plan&);
template std::size_t tile_bytes<double>(const plan::Plan&);
template std::size_t tile_bytes<float>(const plan::Plan&);
template TileProgram<double> tile_program(const plan::Plan&, const State<double>&, const State<double>&,
                                          const std::vector<DualFeatures<double>>&, bool);
template TileProgram<float> tile_program(const plan::Plan&, const State<float>&, const State<float>&,
                                         const std::vector<DualFeatures<float>>&, bool);

} // namespace tpc::execute
