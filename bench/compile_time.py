#!/usr/bin/env python3
"""From file to plan: the time of `tpc show FILE --stage plan` for the examples and for networks of growing depth.

Prints a line a program: the least of some runs in milliseconds and, with --instructions, what callgrind counts (in
millions), which is repeatable where times are not. Nothing is asserted.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time

# Sizes at which each example is planned.
SIZES = {
    "birnn": ["T=20", "d=8"],
    "cnn_flatten": ["rows=32", "cols=32", "c=3"],
    "cnn_pooled": ["rows=32", "cols=32", "c=3"],
    "gcn": ["nodes=30", "d=8"],
    "locally_connected": ["T=20", "c=3"],
    "myrtle": ["p=8", "q=8", "c=3"],
    "rnn_average": ["T=20", "d=8"],
    "rnn_last": ["T=20", "d=8"],
    "rnn_steps": ["T=20", "d=8"],
    "transformer": ["T=16", "d=8"],
}
DEPTHS = (20, 50, 200)


def looped(depth):
    return f"""program looped(L: int = {depth})
input xi : R[d]
matrix U ~ N(0, 2 / d)
matrix W[l in 2..L] ~ N(0, 2 / n)
vector b[l in 1..L] ~ N(0, 0.1)
vector v ~ N(0, 1)
x[1] = relu(U @ xi + b[1])
for l in 2..L {{ x[l] = relu(W[l] @ x[l-1] + b[l]) }}
output v' @ x[L] / sqrt(n)
"""


# One family, a statement a layer.
def unrolled(depth):
    lines = ["program unrolled", "input xi : R[d]", "matrix U ~ N(0, 2 / d)", f"matrix W[l in 2..{depth}] ~ N(0, 2 / n)",
             f"vector b[l in 1..{depth}] ~ N(0, 0.1)", "vector v ~ N(0, 1)", "x[1] = relu(U @ xi + b[1])"]
    lines += [f"x[{l}] = relu(W[{l}] @ x[{l - 1}] + b[{l}])" for l in range(2, depth + 1)]
    return "\n".join([*lines, f"output v' @ x[{depth}] / sqrt(n)", ""])


# Names of their own for everything.
def named(depth):
    lines = ["program named", "input xi : R[d]", "matrix W1 ~ N(0, 2 / d)"]
    lines += [f"matrix W{l} ~ N(0, 2 / n)" for l in range(2, depth + 1)]
    lines += [f"vector b{l} ~ N(0, 0.1)" for l in range(1, depth + 1)]
    lines += ["vector v ~ N(0, 1)", "x1 = relu(W1 @ xi + b1)"]
    lines += [f"x{l} = relu(W{l} @ x{l - 1} + b{l})" for l in range(2, depth + 1)]
    return "\n".join([*lines, f"output v' @ x{depth} / sqrt(n)", ""])


# Skip connections: every layer is a sum that reaches back to the input.
def residual(depth):
    lines = ["program residual", "input xi : R[d]", "matrix U ~ N(0, 1 / d)"]
    lines += [f"matrix A{l} ~ N(0, 2 / n)\nmatrix B{l} ~ N(0, 1 / n)" for l in range(1, depth + 1)]
    lines += ["vector v ~ N(0, 1)", "x0 = U @ xi"]
    lines += [f"x{l} = x{l - 1} + B{l} @ relu(A{l} @ x{l - 1}) / {depth}" for l in range(1, depth + 1)]
    return "\n".join([*lines, f"output v' @ x{depth} / sqrt(n)", ""])


def measure(command, runs):
    best = None
    for _ in range(runs):
        begin = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        best = min(best or 1e9, time.perf_counter() - begin)
        if done.returncode != 0:
            return None, done.stderr.strip().splitlines()[-1:]
    return best * 1000, None


def instructions(command, scratch):
    done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={scratch}/profile", *command],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
    return int(found.group(1)) / 1e6 if found else None


def programs(scratch, examples, depths):
    for name in sorted(os.listdir(examples)):
        if not name.endswith(".tp") or name == "average_readout.tp":  # refused by the check
            continue
        stem = name[:-3]
        yield stem, [os.path.join(examples, name), *(f"-D{size}" for size in SIZES.get(stem, []))]
    for write in (looped, unrolled, named, residual):
        for depth in depths:
            path = os.path.join(scratch, f"{write.__name__}.tp")
            with open(path, "w", encoding="utf-8") as file:
                file.write(write(depth))
            yield f"{write.__name__} {depth}", [path, "-Dd=8"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tpc", default="build/release/cli/tpc")
    parser.add_argument("--examples", default=os.path.join(os.path.dirname(__file__), "..", "examples"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--depths", type=int, nargs="*", default=DEPTHS)
    parser.add_argument("--instructions", action="store_true", help="count them with callgrind (about 50 times slower)")
    parser.add_argument("--only", help="programs whose name contains this")
    parser.add_argument("--json", help="write the figures to this file, too")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, arguments in programs(scratch, args.examples, args.depths):
            if args.only and args.only not in name:
                continue
            command = [args.tpc, "show", *arguments, "--stage", "plan", "--quiet"]
            milliseconds, failure = measure(command, args.runs)
            row = {"program": name, "milliseconds": milliseconds, "failure": failure}
            text = f"{name:24}" + (f"{milliseconds:10.1f} ms" if failure is None else f"  failed: {failure}")
            if args.instructions and failure is None:
                row["megainstructions"] = instructions(command, scratch)
                text += f"{row['megainstructions']:12.1f} M instructions"
            print(text, flush=True)
            rows.append(row)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
    return 1 if any(row["failure"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
