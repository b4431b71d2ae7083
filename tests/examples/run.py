#!/usr/bin/env python3
"""Check one example program and evaluate its kernels on small random data.

What must hold of any kernel is tested: the shape, finite values, symmetry, positive semidefiniteness, equal rows for
equal samples, and that the tangent kernel exceeds the readout's own term (nngp, where the readouts have variance 1).
"""
import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np

SAMPLES = 5
SHAPES = {  # input name -> axes of one sample
    "average_readout": {"xi": (3,)},
    "batchnorm_mlp": {"xi": (4, 3)},
    "birnn": {"xi": (4, 3)},
    "cnn_flatten": {"xi": (4, 5, 2)},
    "cnn_pooled": {"xi": (4, 5, 2)},
    "encoder": {"xi": (3, 4)},
    "gcn": {"xi": (4, 3), "A": (4, 4)},
    "gru": {"xi": (2, 3)},
    "layernorm_mlp": {"xi": (3,)},
    "locally_connected": {"xi": (5, 2)},
    "lstm": {"xi": (2, 3)},
    "mlp": {"xi": (3,)},
    "myrtle": {"xi": (4, 8, 2)},
    "resnet_post": {"xi": (3,)},
    "resnet_pre": {"xi": (3,)},
    "rnn_average": {"xi": (4, 3)},
    "rnn_last": {"xi": (4, 3)},
    "rnn_steps": {"xi": (4, 3)},
    "tied": {"xi": (3,)},
    "transformer": {"xi": (3, 4)},
}
FAMILY = {"rnn_steps": (4,), "batchnorm_mlp": (4,)}  # the sizes of a family of outputs
FAILS_CHECK = {"average_readout"}


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


def require(condition, text):
    if not condition:
        sys.exit(f"FAIL: {text}")


def require_kernel(name, kernel, outputs, error):
    require(kernel.shape == (SAMPLES, *outputs, SAMPLES, *outputs), f"{name} has shape {kernel.shape}")
    rows = SAMPLES * int(np.prod(outputs))
    matrix = kernel.reshape(rows, rows)
    scale = np.abs(matrix).max()
    require(np.isfinite(matrix).all() and scale > 0, f"{name} is not finite or zero")
    require(np.abs(matrix - matrix.T).max() <= 1e-12 * scale, f"{name} is not symmetric")
    require(np.linalg.eigvalsh(matrix)[0] >= -max(1e-8, error) * rows * scale, f"{name} is not positive semidefinite")
    first, last = kernel[0], kernel[-1]  # the same sample
    require(np.abs(first - last).max() <= max(1e-9, 2 * error) * scale, f"{name} differs between two copies of a sample")
    return matrix


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tpc", required=True)
    parser.add_argument("program")
    args = parser.parse_args()
    example = os.path.splitext(os.path.basename(args.program))[0]
    fails = example in FAILS_CHECK

    checked = run(args.tpc, "check", args.program)
    require(checked.returncode == (2 if fails else 0), f"check: exit {checked.returncode}\n{checked.stderr}")

    random = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as scratch:
        inputs = []
        for name, axes in SHAPES[example].items():
            data = random.standard_normal((SAMPLES, *axes))
            data[-1] = data[0]
            np.save(os.path.join(scratch, f"{name}.npy"), data)
            inputs += ["--input", f"{name}={scratch}/{name}.npy"]
        out = os.path.join(scratch, "out.npz")
        done = run(args.tpc, "kernel", args.program, *inputs, "--quiet", "-o", out)
        if fails:
            require(done.returncode == 2, f"kernel: exit {done.returncode}, expected 2")
            require(not os.path.exists(out), "an output file in spite of the verdict")
            return
        require(done.returncode == 0, f"kernel: exit {done.returncode}\n{done.stderr}")
        kernels = np.load(out)
        outputs = FAMILY.get(example, ())
        errors = [float(kernels[name]) if name in kernels else 0 for name in ("nngp_error", "ntk_error")]
        nngp = require_kernel("nngp", kernels["nngp"], outputs, errors[0])
        ntk = require_kernel("ntk", kernels["ntk"], outputs, errors[1])
        rest = np.linalg.eigvalsh(ntk - nngp)[0]
        require(rest >= -max(1e-8, *errors) * len(ntk) * np.abs(ntk).max(), "ntk - nngp is not positive semidefinite")


if __name__ == "__main__":
    main()
