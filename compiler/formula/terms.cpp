#include "compiler/formula/build.hpp"

namespace tpc::formula {

using namespace ir;
using Kind = Formula::Kind;

namespace {

// Products, quotients and signs fall apart into factors.
void factors(Build& build, ExprId e, bool inverse, bool right, std::vector<Formula>& list) {
    const Node node = build.table()[e];
    if (node.op == Op::number) {
        list.push_back(number(inverse ? 1 / node.number : node.number));
        return;
    }
    if (node.op == Op::apply && (node.function == Function::mul || node.function == Function::div)) {
        factors(build, node.children[0], inverse, right, list);
        factors(build, node.children[1], inverse != (node.function == Function::div), right, list);
        return;
    }
    if (node.op == Op::apply && node.function == Function::neg) {
        list.push_back(number(-1));
        factors(build, node.children[0], inverse, right, list);
        return;
    }
    Formula f;
    f.kind = Kind::scalar;
    f.expr = e;
    f.inverse = inverse;
    f.right_sample = right;
    list.push_back(f);
}

// Variances and rates are numbers that may depend on the member.
Formula of_member(Build& build, ExprId e, const Parameter& parameter, const Access& member) {
    const ExprId here = renamed(build.table(), e, [&](Symbol s) -> std::optional<Affine> {
        for (std::size_t d = 0; d < parameter.family.size(); ++d)
            if (parameter.family[d].index == s)
                return member.indices[d];
        return std::nullopt;
    });
    std::vector<Formula> list;
    factors(build, here, false, false, list);
    return product(list);
}

const std::vector<network::LinearTerm>& terms_of(const Build& build, std::size_t unit) {
    return unit < build.statements ? build.network.forms[unit].terms : build.network.outputs[unit - build.statements].terms;
}

} // namespace

limit::Element own(const Build& build, std::size_t statement, const std::vector<Affine>& indices) {
    return {build.network.program.statements[statement].family, {{indices.begin(), indices.end()}, IndexMode::none}};
}

Formula target(const Build& build, const limit::Equation& equation, const Instance& instance, Quantity quantity, bool self) {
    if (build.is_output(equation)) {
        Formula f;
        f.kind = Kind::kernel;
        f.quantity = quantity;
        f.output = equation.left_statement - build.statements;
        f.left = limit::Element{0, {{instance.left.begin(), instance.left.end()}, IndexMode::none}};
        f.right = limit::Element{0, {{instance.right.begin(), instance.right.end()}, IndexMode::none}};
        return f;
    }
    return covariance(quantity, own(build, equation.left_statement, instance.left),
                      own(build, equation.right_statement, instance.right), self);
}

// A coefficient of one side: `point` has the values of the term's own sum indices.
Formula coefficient(Build& build, ExprId e, const std::vector<Range>& ranges, const std::vector<Affine>& point, bool right,
                    const Values& values, bool self) {
    Values known;
    for (std::size_t k = 0; k < ranges.size(); ++k)
        known[ranges[k].index] = with(values, point[k]);
    const ExprId here = renamed(build.table(), e, [&](Symbol s) -> std::optional<Affine> {
        if (const auto found = known.find(s); found != known.end())
            return found->second;
        return with(values, Affine::of(right ? build.recursions.primed(s) : s));
    });
    std::vector<Formula> list;
    factors(build, here, false, right && !self, list);
    return product(list);
}

Formula coefficients(Build& build, const limit::Equation& equation, const limit::PairTerm& term, const Instance& instance,
                     bool self) {
    std::vector<Formula> list;
    if (term.left_term) {
        const network::LinearTerm& left = terms_of(build, equation.left_statement)[*term.left_term];
        list.push_back(coefficient(build, left.coefficient, left.ranges, term.left_point, false, instance.values, self));
    }
    if (term.right_term) {
        const network::LinearTerm& right = terms_of(build, equation.right_statement)[*term.right_term];
        list.push_back(coefficient(build, right.coefficient, right.ranges, term.right_point, true, instance.values, self));
    }
    return product(list);
}

Domain over_of(const limit::PairTerm& term, const Instance& instance) {
    return with(instance.values, Domain{term.sums, term.conditions});
}

Formula scale_of(Build& build, const limit::PairTerm& term, const Instance& instance, bool rate) {
    const Parameter parameter = build.network.program.parameters[term.parameter];
    return of_member(build, rate ? parameter.rate : parameter.scale, parameter, with(instance.values, term.member));
}

Formula inner(const Build& build, const limit::Equation& equation, const limit::PairTerm& term, const Instance& instance,
              bool self) {
    const network::LinearTerm& left = terms_of(build, equation.left_statement)[*term.left_term];
    const network::LinearTerm& right = terms_of(build, equation.right_statement)[*term.right_term];
    Formula f;
    f.kind = Kind::inner;
    f.left = limit::Element{left.operand, with(instance.values, term.left_input)};
    f.right = limit::Element{right.operand, with(instance.values, term.right_input)};
    f.left_input = left.operand_is_input;
    f.right_input = right.operand_is_input;
    f.one_sample = self;
    f.size = build.network.program.parameters[term.parameter].reads.value_or(Affine(1));
    return f;
}

Formula dual(const Build& build, const limit::Equation& equation, const Instance& instance, bool derivatives, bool self) {
    Formula f;
    f.kind = Kind::dual;
    f.left = with(instance.values, equation.left);
    f.right = with(instance.values, equation.right);
    f.left_function = equation.left_function;
    f.right_function = equation.right_function;
    f.derivatives = derivatives;
    f.one_sample = self;
    f.left_mean = build.recursions.may_have_mean[f.left->family];
    f.right_mean = build.recursions.may_have_mean[f.right->family];
    return f;
}

} // namespace tpc::formula
