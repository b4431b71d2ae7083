#!/usr/bin/env python3
"""tpc fmt: the layout itself, and that it keeps comments and meaning and changes nothing the second time."""
import glob
import os
import random
import re
import sys

from support import ROOT, equal, read, run, succeed, tpc, write

TOKEN = re.compile(r'#[^\n]*|"[^"\n]*"|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\w+|==|!=|<=|>=|\.\.|\n|[^\s]')


def programs():
    """Every program of the project that parses."""
    found = []
    for pattern in ("examples/*.tp", "library/std/*.tp", "tests/conformance/kernels/*/program.tp", "tests/conformance/verdicts/*.tp"):
        found += sorted(glob.glob(os.path.join(ROOT, pattern)))
    found = [path for path in found if "err_syntax" not in path]
    assert len(found) > 60, len(found)
    return found


def comments(text):
    return [token.strip() for token in TOKEN.findall(text) if token.startswith("#")]


def tree(path):
    return succeed("show", "--stage", "ast", path)


def formatted(text):
    write("x.tp", text)
    succeed("fmt", "x.tp")
    return read("x.tp")


def holds(text):
    """Formats; the tree, the comments and the second layout must be the same."""
    write("before.tp", text)
    made = formatted(text)
    equal(tree("x.tp"), tree("before.tp"))
    equal(comments(made), comments(text))
    equal(formatted(made), made)
    assert made.endswith("\n") and not re.search(r"[ \t\r]\n|\n\n\n", made), made
    return made


def scrambled(text, chance):
    """The same program and comments, laid out at random."""
    made, depth, previous = "", [], ""
    found = TOKEN.findall(text)
    for k, token in enumerate(found):
        loose = not depth or depth[-1] == "{"
        if token == "\n":
            follows = next((word for word in found[k:] if word != "\n" and not word.startswith("#")), "")
            ends = [" ;\n", "\n;\n"] if follows not in ("{", "else") else []
            made += chance.choice(["\n", "\n\n\n", "  # a; b {\n", "\n\t# (c\r\n", *ends]) if loose else "\n"
            previous = ""
            continue
        if token in ")]}" and depth:
            depth.pop()
        word = re.match(r"\w", token) and re.match(r".*\w$", previous)
        between = ["", " ", "   ", "\t"] if not word else [" ", "  "]
        if not loose and previous:
            between += ["\n", " # ) x = 1\n", "\n\n  # y\n"]
        if token in ("{", "else") and loose:
            between += ["\n", "\n\n", " # before\n"]
        if previous == "{" or token == "}":
            between += ["\n", " ; ", " # inside\n"]
        made += chance.choice(between) + token
        if token in ("(", "[", "{"):
            depth.append(token)
        previous = "" if token.startswith("#") else token
    return made


def test_layout():
    equal(holds("""

program  p ( L:int=3 ,phi = relu )   ;
input xi:R[ T,d ]; input A :R[2*p , c]
  matrix K [l in 2 .. L,a in - 1..1]~N( 0,2/(3*n) )   # first
matrix   U~N(0,sw ^ 2/(9*c)) rate   2 # second
frozen vector v ~ N(0,1)


# about f
fn f( z )=-z*( z-1 )/ - 2 ^ -1
block b(s=1;x){matrix M~N(0,s/n);return M@x}
block none( ; x)
{
return x  # all

}
use b( s=2 )as r [l in 1..L-1]
import   "a  b.tp"
for i in 1..T,j in 1..2*i - 1
{
 if i==1{x[i,j]=0;}else{x[ i,j ]=r [ 1 ](x[i - 1,2*j])
 y[i , j]=x[i-1 , j|zero]   }
    }
if true { z = -x[1,-1]' @ -M' @ q } else if false
   # why
{ z = where( a<=b , max(
   1 ,
      2 # two

   ) , 3) ; ; }
else { }
output f [t in 1..T]=v' @ x/sqrt( n ) ; output g=1"""), """program p(L: int = 3, phi = relu)
input xi : R[T, d]; input A : R[2*p, c]
matrix K[l in 2..L, a in -1..1] ~ N(0, 2/(3*n))  # first
matrix U ~ N(0, sw^2 / (9*c)) rate 2             # second
frozen vector v ~ N(0, 1)

# about f
fn f(z) = -z * (z - 1) / -2^-1
block b(s = 1; x) { matrix M ~ N(0, s / n); return M @ x }
block none(; x) {
    return x  # all
}
use b(s = 2) as r[l in 1..L-1]
import "a  b.tp"
for i in 1..T, j in 1..2*i-1 {
    if i == 1 { x[i,j] = 0 } else {
        x[i,j] = r[1](x[i-1, 2*j])
        y[i,j] = x[i-1, j | zero]
    }
}
if true { z = -x[1,-1]' @ -M' @ q } else if false
# why
{
    z = where(a <= b, max(
        1,
        2  # two
    ), 3)
} else {}
output f[t in 1..T] = v' @ x / sqrt(n); output g = 1
""")


def test_odd_files():
    equal(formatted(""), "")
    equal(formatted(";;\n ; \n"), "")
    equal(formatted("# only\r\n\r\n\r\n  # comments  \r\n"), "# only\n\n# comments\n")
    equal(holds("\ufeffx = 1\r\ny=2"), "x = 1\ny = 2\n")
    equal(holds("σ=1 # ά\nλλλ=2 # β\nz = 3\nw=4 # γ"), "σ = 1    # ά\nλλλ = 2  # β\nz = 3\nw = 4  # γ\n")


def test_every_program():
    """Its layout is kept where it is one of ours; its recursions are the same."""
    for path in programs():
        text = read(path)
        made = holds(text)
        if "conformance" not in path:
            equal(made, text)
        same = [tpc("show", "--stage", "recursions", name) for name in ("before.tp", "x.tp")]
        equal((same[1].returncode, same[1].stdout), (same[0].returncode, same[0].stdout))


def test_scrambled_programs():
    """However a program is laid out, its meaning and its comments stay; without further breaks its layout comes back."""
    chance = random.Random(1)
    for path in programs():
        holds(scrambled(read(path), chance))
    for path in sorted(glob.glob(os.path.join(ROOT, "library", "std", "*.tp"))):
        text = read(path)
        equal(formatted(re.sub(r"(?m)^(?!#).*$", lambda line: line[0].replace(" ", "  "), text)), text)


def test_check():
    write("good.tp", "x = 1\n")
    write("bad.tp", "x=1\n")
    done = tpc("fmt", "--check", "good.tp", "bad.tp")
    equal((done.returncode, done.stdout), (1, "bad.tp\n"))
    equal(read("bad.tp"), "x=1\n")
    done = tpc("fmt", "good.tp", "bad.tp")
    equal((done.returncode, done.stdout), (0, "bad.tp\n"))
    done = tpc("fmt", "--check", "good.tp", "bad.tp")
    equal((done.returncode, done.stdout, done.stderr), (0, "", ""))


def test_errors():
    """A file with errors stays as it is; the others are laid out."""
    write("wrong.tp", "x = = 1\n")
    write("bad.tp", "x=1\n")
    done = tpc("fmt", "wrong.tp", "bad.tp")
    equal((done.returncode, read("wrong.tp"), read("bad.tp")), (1, "x = = 1\n", "x = 1\n"))
    equal(done.stderr.splitlines()[0], "wrong.tp:1:5: error: expected an expression here, found '='")
    equal(tpc("fmt", "missing.tp").returncode, 3)
    equal(tpc("fmt").returncode, 64)


if __name__ == "__main__":
    run(sys.modules[__name__])
