#include "compiler/ir/print.hpp"

#include "compiler/ir/symbol_names.hpp"
#include "compiler/source/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tpc::ir {

namespace {

// How tightly an expression holds together (language.md section 5).
enum Level { additive, multiplicative, product_of_matrices, negation, power, postfix };

std::string parenthesised(std::string text, Level is, Level wanted) {
    return is < wanted ? "(" + std::move(text) + ")" : std::move(text);
}

// The shortest text that reads back as `value`, but 0.01 for the rounding noise of 0.1^2 = 0.010000000000000002.
std::string number_text(double value) {
    std::string exact = fmt::format("{}", value);
    std::string rounded = fmt::format("{:.14g}", value);
    return rounded.size() + 4 <= exact.size() ? rounded : exact;
}

Level number_level(double value) {
    return value < 0 || std::signbit(value) ? negation : postfix;
}

struct Text {
    std::string text;
    Level level = postfix;
    [[nodiscard]] std::string at(Level wanted) const { return parenthesised(text, level, wanted); }
};

class Printer {
  public:
    Printer(const PrintNames& names, const SymbolCollector& collector)
        : program_(*names.program), prime_(names.primed ? "_" : ""),
          value_prime_(names.primed || names.primed_values ? "_" : ""), instead_(names.instead),
          symbols_(distinct_names(program_, collector.found, names.given)) {}

    [[nodiscard]] std::string name(Symbol symbol) const { return symbols_.at(symbol) + prime_; }

    // `space` is "" in indices and bounds, " " in values.
    [[nodiscard]] Text affine(const Affine& a, std::string_view space) const {
        std::string text;
        std::size_t count = 0;
        Level level = postfix;
        const auto append = [&](std::string_view term, bool negative) {
            if (count++ > 0)
                text += fmt::format("{}{}{}", space, negative ? "-" : "+", space);
            else if (negative)
                text += "-";
            text += term;
        };
        const auto append_terms = [&](bool negative) {
            for (const auto& [symbol, coefficient] : a.terms) {
                if ((coefficient < 0) != negative)
                    continue;
                const std::uint64_t size = magnitude(coefficient);
                append(size == 1 ? name(symbol) : fmt::format("{}{}*{}{}", size, space, space, name(symbol)), negative);
                if (size != 1 || negative)
                    level = multiplicative;
            }
        };
        append_terms(false);
        if (count == 0 && a.constant > 0)
            append(std::to_string(a.constant), false);
        append_terms(true);
        if (text.empty() || (a.constant != 0 && (a.constant < 0 || !starts_with_constant(a)))) {
            append(std::to_string(magnitude(a.constant)), a.constant < 0);
            if (a.constant < 0)
                level = negation;
        }
        if (count > 1)
            level = additive;
        if (a.denominator != 1) {
            text = fmt::format("{}{}/{}{}", parenthesised(text, level, multiplicative), space, space, a.denominator);
            level = multiplicative;
        }
        return {std::move(text), level};
    }

    [[nodiscard]] std::string range(const Range& r) const {
        return fmt::format("{} in {}..{}", name(r.index), affine(r.lower, "").text, affine(r.upper, "").text);
    }

    [[nodiscard]] std::string ranges(llvm::ArrayRef<Range> list) const {
        std::string text;
        for (const Range& r : list)
            text += (text.empty() ? "" : ", ") + range(r);
        return text;
    }

    // Solved for the innermost symbol: l == 1, t <= T-1.
    [[nodiscard]] std::string condition(const Condition& c) const {
        Affine value = c.value;
        value.denominator = 1;
        if (value.terms.empty())
            return fmt::format("{} {} 0", value.constant, relation(c.relation, false));
        const auto [subject, coefficient] = value.terms.back();
        Affine left = coefficient * Affine::of(subject);
        Affine right = left - value;
        if (coefficient < 0) {
            left = -left;
            right = -right;
        }
        return fmt::format("{} {} {}", affine(left, "").text, relation(c.relation, coefficient < 0), affine(right, "").text);
    }

    [[nodiscard]] std::string domain(const Domain& d) const {
        std::string text = ranges(d.ranges);
        for (const Condition& c : d.conditions)
            text += (text.empty() ? "" : ", ") + condition(c);
        return text;
    }

    // [l-1, i+a | zero]; nothing when there are no indices.
    [[nodiscard]] std::string access(llvm::ArrayRef<Affine> indices, IndexMode mode) const {
        if (indices.empty())
            return "";
        const auto compound = std::count_if(indices.begin(), indices.end(),
                                            [](const Affine& a) { return a.terms.size() + (a.constant != 0) > 1; });
        std::string text;
        for (const Affine& index : indices)
            text += (text.empty() ? "" : compound < 2 ? "," : ", ") + affine(index, "").text;
        if (mode != IndexMode::none)
            text += fmt::format(" | {}", name_of(mode));
        return "[" + text + "]";
    }

    [[nodiscard]] std::string primed(const std::string& text) const { return text + value_prime_; }

    [[nodiscard]] Text expr(ExprId id) const {
        if (instead_)
            if (auto text = instead_(id))
                return {std::move(*text)};
        const Node& node = program_.exprs[id];
        switch (node.op) {
        case Op::number:
            return {number_text(node.number), number_level(node.number)};
        case Op::affine:
            return affine(node.affine, " ");
        case Op::variable:
            return {fmt::format("${}", node.target)};
        case Op::input:
        case Op::input_row:
            return {primed(program_.inputs[node.target].name) + access(node.access.indices, node.access.mode)};
        case Op::parameter:
            return {member(node)};
        case Op::read:
            return {primed(program_.families[node.target].name) + access(node.access.indices, node.access.mode)};
        case Op::matmul:
            return {fmt::format("{}{} @ {}", member(node), node.transposed ? "'" : "",
                                expr(node.children[0]).at(product_of_matrices)),
                    product_of_matrices};
        case Op::moment:
            return {inner_product(node) + " / n", multiplicative};
        case Op::mean:
            return {fmt::format("avg({})", expr(node.children[0]).text)};
        case Op::gram:
            return {inner_product(node), product_of_matrices};
        case Op::width_power:
            return width(static_cast<int>(node.target));
        case Op::apply:
            return apply(id, node);
        case Op::reduce:
            return {fmt::format("{}({}: {})", name_of(node.reduction), ranges(node.ranges), expr(node.children[0]).text)};
        }
        return {};
    }

  private:
    const Program& program_;
    std::string prime_, value_prime_;
    std::function<std::optional<std::string>(ExprId)> instead_;
    std::map<Symbol, std::string> symbols_;

    static std::uint64_t magnitude(std::int64_t value) {
        return value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    }

    // 1-t: nothing positive but the constant.
    static bool starts_with_constant(const Affine& a) {
        return a.constant > 0 &&
               std::all_of(a.terms.begin(), a.terms.end(), [](const auto& term) { return term.second < 0; });
    }

    static std::string_view relation(Relation relation, bool flipped) {
        switch (relation) {
        case Relation::zero:
            return "==";
        case Relation::non_zero:
            return "!=";
        case Relation::non_negative:
            return flipped ? "<=" : ">=";
        }
        return "";
    }

    // Random objects are the same for both samples: their names are never primed.
    [[nodiscard]] std::string member(const Node& node) const {
        return program_.parameters[node.target].name + access(node.access.indices, node.access.mode);
    }

    [[nodiscard]] std::string inner_product(const Node& node) const {
        return fmt::format("{}' @ {}", expr(node.children[0]).at(postfix), expr(node.children[1]).at(product_of_matrices));
    }

    static Text width(int half_powers) {
        if (half_powers == 0)
            return {"1"};
        if (half_powers == 1)
            return {"sqrt(n)"};
        if (half_powers == 2)
            return {"n"};
        return {fmt::format("n^{}", half_powers / 2.0), power};
    }

    [[nodiscard]] bool is_product(ExprId id) const {
        const Node& node = program_.exprs[id];
        return node.op == Op::apply && node.function == Function::mul;
    }

    void factors(ExprId id, std::vector<ExprId>& list) const {
        const Node& node = program_.exprs[id];
        if (!is_product(id)) {
            list.push_back(id);
            return;
        }
        factors(node.children[0], list);
        factors(node.children[1], list);
    }

    // A product of a Moment and a power of n: a * v' @ x / sqrt(n).
    [[nodiscard]] std::optional<Text> readout(ExprId id) const {
        std::vector<ExprId> list;
        factors(id, list);
        const auto is = [&](Op op) { return [&, op](ExprId f) { return program_.exprs[f].op == op; }; };
        const auto moment = std::find_if(list.begin(), list.end(), is(Op::moment));
        if (moment == list.end() || std::count_if(list.begin(), list.end(), is(Op::width_power)) != 1)
            return std::nullopt;
        const auto width_power = std::find_if(list.begin(), list.end(), is(Op::width_power));
        const int half_powers = static_cast<int>(program_.exprs[*width_power].target) - 2;
        std::string text;
        for (auto factor = list.begin(); factor != list.end(); ++factor) {
            if (factor == width_power)
                continue;
            text += text.empty() ? "" : " * ";
            text += factor == moment ? inner_product(program_.exprs[*factor])
                                     : expr(*factor).at(text.empty() ? multiplicative : product_of_matrices);
        }
        if (half_powers != 0)
            text += half_powers < 0 ? " / " + width(-half_powers).at(product_of_matrices)
                                    : " * " + width(half_powers).at(product_of_matrices);
        return Text{text, list.size() == 2 && half_powers == 0 ? product_of_matrices : multiplicative};
    }

    [[nodiscard]] Text binary(const Node& node, std::string_view op, Level level, Level right) const {
        return {fmt::format("{} {} {}", expr(node.children[0]).at(level), op, expr(node.children[1]).at(right)), level};
    }

    [[nodiscard]] Text apply(ExprId id, const Node& node) const {
        switch (node.function) {
        case Function::neg: { // -W @ x is -(W @ x)
            const Text inner = expr(node.children[0]);
            return {"-" + inner.at(product_of_matrices), inner.level == product_of_matrices ? inner.level : negation};
        }
        case Function::add:
            return binary(node, "+", additive, multiplicative);
        case Function::sub:
            return binary(node, "-", additive, multiplicative);
        case Function::mul:
            if (auto text = readout(id))
                return *text;
            return binary(node, "*", multiplicative, product_of_matrices);
        case Function::div:
            return binary(node, "/", multiplicative, product_of_matrices);
        case Function::pow: // right associative; the exponent may carry a minus
            return {expr(node.children[0]).at(postfix) + "^" + expr(node.children[1]).at(negation), power};
        default:
            break;
        }
        std::string arguments;
        for (ExprId child : node.children)
            arguments += (arguments.empty() ? "" : ", ") + expr(child).text;
        return {fmt::format("{}({})", name_of(node.function), arguments)};
    }
};

// Collects the symbols of `what` and prints it.
template <class What, class Print> std::string print_one(const PrintNames& names, const What& what, Print&& text) {
    SymbolCollector collector(*names.program);
    collector.add(what);
    return text(Printer(names, collector));
}

std::string family_text(const Printer& printer, const std::vector<Range>& family) {
    return family.empty() ? "" : "[" + printer.ranges(family) + "]";
}

std::string line(std::string text, const std::string& right) {
    return source::in_columns(std::move(text), right, 56);
}

std::string print_input(const PrintNames& names, const Input& input) {
    SymbolCollector collector(*names.program);
    for (const Affine& axis : input.axes)
        collector.add(axis);
    const Printer printer(names, collector);
    std::string axes;
    for (const Affine& axis : input.axes)
        axes += (axes.empty() ? "" : ", ") + printer.affine(axis, "").text;
    return fmt::format("input {} : R{}\n", input.name, input.axes.empty() ? "" : "[" + axes + "]");
}

std::string_view keyword(ParameterKind kind) {
    switch (kind) {
    case ParameterKind::matrix:
    case ParameterKind::input_matrix:
        return "matrix";
    case ParameterKind::vector:
        return "vector";
    case ParameterKind::scalar:
        return "scalar";
    }
    return "";
}

std::string print_parameter(const PrintNames& names, const Parameter& parameter) {
    SymbolCollector collector(*names.program);
    for (const Range& range : parameter.family)
        collector.add(range);
    collector.add(parameter.mean);
    collector.add(parameter.scale);
    collector.add(parameter.rate);
    if (parameter.reads)
        collector.add(*parameter.reads);
    const Printer printer(names, collector);
    std::string variance = printer.expr(parameter.scale).text;
    if (parameter.kind == ParameterKind::matrix)
        variance = printer.expr(parameter.scale).at(multiplicative) + "/n";
    else if (parameter.kind == ParameterKind::input_matrix && parameter.reads)
        variance = printer.expr(parameter.scale).at(multiplicative) + "/" +
                   printer.affine(*parameter.reads, "").at(product_of_matrices);
    return line(fmt::format("{} {}{} ~ N({}, {})", keyword(parameter.kind), parameter.name,
                            family_text(printer, parameter.family), printer.expr(parameter.mean).text, variance),
                "rate " + printer.expr(parameter.rate).text);
}

std::string print_output(const PrintNames& names, const Output& output) {
    SymbolCollector collector(*names.program);
    std::vector<Affine> indices;
    for (const Range& range : output.family) {
        collector.add(range);
        indices.push_back(Affine::of(range.index));
    }
    collector.add(output.value);
    const Printer printer(names, collector);
    const std::string target = output.name.empty() ? "" : output.name + printer.access(indices, IndexMode::none) + " = ";
    return line("output " + target + printer.expr(output.value).text, printer.ranges(output.family));
}

std::string print_sizes(const Program& program) {
    std::string text;
    for (const auto& [symbol, size] : program.sizes)
        text += fmt::format("{}{} = {}", text.empty() ? "sizes " : ", ", program.info(symbol).name, size);
    return text.empty() ? text : text + "\n";
}

} // namespace

std::string print(const PrintNames& names, const Affine& affine) {
    return print_one(names, affine, [&](const Printer& printer) { return printer.affine(affine, "").text; });
}

std::string print(const PrintNames& names, const Range& range) {
    return print_one(names, range, [&](const Printer& printer) { return printer.range(range); });
}

std::string print(const PrintNames& names, const Condition& condition) {
    return print_one(names, condition.value, [&](const Printer& printer) { return printer.condition(condition); });
}

std::string print(const PrintNames& names, const Domain& domain) {
    return print_one(names, domain, [&](const Printer& printer) { return printer.domain(domain); });
}

std::string print(const PrintNames& names, ExprId expr) {
    return print_one(names, expr, [&](const Printer& printer) { return printer.expr(expr).text; });
}

std::string print(const PrintNames& names, const Statement& statement) {
    SymbolCollector collector(*names.program);
    collector.add(statement.domain);
    for (const Affine& index : statement.indices)
        collector.add(index);
    collector.add(statement.value);
    const Printer printer(names, collector);
    return line(fmt::format("{}{} = {}", names.program->families[statement.family].name,
                            printer.access(statement.indices, IndexMode::none), printer.expr(statement.value).text),
                printer.domain(statement.domain));
}

std::string print(const Program& program) {
    const PrintNames names{.program = &program};
    std::string text = fmt::format("program {}\n", program.name) + print_sizes(program);
    for (const Input& input : program.inputs)
        text += print_input(names, input);
    for (const Parameter& parameter : program.parameters)
        text += print_parameter(names, parameter);
    for (const Statement& statement : program.statements)
        text += print(names, statement);
    for (const Output& output : program.outputs)
        text += print_output(names, output);
    return text;
}

} // namespace tpc::ir
