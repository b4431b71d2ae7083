#!/usr/bin/env python3
"""import: what it brings in, where files are looked for, and every way in which it fails; definitions inside blocks."""
import json
import os
import re
import shutil
import sys

from support import equal, run, succeed, tpc, write
import support

HEAD = "input xi : R[d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\n"
TAIL = "output v' @ x / sqrt(n)\n"


def program(body, imports=""):
    return f"program p\n{imports}{HEAD}{body}{TAIL}"


def statements(path):
    """The tensor program without its header and its alignment."""
    return re.sub(" +", " ", succeed("show", "--stage", "ir", path).split("\n", 1)[1])


def messages(path, code=1):
    done = tpc("check", path)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stderr


def test_blocks_and_functions():
    write("nets/lib/a.tp", 'import "b.tp"\nfn fa(x) = fb(x) + 1\nblock k(s = 1; x) { matrix A ~ N(0, s/n); return fa(A @ x) }\n')
    write("nets/lib/b.tp", "fn fb(x) = relu(x)\n")
    write("nets/p.tp", program("use k(s = 2) as r\nx = fb(r(U @ xi))\n", 'import "lib/a.tp"\n'))
    write("whole.tp", program("matrix A ~ N(0, 2/n)\nx = relu(relu(A @ (U @ xi)) + 1)\n"))
    equal(statements("nets/p.tp").replace("r.A", "A"), statements("whole.tp"))


def test_twice():
    """The same file by several paths is one file; without that each name would be declared twice."""
    write("a.tp", 'import "sub/b.tp"\nfn fa(x) = fb(x)\n')
    write("sub/b.tp", "fn fb(x) = relu(x)\n")
    os.symlink("sub/b.tp", "c.tp")
    write("p.tp", program("x = fa(fb(U @ xi))\n", 'import "a.tp"; import "./sub/../sub/b.tp"\nimport "c.tp"\nimport "a.tp"\n'))
    write("q.tp", program("x = relu(relu(U @ xi))\n"))
    equal(statements("p.tp"), statements("q.tp"))


def test_names_of_files():
    """A name that is only used inside an imported file is found there, whatever the program calls by it."""
    write("a.tp", "fn half(x) = x / 2\nblock k(x) {\n    import \"b.tp\"\n    return third(half(x))\n}\n")
    write("b.tp", "fn third(x) = x / 3\n")
    write("p.tp", program("use k as r\nthird = U @ xi\nx = r(third)\n", 'import "a.tp"\n'))
    write("q.tp", program("third = U @ xi\nx = third / 2 / 3\n"))
    equal(statements("p.tp"), statements("q.tp"))


def test_a_program_lends_its_blocks():
    write("other.tp", "program other\ninput xi : R[d]\nfn twice(x) = x + x\noutput xi' @ xi / d\n")
    write("p.tp", program("x = twice(U @ xi)\n", 'import "other.tp"\n'))
    write("q.tp", program("x = (U @ xi) + (U @ xi)\n"))
    equal(statements("p.tp"), statements("q.tp"))


def test_library_can_be_moved():
    """The command finds its library beside itself: here in a copy of both."""
    data = os.path.join(os.path.dirname(support.TPC), "..", "share", "tpc", "std")
    shutil.copytree(data, "moved/share/tpc/std")
    os.makedirs("moved/bin")
    shutil.copy(support.TPC, "moved/bin/tpc")
    write("moved/share/tpc/std/only_here.tp", "fn f(x) = relu(x)\n")
    write("p.tp", program("x = f(U @ xi)\n", 'import "std/only_here.tp"\n'))
    there, support.TPC = support.TPC, os.path.abspath("moved/bin/tpc")
    succeed("check", "p.tp")
    support.TPC = there
    equal(messages("p.tp").count("there is no file"), 1)
    write("std/only_here.tp", "fn f(x) = tanh(x)\n")  # beside the importing file comes first
    assert "tanh" in statements("p.tp")


def test_not_found():
    write("sub/layer.tp", "fn f(x) = x\n")
    write("sub/p.tp", 'program p\nimport "layers.tp"; import "std/layer.tp"\noutput 1\n')
    equal(messages("sub/p.tp"), '''sub/p.tp:2:8: error: there is no file "layers.tp" beside this one or in the library; did you mean "layer.tp"?
    2 | import "layers.tp"; import "std/layer.tp"
      |        ^~~~~~~~~~~
sub/p.tp:2:28: error: there is no file "std/layer.tp" beside this one or in the library; did you mean "std/layers.tp"?
    2 | import "layers.tp"; import "std/layer.tp"
      |                            ^~~~~~~~~~~~~~
''')


def test_unreadable():
    os.mkdir("folder")
    write("p.tp", 'program p\nimport "folder"\noutput 1\n')
    equal(messages("p.tp"), '''p.tp:2:8: error: folder cannot be read: Is a directory
    2 | import "folder"
      |        ^~~~~~~~
''')


def test_cycles():
    write("p.tp", 'program p\nimport "p.tp"\nimport "a.tp"\noutput 1\n')
    write("a.tp", 'import "sub/b.tp"\n')
    write("sub/b.tp", 'import "c.tp"\n')
    write("sub/c.tp", '\nimport   "../a.tp"\n')
    equal(messages("p.tp"), '''p.tp:2:8: error: this import leads back to its own file: p.tp -> p.tp
    2 | import "p.tp"
      |        ^~~~~~
sub/c.tp:2:10: error: this import leads back to its own file: a.tp -> sub/b.tp -> sub/c.tp -> a.tp
    2 | import   "../a.tp"
      |          ^~~~~~~~~
sub/b.tp:1:8: note: sub/c.tp is imported here
a.tp:1:8: note: sub/b.tp is imported here
''')


def test_errors_in_an_imported_file():
    write("p.tp", 'program p\nimport "a.tp"\noutput 1 +\n')
    write("a.tp", "fn σ(x) = 2 *\nmatrix W ~ N(0, 1)\n")
    equal(messages("p.tp"), """p.tp:3:11: error: expected an expression here, found the end of the line
    3 | output 1 +
      |           ^
a.tp:1:14: error: expected an expression here, found the end of the line
    1 | fn σ(x) = 2 *
      |              ^
p.tp:2:8: note: imported here
""")
    write("p.tp", 'program p\nimport "a.tp"\noutput 1\n')
    equal(messages("p.tp"), '''a.tp:1:14: error: expected an expression here, found the end of the line
    1 | fn σ(x) = 2 *
      |              ^
p.tp:2:8: note: imported here
''')
    write("a.tp", "fn σ(x) = 2 * y\n  matrix W ~ N(0, 1)\n")
    equal(messages("p.tp"), '''a.tp:2:3: error: a file without a program header holds functions, blocks and imports only: nothing else of it can be imported
    2 |   matrix W ~ N(0, 1)
      |   ^~~~~~~~~~~~~~~~~~
p.tp:2:8: note: imported here
''')
    write("a.tp", "fn σ(x) = 2 * y\n")
    write("p.tp", 'program p\nimport "a.tp"\noutput σ(1)\n')
    equal(messages("p.tp"), '''a.tp:1:15: error: unknown name y
    1 | fn σ(x) = 2 * y
      |               ^
p.tp:3:8: note: in this call of σ
''')
    report = json.loads(tpc("check", "--json", "p.tp").stdout)
    found = report["diagnostics"][0]
    equal([found[key] for key in ("file", "line", "column", "end_column", "id")], ["a.tp", 1, 15, 16, "unknown_name"])
    equal([found["notes"][0][key] for key in ("file", "line", "column")], ["p.tp", 3, 8])


def test_errors_beside_a_failed_import():
    """What the missing file may have held is no error; the rest is reported as ever."""
    write("p.tp", program("use layer as r\nx = twice(r(U @ xi)); z = 1 + U\ny = x[1] + third\n", 'import "layers.tp"\n'))
    equal(messages("p.tp"), '''p.tp:2:8: error: there is no file "layers.tp" beside this one or in the library
    2 | import "layers.tp"
      |        ^~~~~~~~~~~
p.tp:7:31: error: a matrix only multiplies vectors, with @
    7 | x = twice(r(U @ xi)); z = 1 + U
      |                               ^
p.tp:8:5: error: x is not a family: it takes no index, write x alone
    8 | y = x[1] + third
      |     ^~~~
p.tp:7:1: note: x is declared here
''')


def test_names_declared_twice():
    write("a.tp", "fn f(x) = x\nfn g(x) = x\n")
    write("b.tp", "fn f(x) = 2 * x\n")
    write("p.tp", 'program p(g = 1)\nimport "a.tp"\nimport "b.tp"\nfn f(x) = 3 * x\noutput 1\n')
    equal(messages("p.tp"), '''p.tp:1:11: error: g is declared twice: give one of the two another name
    1 | program p(g = 1)
      |           ^
a.tp:2:4: note: first declared here
p.tp:3:8: error: f is declared twice: give one of the two another name
    3 | import "b.tp"
      |        ^~~~~~
a.tp:1:4: note: first declared here
b.tp:1:4: note: f is imported from here
p.tp:4:4: error: f is declared twice: give one of the two another name
    4 | fn f(x) = 3 * x
      |    ^
a.tp:1:4: note: first declared here
''')


def test_places():
    write("a.tp", "fn f(x) = x\n")
    write("p.tp", 'program p\nfor i in 1..2 { import "a.tp" }\nif 1 == 1 { fn f(x) = x }\nblock b(x) { if 1 == 2 { block c(x) { return x } }; return x }\n'
          "for i in 1..2 { input z : R }\noutput 1\n")
    equal(messages("p.tp"), '''p.tp:2:17: error: 'import' may stand only at the top level of a file or of a block, not in a loop or a branch: move it out
    2 | for i in 1..2 { import "a.tp" }
      |                 ^~~~~~~~~~~~~
p.tp:3:13: error: 'fn' may stand only at the top level of a file or of a block, not in a loop or a branch: move it out
    3 | if 1 == 1 { fn f(x) = x }
      |             ^~~~~~~~~~~
p.tp:4:26: error: 'block' may stand only at the top level of a file or of a block, not in a loop or a branch: move it out
    4 | block b(x) { if 1 == 2 { block c(x) { return x } }; return x }
      |                          ^~~~~~~~~~~~~~~~~~~~~~~
p.tp:5:17: error: 'input' may stand only at the top level of a file: move it there
    5 | for i in 1..2 { input z : R }
      |                 ^~~~~~~~~~~
''')


def test_definitions_in_a_block():
    """Functions and blocks of a block see its parameters and arguments, and are unknown outside."""
    write("p.tp", program("""block k(s = 1; x) {
    fn shifted(z) = s * z + x
    block inner(y) { matrix A ~ N(0, s/n); return shifted(A @ y) }
    use inner as a
    use inner as b[l in 1..2]
    return b[2](b[1](a(x)))
}
use k(s = 3) as r
x = r(U @ xi)
"""))
    write("q.tp", program("""matrix A ~ N(0, 3/n); matrix B[l in 1..2] ~ N(0, 3/n)
fn y(z) = U @ z
x = 3 * (B[2] @ (3 * (B[1] @ (3 * (A @ y(xi)) + y(xi))) + y(xi))) + y(xi)
"""))
    equal(statements("p.tp").replace("r.a.A", "A").replace("r.b.A", "B"), statements("q.tp"))
    write("p.tp", program("block k(x) { fn hidden(z) = z; return hidden(x) }\nuse k as r\nx = hidden(r(U @ xi))\n"))
    equal(messages("p.tp").splitlines()[0], "p.tp:7:5: error: unknown name hidden")


def test_arguments_that_are_indexed_or_called():
    """A family, an input, a parameter or an instance, with none of its indices or the first of them."""
    write("p.tp", """program p(L: int = 2)
input xi : R[T, d]
input A : R[T, T]
matrix U ~ N(0, 1/d)
matrix W[l in 1..L, a in 0..1] ~ N(0, 1/n)
vector v ~ N(0, 1)
fn total(y, T) = sum(t in 1..T: y[t])
fn pair(M, y) = M[0] @ y + M[1] @ y
fn row(a, y, T) = sum(t in 1..T: a[t] * y[t])
fn first(M, z) = M @ z[1]
fn residual(f, y) = y + f(y)
block layer(y) { matrix B ~ N(0, 1/n); return residual(relu, B @ y) }
use layer as r[l in 1..L, k in 1..2]
for t in 1..T { x[1,t] = pair(W[1], first(U, xi)); x[2,t] = residual(r[1,2], x[1,t]) }
output f = v' @ total(x[2], T) / sqrt(n)
output g = v' @ row(A[1], x[2], T) / sqrt(n)
""")
    write("q.tp", """program p(L: int = 2)
input xi : R[T, d]
input A : R[T, T]
matrix U ~ N(0, 1/d)
matrix W[l in 1..L, a in 0..1] ~ N(0, 1/n)
vector v ~ N(0, 1)
matrix B[l in 1..L, k in 1..2] ~ N(0, 1/n)
for t in 1..T {
    x[1,t] = W[1,0] @ (U @ xi[1]) + W[1,1] @ (U @ xi[1])
    x[2,t] = x[1,t] + (B[1,2] @ x[1,t] + relu(B[1,2] @ x[1,t]))
}
output f = v' @ sum(t in 1..T: x[2,t]) / sqrt(n)
output g = v' @ sum(t in 1..T: A[1,t] * x[2,t]) / sqrt(n)
""")
    equal(statements("p.tp").replace("r.B", "B"), statements("q.tp"))


def test_calls_that_never_end():
    write("p.tp", program("fn w(f) = f(f)\nx = (U @ xi) * w(w)\n"))
    assert messages("p.tp").startswith("p.tp:5:11: error: w calls itself"), messages("p.tp")


def test_blocks_that_use_each_other():
    write("p.tp", program("block a(x) { use b as q; return q(x) }\nblock b(x) { use a as r[l in 1..2]; return r[1](x) }\n"
                          "use a as s\nx = s(U @ xi)\n"))
    equal(messages("p.tp"), """p.tp:6:18: error: a calls itself: functions and blocks are replaced by their bodies and cannot be recursive
    6 | block b(x) { use a as r[l in 1..2]; return r[1](x) }
      |                  ^
p.tp:5:7: note: its body leads back to itself
""")


if __name__ == "__main__":
    run(sys.modules[__name__])
