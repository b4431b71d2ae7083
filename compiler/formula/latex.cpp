#include "compiler/formula/latex.hpp"

#include "compiler/formula/latex_words.hpp"
#include "compiler/formula/precedence.hpp"

#include <fmt/format.h>

#include <cctype>

namespace tpc::formula {
namespace {

using namespace ir;
using Kind = Formula::Kind;

struct Written {
    std::string text;
    Level level = Level::atom;
    [[nodiscard]] std::string at(Level wanted) const { return level < wanted ? "\\left(" + text + "\\right)" : text; }
};

class Writer {
  public:
    explicit Writer(const LineLatex& line) : formulas_(line.formulas), recursions_(line.recursions), names_(line.names) {}

    Written formula(const Formula& f) const {
        switch (f.kind) {
        case Kind::number:
            return {latex_number(f.number), f.number < 0 ? Level::sum : Level::atom};
        case Kind::scalar:
            return scalar(f.expr, f.right_sample);
        case Kind::covariance:
            return {fmt::format("{}\\left({},\\, {}\\right)", letter(f.quantity),
                                element(*f.left, f.one_sample && f.right_sample),
                                element(*f.right, !f.one_sample || f.right_sample))};
        case Kind::mean:
            return {fmt::format("M\\left({}\\right)", element(*f.left, f.right_sample))};
        case Kind::inner:
            return inner(f);
        case Kind::dual:
            return {dual(f)};
        case Kind::expectation:
            return expectation(f);
        case Kind::gaussians:
            return {"D\\left(g,\\, g'\\right)"};
        case Kind::kernel:
            return {kernel(f)};
        case Kind::bracket:
            return {"\\left[" + conditions(f.over, f.folds) + "\\right]"};
        case Kind::product:
            return product(f);
        case Kind::add:
            return add(f);
        case Kind::sum:
            return sum(f);
        }
        return {};
    }

    std::string element(const limit::Element& e, bool right) const {
        return named(program().families[e.family].name, e.access, right);
    }

    std::string domain(const Domain& d, const std::vector<diff::Fold>& folds) const {
        std::string text;
        for (const Range& range : d.ranges)
            text += fmt::format("{}{} \\le {} \\le {}", text.empty() ? "" : ",\\ ", affine(range.lower), symbol(range.index),
                                affine(range.upper));
        const std::string rest = conditions(d, folds);
        return text + (text.empty() || rest.empty() ? "" : ",\\ ") + rest;
    }

    Written scalar(ExprId id, bool right) const {
        const Node& node = program().exprs[id];
        const auto child = [&](std::size_t k) { return scalar(node.children[k], right); };
        switch (node.op) {
        case Op::number:
            return {latex_number(node.number), node.number < 0 ? Level::sum : Level::atom};
        case Op::affine:
            return {affine(node.affine),
                    node.affine.terms.size() + (node.affine.constant != 0) > 1 ? Level::sum : Level::product};
        case Op::variable:
            return {"z"}; // of a coordinatewise function
        case Op::input:
        case Op::input_row:
            return {named(program().inputs[node.target].name, node.access, right)};
        case Op::parameter:
            return {named(program().parameters[node.target].name, node.access, false)};
        case Op::read:
            return {named(program().families[node.target].name, node.access, right)};
        case Op::mean:
            return {fmt::format("M\\left({}\\right)", child(0).text)};
        case Op::moment:
            return {fmt::format("\\Sigma\\left({},\\, {}\\right)", child(0).text, child(1).text)};
        case Op::gram:
            return {fmt::format("\\left\\langle {},\\, {}\\right\\rangle", child(0).text, child(1).text)};
        case Op::matmul:
            return {named(program().parameters[node.target].name, node.access, false) + " " + child(0).text, Level::product};
        case Op::width_power:
            return {fmt::format("n^{{{}}}", node.target / 2.0)};
        case Op::reduce:
            return reduce(node, child(0));
        case Op::apply:
            return apply(node, child);
        }
        return {};
    }

  private:
    const Formulas& formulas_;
    const limit::Recursions& recursions_;
    const std::map<Symbol, std::string>& names_;

    const Program& program() const { return formulas_.program; }

    static const char* letter(Quantity quantity) {
        return quantity == Quantity::C ? "\\Sigma" : quantity == Quantity::T ? "\\Theta" : "\\Pi";
    }

    std::string symbol(Symbol s) const {
        const auto found = names_.find(s);
        std::string name = found == names_.end() ? program().info(s).name : found->second;
        const bool primed = name.size() > 1 && name.back() == '_';
        if (primed)
            name.pop_back();
        // a second index of one name: t2 -> t'
        if (!program().info(s).axis && name.size() > 1 && std::isdigit(static_cast<unsigned char>(name.back())) &&
            found != names_.end() && program().info(s).name.rfind(name.substr(0, name.size() - 1), 0) == 0 &&
            name != program().info(s).name)
            name = latex_identifier(name.substr(0, name.size() - 1)) +
                   std::string(static_cast<std::size_t>(name.back() - '1'), '\'');
        else
            name = latex_identifier(name);
        return primed ? "\\bar{" + name + "}" : name;
    }

    std::string affine(const Affine& a) const {
        std::string text;
        const auto append = [&](std::int64_t coefficient, const std::string& what) {
            const std::int64_t size = coefficient < 0 ? -coefficient : coefficient;
            const std::string part = what.empty() ? std::to_string(size) : size == 1 ? what : std::to_string(size) + what;
            text += coefficient < 0 ? "-" : text.empty() ? "" : "+";
            text += part;
        };
        for (const auto& [s, coefficient] : a.terms)
            if (coefficient > 0)
                append(coefficient, symbol(s));
        const bool first = text.empty() && a.constant > 0;
        if (first)
            append(a.constant, "");
        for (const auto& [s, coefficient] : a.terms)
            if (coefficient < 0)
                append(coefficient, symbol(s));
        if (!first && (a.constant != 0 || text.empty()))
            append(a.constant, "");
        return a.denominator == 1 ? text : fmt::format("({})/{}", text, a.denominator);
    }

    std::string named(const std::string& name, const Access& access, bool right) const {
        const std::string base = right ? "\\bar{" + latex_identifier(name) + "}" : latex_identifier(name);
        if (access.indices.empty())
            return base;
        std::string text;
        for (const Affine& index : access.indices)
            text += (text.empty() ? "" : ",") + affine(index);
        if (access.mode != IndexMode::none)
            text += fmt::format("\\,|\\,\\mathrm{{{}}}", name_of(access.mode));
        return fmt::format("{{{}}}_{{{}}}", base, text);
    }

    std::string conditions(const Domain& d, const std::vector<diff::Fold>& folds) const {
        std::string text;
        const auto append = [&](const std::string& part) { text += (text.empty() ? "" : ",\\ ") + part; };
        for (const Condition& c : d.conditions) {
            if (const auto equal = sides(program(), c)) {
                append(affine(equal->first) + " = " + affine(equal->second));
                continue;
            }
            Affine left, right;
            for (const auto& [s, coefficient] : c.value.terms)
                (coefficient > 0 ? left : right) =
                    (coefficient > 0 ? left : right) + (coefficient > 0 ? coefficient : -coefficient) * Affine::of(s);
            (c.value.constant > 0 ? left : right) =
                (c.value.constant > 0 ? left + Affine(c.value.constant) : right - Affine(c.value.constant));
            const char* relation = c.relation == Relation::zero ? "=" : c.relation == Relation::non_zero ? "\\ne" : "\\ge";
            append(fmt::format("{} {} {}", affine(left), relation, affine(right)));
        }
        for (const diff::Fold& fold : folds)
            append(fmt::format("\\operatorname{{{}}}({}) = {}", name_of(fold.mode), affine(fold.read), affine(fold.target)));
        return text;
    }

    Written inner(const Formula& f) const {
        const auto row = [&](const limit::Element& e, bool input, bool right) {
            return named(input ? program().inputs[e.family].name : program().families[e.family].name, e.access, right);
        };
        return {fmt::format("\\frac{{\\left\\langle {},\\, {}\\right\\rangle}}{{{}}}", row(*f.left, f.left_input, false),
                            row(*f.right, f.right_input, !f.one_sample), affine(f.size))};
    }

    std::string function(const std::optional<ExprId>& f, bool derivative) const {
        if (!f)
            return derivative ? "1" : "\\mathrm{id}";
        const std::string name = function_name(formulas_, *f);
        const std::string text = name.rfind("phi", 0) == 0
                                     ? (name == "phi" ? "\\phi" : fmt::format("\\phi_{{{}}}", name.substr(3)))
                                     : latex_operator(name);
        return text + (derivative ? "'" : "");
    }

    Written expectation(const Formula& f) const {
        std::string left, right;
        for (const limit::Element& e : f.lefts)
            left += (left.empty() ? "" : "\\, ") + element(e, false);
        for (const limit::Element& e : f.rights)
            right += (right.empty() ? "" : "\\, ") + element(e, !f.one_sample);
        if (f.quantity == Quantity::C)
            return {
                fmt::format("\\mathbb{{E}}\\left[{}{}{}\\right]", left, left.empty() || right.empty() ? "" : "\\, ", right)};
        const std::string factor = fmt::format("\\mathbb{{E}}\\left[\\frac{{\\partial ({})}}{{\\partial g}}\\, "
                                               "\\frac{{\\partial ({})}}{{\\partial g'}}\\right]",
                                               left, right);
        if (f.quantity == Quantity::D)
            return {factor};
        return {fmt::format("\\sum_{{g,\\, g'}} {}\\, T\\left(g,\\, g'\\right)", factor), Level::product};
    }

    std::string dual(const Formula& f) const {
        const bool other = !f.one_sample;
        const auto variance = [&](const limit::Element& e, bool right) {
            return fmt::format("\\Sigma\\left({0},\\, {0}\\right)", element(e, right));
        };
        const bool equal =
            !f.right || (f.one_sample && f.left->family == f.right->family && f.left->access == f.right->access);
        std::string arguments = variance(*f.left, false);
        if (!equal)
            arguments += fmt::format(",\\, {},\\, \\Sigma\\left({},\\, {}\\right)", variance(*f.right, other),
                                     element(*f.left, false), element(*f.right, other));
        std::string centres;
        if (f.left_mean)
            centres += fmt::format("M\\left({}\\right)", element(*f.left, false));
        if (f.right_mean && !equal)
            centres += fmt::format("{}M\\left({}\\right)", centres.empty() ? "" : ",\\, ", element(*f.right, other));
        return fmt::format("V_{{{}{}}}\\left({}{}\\right)", function(f.left_function, f.derivatives),
                           f.right ? ",\\," + function(f.right_function, f.derivatives) : "", arguments,
                           centres.empty() ? "" : ";\\, " + centres);
    }

    std::string kernel(const Formula& f) const {
        const std::string name = f.quantity == Quantity::C ? "\\mathcal{K}" : "\\dot{\\mathcal{K}}";
        const std::string& output = recursions_.network.outputs[f.output].name;
        const std::string own = output.empty() ? "f" : output;
        return fmt::format("{}\\left({},\\, {}\\right)", name, named(own, f.left->access, false),
                           named(own, f.right->access, true));
    }

    Written product(const Formula& f) const {
        std::string above, below;
        bool negative = false;
        for (const Formula& factor : f.children) {
            if (factor.kind == Kind::scalar && factor.inverse) {
                const Written text = scalar(factor.expr, factor.right_sample);
                below += (below.empty() ? "" : "\\,") + text.at(Level::product);
            } else if (factor.kind == Kind::number && factor.number == -1) {
                negative = !negative;
            } else {
                above += (above.empty() ? "" : "\\, ") + formula(factor).at(Level::product);
            }
        }
        if (!below.empty())
            above = fmt::format("\\frac{{1}}{{{}}}{}{}", below, above.empty() ? "" : "\\, ", above);
        return {(negative ? "-" : "") + above, negative ? Level::sum : Level::product};
    }

    Written add(const Formula& f) const {
        std::string text;
        for (const Formula& term : f.children) {
            const std::string part = formula(term).text;
            text += (text.empty() || part[0] == '-' ? "" : " + ") + part;
        }
        return {text, Level::sum};
    }

    std::string limits(llvm::ArrayRef<Range> ranges, const std::string& rest) const {
        std::string text;
        for (const Range& range : ranges)
            text += fmt::format("{}{} \\le {} \\le {}", text.empty() ? "" : "\\\\ ", affine(range.lower),
                                symbol(range.index), affine(range.upper));
        return "\\sum_{\\substack{" + text + (rest.empty() ? "" : "\\\\ " + rest) + "}}";
    }
    Written sum(const Formula& f) const {
        return {fmt::format("{} {}", limits(f.over.ranges, conditions(f.over, f.folds)),
                            formula(f.children[0]).at(Level::product)),
                Level::product};
    }

    Written reduce(const Node& node, const Written& body) const {
        if (node.reduction == Reduction::sum)
            return {fmt::format("{} {}", limits(node.ranges, ""), body.at(Level::product)), Level::product};
        std::string ranges;
        for (const Range& range : node.ranges)
            ranges += fmt::format("{}{} \\le {} \\le {}", ranges.empty() ? "" : ",\\ ", affine(range.lower),
                                  symbol(range.index), affine(range.upper));
        return {fmt::format("\\operatorname*{{{}}}_{{{}}} {}", name_of(node.reduction), ranges, body.at(Level::atom)),
                Level::product};
    }

    template <class Child> Written apply(const Node& node, const Child& child) const {
        switch (node.function) {
        case Function::neg:
            return {"-" + child(0).at(Level::product), Level::sum};
        case Function::add:
            return {child(0).text + " + " + child(1).text, Level::sum};
        case Function::sub:
            return {child(0).text + " - " + child(1).at(Level::product), Level::sum};
        case Function::mul:
            return {child(0).at(Level::product) + "\\, " + child(1).at(Level::product), Level::product};
        case Function::div:
            return {fmt::format("\\frac{{{}}}{{{}}}", child(0).text, child(1).text), Level::product};
        case Function::pow:
            return {fmt::format("{}^{{{}}}", child(0).at(Level::atom), child(1).text), Level::product};
        case Function::square:
            return {fmt::format("{}^{{2}}", child(0).at(Level::atom)), Level::product};
        case Function::sqrt:
            return {fmt::format("\\sqrt{{{}}}", child(0).text)};
        case Function::abs:
            return {fmt::format("\\left|{}\\right|", child(0).text)};
        default:
            break;
        }
        std::string arguments;
        for (std::size_t k = 0; k < node.children.size(); ++k)
            arguments += (k == 0 ? "" : ",\\, ") + child(k).text;
        return {fmt::format("{}\\left({}\\right)", latex_operator(name_of(node.function)), arguments)};
    }
};

} // namespace

LineLatex::LineLatex(const Formulas& f, const limit::Recursions& r, const std::vector<Symbol>& symbols, bool one_sample)
    : formulas(f), recursions(r), names(names_of(f.program, symbols, one_sample)) {}

std::string formula_latex(const LineLatex& line, const Formula& formula) {
    return Writer(line).formula(formula).text;
}

std::string scalar_latex(const LineLatex& line, ExprId scalar) {
    return Writer(line).scalar(scalar, false).text;
}

std::string element_latex(const LineLatex& line, const limit::Element& element) {
    return Writer(line).element(element, false);
}

std::string domain_latex(const LineLatex& line, const Domain& domain) {
    return Writer(line).domain(domain, {});
}

} // namespace tpc::formula
