#!/usr/bin/env python3
"""Kernels of random samples: this compiler beside a hand-written loop, NumPy and Neural Tangents, in one run.

    scripts/bench [--out RESULTS.json] [--peers] [--only CASE...]

Prints one line a case and stores all figures as JSON. Times are of the evaluation alone, without files, the least of some
runs, of the processor where one thread runs; only ratios mean anything on a shared machine. --peers installs Neural Tangents 0.6.5 with a JAX release that it runs on
into build/bench-peers (from PyPI) and times it on the same cores.
"""
import argparse
import json
import os
import platform
import subprocess
import sys
import time

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.path.join(ROOT, "build/release/bench/bench_execution")
PEERS = os.path.join(ROOT, "build/bench-peers")

# name: file, definitions, axes, samples, options
CASES = {
    "relu_mlp_10_f64": ("bench/execution/relu_mlp", ["L=10"], ["d=64"], 4000, ["--fused", "10"]),
    "relu_mlp_10_f32": ("bench/execution/relu_mlp", ["L=10"], ["d=64"], 4000, ["--fused", "10", "--f32"]),
    "erf_mlp_3": ("examples/mlp", ["phi=erf", "L=3"], ["d=64"], 1000, []),
    "tanh_mlp_3": ("examples/mlp", ["phi=tanh", "L=3"], ["d=64"], 1000, []),
    "rnn_average_T20": ("examples/rnn_average", [], ["T=20", "d=8"], 300, []),
    "transformer_T16_6": ("examples/transformer", ["L=6"], ["T=16", "d=8"], 64, []),
    "gcn_30": ("examples/gcn", [], ["nodes=30", "d=8"], 64, []),
    "cnn_flatten_32": ("examples/cnn_flatten", ["L=21"], ["rows=32", "cols=32", "c=3"], 128,
                       ["--f32", "--fused", "21", "--network", "cnn"]),
    "cnn_pooled_32": ("examples/cnn_pooled", ["L=21"], ["rows=32", "cols=32", "c=3"], 16,
                      ["--f32", "--runs", "1", "--fused", "21", "--network", "pooled"]),
    "myrtle_32": ("examples/myrtle", [], ["p=8", "q=8", "c=3"], 16, ["--f32", "--runs", "1"]),
}


def measure(name, threads):
    file, defines, axes, samples, options = CASES[name]
    command = [BINARY, os.path.join(ROOT, f"{file}.tp"), "--samples", str(samples), "--threads", str(threads)]
    for define in defines:
        command += ["-D", define]
    for axis in axes:
        command += ["--axis", axis]
    done = subprocess.run(command + options, capture_output=True, text=True)
    if done.returncode != 0:
        return {"error": done.stderr.strip().splitlines()[-1]}
    return json.loads(done.stdout)


def numpy_rnn_average(T, d, N, sw2=1.0, su2=1.0, sb2=0.01):
    """The vectorised recursion of an average-pooled erf RNN over all pairs of samples at once: NNGP and tangent kernel."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((N, T, d))
    gram = np.einsum("ntk,msk->tsnm", x, x) / d

    def dual(c, a, b):
        scale = (1 + 2 * a)[:, None] * (1 + 2 * b)[None, :]
        return 2 / np.pi * np.arcsin(2 * c / np.sqrt(scale)), 4 / np.pi / np.sqrt(scale - 4 * c**2)

    start = time.process_time()
    own = np.zeros((T, N))
    state = np.zeros(N)
    for t in range(T):
        own[t] = sw2 * state + su2 * np.einsum("nk,nk->n", x[:, t], x[:, t]) / d + sb2
        state = 2 / np.pi * np.arcsin(2 * own[t] / (1 + 2 * own[t]))
    c = np.zeros((T + 1, T + 1, N, N))
    tangent = np.zeros((T + 1, T + 1, N, N))
    for t in range(T):
        for s in range(T):
            pre = sw2 * c[t, s] + su2 * gram[t, s] + sb2
            slope_in = c[t, s] + sw2 * tangent[t, s] + gram[t, s] + 1
            value, slope = dual(pre, own[t], own[s])
            c[t + 1, s + 1] = value
            tangent[t + 1, s + 1] = slope_in * slope
    nngp = c[1:, 1:].mean((0, 1))
    ntk = nngp + tangent[1:, 1:].mean((0, 1))
    return (time.process_time() - start) / N**2 * 1e9, float(ntk.sum())


def relu_dual(c, tangent, a, b):
    """C and T of relu of Gaussians with variances a (left) and b (right): arrays [n, m, i, j]."""
    root = np.sqrt(a)[:, None, :, None] * np.sqrt(b)[None, :, None, :]
    rho = np.clip(c / root, -1, 1)
    angle = np.pi - np.arccos(rho)
    return root / (2 * np.pi) * (np.sqrt(1 - rho**2) + angle * rho), tangent * (angle / (2 * np.pi))


def diagonal(c):
    """Of every sample's own [i, j]."""
    return np.einsum("nii->ni", c)


def of_itself(step, c):
    """`step` applied to the covariances [n, i, j] of samples with themselves, as pairs of one sample each."""
    return np.stack([step(c[n, None, None], n)[0][0, 0] for n in range(len(c))])


def both_sides(left, c, right):
    """sum over k, l: left[n, i, k] c[n, m, k, l] right[m, j, l], as products of matrices."""
    return left[:, None] @ c @ right[None].swapaxes(-1, -2)


def by_rows(kernel, samples, chunk=4):
    """Both kernels of all pairs, some left samples at a time, and the time for a pair."""
    start = time.perf_counter()
    rows = [kernel(slice(first, min(samples, first + chunk))) for first in range(0, samples, chunk)]
    seconds = time.perf_counter() - start
    return seconds / samples**2 * 1e9, np.concatenate([row[0] for row in rows]), np.concatenate([row[1] for row in rows])


def numpy_gcn(x, A, layers=2):
    """The vectorised recursion of examples/gcn.tp: x[n, i, k], A[n, i, j]. Time for a pair, NNGP, tangent kernel."""
    d = x.shape[-1]
    variances = []
    own = np.einsum("nik,njk->nij", x, x) / d
    for _ in range(layers):
        own = 2 * (A @ own @ A.swapaxes(-1, -2))
        variances.append(diagonal(own))
        own = of_itself(lambda c, n: relu_dual(c, c, variances[-1][n, None], variances[-1][n, None]), own)

    def kernel(rows):
        c = np.einsum("nik,mjk->nmij", x[rows], x) / d
        tangent = np.zeros_like(c)
        for layer in range(layers):
            sums = both_sides(A[rows], c, A)
            tangent = sums + (2 * both_sides(A[rows], tangent, A) if layer > 0 else 0)
            c, tangent = relu_dual(2 * sums, tangent, variances[layer][rows], variances[layer])
        nngp = c.sum((-1, -2))
        return nngp, nngp + tangent.sum((-1, -2))

    return by_rows(kernel, len(x))


def numpy_transformer(x, layers=6):
    """The vectorised recursion of examples/transformer.tp: x[n, t, k]. Time for a pair, NNGP, tangent kernel."""
    d, T = x.shape[-1], x.shape[1]

    def layer(c, tangent, mix, at, own):
        """`mix`: the identity and the attention together; `at`: the left samples; `own`: second moments, appended to or used."""
        c, tangent = both_sides(mix[at], c, mix), both_sides(mix[at], tangent, mix)
        first = own(c)
        scale = 1 / np.sqrt(first[at][:, None, :, None] * first[None, :, None, :])
        z, tangent = c * scale, tangent * scale
        ones = np.ones_like(first)
        c, inner = relu_dual(z, z + tangent, ones[at], ones)
        tangent = c + inner + tangent
        c = c + z
        second = own(c)
        scale = 1 / np.sqrt(second[at][:, None, :, None] * second[None, :, None, :])
        return c * scale, tangent * scale

    mixes, moments = [], []
    own = np.einsum("nik,njk->nij", x, x) / d
    for _ in range(layers):
        weights = np.exp(own - own.max(-1, keepdims=True))
        mixes.append(np.eye(T) + weights / weights.sum(-1, keepdims=True))
        found = [[], []]
        values = []
        for n in range(len(x)):
            kept = iter(found)

            def note(c):
                value = np.einsum("ii->i", c[0, 0])[None]
                next(kept).append(value[0])
                return value

            values.append(layer(own[n, None, None], own[n, None, None], mixes[-1][n, None], slice(None), note)[0][0, 0])
        moments.append([np.stack(f) for f in found])
        own = np.stack(values)

    def kernel(rows):
        c = np.einsum("nik,mjk->nmij", x[rows], x) / d
        tangent = np.zeros_like(c)
        for k in range(layers):
            kept = iter(moments[k])
            c, tangent = layer(c, c + tangent, mixes[k], rows, lambda _: next(kept))
        nngp = c.mean((-1, -2))
        return nngp, nngp + tangent.mean((-1, -2))

    return by_rows(kernel, len(x))


def numpy_peer(name, samples):
    """Nanoseconds for a pair of the case's recursion in NumPy, on random samples; nothing where none is written."""
    rng = np.random.default_rng(1)
    if name == "rnn_average_T20":
        return numpy_rnn_average(20, 8, samples)[0]
    if name == "gcn_30":
        return numpy_gcn(rng.standard_normal((samples, 30, 8)), rng.standard_normal((samples, 30, 30)))[0]
    if name == "transformer_T16_6":
        return numpy_transformer(rng.standard_normal((samples, 16, 8)), 6)[0]
    return None


PEER_CODE = r"""
import json, sys, time
import jax
jax.config.update('jax_enable_x64', sys.argv[2] == 'f64')
import numpy as np
import neural_tangents as nt
from neural_tangents import stax
name = sys.argv[1]
rng = np.random.default_rng(0)
W = 2 ** 0.5
def image(samples): return rng.standard_normal((samples, 32, 32, 3))
if name.startswith('relu_mlp'):
    layers = []
    for _ in range(10):
        layers += [stax.Dense(1, W, 0.0), stax.Relu()]
    network, x = stax.serial(*layers, stax.Dense(1, 1.0, 0.0)), rng.standard_normal((2000, 64))
elif name == 'erf_mlp_3':
    layers = []
    for _ in range(3):
        layers += [stax.Dense(1, W, 0.0), stax.Erf()]
    network, x = stax.serial(*layers, stax.Dense(1, 1.0, 0.0)), rng.standard_normal((1000, 64))
elif name == 'tanh_mlp_3':
    import jax.numpy as jnp
    layers = []
    for _ in range(3):
        layers += [stax.Dense(1, W, 0.0), stax.ElementwiseNumerical(jnp.tanh, deg=64)]
    network, x = stax.serial(*layers, stax.Dense(1, 1.0, 0.0)), rng.standard_normal((100, 64))
elif name.startswith('cnn'):
    layers = []
    for _ in range(21):
        layers += [stax.Conv(1, (3, 3), padding='SAME', W_std=W, b_std=0.0), stax.Relu()]
    pooled = name == 'cnn_pooled_32'
    network = stax.serial(*layers, stax.GlobalAvgPool() if pooled else stax.Flatten(), stax.Dense(1, 1.0, 0.0))
    x = image(2 if pooled else 16)
else:
    sys.exit('no such network')
kernel = jax.jit(lambda a, b: network[2](a, b, ('nngp', 'ntk')))
x = jax.numpy.asarray(x, dtype=jax.numpy.float64 if sys.argv[2] == 'f64' else jax.numpy.float32)
half = len(x) // 2
a, b = x[:half], x[half:]
jax.block_until_ready(kernel(a, b))
best = 1e300
for _ in range(3):
    start = time.perf_counter()
    jax.block_until_ready(kernel(a, b))
    best = min(best, time.perf_counter() - start)
print(json.dumps({'ns_per_pair': best / (half * half) * 1e9, 'jax': jax.__version__}))
"""


def peer_python():
    python = os.path.join(PEERS, "bin/python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", PEERS], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "neural-tangents==0.6.5", "jax==0.4.30", "jaxlib==0.4.30",
                        "numpy<2", "scipy<1.14"], check=True)
    return python


def peer(name, precision):
    done = subprocess.run([peer_python(), "-c", PEER_CODE, name, precision], capture_output=True, text=True)
    if done.returncode != 0:
        return {"error": (done.stderr.strip().splitlines() or ["?"])[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=os.path.join(ROOT, "build/bench.json"))
    parser.add_argument("--peers", action="store_true", help="install and time Neural Tangents as well")
    parser.add_argument("--only", nargs="*", choices=sorted(CASES), help="these cases alone")
    given = parser.parse_args()
    with open("/proc/cpuinfo") as cpu:
        model = next((line.split(":")[1].strip() for line in cpu if line.startswith("model name")), platform.processor())
    results = {"machine": {"processor": model, "cores": os.cpu_count()}, "cases": {}}
    for name in given.only or CASES:
        one, two = measure(name, 1), measure(name, 2)
        case = {"one_thread": one, "two_threads": two}
        results["cases"][name] = case
        if "error" in one or "error" in two:
            print(f"{name:20} {one.get('error') or two.get('error')}")
            continue
        line = f"{name:20} {one['precision']}  {one['ns_per_pair']:12.1f} ns a pair, two threads {one['clock_seconds'] / two['clock_seconds']:.2f} times as fast"
        if "ratio_to_fused" in one:
            line += f"; {one['ratio_to_fused']:.2f} times the hand-fused loop"
        if by_numpy := numpy_peer(name, CASES[name][3]):
            case["numpy_ns_per_pair"] = by_numpy
            line += f"; NumPy {case['numpy_ns_per_pair'] / one['ns_per_pair']:.1f} times as long"
        if given.peers and name in ("relu_mlp_10_f64", "relu_mlp_10_f32", "erf_mlp_3", "tanh_mlp_3", "cnn_flatten_32", "cnn_pooled_32"):
            case["neural_tangents"] = peer(name, one["precision"])
            other = case["neural_tangents"].get("ns_per_pair")
            line += f"; Neural Tangents {other / two['ns_per_pair']:.1f} times as long on {os.cpu_count()} cores" if other else \
                f"; Neural Tangents: {case['neural_tangents']['error']}"
        print(line, flush=True)
    os.makedirs(os.path.dirname(given.out), exist_ok=True)
    with open(given.out, "w") as out:
        json.dump(results, out, indent=1)
    print(f"written to {given.out}")


if __name__ == "__main__":
    main()
