#include "compiler/formula/text.hpp"

#include "compiler/formula/numerals.hpp"
#include "compiler/formula/precedence.hpp"

#include <algorithm>

namespace tpc::formula {
namespace {

using namespace ir;
using Kind = Formula::Kind;

class Text {
  public:
    explicit Text(const LineText& line) : formulas_(line.formulas), recursions_(line.recursions), names_(line.names) {}

    std::string at(const Formula& f, Level wanted) const {
        const std::string text = formula(f);
        return level(f) < wanted ? "(" + text + ")" : text;
    }

    std::string formula(const Formula& f) const {
        switch (f.kind) {
        case Kind::number:
            return numeral(f.number);
        case Kind::scalar:
            return scalar(f);
        case Kind::covariance:
            return covariance(f.quantity, *f.left, *f.right, f);
        case Kind::mean:
            return fmt::format("M({})", element(*f.left, f.right_sample));
        case Kind::inner:
            return inner(f);
        case Kind::dual:
            return dual(f);
        case Kind::expectation:
            return expectation(f);
        case Kind::gaussians:
            return "D(g, g_)";
        case Kind::kernel:
            return kernel(f);
        case Kind::bracket:
            return "[" + domain(f.over, f.folds) + "]";
        case Kind::product:
            return product(f);
        case Kind::add:
            return add(f);
        case Kind::sum:
            return fmt::format("sum({}: {})", domain(f.over, f.folds), formula(f.children[0]));
        }
        return {};
    }

    std::string domain(const Domain& d, const std::vector<diff::Fold>& folds) const {
        std::string text;
        const auto append = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
        for (const Range& range : d.ranges)
            append(ir::print(names_, range));
        for (const Condition& c : d.conditions)
            append(condition(c));
        for (const diff::Fold& fold : folds)
            append(fmt::format("{}({}) == {}", name_of(fold.mode), ir::print(names_, fold.read),
                               ir::print(names_, fold.target)));
        return text;
    }

    std::string output_pair(std::size_t k) const {
        const network::OutputForm& output = recursions_.network.outputs[k];
        Access left, right;
        for (const Range& range : output.family) {
            left.indices.push_back(Affine::of(range.index));
            right.indices.push_back(Affine::of(recursions_.primed(range.index)));
        }
        return fmt::format("{}{}, {}_{}", output.name, indices(left), output.name, indices(right));
    }

  private:
    const Formulas& formulas_;
    const limit::Recursions& recursions_;
    const PrintNames& names_;

    const Program& program() const { return formulas_.program; }

    static Level level(const Formula& f) {
        switch (f.kind) {
        case Kind::add:
            return Level::sum;
        case Kind::number:
            return f.number < 0 ? Level::sum : is_fraction(f.number) ? Level::product : Level::atom;
        case Kind::scalar:
            return Level::product;
        case Kind::inner:
        case Kind::product:
            return Level::product;
        default:
            return Level::atom;
        }
    }

    // T - t == T_ - t_: what belongs to one sample stands on one side.
    std::string condition(const Condition& c) const {
        const auto equal = sides(program(), c);
        return equal ? fmt::format("{} == {}", ir::print(names_, equal->first), ir::print(names_, equal->second))
                     : of_loop(c);
    }

    // Solved for a loop index where there is one: i <= rows_
    std::string of_loop(const Condition& c) const {
        Affine value = c.value;
        value.denominator = 1;
        const std::pair<Symbol, std::int64_t>* subject = nullptr;
        for (const auto& term : value.terms)
            if (!program().info(term.first).axis)
                subject = &term;
        if (!subject)
            return ir::print(names_, c);
        const auto [symbol, coefficient] = *subject;
        const bool negative = coefficient < 0;
        const Affine left = (negative ? -coefficient : coefficient) * Affine::of(symbol);
        const Affine rest = value - coefficient * Affine::of(symbol);
        const char* relation = c.relation == Relation::zero       ? "=="
                               : c.relation == Relation::non_zero ? "!="
                               : negative                         ? "<="
                                                                  : ">=";
        return fmt::format("{} {} {}", ir::print(names_, left), relation, ir::print(names_, negative ? rest : -rest));
    }

    std::string indices(const Access& access) const {
        if (access.indices.empty())
            return "";
        const bool simple = std::all_of(access.indices.begin(), access.indices.end(),
                                        [](const Affine& a) { return a.terms.size() + (a.constant != 0) <= 1; });
        std::string text;
        for (const Affine& index : access.indices)
            text += (text.empty() ? "" : simple ? "," : ", ") + ir::print(names_, index);
        if (access.mode != IndexMode::none)
            text += fmt::format(" | {}", name_of(access.mode));
        return "[" + text + "]";
    }

    std::string element(const limit::Element& e, bool right) const {
        return program().families[e.family].name + (right ? "_" : "") + indices(e.access);
    }

    std::string covariance(Quantity quantity, const limit::Element& left, const limit::Element& right,
                           const Formula& f) const {
        const char* name = quantity == Quantity::C ? "C" : quantity == Quantity::T ? "T" : "D";
        return fmt::format("{}({}, {})", name, element(left, f.one_sample && f.right_sample),
                           element(right, !f.one_sample || f.right_sample));
    }

    std::string inner(const Formula& f) const {
        const auto row = [&](const limit::Element& e, bool input, bool right) {
            const std::string& name = input ? program().inputs[e.family].name : program().families[e.family].name;
            return name + (right ? "_" : "") + indices(e.access);
        };
        const std::string size = ir::print(names_, f.size);
        return fmt::format("<{}, {}>/{}", row(*f.left, f.left_input, false), row(*f.right, f.right_input, !f.one_sample),
                           f.size.terms.size() + (f.size.constant != 0) > 1 || f.size.denominator != 1 ? "(" + size + ")"
                                                                                                       : size);
    }

    std::string function(const std::optional<ExprId>& f, bool derivative) const {
        if (!f)
            return derivative ? "1" : "id";
        return function_name(formulas_, *f) + (derivative ? "'" : "");
    }

    std::string dual(const Formula& f) const {
        const bool other = !f.one_sample;
        const auto variance = [&](const limit::Element& e, bool right) {
            return fmt::format("C({0}, {0})", element(e, right));
        };
        if (!f.right) {
            const std::string centre = f.left_mean ? fmt::format("; M({})", element(*f.left, false)) : "";
            return fmt::format("E[{}]({}{})", function(f.left_function, false), variance(*f.left, false), centre);
        }
        const bool equal = f.one_sample && f.left->family == f.right->family && f.left->access == f.right->access;
        std::string text = fmt::format("E[{} . {}]({}", function(f.left_function, f.derivatives),
                                       function(f.right_function, f.derivatives), variance(*f.left, false));
        if (!equal)
            text +=
                fmt::format(", {}, C({}, {})", variance(*f.right, other), element(*f.left, false), element(*f.right, other));
        std::string centres;
        if (f.left_mean)
            centres += fmt::format("M({})", element(*f.left, false));
        if (f.right_mean && !equal)
            centres += fmt::format("{}M({})", centres.empty() ? "" : ", ", element(*f.right, other));
        return text + (centres.empty() ? "" : "; " + centres) + ")";
    }

    std::string expectation(const Formula& f) const {
        std::string left, right;
        for (const limit::Element& e : f.lefts)
            left += (left.empty() ? "" : " ") + element(e, false);
        for (const limit::Element& e : f.rights)
            right += (right.empty() ? "" : " ") + element(e, !f.one_sample);
        if (f.quantity == Quantity::C)
            return fmt::format("E[{}{}{}]", left, left.empty() || right.empty() ? "" : " ", right);
        const std::string factor = fmt::format("E[d({})/dg d({})/dg_]", left, right);
        return f.quantity == Quantity::D ? factor : fmt::format("sum(g, g_: {} * T(g, g_))", factor);
    }

    std::string kernel(const Formula& f) const {
        const std::string name = f.quantity == Quantity::C ? "nngp" : "ntk";
        const std::string& output = recursions_.network.outputs[f.output].name;
        if (output.empty() && f.left->access.indices.empty())
            return name;
        return fmt::format("{}({}{}, {}_{})", name, output, indices(f.left->access), output, indices(f.right->access));
    }

    // Moments are covariances, averages are means.
    std::string scalar_text(ExprId e, bool right) const {
        PrintNames names = names_;
        names.primed_values = right;
        names.instead = [&](ExprId id) -> std::optional<std::string> {
            const Node& node = program().exprs[id];
            const auto read = [&](std::size_t k) {
                const Node& child = program().exprs[node.children[k]];
                return child.op == Op::read ? std::optional(element({child.target, child.access}, right)) : std::nullopt;
            };
            if (node.op == Op::mean && read(0))
                return fmt::format("M({})", *read(0));
            if (node.op == Op::moment && read(0) && read(1))
                return fmt::format("C({}, {})", *read(0), *read(1));
            if (node.op == Op::number)
                return numeral(node.number);
            return std::nullopt;
        };
        return ir::print(names, e);
    }

    std::string scalar(const Formula& f) const { return scalar_text(f.expr, f.right_sample); }

    bool is_sum(const Formula& f) const {
        const Node& node = program().exprs[f.expr];
        if (node.op == Op::affine)
            return node.affine.terms.size() + (node.affine.constant != 0) > 1;
        return node.op == Op::apply &&
               (node.function == Function::add || node.function == Function::sub || node.function == Function::neg);
    }

    std::string product(const Formula& f) const {
        std::string above, below;
        std::size_t divisors = 0;
        for (const Formula& factor : f.children) {
            if (factor.kind == Kind::scalar && factor.inverse) {
                const std::string text = is_sum(factor) ? "(" + scalar(factor) + ")" : scalar(factor);
                below += (below.empty() ? "" : " * ") + text;
                ++divisors;
                continue;
            }
            if (factor.kind == Kind::number && factor.number == -1) {
                above += "-";
                continue;
            }
            const bool first = above.empty() || above == "-";
            std::string text = factor.kind == Kind::number   ? numeral(factor.number)
                               : factor.kind == Kind::scalar ? (is_sum(factor) ? "(" + scalar(factor) + ")" : scalar(factor))
                               : factor.kind == Kind::inner && !first ? formula(factor)
                                                                      : at(factor, Level::product);
            above += (first ? "" : " * ") + text;
        }
        if (above.empty() || above == "-")
            above += "1";
        if (divisors == 0)
            return above;
        return above + " / " + (divisors > 1 ? "(" + below + ")" : below);
    }

    std::string add(const Formula& f) const {
        std::string text;
        for (const Formula& term : f.children) {
            const std::string part = formula(term);
            if (text.empty())
                text = part;
            else
                text += part[0] == '-' ? " - " + part.substr(1) : " + " + part;
        }
        return text;
    }
};

} // namespace

LineText::LineText(const Formulas& f, const limit::Recursions& r, const Line& line, bool one_sample)
    : formulas(f), recursions(r) {
    names.program = &formulas.program;
    names.given = names_of(formulas.program, symbols_of(formulas.program, line), one_sample);
}

std::string formula_text(const LineText& line, const Formula& formula) {
    return Text(line).formula(formula);
}

std::string domain_text(const LineText& line, const Domain& domain) {
    return Text(line).domain(domain, {});
}

std::string output_pair_text(const LineText& line, std::size_t output) {
    return Text(line).output_pair(output);
}

} // namespace tpc::formula
