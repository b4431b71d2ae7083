#!/usr/bin/env python3
"""Samples of different sizes in one set: --lengths and archives of one array a sample. Runs the named tests, or all."""
import json
import os

import numpy as np

import support
from support import EXAMPLES, LINEAR, SEQUENCE, close, data, expect, expect_one_line, save, tpc, write

LENGTHS = np.array([3, 5, 3, 1, 5, 4])


def example(name):
    return os.path.join(EXAMPLES, name + ".tp")


def pad(samples, filler):
    """(samples, longest...) with `filler` beyond the sizes of each."""
    box = np.max([sample.shape for sample in samples], axis=0) + 1
    padded = np.full((len(samples), *box), filler)
    for whole, sample in zip(padded, samples):
        whole[tuple(slice(size) for size in sample.shape)] = sample
    return padded


def sequences(width=2, lengths=LENGTHS, seed=1):
    return [data(T, width, seed=seed + 100 * k) for k, T in enumerate(lengths)]


def graphs(nodes, seed=5):
    features = sequences(3, nodes, seed)
    weights = [data(n, n, seed=seed + 50 + 100 * k) for k, n in enumerate(nodes)]
    return features, weights


def kernel(program, *words):
    """All members, as they stand in the file."""
    expect(tpc("kernel", program, *words, "--quiet", "-o", "out.npz"), 0)
    with np.load("out.npz") as out:
        members = {name: out[name] for name in out.files}
    os.remove("out.npz")
    return members


def same(got, want):
    """Bit for bit, NaN being equal to NaN."""
    assert got.keys() == want.keys(), (got.keys(), want.keys())
    for name in want:
        assert got[name].dtype == want[name].dtype and np.array_equal(got[name], want[name], equal_nan=True), name


def pair_by_pair(program, left, right, *words):
    """Kernels of single samples with each other; a sample is a dictionary of arrays by input."""
    rows = []
    for a in left:
        row = []
        for b in right:
            np.savez("a.npz", **{name: value[None] for name, value in a.items()})
            np.savez("b.npz", **{name: value[None] for name, value in b.items()})
            row.append(kernel(program, "--input", "a.npz", "--input2", "b.npz", *words))
        rows.append(row)
    return {name: np.array([[entry[name][0, 0] for entry in row] for row in rows]) for name in rows[0][0]}


def test_padding_is_not_read():
    p, each = example("rnn_average"), sequences()
    np.savez("each.npz", *each)
    np.savez_compressed("named.npz", **{f"sequence {k}": sample for k, sample in enumerate(each)})
    save("T.npy", LENGTHS.astype(np.uint8))
    want = kernel(p, "--input", "each.npz")
    same(kernel(p, "--input", "xi=named.npz"), want)
    same(kernel(p, "--input", "xi=each.npz", "--lengths", "T=T.npy", "--threads", 1), want)
    for filler in (np.nan, np.inf, -1e308):
        padded = pad(each, filler)[:, :, :2]
        np.savez("both.npz", T=LENGTHS, xi=np.asfortranarray(padded))
        same(kernel(p, "--input", save("padded.npy", padded), "--lengths", "T=T.npy"), want)
        same(kernel(p, "--input", "both.npz", "--lengths", "both.npz"), want)
    for name, value in kernel(p, "--input", "padded.npy", "--lengths", "T=T.npy", "--via", "D").items():
        close(value, want[name], 1e-10)
    single = kernel(p, "--input", "padded.npy", "--lengths", "T=T.npy", "--dtype", "f32", "--get", "ntk")
    assert single.keys() == {"ntk"} and single["ntk"].dtype == np.float32
    close(single["ntk"], want["ntk"], 1e-5)
    # equal lengths are no padding at all
    save("whole.npy", np.stack(each[:3:2])), save("threes.npy", [3, 3])
    same(kernel(p, "--input", "whole.npy", "--lengths", "T=threes.npy"), kernel(p, "--input", "whole.npy"))


def test_pair_by_pair():
    p, each = example("rnn_average"), sequences()
    np.savez("each.npz", *each)
    got = kernel(p, "--input", "each.npz")
    for name, want in pair_by_pair(p, *2 * [[{"xi": sample} for sample in each]]).items():
        close(got[name], want, 1e-9)
        assert (got[name] == got[name].T).all() and np.linalg.eigvalsh(got[name])[0] > 0, name
    # the blocks of a set with itself are the kernels between two sets
    np.savez("left.npz", *each[:4]), np.savez("right.npz", *each[3:])
    between = kernel(p, "--input", "left.npz", "--input2", "right.npz")
    save("padded.npy", pad(each[3:], np.nan)[:, :, :2]), save("T.npy", LENGTHS[3:])
    same(kernel(p, "--input", "left.npz", "--input2", "padded.npy", "--lengths2", "T=T.npy"), between)
    for name in got:
        close(between[name], got[name][:4, 3:], 1e-9)


def test_graphs():
    p, nodes = example("gcn"), [3, 2, 4, 3]
    features, weights = graphs(nodes)
    np.savez("xi.npz", *features), np.savez("A.npz", *weights)
    want = pair_by_pair(p, *2 * [[{"xi": x, "A": a} for x, a in zip(features, weights)]])
    got = kernel(p, "--input", "xi=xi.npz", "--input", "A=A.npz")
    for name in want:
        close(got[name], want[name], 1e-9)
    save("A.npy", pad(weights, np.nan)), save("xi.npy", pad(features, 1e300)[:, :, :3]), save("nodes.npy", nodes)
    lengths = ["--lengths", "nodes=nodes.npy"]
    same(kernel(p, "--input", "xi=xi.npy", "--input", "A=A.npy", *lengths), got)
    same(kernel(p, "--input", "xi=xi.npz", "--input", "A=A.npy", *lengths), got)


def test_images_of_different_shapes():
    p, shapes = example("cnn_pooled"), [(3, 4), (2, 2), (4, 3), (3, 2)]
    images = [data(rows, columns, 2, seed=9 + k) for k, (rows, columns) in enumerate(shapes)]
    save("rows.npy", [rows for rows, _ in shapes]), save("columns.npy", [columns for _, columns in shapes])
    save("xi.npy", pad(images, np.nan)[..., :2])
    axes = [word.strip() for word in open(p).read().split("R[")[1].split("]")[0].split(",")]
    got = kernel(p, "--input", "xi.npy", "--lengths", f"{axes[0]}=rows.npy", "--lengths", f"{axes[1]}=columns.npy")
    for name, want in pair_by_pair(p, *2 * [[{"xi": image} for image in images]]).items():
        close(got[name], want, 1e-9)


def test_families_of_outputs():
    p, each = example("rnn_steps"), sequences(lengths=[2, 4, 1])
    np.savez("each.npz", *each)
    for name, got in kernel(p, "--input", "each.npz").items():
        assert got.shape == (3, 4, 3, 4)
        for s, a in enumerate(each):
            for t, b in enumerate(each):
                save("a.npy", a[None]), save("b.npy", b[None])
                own = kernel(p, "--input", "a.npy", "--input2", "b.npy")[name][0, :, 0, :]
                close(got[s, : len(a), t, : len(b)], own, 1e-9)
                assert np.isnan(got[s, :, t, :]).sum() == 16 - own.size
    # indices that begin elsewhere in each sample
    q = write("q.tp", "program q(p: int)\ninput xi : R[2*p+1]\nvector b[t in -p..p] ~ N(0, (10+t)^2)\nvector v ~ N(0, 1)\n"
              "output f[t in -p..p] = xi[t+p+1] * (v' @ b[t]) / sqrt(n)\n")
    save("x.npy", np.ones((2, 5))), save("p.npy", [2, 1])
    got = kernel(q, "--input", "x.npy", "--lengths", "p=p.npy")["nngp"]
    assert np.array_equal(np.diag(got[0, :, 0, :]), [64, 81, 100, 121, 144]), got
    assert np.array_equal(np.diag(got[0, :, 1, :]), [np.nan, 81, 100, 121, np.nan], equal_nan=True), got
    said = expect(tpc("kernel", q, "--input", "x.npy", "--lengths", "p=p.npy", "-o", "out.npz"), 0, "in 2 groups")
    assert "NaN stands for the outputs that a sample does not have" in said.stdout
    expect(tpc("simulate", q, "--input", "x.npy", "--lengths", "p=p.npy", "--widths", "16", "--seeds", 1), 0)


def test_families_with_gaps():
    p = write("p.tp", "program pairs\ninput xi : R[T, d]\nmatrix U ~ N(0, 1 / d)\nvector v ~ N(0, 1)\n"
              "output f[t in 1..T, s in 1..t-1] = v' @ (U @ (xi[t] + xi[s])) / sqrt(n)\n")
    each = sequences(lengths=[3, 2, 3])
    np.savez("each.npz", *each), save("threes.npy", np.stack(each[::2]))
    sums = np.full((3, 2, 2, 2), np.nan)  # t from 2, s from 1
    for sample, x in zip(sums, each):
        for t in range(1, len(x)):
            for s in range(t):
                sample[t - 1, s] = x[t] + x[s]
    want = np.einsum("ktsd,lurd->ktslur", sums, sums) / 2
    got = kernel(p, "--input", "each.npz")["nngp"]
    assert np.array_equal(np.isnan(got), np.isnan(want)) and np.nanmax(np.abs(got - want)) < 1e-12
    same(kernel(p, "--input", "threes.npy", "--get", "nngp"), {"nngp": got[::2, :, :, ::2]})
    for name in ("each.npz", "threes.npy"):
        expect(tpc("simulate", p, "--input", name, "--widths", "64", "--seeds", 4), 0)


def test_sampled_kernels():
    p = write("p.tp", SEQUENCE.replace("sum(t in 1..T: w[t] * (U @ xi[t]))", "sum(t in 1..T: w[t] * h[t])").replace(
        "output", "for t in 1..T { h[t] = tanh(U @ xi[t]) * sigmoid(U @ xi[1]) }\noutput"))
    each = sequences(lengths=[2, 1, 2])
    weights = [np.abs(data(len(sample), seed=7 + k)) for k, sample in enumerate(each)]
    np.savez("xi.npz", *each), np.savez("w.npz", *weights)
    got = kernel(p, "--input", "xi=xi.npz", "--input", "w=w.npz", "--tol", "1e-3")
    assert got.keys() == {"nngp", "nngp_error", "ntk", "ntk_error"}
    for name in ("nngp", "ntk"):
        assert 0 < got[name + "_error"] <= 1e-3 and (got[name] == got[name].T).all()
        for k in range(3):
            np.savez("one.npz", xi=each[k][None], w=weights[k][None])
            own = kernel(p, "--input", "one.npz", "--tol", "1e-3", "--get", name)[name][0, 0]
            assert abs(got[name][k, k] - own) <= 2e-3 * np.abs(got[name]).max(), (name, got[name], own)


def test_simulate():
    p = write("p.tp", SEQUENCE)
    # a step of weight 0 changes nothing: the same networks, in one group and in two
    each = sequences(lengths=[4, 4, 4])
    weights = data(3, 4, seed=3)
    weights[1, 3] = 0
    np.savez("one.npz", xi=np.stack(each), w=weights)
    save("T.npy", [4, 3, 4])
    words = ["simulate", p, "--input", "one.npz", "--widths", "16,64", "--seeds", 3, "--json"]
    one, two = (json.loads(expect(tpc(*words, *more), 0).stdout)["table"]["rows"] for more in ([], ["--lengths", "T=T.npy"]))
    for a, b in zip(one, two):
        for name in ("nngp", "ntk"):
            for which in a[name]:
                assert abs(a[name][which] - b[name][which]) <= 1e-9 * a[name][which], (a, b)
    np.savez("each.npz", *sequences())
    said = json.loads(expect(tpc("simulate", example("rnn_average"), "--input", "each.npz", "--widths", "64,512", "--seeds", 20, "--json"), 0).stdout)
    assert said["table"]["rows"][1]["ntk"]["of_mean"] < 0.05 and said["table"]["exponents"]["ntk"]["typical"] < -0.2, said


def test_check():
    p = write("p.tp", SEQUENCE)
    each = sequences(lengths=[2, 3, 2])
    save("xi.npy", pad(each, np.nan)[:, :, :2]), save("w.npy", np.ones((3, 4))), save("T.npy", [2, 3, 2])
    words = ["check", p, "--input", "xi=xi.npy", "--input", "w=w.npy", "--lengths", "T=T.npy"]
    expect(tpc(*words), 0, "holds", "T = 2, d = 2: 2 samples", "T = 3, d = 2: 1 sample")
    said = json.loads(expect(tpc(*words, "--json"), 0).stdout)
    assert said["groups"] == [{"samples": 2, "sizes": {"T": 2, "d": 2}}, {"samples": 1, "sizes": {"T": 3, "d": 2}}], said
    # found at one of the sizes only, and said once
    q = write("q.tp", SEQUENCE.replace("output v' @ sum(t in 1..T:", "output v' @ sum(t in 1..3:"))
    done = expect(tpc("check", q, *words[2:]), 1, "q.tp:6:")
    assert done.stderr.count("error:") == 2, done.stderr  # w and xi
    save("bad.npy", np.full((3, 4), np.nan))
    expect_one_line(tpc(*words[:4], "--input", "w=bad.npy", *words[6:]), 3, "bad.npy: NaN at [0, 0]")


def test_check_across_sizes():
    # each size alone passes, but w[2] reads out samples of one size and is a bias in those of the other
    p = write("p.tp", "program p\ninput xi : R[T, d]\nmatrix U ~ N(0, 1/d)\nvector w[i in 1..5] ~ N(0, 1)\n"
                      "y = relu(U @ xi[1] + w[5-T])\noutput w[T]' @ y / sqrt(n)\n")
    np.savez("both.npz", data(2, 2), data(3, 2)), np.savez("alone.npz", data(2, 2), data(1, 2))
    np.savez("two.npz", data(2, 2)), np.savez("three.npz", data(3, 2))
    for words in (["kernel", p, "--input", "both.npz", "-o", "out.npz"], ["kernel", p, "--input", "two.npz", "--input2", "three.npz", "-o", "out.npz"],
                  ["check", p, "--input", "both.npz"]):
        done = expect(tpc(*words), 2, "p.tp:5:22: error: the readout vector w is used here as well", "w is the readout here, of samples of another size")
        assert done.stderr.count("error: the readout") == 1, done.stderr
    expect(tpc("check", p, "--input", "two.npz"), 0, "holds")
    expect(tpc("check", p, "--input", "alone.npz"), 0, "holds")


def test_predict():
    p = write("p.tp", SEQUENCE)
    lengths = np.array([2, 3, 1, 3, 2, 1, 2])
    each, weights = sequences(3, lengths), [data(T, seed=40 + k) for k, T in enumerate(lengths)]
    np.savez("train.npz", *each[:5]), np.savez("test.npz", *each[5:])
    save("w.npy", pad(weights[:5], np.nan)), save("w2.npy", pad(weights[5:], np.nan))
    save("T.npy", lengths[:5]), save("T2.npy", lengths[5:]), save("y.npy", data(5, seed=8))
    expect(tpc("predict", p, "--train", "xi=train.npz", "--train", "w=w.npy", "--lengths", "T=T.npy", "--test", "xi=test.npz", "--test", "w=w2.npy",
               "--lengths2", "T=T2.npy", "--targets", "y.npy", "--ridge", 0.1, "-o", "out.npz"), 0)
    point = np.array([w @ x for w, x in zip(weights, each)])
    out, gram = np.load("out.npz"), 2 * point @ point.T / 3
    close(out["ntk"], gram[:5, :5])
    close(out["ntk.test"], gram[5:, :5])
    close(out["predictions.ntk"][:, 0], gram[5:, :5] @ np.linalg.solve(gram[:5, :5] + 0.1 * np.eye(5), np.load("y.npy")), 1e-8)


def test_wrong_lengths():
    p = write("p.tp", SEQUENCE)
    save("xi.npy", data(3, 4, 2)), save("w.npy", data(3, 4, seed=2))

    def wrong(code, lengths, *words, name="T", more=()):
        files = [] if lengths is None else ["--lengths", f"{name}={save('lengths.npy', lengths)}"]
        expect_one_line(tpc("kernel", p, "--input", "xi=xi.npy", "--input", "w=w.npy", *files, *more, "-o", "out.npz"), code, *words)

    wrong(3, [4, -2, 3], "lengths.npy: the size -2 of T in sample 1 (counted from 0) is not positive")
    wrong(3, [4, 2, 0], "lengths.npy: the size 0 of T in sample 2")
    wrong(3, [4, 2, 5], "sample 2 (counted from 0) of lengths.npy has T = 5, which does not fit axis 1 of xi.npy", "of size 4")
    wrong(3, np.array([4, 2, 2**64 - 1], dtype=np.uint64), "sample 2 (counted from 0) of lengths.npy")
    wrong(3, [4.0, 2.0, 3.0], "lengths.npy: lengths are integers")
    wrong(3, [True, True, True], "lengths.npy: lengths are integers")
    wrong(3, [[4], [2], [3]], "lengths.npy: shape (3, 1): lengths are one integer a sample")
    wrong(3, [4, 2], "lengths.npy holds 2 lengths for the 3 samples of xi.npy")
    wrong(3, [4, 2, 4], "sample 1 (counted from 0) of lengths.npy has the size 2, which disagrees with T (T = 4 by -D T=4)", more=["-D", "T=4"])
    wrong(3, [2, 1, 2], "the matrix U reads the axis d, whose size differs between sample 1 of --input and sample 0 of --input", "1 and 2", name="d")
    wrong(64, [4, 2, 3], "the program has no axis t; did you mean T?", name="t")
    wrong(64, [4, 2, 3], "the axis T is given twice", more=["--lengths", "T=lengths.npy"])
    wrong(64, None, "the program has several axes, say which: --lengths T=lengths.npy", more=["--lengths", "lengths.npy"])
    wrong(64, None, "--lengths2 requires --input2", more=["--lengths2", "T=lengths.npy"])
    wrong(3, None, "none.npy: no such file", more=["--lengths", "T=none.npy"])
    np.savez("lengths.npz", a=[4, 2, 3], b=[4, 2, 3])
    wrong(3, None, "lengths.npz: no member is named T", more=["--lengths", "T=lengths.npz"])
    wrong(3, None, "lengths.npz: no member is named as an axis of the program (T, d)", more=["--lengths", "lengths.npz"])
    # what is read of padded arrays must be finite
    x = data(3, 4, 2)
    x[1, 2, 0] = np.nan
    save("xi.npy", x)
    wrong(3, [4, 3, 4], "xi.npy: NaN at [1, 2, 0]")
    expect(tpc("kernel", p, "--input", "xi=xi.npy", "--input", "w=w.npy", "--lengths", f"T={save('lengths.npy', [4, 2, 4])}", "-o", "out.npz"), 0)
    # laws that depend on the length
    q = write("q.tp", SEQUENCE.replace("N(0, 1 / d)", "N(0, T / d)"))
    done = tpc("kernel", q, "--input", "xi=xi.npy", "--input", "w=w.npy", "--lengths", "T=lengths.npy", "-o", "q.npz")
    expect(done, 3, "the variance of U differs between sample 1 of --input and sample 0 of --input (counted from 0)")
    r = write("r.tp", "program r(p: int)\ninput z : R[2*p+1]\nvector v ~ N(0, 1)\nscalar b ~ N(0, 1)\noutput z[p] * b\n")
    expect(tpc("kernel", r, "--input", save("z.npy", data(2, 6)), "--lengths", f"p={save('p.npy', [1, 3])}", "-o", "q.npz"), 3,
           "sample 1 (counted from 0) of p.npy has p = 3, which does not fit axis 1 of z.npy (2*p+1 of the declaration), of size 6")
    assert not os.path.exists("q.npz")


def test_wrong_archives():
    p, q = write("p.tp", SEQUENCE), write("q.tp", LINEAR)
    each = sequences(lengths=[2, 3, 2])

    def wrong(code, samples, *words, weights=None, program=p):
        np.savez("xi.npz", **samples)
        np.savez("w.npz", **(weights or {f"arr_{k}": np.ones(n) for k, n in enumerate([2, 3, 2])}))
        more = ["--input", "w=w.npz"] if program == p else []
        expect_one_line(tpc("kernel", program, "--input", "xi=xi.npz", *more, "-o", "out.npz"), code, *words)

    named = {f"arr_{k}": sample for k, sample in enumerate(each)}
    wrong(3, {**named, "labels": np.zeros(3)}, "no member is named xi, and labels of shape (3,) is no sample of input xi : R[T, d]")
    wrong(3, {**named, "arr_1": np.zeros((0, 2))}, "xi.npz (arr_1): the array of shape (0, 2) is empty")
    wrong(3, {**named, "arr_1": np.full((3, 2), np.inf)}, "xi.npz (arr_1): infinite number at [0, 0]")
    wrong(3, {"arr_0": each[0], "arr_1": each[1]}, "xi.npz holds 2 samples and w.npz holds 3")
    wrong(3, named, "axis 0 of w.npz (arr_1) has the size 4, which disagrees with T (T = 3 by axis 0 of xi.npz (arr_1))",
          weights={f"arr_{k}": np.ones(n) for k, n in enumerate([2, 4, 2])})
    wrong(3, named, "arr_1 is sample 1 of xi.npz and sample 2 of w.npz: samples are matched by their order",
          weights={name: np.ones(len(named[name])) for name in ("arr_0", "arr_2", "arr_1")})
    wrong(3, {"a": np.ones(4), "b": np.ones(5)}, "the matrix U reads the axis d", "sample 0 of --input and sample 1 of --input", program=q)
    np.savez("xi.npz", *each), save("w.npy", np.ones((3, 3)))
    words = ["--input", "xi=xi.npz", "--input", "w=w.npy", "-o", "out.npz"]
    expect_one_line(tpc("kernel", p, *words), 3, "axis 1 of w.npy has the size 3, which disagrees with T (T = 2 by axis 0 of xi.npz (arr_0))")
    expect_one_line(tpc("kernel", p, *words, "--lengths", f"T={save('T.npy', [2, 3, 3])}"), 3,
                    "axis 0 of xi.npz (arr_2) has the size 2, which disagrees with T (T = 3 by sample 2 (counted from 0) of T.npy)")
    expect_one_line(tpc("show", p, "--stage", "plan", "--input", "xi=xi.npz", "--input", f"w={save('w.npy', np.ones((3, 3)))}"), 3, "disagrees")
    np.savez("w.npz", *(np.ones(len(sample)) for sample in each))
    words = ["--input", "xi=xi.npz", "--input", "w=w.npz"]
    expect(tpc("show", p, "--stage", "plan", *words), 0, "each sample, sizes T = 3, d = 2", "of 2 sizes: this is about the largest, T = 3, d = 2")
    expect_one_line(tpc("emit", p, "--lang", "cpp", "-o", "out.cpp", *words), 64, "samples of one size are needed here")
    expect(tpc("explain", p, *words), 0, "this is about the largest, T = 3, d = 2", "1 pairs")


if __name__ == "__main__":
    support.main(__doc__, globals())
