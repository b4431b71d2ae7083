"""What the tests of the command share: running it, files, expectations, and running the tests of a file."""
import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples")
TPC = ""
SAID = []  # on standard error, by all runs of the command

LINEAR = """program linear(c = 1)
input xi : R[d]
matrix U ~ N(0, c / d)
vector v ~ N(0, 1)
output v' @ (U @ xi) / sqrt(n)
"""
SEQUENCE = """program sequence
input xi : R[T, d]
input w : R[T]
matrix U ~ N(0, 1 / d)
vector v ~ N(0, 1)
output v' @ sum(t in 1..T: w[t] * (U @ xi[t])) / sqrt(n)
"""
REUSED = """program reused
input xi : R[d]
matrix U ~ N(0, 1 / d)
vector v ~ N(0, 1)
x = relu(U @ xi + v)
output v' @ x / sqrt(n)
"""


def tpc(*arguments):
    done = subprocess.run([TPC, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    SAID.append(done.stderr)
    return done


def save(name, values):
    np.save(name, np.asarray(values))
    return name


def write(name, text):
    with open(name, "w") as file:
        file.write(text)
    return name


def expect(done, code, *words):
    said = done.stdout + done.stderr
    assert done.returncode == code, f"exit {done.returncode}, expected {code}: {done.args}\n{said}"
    for word in words:
        assert word in said, f"'{word}' is missing in: {said}"
    return done


def expect_one_line(done, code, *words):
    """A failure that is one clear line and leaves no output."""
    expect(done, code, *words)
    assert done.stderr.count("\n") == 1, done.stderr
    assert not os.path.exists("out.npz"), "left an output"
    assert all(name.endswith((".npy", ".npz", ".tp")) for name in os.listdir(".")), os.listdir(".")


def close(got, want, tolerance=1e-12):
    assert np.shape(got) == np.shape(want), (np.shape(got), np.shape(want))
    assert np.abs(got - want).max() <= tolerance * np.abs(want).max(), (got, want)


def data(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape)


def in_scratch(test):
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        try:
            test()
        finally:
            os.chdir(before)


def main(about, tests):
    """Runs the functions test_* of a module's globals that the command line names, or all, each in a folder of its own."""
    global TPC
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--tpc", required=True)
    parser.add_argument("tests", nargs="*")
    args = parser.parse_args()
    TPC = os.path.abspath(args.tpc)
    failed = 0
    for name in args.tests or [n[5:] for n in tests if n.startswith("test_")]:
        try:
            in_scratch(tests[f"test_{name}"])
            print(f"ok   {name}")
        except Exception as error:  # one failing test should not hide the others
            failed += 1
            print(f"FAIL {name}: {type(error).__name__}: {error}")
    sys.exit(1 if failed else 0)
