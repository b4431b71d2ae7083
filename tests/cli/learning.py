#!/usr/bin/env python3
"""Regression and spectra, from outside. Runs the named tests of this file, or all."""
import json
import os

import numpy as np

import support
from support import EXAMPLES, LINEAR, close, data, expect, expect_one_line, save, tpc, write

FAMILY = """program family
input xi : R[T, d]
matrix U ~ N(0, 1 / d)
vector v ~ N(0, 1)
for t in 1..T { x[t] = U @ xi[t] }
output f[t in 1..T] = v' @ x[t] / sqrt(n)
"""


def test_predict_numbers():
    p, x, y = write("p.tp", LINEAR), data(8, 3), data(3, 3, seed=2)
    slope = np.array([1.0, -2.0, 0.5])
    save("x.npy", x), save("y.npy", y), save("t.npy", x @ slope), save("u.npy", y @ slope)
    words = ["predict", p, "--train", "x.npy", "--targets", "t.npy", "--test", "y.npy"]
    expect(tpc(*words, "--test-targets", "u.npy", "--ridge", "1e-9", "-o", "out.npz"), 0, "root mean square error")
    out = np.load("out.npz")
    close(out["predictions.ntk"][:, 0], y @ slope, 1e-6)
    close(out["ntk"], 2 * x @ x.T / 3)
    close(out["ntk.test"], 2 * y @ x.T / 3)
    os.remove("out.npz")
    expect_one_line(tpc(*words, "-o", "out.npz"), 3, "ridge")  # 8 samples in R^3: singular
    expect_one_line(tpc("predict", p, "--train", "x.npy", "--targets", "u.npy", "--test", "y.npy", "-o", "out.npz"), 3, "3 targets for 8")
    expect(tpc(*words[:-2]), 64, "--every")
    expect(tpc(*words, "--every", "2"), 64)
    expect(tpc(*words, "--ridge", "-1"), 64)


def test_predict_classes():
    p = os.path.join(EXAMPLES, "mlp.tp")
    x = data(60, 2)
    labels = np.where(x[:, 0] * x[:, 1] > 0, 3, 7)
    save("x.npy", x), save("t.npy", labels)
    done = expect(tpc("predict", p, "--input", "x.npy", "--targets", "t.npy", "--every", 5, "--get", "nngp,ntk", "-o", "out.npz", "--json"), 0)
    said = json.loads(done.stdout)["kernels"]
    out = np.load("out.npz")
    for kernel in ("nngp", "ntk"):
        accuracy = np.mean(out[f"labels.{kernel}"] == labels[4::5])
        assert said[kernel]["accuracy"] == accuracy >= 0.75, said
    assert out["ntk"].shape == (48, 48) and out["ntk.test"].shape == (12, 48)
    expect(tpc("predict", p, "--input", "x.npy", "--targets", "t.npy", "--every", 5), 0, "accuracy")
    expect(tpc("predict", p, "--input", "x.npy", "--targets", "t.npy", "--every", 5, "--regress"), 0, "root mean square")
    save("half.npy", labels + 0.5)
    expect(tpc("predict", p, "--input", "x.npy", "--targets", "half.npy", "--every", 5, "--classify"), 3, "half.npy")
    expect(tpc("predict", p, "--input", "x.npy", "--targets", "t.npy", "--every", 61), 64)


def test_predict_at_a_time():
    p, x, y = write("p.tp", LINEAR), data(6, 9), data(3, 9, seed=2)
    targets = data(6, seed=3)
    save("x.npy", x), save("y.npy", y), save("t.npy", targets)
    words = ["predict", p, "--train", "x.npy", "--targets", "t.npy", "--test", "y.npy", "-o", "out.npz"]
    values, vectors = np.linalg.eigh(2 * x @ x.T / 9 + 0.05 * np.eye(6))
    for time in (0, 0.3, 20):
        expect(tpc(*words, "--time", time, "--ridge", 0.05), 0, f"at time {time}")
        weights = vectors @ ((1 - np.exp(-values * time)) / values * (vectors.T @ targets))
        close(np.load("out.npz")["predictions.ntk"][:, 0], 2 * y @ x.T / 9 @ weights)
    expect(tpc(*words, "--time", "inf"), 0)
    close(np.load("out.npz")["predictions.ntk"][:, 0], y @ x.T @ np.linalg.solve(x @ x.T, targets), 1e-8)
    save("x.npy", x[:, :1] * np.ones(9))  # of rank 1: only the end of time needs a ridge
    expect(tpc(*words, "--time", "5"), 0)
    os.remove("out.npz")
    expect_one_line(tpc(*words), 3, "ridge")
    for wrong in ("-1", "nan", "soon"):
        expect(tpc(*words, "--time", wrong), 64, "--time")


def test_spectrum():
    p, x, targets = write("p.tp", LINEAR), data(7, 9), data(7, seed=3)
    save("x.npy", x), save("t.npy", targets), save("two.npy", np.stack([targets, targets], 1)), save("short.npy", targets[:4])
    values, vectors = np.linalg.eigh(2 * x @ x.T / 9)
    words = ["spectrum", p, "--input", "x.npy", "--get", "ntk"]
    said = json.loads(expect(tpc(*words, "--targets", "t.npy", "-o", "out.npz", "--json"), 0).stdout)["kernels"]["ntk"]
    out = dict(np.load("out.npz"))
    os.remove("out.npz")
    close(out["eigenvalues.ntk"], values[::-1])
    close(np.abs(np.sum(out["eigenvectors.ntk"] * vectors[:, ::-1], 0)), np.ones(7))
    close(np.array(said["eigenvalues"]), values[::-1])
    for name, want in (("condition", values[-1] / values[0]), ("trace", values.sum()), ("learning_rate", 2 / values[-1]),
                       ("bound", np.sqrt(2 * targets @ np.linalg.solve(2 * x @ x.T / 9, targets) / 7))):
        close(said[name], want, 1e-9)
    assert said["resolved"] == 7 and 0 < said["error"] < 1e-5, said
    power = (vectors.T @ targets) ** 2
    for fraction, time in said["times"].items():
        close(power @ np.exp(-2 * values * time), float(fraction) * power.sum(), 1e-8)
    expect(tpc(*words), 0, "7 eigenvalues", "condition", "learning rates below")
    assert "bound" not in json.loads(tpc(*words, "--targets", "two.npy", "--json").stdout)["kernels"]["ntk"]
    # Two equal samples: what lies along their difference is never learnt, and nobody knows how small the eigenvalue is.
    save("x.npy", np.vstack([x, x[:1]])), save("t.npy", np.append(targets, -targets[0]))
    done = expect(tpc(*words, "--targets", "t.npy", "--json"), 0)
    said = json.loads(done.stdout)["kernels"]["ntk"]
    assert said["resolved"] == 7 and said["bound"] == "inf" == said["times"]["0.001"] and "condition" not in said, said
    expect(tpc(*words, "--targets", "t.npy"), 0, "1 of them within that of 0", "no known time")
    # Families: as many rows as members; those that a sample does not have are no rows.
    family = write("f.tp", FAMILY)
    save("x.npy", data(3, 4, 2)), save("T.npy", np.array([4, 2, 3]))
    said = json.loads(expect(tpc("spectrum", family, "--input", "x.npy", "--lengths", "T=T.npy", "--json"), 0).stdout)
    assert said["kernels"]["nngp"]["size"] == 9, said
    expect_one_line(tpc("spectrum", family, "--input", "x.npy", "--targets", "t.npy"), 64, "one output, a scalar")
    expect_one_line(tpc("spectrum", p, "--input", "y.npy"), 3, "y.npy")
    save("x.npy", 0 * x)
    expect_one_line(tpc(*words), 3, "the kernel is 0")
    save("x.npy", x)
    expect_one_line(tpc(*words, "--targets", "short.npy"), 3, "4 targets for 7")


if __name__ == "__main__":
    support.main(__doc__, globals())
