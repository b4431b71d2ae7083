#include "compiler/limit/derivation.hpp"

#include <algorithm>

namespace tpc::limit {

using namespace ir;
using passes::Map;
using passes::Set;

namespace {

std::vector<Affine> side_by_side(const Access& left, const Access& right) {
    std::vector<Affine> both(left.indices.begin(), left.indices.end());
    both.insert(both.end(), right.indices.begin(), right.indices.end());
    return both;
}

bool moves(IndexMode mode) {
    return mode == IndexMode::wrap || mode == IndexMode::clamp;
}

// Pairs of raw indices -> the elements that their modes read.
Map under_modes(const IndexSpace& space, const Map& raw, const Element& x, bool x_right, const Element& y, bool y_right) {
    if (!moves(x.access.mode) && !moves(y.access.mode))
        return raw;
    return then(raw,
                product(space.mode_map(x.family, x_right, x.access.mode), space.mode_map(y.family, y_right, y.access.mode)));
}

// By family dimension: the one value that an element of the set has there, where the set shows it.
std::vector<std::optional<std::int64_t>> fixed(const Set& elements, unsigned from, unsigned count) {
    std::vector<std::optional<std::int64_t>> result;
    for (unsigned d = 0; d < count; ++d)
        result.push_back(elements.fixed(from + d));
    return result;
}

// Whether a statement may assign an element with these values.
bool may_assign(const Unit& unit, const std::vector<std::optional<std::int64_t>>& values) {
    for (std::size_t d = 0; d < values.size(); ++d)
        if (values[d] && unit.indices[d].is_constant() && !unit.indices[d].is_constant(*values[d]))
            return false;
    return true;
}

const Map& targets(Derivation& derivation, const PairKey& key) {
    PairNode& node = node_of(derivation, key);
    if (!node.targets) {
        std::vector<Affine> indices = derivation.units[key.left].indices;
        for (const Affine& index : derivation.units[key.right].indices)
            indices.push_back(derivation.prime(index));
        node.targets = derivation.space(key.self).map(derivation.loops(key), indices, {}, {}).reverse();
    }
    return *node.targets;
}

} // namespace

PairNode& node_of(Derivation& derivation, const PairKey& key) {
    const auto [place, fresh] = derivation.nodes.try_emplace(key);
    if (fresh) {
        std::vector<Condition> conditions;
        require(conditions, derivation.units[key.left].domain);
        for (const Range& range : derivation.units[key.right].domain.ranges)
            require(conditions, derivation.prime(range));
        for (const Condition& condition : derivation.units[key.right].domain.conditions)
            conditions.push_back({derivation.prime(condition.value), condition.relation});
        place->second.domain = derivation.space(key.self).set(derivation.loops(key), conditions);
    }
    return place->second;
}

void demand(Derivation& derivation, const PairKey& key, const Set& instances) {
    PairNode& node = node_of(derivation, key);
    if (node.last && instances.same_text(*node.last))
        return;
    node.last = instances;
    const Set wanted = instances & node.domain;
    if (wanted.empty() || (node.demand && wanted.subset_of(*node.demand)))
        return;
    node.demand = (node.demand ? *node.demand | wanted : wanted).affine_hull() & node.domain;
    derivation.queue.insert(key);
}

void demand_elements(Derivation& derivation, bool self, std::uint32_t x, std::uint32_t y, const Set& elements) {
    const unsigned left_rank = derivation.program().families[x].rank;
    const auto left_values = fixed(elements, 0, left_rank);
    const auto right_values = fixed(elements, left_rank, derivation.program().families[y].rank);
    const Set other = self ? elements.swapped(left_rank) : Set{};
    for (const std::size_t p : derivation.statements_of[x]) {
        if (!may_assign(derivation.units[p], left_values))
            continue;
        for (const std::size_t q : derivation.statements_of[y]) {
            if (!may_assign(derivation.units[q], right_values))
                continue;
            touch(derivation, p);
            touch(derivation, q);
            demand(derivation, {self, p, q}, targets(derivation, {self, p, q}).image(elements));
            if (self) // the same numbers under the other name
                demand(derivation, {true, q, p}, targets(derivation, {true, q, p}).image(other));
        }
    }
}

Set elements_of_one_sample(const IndexSpace& space, const std::vector<Symbol>& loops, const Set& instances, const Element& x,
                           bool x_right, const Element& y, bool y_right) {
    const Map raw = space.map(loops, side_by_side(x.access, y.access), {}, {});
    return under_modes(space, raw, x, x_right, y, y_right).image(instances);
}

Set elements_read(const Derivation& derivation, const PairKey& key, const Set& demanded, const std::vector<Range>& sums,
                  const std::vector<Condition>& conditions, const Element& left, const Element& right) {
    const IndexSpace& space = derivation.space(key.self);
    std::vector<Symbol> hidden;
    std::vector<Condition> required = conditions;
    for (const Range& range : sums) {
        hidden.push_back(range.index);
        require(required, range);
    }
    const Map raw = space.map(derivation.loops(key), side_by_side(left.access, right.access), hidden, required);
    return under_modes(space, raw, left, false, right, true).image(demanded) &
           product(space.assigned(left.family, false), space.assigned(right.family, true));
}

Set diagonal(Derivation& derivation, std::size_t unit) {
    std::vector<Condition> conditions;
    for (const Range& range : derivation.units[unit].domain.ranges)
        conditions.push_back({Affine::of(range.index) - Affine::of(derivation.result.primed(range.index)), Relation::zero});
    const PairKey key{true, unit, unit};
    return derivation.space(true).set(derivation.loops(key), conditions) & node_of(derivation, key).domain;
}

bool independent(const Derivation& derivation, const PairKey& key, const Set& elements, std::uint32_t x, std::uint32_t y) {
    return (wrapped(derivation.sources(key.self).common(x, y)) & elements).empty();
}

} // namespace tpc::limit
