#!/usr/bin/env python3
"""tpc emit: the file it writes compiles without warnings and gives the kernels of `tpc kernel`; what cannot be written is refused."""
import argparse
import os
import re
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(HERE, "..", "..", "examples")
TOLERANCE = 1e-10
# Where different nonlinearities are added, in attention and sums over nodes, emitted files know the angle of samples that
# nearly coincide or oppose to about 1e-8 only (README, Status).
NEAR = {name: 1e-7 for name in ("gcn", "transformer", "encoder", "mixed", "residual")}
# So do closed forms with kinks off the mean, to 2e-10 on either side.
NEAR["kinked"] = 1e-9
SAMPLES = 6
NEARLY = [4, 5]  # of these samples, opposite or nearly equal to another one

KINKED = """program kinked(phi = elu, shift = 0.5)
input x : R[d]
matrix U ~ N(0, 2 / d)
matrix W ~ N(0, 1.5 / n)
vector b ~ N(0.3, 0.1)
vector v ~ N(0, 1)
h = phi(U @ x + b)
y = hardtanh(W @ h - shift) + step(W @ h)
output v' @ y / sqrt(n)
"""
# Variances of 100 and more, where Hermite series do not end.
STEEP = """program steep(sw = 10, phi = tanh)
input x : R[d]
matrix U ~ N(0, sw^2 / d)
vector b ~ N(0.5, 0.3)
vector v ~ N(0, 1)
y = phi(U @ x + b)
output v' @ y / sqrt(n)
"""
# A function that is identically 0, alone and beside another one.
NOTHING = """program nothing
input x : R[d]
matrix U ~ N(0, 1 / d)
matrix W ~ N(0, 1 / n)
vector v ~ N(0, 1)
h = U @ x
y = relu(h) - relu(-h) - h
output first = v' @ y / sqrt(n)
output second = v' @ (relu(W @ relu(h)) + y) / sqrt(n)
"""
# Members of families pair up at equal positions only.
POSITIONS = """program positions
input x : R[T, k]
matrix U ~ N(0, 2 / k)
matrix V[a in 0..1, t in 1..T] ~ N(0, 1 / n)
matrix W ~ N(0, 2 / n)
vector b[t in 1..T] ~ N(0, 0.2)
vector v ~ N(0, 1)
for t in 1..T { y[t] = relu(U @ x[t] + b[t]) }
for t in 1..T { z[t] = relu(sum(a in 0..1: V[a,t] @ y[t+a | zero])) }
for t in 1..T { h[t] = relu(W @ z[t] + b[t]) }
output v' @ mean(t in 1..T: h[t]) / sqrt(n)
"""
# Names that C++ or the emitted functions have other uses for, index modes, data as weights, a product, means, triangular
# sums, several outputs.
MIXED = """program mixed
input double : R[T, k]
input left : R[T]
matrix U ~ N(0, 1 / k)
matrix W[a in -1..1] ~ N(0, 1 / (2*n))
vector b ~ N(0, 0.2)
vector c ~ N(0.5, 0.3)
vector v ~ N(0, 1)
vector w ~ N(0, 1)
vector r[t in 1..T] ~ N(0, t)
for lane in 1..T { h[lane] = U @ double[lane] + b }
for x in 1..T { y[x] = gelu(sum(a in -1..1: W[a] @ relu(h[x+a | wrap]))) + left[x] * abs(h[x | clamp]) }
for k in 1..T { z[k] = sin(U @ double[k] + c) * sum(u in 1..k: sign(W[0] @ y[u])) / k }
output first = v' @ mean(t in 1..T: z[t]) / sqrt(n)
output second[t in 1..T] = w' @ y[t] / sqrt(n) + r[t+1 | wrap]' @ (y[t] + 1) / sqrt(n)
"""
# Of a family only equal indices are read, so that most of its elements have no series.
DIAGONAL = """program diagonal
input x : R[T, k]
matrix U ~ N(0, 1 / k)
matrix W ~ N(0, 1 / n)
vector v ~ N(0, 1)
for t in 1..T { y[t] = tanh(U @ x[t]) }
for t in 1..T, s in 1..t { z[t,s] = tanh(W @ y[t] + U @ x[s]) }
output v' @ sum(t in 1..T: z[t,t]) / sqrt(n)
"""

# program, -D, shapes of one sample's inputs
CASES = {
    "mlp": ("mlp.tp", {}, {"xi": (5,)}),
    "mlp_tanh": ("mlp.tp", {"phi": "tanh", "L": "2", "sb": "0.3"}, {"xi": (5,)}),
    "rnn": ("rnn_last.tp", {}, {"xi": (3, 2)}),
    "rnn_steps": ("rnn_steps.tp", {"phi": "relu"}, {"xi": (3, 2)}),
    "birnn": ("birnn.tp", {}, {"xi": (3, 2)}),
    "cnn_flatten": ("cnn_flatten.tp", {}, {"xi": (3, 3, 2)}),
    "cnn_pooled": ("cnn_pooled.tp", {"L": "2"}, {"xi": (3, 3, 2)}),
    "residual": ("resnet_post.tp", {}, {"xi": (4,)}),
    "layernorm": ("layernorm_mlp.tp", {}, {"xi": (4,)}),
    "transformer": ("transformer.tp", {"L": "1"}, {"xi": (6, 2)}),
    "encoder": ("encoder.tp", {"L": "1"}, {"xi": (2, 3)}),
    "gcn": ("gcn.tp", {}, {"xi": (6, 2), "A": (6, 6)}),
    "kinked": (KINKED, {}, {"x": (4,)}),
    "steep": (STEEP, {}, {"x": (4,)}),
    "steeper": (STEEP, {"sw": "100", "phi": "sigmoid"}, {"x": (4,)}),
    "waves": (STEEP, {"sw": "7", "phi": "sin"}, {"x": (4,)}),
    "nothing": (NOTHING, {}, {"x": (3,)}),
    "positions": (POSITIONS, {}, {"x": (3, 2)}),
    "diagonal": (DIAGONAL, {}, {"x": (3, 2)}),
    "mixed": (MIXED, {}, {"double": (3, 2), "left": (3,)}),
}

MAIN = """#include "emitted.cpp"
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace program = {name}_kernel;

static std::vector<double> read(const char* path) {{
    std::FILE* file = std::fopen(path, "rb");
    std::vector<double> values;
    double value = 0;
    while (file != nullptr && std::fread(&value, sizeof value, 1, file) == 1)
        values.push_back(value);
    if (file != nullptr)
        std::fclose(file);
    return values;
}}

static void write(const char* path, const std::vector<double>& values) {{
    std::FILE* file = std::fopen(path, "wb");
    if (file == nullptr || std::fwrite(values.data(), sizeof(double), values.size(), file) != values.size())
        std::exit(1);
    std::fclose(file);
}}

int main() {{
{reads}
    const program::Samples left{{{n}, {left}}}, right{{{m}, {right}}};
{calls}
    return 0;
}}
"""


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300, **options)


def require(done, code=0, *words):
    said = done.stdout + done.stderr
    assert done.returncode == code, f"exit {done.returncode}, expected {code}: {done.args}\n{said[-3000:]}"
    for word in words:
        assert word in said, f"'{word}' is missing in: {said[-3000:]}"
    return done


def samples(random, shape):
    """Random ones, and of the first one a copy, its opposite, and one that differs in the ninth digit."""
    x = random.standard_normal((SAMPLES, *shape))
    x[3], x[4] = x[0], -x[0]
    x[5] = x[0] + 1e-9 * random.standard_normal(shape)
    return x


def program_of(text):
    source = text if "\n" in text else open(os.path.join(EXAMPLES, text), encoding="utf-8").read()
    with open("program.tp", "w", encoding="utf-8") as file:
        file.write(source)
    return re.search(r"^program (\w+)", source, re.M)[1]


def case(args, name):
    text, defines, shapes = CASES[name]
    own = program_of(text)
    options = [word for item in defines.items() for word in ("-D", "=".join(item))]
    random = np.random.default_rng(7)
    left, right = ({key: samples(random, shape) for key, shape in shapes.items()} for _ in "lr")
    right = {key: np.concatenate([values[:3], left[key][:1]]) for key, values in right.items()}
    words = []
    for key in shapes:
        for side, values in (("left", left), ("right", right)):
            np.save(f"{side}_{key}.npy", values[key])
            values[key].tofile(f"{side}_{key}.bin")
        words += ["--input", f"{key}=left_{key}.npy"]
    others = [word.replace("left_", "right_").replace("--input", "--input2") for word in words]
    require(run(args.tpc, "kernel", "program.tp", *options, *words, "-o", "same.npz", "--quiet", "--tol", "1e-12"))
    require(run(args.tpc, "kernel", "program.tp", *options, *words, *others, "-o", "cross.npz", "--quiet", "--tol", "1e-12"))
    require(run(args.tpc, "emit", "program.tp", *options, *words, "--lang", "cpp", "-o", "emitted.cpp"))
    emitted = open("emitted.cpp", encoding="utf-8").read()
    members = re.findall(r"const double\* (\w+); // count", emitted)
    assert len(members) == len(shapes)

    wanted = {which: np.load(f"{which}.npz") for which in ("same", "cross")}
    names = [key for key in wanted["same"].files if key.startswith("nngp")]
    reads, lists = [], {"left": [], "right": []}
    for member, key in zip(members, shapes):
        for side in lists:
            reads.append(f'    const std::vector<double> {side}_{member} = read("{side}_{key}.bin");')
            lists[side].append(f"{side}_{member}.data()")
    calls = []
    for which, second in (("same", "left"), ("cross", "right")):
        for kernel in ("nngp", "ntk"):
            for o, full in enumerate(names):
                calls.append(f"    std::vector<double> {which}_{kernel}_{o}({wanted[which][full].size});")
            calls.append(f"    double* const {which}_{kernel}[] = {{{', '.join(f'{which}_{kernel}_{o}.data()' for o in range(len(names)))}}};")
        deref = "" if len(names) > 1 else "*"
        calls.append(f"    program::kernel_matrix(left, {second}, {deref}{which}_nngp, {deref}{which}_ntk);")
        calls += [f'    write("{which}_{kernel}_{o}.bin", {which}_{kernel}_{o});' for kernel in ("nngp", "ntk") for o in range(len(names))]
    one = ", ".join(f"left_{member}.data()" for member in members)
    other = ", ".join(f"right_{member}.data()" for member in members)
    calls.append(f"    const program::Result alone = program::kernel(program::self({one}), program::self({other}));")
    single = len(names) == 1 and wanted["same"][names[0]].ndim == 2
    calls.append('    write("alone.bin", ' + ("{alone.nngp, alone.ntk});" if single else "{alone.nngp[0], alone.ntk[0]});"))
    with open("main.cpp", "w", encoding="utf-8") as file:
        file.write(MAIN.format(name=own, reads="\n".join(reads), n=SAMPLES, m=4, left=", ".join(lists["left"]),
                               right=", ".join(lists["right"]), calls="\n".join(calls)))
    require(run(args.cxx, "-std=c++17", "-Wall", "-Wextra", "-Werror", "-O1", "main.cpp", "-o", "main"))
    require(run(os.path.abspath("main")))
    for which in wanted:
        for o, full in enumerate(names):
            for kernel in ("nngp", "ntk"):
                want = wanted[which][full.replace("nngp", kernel)]
                got = np.fromfile(f"{which}_{kernel}_{o}.bin").reshape(want.shape)
                error = np.abs(got - want) / (np.abs(want).max() or 1)
                near = np.zeros(want.shape, dtype=bool)
                near[NEARLY] = True
                if which == "same":
                    near[(slice(None),) * (want.ndim // 2) + (NEARLY,)] = True
                bound = np.where(near, NEAR.get(name, TOLERANCE), TOLERANCE)
                assert (error <= bound).all(), f"{which} {full.replace('nngp', kernel)} is off by {error.max():.1e}:\n{error}"
    alone = np.fromfile("alone.bin")
    for kernel, got in zip(("nngp", "ntk"), alone):
        want = wanted["cross"][names[0].replace("nngp", kernel)]
        assert abs(got - want.reshape(-1)[0]) <= TOLERANCE * np.abs(want).max(), (got, want)


def test_refusals(args):
    emit = (args.tpc, "emit")
    example = lambda name: os.path.join(EXAMPLES, name)
    require(run(*emit, example("batchnorm_mlp.tp"), "--lang", "cpp", "-o", "b.cpp"), 4,
            "as a source file is not supported yet", "nothing is written: tpc kernel computes what emitted files cannot")
    require(run(*emit, example("gru.tp"), "--lang", "cpp", "-o", "b.cpp"), 4, "over several Gaussians at once")
    require(run(*emit, example("average_readout.tp"), "--lang", "cpp", "-o", "b.cpp"), 2, "the simple GIA check fails")
    require(run(*emit, example("mlp.tp"), "--lang", "cpp", "--dtype", "f32"), 64, "--dtype f64 is the only one")
    require(run(*emit, example("mlp.tp"), "--lang", "rust"), 64, "rust")
    require(run(*emit, example("mlp.tp")), 64, "--lang")
    require(run(*emit, example("mlp.tp"), "--lang", "cpp", "-o", "missing/a.cpp"), 3, "missing/a.cpp")
    assert os.listdir(".") == [], os.listdir(".")


def test_output(args):
    """Sizes that were not given are told, the file goes to standard output, and holds program, verdict and derivation."""
    done = require(run(args.tpc, "emit", os.path.join(EXAMPLES, "rnn_last.tp"), "--lang", "cpp", "-D", "T=2"), 0,
                   "chosen")
    assert "d = " in done.stderr
    for text in ("namespace rnn_last_kernel {", "for t in 1..T", "T = 2", "recursions:", "holds"):
        assert text in done.stdout, text


def test_latex(args):
    for name in ("mlp", "transformer", "gru"):
        done = require(run(args.tpc, "emit", os.path.join(EXAMPLES, f"{name}.tp"), "--lang", "latex"))
        text = done.stdout
        assert text.count("\\begin{") == text.count("\\end{") and "\\begin{align*}" in text and text.endswith("\\end{document}\n")
        assert "\\Theta" in text and open(os.path.join(EXAMPLES, f"{name}.tp")).read() in text
        depth = 0
        for k, c in enumerate(text[text.index("\\section*{The limit"):]):
            depth += (c == "{") - (c == "}")
            assert depth >= 0
        assert depth == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tpc", required=True)
    parser.add_argument("--cxx", required=True)
    parser.add_argument("cases", nargs="*")
    args = parser.parse_args()
    args.tpc = os.path.abspath(args.tpc)
    others = {name[5:]: test for name, test in globals().items() if name.startswith("test_")}
    failed = 0
    for name in args.cases or [*CASES, *others]:
        before = os.getcwd()
        with tempfile.TemporaryDirectory() as scratch:
            os.chdir(scratch)
            try:
                others[name](args) if name in others else case(args, name)
                print(f"ok   {name}")
            except AssertionError as error:  # one failing case should not hide the others
                failed += 1
                print(f"FAIL {name}: {error}")
            finally:
                os.chdir(before)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
