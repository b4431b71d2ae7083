#include "compiler/bind/pairs.hpp"

#include "compiler/bind/elements.hpp"
#include "compiler/bind/sizes.hpp"
#include "compiler/limit/index_space.hpp"

#include <algorithm>
#include <map>

namespace tpc::plan {
namespace {

using namespace ir;
using limit::Equation;
using limit::PairTerm;
using limit::Recursions;
using passes::Set;

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
    }

  private:
    Part& part_;
    Recursions& recursions_;
    const SelfPlan& left_;
    const SelfPlan& right_;
    bool self_;
    Binder compile_;
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
        const ExprId bound = renamed(recursions_.network.program.exprs, e, [&](Symbol s) -> std::optional<Affine> {
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
                constant(renamed(recursions_.network.program.exprs, (*units_[unit].terms)[*term].coefficient,
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
            op.left_finite = finite_array(left_, (*units_[equation.left_statement].terms)[*term.left_term]);
            op.right_finite = finite_array(right_, (*units_[equation.right_statement].terms)[*term.right_term]);
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
};

} // namespace

void add_pairs(Part& part, Recursions& recursions, const SelfPlan& left, const SelfPlan& right, bool self) {
    PartBuilder(part, recursions, left, right, self).run();
}

} // namespace tpc::plan
