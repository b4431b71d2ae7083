#include "parsing.hpp"

using namespace tpc;

TEST_CASE("every statement, dumped") {
    const Parsed parsed("# all constructs\n"
                        "program all(L: int = 3, p: int, sw = sqrt(2), phi = relu)  # header\n"
                        "import \"layers # not a comment.tp\"\n"
                        "input ξ : R[2*p, d];; input y : R\n"
                        "frozen matrix K[l in 2..L, a in -1..1] ~ N(0, 2/(3*n)) rate 2*sw\n"
                        "vector b ~ N(0.5, sw^2); scalar c ~ N(0, 0.1) rate 0\n"
                        "fn mix(p, q) = p * tanh(q)\n"
                        "block dense(s = 1, k: int = 2; x, y) {\n"
                        "    matrix A ~ N(0, s / n)\n"
                        "    return x + A @ y\n"
                        "}\n"
                        "block plain(x) { return x }\n"
                        "use dense(s = 2,\n"
                        "          k = 3) as f[l in 1..L]\n"
                        "use plain as g\n"
                        "for l in 1..L, i in 1..l\n"
                        "\n"
                        "{\n"
                        "    if l == 1 { x[l, i] = 0 }\n"
                        "    # a comment before else\n"
                        "    else if l != 2 { u = 1 } else { x[l,\n"
                        "                                      i] = g(u) }\n"
                        "}\n"
                        "if true { }\r\n"
                        "output last = b' @ x[L, 1] / sqrt(n)\n"
                        "output f[i in 1..L] = b' @ x[L, i] / sqrt(n)\n"
                        "output c");
    REQUIRE(parsed.messages() == "");
    CHECK(grammar::print(*parsed.tree) == R"(program all
  parameter L: int = 3
  parameter p: int
  parameter sw: real = sqrt(2)
  parameter phi: real = relu
import "layers # not a comment.tp"
input ξ
  axis 2 * p
  axis d
input y
frozen matrix K[l in 2..L, a in -1..1]
  mean 0
  variance 2 / (3 * n)
  rate 2 * sw
vector b
  mean 0.5
  variance sw^2
scalar c
  mean 0
  variance 0.1
  rate 0
fn mix(p, q)
  body p * tanh(q)
block dense(x, y)
  parameter s: real = 1
  parameter k: int = 2
  matrix A
    mean 0
    variance s / n
  return
    value x + A @ y
block plain(x)
  return
    value x
use dense as f[l in 1..L]
  s = 2
  k = 3
use plain as g
for l in 1..L, i in 1..l
  if l == 1
    define x[l, i]
      value 0
  else
    if l != 2
      define u
        value 1
    else
      define x[l, i]
        value g(u)
if true
output last
  value b' @ x[L, 1] / sqrt(n)
output f[i in 1..L]
  value b' @ x[L, i] / sqrt(n)
output
  value c
)");
}

TEST_CASE("the empty file and empty statements") {
    CHECK(Parsed("").tree);
    CHECK(Parsed("\n;;\n # nothing").tree);
    CHECK(Parsed("\xEF\xBB\xBFx = 1").tree);
}

TEST_CASE("statements where they may not stand") {
    CHECK(Parsed("x = 1\nprogram p\n").messages() == "2:9 the program header must be the first statement of its file\n");
    CHECK(Parsed("return 1").messages() ==
          "1:1 'return' may stand only in a block: a program gives its results with output\n");
    CHECK(Parsed("block f(x) {\n output x\n }").messages() ==
          "2:2 'output' may not stand in a block: write it at the top level of the program\n");
    CHECK(Parsed("if x { }").messages() ==
          "1:4 the condition of an 'if' is a comparison such as l == 1, or true or false\n");
    CHECK(Parsed("y = f(1 < 2)").messages() ==
          "1:9 a comparison may stand only in an 'if' and in the first argument of where\n");
    CHECK(Parsed("y = true").messages() ==
          "1:5 'true' may stand only as the condition of an 'if': as numbers write 1 and 0\n");
    CHECK(Parsed("block f(a = 1, b) { }").messages() ==
          "1:9 an argument of a block has neither type nor default: compile-time parameters stand in front, before a ';'\n");
}
