#include "compiler/limit/index_space.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tpc::limit {

using namespace ir;
using passes::Constraint;
using passes::Map;
using passes::Set;

namespace {

constexpr unsigned no_parameter = ~0U;

Affine primed(const Affine& affine, std::uint32_t offset) {
    if (offset == 0)
        return affine;
    return substitute(affine, [&](Symbol s) -> std::optional<Affine> {
        return Affine::of(static_cast<Symbol>(static_cast<std::uint32_t>(s) + offset));
    });
}

void add(Constraint& constraint, unsigned column, std::int64_t coefficient) {
    for (auto& [known, sum] : constraint.terms)
        if (known == column) {
            sum += coefficient;
            return;
        }
    constraint.terms.emplace_back(column, coefficient);
}

// factor * a + b
Constraint combined(std::int64_t factor, const Constraint& a, const Constraint& b) {
    Constraint result = b;
    result.constant += factor * a.constant;
    for (const auto& [column, coefficient] : a.terms)
        add(result, column, factor * coefficient);
    return result;
}

Constraint column(unsigned k) {
    Constraint result;
    result.terms.emplace_back(k, 1);
    return result;
}

Constraint constant(std::int64_t value) {
    Constraint result;
    result.constant = value;
    return result;
}

Constraint is_zero(Constraint value) {
    value.equality = true;
    return value;
}

} // namespace

void require(std::vector<Condition>& conditions, const Range& range) {
    conditions.push_back({Affine::of(range.index) - range.lower, Relation::non_negative});
    conditions.push_back({range.upper - Affine::of(range.index), Relation::non_negative});
}

void require(std::vector<Condition>& conditions, const Domain& domain) {
    for (const Range& range : domain.ranges)
        require(conditions, range);
    conditions.insert(conditions.end(), domain.conditions.begin(), domain.conditions.end());
}

// Where symbols stand: parameters, then variables, then (behind `gap` columns) hidden ones.
struct IndexSpace::Columns {
    unsigned parameters;
    const std::vector<Symbol>& variables;
    unsigned gap;
    const std::vector<Symbol>& hidden;

    [[nodiscard]] unsigned of(Symbol symbol) const {
        if (const auto found = std::ranges::find(variables, symbol); found != variables.end())
            return parameters + static_cast<unsigned>(found - variables.begin());
        const auto found = std::ranges::find(hidden, symbol);
        if (found == hidden.end())
            throw passes::IntegerSetError("an index of the program is used outside of its range");
        return parameters + static_cast<unsigned>(variables.size()) + gap + static_cast<unsigned>(found - hidden.begin());
    }
};

IndexSpace::IndexSpace(const network::Network& network, std::uint32_t primed_from, SampleSpace left, SampleSpace right,
                       const passes::IntegerSets* beside)
    : network_(network), primed_from_(primed_from), spaces_{left, right} {
    const Program& program = network.program;
    symmetric_ =
        left.sizes && right.sizes ? *left.sizes == *right.sizes : !left.sizes && !right.sizes && left.prefix == right.prefix;
    parameter_of_.assign(std::size_t{2} * primed_from, no_parameter);
    for (const bool side : {false, true}) {
        const std::uint32_t offset = side ? primed_from : 0;
        for (std::uint32_t k = 0; k < primed_from && spaces_[side].sizes == nullptr; ++k) {
            if (!program.symbols[k].axis)
                continue;
            if (side && right.prefix == left.prefix && left.sizes == nullptr) {
                parameter_of_[k + offset] = parameter_of_[k];
                continue;
            }
            parameter_of_[k + offset] = static_cast<unsigned>(parameter_names_.size());
            parameter_names_.push_back(fmt::format("{}{}", spaces_[side].prefix, k));
            parameter_symbols_.push_back(static_cast<Symbol>(k + offset));
        }
    }
    sets_.emplace(parameter_names_, beside);
    statements_of_.resize(program.families.size());
    for (std::uint32_t k = 0; k < program.statements.size(); ++k)
        statements_of_[program.statements[k].family].push_back(k);
}

const Set& IndexSpace::assigned(std::uint32_t family, bool right) const {
    if (const auto found = assigned_.find({family, right}); found != assigned_.end())
        return found->second;
    if (right && symmetric_)
        return assigned_.emplace(std::pair(family, true), assigned(family, false)).first->second;
    Set all = sets_->no_points(network_.program.families[family].rank);
    const std::uint32_t offset = right ? primed_from_ : 0;
    for (const std::uint32_t k : statements_of_[family]) {
        const Statement& statement = network_.program.statements[k];
        std::vector<Symbol> loops;
        for (const Range& range : statement.domain.ranges)
            loops.push_back(static_cast<Symbol>(static_cast<std::uint32_t>(range.index) + offset));
        std::vector<Condition> conditions;
        require(conditions, statement.domain);
        for (Condition& condition : conditions)
            condition.value = primed(condition.value, offset);
        std::vector<Affine> target;
        for (const Affine& index : statement.indices)
            target.push_back(primed(index, offset));
        all = all | map(loops, target, {}, {}).image(set(loops, conditions));
    }
    return assigned_.emplace(std::pair(family, right), std::move(all)).first->second;
}

Constraint IndexSpace::numerator(const Affine& affine, const Columns& columns) const {
    Constraint result = constant(affine.constant);
    for (const auto& [symbol, coefficient] : affine.terms) {
        const auto id = static_cast<std::uint32_t>(symbol);
        const bool right = id >= primed_from_;
        const auto own = static_cast<Symbol>(right ? id - primed_from_ : id);
        if (!network_.program.info(own).axis)
            add(result, columns.of(symbol), coefficient);
        else if (spaces_[right].sizes != nullptr)
            result.constant += coefficient * spaces_[right].sizes->at(own);
        else
            add(result, parameter_of_[id], coefficient);
    }
    return result;
}

std::vector<std::vector<Constraint>> IndexSpace::alternatives(const std::vector<Condition>& conditions,
                                                              const Columns& columns) const {
    std::vector<std::vector<Constraint>> result(1);
    for (const Condition& condition : conditions) {
        Constraint value = numerator(condition.value, columns);
        value.equality = condition.relation == Relation::zero;
        if (condition.relation != Relation::non_zero) {
            for (std::vector<Constraint>& alternative : result)
                alternative.push_back(value);
            continue;
        }
        const std::size_t count = result.size();
        for (std::size_t k = 0; k < count; ++k) {
            result.push_back(result[k]);
            result[k].push_back(combined(1, value, constant(-1)));
            result.back().push_back(combined(-1, value, constant(-1)));
        }
    }
    return result;
}

Set IndexSpace::set(const std::vector<Symbol>& variables, const std::vector<Condition>& conditions) const {
    const auto parameters = static_cast<unsigned>(parameter_names_.size());
    std::optional<Set> result;
    for (std::vector<Constraint>& constraints : alternatives(conditions, {parameters, variables, 0, {}})) {
        for (unsigned k = 0; k < parameters; ++k)
            constraints.push_back(combined(1, column(k), constant(-1)));
        const Set one = sets_->set(static_cast<unsigned>(variables.size()), constraints);
        result = result ? *result | one : one;
    }
    return *result;
}

Map IndexSpace::map(const std::vector<Symbol>& from, const std::vector<Affine>& values, const std::vector<Symbol>& hidden,
                    const std::vector<Condition>& conditions) const {
    const auto parameters = static_cast<unsigned>(parameter_names_.size());
    const auto images = static_cast<unsigned>(values.size());
    const Columns columns{parameters, from, images, hidden};
    std::optional<Map> result;
    for (std::vector<Constraint>& constraints : alternatives(conditions, columns)) {
        for (unsigned k = 0; k < images; ++k) // denominator * w == numerator
            constraints.push_back(
                is_zero(combined(-values[k].denominator, column(parameters + static_cast<unsigned>(from.size()) + k),
                                 numerator(values[k], columns))));
        const Map one =
            sets_->map(static_cast<unsigned>(from.size()), images, static_cast<unsigned>(hidden.size()), constraints);
        result = result ? *result | one : one;
    }
    return *result;
}

std::optional<Constraint> IndexSpace::bound(const Set& one_point) const {
    for (const passes::Equality& equality : passes::equalities(one_point, parameter_names_)) {
        const std::int64_t sign = -equality.coefficients[0];
        if (sign != 1 && sign != -1)
            continue;
        Constraint result = constant(sign * equality.constant);
        for (unsigned k = 0; k < parameter_names_.size(); ++k)
            if (equality.parameters[k] != 0)
                result.terms.emplace_back(k, sign * equality.parameters[k]);
        return result;
    }
    return std::nullopt;
}

Map IndexSpace::mode_of_dimension(const Set& elements, unsigned dimension, IndexMode mode, bool sized) const {
    const bool moves = mode == IndexMode::wrap || mode == IndexMode::clamp;
    if (!moves || elements.empty())
        return sets_->identity(1); // `none`, `zero`: what is outside is no element
    const auto lower = bound(elements.least(dimension));
    const auto upper = bound(elements.greatest(dimension));
    if (!lower || !upper)
        return sets_->map(1, 1, 0, {}); // any element: a superset
    const auto parameters = static_cast<unsigned>(parameter_names_.size());
    const Constraint raw = column(parameters);
    const Constraint element = column(parameters + 1);
    const Constraint moved = combined(-1, raw, element);
    const Constraint from_lower = combined(-1, *lower, element);
    const Constraint to_upper = combined(-1, element, *upper);
    if (mode == IndexMode::clamp) {
        const Constraint below = combined(1, constant(-1), combined(-1, raw, *lower));
        const Constraint above = combined(1, constant(-1), combined(-1, *upper, raw));
        return sets_->map(1, 1, 0, {is_zero(moved), from_lower, to_upper}) |
               sets_->map(1, 1, 0, {below, is_zero(from_lower)}) | sets_->map(1, 1, 0, {above, is_zero(to_upper)});
    }
    if (sized) {
        const Set::Bounds bounds = elements.bounds(dimension);
        const Constraint turns = combined(-(bounds.upper - bounds.lower + 1), column(parameters + 2), moved);
        return sets_->map(1, 1, 1, {is_zero(turns), from_lower, to_upper});
    }
    // At most once around, as the text of a recursion shows it; plans have sizes.
    const Constraint size = combined(1, constant(1), combined(-1, *lower, *upper));
    return sets_->map(1, 1, 0, {from_lower, to_upper, is_zero(moved)}) |
           sets_->map(1, 1, 0, {from_lower, to_upper, is_zero(combined(-1, size, moved))}) |
           sets_->map(1, 1, 0, {from_lower, to_upper, is_zero(combined(1, size, moved))});
}

const Map& IndexSpace::mode_map(std::uint32_t family, bool right, IndexMode mode) const {
    const auto key = std::tuple(family, right, mode);
    if (const auto found = modes_.find(key); found != modes_.end())
        return found->second;
    const unsigned rank = network_.program.families[family].rank;
    if (mode != IndexMode::wrap && mode != IndexMode::clamp)
        return modes_.emplace(key, sets_->identity(rank)).first->second;
    const Set& elements = assigned(family, right);
    Map result = sets_->identity(0);
    for (unsigned d = 0; d < rank; ++d)
        result = product(result, mode_of_dimension(elements, d, mode, spaces_[right].sizes != nullptr));
    return modes_.emplace(key, std::move(result)).first->second;
}

} // namespace tpc::limit
