#include "parsing.hpp"

#include <algorithm>
#include <random>

using namespace tpc;

TEST_CASE("an error shows its line with carets") {
    const Parsed parsed("program p\n\tσ = φ(ξ, bias) bias2   # a comment\n");
    CHECK(source::render(parsed.diagnostics, parsed.files) ==
          "a.tp:2:17: error: expected an operator or the end of the statement here, found 'bias2'\n"
          "    2 | \tσ = φ(ξ, bias) bias2   # a comment\n"
          "      | \t               ^~~~~\n");
    CHECK(Parsed("h = U @ * xi\n").messages() == "1:9 expected an expression here, found '*'\n");
    CHECK(Parsed("h = 1 +   # nothing\n").messages() == "1:8 expected an expression here, found the end of the line\n");
    CHECK(Parsed("h = 1 +").messages() == "1:8 expected an expression here, found the end of the file\n");
}

TEST_CASE("each error once, and parsing goes on after it") {
    const Parsed parsed("program p(sw 1)\n"
                        "input xi R[T, d]\n"
                        "x = U @ (xi + 1\n"
                        "for t in 1:T { z = * 2; w = x y }\n"
                        "if 1 == { a = ^ } else { b = ] }\n"
                        "in = 3; y = x[1 | zeros]\n"
                        "q = a × b\n"
                        "u = (1, 2]\n"
                        "matrix W[] ~ M(0, 1)\n"
                        "import \"foo\n"
                        "v = 1 }\n"
                        "good = 1\n");
    CHECK_FALSE(parsed.tree);
    CHECK(source::render(parsed.diagnostics, parsed.files).find("N5boost") == std::string::npos);
    std::vector<std::string> places;
    for (const source::Diagnostic& d : parsed.diagnostics.list) {
        const source::Position at = source::position_of(parsed.files.files[0], d.span.begin);
        places.push_back(std::to_string(at.line) + ":" + std::to_string(at.column));
    }
    std::sort(places.begin(), places.end());
    CHECK(places == std::vector<std::string>{"10:8", "11:7", "1:14", "2:10", "3:9", "4:11", "4:20", "4:31", "5:15", "5:30",
                                             "5:9", "6:1", "6:19", "7:7", "8:10", "9:10"});
}

TEST_CASE("brackets that do not match") {
    CHECK(Parsed("x = f(1\nfor i in 1..2 { y = 1 }\n").messages() == "1:6 this '(' is never closed: a ')' is missing\n");
    CHECK(Parsed("x = f(1\ny[i] = 2\nz = *").messages() ==
          "1:6 this '(' is never closed: a ')' is missing\n3:5 expected an expression here, found '*'\n");
    CHECK(Parsed("for i in 1..2 {\n x = 1\n").messages() == "1:15 this '{' is never closed: a '}' is missing\n");
    CHECK(Parsed("program p(a = 1,\n b = 2\n)").messages() == "");
}

TEST_CASE("characters that do not belong") {
    CHECK(Parsed("x = 1\xff\xfe + 2\ny = a\xce\n").messages() ==
          "1:6 the text is not valid UTF-8 here: save the file as UTF-8\n"
          "2:6 the text is not valid UTF-8 here: save the file as UTF-8\n");
    CHECK(Parsed(std::string("x = 1\0 # ok", 11)).messages() == "1:6 unexpected character U+0000: remove it\n");
    CHECK(Parsed("x = a − b # − here it may\n").messages() == "1:7 unexpected character '−': write -\n");
    CHECK(Parsed("ñandú = Ж + 変数 + σ_w\n").tree);
}

TEST_CASE("depth has a limit and no input overflows the stack") {
    const auto repeat = [](const std::string& part, int times) {
        std::string text;
        while (times-- > 0)
            text += part;
        return text;
    };
    CHECK(Parsed("x = " + repeat("(", 199) + "a" + repeat(")", 199)).tree);
    CHECK(Parsed(repeat("for i in 1..2 {", 199) + repeat("}", 199)).tree);
    CHECK(Parsed("x = a" + repeat(" + a", 900)).tree);
    for (const std::string& text :
         {"x = " + repeat("(", 20000) + "a" + repeat(")", 20000), "x = " + repeat("-", 20000) + "a",
          "x = a" + repeat("'", 20000), "x = a" + repeat("^a", 20000), "x = a" + repeat(" + a", 20000),
          "x = a" + repeat("[1]", 20000), repeat("if 1 == 1 {", 20000) + repeat("}", 20000),
          "if 1 == 1 { }" + repeat(" else if 1 == 1 { }", 20000)}) {
        const Parsed parsed(text);
        REQUIRE_FALSE(parsed.tree);
        CHECK(parsed.diagnostics.list.front().id == source::Id::too_deep);
    }
}

TEST_CASE("random texts give a tree or a diagnostic") {
    std::mt19937 random(11);
    const char* tokens[] = {
        "(", ")", "[",    "]",    "{",       "}",       "\n",   ";", ",",    "if ",    "else ",     "for i ", "in ",  "..",
        "1", "x", "@",    "*",    "-",       "^",       "'",    "=", "==",   "~",      "N(",        "|",      ":",    "\"",
        "#", "σ", "\xff", "\xce", "block f", "output ", "use ", ".", "true", "where(", "sum(i in ", "\x80",   "1e999"};
    for (int k = 0; k < 1500; ++k) {
        std::string text;
        for (auto n = random() % 40; n > 0; --n)
            text += random() % 8 == 0 ? std::string(1, static_cast<char>(random())) : tokens[random() % std::size(tokens)];
        const Parsed parsed(text);
        INFO(text);
        REQUIRE(parsed.tree.has_value() != parsed.diagnostics.has_errors());
        source::render(parsed.diagnostics, parsed.files);
        source::render_json(parsed.diagnostics, parsed.files);
    }
}
