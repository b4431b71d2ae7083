#!/usr/bin/env python3
"""The library of blocks and functions: a network written with it is the network written out by hand.

Compared are, up to the names of parameters and values that the library owns (`names`), the tensor program and the
recursions as text, and bit for bit the kernels of both.
"""
import os
import re
import sys

import numpy as np

from support import ROOT, equal, read, run, succeed, tpc, write

LIBRARY = os.path.join(ROOT, "library", "std")
LENGTH = {"d": 3, "c": 2, "T": 4, "rows": 4, "cols": 4, "B": 4, "nodes": 3}


class Case:
    """`imports` of the library version; `shared` lines stand in both, with WITH or BY_HAND in the middle."""

    def __init__(self, name, imports, inputs, with_library, by_hand, output, names, sampled=False, header="", defines=()):
        self.name, self.inputs, self.sampled, self.names, self.defines = name, inputs, sampled, names, defines
        head = f"program p({header})\n"
        lines = "".join(f"input {key} : R{axes}\n" for key, axes in inputs.items())
        files = "".join(f'import "std/{file}.tp"\n' for file in imports.split())
        self.with_library = head + files + lines + with_library + "vector v ~ N(0, 1)\n" + output[0]
        self.by_hand = head + lines + by_hand + "vector v ~ N(0, 1)\n" + output[-1]


LAST = ["output v' @ x / sqrt(n)\n"]
READ = ["output readout(v, x)\n", "output v' @ x / sqrt(n)\n"]
ROW = {"xi": "[d]"}
SEQUENCE = {"xi": "[T, d]"}
IMAGE = {"xi": "[rows, cols, c]"}

CASES = [
    Case("linear", "layers", ROW, "use linear_input(d = d, sw = 2) as a\nuse linear(sw = 3) as b[l in 1..2]\n"
         "x = relu(b[2](relu(b[1](relu(a(xi))))))\n",
         "matrix A ~ N(0, 4/d)\nmatrix B[l in 1..2] ~ N(0, 9/n)\nx = relu(B[2] @ relu(B[1] @ relu(A @ xi)))\n",
         READ, {"a.W": "A", "b.W": "B"}),
    Case("dense", "layers", ROW,
         "use dense_input(d = d, sw = 2, sb = 0.5, phi = erf) as a\nuse dense(sb = 0.25, phi = tanh) as b\n"
         "use dense as c\nx = c(b(a(xi)))\n",
         "matrix A ~ N(0, 4/d); vector Ab ~ N(0, 0.25)\nmatrix B ~ N(0, 1/n); vector Bb ~ N(0, 0.0625)\n"
         "matrix C ~ N(0, 1/n); vector Cb ~ N(0, 0)\n"
         "x = C @ tanh(B @ erf(A @ xi + Ab) + Bb) + Cb\n",
         READ, {"a.W": "A", "a.b": "Ab", "b.W": "B", "b.b": "Bb", "c.W": "C", "c.b": "Cb"}),
    Case("conv1d", "layers pooling", {"xi": "[T, c]"},
         "use conv1d_input(c = c, sw = 1.5) as a\nuse conv1d(reach = 2) as b[l in 2..L]\nuse conv1d_wrap as w\n"
         "for i in 1..T { y[1,i] = relu(a(xi, i)) }\n"
         "for l in 2..L, i in 1..T { y[l,i] = relu(b[l](y[l-1], i)) }\n"
         "for i in 1..T { z[i] = relu(w(y[L], i)) }\nx = mean_pool(z, T)\n",
         "matrix A[a in -1..1] ~ N(0, 2.25 / (3*c))\nmatrix B[l in 2..L, a in -2..2] ~ N(0, 1 / (5*n))\n"
         "matrix W[a in -1..1] ~ N(0, 1 / (3*n))\n"
         "for i in 1..T { y[1,i] = relu(sum(a in -1..1: A[a] @ xi[i+a | zero])) }\n"
         "for l in 2..L, i in 1..T { y[l,i] = relu(sum(a in -2..2: B[l,a] @ y[l-1, i+a | zero])) }\n"
         "for i in 1..T { z[i] = relu(sum(a in -1..1: W[a] @ y[L, i+a | wrap])) }\nx = mean(t in 1..T: z[t])\n",
         LAST, {"a.K": "A", "b.K": "B", "w.K": "W"}, header="L: int = 3"),
    Case("conv2d", "layers pooling", IMAGE,
         "use conv2d_input(c = c, sw = 1.5) as a\nuse conv2d as b\nuse conv2d_wrap as w\n"
         "for i in 1..rows, j in 1..cols { y[i,j] = relu(a(xi, i, j)) }\n"
         "for i in 1..rows, j in 1..cols { z[i,j] = relu(b(y, i, j)) }\n"
         "for i in 1..rows, j in 1..cols { u[i,j] = relu(w(z, i, j)) }\n"
         "x = mean_pool2d(u, rows, cols)\n",
         "matrix A[a in -1..1, b in -1..1] ~ N(0, 2.25 / (9*c))\nmatrix B[a in -1..1, b in -1..1] ~ N(0, 1 / (9*n))\n"
         "matrix W[a in -1..1, b in -1..1] ~ N(0, 1 / (9*n))\n"
         "for i in 1..rows, j in 1..cols { y[i,j] = relu(sum(a in -1..1, b in -1..1: A[a,b] @ xi[i+a, j+b | zero])) }\n"
         "for i in 1..rows, j in 1..cols { z[i,j] = relu(sum(a in -1..1, b in -1..1: B[a,b] @ y[i+a, j+b | zero])) }\n"
         "for i in 1..rows, j in 1..cols { u[i,j] = relu(sum(a in -1..1, b in -1..1: W[a,b] @ z[i+a, j+b | wrap])) }\n"
         "x = mean(i in 1..rows, j in 1..cols: u[i,j])\n",
         LAST, {"a.K": "A", "b.K": "B", "w.K": "W"}),
    Case("graph", "layers", {"xi": "[nodes, d]", "A": "[nodes, nodes]"},
         "use linear_input(d = d) as a\nuse linear as b\n"
         "for i in 1..nodes { h[i] = a(xi[i]) }\n"
         "for i in 1..nodes { y[i] = relu(neighbours(A, h, i, nodes)) }\n"
         "for i in 1..nodes { g[i] = b(y[i]) }\n"
         "for i in 1..nodes { z[i] = relu(neighbours(A, g, i, nodes)) }\nx = sum(i in 1..nodes: z[i])\n",
         "matrix U ~ N(0, 1/d)\nmatrix W ~ N(0, 1/n)\n"
         "for i in 1..nodes { h[i] = U @ xi[i] }\n"
         "for i in 1..nodes { y[i] = relu(sum(j in 1..nodes: A[i,j] * h[j])) }\n"
         "for i in 1..nodes { g[i] = W @ y[i] }\n"
         "for i in 1..nodes { z[i] = relu(sum(j in 1..nodes: A[i,j] * g[j])) }\nx = sum(i in 1..nodes: z[i])\n",
         LAST, {"a.W": "U", "b.W": "W"}),
    Case("layer_norm", "layers norm", ROW,
         "use linear_input(d = d) as a\nuse linear as b\nuse linear as c\n"
         "y = layernorm(relu(a(xi)))\nz = layernorm_eps(relu(b(y)), 0.01)\nx = rmsnorm(relu(c(z)))\n",
         "matrix A ~ N(0, 1/d)\nmatrix B ~ N(0, 1/n)\nmatrix C ~ N(0, 1/n)\n"
         "y = (relu(A @ xi) - avg(relu(A @ xi))) / sqrt(avg((relu(A @ xi) - avg(relu(A @ xi)))^2))\n"
         "z = (relu(B @ y) - avg(relu(B @ y))) / sqrt(avg((relu(B @ y) - avg(relu(B @ y)))^2) + 0.01)\n"
         "x = relu(C @ z) / sqrt(avg(relu(C @ z)^2))\n",
         LAST, {"a.W": "A", "b.W": "B", "c.W": "C"}),
    Case("attention_tied", "layers attention residual pooling", SEQUENCE,
         "use linear_input(d = d) as E\nuse tied_attention as attend\nuse feedforward(sa = 2, phi = erf) as f\n"
         "for t in 1..T { k[t] = E(xi[t]) }\n"
         "for t in 1..T {\n    y[t] = k[t] + attend(k, t, T)\n    z[t] = layernorm(y[t])\n    x[t] = residual(f, z[t])\n}\n",
         "matrix E ~ N(0, 1/d)\nmatrix A ~ N(0, 4/n)\nmatrix B ~ N(0, 1/n)\n"
         "for t in 1..T { k[t] = E @ xi[t] }\n"
         "for t in 1..T {\n    for r in 1..T { e[t,r] = k[t]' @ k[r] / n }\n    m[t] = logsumexp(r in 1..T: e[t,r])\n"
         "    y[t] = k[t] + sum(r in 1..T: exp(e[t,r] - m[t]) * k[r])\n"
         "    z[t] = (y[t] - avg(y[t])) / sqrt(avg((y[t] - avg(y[t]))^2))\n    x[t] = z[t] + B @ erf(A @ z[t])\n}\n",
         ["output readout(v, mean_pool(x, T))\n", "output v' @ mean(t in 1..T: x[t]) / sqrt(n)\n"],
         {"E.W": "E", "f.A": "A", "f.B": "B", "attend.": ""}),
    Case("attention_key_query_value", "layers attention", SEQUENCE,
         "use linear_input(d = d) as E\nuse linear as Q; use linear as K; use linear as V\nuse attention as attend\n"
         "for t in 1..T { y[t] = relu(E(xi[t])) }\n"
         "for t in 1..T { q[t] = Q(y[t]); k[t] = K(y[t]); u[t] = V(y[t]) }\n"
         "for t in 1..T { z[t] = attend(q[t], k, u, t) }\n",
         "matrix E ~ N(0, 1/d)\nmatrix Q ~ N(0, 1/n); matrix K ~ N(0, 1/n); matrix V ~ N(0, 1/n)\n"
         "for t in 1..T { y[t] = relu(E @ xi[t]) }\n"
         "for t in 1..T { q[t] = Q @ y[t]; k[t] = K @ y[t]; u[t] = V @ y[t] }\n"
         "for t in 1..T {\n    for r in 1..t { e[t,r] = q[t]' @ k[r] / n }\n    m[t] = logsumexp(r in 1..t: e[t,r])\n"
         "    z[t] = sum(r in 1..t: exp(e[t,r] - m[t]) * u[r])\n}\n",
         ["output v' @ mean(t in 1..T: z[t]) / sqrt(n)\n"],
         {"E.W": "E", "Q.W": "Q", "K.W": "K", "V.W": "V", "attend.": ""}),
    Case("residual", "layers residual", ROW,
         "use linear_input(d = d) as a\nuse feedforward as f[l in 1..2]\nuse feedforward as g\n"
         "y[0] = a(xi)\nfor l in 1..2 { y[l] = residual_scaled(0.5, f[l], y[l-1]) }\n"
         "z = prenorm(g, y[2])\nx = postnorm(relu, z)\n",
         "matrix U ~ N(0, 1/d)\nmatrix A[l in 1..2] ~ N(0, 1/n)\nmatrix B[l in 1..2] ~ N(0, 1/n)\n"
         "matrix C ~ N(0, 1/n)\nmatrix D ~ N(0, 1/n)\nfn norm(h) = (h - avg(h)) / sqrt(avg((h - avg(h))^2))\n"
         "y[0] = U @ xi\nfor l in 1..2 { y[l] = y[l-1] + 0.5 * (B[l] @ relu(A[l] @ y[l-1])) }\n"
         "z = y[2] + D @ relu(C @ norm(y[2]))\nx = norm(z + relu(z))\n",
         LAST, {"a.W": "U", "f.A": "A", "f.B": "B", "g.A": "C", "g.B": "D"}),
    Case("recurrent", "recurrent", SEQUENCE,
         "use rnn(d = d, sw = 2, sb = 0.5, phi = erf) as cell\ns[0] = 0\n"
         "for t in 1..T { s[t] = cell(s[t-1], xi[t]) }\n",
         "matrix W ~ N(0, 4/n)\nmatrix U ~ N(0, 1/d)\nvector b ~ N(0, 0.25)\ns[0] = 0\n"
         "for t in 1..T { s[t] = erf(W @ s[t-1] + U @ xi[t] + b) }\n",
         ["output v' @ s[T] / sqrt(n)\n"], {"cell.": ""}),
    Case("gru", "recurrent", SEQUENCE,
         "use gru(d = d, sb = 0.1) as cell\nh[0] = 0\nfor t in 1..T { h[t] = cell(h[t-1], xi[t]) }\n",
         "".join(f"matrix W{k} ~ N(0, 1/n); matrix U{k} ~ N(0, 1/d); vector b{k} ~ N(0, 0.1^2)\n" for k in "zrh") +
         "h[0] = 0\nfor t in 1..T {\n    cell_z = sigmoid(Wz @ h[t-1] + Uz @ xi[t] + bz)\n"
         "    cell_r = sigmoid(Wr @ h[t-1] + Ur @ xi[t] + br)\n    cell_c = tanh(Wh @ (cell_r * h[t-1]) + Uh @ xi[t] + bh)\n"
         "    h[t] = (1 - cell_z) * h[t-1] + cell_z * cell_c\n}\n",
         ["output v' @ h[T] / sqrt(n)\n"], {"cell.W": "W", "cell.U": "U", "cell.b": "b", "cell.": "cell_"}, sampled=True, defines=("T=2",)),
    Case("lstm", "recurrent", SEQUENCE,
         "use lstm_memory(d = d) as memory\nuse lstm_state(d = d, sb = 0.5) as state\nh[0] = 0\nc[0] = 0\n"
         "for t in 1..T { c[t] = memory(h[t-1], c[t-1], xi[t]); h[t] = state(h[t-1], c[t], xi[t]) }\n",
         "".join(f"matrix W{k} ~ N(0, 1/n); matrix U{k} ~ N(0, 1/d); vector b{k} ~ N(0, {s})\n"
                 for k, s in (("f", 0), ("i", 0), ("g", 0), ("o", 0.25))) +
         "h[0] = 0\nc[0] = 0\nfor t in 1..T {\n    cell_f = sigmoid(Wf @ h[t-1] + Uf @ xi[t] + bf)\n"
         "    cell_i = sigmoid(Wi @ h[t-1] + Ui @ xi[t] + bi)\n    cell_g = tanh(Wg @ h[t-1] + Ug @ xi[t] + bg)\n"
         "    c[t] = cell_f * c[t-1] + cell_i * cell_g\n    cell_o = sigmoid(Wo @ h[t-1] + Uo @ xi[t] + bo)\n    h[t] = cell_o * tanh(c[t])\n}\n",
         ["output v' @ h[T] / sqrt(n)\n"], {"memory.W": "W", "memory.U": "U", "memory.b": "b", "state.W": "W", "state.U": "U", "state.b": "b", "memory.": "cell_",
          "state.": "cell_"}, sampled=True, defines=("T=2",)),
    Case("batch_norm", "layers norm", {"xi": "[B, d]"},
         "use linear_input(d = d) as a\nuse linear as b\nfor i in 1..B { h[i] = a(xi[i]) }\n"
         "m = batch_mean(h, B)\ns = batch_variance(h, m, B)\n"
         "for i in 1..B { y[i] = relu(normalise(h[i], m, s)) }\nfor i in 1..B { g[i] = b(y[i]) }\n"
         "p = batch_mean(g, B)\nq = batch_variance(g, p, B)\nfor i in 1..B { x[i] = relu(normalise_eps(g[i], p, q, 0.1)) }\n",
         "matrix U ~ N(0, 1/d)\nmatrix W ~ N(0, 1/n)\nfor i in 1..B { h[i] = U @ xi[i] }\n"
         "m = mean(j in 1..B: h[j])\ns = mean(i in 1..B: (h[i] - m)^2)\n"
         "for i in 1..B { y[i] = relu((h[i] - m) / sqrt(s)) }\nfor i in 1..B { g[i] = W @ y[i] }\n"
         "p = mean(j in 1..B: g[j])\nq = mean(i in 1..B: (g[i] - p)^2)\n"
         "for i in 1..B { x[i] = relu((g[i] - p) / sqrt(q + 0.1)) }\n",
         ["output f[i in 1..B] = v' @ x[i] / sqrt(n)\n"], {"a.W": "U", "b.W": "W"}, sampled=True),
    Case("batch_norm_in_one", "layers norm", {"xi": "[B, d]"},
         "use linear_input(d = d) as a\nfor i in 1..B { h[i] = a(xi[i]) }\nfor b in 1..B { x[b] = relu(batchnorm(h, b, B)) }\n",
         "matrix U ~ N(0, 1/d)\nfor i in 1..B { h[i] = U @ xi[i] }\n"
         "for b in 1..B { x[b] = relu((h[b] - mean(j in 1..B: h[j])) / sqrt(mean(i in 1..B: (h[i] - mean(j in 1..B: h[j]))^2))) }\n",
         ["output f[i in 1..B] = v' @ x[i] / sqrt(n)\n"], {"a.W": "U"}, sampled=True),
    Case("dropout", "layers dropout", {"xi": "[d]", "code": "[c]"},
         "use linear_input(d = d) as a\nuse linear as b\nuse dropout as one\nuse dropout_by(keep = 0.75) as two\n"
         "y = one(relu(a(xi)))\nx = two(relu(b(y)), code)\n",
         "matrix A ~ N(0, 1/d)\nmatrix B ~ N(0, 1/n)\nfrozen vector m ~ N(0, 1)\nfrozen matrix M ~ N(0, 1)\n"
         "y = relu(A @ xi) * step(0.5 * erf(m / sqrt(2)) + 0.5 - 0.5) / 0.5\n"
         "x = relu(B @ y) * step(0.5 * erf(M @ code / sqrt(2)) + 0.75 - 0.5) / 0.75\n",
         LAST, {"a.W": "A", "b.W": "B", "one.m": "m", "two.M": "M"}),
    Case("mean_window", "pooling", {"xi": "[T, c]", "eta": "[rows, cols, c]"},
         "matrix U ~ N(0, 1/c)\nfor t in 1..T { y[t] = relu(U @ xi[t]) }\n"
         "for i in 1..rows, j in 1..cols { z[i,j] = relu(U @ eta[i,j]) }\n"
         "for t in 1..T/2 { p[t] = mean_window(y, t, 2) }\n"
         "for i in 1..rows/2, j in 1..cols/2 { q[i,j] = mean_window2d(z, i, j, 2) }\n",
         "matrix U ~ N(0, 1/c)\nfor t in 1..T { y[t] = relu(U @ xi[t]) }\n"
         "for i in 1..rows, j in 1..cols { z[i,j] = relu(U @ eta[i,j]) }\n"
         "for t in 1..T/2 { p[t] = mean(a in 1..2: y[2*(t-1) + a]) }\n"
         "for i in 1..rows/2, j in 1..cols/2 { q[i,j] = mean(a in 1..2, b in 1..2: z[2*(i-1) + a, 2*(j-1) + b]) }\n",
         ["output v' @ (p[1] + q[1,2] + q[2,1]) / sqrt(n)\n"], {}),
    Case("max_pool", "pooling", {"xi": "[T, c]", "eta": "[rows, cols, c]"},
         "matrix U ~ N(0, 1/c)\nfor t in 1..T { y[t] = U @ xi[t] }\n"
         "for i in 1..rows, j in 1..cols { z[i,j] = U @ eta[i,j] }\n"
         "for t in 1..T/2 { p[t] = max_window(y, t, 2) }\n"
         "for i in 1..rows/2, j in 1..cols/2 { q[i,j] = max_window2d(z, i, j, 2) }\n"
         "x = max_pool(p, T/2) + max_pool2d(q, rows/2, cols/2)\n",
         "matrix U ~ N(0, 1/c)\nfor t in 1..T { y[t] = U @ xi[t] }\n"
         "for i in 1..rows, j in 1..cols { z[i,j] = U @ eta[i,j] }\n"
         "for t in 1..T/2 { p[t] = max(a in 1..2: y[2*(t-1) + a]) }\n"
         "for i in 1..rows/2, j in 1..cols/2 { q[i,j] = max(a in 1..2, b in 1..2: z[2*(i-1) + a, 2*(j-1) + b]) }\n"
         "x = max(t in 1..T/2: p[t]) + max(i in 1..rows/2, j in 1..cols/2: q[i,j])\n",
         LAST, {}, sampled=True),
]


def stage(name, path, names, options):
    """The text of a stage under the names of the program written by hand."""
    text = succeed("show", "--stage", name, path, *options)
    for own, plain in names.items():
        text = text.replace(own, plain)
    return re.sub(" +", " ", text)


def inputs(case):
    random = np.random.default_rng(1)
    made = []
    for name, axes in case.inputs.items():
        sizes = dict(LENGTH, **{key: int(value) for key, value in (each.split("=") for each in case.defines)})
        np.save(f"{name}.npy", random.standard_normal((2, *(sizes[axis] for axis in axes.strip("[]").split(", ")))))
        made += ["--input", f"{name}={name}.npy"]
    return made


def kernels(path, data, case):
    out = path.replace(".tp", ".npz")
    tolerance = ["--tol", "0.05"] if case.sampled else []  # expectations over several Gaussians: the same points in both
    succeed("kernel", path, *data, *tolerance, "--quiet", "-o", out)
    members = np.load(out)
    return {name: members[name].tobytes() for name in sorted(members.files)}


def same(case):
    write("library.tp", case.with_library)
    write("by_hand.tp", case.by_hand)
    options = [word for define in case.defines for word in ("-D", define)]
    equal(tpc("check", "library.tp", *options).stderr, "")
    equal(tpc("check", "by_hand.tp", *options).stderr, "")
    for name in ("ir", "recursions"):
        equal(stage(name, "library.tp", case.names, options), stage(name, "by_hand.tp", {}, options))
    data = inputs(case)
    got, want = kernels("library.tp", data, case), kernels("by_hand.tp", data, case)
    assert {"nngp", "ntk"} <= set(want), sorted(want)
    assert got == want, "the kernels differ"


def test_every_name_of_the_library_is_used_here():
    used = "".join(case.with_library for case in CASES)
    for file in sorted(os.listdir(LIBRARY)):
        names = re.findall(r"^(?:fn|block) (\w+)", read(os.path.join(LIBRARY, file)), re.M)
        assert names, file
        for name in names:
            assert re.search(rf"\b{name}\b", used), f"{name} of {file} has no case"


def test_a_name_of_the_library_that_is_not_imported_is_told_where_it_is():
    names, program = [], "program p\n"
    for file in sorted(os.listdir(LIBRARY)):
        for kind, name in re.findall(r"^(fn|block) (\w+)", read(os.path.join(LIBRARY, file)), re.M):
            program += f"use {name} as u{len(names)}\n" if kind == "block" else f"x{len(names)} = {name}(1)\n"
            names.append(f'; import "std/{file}" for {name}')
    write("hints.tp", program)
    said = tpc("check", "hints.tp").stderr
    for name in names:
        assert name + "\n" in said, f"missing: {name}\n{said}"


for each in CASES:
    globals()[f"test_{each.name}"] = lambda case=each: same(case)
del each

if __name__ == "__main__":
    run(sys.modules[__name__])
