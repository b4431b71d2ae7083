#include "compiler/limit/form.hpp"
#include "compiler/limit/index_space.hpp"
#include "compiler/plan/fissile.hpp"
#include "compiler/plan/partition.hpp"
#include "compiler/plan/plan.hpp"
#include "compiler/plan/solve.hpp"
#include "compiler/plan/sums.hpp"

#include <algorithm>
#include <map>

namespace tpc::plan {
namespace {

using namespace ir;
using limit::Base;
using limit::Equation;
using limit::PairTerm;
using limit::Recursions;
using passes::Set;

// Folds axes into numbers.
class Compiler {
  public:
    Compiler(const Recursions& recursions, const Sizes& left, const Sizes& right)
        : recursions_(recursions), left_(left), right_(right) {}

    Linear linear(const Affine& affine) const {
        Linear result{affine.constant, {}, affine.denominator};
        for (const auto& [symbol, coefficient] : affine.terms) {
            const bool primed = recursions_.is_primed(symbol);
            const auto own =
                static_cast<Symbol>(static_cast<std::uint32_t>(symbol) - (primed ? recursions_.left_symbols : 0));
            if (recursions_.network.program.info(own).axis)
                result.constant += coefficient * (primed ? right_ : left_).at(own);
            else
                result.terms.emplace_back(static_cast<std::uint32_t>(symbol), coefficient);
        }
        return result;
    }
    Affine prime(const Affine& affine) const {
        return substitute(affine, [&](Symbol s) -> std::optional<Affine> { return Affine::of(recursions_.primed(s)); });
    }
    Guard guard(const Condition& condition) const { return {linear(condition.value), condition.relation}; }
    LoopRange range(const Range& r) const {
        return {static_cast<std::uint32_t>(r.index), linear(r.lower), linear(r.upper), {}, {}};
    }
    LoopRange primed(const Range& r) const { return range({recursions_.primed(r.index), prime(r.lower), prime(r.upper)}); }
    std::vector<Linear> list(const llvm::ArrayRef<Affine> affines) const {
        std::vector<Linear> result;
        for (const Affine& affine : affines)
            result.push_back(linear(affine));
        return result;
    }
    Place place(std::uint32_t family, const Access& access) const { return {family, list(access.indices), access.mode}; }

  private:
    const Recursions& recursions_;
    const Sizes& left_;
    const Sizes& right_;
};

// Domains and targets of statements and outputs alike.
struct Unit {
    std::vector<Range> ranges;
    std::vector<Condition> conditions;
    std::vector<Affine> indices;
    const std::vector<limit::LinearTerm>* terms = nullptr;
};

std::vector<Unit> units_of(const Recursions& recursions) {
    std::vector<Unit> units;
    const Program& program = recursions.network.program;
    for (std::size_t k = 0; k < program.statements.size(); ++k) {
        const Statement& statement = program.statements[k];
        units.push_back(
            {statement.domain.ranges, statement.domain.conditions, statement.indices, &recursions.network.forms[k].terms});
    }
    for (const limit::OutputForm& output : recursions.network.outputs) {
        Unit unit{output.family, {}, {}, &output.terms};
        for (const Range& range : output.family)
            unit.indices.push_back(Affine::of(range.index));
        units.push_back(unit);
    }
    return units;
}

Box box_of(const resolve::Extent& extent) {
    Box box;
    for (std::size_t d = 0; d < extent.lower.size(); ++d) {
        box.lower.push_back(extent.lower[d]);
        box.size.push_back(std::max<std::int64_t>(0, extent.upper[d] - extent.lower[d] + 1));
    }
    return box;
}

// The indices of an output family at given sizes, which stand in `values`.
void list_members(const std::vector<Range>& ranges, std::vector<std::int64_t>& member, Sizes& values,
                  std::vector<std::vector<std::int64_t>>& members) {
    if (member.size() == ranges.size()) {
        members.push_back(member);
        return;
    }
    const Range& range = ranges[member.size()];
    const auto at = [&](const Affine& bound) {
        return ir::evaluate(bound, [&](Symbol symbol) { return values.at(symbol); }).value_or(0);
    };
    const std::int64_t upper = at(range.upper);
    for (std::int64_t i = at(range.lower); i <= upper; ++i) {
        values[range.index] = i;
        member.push_back(i);
        list_members(ranges, member, values, members);
        member.pop_back();
    }
}

class SelfBuilder {
  public:
    explicit SelfBuilder(SelfPlan& plan)
        : plan_(plan), compile_(plan.recursions, plan.sizes, plan.sizes), units_(units_of(plan.recursions)) {}

    void run() {
        const Program& program = plan_.recursions.network.program;
        Sizes both = plan_.sizes; // the primed axes are symbols of the program, too
        for (const auto& [symbol, size] : plan_.sizes)
            both[plan_.recursions.primed(symbol)] = size;
        plan_.extents = resolve::extents(program, both);
        for (const resolve::Extent& extent : plan_.extents)
            plan_.boxes.push_back(box_of(extent));
        for (std::uint32_t k = 0; k < program.inputs.size(); ++k)
            add_input(k);
        for (std::uint32_t f = 0; f < program.families.size(); ++f)
            if (program.families[f].type == Type::finite)
                plan_.finite.push_back({false, f, plan_.boxes[f], 0});
        find_lengths();
        const limit::IndexSpace space(plan_.recursions.network, plan_.recursions.left_symbols, {'a', &plan_.sizes},
                                      {'a', &plan_.sizes});
        for (std::size_t k = 0; k < units_.size(); ++k) {
            plan_.coefficients_of.emplace_back();
            for (const limit::LinearTerm& term : *units_[k].terms)
                plan_.coefficients_of.back().push_back(add_coefficient(space, k, term));
        }
    }

    static std::uint32_t finite_array(const SelfPlan& plan, const limit::LinearTerm& term) {
        for (std::uint32_t k = 0; k < plan.finite.size(); ++k)
            if (plan.finite[k].input == term.operand_is_input && plan.finite[k].source == term.operand)
                return k;
        return no_array;
    }

  private:
    SelfPlan& plan_;
    Compiler compile_;
    std::vector<Unit> units_;

    void add_input(std::uint32_t input) {
        const Input& declared = plan_.recursions.network.program.inputs[input];
        if (declared.axes.empty())
            return;
        FiniteArray array{true, input, {}, 0};
        for (std::size_t d = 0; d + 1 < declared.axes.size(); ++d) {
            array.box.lower.push_back(1);
            array.box.size.push_back(compile_.linear(declared.axes[d])(nullptr));
        }
        array.length = compile_.linear(declared.axes.back())(nullptr);
        plan_.finite.push_back(array);
    }

    // Finite vectors are as long as what they are made of, families in any order.
    void find_lengths() {
        const Program& program = plan_.recursions.network.program;
        for (bool changed = true; changed;) {
            changed = false;
            for (FiniteArray& array : plan_.finite)
                for (const Statement& statement : program.statements)
                    if (!array.input && array.length == 0 && statement.family == array.source) {
                        array.length = length_of(statement.value);
                        changed = changed || array.length > 0;
                    }
        }
    }

    std::int64_t length_of(ExprId e) const {
        const Node& node = plan_.recursions.network.program.exprs[e];
        if (node.op == Op::input_row)
            return compile_.linear(plan_.recursions.network.program.inputs[node.target].axes.back())(nullptr);
        if (node.op == Op::read) {
            for (const FiniteArray& array : plan_.finite)
                if (!array.input && array.source == node.target)
                    return array.length;
            return 0;
        }
        for (const ExprId child : node.children)
            if (const std::int64_t length = length_of(child))
                return length;
        return 0;
    }

    std::uint32_t add_coefficient(const limit::IndexSpace& space, std::size_t unit, const limit::LinearTerm& term) {
        if (limit::is_constant(plan_.recursions.network.program.exprs, term.coefficient))
            return no_array;
        CoefficientArray array{unit, term.coefficient, {}, {}, {}};
        std::vector<Symbol> variables;
        std::vector<Condition> conditions = units_[unit].conditions;
        for (const Range& range : units_[unit].ranges) {
            variables.push_back(range.index);
            array.loop_slots.push_back(static_cast<std::uint32_t>(range.index));
            limit::require(conditions, range);
        }
        for (const Range& range : term.ranges) {
            variables.push_back(range.index);
            array.ranges.push_back(compile_.range(range));
            limit::require(conditions, range);
        }
        const Set points = space.set(variables, conditions);
        for (unsigned d = 0; d < variables.size(); ++d) {
            const Set::Bounds bounds = points.bounds(d);
            array.box.lower.push_back(bounds.lower);
            array.box.size.push_back(bounds.upper - bounds.lower + 1);
        }
        plan_.coefficients.push_back(std::move(array));
        return static_cast<std::uint32_t>(plan_.coefficients.size() - 1);
    }
};

class PartBuilder {
  public:
    PartBuilder(Part& part, Recursions& recursions, const SelfPlan& left, const SelfPlan& right, bool self)
        : part_(part), recursions_(recursions), left_(left), right_(right), self_(self),
          compile_(recursions, left.sizes, right.sizes), units_(units_of(recursions)),
          space_(recursions.network, recursions.left_symbols, {'a', &left.sizes}, {'b', &right.sizes}) {}

    void run() {
        const std::vector<Equation>& equations = self_ ? recursions_.self : recursions_.cross;
        std::map<std::pair<std::uint32_t, std::uint32_t>, Set> elements;
        for (const Equation& equation : equations) {
            const auto key = std::pair(family_of(equation.left_statement), family_of(equation.right_statement));
            const Set more = elements_of(equation);
            const auto [place, fresh] = elements.try_emplace(key, more);
            if (!fresh)
                place->second = place->second | more;
        }
        for (const auto& [key, set] : elements)
            add_array(key.first, key.second, set);
        for (const Equation& equation : equations)
            part_.ops.push_back(compile(equation));
        walks();
        part_.slots = program().symbols.size();
    }

  private:
    Part& part_;
    Recursions& recursions_;
    const SelfPlan& left_;
    const SelfPlan& right_;
    bool self_;
    Compiler compile_;
    std::vector<Unit> units_;
    limit::IndexSpace space_;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> array_of_;

    const Program& program() const { return recursions_.network.program; }

    // Outputs count as families after the program's.
    std::uint32_t family_of(std::size_t unit) const {
        const std::size_t statements = program().statements.size();
        return unit < statements ? program().statements[unit].family
                                 : static_cast<std::uint32_t>(program().families.size() + unit - statements);
    }

    std::vector<Affine> primed(const std::vector<Affine>& affines) const {
        std::vector<Affine> result;
        for (const Affine& affine : affines)
            result.push_back(compile_.prime(affine));
        return result;
    }

    Set elements_of(const Equation& equation) const {
        std::vector<Symbol> variables;
        std::vector<Condition> conditions;
        const Unit& left = units_[equation.left_statement];
        const Unit& right = units_[equation.right_statement];
        for (const Range& range : left.ranges) {
            variables.push_back(range.index);
            limit::require(conditions, range);
        }
        conditions.insert(conditions.end(), left.conditions.begin(), left.conditions.end());
        for (const Range& range : right.ranges) {
            const Range own{recursions_.primed(range.index), compile_.prime(range.lower), compile_.prime(range.upper)};
            variables.push_back(own.index);
            limit::require(conditions, own);
        }
        for (const Condition& condition : right.conditions)
            conditions.push_back({compile_.prime(condition.value), condition.relation});
        for (const Affine& zero : equation.where)
            conditions.push_back({zero, Relation::zero});
        std::vector<Affine> target = left.indices;
        const std::vector<Affine> right_target = primed(right.indices);
        target.insert(target.end(), right_target.begin(), right_target.end());
        return space_.map(variables, target, {}, {}).image(space_.set(variables, conditions));
    }

    void add_array(std::uint32_t x, std::uint32_t y, const Set& elements) {
        PairArray array;
        array.left = x;
        array.right = y;
        array.output = x >= program().families.size();
        array.value = array.output || !recursions_.second_needed[x] || !recursions_.second_needed[y];
        const auto rank = [&](std::uint32_t family) {
            return family < program().families.size()
                       ? program().families[family].rank
                       : recursions_.network.outputs[family - program().families.size()].family.size();
        };
        const std::size_t left_rank = rank(x);
        const std::size_t total = left_rank + rank(y);
        std::vector<bool> determined(total, false);
        if (!elements.empty()) {
            for (const passes::Equality& equality : passes::equalities(elements, {}))
                for (std::size_t d = left_rank; d < total; ++d) {
                    bool only = equality.coefficients[d] != 0;
                    for (std::size_t e = left_rank; e < total; ++e)
                        only = only && (e == d || equality.coefficients[e] == 0);
                    determined[d] = determined[d] || only;
                }
        }
        for (std::size_t d = 0; d < total; ++d) {
            if (determined[d])
                continue;
            array.kept.push_back(d);
            const Set::Bounds bounds = elements.bounds(static_cast<unsigned>(d));
            array.box.lower.push_back(bounds.lower);
            array.box.size.push_back(std::max<std::int64_t>(0, bounds.upper - bounds.lower + 1));
        }
        array.offset = part_.entries;
        part_.entries += static_cast<std::size_t>(array.box.count());
        array_of_[{x, y}] = static_cast<std::uint32_t>(part_.arrays.size());
        part_.arrays.push_back(std::move(array));
    }

    EntryRead entry(const limit::Element& left, const limit::Element& right) const {
        EntryRead read{no_array, compile_.place(left.family, left.access), compile_.place(right.family, right.access)};
        if (const auto found = array_of_.find({left.family, right.family}); found != array_of_.end())
            read.array = found->second;
        return read;
    }

    Constant constant(ExprId e, bool right) const {
        Constant result{0, true, e, right};
        const Node& node = program().exprs[e];
        if (node.op == Op::number)
            result.value = node.number;
        else
            result.fixed = false;
        return result;
    }

    // scale or rate of a parameter's member: the family's indices become the member's.
    Constant of_member(ExprId e, const PairTerm& term) const {
        const Parameter& parameter = program().parameters[term.parameter];
        const ExprId bound = rewrite(
            recursions_.network.program.exprs, e, [](ExprId) -> std::optional<ExprId> { return std::nullopt; },
            [&](Symbol s) -> std::optional<Affine> {
                for (std::size_t d = 0; d < parameter.family.size(); ++d)
                    if (parameter.family[d].index == s)
                        return term.member.indices[d];
                return std::nullopt;
            });
        return constant(bound, false);
    }

    Factor factor(std::size_t unit, const std::optional<std::size_t>& term, const std::vector<Affine>& point,
                  bool right) const {
        Factor result;
        result.constant.value = 1;
        if (!term)
            return result;
        const SelfPlan& side = right ? right_ : left_;
        const std::uint32_t array = side.coefficients_of[unit][*term];
        if (array == no_array) {
            result.constant = constant((*units_[unit].terms)[*term].coefficient, right);
            if (result.constant.fixed)
                return result;
            // indices of the term's own sums stand for the values that were solved for
            const std::vector<Range>& ranges = (*units_[unit].terms)[*term].ranges;
            result.constant =
                constant(rewrite(
                             recursions_.network.program.exprs, (*units_[unit].terms)[*term].coefficient,
                             [](ExprId) -> std::optional<ExprId> { return std::nullopt; },
                             [&](Symbol s) -> std::optional<Affine> {
                                 for (std::size_t d = 0; d < ranges.size(); ++d)
                                     if (ranges[d].index == s)
                                         return point[d];
                                 return right ? std::optional(Affine::of(recursions_.primed(s))) : std::nullopt;
                             }),
                         right);
            return result;
        }
        result.array = array;
        for (const Range& range : units_[unit].ranges)
            result.point.push_back(compile_.linear(Affine::of(right ? recursions_.primed(range.index) : range.index)));
        for (const Affine& value : point)
            result.point.push_back(compile_.linear(value));
        return result;
    }

    TermOp compile(const Equation& equation, const PairTerm& term) const {
        TermOp op;
        op.kind = term.kind;
        for (const Range& range : term.sums)
            op.sums.push_back(compile_.range(range));
        for (const Condition& condition : term.conditions)
            op.guards.push_back(compile_.guard(condition));
        op.left_factor = factor(equation.left_statement, term.left_term, term.left_point, false);
        op.right_factor = factor(equation.right_statement, term.right_term, term.right_point, true);
        op.scale.value = 1;
        op.rate.value = 0;
        if (term.kind == PairTerm::Kind::matmul || term.kind == PairTerm::Kind::input ||
            term.kind == PairTerm::Kind::parameter) {
            const Parameter parameter = program().parameters[term.parameter];
            op.scale = of_member(parameter.scale, term);
            op.rate = of_member(parameter.rate, term);
        }
        if (term.kind == PairTerm::Kind::means) {
            if (term.left)
                op.left_mean = compile_.place(term.left->family, term.left->access);
            if (term.right)
                op.right_mean = compile_.place(term.right->family, term.right->access);
        } else if (term.kind == PairTerm::Kind::input) {
            op.left_finite = SelfBuilder::finite_array(left_, (*units_[equation.left_statement].terms)[*term.left_term]);
            op.right_finite = SelfBuilder::finite_array(right_, (*units_[equation.right_statement].terms)[*term.right_term]);
            op.left_place = compile_.place(0, term.left_input);
            op.right_place = compile_.place(0, term.right_input);
        } else if (term.left && term.right) {
            op.entry = entry(*term.left, *term.right);
        }
        return op;
    }

    PairOp compile(const Equation& equation) const {
        PairOp op;
        op.rule = equation.rule;
        op.left_statement = equation.left_statement;
        op.right_statement = equation.right_statement;
        op.output = equation.left_statement >= program().statements.size();
        op.array = array_of_.at({family_of(equation.left_statement), family_of(equation.right_statement)});
        const Unit& left = units_[equation.left_statement];
        const Unit& right = units_[equation.right_statement];
        op.left_target = compile_.list(left.indices);
        op.right_target = compile_.list(primed(right.indices));
        for (const Condition& condition : left.conditions)
            op.guards.push_back(compile_.guard(condition));
        for (const Condition& condition : right.conditions)
            op.guards.push_back(compile_.guard({compile_.prime(condition.value), condition.relation}));
        for (const Affine& zero : equation.where)
            op.guards.push_back(compile_.guard({zero, Relation::zero}));
        op.gap_linear = equation.gap_linear;
        op.tangent = equation.tangent && !self_;
        for (const PairTerm& term : equation.terms)
            op.terms.push_back(compile(equation, term));
        op.left_function = equation.left_function;
        op.right_function = equation.right_function;
        if (equation.rule == limit::Rule::dual)
            op.entry = entry(equation.left, equation.right);
        op.needs_variances = equation.rule != limit::Rule::dual && !op.gap_linear && !op.output;
        for (const limit::GroupRead& group : equation.groups) {
            GroupOp g;
            const auto place = [&](const limit::Element& element) { return compile_.place(element.family, element.access); };
            if (group.joint) {
                g.joint = true;
                for (const limit::Element& element : group.left)
                    g.left.push_back(place(element));
                for (const limit::Element& element : group.right)
                    g.right.push_back(place(element));
            } else if (group.is_cross()) {
                g.cross = true;
                g.entry = entry(group.left[0], group.right[0]);
            } else {
                const bool is_right = group.left.empty();
                const auto& side = is_right ? group.right : group.left;
                if (side.size() == 2)
                    g.self.push_back({is_right, self_entry(is_right ? right_ : left_, side[0], side[1])});
                else
                    g.means.emplace_back(is_right, place(side[0]));
            }
            op.groups.push_back(std::move(g));
        }
        return op;
    }

    // Two elements of one sample: an entry of that sample's self part.
    EntryRead self_entry(const SelfPlan& side, const limit::Element& a, const limit::Element& b) const {
        EntryRead read{no_array, compile_.place(a.family, a.access), compile_.place(b.family, b.access)};
        const std::vector<PairArray>& arrays = self_ ? part_.arrays : side.part.arrays;
        for (std::uint32_t k = 0; k < arrays.size(); ++k)
            if (arrays[k].left == a.family && arrays[k].right == b.family)
                read.array = k;
        return read;
    }

    // --- loops
    void walks() {
        const std::size_t count = units_.size();
        std::vector<std::vector<std::vector<std::uint32_t>>> ops(count, std::vector<std::vector<std::uint32_t>>(count));
        std::vector<bool> has_work(count, false);
        for (std::uint32_t k = 0; k < part_.ops.size(); ++k) {
            ops[part_.ops[k].left_statement][part_.ops[k].right_statement].push_back(k);
            has_work[part_.ops[k].left_statement] = true;
        }
        const auto want_left = [&](std::size_t unit) -> std::optional<std::vector<std::uint32_t>> {
            const auto& coefficients = left_.coefficients_of[unit];
            const bool own = self_ && (unit < program().statements.size() ||
                                       std::ranges::any_of(coefficients, [](std::uint32_t id) { return id != no_array; }));
            return has_work[unit] || own ? std::optional(std::vector<std::uint32_t>{}) : std::nullopt;
        };
        part_.left = tree(false, want_left);
        for (std::size_t p = 0; p < count; ++p) {
            const auto want_right = [&](std::size_t unit) {
                return ops[p][unit].empty() ? std::nullopt : std::optional(ops[p][unit]);
            };
            part_.right.push_back(has_work[p] ? tree(true, want_right) : std::vector<WalkItem>{});
        }
    }

    template <class Want> std::vector<WalkItem> tree(bool right, const Want& want) const {
        std::vector<WalkItem> items = subtree(program().body, right, want);
        const std::size_t statements = program().statements.size();
        for (std::size_t k = statements; k < units_.size(); ++k) {
            const auto ops = want(k);
            if (!ops)
                continue;
            WalkItem item;
            item.statement = k;
            item.ops = *ops;
            item.position = program().body.size() + k - statements;
            for (auto range = units_[k].ranges.rbegin(); range != units_[k].ranges.rend(); ++range) {
                WalkItem loop;
                loop.loop = true;
                loop.range = right ? compile_.primed(*range) : compile_.range(*range);
                loop.position = item.position;
                item.position = 0;
                loop.children.push_back(std::move(item));
                item = std::move(loop);
            }
            items.push_back(std::move(item));
        }
        if (right)
            solve(items, part_.ops, recursions_.left_symbols, static_cast<std::uint32_t>(program().symbols.size()));
        return items;
    }

    template <class Want> std::vector<WalkItem> subtree(const std::vector<Item>& body, bool right, const Want& want) const {
        std::vector<WalkItem> items;
        for (std::size_t k = 0; k < body.size(); ++k) {
            WalkItem item;
            item.position = k;
            if (const auto* loop = std::get_if<Loop>(&body[k].node)) {
                item.loop = true;
                item.range = right ? compile_.primed(loop->range) : compile_.range(loop->range);
                item.children = subtree(loop->body, right, want);
                if (!item.children.empty())
                    items.push_back(std::move(item));
                continue;
            }
            item.statement = std::get<std::uint32_t>(body[k].node);
            if (auto ops = want(item.statement)) {
                item.ops = std::move(*ops);
                items.push_back(std::move(item));
            }
        }
        return items;
    }
};

void build_self(SelfPlan& plan) {
    SelfBuilder(plan).run();
    PartBuilder(plan.part, plan.recursions, plan, plan, true).run();
    plan.factored = factor_sums(plan.part, plan, plan, plan.recursions);
}

} // namespace

std::optional<Plan> build(const limit::Network& network, const Sizes& left, const Sizes& right, bool tangent,
                          source::Diagnostics& diagnostics) {
    Plan plan;
    plan.same_sizes = left == right;
    auto cross = limit::derive(network, {tangent, left, right, {}}, diagnostics);
    if (!cross)
        return std::nullopt;
    plan.recursions = std::move(*cross);
    const auto self = [&](const Sizes& sizes, SelfPlan& part) {
        // The self equations of a derivation are those of its left sizes.
        auto recursions = sizes == left ? std::optional(plan.recursions)
                                        : limit::derive(network, {tangent, sizes, sizes, {}}, diagnostics);
        if (!recursions)
            return false;
        part.sizes = sizes;
        part.recursions = std::move(*recursions);
        build_self(part);
        return true;
    };
    try {
        if (!self(left, plan.left))
            return std::nullopt;
        if (plan.same_sizes)
            plan.right = plan.left;
        else if (!self(right, plan.right))
            return std::nullopt;
        PartBuilder(plan.cross, plan.recursions, plan.left, plan.right, false).run();
        mark_fissile(plan.cross);
        plan.factored = factor_sums(plan.cross, plan.left, plan.right, plan.recursions);
        if (plan.factored)
            mark_fissile(*plan.factored);
        plan.planes = partition(plan);
    } catch (const passes::IntegerSetError&) {
        diagnostics.report(source::Id::index_analysis, network.outputs.front().span);
        return std::nullopt;
    }
    for (OutputIndices& output : output_indices(network, left))
        plan.left_outputs.push_back(std::move(output.box));
    for (OutputIndices& output : output_indices(network, right))
        plan.right_outputs.push_back(std::move(output.box));
    for (std::size_t o = 0; o < plan.recursions.network.outputs.size(); ++o) {
        const auto family = static_cast<std::uint32_t>(network.program.families.size() + o);
        for (std::uint32_t k = 0; k < plan.cross.arrays.size(); ++k)
            if (plan.cross.arrays[k].left == family && plan.cross.arrays[k].right == family)
                plan.output_arrays.push_back(k);
    }
    return plan;
}

std::vector<OutputIndices> output_indices(const limit::Network& network, const ir::Sizes& sizes) {
    std::vector<OutputIndices> result;
    for (const limit::OutputForm& output : network.outputs) {
        Sizes values = sizes;
        std::vector<std::int64_t> member;
        std::vector<std::vector<std::int64_t>> members;
        list_members(output.family, member, values, members);
        const std::size_t rank = output.family.size();
        resolve::Extent extent{std::vector<std::int64_t>(rank, std::int64_t{1} << 40),
                               std::vector<std::int64_t>(rank, -(std::int64_t{1} << 40))};
        for (const auto& indices : members)
            for (std::size_t d = 0; d < rank; ++d) {
                extent.lower[d] = std::min(extent.lower[d], indices[d]);
                extent.upper[d] = std::max(extent.upper[d], indices[d]);
            }
        OutputIndices found{box_of(extent), {}};
        for (const auto& indices : members) {
            std::size_t place = 0;
            for (std::size_t d = 0; d < rank; ++d)
                place = place * static_cast<std::size_t>(found.box.size[d]) +
                        static_cast<std::size_t>(indices[d] - found.box.lower[d]);
            found.places.push_back(place);
        }
        result.push_back(std::move(found));
    }
    return result;
}

} // namespace tpc::plan
