#include "compiler/formula/build.hpp"

#include <algorithm>

namespace tpc::formula {

using namespace ir;
using Kind = Formula::Kind;

namespace {

Values own_values(const Build& build, const Statement& statement, Domain& domain) {
    Values values;
    domain = statement.domain;
    simplify(build, domain, values);
    return values;
}

void scalar_line(Build& build, const Statement& statement) {
    Line line;
    const Values values = own_values(build, statement, line.domain);
    line.target.kind = Kind::scalar;
    Node read;
    read.op = Op::read;
    read.type = build.result.program.families[statement.family].type;
    read.target = statement.family;
    for (const Affine& index : statement.indices)
        read.access.indices.push_back(with(values, index));
    line.target.expr = build.table().add(read);
    line.value.kind = Kind::scalar;
    line.value.expr = renamed(build.table(), statement.value, lookup(values));
    build.result.self.push_back(std::move(line));
}

void mean_line(Build& build, std::size_t k) {
    const Statement& statement = build.network.program.statements[k];
    const network::Form& form = build.network.forms[k];
    Line line;
    const Values values = own_values(build, statement, line.domain);
    std::vector<Affine> indices;
    for (const Affine& index : statement.indices)
        indices.push_back(with(values, index));
    line.target = mean(own(build, k, indices), false);
    const auto read = [&](const network::ElementRead& element) {
        return with(values, limit::Element{element.family, element.access});
    };
    const auto mean_of = [&](const limit::Element& element) {
        return build.recursions.may_have_mean[element.family] ? mean(element, false) : number(0);
    };
    std::vector<Formula> parts;
    if (form.kind == network::FormKind::linear) {
        for (const network::LinearTerm& term : form.terms) {
            if (term.base != network::Base::one && term.base != network::Base::read)
                continue;
            std::vector<Affine> point;
            for (const Range& range : term.ranges)
                point.push_back(Affine::of(range.index));
            const Formula factor = coefficient(build, term.coefficient, term.ranges, point, false, values, true);
            const Formula base = term.base == network::Base::one ? number(1) : mean_of(read({term.operand, term.access}));
            parts.push_back(sum(build.result.program, with(values, Domain{term.ranges, {}}), {}, product({factor, base})));
        }
        line.value = add(build.table(), parts);
    } else if (build.recursions.joint_mean[k]) {
        limit::GroupRead group{{own(build, k, indices)}, {}, true};
        line.value = expectation(Quantity::C, group, {}, true);
    } else if (form.kind == network::FormKind::activation) {
        line.value.kind = Kind::dual;
        line.value.one_sample = true;
        line.value.left = read(form.reads[0]);
        line.value.left_function = form.function;
        line.value.left_mean = build.recursions.may_have_mean[form.reads[0].family];
    } else if (form.kind == network::FormKind::product) {
        for (const network::ElementRead& factor : form.reads) // independent ones
            parts.push_back(mean_of(read(factor)));
        line.value = product(parts);
    }
    build.result.self.push_back(std::move(line));
}

} // namespace

void self_lines(Build& build) {
    std::vector<std::size_t> order(build.statements);
    for (std::size_t k = 0; k < build.statements; ++k)
        order[k] = k;
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return build.position[a] < build.position[b]; });
    for (const std::size_t k : order) {
        const Statement& statement = build.network.program.statements[k];
        const bool involved = k < build.recursions.involved.size() && build.recursions.involved[k];
        if (involved && build.network.forms[k].kind == network::FormKind::scalar)
            scalar_line(build, statement);
        if (involved && build.network.forms[k].kind == network::FormKind::finite)
            scalar_line(build, statement);
        if (build.recursions.mean_needed[k])
            mean_line(build, k);
        for (const limit::Equation& equation : build.self) {
            if (equation.left_statement != k || build.position[equation.right_statement] > build.position[k])
                continue;
            const Instance instance = instance_of(build, equation, true);
            Line line{target(build, equation, instance, Quantity::C, true),
                      false,
                      value_C(build, equation, instance, true),
                      instance.domain,
                      {}};
            if (equation.left_statement == equation.right_statement || !is_number(line.value, 0))
                build.result.self.push_back(std::move(line));
        }
    }
}

} // namespace tpc::formula
