#include "compiler/formula/algebra.hpp"

#include <algorithm>

namespace tpc::formula {

using namespace ir;
using Kind = Formula::Kind;

std::function<std::optional<Affine>(Symbol)> lookup(const Values& values) {
    return [&values](Symbol s) -> std::optional<Affine> {
        const auto found = values.find(s);
        return found == values.end() ? std::nullopt : std::optional(found->second);
    };
}

Affine with(const Values& values, const Affine& a) {
    return substitute(a, lookup(values));
}
Range with(const Values& values, const Range& r) {
    return {r.index, with(values, r.lower), with(values, r.upper)};
}
Condition with(const Values& values, const Condition& c) {
    return {with(values, c.value), c.relation};
}
Access with(const Values& values, Access access) {
    for (Affine& index : access.indices)
        index = with(values, index);
    return access;
}
limit::Element with(const Values& values, const limit::Element& element) {
    return {element.family, with(values, element.access)};
}
Domain with(const Values& values, Domain domain) {
    for (Range& range : domain.ranges)
        range = with(values, range);
    for (Condition& condition : domain.conditions)
        condition = with(values, condition);
    return domain;
}

Formula number(double value) {
    Formula result;
    result.number = value;
    return result;
}

bool is_number(const Formula& f, double value) {
    return f.kind == Kind::number && f.number == value;
}

Formula covariance(Quantity quantity, const limit::Element& left, const limit::Element& right, bool self,
                   bool right_sample) {
    Formula f;
    f.kind = Kind::covariance;
    f.quantity = quantity;
    f.left = left;
    f.right = right;
    f.one_sample = self;
    f.right_sample = right_sample;
    return f;
}

Formula mean(const limit::Element& element, bool right) {
    Formula f;
    f.kind = Kind::mean;
    f.left = element;
    f.right_sample = right;
    return f;
}

// Numbers fold into one leading factor; nested products are flat.
Formula product(const std::vector<Formula>& factors) {
    double scale = 1;
    std::vector<Formula> rest;
    const auto take = [&](const Formula& f, const auto& self) -> void {
        if (f.kind == Kind::number)
            scale *= f.number;
        else if (f.kind == Kind::product)
            for (const Formula& child : f.children)
                self(child, self);
        else
            rest.push_back(f);
    };
    for (const Formula& f : factors)
        take(f, take);
    if (scale == 0 || rest.empty())
        return number(scale);
    if (scale != 1)
        rest.insert(rest.begin(), number(scale));
    if (rest.size() == 1)
        return rest[0];
    Formula result;
    result.kind = Kind::product;
    result.children = std::move(rest);
    return result;
}

// Two square roots of one number are that number.
Formula without_roots(const ExprTable& table, const Formula& f) {
    if (f.kind != Kind::product)
        return f;
    std::vector<Formula> factors = f.children;
    const auto is_root = [&](const Formula& factor) {
        return factor.kind == Kind::scalar && table[factor.expr].op == Op::apply &&
               table[factor.expr].function == Function::sqrt;
    };
    for (std::size_t a = 0; a < factors.size(); ++a)
        for (std::size_t b = a + 1; b < factors.size(); ++b)
            if (is_root(factors[a]) && is_root(factors[b]) && factors[a].inverse == factors[b].inverse &&
                factors[a].right_sample == factors[b].right_sample && same(table, factors[a].expr, factors[b].expr)) {
                factors[a].expr = table[factors[a].expr].children[0];
                factors.erase(factors.begin() + static_cast<std::ptrdiff_t>(b--));
            }
    return product(factors);
}

// Zeros are dropped; numbers fold into one last term; scalars that all terms have stand before the sum.
Formula add(const ExprTable& table, const std::vector<Formula>& terms) {
    double constant = 0;
    std::vector<Formula> rest;
    for (const Formula& term : terms) {
        if (term.kind == Kind::number)
            constant += term.number;
        else if (term.kind == Kind::add)
            rest.insert(rest.end(), term.children.begin(), term.children.end());
        else
            rest.push_back(term);
    }
    if (constant != 0 || rest.empty())
        rest.push_back(number(constant));
    if (rest.size() == 1)
        return rest[0];
    std::vector<Formula> common;
    const auto factors_of = [](const Formula& f) { return f.kind == Kind::product ? f.children : std::vector<Formula>{f}; };
    const auto equal = [&](const Formula& a, const Formula& b) {
        return a.kind == Kind::scalar && b.kind == Kind::scalar && a.inverse == b.inverse &&
               a.right_sample == b.right_sample && same(table, a.expr, b.expr);
    };
    const std::vector<Formula> candidates = factors_of(rest[0]);
    for (const Formula& candidate : candidates) {
        std::vector<Formula> reduced;
        for (const Formula& term : rest) {
            std::vector<Formula> factors = factors_of(term);
            const auto found =
                std::find_if(factors.begin(), factors.end(), [&](const Formula& f) { return equal(f, candidate); });
            if (found == factors.end())
                break;
            factors.erase(found);
            reduced.push_back(product(factors));
        }
        if (reduced.size() == rest.size()) {
            rest = std::move(reduced);
            common.push_back(candidate);
        }
    }
    if (!common.empty()) {
        common.insert(common.begin(), add(table, rest));
        return product(common);
    }
    Formula result;
    result.kind = Kind::add;
    result.children = std::move(rest);
    return result;
}

namespace {

bool mentions(const Program& program, const Formula& f, const std::vector<Range>& ranges) {
    const std::vector<Symbol> symbols = symbols_of(program, f);
    return std::any_of(symbols.begin(), symbols.end(), [&](Symbol s) {
        return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) { return range.index == s; });
    });
}

} // namespace

// sum over `over` of value; what does not depend on the sum stands before it.
Formula sum(const Program& program, const Domain& over, const std::vector<diff::Fold>& folds, const Formula& value) {
    if (value.kind == Kind::number && value.number == 0)
        return value;
    if (over.ranges.empty() && over.conditions.empty() && folds.empty())
        return value;
    if (over.ranges.empty()) {
        Formula bracket;
        bracket.kind = Kind::bracket;
        bracket.over = over;
        bracket.folds = folds;
        return product({bracket, value});
    }
    std::vector<Formula> before, inside;
    for (const Formula& factor : value.kind == Kind::product ? value.children : std::vector<Formula>{value})
        (mentions(program, factor, over.ranges) ? inside : before).push_back(factor);
    Formula f;
    f.kind = Kind::sum;
    f.over = over;
    f.folds = folds;
    f.children = {product(inside)};
    before.push_back(f);
    return product(before);
}

Formula substituted(ExprTable& table, Formula f, const Values& values) {
    if (f.kind == Kind::scalar)
        f.expr = renamed(table, f.expr, lookup(values));
    for (std::vector<limit::Element>* side : {&f.lefts, &f.rights})
        for (limit::Element& element : *side)
            element = with(values, element);
    if (f.left)
        f.left = with(values, *f.left);
    if (f.right)
        f.right = with(values, *f.right);
    f.size = with(values, f.size);
    f.over = with(values, f.over);
    for (Formula& child : f.children)
        child = substituted(table, child, values);
    return f;
}

} // namespace tpc::formula
