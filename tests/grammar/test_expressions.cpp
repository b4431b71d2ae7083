#include "parsing.hpp"

#include <random>

using namespace tpc;
using ast::Expr;
using ast::ExprKind;

namespace {

// Every operation in parentheses: shows how the operators group.
std::string grouped(const Expr& e) {
    static const char* symbols[] = {"+", "-", "*", "/", "^", "@", "==", "!=", "<", "<=", ">", ">="};
    switch (e.kind) {
    case ExprKind::number:
    case ExprKind::name:
        return grammar::print(e);
    case ExprKind::transpose:
        return grouped(e.children[0]) + "'";
    case ExprKind::negate:
        return "(-" + grouped(e.children[0]) + ")";
    case ExprKind::binary:
    case ExprKind::compare:
        return "(" + grouped(e.children[0]) + symbols[static_cast<int>(e.oper)] + grouped(e.children[1]) + ")";
    default:
        return "?";
    }
}

std::string grouped(const std::string& expression) {
    const Parsed parsed("y = " + expression + "\n");
    return parsed.tree ? grouped(parsed.value()) : parsed.messages();
}

Expr random_expression(std::mt19937& random, int depth) {
    Expr e;
    const auto child = [&] { e.children.push_back(random_expression(random, depth - 1)); };
    switch (depth == 0 ? 0 : random() % 8) {
    case 0:
        e.kind = ExprKind::name;
        e.name = "a";
        break;
    case 1:
        e.kind = ExprKind::number;
        e.number = 2.5;
        break;
    case 2:
        e.kind = ExprKind::negate;
        child();
        break;
    case 3:
        e.kind = ExprKind::transpose;
        child();
        break;
    default:
        e.kind = ExprKind::binary;
        e.oper = static_cast<ast::Operator>(random() % 6);
        child();
        child();
    }
    return e;
}

} // namespace

TEST_CASE("operators group as the language says") {
    CHECK(grouped("a - b - c * d / e") == "((a-b)-((c*d)/e))");
    CHECK(grouped("v' @ W @ x / 2") == "((v'@(W@x))/2)");
    CHECK(grouped("-W @ x") == "(-(W@x))");
    CHECK(grouped("-x^2") == "(-(x^2))");
    CHECK(grouped("x^y^z") == "(x^(y^z))");
    CHECK(grouped("x ^ -y^z") == "(x^(-(y^z)))");
    CHECK(grouped("W @ -x @ y") == "(W@(-(x@y)))");
    CHECK(grouped("a * -b @ c + - -d") == "((a*(-(b@c)))+(-(-d)))");
    CHECK(grouped("W'^2 @ x''") == "((W'^2)@x'')");
    CHECK(grouped("(a + b) * (c)") == "((a+b)*c)");
}

TEST_CASE("a printed expression reads back as the same tree") {
    std::mt19937 random(7);
    for (int k = 0; k < 300; ++k) {
        const Expr expr = random_expression(random, 5);
        const std::string text = grammar::print(expr);
        INFO(text);
        REQUIRE(grouped(text) == grouped(expr));
    }
    CHECK(grammar::print(Parsed("y = ((a) * (b + 1)) + ((1e-6^(2.0)))").value()) == "a * (b + 1) + 1e-06^2.0");
}

TEST_CASE("numbers") {
    const auto number = [](const std::string& text) { return Parsed("y = " + text).value(); };
    CHECK(number("3").integer);
    CHECK_FALSE(number("3.0").integer);
    CHECK(number("1e-6").number == 1e-6);
    CHECK(number("12.5E+1").number == 125);
    CHECK(Parsed("y = 1.").messages() == "1:5 a number needs digits on both sides of its point\n");
    CHECK(Parsed("y = .5").messages() == "1:5 a number needs digits on both sides of its point\n");
    CHECK(Parsed("y = 2x").messages() == "1:5 a number may not run into a name: write a product as 2 * x\n");
    CHECK(Parsed("y = 1e999").messages() == "1:5 the number 1e999 is too large or too small to be represented\n");
}

TEST_CASE("indices, calls, reductions and modes") {
    const Parsed parsed("y = r[l](x[l-1, 2*p | wrap], sum(i in 1..T, j in i..2*T: h[i, j])) + cell() + where(x > 0, p, q)");
    REQUIRE(parsed.tree);
    CHECK(grammar::print(parsed.value()) ==
          "r[l](x[l - 1, 2 * p | wrap], sum(i in 1..T, j in i..2 * T: h[i, j])) + cell() + where(x > 0, p, q)");
    const Expr& call = parsed.value().children[0].children[0];
    CHECK(call.kind == ExprKind::call);
    CHECK(call.children[0].kind == ExprKind::index);
    CHECK(call.children[1].mode == ast::IndexMode::wrap);
    CHECK(call.children[2].kind == ExprKind::reduce);
    CHECK(call.children[2].ranges.size() == 2);
    CHECK(Parsed("y = (f)(x)").messages() == "1:5 only a name can be called: a function, or an instance of a block\n");
    CHECK(Parsed("y = f(x)[1]").messages() == "1:5 only a name can be indexed, and once: write x[i, j]\n");
    CHECK(Parsed("y = avg(i in 1..2: x)").messages() ==
          "1:5 'avg' does not run over a range: that do sum, mean, max, min, prod and logsumexp\n");
}

TEST_CASE("spans are tight") {
    const Parsed parsed("y = (a + b) * f( c,\n  d )  # comment\n");
    REQUIRE(parsed.tree);
    const Expr& product = parsed.value();
    CHECK(parsed.text_of(product.span) == "(a + b) * f( c,\n  d )");
    CHECK(parsed.text_of(product.op) == "*");
    CHECK(parsed.text_of(product.children[0].span) == "a + b");
    CHECK(parsed.text_of(product.children[1].span) == "f( c,\n  d )");
    CHECK(parsed.text_of(parsed.tree->statements[0].span) == parsed.files.files[0].text.substr(0, 25));
}
