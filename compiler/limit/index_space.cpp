#include "compiler/limit/index_space.hpp"

#include <fmt/format.h>

namespace tpc::limit {

using namespace ir;
using passes::Map;
using passes::Set;

namespace {
std::string joined(const std::vector<std::string>& parts, const char* separator) {
    return fmt::format("{}", fmt::join(parts, separator));
}

Affine primed(const Affine& affine, std::uint32_t offset) {
    return substitute(affine, [&](Symbol s) -> std::optional<Affine> {
        return Affine::of(static_cast<Symbol>(static_cast<std::uint32_t>(s) + offset));
    });
}
} // namespace

IndexSpace::IndexSpace(const Network& network, std::uint32_t primed_from, SampleSpace left, SampleSpace right)
    : network_(network), primed_from_(primed_from), spaces_{left, right} {
    const Program& program = network.program;
    for (const bool side : {false, true}) {
        if (spaces_[side].sizes != nullptr || (side && right.prefix == left.prefix))
            continue;
        for (std::uint32_t k = 0; k < primed_from; ++k) {
            if (!program.symbols[k].axis)
                continue;
            parameter_names_.push_back(fmt::format("{}{}", spaces_[side].prefix, k));
            parameter_symbols_.push_back(static_cast<Symbol>(side ? k + primed_from : k));
        }
    }
    header_ = fmt::format("[{}] -> ", joined(parameter_names_, ","));
    // Axes are at least 1.
    for (const bool side : {false, true}) {
        assigned_[side].resize(program.families.size());
        for (std::uint32_t f = 0; f < program.families.size(); ++f) {
            std::vector<std::string> tuple;
            for (unsigned d = 0; d < program.families[f].rank; ++d)
                tuple.push_back(fmt::format("w{}", d));
            assigned_[side][f] = sets_.set(fmt::format("{}{{ [{}] : 0 = 1 }}", header_, joined(tuple, ",")));
        }
        for (const Statement& statement : program.statements) {
            std::vector<Symbol> loops;
            std::vector<std::string> constraints;
            const std::uint32_t offset = side ? primed_from : 0;
            const auto shift = [&](Symbol s) { return static_cast<Symbol>(static_cast<std::uint32_t>(s) + offset); };
            for (const Range& range : statement.domain.ranges) {
                loops.push_back(shift(range.index));
                constraints.push_back(
                    constraint({shift(range.index), primed(range.lower, offset), primed(range.upper, offset)}));
            }
            for (const Condition& condition : statement.domain.conditions)
                constraints.push_back(constraint(Condition{primed(condition.value, offset), condition.relation}));
            std::vector<Affine> target;
            for (const Affine& index : statement.indices)
                target.push_back(primed(index, offset));
            const Set points = set(loops, constraints);
            Set& all = assigned_[side][statement.family];
            all = all | map(loops, target, {}, {}).image(points);
        }
    }
}

std::string IndexSpace::variable(Symbol symbol) const {
    const auto id = static_cast<std::uint32_t>(symbol);
    const bool right = id >= primed_from_;
    const std::uint32_t own = right ? id - primed_from_ : id;
    if (!network_.program.symbols[own].axis)
        return fmt::format("s{}", id);
    const SampleSpace& space = spaces_[right];
    if (space.sizes != nullptr)
        return fmt::format("{}", space.sizes->at(static_cast<Symbol>(own)));
    return fmt::format("{}{}", space.prefix, own);
}

std::string IndexSpace::numerator(const Affine& affine) const {
    std::string text = fmt::format("{}", affine.constant);
    for (const auto& [symbol, coefficient] : affine.terms)
        text += fmt::format(" + {}*{}", coefficient, variable(symbol));
    return text;
}

std::string IndexSpace::equal(const std::string& name, const Affine& affine) const {
    return fmt::format("{}*{} = {}", affine.denominator, name, numerator(affine));
}

std::string IndexSpace::constraint(const Range& range) const {
    const std::string index = variable(range.index);
    return fmt::format("{}*{} >= {} and {}*{} <= {}", range.lower.denominator, index, numerator(range.lower),
                       range.upper.denominator, index, numerator(range.upper));
}

std::string IndexSpace::constraint(const Condition& condition) const {
    const char* relation = "=";
    if (condition.relation == Relation::non_negative)
        relation = ">=";
    if (condition.relation == Relation::non_zero)
        relation = "!=";
    return fmt::format("{} {} 0", numerator(condition.value), relation);
}

Set IndexSpace::set(const std::vector<Symbol>& variables, const std::vector<std::string>& constraints) const {
    std::vector<std::string> names;
    for (const Symbol symbol : variables)
        names.push_back(variable(symbol));
    std::vector<std::string> all = constraints;
    for (const std::string& parameter : parameter_names_)
        all.push_back(fmt::format("{} >= 1", parameter));
    return sets_.set(
        fmt::format("{}{{ [{}]{}{} }}", header_, joined(names, ","), all.empty() ? "" : " : ", joined(all, " and ")));
}

Map IndexSpace::map(const std::vector<Symbol>& from, const std::vector<Affine>& values, const std::vector<Symbol>& hidden,
                    const std::vector<std::string>& constraints) const {
    std::vector<std::string> names;
    for (const Symbol symbol : from)
        names.push_back(variable(symbol));
    std::vector<std::string> tuple;
    std::vector<std::string> all = constraints;
    for (std::size_t k = 0; k < values.size(); ++k) {
        tuple.push_back(fmt::format("w{}", k));
        all.push_back(equal(tuple.back(), values[k]));
    }
    std::vector<std::string> unseen;
    for (const Symbol symbol : hidden)
        unseen.push_back(variable(symbol));
    std::string body = joined(all, " and ");
    if (!unseen.empty() && !body.empty())
        body = fmt::format("exists {} : {}", joined(unseen, ","), body);
    return sets_.map(fmt::format("{}{{ [{}] -> [{}]{}{} }}", header_, joined(names, ","), joined(tuple, ","),
                                 body.empty() ? "" : " : ", body));
}

// The coordinate of a one-dimensional set of one point, as text, when it is affine in the axes.
std::optional<std::string> IndexSpace::bound(const Set& one_point) const {
    for (const passes::Equality& equality : passes::equalities(one_point, parameter_names_)) {
        const std::int64_t sign = -equality.coefficients[0];
        if (sign != 1 && sign != -1)
            continue;
        std::string text = fmt::format("{}", sign * equality.constant);
        for (std::size_t k = 0; k < parameter_names_.size(); ++k)
            if (equality.parameters[k] != 0)
                text += fmt::format(" + {}*{}", sign * equality.parameters[k], parameter_names_[k]);
        return text;
    }
    return std::nullopt;
}

Map IndexSpace::mode_map(std::uint32_t family, bool right, IndexMode mode) const {
    const auto key = std::tuple(family, right, mode);
    if (const auto found = modes_.find(key); found != modes_.end())
        return found->second;
    const Set& elements = assigned_[right][family];
    Map result = sets_.map(header_ + "{ [] -> [] }");
    for (unsigned d = 0; d < network_.program.families[family].rank; ++d) {
        std::string body = "w = r"; // `none`, `zero`: what is outside is no element
        if (!elements.empty() && (mode == IndexMode::wrap || mode == IndexMode::clamp)) {
            const auto lower = bound(elements.least(d));
            const auto upper = bound(elements.greatest(d));
            if (!lower || !upper) {
                body = "w = w"; // any element: a superset
            } else if (mode == IndexMode::clamp) {
                body = fmt::format("({0} <= r <= {1} and w = r) or (r < {0} and w = {0}) or (r > {1} and w = {1})", *lower,
                                   *upper);
            } else if (spaces_[right].sizes != nullptr) {
                const std::int64_t size = elements.bounds(d).upper - elements.bounds(d).lower + 1;
                body = fmt::format("exists q : w = r + {}*q and {} <= w <= {}", size, *lower, *upper);
            } else { // at most once around, as the text of a recursion shows it; plans have sizes
                body = fmt::format("{0} <= w <= {1} and (w = r or w = r + ({1}) - ({0}) + 1 or w = r - ({1}) + ({0}) - 1)",
                                   *lower, *upper);
            }
        }
        result = product(result, sets_.map(fmt::format("{}{{ [r] -> [w] : {} }}", header_, body)));
    }
    modes_.emplace(key, result);
    return result;
}

} // namespace tpc::limit
