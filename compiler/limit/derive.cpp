// Derives the equations on demand, from the outputs back (limits.md section 7: demand, zeros).
#include "compiler/limit/derivation.hpp"
#include "compiler/limit/means.hpp"

#include <algorithm>

namespace tpc::limit {

using namespace ir;

namespace {

bool subtracts(const ExprTable& table, const network::Form& form) {
    return form.terms.size() > 1 && std::ranges::any_of(form.terms, [&](const network::LinearTerm& term) {
               const Node& factor = table[term.coefficient];
               return term.base == network::Base::one || (factor.op == Op::number && factor.number < 0) ||
                      (factor.op == Op::apply && factor.function == Function::neg);
           });
}

// Second moments are the variances of Gaussians that functions read, and what gaps of sums of those elements are made of.
// A mean over positions that only an output reads needs neither. Where constants or other vectors are subtracted they tell
// whether any digits are left.
std::vector<bool> families_with_second_moments(const network::Network& network) {
    std::vector<bool> needed(network.program.families.size(), false);
    const auto& statements = network.program.statements;
    for (std::size_t k = 0; k < statements.size(); ++k)
        if (!network.gaussian[statements[k].family] && subtracts(network.program.exprs, network.forms[k]))
            needed[statements[k].family] = true;
        else if (network.forms[k].kind == network::FormKind::activation ||
                 network.forms[k].kind == network::FormKind::product ||
                 network.forms[k].kind == network::FormKind::general) {
            needed[statements[k].family] = true;
            for (const network::ElementRead& read : network.forms[k].reads)
                needed[read.family] = true;
        }
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t k = 0; k < statements.size(); ++k)
            for (const network::LinearTerm& term : network.forms[k].terms) {
                if (!term.reads_vector() || !needed[statements[k].family] || needed[term.operand])
                    continue;
                needed[term.operand] = changed = true;
            }
    }
    return needed;
}

} // namespace

Derivation::Derivation(const network::Network& network, const DeriveOptions& given) : options(given) {
    result.network = network;
    result.tangent = options.tangent;
    Program& program = result.network.program;
    result.left_symbols = static_cast<std::uint32_t>(program.symbols.size());
    for (std::uint32_t k = 0; k < result.left_symbols; ++k) {
        SymbolInfo info = program.symbols[k];
        info.name += "_";
        program.symbols.push_back(info);
    }
    expand_parameter_means(result.network);
    result.may_have_mean = families_with_means(result.network);
    drop_zero_means(result.network, result.may_have_mean);
    result.deviations = add_deviations(result.network, result.may_have_mean);
    result.second_needed = families_with_second_moments(result.network);
    statements_of.resize(program.families.size());
    for (std::size_t k = 0; k < program.statements.size(); ++k) {
        const Statement& statement = program.statements[k];
        units.push_back(
            {statement.family, false, statement.domain, statement.indices, result.network.forms[k], statement.span});
        statements_of[statement.family].push_back(k);
    }
    for (const network::OutputForm& output : result.network.outputs) {
        Unit unit{0, true, {output.family, {}}, {}, {}, output.span};
        for (const Range& range : output.family)
            unit.indices.push_back(Affine::of(range.index));
        unit.form.kind = network::FormKind::linear;
        unit.form.terms = output.terms;
        units.push_back(unit);
    }
    const auto* left = options.left_sizes ? &*options.left_sizes : nullptr;
    const auto* right = options.right_sizes ? &*options.right_sizes : nullptr;
    const SampleSpace own{'a', left};
    cross_space.emplace(result.network, result.left_symbols, own, SampleSpace{'b', right});
    cross_sources.emplace(result.network, *cross_space);
    if (!cross_space->symmetric()) {
        self_space.emplace(result.network, result.left_symbols, own, own, &cross_space->sets());
        self_sources.emplace(result.network, *self_space);
    }
    result.mean_needed.resize(program.statements.size(), false);
    result.joint_mean.resize(program.statements.size(), false);
    touched.resize(units.size(), false);
    numbered.resize(units.size(), false);
    family_touched.resize(program.families.size(), false);
    unrolled.resize(program.families.size(), false);
}

Affine Derivation::prime(const Affine& affine) const {
    return substitute(affine, [&](Symbol s) -> std::optional<Affine> { return Affine::of(result.primed(s)); });
}
Range Derivation::prime(const Range& range) const {
    return {result.primed(range.index), prime(range.lower), prime(range.upper)};
}
Element Derivation::prime(const Element& element) const {
    Element primed = element;
    for (Affine& index : primed.access.indices)
        index = prime(index);
    return primed;
}

std::vector<Symbol> Derivation::loops(std::size_t unit, bool right) const {
    std::vector<Symbol> symbols;
    for (const Range& range : units[unit].domain.ranges)
        symbols.push_back(right ? result.primed(range.index) : range.index);
    return symbols;
}
std::vector<Symbol> Derivation::loops(const PairKey& key) const {
    std::vector<Symbol> both = loops(key.left, false);
    const std::vector<Symbol> right = loops(key.right, true);
    both.insert(both.end(), right.begin(), right.end());
    return both;
}

bool Derivation::of_one_gaussian(const Unit& unit) const {
    if (unit.output)
        return false;
    return result.network.gaussian[unit.family] ||
           (unit.form.kind == network::FormKind::activation && result.network.gaussian[unit.form.reads[0].family]);
}

network::ElementRead itself(const Unit& unit) {
    network::ElementRead own{unit.family, {}};
    own.access.indices.append(unit.indices.begin(), unit.indices.end());
    return own;
}

namespace {

bool has_atoms(const network::Form& form) {
    return std::ranges::any_of(form.terms, [](const network::LinearTerm& term) {
        return term.base == network::Base::matmul || term.base == network::Base::input ||
               term.base == network::Base::parameter;
    });
}

// z + mean
ExprId sum_with(ExprTable& table, double mean) {
    Node variable;
    variable.op = Op::variable;
    variable.type = Type::vector;
    return table.apply(Function::add, {table.add(variable), table.number(mean)});
}

// E[f(x) g(y)] of Gaussians x, y, which are the units themselves or what their activations read.
void dual(Derivation& derivation, const PairKey& key, const passes::Set& demanded, Equation& equation) {
    const auto side = [&](std::size_t k, bool is_right, Element& element, std::optional<ExprId>& function) {
        const Unit& unit = derivation.units[k];
        if (derivation.result.network.gaussian[unit.family]) {
            element.family = derivation.deviations_of(unit.family);
            element.access.indices.append(unit.indices.begin(), unit.indices.end());
            need_second(derivation, element.family); // a dual kernel takes the variances of both sides
            need_second(derivation, unit.family);    // and leaves gaps to the norms of what it is of
            const double mean = derivation.result.deviations.number[element.family].value_or(0);
            if (element.family != unit.family && mean != 0)
                function = sum_with(derivation.result.network.program.exprs, mean);
        } else {
            element = {unit.form.reads[0].family, unit.form.reads[0].access};
            function = unit.form.function;
        }
        if (is_right)
            element = derivation.prime(element);
        need_family(derivation, element.family);
        if (derivation.result.may_have_mean[element.family])
            need_mean(derivation, element.family);
    };
    side(key.left, false, equation.left, equation.left_function);
    side(key.right, true, equation.right, equation.right_function);
    demand_elements(derivation, key.self, equation.left.family, equation.right.family,
                    elements_read(derivation, key, demanded, {}, {}, equation.left, equation.right));
}

Equation solve(Derivation& derivation, const PairKey& key, const passes::Set& demanded) {
    Equation equation;
    equation.left_statement = key.left;
    equation.right_statement = key.right;
    equation.tangent = derivation.options.tangent && !key.self;
    const network::Form& left = derivation.units[key.left].form;
    const network::Form& right = derivation.units[key.right].form;
    const bool left_linear = left.kind == network::FormKind::linear;
    const bool right_linear = right.kind == network::FormKind::linear;
    const bool left_atoms = left_linear && has_atoms(left);
    const bool right_atoms = right_linear && has_atoms(right);
    const bool expand_left = left_linear && (!left_atoms || right_atoms);
    const bool expand_right = right_linear && (!right_atoms || left_atoms);
    if (expand_left || expand_right) {
        equation.rule = Rule::linear;
        bilinear(derivation, key, demanded, equation, expand_left, expand_right);
    } else if (!derivation.of_one_gaussian(derivation.units[key.left]) ||
               !derivation.of_one_gaussian(derivation.units[key.right])) {
        equation.rule = Rule::product;
        factor(derivation, key, demanded, equation);
    } else {
        equation.rule = Rule::dual;
        dual(derivation, key, demanded, equation);
    }
    return equation;
}

// `at` is what is being derived, and what it is paired with.
void run(Derivation& derivation, std::pair<source::Span, source::Span>& at) {
    if (derivation.options.set_operations)
        derivation.cross_space->sets().allow(*derivation.options.set_operations);
    for (std::size_t k = derivation.program().statements.size(); k < derivation.units.size(); ++k) {
        touch(derivation, k);
        const PairKey key{false, k, k};
        demand(derivation, key, node_of(derivation, key).domain);
    }
    while (!derivation.queue.empty()) {
        const PairKey key = derivation.queue.extract(derivation.queue.begin()).value();
        derivation.cross_space->sets().restart();
        PairNode& node = derivation.nodes.at(key);
        const passes::Set demanded = *node.demand;
        at = {derivation.units[key.left].span, derivation.units[key.right].span};
        node.equation = solve(derivation, key, demanded);
    }
}

} // namespace

std::optional<Recursions> derive(const network::Network& network, const DeriveOptions& options,
                                 source::Diagnostics& diagnostics) {
    std::pair<source::Span, source::Span> at;
    if (!network.outputs.empty())
        at = {network.outputs.front().span, network.outputs.front().span};
    try {
        Derivation derivation(network, options);
        run(derivation, at);
        collect(derivation);
        return std::move(derivation.result);
    } catch (const passes::IntegerSetError&) {
        source::Diagnostic& diagnostic = diagnostics.report(source::Id::index_analysis, at.first);
        if (at.second != at.first)
            diagnostic.note(at.second, "its covariance with this is what does not end");
        return std::nullopt;
    }
}

} // namespace tpc::limit
