#!/usr/bin/env python3
"""Programs beyond all measure: no crash, no hang, no unbounded memory, but a verdict or a diagnostic."""
import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile

SECONDS = 40  # on a machine that is busy with other things
BYTES = 3 << 30
HEAD = "program p\ninput xi : R[T, d]\nmatrix U ~ N(0, 1/d)\nmatrix W ~ N(0, 1/n)\nvector v ~ N(0, 1)\n"
TAIL = "output v' @ x / sqrt(n)\n"


def body(text):
    return HEAD + text + "\n" + TAIL


def chain(count, line):
    return "".join(line.format(k, k + 1) for k in range(count))


# name: (text, exit code, what the first error says)
CASES = {
    "empty": ("", 1, "program_first"),
    "blank": ("\n \t\n;\n", 1, "program_first"),
    "comment": ("# nothing", 1, "program_first"),
    "nul": ("\0" * 1000, 1, "unexpected_character"),
    "bytes": (b"\xff\xfe\x80" * 1000, 1, "invalid_utf8"),
    "a million control characters": (b"\x01" * 1000000, 1, "unexpected_character"),
    "as many of all kinds in one line": (bytes(range(1, 32)).replace(b"\n", b"") * 30000, 1, "unexpected_character"),
    "a line of brackets": (")" * 1000000, 1, "unopened"),
    "a line of numbers": ("1. " * 300000, 1, "number_point"),
    "a hundred thousand blank lines": (body("\n" * 1000000 + "x = v").replace("x = v", "x = U @ xi[1]"), 0, None),
    "blank lines in parentheses": (body("x = (" + "\n" * 1000000 + "U @ xi[1])"), 0, None),
    "paths": ("import \"a\n" * 100000, 1, "unclosed_string"),
    "carriage returns": (body("x = U @ xi[1]").replace("\n", "\r\n"), 0, None),
    "open": (body("x = " + "(" * 100000), 1, "too_deep"),
    "minus": (body("x = " + "-" * 100000 + "v"), 1, "too_deep"),
    "branches": (body("if 1 == 1 {" * 5000 + "x = v" + "}" * 5000), 1, "too_deep"),
    "a long line": (body("x = U @ xi[1]" + " + U @ xi[1]" * 300), 0, None),
    "too long a line": (body("x = U @ xi[1]" + " + U @ xi[1]" * 100000), 1, "too_deep"),
    "a long name": (body("x = " + "y" * 1000000), 1, "unknown_name"),
    "ten thousand statements": (body("y0 = U @ xi[1]\n" + chain(10000, "y{1} = y{0} + v\n") + "x = y10000"), 2, "gia_readout_reused"),
    "ten thousand errors": (body(chain(10000, "y{0} = z{0}\n") + "x = v"), 1, "unknown_name"),
    "ten thousand syntax errors": (body(chain(10000, "y{0} = *\n") + "x = v"), 1, "syntax"),
    "ten thousand parameters": (body(chain(10000, "matrix M{0} ~ N(0, 1/n)\n") + "x = U @ xi[1]"), 0, None),
    "deep calls": (body("fn f0(z) = z\n" + chain(3000, "fn f{1}(z) = f{0}(z)\n") + "x = f3000(U @ xi[1])"), 1, "calls_too_deep"),
    "deep bodies": (body("fn f0(z) = z\n" + chain(60, "fn f{1}(z) = " + "-" * 900 + "f{0}(z)\n") + "x = f60(U @ xi[1])"), 1, "too_deep"),
    "doubled calls": (body("fn f0(z) = z\n" + chain(40, "fn f{1}(z) = f{0}(z) + f{0}(2 * z)\n") + "x = f40(U @ xi[1])"), 1, "too_many_calls"),
    "nested doubling": (body("fn f0(z) = tanh(z)\n" + chain(40, "fn f{1}(z) = f{0}(f{0}(z))\n") + "x = f40(U @ xi[1])"), 1, None),
    "doubled blocks": (body("block b0(z) { return z }\n" + chain(30, "block b{1}(z) {{ use b{0} as p; use b{0} as q; return p(z) + q(z) }}\n") + "use b30 as r\nx = r(U @ xi[1])"), 1, "too_many_calls"),
    "self application": (body("fn f(g) = g(g)\nx = f(f)"), 1, None),
    "a range of 10^9": (body("for t in 1..1000000000 { y[t] = v }\nx = y[1]"), 1, "too_large"),
    "a sum of 10^9": (body("x = sum(t in 1..1000000000: U @ xi[1])"), 1, "too_large"),
    "a sum of 10^18": (body("x = sum(t in 1..1000000000, s in 1..1000000000: t) * (U @ xi[1])"), 1, "too_large"),
    "a family of 10^9": (body("matrix K[l in 1..1000000000] ~ N(0, 1/n)\nx = K[7] @ (U @ xi[1])"), 1, "too_large"),
    "outputs of 10^9": (HEAD + "output f[t in 1..1000000000] = v' @ (U @ xi[1]) / sqrt(n)\n", 1, "too_large"),
    "elements far apart": (body("y[1] = v\ny[1000000000] = v\nx = y[1]"), 1, "too_large"),
    "a large index": (body("for t in 1..2 { y[1099511627776 * t * 8388608] = v }\nx = y[1]"), 1, "integer_too_large"),
    "a large power": (body("x = xi[10^10^10, 1] * v"), 1, "integer_too_large"),
    "a large number": (body("x = 1e999 * v"), 1, "number_range"),
    "a large product": (body("x = 1e308 * 1e308 * v"), 1, "not_a_finite_number"),
    "a large axis": ("program p\ninput xi : R[1099511627776, d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\noutput v' @ (U @ xi[1]) / sqrt(n)\n", 0, None),
    "powers of n": (body("x = U @ xi[1]").replace("output", "output " + "n * " * 400), 1, None),
    "a large power of n": (body("x = U @ xi[1]").replace("/ sqrt(n)", "* n^1e30"), 1, None),
    "many loops": (body("".join(f"for i{k} in 1..2 {{ " for k in range(100)) + "y = v" + "}" * 100 + "\nx = v"), 1, "too_many_indices"),
    "many sums": (body("x = sum(" + ", ".join(f"i{k} in 1..1" for k in range(300)) + ": v)"), 1, "too_many_indices"),
    "many axes": ("program p\ninput xi : R[" + ", ".join(f"a{k}" for k in range(500)) + "]\noutput 1\n", 1, "too_many_indices"),
}


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tpc", required=True)
    tpc = os.path.abspath(parser.parse_args().tpc)
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        for name, (text, code, wanted) in CASES.items():
            with open("p.tp", "wb") as file:
                file.write(text if isinstance(text, bytes) else text.encode())
            try:
                done = subprocess.run([tpc, "check", "p.tp"], capture_output=True, timeout=SECONDS, preexec_fn=limited)
                said = done.stderr.decode()
                problem = None
                if done.returncode != code:
                    problem = f"exit {done.returncode} instead of {code}: {said[:300]}"
                elif wanted and wanted not in names_of(tpc):
                    problem = f"does not say {wanted}: {said[:300]}"
            except subprocess.TimeoutExpired:
                problem = f"takes more than {SECONDS} s"
            failed += problem is not None
            print(f"FAIL {name}: {problem}" if problem else f"ok   {name}")
        os.chdir("/")
    return 1 if failed else 0


def names_of(tpc):
    """The ids of what is said; --json names them."""
    done = subprocess.run([tpc, "check", "p.tp", "--json"], capture_output=True, timeout=SECONDS, preexec_fn=limited)
    return {entry["id"] for entry in json.loads(done.stdout)["diagnostics"]}


if __name__ == "__main__":
    sys.exit(main())
