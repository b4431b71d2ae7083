#include "compiler/ir/print.hpp"
#include "compiler/limit/formula.hpp"
#include "compiler/limit/numerals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace tpc::limit {
namespace {

using namespace ir;
using Kind = Formula::Kind;

enum class Level { sum, product, atom };

struct Written {
    std::string text;
    Level level = Level::atom;
    [[nodiscard]] std::string at(Level wanted) const { return level < wanted ? "\\left(" + text + "\\right)" : text; }
};

// h -> h, loss -> \mathrm{loss}, x2 -> x^{(2)}, ξ -> \xi
std::string identifier(const std::string& name) {
    static const std::map<std::string, std::string> greek = {
        {"α", "\\alpha"},  {"β", "\\beta"},  {"γ", "\\gamma"}, {"δ", "\\delta"},  {"ε", "\\varepsilon"}, {"ζ", "\\zeta"},
        {"η", "\\eta"},    {"θ", "\\theta"}, {"κ", "\\kappa"}, {"λ", "\\lambda"}, {"μ", "\\mu"},         {"ν", "\\nu"},
        {"ξ", "\\xi"},     {"π", "\\pi"},    {"ρ", "\\rho"},   {"σ", "\\sigma"},  {"τ", "\\tau"},        {"φ", "\\varphi"},
        {"χ", "\\chi"},    {"ψ", "\\psi"},   {"ω", "\\omega"}, {"Γ", "\\Gamma"},  {"Δ", "\\Delta"},      {"Θ", "\\Theta"},
        {"Λ", "\\Lambda"}, {"Ξ", "\\Xi"},    {"Π", "\\Pi"},    {"Σ", "\\Sigma"},  {"Φ", "\\Phi"},        {"Ψ", "\\Psi"},
        {"Ω", "\\Omega"},
    };
    static const std::set<std::string> latin_greek = {"xi",    "phi",   "psi",    "eta",   "mu",    "nu",
                                                      "rho",   "tau",   "sigma",  "alpha", "beta",  "gamma",
                                                      "delta", "theta", "lambda", "omega", "kappa", "zeta"};
    std::size_t digits = name.size();
    while (digits > 0 && std::isdigit(static_cast<unsigned char>(name[digits - 1])))
        --digits;
    const std::string stem = name.substr(0, digits);
    std::string text;
    if (const auto found = greek.find(stem); found != greek.end()) {
        text = found->second;
    } else if (latin_greek.contains(stem)) {
        text = "\\" + stem;
    } else if (stem.size() == 1) {
        text = stem;
    } else {
        for (const char c : stem)
            text += c == '_' ? std::string("\\_") : std::string(1, c);
        text = "\\mathrm{" + text + "}";
    }
    return digits == name.size() ? text : fmt::format("{}^{{({})}}", text, name.substr(digits));
}

std::string number(double value) {
    if (const auto exact = fraction(value))
        return fmt::format("{}\\tfrac{{{}}}{{{}}}", exact->first < 0 ? "-" : "", std::abs(exact->first), exact->second);
    std::string text = numeral(value);
    if (const auto e = text.find('e'); e != std::string::npos)
        text = fmt::format("{} \\cdot 10^{{{}}}", text.substr(0, e), std::stoi(text.substr(e + 1)));
    return text;
}

std::string operator_name(std::string_view name) {
    static const std::set<std::string_view> known = {"tanh", "sin", "cos", "exp", "log", "max", "min"};
    return known.contains(name) ? "\\" + std::string(name) : "\\operatorname{" + std::string(name) + "}";
}

class Writer {
  public:
    Writer(const Formulas& formulas, const Recursions& recursions, const std::vector<Symbol>& symbols, bool one_sample)
        : formulas_(formulas), recursions_(recursions), names_(names_of(formulas.program, symbols, one_sample)) {}

    Written formula(const Formula& f) const {
        switch (f.kind) {
        case Kind::number:
            return {number(f.number), f.number < 0 ? Level::sum : Level::atom};
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

    std::string element(const Element& e, bool right) const {
        return named(program().families[e.family].name, e.access, right);
    }

    std::string domain(const Domain& d, const std::vector<diff::Fold>& folds = {}) const {
        std::string text;
        for (const Range& range : d.ranges)
            text += fmt::format("{}{} \\le {} \\le {}", text.empty() ? "" : ",\\ ", affine(range.lower), symbol(range.index),
                                affine(range.upper));
        const std::string rest = conditions(d, folds);
        return text + (text.empty() || rest.empty() ? "" : ",\\ ") + rest;
    }

    // `hole`: what the variable of a coordinatewise function is called
    Written scalar(ExprId id, bool right, const std::string& hole = "z") const {
        const Node& node = program().exprs[id];
        const auto child = [&](std::size_t k) { return scalar(node.children[k], right, hole); };
        switch (node.op) {
        case Op::number:
            return {number(node.number), node.number < 0 ? Level::sum : Level::atom};
        case Op::affine:
            return {affine(node.affine),
                    node.affine.terms.size() + (node.affine.constant != 0) > 1 ? Level::sum : Level::product};
        case Op::variable:
            return {hole};
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
    const Recursions& recursions_;
    std::map<Symbol, std::string> names_;

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
            name =
                identifier(name.substr(0, name.size() - 1)) + std::string(static_cast<std::size_t>(name.back() - '1'), '\'');
        else
            name = identifier(name);
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
        const std::string base = right ? "\\bar{" + identifier(name) + "}" : identifier(name);
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
        const auto row = [&](const Element& e, bool input, bool right) {
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
                                     : operator_name(name);
        return text + (derivative ? "'" : "");
    }

    Written expectation(const Formula& f) const {
        std::string left, right;
        for (const Element& e : f.lefts)
            left += (left.empty() ? "" : "\\, ") + element(e, false);
        for (const Element& e : f.rights)
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
        const auto variance = [&](const Element& e, bool right) {
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
        return {fmt::format("{}\\left({}\\right)", operator_name(name_of(node.function)), arguments)};
    }
};

class Printer {
  public:
    explicit Printer(const Recursions& recursions) : recursions_(recursions), formulas_(formulas(recursions)) {}

    std::string run() const {
        std::string text = notation() + "\\begin{align*}\n";
        bool first = true;
        for (const auto& [name, function] : formulas_.functions) {
            const Writer writer(formulas_, recursions_, {}, true);
            text += fmt::format("{}\\phi{}(z) &= {}", first ? "" : " \\\\\n",
                                name == "phi" ? "" : "_{" + name.substr(3) + "}", writer.scalar(function, false).text);
            first = false;
        }
        for (const std::size_t k : sampled_statements(recursions_)) {
            const Statement& statement = recursions_.network.program.statements[k];
            const Element own{statement.family, {{statement.indices.begin(), statement.indices.end()}, IndexMode::none}};
            Line line;
            line.target.left = own;
            line.value.kind = Kind::scalar;
            line.value.expr = statement.value;
            const Writer writer(formulas_, recursions_, symbols_of(formulas_.program, line), true);
            text += fmt::format("{}{} &= {}", first ? "" : " \\\\\n", writer.element(own, false),
                                writer.scalar(statement.value, false).text);
            first = false;
        }
        for (const auto& [lines, one_sample] : {std::pair(&formulas_.self, true), std::pair(&formulas_.forward, false),
                                                std::pair(&formulas_.tangent, false), std::pair(&formulas_.kernels, false),
                                                std::pair(&formulas_.backward, false), std::pair(&formulas_.ntk, false)}) {
            if (!first && !lines->empty())
                text += " \\\\[1ex]\n";
            bool leading = true;
            for (const Line& line : *lines) {
                text += (leading ? "" : " \\\\\n") + row(line, one_sample);
                leading = first = false;
            }
        }
        return text + "\n\\end{align*}\n";
    }

  private:
    const Recursions& recursions_;
    Formulas formulas_;

    std::string notation() const {
        std::string text = "Bars mark the second sample; $\\Sigma(x, \\bar y) = \\mathbb{E}\\, Z^{x} Z^{\\bar y}$, "
                           "$M(x) = \\mathbb{E}\\, Z^{x}$, ";
        if (recursions_.tangent)
            text += "$\\Theta$ is the tangent kernel and $\\Pi$ the covariance of gradients of the coordinates "
                    "(the transposed form of the same recursion; entries not listed are 0, `$\\mathrel{+}=$' adds), "
                    "$\\mathcal{K}$ the NNGP and $\\dot{\\mathcal{K}}$ the NTK, ";
        if (!sampled_statements(recursions_).empty())
            text +=
                "$\\mathbb{E}[x\\, \\bar y]$ is over all Gaussian vectors $g, \\bar g$ that $x, \\bar y$ are functions of, ";
        return text + "$V_{f,g}(A, B, c) = \\mathbb{E}\\, f(a) g(b)$ for Gaussian $(a, b)$ with variances $A$, $B$ and "
                      "covariance $c$ "
                      "(one argument: $a = b$).\n";
    }

    std::string row(const Line& line, bool one_sample) const {
        const Writer writer(formulas_, recursions_, symbols_of(formulas_.program, line), one_sample);
        std::string right = writer.domain(line.domain);
        if (line.output && formulas_.several_outputs)
            right = fmt::format("\\text{{output }}{}{}{}", identifier(recursions_.network.outputs[*line.output].name),
                                right.empty() ? "" : ",\\ ", right);
        std::string text = writer.formula(line.target).text + (line.adds ? " &\\mathrel{+}= " : " &= ");
        const auto terms = line.value.kind == Kind::add ? line.value.children : std::vector<Formula>{line.value};
        Line part = line;
        for (std::size_t k = 0; k < terms.size(); ++k) {
            part.value = terms[k]; // each term has names of its own for what it sums over
            const std::string written =
                Writer(formulas_, recursions_, symbols_of(formulas_.program, part), one_sample).formula(terms[k]).text;
            text += k == 0 ? "" : terms.size() > 2 ? " \\\\\n&\\quad " : " ";
            text += (k == 0 || written[0] == '-' ? "" : "+ ") + written;
        }
        return text + (right.empty() ? "" : " && " + right);
    }
};

} // namespace

std::string print_latex(const Recursions& recursions) {
    return Printer(recursions).run();
}

} // namespace tpc::limit
