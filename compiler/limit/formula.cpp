#include "compiler/limit/formula.hpp"

#include "compiler/check/uses.hpp"
#include "compiler/diff/gather.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tpc::limit {
namespace {

using namespace ir;
using Kind = Formula::Kind;
using Values = std::map<Symbol, Affine>;

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
Element with(const Values& values, const Element& element) {
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

// Every symbol of a formula, in reading order.
class Walk {
  public:
    Walk(const Program& program, std::vector<Symbol>& found) : program_(program), found_(found) {}

    void add(Symbol s) {
        if (seen_.insert(s).second)
            found_.push_back(s);
    }
    void add(const Affine& a) {
        for (const auto& [symbol, _] : a.terms)
            add(symbol);
    }
    void add(const Access& access) {
        for (const Affine& index : access.indices)
            add(index);
    }
    void add(const Domain& domain) {
        for (const Range& range : domain.ranges) {
            add(range.index);
            add(range.lower);
            add(range.upper);
        }
        for (const Condition& c : domain.conditions)
            add(c.value);
    }
    void add(ExprId id) {
        check::visit(program_.exprs, id, [&](ExprId, const Node& node) {
            add(node.affine);
            add(node.access);
            Domain inner;
            inner.ranges.assign(node.ranges.begin(), node.ranges.end());
            add(inner);
        });
    }
    void add(const Formula& f) {
        if (f.kind == Kind::scalar)
            add(f.expr);
        if (f.left)
            add(f.left->access);
        if (f.right)
            add(f.right->access);
        add(f.size);
        add(f.over);
        for (const diff::Fold& fold : f.folds) {
            add(fold.read);
            add(fold.target);
        }
        for (const Formula& child : f.children)
            add(child);
    }

  private:
    const Program& program_;
    std::vector<Symbol>& found_;
    std::set<Symbol> seen_;
};

struct Side { // one unit (statement or output) of one sample
    std::vector<Affine> indices;
    Domain domain;
};

struct Instance {                    // the pairs of one equation
    std::vector<Affine> left, right; // indices of the targets
    Domain domain;
    Values values; // of symbols that equalities of the domain fix
};

// One way on which a gradient reaches a pair of operands.
struct Reading {
    Element left, right;
    Domain over; // sums and conditions of the term
    Formula factor;
};

class Builder {
  public:
    explicit Builder(const Recursions& recursions) : recursions_(recursions), network_(recursions.network) {
        result_.program = network_.program;
        statements_ = network_.program.statements.size();
        result_.several_outputs =
            network_.outputs.size() > 1 || (!network_.outputs.empty() && !network_.outputs[0].name.empty());
        boxes_ = diff::boxes(network_.program);
        position_.resize(statements_ + network_.outputs.size());
        std::size_t next = 0;
        number_statements(network_.program.body, next);
        for (std::size_t k = 0; k < network_.outputs.size(); ++k)
            position_[statements_ + k] = next++;
        cross_ = recursions_.cross;
        self_ = recursions_.self;
        const auto earlier = [&](const Equation& a, const Equation& b) {
            return std::pair(position_[a.left_statement], position_[a.right_statement]) <
                   std::pair(position_[b.left_statement], position_[b.right_statement]);
        };
        std::sort(cross_.begin(), cross_.end(), earlier);
        std::sort(self_.begin(), self_.end(), earlier);
    }

    Formulas run() {
        self_lines();
        for (const Equation& equation : cross_) {
            const Instance instance = instance_of(equation, false);
            Line line{target(equation, instance, Quantity::C, false),
                      false,
                      value_C(equation, instance, false),
                      instance.domain,
                      {}};
            list(line, is_output(equation) ? result_.kernels : result_.forward);
        }
        if (recursions_.tangent) {
            for (const Equation& equation : cross_) {
                if (!equation.tangent)
                    continue;
                const Instance instance = instance_of(equation, false);
                Line line{target(equation, instance, Quantity::T, false),
                          false,
                          value_T(equation, instance, true),
                          instance.domain,
                          {}};
                list(line, is_output(equation) ? result_.kernels : result_.tangent);
            }
            for (auto equation = cross_.rbegin(); equation != cross_.rend(); ++equation)
                if (equation->tangent)
                    backward(*equation);
            merge_backward();
            ntk_of_gradients();
        }
        name_functions();
        return std::move(result_);
    }

  private:
    const Recursions& recursions_;
    const Network& network_;
    Formulas result_;
    std::size_t statements_ = 0;
    std::vector<diff::Box> boxes_;
    std::vector<std::size_t> position_;  // of statements and outputs, in the order of execution
    std::vector<Equation> cross_, self_; // in that order

    void number_statements(const std::vector<Item>& items, std::size_t& next) {
        for (const Item& item : items) {
            if (const auto* loop = std::get_if<Loop>(&item.node))
                number_statements(loop->body, next);
            else
                position_[std::get<std::uint32_t>(item.node)] = next++;
        }
    }

    // Zeros between samples are not listed.
    static void list(const Line& line, std::vector<Line>& lines) {
        if (line.target.kind == Kind::kernel || !is_number(line.value, 0))
            lines.push_back(line);
    }

    ExprTable& table() { return result_.program.exprs; }
    bool is_output(const Equation& equation) const { return equation.left_statement >= statements_; }

    Affine prime(const Affine& a) const {
        return substitute(a, [&](Symbol s) -> std::optional<Affine> { return Affine::of(recursions_.primed(s)); });
    }

    // --- domains
    Side side(std::size_t unit, bool right) const {
        Side result;
        if (unit < statements_) {
            result.indices = network_.program.statements[unit].indices;
            result.domain = network_.program.statements[unit].domain;
        } else {
            result.domain.ranges = network_.outputs[unit - statements_].family;
            for (const Range& range : result.domain.ranges)
                result.indices.push_back(Affine::of(range.index));
        }
        if (!right)
            return result;
        for (Affine& index : result.indices)
            index = prime(index);
        for (Range& range : result.domain.ranges)
            range = {recursions_.primed(range.index), prime(range.lower), prime(range.upper)};
        for (Condition& condition : result.domain.conditions)
            condition.value = prime(condition.value);
        return result;
    }

    // Both samples have the same axes in a self equation.
    Values one_sample_axes() const {
        Values values;
        for (std::uint32_t k = 0; k < recursions_.left_symbols; ++k)
            if (network_.program.symbols[k].axis)
                values[recursions_.primed(static_cast<Symbol>(k))] = Affine::of(static_cast<Symbol>(k));
        return values;
    }

    Instance instance_of(const Equation& equation, bool self) const {
        const Side left = side(equation.left_statement, false);
        const Side right = side(equation.right_statement, true);
        Instance result;
        result.domain = left.domain;
        result.domain.ranges.insert(result.domain.ranges.end(), right.domain.ranges.begin(), right.domain.ranges.end());
        result.domain.conditions.insert(result.domain.conditions.end(), right.domain.conditions.begin(),
                                        right.domain.conditions.end());
        for (const Affine& value : equation.where)
            result.domain.conditions.push_back({value, Relation::zero});
        if (self)
            result.values = one_sample_axes();
        result.domain = with(result.values, result.domain);
        tighten(result.domain);
        same_single_points(left.domain, right.domain, result.domain);
        std::stable_sort(result.domain.conditions.begin(), result.domain.conditions.end(),
                         [&](const Condition& a, const Condition& b) { return last_loop(a.value) < last_loop(b.value); });
        simplify(result.domain, result.values);
        for (const Affine& index : left.indices)
            result.left.push_back(with(result.values, index));
        for (const Affine& index : right.indices)
            result.right.push_back(with(result.values, index));
        return result;
    }

    std::optional<Symbol> last_loop(const Affine& a) const {
        std::optional<Symbol> last;
        for (const auto& [symbol, unused] : a.terms)
            if (!is_axis(symbol))
                last = symbol;
        return last;
    }

    // l in 1..L, l != 1 is l in 2..L
    static void tighten(Domain& domain) {
        std::erase_if(domain.conditions, [&](const Condition& condition) {
            for (Range& range : domain.ranges) {
                const std::int64_t c = condition.value.coefficient(range.index);
                if (condition.relation != Relation::non_zero || condition.value.denominator != 1 || (c != 1 && c != -1))
                    continue;
                const Affine excluded = -c * (condition.value - c * Affine::of(range.index));
                if (excluded == range.lower) {
                    range.lower = range.lower + Affine(1);
                    return true;
                }
                if (excluded == range.upper) {
                    range.upper = range.upper - Affine(1);
                    return true;
                }
            }
            return false;
        });
    }

    // Loops that run over one and the same number count as equal, as the analysis finds them to be when they run over
    // several: the text has the same form at all depths.
    void same_single_points(const Domain& left, const Domain& right, Domain& domain) const {
        const auto single = [&](Symbol s) -> std::optional<Affine> {
            for (const Range& range : domain.ranges)
                if (range.index == s && range.lower == range.upper && range.lower.is_constant())
                    return range.lower;
            return std::nullopt;
        };
        for (std::size_t k = 0; k < std::min(left.ranges.size(), right.ranges.size()); ++k) {
            const Symbol a = left.ranges[k].index;
            const Symbol b = right.ranges[k].index;
            if (!single(a) || single(a) != single(b))
                continue;
            const Affine difference = Affine::of(b) - Affine::of(a);
            domain.conditions.push_back({difference, Relation::zero});
        }
    }

    bool is_axis(Symbol s) const { return result_.program.info(s).axis; }

    // `i_ == i`, `l == 1`, `t == T` give a loop index its value; an equality that relates axes of both samples stays.
    std::optional<std::pair<Symbol, Affine>> solution(const Domain& domain, const Condition& condition) const {
        if (condition.relation != Relation::zero)
            return std::nullopt;
        Affine value = condition.value;
        value.denominator = 1;
        const bool axes =
            std::any_of(value.terms.begin(), value.terms.end(), [&](const auto& term) { return is_axis(term.first); });
        const auto loops =
            std::count_if(value.terms.begin(), value.terms.end(), [&](const auto& term) { return !is_axis(term.first); });
        if (axes && loops != 1)
            return std::nullopt;
        for (auto range = domain.ranges.rbegin(); range != domain.ranges.rend(); ++range) {
            const std::int64_t c = value.coefficient(range->index);
            if (c == 1 || c == -1)
                return std::pair(range->index, -c * (value - c * Affine::of(range->index)));
        }
        return std::nullopt;
    }

    void simplify(Domain& domain, Values& values) const {
        for (bool changed = true; changed;) {
            changed = false;
            for (std::size_t k = 0; k < domain.conditions.size() && !changed; ++k) {
                const auto solved = solution(domain, domain.conditions[k]);
                if (!solved)
                    continue;
                changed = true;
                domain.conditions.erase(domain.conditions.begin() + static_cast<std::ptrdiff_t>(k));
                fix(domain, values, solved->first, solved->second);
            }
        }
        check::Bindings bindings;
        check::bind(bindings, domain.ranges);
        std::vector<Condition> kept;
        for (const Condition& c : domain.conditions) {
            const bool trivial =
                (c.relation == Relation::zero && c.value.is_constant(0)) ||
                (c.relation == Relation::non_negative && check::provably_non_negative(result_.program, c.value, bindings)) ||
                (c.relation == Relation::non_zero && check::provably_non_zero(result_.program, c.value, bindings));
            if (!trivial && std::find(kept.begin(), kept.end(), c) == kept.end())
                kept.push_back(c);
        }
        domain.conditions = kept;
    }

    void fix(Domain& domain, Values& values, Symbol symbol, const Affine& value) const {
        const auto range =
            std::find_if(domain.ranges.begin(), domain.ranges.end(), [&](const Range& r) { return r.index == symbol; });
        const Range removed = *range;
        domain.ranges.erase(range);
        for (auto& [unused, earlier] : values)
            earlier = substitute(earlier, [&](Symbol s) { return s == symbol ? std::optional(value) : std::nullopt; });
        values[symbol] = value;
        domain = with(values, domain);
        domain.conditions.push_back({value - with(values, removed.lower), Relation::non_negative});
        domain.conditions.push_back({with(values, removed.upper) - value, Relation::non_negative});
    }

    // --- formulas of parts
    Formula target(const Equation& equation, const Instance& instance, Quantity quantity, bool self) const {
        if (is_output(equation)) {
            Formula f;
            f.kind = Kind::kernel;
            f.quantity = quantity;
            f.output = equation.left_statement - statements_;
            f.left = Element{0, {{instance.left.begin(), instance.left.end()}, IndexMode::none}};
            f.right = Element{0, {{instance.right.begin(), instance.right.end()}, IndexMode::none}};
            return f;
        }
        return covariance(quantity, own(equation.left_statement, instance.left),
                          own(equation.right_statement, instance.right), self);
    }
    Element own(std::size_t statement, const std::vector<Affine>& indices) const {
        return {network_.program.statements[statement].family, {{indices.begin(), indices.end()}, IndexMode::none}};
    }
    static Formula covariance(Quantity quantity, const Element& left, const Element& right, bool self,
                              bool right_sample = false) {
        Formula f;
        f.kind = Kind::covariance;
        f.quantity = quantity;
        f.left = left;
        f.right = right;
        f.one_sample = self;
        f.right_sample = right_sample;
        return f;
    }
    static Formula mean(const Element& element, bool right) {
        Formula f;
        f.kind = Kind::mean;
        f.left = element;
        f.right_sample = right;
        return f;
    }

    ExprId rewritten(ExprId e, const std::function<std::optional<Affine>(Symbol)>& symbol) {
        return rewrite(
            table(), e, [](ExprId) -> std::optional<ExprId> { return std::nullopt; }, symbol);
    }

    // Products, quotients and signs fall apart into factors.
    void factors(ExprId e, bool inverse, bool right, std::vector<Formula>& list) {
        const Node node = table()[e];
        if (node.op == Op::number) {
            list.push_back(number(inverse ? 1 / node.number : node.number));
            return;
        }
        if (node.op == Op::apply && (node.function == Function::mul || node.function == Function::div)) {
            factors(node.children[0], inverse, right, list);
            factors(node.children[1], inverse != (node.function == Function::div), right, list);
            return;
        }
        if (node.op == Op::apply && node.function == Function::neg) {
            list.push_back(number(-1));
            factors(node.children[0], inverse, right, list);
            return;
        }
        Formula f;
        f.kind = Kind::scalar;
        f.expr = e;
        f.inverse = inverse;
        f.right_sample = right;
        list.push_back(f);
    }

    // A coefficient of one side: `point` has the values of the term's own sum indices.
    Formula coefficient(ExprId e, const std::vector<Range>& ranges, const std::vector<Affine>& point, bool right,
                        const Values& values, bool self) {
        Values known;
        for (std::size_t k = 0; k < ranges.size(); ++k)
            known[ranges[k].index] = with(values, point[k]);
        const ExprId here = rewritten(e, [&](Symbol s) -> std::optional<Affine> {
            if (const auto found = known.find(s); found != known.end())
                return found->second;
            return with(values, Affine::of(right ? recursions_.primed(s) : s));
        });
        std::vector<Formula> list;
        factors(here, false, right && !self, list);
        return product(list);
    }

    // Variances and rates are numbers that may depend on the member.
    Formula of_member(ExprId e, const Parameter& parameter, const Access& member) {
        const ExprId here = rewritten(e, [&](Symbol s) -> std::optional<Affine> {
            for (std::size_t d = 0; d < parameter.family.size(); ++d)
                if (parameter.family[d].index == s)
                    return member.indices[d];
            return std::nullopt;
        });
        std::vector<Formula> list;
        factors(here, false, false, list);
        return product(list);
    }

    static bool mentions(const Program& program, const Formula& f, const std::vector<Range>& ranges) {
        std::vector<Symbol> symbols;
        Walk(program, symbols).add(f);
        return std::any_of(symbols.begin(), symbols.end(), [&](Symbol s) {
            return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) { return range.index == s; });
        });
    }

    // sum over `over` of value; what does not depend on the sum stands before it.
    Formula sum(const Domain& over, const std::vector<diff::Fold>& folds, const Formula& value) const {
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
            (mentions(result_.program, factor, over.ranges) ? inside : before).push_back(factor);
        Formula f;
        f.kind = Kind::sum;
        f.over = over;
        f.folds = folds;
        f.children = {product(inside)};
        before.push_back(f);
        return product(before);
    }

    Formula dual(const Equation& equation, const Instance& instance, bool derivatives, bool self) const {
        Formula f;
        f.kind = Kind::dual;
        f.left = with(instance.values, equation.left);
        f.right = with(instance.values, equation.right);
        f.left_function = equation.left_function;
        f.right_function = equation.right_function;
        f.derivatives = derivatives;
        f.one_sample = self;
        f.left_mean = recursions_.may_have_mean[f.left->family];
        f.right_mean = recursions_.may_have_mean[f.right->family];
        return f;
    }

    // --- linear equations
    const std::vector<LinearTerm>& terms_of(std::size_t unit) const {
        return unit < statements_ ? network_.forms[unit].terms : network_.outputs[unit - statements_].terms;
    }

    Formula coefficients(const Equation& equation, const PairTerm& term, const Instance& instance, bool self) {
        std::vector<Formula> list;
        if (term.left_term) {
            const LinearTerm& left = terms_of(equation.left_statement)[*term.left_term];
            list.push_back(coefficient(left.coefficient, left.ranges, term.left_point, false, instance.values, self));
        }
        if (term.right_term) {
            const LinearTerm& right = terms_of(equation.right_statement)[*term.right_term];
            list.push_back(coefficient(right.coefficient, right.ranges, term.right_point, true, instance.values, self));
        }
        return product(list);
    }

    Domain over_of(const PairTerm& term, const Instance& instance) const {
        return with(instance.values, Domain{term.sums, term.conditions});
    }

    Formula scale_of(const PairTerm& term, const Instance& instance, bool rate) {
        const Parameter parameter = network_.program.parameters[term.parameter];
        return of_member(rate ? parameter.rate : parameter.scale, parameter, with(instance.values, term.member));
    }

    Formula inner(const Equation& equation, const PairTerm& term, const Instance& instance, bool self) const {
        const LinearTerm& left = terms_of(equation.left_statement)[*term.left_term];
        const LinearTerm& right = terms_of(equation.right_statement)[*term.right_term];
        Formula f;
        f.kind = Kind::inner;
        f.left = Element{left.operand, with(instance.values, term.left_input)};
        f.right = Element{right.operand, with(instance.values, term.right_input)};
        f.left_input = left.operand_is_input;
        f.right_input = right.operand_is_input;
        f.one_sample = self;
        f.size = network_.program.parameters[term.parameter].reads.value_or(Affine(1));
        return f;
    }

    Formula term_C(const Equation& equation, const PairTerm& term, const Instance& instance, bool self) {
        std::vector<Formula> list{without_roots(table(), coefficients(equation, term, instance, self))};
        switch (term.kind) {
        case PairTerm::Kind::matmul:
        case PairTerm::Kind::read:
            if (term.kind == PairTerm::Kind::matmul)
                list.push_back(scale_of(term, instance, false));
            list.push_back(
                covariance(Quantity::C, with(instance.values, *term.left), with(instance.values, *term.right), self));
            break;
        case PairTerm::Kind::input:
            list.push_back(scale_of(term, instance, false));
            list.push_back(inner(equation, term, instance, self));
            break;
        case PairTerm::Kind::parameter:
            list.push_back(scale_of(term, instance, false));
            break;
        case PairTerm::Kind::means:
            if (term.left)
                list.push_back(mean(with(instance.values, *term.left), false));
            if (term.right)
                list.push_back(mean(with(instance.values, *term.right), !self));
            break;
        }
        return sum(over_of(term, instance), {}, product(list));
    }

    // With `through`, the operands' own T as well; without it only what the parameters of this equation add.
    Formula term_T(const Equation& equation, const PairTerm& term, const Instance& instance, bool through) {
        std::vector<Formula> list{without_roots(table(), coefficients(equation, term, instance, false))};
        switch (term.kind) {
        case PairTerm::Kind::matmul: {
            const Element left = with(instance.values, *term.left);
            const Element right = with(instance.values, *term.right);
            const Formula rate = scale_of(term, instance, true);
            const Formula scale = scale_of(term, instance, false);
            const Formula C = covariance(Quantity::C, left, right, false);
            const Formula T = covariance(Quantity::T, left, right, false);
            if (!through)
                list.push_back(product({rate, C}));
            else if (rate.kind == Kind::number && is_number(scale, rate.number))
                list.push_back(product({rate, add(table(), {C, T})}));
            else
                list.push_back(add(table(), {product({rate, C}), product({scale, T})}));
            break;
        }
        case PairTerm::Kind::read:
            if (!through)
                return number(0);
            list.push_back(
                covariance(Quantity::T, with(instance.values, *term.left), with(instance.values, *term.right), false));
            break;
        case PairTerm::Kind::input:
            list.push_back(scale_of(term, instance, true));
            list.push_back(inner(equation, term, instance, false));
            break;
        case PairTerm::Kind::parameter:
            list.push_back(scale_of(term, instance, true));
            break;
        case PairTerm::Kind::means:
            return number(0);
        }
        return sum(over_of(term, instance), {}, product(list));
    }

    Formula group_C(const GroupRead& group, const Instance& instance, bool self) const {
        const auto at = [&](const std::optional<Element>& element) { return with(instance.values, *element); };
        if (group.left && group.right)
            return covariance(Quantity::C, at(group.left), at(group.right), self);
        const bool right = !group.left;
        const auto& first = right ? group.right : group.left;
        const auto& second = right ? group.right2 : group.left2;
        if (second)
            return covariance(Quantity::C, at(first), at(second), true, right && !self);
        return mean(at(first), right && !self);
    }

    Formula value_C(const Equation& equation, const Instance& instance, bool self) {
        std::vector<Formula> parts;
        switch (equation.rule) {
        case Rule::linear:
            for (const PairTerm& term : equation.terms)
                parts.push_back(term_C(equation, term, instance, self));
            return add(table(), parts);
        case Rule::dual:
            return dual(equation, instance, false, self);
        case Rule::product:
            for (const GroupRead& group : equation.groups)
                parts.push_back(group_C(group, instance, self));
            return product(parts);
        }
        return {};
    }

    // All but group k, where T passes through group k.
    Formula other_groups(const Equation& equation, std::size_t k, const Instance& instance) const {
        std::vector<Formula> factors;
        for (std::size_t other = 0; other < equation.groups.size(); ++other)
            if (other != k)
                factors.push_back(group_C(equation.groups[other], instance, false));
        return product(factors);
    }

    Formula value_T(const Equation& equation, const Instance& instance, bool through) {
        std::vector<Formula> parts;
        switch (equation.rule) {
        case Rule::linear:
            for (const PairTerm& term : equation.terms)
                parts.push_back(term_T(equation, term, instance, through));
            break;
        case Rule::dual: {
            if (!through)
                break;
            const Formula factor = dual(equation, instance, true, false);
            parts.push_back(product({covariance(Quantity::T, *factor.left, *factor.right, false), factor}));
            break;
        }
        case Rule::product:
            for (std::size_t k = 0; k < equation.groups.size() && through; ++k) {
                const GroupRead& group = equation.groups[k];
                if (group.left && group.right)
                    parts.push_back(product({covariance(Quantity::T, with(instance.values, *group.left),
                                                        with(instance.values, *group.right), false),
                                             other_groups(equation, k, instance)}));
            }
            break;
        }
        return add(table(), parts);
    }

    // --- one sample alone
    void self_lines() {
        std::vector<std::size_t> order(statements_);
        for (std::size_t k = 0; k < statements_; ++k)
            order[k] = k;
        std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return position_[a] < position_[b]; });
        for (const std::size_t k : order) {
            const Statement& statement = network_.program.statements[k];
            const bool involved = k < recursions_.involved.size() && recursions_.involved[k];
            if (involved && network_.forms[k].kind == FormKind::scalar)
                scalar_line(statement);
            if (involved && network_.forms[k].kind == FormKind::finite)
                scalar_line(statement);
            if (recursions_.mean_needed[k])
                mean_line(k);
            for (const Equation& equation : self_) {
                if (equation.left_statement != k || position_[equation.right_statement] > position_[k])
                    continue;
                const Instance instance = instance_of(equation, true);
                Line line{target(equation, instance, Quantity::C, true),
                          false,
                          value_C(equation, instance, true),
                          instance.domain,
                          {}};
                if (equation.left_statement == equation.right_statement || !is_number(line.value, 0))
                    result_.self.push_back(std::move(line));
            }
        }
    }

    Values own_values(const Statement& statement, Domain& domain) const {
        Values values;
        domain = statement.domain;
        simplify(domain, values);
        return values;
    }

    void scalar_line(const Statement& statement) {
        Line line;
        const Values values = own_values(statement, line.domain);
        line.target.kind = Kind::scalar;
        Node read;
        read.op = Op::read;
        read.type = result_.program.families[statement.family].type;
        read.target = statement.family;
        for (const Affine& index : statement.indices)
            read.access.indices.push_back(with(values, index));
        line.target.expr = table().add(read);
        line.value.kind = Kind::scalar;
        line.value.expr = rewritten(statement.value, lookup(values));
        result_.self.push_back(std::move(line));
    }

    bool self_pair(std::uint32_t a, std::uint32_t b) const {
        return std::any_of(recursions_.self.begin(), recursions_.self.end(), [&](const Equation& equation) {
            return network_.program.statements[equation.left_statement].family == a &&
                   network_.program.statements[equation.right_statement].family == b;
        });
    }

    void mean_line(std::size_t k) {
        const Statement& statement = network_.program.statements[k];
        const Form& form = network_.forms[k];
        Line line;
        const Values values = own_values(statement, line.domain);
        std::vector<Affine> indices;
        for (const Affine& index : statement.indices)
            indices.push_back(with(values, index));
        line.target = mean(own(k, indices), false);
        const auto read = [&](const ElementRead& element) { return with(values, Element{element.family, element.access}); };
        const auto mean_of = [&](const Element& element) {
            return recursions_.may_have_mean[element.family] ? mean(element, false) : number(0);
        };
        std::vector<Formula> parts;
        if (form.kind == FormKind::linear) {
            for (const LinearTerm& term : form.terms) {
                if (term.base != Base::one && term.base != Base::read)
                    continue;
                std::vector<Affine> point;
                for (const Range& range : term.ranges)
                    point.push_back(Affine::of(range.index));
                const Formula factor = coefficient(term.coefficient, term.ranges, point, false, values, true);
                const Formula base = term.base == Base::one ? number(1) : mean_of(read({term.operand, term.access}));
                parts.push_back(sum(with(values, Domain{term.ranges, {}}), {}, product({factor, base})));
            }
            line.value = add(table(), parts);
        } else if (form.kind == FormKind::activation) {
            line.value.kind = Kind::dual;
            line.value.one_sample = true;
            line.value.left = read(form.reads[0]);
            line.value.left_function = form.function;
            line.value.left_mean = recursions_.may_have_mean[form.reads[0].family];
        } else if (form.kind == FormKind::product) {
            std::vector<bool> done(form.reads.size(), false);
            for (std::size_t a = 0; a < form.reads.size(); ++a)
                for (std::size_t b = a + 1; b < form.reads.size(); ++b)
                    if (!done[a] && !done[b] && self_pair(form.reads[a].family, form.reads[b].family)) {
                        parts.push_back(covariance(Quantity::C, read(form.reads[a]), read(form.reads[b]), true));
                        done[a] = done[b] = true;
                    }
            for (std::size_t a = 0; a < form.reads.size(); ++a)
                if (!done[a])
                    parts.push_back(mean_of(read(form.reads[a])));
            line.value = product(parts);
        }
        result_.self.push_back(std::move(line));
    }

    // --- D: the transpose of T
    std::vector<Reading> readings(const Equation& equation, const Instance& instance) {
        std::vector<Reading> result;
        if (equation.rule == Rule::linear) {
            for (const PairTerm& term : equation.terms) {
                if (term.kind != PairTerm::Kind::matmul && term.kind != PairTerm::Kind::read)
                    continue;
                std::vector<Formula> list{without_roots(table(), coefficients(equation, term, instance, false))};
                if (term.kind == PairTerm::Kind::matmul)
                    list.push_back(scale_of(term, instance, false));
                result.push_back({with(instance.values, *term.left), with(instance.values, *term.right),
                                  over_of(term, instance), product(list)});
            }
        } else if (equation.rule == Rule::dual) {
            const Formula factor = dual(equation, instance, true, false);
            result.push_back({*factor.left, *factor.right, {}, factor});
        } else {
            for (std::size_t k = 0; k < equation.groups.size(); ++k) {
                const GroupRead& group = equation.groups[k];
                if (group.left && group.right)
                    result.push_back({with(instance.values, *group.left),
                                      with(instance.values, *group.right),
                                      {},
                                      other_groups(equation, k, instance)});
            }
        }
        return result;
    }

    diff::Box pair_box(std::uint32_t left, std::uint32_t right) const {
        diff::Box box = boxes_[left];
        const diff::Box& other = boxes_[right];
        for (std::size_t d = 0; d < other.names.size(); ++d) {
            box.lower.push_back(other.lower[d] ? std::optional(prime(*other.lower[d])) : std::nullopt);
            box.upper.push_back(other.upper[d] ? std::optional(prime(*other.upper[d])) : std::nullopt);
            box.names.push_back(other.names[d].empty() ? "" : other.names[d] + "_");
        }
        return box;
    }

    void backward(const Equation& equation) {
        const Instance instance = instance_of(equation, false);
        for (const Reading& reading : readings(equation, instance)) {
            if (is_number(reading.factor, 0))
                continue;
            diff::Reader reader;
            if (!is_output(equation)) // an output's indices stay what they are
                reader.loops = instance.domain;
            reader.loops.conditions.insert(reader.loops.conditions.end(), reading.over.conditions.begin(),
                                           reading.over.conditions.end());
            reader.sums = reading.over.ranges;
            const auto& left = reading.left.access;
            const auto& right = reading.right.access;
            reader.read.indices.assign(left.indices.begin(), left.indices.end());
            reader.read.indices.append(right.indices.begin(), right.indices.end());
            reader.read.mode = left.mode == IndexMode::none ? right.mode : left.mode;
            const std::vector<diff::Box> boxes{pair_box(reading.left.family, reading.right.family)};
            const diff::Gathered gathered = diff::gather(result_.program, reader, boxes, {});
            emit(equation, instance, reading, gathered);
        }
    }

    void emit(const Equation& equation, const Instance& instance, const Reading& reading, const diff::Gathered& gathered) {
        Line line;
        line.domain = gathered.domain;
        const std::size_t rank = reading.left.access.indices.size();
        for (std::size_t d = 0; d < gathered.indices.size(); ++d)
            name_target(gathered.indices[d], d >= rank);
        Values values;
        simplify(line.domain, values);
        Element left{reading.left.family, {}};
        Element right{reading.right.family, {}};
        for (std::size_t d = 0; d < gathered.indices.size(); ++d)
            (d < rank ? left : right).access.indices.push_back(with(values, gathered.indices[d]));
        line.target = covariance(Quantity::D, left, right, false);

        Values solved;
        for (const auto& [symbol, value] : gathered.values)
            solved[symbol] = with(values, value);
        for (const auto& [symbol, value] : values)
            solved[symbol] = value;
        Domain over = with(values, gathered.sum);
        std::vector<diff::Fold> folds = gathered.folds;
        for (diff::Fold& fold : folds) {
            fold.read = with(values, fold.read);
            fold.target = with(values, fold.target);
        }
        std::vector<Formula> factors;
        if (is_output(equation)) {
            line.output = equation.left_statement - statements_;
        } else {
            Formula D = target(equation, instance, Quantity::D, false);
            D.left = with(solved, *D.left);
            D.right = with(solved, *D.right);
            if (reading.factor.kind == Kind::number)
                read_zero_outside(D, over);
            factors.push_back(D);
        }
        factors.push_back(substituted(reading.factor, solved));
        check::Bindings bindings;
        check::bind(bindings, line.domain.ranges);
        std::erase_if(over.conditions, [&](const Condition& c) {
            return c.relation == Relation::non_negative && check::provably_non_negative(result_.program, c.value, bindings);
        });
        line.value = sum(over, folds, product(factors));
        result_.backward.push_back(std::move(line));
    }

    // A new index is called after the sample that it belongs to.
    void name_target(const Affine& index, bool right) {
        if (index.terms.size() != 1 || static_cast<std::uint32_t>(index.terms[0].first) < 2 * recursions_.left_symbols)
            return;
        std::string& name = result_.program.symbols[static_cast<std::uint32_t>(index.terms[0].first)].name;
        const bool primed = name.size() > 1 && name.back() == '_';
        if (right && !primed)
            name += "_";
        if (!right && primed)
            name.pop_back();
    }

    // Outside the box of its family D is 0: conditions that keep an index inside need not be written.
    void read_zero_outside(Formula& D, Domain& over) const {
        for (const bool right : {false, true}) {
            Element& element = right ? *D.right : *D.left;
            const diff::Box& box = boxes_[element.family];
            for (std::size_t d = 0; d < element.access.indices.size(); ++d) {
                if (!box.lower[d] || !box.upper[d])
                    continue;
                const Affine& index = element.access.indices[d];
                const Affine lower = index - (right ? prime(*box.lower[d]) : *box.lower[d]);
                const Affine upper = (right ? prime(*box.upper[d]) : *box.upper[d]) - index;
                const auto erased = std::erase_if(over.conditions, [&](const Condition& c) {
                    return c.relation == Relation::non_negative && (c.value == lower || c.value == upper);
                });
                if (erased > 0)
                    element.access.mode = IndexMode::zero;
            }
        }
    }

    Formula substituted(Formula f, const Values& values) {
        if (f.kind == Kind::scalar)
            f.expr = rewritten(f.expr, lookup(values));
        if (f.left)
            f.left = with(values, *f.left);
        if (f.right)
            f.right = with(values, *f.right);
        f.size = with(values, f.size);
        f.over = with(values, f.over);
        for (Formula& child : f.children)
            child = substituted(child, values);
        return f;
    }

    // Lines for the same elements become one; others that may meet add up.
    void merge_backward() {
        std::vector<Line> merged;
        for (Line& line : result_.backward) {
            bool done = false;
            for (Line& earlier : merged) {
                if (earlier.output != line.output || earlier.target.left->family != line.target.left->family ||
                    earlier.target.right->family != line.target.right->family)
                    continue;
                if (const auto renaming = same_elements(earlier, line)) {
                    earlier.value = add(table(), {earlier.value, substituted(line.value, *renaming)});
                    done = true;
                    break;
                }
            }
            if (!done)
                merged.push_back(std::move(line));
        }
        for (std::size_t k = 0; k < merged.size(); ++k)
            for (std::size_t before = 0; before < k; ++before)
                merged[k].adds = merged[k].adds || may_meet(merged[before], merged[k]);
        result_.backward = std::move(merged);
    }

    std::optional<Values> same_elements(const Line& a, const Line& b) const {
        if (a.domain.ranges.size() != b.domain.ranges.size())
            return std::nullopt;
        Values renaming;
        for (std::size_t k = 0; k < a.domain.ranges.size(); ++k)
            renaming[b.domain.ranges[k].index] = Affine::of(a.domain.ranges[k].index);
        const Domain renamed = with(renaming, b.domain);
        for (std::size_t k = 0; k < a.domain.ranges.size(); ++k)
            if (!(renamed.ranges[k].lower == a.domain.ranges[k].lower) ||
                !(renamed.ranges[k].upper == a.domain.ranges[k].upper))
                return std::nullopt;
        if (renamed.conditions != a.domain.conditions)
            return std::nullopt;
        if (!(with(renaming, *b.target.left).access == a.target.left->access) ||
            !(with(renaming, *b.target.right).access == a.target.right->access))
            return std::nullopt;
        return renaming;
    }

    bool may_meet(const Line& a, const Line& b) const {
        if (a.target.left->family != b.target.left->family || a.target.right->family != b.target.right->family)
            return false;
        if (a.output && b.output && a.output != b.output)
            return false;
        check::Bindings bindings;
        check::bind(bindings, a.domain.ranges);
        check::bind(bindings, b.domain.ranges);
        const auto apart = [&](const Access& x, const Access& y) {
            return check::provably_disjoint(result_.program, x.indices, y.indices, bindings);
        };
        if (apart(a.target.left->access, b.target.left->access) || apart(a.target.right->access, b.target.right->access))
            return false;
        return true;
    }

    // ntk = sum over linear equations of D * (what their own parameters add to T)
    void ntk_of_gradients() {
        std::vector<Formula> shared;
        for (const Equation& equation : cross_) {
            if (!equation.tangent || is_output(equation) || equation.rule != Rule::linear)
                continue;
            const Instance instance = instance_of(equation, false);
            const Formula own_part = value_T(equation, instance, false);
            if (is_number(own_part, 0))
                continue;
            shared.push_back(sum(instance.domain, {}, product({target(equation, instance, Quantity::D, false), own_part})));
        }
        for (const Equation& equation : cross_) {
            if (!equation.tangent || !is_output(equation))
                continue;
            const Instance instance = instance_of(equation, false);
            std::vector<Formula> parts{value_T(equation, instance, false)};
            parts.insert(parts.end(), shared.begin(), shared.end());
            result_.ntk.push_back(
                {target(equation, instance, Quantity::D, false), false, add(table(), parts), instance.domain, {}});
        }
    }

    // --- names for functions
    void name_function(const std::optional<ExprId>& function) {
        if (!function)
            return;
        const Node& node = table()[*function];
        const bool plain = node.op == Op::apply && node.children.size() == 1 &&
                           table()[node.children[0]].op == Op::variable && node.function != Function::neg;
        const bool known = std::any_of(result_.functions.begin(), result_.functions.end(),
                                       [&](const auto& f) { return same(table(), f.second, *function); });
        if (!plain && !known)
            result_.functions.emplace_back("", *function);
    }
    void name_functions(const Formula& f) {
        if (f.kind == Kind::dual) {
            name_function(f.left_function);
            name_function(f.right_function);
        }
        for (const Formula& child : f.children)
            name_functions(child);
    }
    void name_functions() {
        for (const auto* lines :
             {&result_.self, &result_.forward, &result_.tangent, &result_.kernels, &result_.backward, &result_.ntk})
            for (const Line& line : *lines)
                name_functions(line.value);
        std::set<std::string> taken;
        for (const Family& family : result_.program.families)
            taken.insert(family.name);
        for (const Input& input : result_.program.inputs)
            taken.insert(input.name);
        int next = 1;
        for (auto& [name, unused] : result_.functions) {
            do {
                name = result_.functions.size() == 1 && next == 1 ? "phi" : fmt::format("phi{}", next);
                ++next;
            } while (taken.contains(name));
        }
    }
};

} // namespace

Formulas formulas(const Recursions& recursions) {
    return Builder(recursions).run();
}

std::vector<Symbol> symbols_of(const Program& program, const Line& line) {
    std::vector<Symbol> found;
    Walk walk(program, found);
    walk.add(line.target);
    walk.add(line.domain);
    walk.add(line.value);
    return found;
}

std::map<Symbol, std::string> names_of(const Program& program, const std::vector<Symbol>& symbols, bool one_sample) {
    std::map<Symbol, std::string> names;
    std::set<std::string> taken;
    for (const Symbol symbol : symbols)
        if (program.info(symbol).axis)
            taken.insert(names[symbol] = program.info(symbol).name);
    for (const Symbol symbol : symbols) {
        if (names.contains(symbol))
            continue;
        std::string stem = program.info(symbol).name;
        const bool primed = stem.size() > 1 && stem.back() == '_';
        if (primed)
            stem.pop_back();
        const char* mark = primed && !one_sample ? "_" : "";
        std::string name = stem + mark;
        for (int k = 2; !taken.insert(name).second; ++k)
            name = fmt::format("{}{}{}", stem, k, mark);
        names[symbol] = name;
    }
    return names;
}

std::optional<std::pair<Affine, Affine>> sides(const Program& program, const Condition& condition) {
    Affine left(condition.value.constant), right;
    bool flip = false;
    bool own = false;
    for (const auto& [symbol, coefficient] : condition.value.terms) {
        const SymbolInfo& info = program.info(symbol);
        const bool primed = info.name.size() > 1 && info.name.back() == '_';
        const Affine term = coefficient * Affine::of(symbol);
        if (primed)
            right = right - term;
        else
            left = left + term;
        own = own || !primed;
        flip = flip || (!primed && info.axis && coefficient < 0);
    }
    if (condition.relation != Relation::zero || !own || right.is_constant())
        return std::nullopt;
    return flip ? std::pair(-left, -right) : std::pair(left, right);
}

std::string function_name(const Formulas& formulas, ExprId function) {
    for (const auto& [name, known] : formulas.functions)
        if (same(formulas.program.exprs, known, function))
            return name;
    return std::string(name_of(formulas.program.exprs[function].function));
}

} // namespace tpc::limit
