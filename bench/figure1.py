#!/usr/bin/python3
"""Figure 1 of Yang, "Tensor Programs II: Neural Tangent Kernel for Any Architecture" (2020): how far the tangent kernel of a
network of width n is from its limit, for an average-pooled RNN, a transformer and an MLP with batch norm.

    bench/figure1.py [--out FIGURE.svg] [--json FIGURES.json] [--widths 64,128,...] [--seeds 100]

Prints the mean over networks of |K_n - K| / |K| (Frobenius norms) at each width and draws it with the line n^(-1/2). The plot
needs Matplotlib (package python3-matplotlib), the figures NumPy alone. The settings are the paper's: erf, variances 1, 2 and
0.2 of W, U and b; one transformer layer; one layer of batch norm and relu on batches of 7 and 5, projected at random to 13
numbers. The first two read the paper's own data, the first five pixels of the first two images of CIFAR-10
(A. Krizhevsky, 2009); in place of its first twelve images, batch norm reads the first twelve digits of examples/data.
At width 1024 the paper has 0.051, 0.044 and 0.105.
"""
import argparse
import json
import os
import tempfile

import numpy as np

import deviations

PIXELS = [  # image, pixel, channel: 0..255
    [[59, 62, 63], [43, 46, 45], [50, 48, 43], [68, 54, 42], [98, 73, 52]],
    [[154, 177, 187], [126, 137, 136], [105, 104, 95], [102, 101, 99], [125, 131, 139]],
]
PAPER = {"RNN": 0.051, "transformer": 0.044, "batch norm": 0.105}  # at width 1024


def save(path, *samples):
    np.savez(path, **{f"arr_{k}": sample for k, sample in enumerate(samples)})
    return path


def experiments(scratch):
    """name: program, definitions, data"""
    tokens = np.array(PIXELS) / 127.5 - 1
    digits = np.load(os.path.join(deviations.ROOT, "examples/data/digits_x.npy"))[:12] / 8.0 - 1
    batch = digits @ np.random.default_rng(0).standard_normal((64, 13)) / 8
    two = save(os.path.join(scratch, "tokens.npz"), *tokens)
    batches = save(os.path.join(scratch, "batches.npz"), batch[:7], batch[7:])
    return {
        "RNN": ("rnn_average", {"phi": "erf", "sw": 1, "su": np.sqrt(2), "sb": np.sqrt(0.2)}, two),
        "transformer": ("transformer", {"L": 1}, two),
        "batch norm": ("batchnorm_mlp", {"L": 1}, batches),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", help="the plot: .svg, .pdf or .png")
    parser.add_argument("--json", help="the figures")
    parser.add_argument("--widths", default="64,128,256,512,1024", help="the paper goes on to 8192")
    parser.add_argument("--seeds", type=int, default=100, help="networks a width")
    options = parser.parse_args()
    widths = [int(width) for width in options.widths.split(",")]
    curves = {}
    print(f"{'width':<12}" + "".join(f"{width:>9}" for width in widths) + "   slope   the paper at 1024")
    with tempfile.TemporaryDirectory() as scratch:
        for name, (program, defines, data) in experiments(scratch).items():
            curves[name] = deviations.simulate(program, data, widths, options.seeds, defines)
            slope = np.polyfit(np.log(widths), np.log(curves[name]), 1)[0] if len(widths) > 1 else np.nan
            print(f"{name:<12}" + "".join(f"{value:9.4f}" for value in curves[name]) + f"  {slope:6.2f}   {PAPER[name]}",
                  flush=True)
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"widths": widths, "seeds": options.seeds, "deviation": curves, "paper_at_1024": PAPER}, file, indent=2)
    if options.out:
        deviations.draw(options.out, widths, curves, PAPER if widths[-1] == 1024 else ())


if __name__ == "__main__":
    main()
