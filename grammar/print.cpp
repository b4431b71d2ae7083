#include "grammar/print.hpp"

#include <fmt/format.h>

#include <type_traits>

namespace tpc::grammar {

namespace {

using namespace ast;

// The levels of tp.ebnf, loosest first; an operand of a looser level than its place asks for stands in parentheses.
enum Level { comparison, sum, product, chain, power, postfix, primary };

Level level_of(const Expr& expr) {
    switch (expr.kind) {
    case ExprKind::compare:
        return comparison;
    case ExprKind::negate:
        return chain;
    case ExprKind::binary:
        switch (expr.oper) {
        case Operator::add:
        case Operator::sub:
            return sum;
        case Operator::mul:
        case Operator::div:
            return product;
        case Operator::matmul:
            return chain;
        default:
            return power;
        }
    case ExprKind::number:
    case ExprKind::name:
        return primary;
    case ExprKind::index:
    case ExprKind::call:
    case ExprKind::transpose:
    case ExprKind::reduce:
        return postfix;
    }
    return primary;
}

std::string_view symbol_of(Operator oper) {
    switch (oper) {
    case Operator::add:
        return " + ";
    case Operator::sub:
        return " - ";
    case Operator::mul:
        return " * ";
    case Operator::div:
        return " / ";
    case Operator::pow:
        return "^";
    case Operator::matmul:
        return " @ ";
    case Operator::eq:
        return " == ";
    case Operator::ne:
        return " != ";
    case Operator::lt:
        return " < ";
    case Operator::le:
        return " <= ";
    case Operator::gt:
        return " > ";
    case Operator::ge:
        return " >= ";
    }
    return "";
}

std::string_view word_of(IndexMode mode) {
    switch (mode) {
    case IndexMode::none:
        return "";
    case IndexMode::zero:
        return " | zero";
    case IndexMode::wrap:
        return " | wrap";
    case IndexMode::clamp:
        return " | clamp";
    }
    return "";
}

std::string number_text(const Expr& expr) {
    if (!expr.name.empty())
        return expr.name;
    std::string text = fmt::format("{}", expr.number);
    if (expr.integer)
        return text.find('e') == std::string::npos ? text : fmt::format("{:.0f}", expr.number);
    if (text.find_first_of(".e") == std::string::npos)
        text += ".0";
    return text;
}

std::string text_of(const Expr& expr);
std::string text_of(const Name& name);
std::string text_of(const Range& range);

std::string operand(const Expr& expr, Level least) {
    return level_of(expr) < least ? "(" + text_of(expr) + ")" : text_of(expr);
}

template <class List> std::string joined(const List& list, std::size_t from = 0) {
    std::string text;
    for (std::size_t k = from; k < list.size(); ++k)
        text += (k == from ? "" : ", ") + text_of(list[k]);
    return text;
}

std::string text_of(const Name& name) {
    return name.text;
}
std::string text_of(const Range& range) {
    return range.index.text + " in " + operand(range.lower, sum) + ".." + operand(range.upper, sum);
}

// An exponent may carry minuses of its own.
std::string exponent(const Expr& expr) {
    return expr.kind == ExprKind::negate ? "-" + exponent(expr.children[0]) : operand(expr, power);
}

std::string text_of(const Expr& expr) {
    switch (expr.kind) {
    case ExprKind::number:
        return number_text(expr);
    case ExprKind::name:
        return expr.name;
    case ExprKind::index:
        return operand(expr.children[0], postfix) + "[" + joined(expr.children, 1) + std::string(word_of(expr.mode)) + "]";
    case ExprKind::call:
        return operand(expr.children[0], postfix) + "(" + joined(expr.children, 1) + ")";
    case ExprKind::transpose:
        return operand(expr.children[0], postfix) + "'";
    case ExprKind::negate:
        return "-" + operand(expr.children[0], chain);
    case ExprKind::reduce:
        return expr.name + "(" + joined(expr.ranges) + ": " + text_of(expr.children[0]) + ")";
    case ExprKind::compare:
    case ExprKind::binary:
        break;
    }
    const Expr& left = expr.children[0];
    const Expr& right = expr.children[1];
    const std::string symbol(symbol_of(expr.oper));
    switch (level_of(expr)) {
    case comparison:
        return operand(left, sum) + symbol + operand(right, sum);
    case sum:
        return operand(left, sum) + symbol + operand(right, product);
    case product:
        return operand(left, product) + symbol + operand(right, chain);
    case chain:
        return operand(left, power) + symbol + operand(right, chain);
    default:
        return operand(left, postfix) + symbol + exponent(right);
    }
}

std::string family(const std::vector<Range>& ranges) {
    return ranges.empty() ? "" : "[" + joined(ranges) + "]";
}

class Dump {
  public:
    std::string text;

    void statements(const std::vector<Stmt>& list) {
        for (const Stmt& stmt : list)
            std::visit([this](const auto& node) { statement(node); }, stmt.node);
    }

  private:
    int depth = 0;

    void line(const std::string& content) { text += std::string(2 * depth, ' ') + content + "\n"; }
    template <class Body> void inside(const Body& body) {
        ++depth;
        body();
        --depth;
    }
    void field(std::string_view name, const Expr& value) { line(fmt::format("{} {}", name, text_of(value))); }
    void parameters(const std::vector<HeaderParameter>& list) {
        for (const HeaderParameter& parameter : list)
            line(fmt::format("parameter {}: {}{}", parameter.name.text,
                             parameter.type == ParameterType::integer ? "int" : "real",
                             parameter.value ? " = " + text_of(*parameter.value) : ""));
    }

    void statement(const Program& node) {
        line("program " + node.name.text);
        inside([&] { parameters(node.parameters); });
    }
    void statement(const Input& node) {
        line("input " + node.name.text);
        inside([&] {
            for (const Expr& axis : node.axes)
                field("axis", axis);
        });
    }
    void statement(const Random& node) {
        static constexpr std::string_view kinds[] = {"matrix", "vector", "scalar"};
        line(fmt::format("{}{} {}{}", node.frozen ? "frozen " : "", kinds[static_cast<int>(node.kind)], node.name.text,
                         family(node.family)));
        inside([&] {
            field("mean", node.mean);
            field("variance", node.variance);
            if (node.rate)
                field("rate", *node.rate);
        });
    }
    void statement(const Function& node) {
        line(fmt::format("fn {}({})", node.name.text, joined(node.arguments)));
        inside([&] { field("body", node.body); });
    }
    void statement(const Block& node) {
        line(fmt::format("block {}({})", node.name.text, joined(node.arguments)));
        inside([&] {
            parameters(node.parameters);
            statements(node.body);
        });
    }
    void statement(const Use& node) {
        line(fmt::format("use {} as {}{}", node.block.text, node.alias.text, family(node.family)));
        inside([&] {
            for (const auto& [name, value] : node.values)
                field(name.text + " =", value);
        });
    }
    void statement(const Import& node) { line(fmt::format("import \"{}\"", node.path)); }
    void statement(const Assign& node) {
        line(node.indices.empty() ? "define " + node.target.text
                                  : fmt::format("define {}[{}]", node.target.text, joined(node.indices)));
        inside([&] { field("value", node.value); });
    }
    void statement(const For& node) {
        line("for " + joined(node.ranges));
        inside([&] { statements(node.body); });
    }
    void statement(const If& node) {
        line("if " + text_of(node.condition));
        inside([&] { statements(node.then_body); });
        if (node.else_body.empty())
            return;
        line("else");
        inside([&] { statements(node.else_body); });
    }
    void statement(const Output& node) {
        line("output" + (node.name ? " " + node.name->text : "") + family(node.family));
        inside([&] { field("value", node.value); });
    }
    void statement(const Return& node) {
        line("return");
        inside([&] { field("value", node.value); });
    }
};

} // namespace

std::string print(const ast::Tree& tree) {
    Dump dump;
    dump.statements(tree.statements);
    return dump.text;
}

std::string print(const ast::Expr& expr) {
    return text_of(expr);
}

} // namespace tpc::grammar
