#include "compiler/bind/elements.hpp"

#include "compiler/bind/sizes.hpp"
#include "compiler/limit/index_space.hpp"
#include "compiler/network/form.hpp"

namespace tpc::plan {
namespace {

using namespace ir;
using passes::Set;

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
            added_.clear();
            for (const network::LinearTerm& term : *units_[k].terms)
                plan_.coefficients_of.back().push_back(add_coefficient(space, k, term));
        }
    }

  private:
    SelfPlan& plan_;
    Binder compile_;
    std::vector<Unit> units_;
    std::vector<std::pair<const network::LinearTerm*, std::uint32_t>> added_; // arrays of the unit at hand

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

    std::uint32_t add_coefficient(const limit::IndexSpace& space, std::size_t unit, const network::LinearTerm& term) {
        if (network::is_constant(plan_.recursions.network.program.exprs, term.coefficient))
            return no_array;
        // terms of one sum that share a factor share its numbers
        for (const auto& [other, id] : added_)
            if (other->coefficient == term.coefficient && other->ranges == term.ranges)
                return id;
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
        added_.emplace_back(&term, static_cast<std::uint32_t>(plan_.coefficients.size() - 1));
        return static_cast<std::uint32_t>(plan_.coefficients.size() - 1);
    }
};

} // namespace

void add_elements(SelfPlan& plan) {
    SelfBuilder(plan).run();
}

std::uint32_t finite_array(const SelfPlan& plan, const network::LinearTerm& term) {
    for (std::uint32_t k = 0; k < plan.finite.size(); ++k)
        if (plan.finite[k].input == term.operand_is_input && plan.finite[k].source == term.operand)
            return k;
    return no_array;
}

} // namespace tpc::plan
