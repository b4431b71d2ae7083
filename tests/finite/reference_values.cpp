#include "tests/finite/reference_values.hpp"

#include "tests/finite/reference.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::tests {

using ir::ExprId;
using ir::Function;

Values::Values() {
    ir::Node node;
    node.op = ir::Op::variable;
    node.type = ir::Type::vector;
    variable = table.add(node);
}

Vector Values::sum(const Vector& a, double scale, const Vector& b) const {
    Vector result = a;
    result.constant += scale * b.constant;
    for (const auto& [gaussian, coefficient] : b.linear)
        result.linear[gaussian] += scale * coefficient;
    std::erase_if(result.linear, [](const auto& part) { return part.second == 0; });
    for (Term term : b.terms) {
        term.coefficient *= scale;
        result.terms.push_back(std::move(term));
    }
    return result;
}

int Values::base_of(const Combination& scaled) {
    const auto same = [&](const Combination& other) {
        return std::equal(scaled.begin(), scaled.end(), other.begin(), other.end(), [](const auto& a, const auto& b) {
            return a.first == b.first && std::abs(a.second - b.second) <= 1e-13 * std::abs(a.second);
        });
    };
    const auto found = std::find_if(bases.begin(), bases.end(), same);
    if (found == bases.end()) {
        bases.push_back(scaled);
        return static_cast<int>(bases.size() - 1);
    }
    return static_cast<int>(found - bases.begin());
}

std::vector<Term> Values::expanded(const Vector& a) {
    std::vector<Term> result = a.terms;
    if (a.constant != 0)
        result.push_back({a.constant, {}});
    if (a.linear.empty())
        return result;
    const double first = a.linear.begin()->second;
    Combination scaled = a.linear;
    for (auto& part : scaled)
        part.second /= first;
    result.push_back({first, {{variable, base_of(scaled)}}});
    return result;
}

std::vector<Factor> Values::merged(const std::vector<Factor>& a, const std::vector<Factor>& b) {
    std::map<int, ExprId> by_base;
    for (const auto* factors : {&a, &b})
        for (const Factor& factor : *factors) {
            const auto [place, first] = by_base.try_emplace(factor.base, factor.function);
            if (!first)
                place->second = table.apply(Function::mul, {place->second, factor.function});
        }
    std::vector<Factor> result;
    for (const auto& [base, function] : by_base)
        result.push_back({function, base});
    return result;
}

Vector Values::product(const Vector& a, const Vector& b) {
    for (const auto& [number, other] : {std::pair(&a, &b), std::pair(&b, &a)})
        if (number->linear.empty() && number->terms.empty())
            return sum({}, number->constant, *other);
    Vector result;
    const std::vector<Term> left = expanded(a), right = expanded(b);
    for (const Term& x : left)
        for (const Term& y : right)
            result.terms.push_back({x.coefficient * y.coefficient, merged(x.factors, y.factors)});
    return result;
}

// The vector as a function of one base; `base` is that of the others, or -1 before any.
std::optional<ExprId> Values::function_of_one(const Vector& a, int& base) {
    ExprId result = table.number(0);
    for (const Term& term : expanded(a)) {
        ExprId value = table.number(term.coefficient);
        if (term.factors.size() > 1 || (!term.factors.empty() && base >= 0 && base != term.factors[0].base))
            return std::nullopt;
        if (!term.factors.empty()) {
            base = term.factors[0].base;
            value = table.apply(Function::mul, {value, term.factors[0].function});
        }
        result = table.apply(Function::add, {result, value});
    }
    return result;
}

Vector Values::apply(Function function, const std::vector<Vector>& arguments) {
    const auto is_number = [](const Vector& a) { return a.linear.empty() && a.terms.empty(); };
    switch (function) {
    case Function::add:
    case Function::sub:
        return sum(arguments[0], function == Function::add ? 1 : -1, arguments[1]);
    case Function::neg:
        return sum({}, -1, arguments[0]);
    case Function::div:
        if (is_number(arguments[1]))
            return sum({}, 1 / arguments[1].constant, arguments[0]);
        break;
    default:
        break;
    }
    int base = -1;
    std::vector<ExprId> functions;
    for (const Vector& argument : arguments) {
        const auto made = function_of_one(argument, base);
        if (made)
            functions.push_back(*made);
    }
    if (functions.size() < arguments.size()) {
        if (function == Function::mul)
            return product(arguments[0], arguments[1]);
        if (function == Function::square)
            return product(arguments[0], arguments[0]);
        if (function == Function::pow && is_number(arguments[1]) && arguments[1].constant == 2)
            return product(arguments[0], arguments[0]);
        throw OutOfReach("a function of several Gaussians");
    }
    if (base < 0) {
        std::vector<double> numbers;
        for (const Vector& argument : arguments)
            numbers.push_back(argument.constant);
        return {.constant = ir::evaluate(function, numbers), .linear = {}, .terms = {}};
    }
    if (function == Function::mul && (is_number(arguments[0]) || is_number(arguments[1])))
        return product(arguments[0], arguments[1]);
    return {.constant = 0, .linear = {}, .terms = {{1, {{table.apply(function, functions), base}}}}};
}

ExprId Values::derivative(ExprId function) {
    const auto known = derivatives_.find(function);
    if (known != derivatives_.end())
        return known->second;
    return derivatives_[function] = ir::derivative(table, function, 0);
}

} // namespace tpc::tests
