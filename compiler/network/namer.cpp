// Statements of their own for hoisted expressions, and for all members of parameters.
#include "compiler/network/namer.hpp"

#include "compiler/check/uses.hpp"
#include "compiler/ir/renaming.hpp"
#include "compiler/network/form.hpp"

#include <algorithm>
#include <utility>

namespace tpc::network {

using namespace ir;

ExprId Namer::of_moved(const check::OutputTerm& term, const Context& context) {
    const auto [own, first] = own_.try_emplace(term.parameter, term.parameter);
    if (first)
        own->second = apart_from_network(term.parameter);
    Node member;
    member.op = Op::parameter;
    member.type = Type::vector;
    member.target = own->second;
    member.access = term.member;
    member.span = term.span;
    const ExprId vector = program_.exprs.add(member);
    if (term.kind == check::OutputTerm::Kind::scalar)
        return hoist(vector, context, "g");
    return hoist(program_.exprs.apply(Function::mul, {vector, term.vector}, term.span), context, "o");
}

std::uint32_t Namer::apart_from_network(std::uint32_t parameter) {
    bool used = false;
    for (const Statement& statement : program_.statements)
        check::visit(program_.exprs, statement.value, [&](ExprId, const Node& part) {
            used = used || (part.op == Op::parameter && part.target == parameter);
        });
    if (!used)
        return parameter;
    program_.parameters.push_back(Parameter(program_.parameters[parameter]));
    program_.parameters.back().name = names_.fresh(program_.parameters[parameter].name);
    return static_cast<std::uint32_t>(program_.parameters.size() - 1);
}

void Namer::shape(ExprId id, std::vector<std::uint32_t>& result) const {
    const Node& n = node(id);
    for (const auto part : {static_cast<std::uint32_t>(n.op), static_cast<std::uint32_t>(n.function), n.target,
                            static_cast<std::uint32_t>(n.children.size())})
        result.push_back(part);
    for (const ExprId child : n.children)
        shape(child, result);
}

std::optional<std::uint32_t> Namer::named(ExprId value, const Domain& domain, const std::vector<Named>& known) {
    for (const Named& one : known) {
        if (one.domain.ranges.size() != domain.ranges.size())
            continue;
        const auto rename = [&](Symbol symbol) -> std::optional<Affine> {
            for (std::size_t k = 0; k < domain.ranges.size(); ++k)
                if (one.domain.ranges[k].index == symbol)
                    return Affine::of(domain.ranges[k].index);
            return std::nullopt;
        };
        bool equal =
            (one.domain.conditions.empty() && passed_.contains(one.family)) || one.domain.conditions == domain.conditions;
        for (std::size_t k = 0; k < domain.ranges.size(); ++k)
            equal = equal && substitute(one.domain.ranges[k].lower, rename) == domain.ranges[k].lower &&
                    substitute(one.domain.ranges[k].upper, rename) == domain.ranges[k].upper;
        if (equal && same(program_.exprs, renamed(program_.exprs, one.value, rename), value))
            return one.family;
    }
    return std::nullopt;
}

ExprId Namer::hoist(ExprId value, const Context& context, const std::string& stem, Type type) {
    for (const Hoisted& known : memo_)
        if (known.sums == context.sums && same(program_.exprs, known.expr, value))
            return known.read;
    const source::Span span = node(value).span;
    Domain whole = context.domain;
    whole.ranges.insert(whole.ranges.end(), context.sums.begin(), context.sums.end());
    std::vector<Named>* known = nullptr;
    std::optional<std::uint32_t> forward;
    if (node(value).type == Type::vector && is_linear_root(program_.exprs, value)) {
        std::vector<std::uint32_t> key;
        shape(value, key);
        known = &named_[key];
        const auto family = named(value, whole, *known);
        if (family && !passed_.contains(*family))
            forward = family;
        else if (family) {
            Access element;
            for (const Range& range : whole.ranges)
                element.indices.push_back(Affine::of(range.index));
            return read(*family, Type::vector, element, span);
        }
    }
    // Sums become loops of the new statement; a symbol is bound in one place, so they get new ones.
    Statement statement;
    statement.domain = context.domain;
    Renaming rename;
    Access access;
    for (const Range& loop : context.domain.ranges) {
        statement.indices.push_back(Affine::of(loop.index));
        access.indices.push_back(Affine::of(loop.index));
    }
    std::vector<Range> loops;
    for (const Range& sum : context.sums) {
        const Range range = fresh_range(program_, sum, rename, span);
        loops.push_back(range);
        statement.domain.ranges.push_back(range);
        statement.indices.push_back(Affine::of(range.index));
        access.indices.push_back(Affine::of(sum.index));
    }
    statement.span = statement.target_span = span;
    statement.family = forward.value_or(static_cast<std::uint32_t>(program_.families.size()));
    if (!forward)
        program_.families.push_back({names_.fresh(stem), type, static_cast<unsigned>(statement.indices.size()), span});
    const ExprId renamed_value = rename.pairs.empty() ? value : renamed(program_.exprs, value, rename);
    const std::uint32_t family = statement.family;
    // What the new statement's own value needs is named first.
    Context inner{statement.domain, {}};
    std::vector<Hoisted> outer_memo;
    std::vector<Item> outer_pending;
    const bool nested = !loops.empty();
    const bool outer_splitting = splitting_;
    splitting_ = false;
    if (nested) {
        outer_memo.swap(memo_);
        outer_pending.swap(pending_);
    }
    statement.value = lower_value(renamed_value, inner);
    splitting_ = outer_splitting;
    const auto index = static_cast<std::uint32_t>(program_.statements.size());
    program_.statements.push_back(statement);
    pending_.push_back({index});
    if (nested) {
        const std::vector<Item> items = in_loops(loops, std::move(pending_));
        memo_.swap(outer_memo);
        pending_ = std::move(outer_pending);
        pending_.insert(pending_.end(), items.begin(), items.end());
    }
    const ExprId id = read(family, type, access, span);
    memo_.push_back({value, context.sums, id});
    if (known != nullptr) {
        if (!forward)
            known->push_back({value, whole, family});
        owned_.insert(family);
        passed_.insert(family);
    }
    return id;
}

ExprId Namer::read(std::uint32_t family, Type type, const Access& access, source::Span span) {
    Node element;
    element.op = Op::read;
    element.type = type;
    element.target = family;
    element.access = access;
    element.span = span;
    return program_.exprs.add(element);
}

ExprId Namer::over_members(ExprId e, const Context& context) {
    Node atom = node(e);
    const Access access = std::exchange(atom.access, {});
    if (atom.op == Op::parameter) {
        const auto [family, first] = members_.try_emplace(atom.target, 0);
        if (first)
            family->second = define_members(atom);
        return read(family->second, Type::vector, access, atom.span);
    }
    Context members = context;
    const std::vector<Range> ranges = renamed_members(atom);
    members.sums.insert(members.sums.end(), ranges.begin(), ranges.end());
    Node found = node(hoist(program_.exprs.add(atom), members, "g"));
    std::copy(access.indices.begin(), access.indices.end(), found.access.indices.end() - access.indices.size());
    found.access.mode = access.mode;
    return program_.exprs.add(found);
}

std::vector<Range> Namer::renamed_members(Node& atom) {
    std::vector<Range> result;
    Renaming rename;
    const std::vector<Range> family = program_.parameters[atom.target].family;
    for (const Range& range : family) {
        const Symbol symbol = program_.fresh(program_.info(range.index).name, false, atom.span);
        result.push_back({symbol, substitute(range.lower, rename), substitute(range.upper, rename)});
        rename.pairs.emplace_back(range.index, Affine::of(symbol));
        atom.access.indices.push_back(Affine::of(symbol));
    }
    return result;
}

std::uint32_t Namer::define_members(Node atom) {
    Statement statement;
    statement.domain.ranges = renamed_members(atom);
    statement.indices.assign(atom.access.indices.begin(), atom.access.indices.end());
    statement.value = program_.exprs.add(atom);
    statement.span = statement.target_span = atom.span;
    statement.family = static_cast<std::uint32_t>(program_.families.size());
    program_.families.push_back(
        {names_.fresh("g"), Type::vector, static_cast<unsigned>(statement.indices.size()), atom.span});
    const std::uint32_t family = statement.family;
    const std::vector<Item> items =
        in_loops(statement.domain.ranges, {{static_cast<std::uint32_t>(program_.statements.size())}});
    program_.statements.push_back(std::move(statement));
    front_.insert(front_.end(), items.begin(), items.end());
    return family;
}

} // namespace tpc::network
