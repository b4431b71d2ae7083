#!/usr/bin/env python3
"""The command from outside: exit codes, messages, files. Runs the named tests of this file, or all."""
import json
import math
import os
import re
import subprocess

import numpy as np

import support
from support import EXAMPLES, LINEAR, REUSED, SEQUENCE, close, data, expect, expect_one_line, save, tpc, write


def test_usage():
    p, x = write("p.tp", LINEAR), save("x.npy", data(3, 2))
    expect(tpc("--version"), 0, "tpc ")
    expect(tpc("--help"), 0, "kernel", "Exit codes")
    expect(tpc("kernel", "--help"), 0, "--input2")
    expect(tpc(), 64)
    expect(tpc("kernle", p), 64, "did you mean kernel?")
    for word in ("spectra", "emits"):
        expect(tpc(word, p), 64, f"no command {word}", "did you mean")
    expect(tpc("check"), 64)
    expect(tpc("check", p, "--stage"), 64)
    expect_one_line(tpc("kernel", p, "--inptu", x), 64, "tpc kernel has no option --inptu; did you mean --input?")
    expect_one_line(tpc("check", p, "--asume-gia"), 64, "did you mean --assume-gia?")
    for words in (["check", p, "--jsn", "--json"], ["chek", p, "--json"], ["check", "--json"]):
        said = json.loads(expect(tpc(*words), 64).stdout)
        assert said["exit"] == 64 and said["error"], said
    expect(tpc("kernel", p, "--input", x), 64)  # no -o
    expect(tpc("kernel", p, "--input", x, "-o", "out.txt"), 64, "out.txt: the name of the output ends in .npz or .npy")
    expect(tpc("kernel", p, "--input", x, "-o", "out.npz", "--tol", "1e-30"), 4, "--tol 1e-12 can be")
    expect(tpc("kernel", p, "--input", x, "-o", "out.npz", "--tol", "1e-9", "--dtype", "f32"), 4, "--tol 1e-06 can be")
    expect(tpc("kernel", p, "-o", "out.npz"), 64, "input xi")
    for option, value in [("--get", "nngp,ntq"), ("--dtype", "f16"), ("--rates", "none"), ("--tol", "-1"), ("--tol", "0"),
                          ("--tol", "nan"), ("--tol", "inf"), ("--seed", "-1"), ("--threads", "-1"), ("--threads", "1.5"), ("--via", "X")]:
        expect(tpc("kernel", p, "--input", x, "-o", "out.npz", option, value), 64)
    assert not os.path.exists("out.npz")


def test_defines():
    p = write("p.tp", LINEAR)
    expect(tpc("check", p, "-D", "c"), 64)
    expect(tpc("check", p, "-D", "cc=2"), 64, "-D cc: the program has neither")
    expect(tpc("check", p, "-D", "c=two"), 64)
    expect(tpc("check", p, "-D", "c=1", "-D", "c=2"), 64, "twice")
    expect(tpc("check", p, "-D", "d=0"), 64)
    expect(tpc("check", p, "-Dc=2", "-D", "d=5"), 0, "2 / d")
    expect(tpc("check", write("q.tp", LINEAR.replace("c = 1", "c"))), 1, "the parameter c has no value")


def test_errors_of_the_program():
    p = write("p.tp", LINEAR.replace("U @ xi", "V @ xi"))
    done = expect(tpc("check", p), 1, "p.tp:5:14: error: ")
    assert done.stdout == ""
    x = save("x.npy", data(3, 2))
    expect(tpc("kernel", p, "--input", x, "-o", "out.npz"), 1, "p.tp:5:14: error: ")
    assert not os.path.exists("out.npz")
    expect_one_line(tpc("check", "missing.tp"), 3, "missing.tp: no such file")
    # found at the sizes of the data only
    p = write("r.tp", SEQUENCE.replace("1..T: ", "1..4: "))
    w = save("w.npy", data(3, 3))
    expect(tpc("kernel", p, "--input", f"xi={save('x.npy', data(3, 3, 2))}", "--input", f"w={w}", "-o", "out.npz"), 1, "r.tp:6:")


def test_verdict():
    p = write("p.tp", LINEAR)
    done = expect(tpc("check", p), 0, "holds", "d = ")
    assert done.stderr == ""
    q, x = write("q.tp", REUSED), save("x.npy", data(3, 2))
    done = expect(tpc("check", q), 2, "q.tp:5:")
    assert "fails" in done.stdout and "error:" in done.stderr
    expect(tpc("check", q, "--assume-gia"), 0)
    expect(tpc("kernel", q, "--input", x, "-o", "out.npz"), 2, "q.tp:5:", "--assume-gia")
    expect(tpc("kernel", q, "--input", x, "-o", "out.npz", "--exact"), 2, "--exact")
    assert not os.path.exists("out.npz")
    done = expect(tpc("kernel", q, "--input", x, "-o", "out.npz", "--assume-gia"), 0)
    assert "heuristic" in done.stderr
    average = os.path.join(EXAMPLES, "average_readout.tp")
    expect(tpc("kernel", average, "--input", x, "-o", "other.npz", "--assume-gia"), 2, "cannot help")
    assert not os.path.exists("other.npz")


def test_summary():
    p = write("p.tp", SEQUENCE)
    done = expect(tpc("check", os.path.join(EXAMPLES, "rnn_last.tp"), "-D", "T=5"), 0, "5 matrix products in a row", "matrix W: it is used 5 times, at ")
    assert re.search(r"matrix W: it is used 5 times, at \S*rnn_last.tp:13:28\n", done.stdout), done.stdout
    expect(tpc("check", os.path.join(EXAMPLES, "mlp.tp"), "-D", "L=4"), 0, "4 matrix products in a row", "nothing: every parameter is used once")
    said = json.loads(expect(tpc("check", p, "--json", "-D", "T=3"), 0).stdout)
    assert said["depth"] == 1 and {entry["name"]: entry["times"] for entry in said["shared"]}["U"] == 3, said


def test_json():
    p = write("p.tp", LINEAR)
    done = expect(tpc("check", p, "--json"), 0)
    said = json.loads(done.stdout)
    assert said["exit"] == 0 and said["verdict"] == {"holds": True, "reasons": 0} and said["diagnostics"] == [], said
    said = json.loads(expect(tpc("check", write("q.tp", REUSED), "--json"), 2).stdout)
    assert not said["verdict"]["holds"] and said["verdict"]["reasons"] == len(said["diagnostics"]) == 1, said
    assert said["diagnostics"][0]["line"] == 5 and said["exit"] == 2, said
    said = json.loads(expect(tpc("check", p, "-D", "e=1", "--json"), 64).stdout)
    assert said["diagnostics"][0]["id"] == "unknown_define" and said["exit"] == 64, said
    said = json.loads(expect(tpc("kernel", p, "--input", "none.npy", "-o", "out.npz", "--json"), 3).stdout)
    assert said["error"].startswith("none.npy") and said["exit"] == 3, said


def test_kernel():
    p, x, y = write("p.tp", LINEAR), data(4, 3), data(2, 3, seed=2)
    save("x.npy", x), save("y.npy", np.asfortranarray(y.astype(np.float32)))
    y = y.astype(np.float32).astype(float)
    expect(tpc("kernel", p, "--input", "x.npy", "-o", "out.npz"), 0, "(4, 4)")
    out = np.load("out.npz")
    assert out.files == ["nngp", "ntk"]
    close(out["nngp"], x @ x.T / 3)
    close(out["ntk"], 2 * x @ x.T / 3)
    done = expect(tpc("kernel", p, "--input", "xi=x.npy", "--input2", "y.npy", "-D", "c=3", "-o", "out.npz", "--quiet"), 0)
    assert done.stdout == "" and done.stderr == ""
    out = np.load("out.npz")
    close(out["nngp"], 3 * x @ y.T / 3)
    close(out["ntk"], 4 * x @ y.T / 3)
    expect(tpc("kernel", p, "--input", "x.npy", "-D", "c=3", "--rates", "variance", "--via", "D", "--get", "ntk", "-o", "out.npz"), 0)
    out = np.load("out.npz")
    assert out.files == ["ntk"]
    close(out["ntk"], 6 * x @ x.T / 3)
    expect(tpc("kernel", p, "--input", "x.npy", "--get", "nngp", "--dtype", "f32", "-o", "out.npz"), 0)
    out = np.load("out.npz")
    assert out.files == ["nngp"] and out["nngp"].dtype == np.float32
    close(out["nngp"], x @ x.T / 3, 1e-6)


def test_output_members():
    x = data(3, 2)
    save("x.npy", x)
    named = LINEAR.replace("output", "output f =")
    expect(tpc("kernel", write("p.tp", named), "--input", "x.npy", "-o", "out.npz"), 0)
    assert sorted(np.load("out.npz").files) == ["nngp", "ntk"]
    two = named + "output g = 2 * v' @ (U @ xi) / sqrt(n)\n"
    expect(tpc("kernel", write("p.tp", two), "--input", "x.npy", "-o", "out.npz"), 0)
    out = np.load("out.npz")
    assert sorted(out.files) == ["nngp.f", "nngp.g", "ntk.f", "ntk.g"]
    close(out["nngp.g"], 4 * out["nngp.f"])
    family = LINEAR.replace("R[d]", "R[T, d]").replace("output v' @ (U @ xi)", "output f[t in 1..T] = v' @ (U @ xi[t])")
    x, y = save("x.npy", data(3, 4, 2)), save("y.npy", data(2, 5, 2, seed=2))
    expect(tpc("kernel", write("p.tp", family), "--input", x, "--input2", y, "-o", "out.npz"), 0)
    want = np.einsum("sid,tjd->sitj", np.load(x), np.load(y)) / 2
    close(np.load("out.npz")["nngp"], want)


def test_tails():
    # 1 - tanh(x) is 0 in double precision beyond x = 19, and the function seemed to outgrow every Gaussian
    p = write("p.tp", "program p\ninput xi : R[d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\n"
              "x = U @ xi\noutput v' @ (relu(x) / (1 - tanh(x))) / sqrt(n)\n")
    expect(tpc("kernel", p, "--input", save("x.npy", np.array([[1.0]])), "--get", "nngp", "-o", "out.npz"), 0)

    def moment(c):  # E[x^2 exp(c x)] over x > 0
        phi = math.exp(-c * c / 2) / math.sqrt(2 * math.pi)
        return math.exp(c * c / 2) * ((1 + c * c) * (1 + math.erf(c / math.sqrt(2))) / 2 + c * phi)

    close(np.load("out.npz")["nngp"], np.array([[(moment(0) + 2 * moment(2) + moment(4)) / 4]]), 1e-9)


def test_binding():
    p, x, w = write("p.tp", SEQUENCE), data(3, 4, 2), data(3, 4, seed=2)
    save("x.npy", x), save("w.npy", w)
    want = np.einsum("st,std,ur,urd->su", w, x, w, x) / 2
    np.savez("both.npz", xi=x, w=w, labels=np.zeros(3))
    np.savez_compressed("one.npz", arr_0=x)
    for inputs in (["xi=x.npy", "w=w.npy"], ["both.npz"], ["xi=both.npz", "w=w.npy"], ["xi=one.npz", "w=both.npz"]):
        flags = [word for text in inputs for word in ("--input", text)]
        expect(tpc("kernel", p, *flags, "-o", "out.npz"), 0)
        close(np.load("out.npz")["nngp"], want)
        os.remove("out.npz")
    for inputs, code, word in ((["x.npy"], 64, "several inputs"), (["xi=x.npy"], 64, "no data for the input w"),
                               (["x=x.npy", "w=w.npy"], 64, "no input x"), (["both.npz", "w=w.npy"], 64, "given twice"),
                               (["one.npz", "w=w.npy"], 3, "no member is named as an input")):
        flags = [word for text in inputs for word in ("--input", text)]
        expect_one_line(tpc("kernel", p, *flags, "-o", "out.npz"), code, word)


def test_data_errors():
    p, s = write("p.tp", LINEAR), write("s.tp", SEQUENCE)
    x = save("x.npy", data(3, 4))
    kernel = lambda *words: tpc("kernel", *words, "-o", "out.npz")
    expect_one_line(kernel(p, "--input", "none.npy"), 3, "none.npy: no such file")
    expect_one_line(kernel(p, "--input", write("text.npy", "hello")), 3, "text.npy")
    bad = data(3, 4)
    bad[1, 2] = np.nan
    expect_one_line(kernel(p, "--input", save("nan.npy", bad)), 3, "nan.npy", "[1, 2]")
    expect_one_line(kernel(p, "--input", save("cube.npy", data(3, 4, 2))), 3, "(3, 4, 2)", "input xi : R[d]")
    expect_one_line(kernel(p, "--input", save("empty.npy", data(0, 4))), 3, "empty")
    expect_one_line(kernel(p, "--input", x, "-D", "d=5"), 3, "-D d=5", "size 4")
    expect_one_line(kernel(p, "--input", x, "--input2", save("y.npy", data(3, 5))), 3, "the matrix U reads the axis d", "4 and 5")
    save("xi.npy", data(3, 4, 2))
    expect_one_line(kernel(s, "--input", "xi=xi.npy", "--input", f"w={save('w.npy', data(3, 5))}"), 3, "disagrees with T")
    expect_one_line(kernel(s, "--input", "xi=xi.npy", "--input", f"w={save('w.npy', data(2, 4))}"), 3, "3 samples", "holds 2")


def test_axis_expressions():
    text = LINEAR.replace("c = 1", "p: int").replace("c / d", "p / d").replace("R[d]", "R[2*p + 1, d]").replace("@ xi)", "@ xi[p])")
    p = write("p.tp", text)
    x = data(3, 7, 2)
    expect(tpc("kernel", p, "--input", save("x.npy", x), "-o", "out.npz"), 0)
    close(np.load("out.npz")["nngp"], 3 * x[:, 2] @ x[:, 2].T / 2)
    os.remove("out.npz")
    expect_one_line(tpc("kernel", p, "--input", save("y.npy", data(3, 6, 2)), "-o", "out.npz"), 3, "2*p+1")
    # p is 3 and 1: the variance of U would differ
    expect_one_line(tpc("kernel", p, "--input", "x.npy", "--input2", save("y.npy", data(3, 3, 2)), "-o", "out.npz"), 3,
                    "the variance of U differs")
    expect_one_line(tpc("kernel", p, "--input", "x.npy", "-D", "p=2", "-o", "out.npz"), 3, "size 7")
    two = write("q.tp", text.replace("p: int", "p: int, q: int").replace("2*p + 1", "p + q"))  # a parameter without a value
    expect_one_line(tpc("kernel", two, "--input", "x.npy", "-o", "out.npz"), 1, "do not determine p")
    expect(tpc("kernel", two, "--input", "x.npy", "-D", "q=4", "-o", "out.npz"), 0)


def test_sets_of_different_lengths():
    p = write("p.tp", SEQUENCE)
    x, w, y, z = data(3, 4, 2), data(3, 4, seed=2), data(2, 6, 2, seed=3), data(2, 6, seed=4)
    np.savez("a.npz", xi=x, w=w)
    np.savez("b.npz", xi=y, w=z)
    expect(tpc("kernel", p, "--input", "a.npz", "--input2", "b.npz", "-o", "out.npz"), 0)
    close(np.load("out.npz")["nngp"], np.einsum("st,std,ur,urd->su", w, x, z, y) / 2)
    # the law of a member that both have depends on T
    q = write("q.tp", SEQUENCE.replace("N(0, 1 / d)", "N(0, T / d)"))
    expect(tpc("kernel", q, "--input", "a.npz", "--input2", "b.npz", "-o", "q.npz"), 3, "the variance of U differs")
    assert not os.path.exists("q.npz")


def test_outputs_that_cannot_be_written():
    p, x = write("p.tp", LINEAR), save("x.npy", data(3, 2))
    expect_one_line(tpc("kernel", p, "--input", x, "-o", "none/out.npz"), 3, "none/out.npz")
    os.mkdir("folder.npz")
    expect_one_line(tpc("kernel", p, "--input", x, "-o", "folder.npz"), 3, "folder.npz")
    with open("/dev/full", "w") as full:
        done = subprocess.run([support.TPC, "check", p], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 3 and "standard output" in done.stderr, done


def test_no_limit():
    # a division by an average that is 0
    p = write("p.tp", LINEAR.replace("output v' @ (U @ xi)", "h = U @ xi\noutput v' @ (h / avg(h^2))"))
    zero = save("x.npy", np.zeros((2, 3)))
    done = tpc("kernel", p, "--input", zero, "-o", "out.npz")
    expect(done, 2, "does not exist, or is beyond")
    assert not os.path.exists("out.npz")


def test_show():
    p = os.path.join(EXAMPLES, "rnn_last.tp")
    for stage, words in (("ast", ["program"]), ("ir", ["W @ s[t-1]"]), ("backward", ["d.s"]), ("recursions", ["C(s[t]"]), ("plan", [])):
        assert expect(tpc("show", p, "--stage", stage), 0, *words).stdout.strip()
    # before the plan, sizes show in a line of their own at most
    for stage in ("ast", "backward", "recursions"):
        some, none = (tpc("show", p, "--stage", stage, *words).stdout for words in (["-D", "T=3"], []))
        assert [line for line in some.splitlines() if not line.startswith("sizes")] == none.splitlines(), stage
    expect(tpc("show", p, "--stage", "recursions", "--format", "latex"), 0, "\\")
    expect(tpc("show", p, "--stage", "ir", "--format", "latex"), 64)
    expect(tpc("show", p, "--stage", "tree"), 64)
    expect(tpc("show", p), 64)
    average = os.path.join(EXAMPLES, "average_readout.tp")
    expect(tpc("show", average, "--stage", "ir"), 0)
    expect(tpc("show", average, "--stage", "recursions"), 2)


def graph(*arguments):
    """Nodes (with their labels) and edges of what `tpc show --format dot` prints, every line of which is one of those that it knows."""
    nodes, edges = {}, set()
    text = expect(tpc("show", *arguments, "--format", "dot", "--quiet"), 0).stdout
    quoted = r'"((?:[^"\\]|\\.)*)"'
    for line in text.splitlines()[1:]:
        if found := re.fullmatch(rf"  {quoted} -> {quoted}(?: \[label={quoted}\])?", line):
            edges.add((found[1], found[2], found[3] or ""))
        elif found := re.fullmatch(rf"  {quoted} \[label={quoted}(?:, (?:style=rounded|shape=plaintext))?\]", line):
            assert found[1] not in nodes, line
            nodes[found[1]] = found[2]
        else:
            assert re.fullmatch(rf"  rankdir=BT|  node \[.*\]|  subgraph {quoted} {{|  label={quoted}|  }}|}}", line), line
    assert all(a in nodes and b in nodes for a, b, _ in edges), edges
    return nodes, edges


def test_show_dot():
    p = os.path.join(EXAMPLES, "rnn_last.tp")
    nodes, edges = graph(p, "--stage", "ir")
    s, g = (next(node for node, label in nodes.items() if label.startswith(name)) for name in ("s[0] = 0", "g[t] = W @ s[t-1]"))
    assert (s, g, "W [t-1]") in edges and (g, s, "") in edges and len(nodes) == 4 and len(edges) == 4, (nodes, edges)
    nodes, edges = graph(p, "--stage", "backward")
    assert sorted(label for _, _, label in edges) == ["", "", "W'"] and len(nodes) == 3, (nodes, edges)
    nodes, edges = graph(p, "--stage", "recursions")
    assert {("C(s, s_)", "C(g, g_)", "W"), ("C(g, g_)", "C(s, s_)", "E"), ("C(g, g)", "C(s, s_)", "E")} <= edges, edges
    # Functions of several Gaussians read the covariances of all of them.
    gate = write("gate.tp", LINEAR.replace("output v' @ (U @ xi)", """matrix V ~ N(0, 1 / d)
g = U @ xi
h = V @ xi
output v' @ (tanh(g) * sigmoid(g + h))"""))
    nodes, edges = graph(gate, "--stage", "recursions")
    assert {("C(g, g_)", "C(o, o_)", "E"), ("C(g2, g_)", "C(o, o_)", "E"), ("C(g2, g2)", "C(o, o_)", "E")} <= edges, (nodes, edges)
    for name in sorted(os.listdir(EXAMPLES)):
        if name.endswith(".tp") and name != "average_readout.tp":
            for stage in ("ir", "backward", "recursions"):
                assert all(graph(os.path.join(EXAMPLES, name), "--stage", stage)), (name, stage)
    for stage in ("ast", "plan"):
        expect(tpc("show", p, "--stage", stage, "--format", "dot"), 64, "ir, backward and recursions")


def test_explain():
    p = os.path.join(EXAMPLES, "gru.tp")
    x = save("x.npy", data(5, 2, 3))
    done = expect(tpc("explain", p, "--input", x), 0, "expectations for each pair of samples", "error", "15 pairs")
    assert "Sobol" not in done.stdout and "z_[2]" in done.stdout, done.stdout
    listed = json.loads(expect(tpc("explain", p, "--input", x, "--json"), 0).stdout)
    assert {row["for"] for row in listed["expectations"]} == {"sample", "pair"} and listed["ntk_error"] < 1e-8, listed
    expect(tpc("explain", p), 64)


def test_seed():
    sampled = LINEAR.replace("output v' @ (U @ xi)", "output v' @ max(max(U @ xi, tanh(2 * (U @ xi) - b)), b * e * (U @ xi))")
    sampled = sampled.replace("output", "vector b ~ N(0, 1)\nvector e ~ N(0, 1)\noutput")
    x = save("x.npy", data(2, 3))
    kernels = []
    for seed in ("1", "1", "2"):
        expect(tpc("kernel", write("p.tp", sampled), "--input", x, "--tol", "1e-2", "--seed", seed, "-o", "out.npz"), 0)
        kernels.append(np.load("out.npz"))
    first, again, other = (kernel["nngp"] for kernel in kernels)
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert np.abs(first - other).max() <= sum(kernel["nngp_error"] for kernel in kernels[1:]) * np.abs(first).max()


def test_simulate():
    p = os.path.join(EXAMPLES, "mlp.tp")
    x = save("x.npy", data(3, 2))
    done = expect(tpc("simulate", p, "--input", x, "--widths", "32,128,512", "--seeds", 20, "--json"), 0)
    table = json.loads(done.stdout)["table"]
    assert [row["width"] for row in table["rows"]] == [32, 128, 512] and table["seeds"] == 20
    assert table["rows"][2]["ntk"]["typical"] < 0.2 and -0.8 < table["exponents"]["ntk"]["typical"] < -0.2, table
    same = tpc("simulate", p, "--input", x, "--widths", "16", "--seeds", 2, "--get", "nngp", "--json")
    other = tpc("simulate", p, "--input", x, "--widths", "16", "--seeds", 2, "--get", "nngp", "--json", "--seed", 7)
    first, second = (json.loads(run.stdout)["table"]["rows"][0] for run in (same, other))
    assert first["nngp"] != second["nngp"] and "ntk" not in first
    expect(tpc("simulate", p, "--input", x, "--widths", "8", "--seeds", 1), 0, "width")
    expect(tpc("simulate", p, "--input", x, "--widths", "0"), 64)


if __name__ == "__main__":
    support.main(__doc__, globals())
