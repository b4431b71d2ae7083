"""How far tangent kernels of finite networks are from their limit: `tpc simulate` for figures and their plots."""
import json
import os
import subprocess
import sys

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TPC = os.path.join(ROOT, "build/release/cli/tpc")


def example(name):
    return os.path.join(ROOT, "examples", f"{name}.tp")


def simulate(name, data, widths, seeds, defines=()):
    """Mean over networks of |K_n - K| / |K| at each width; data: a file of samples."""
    command = [TPC, "simulate", example(name), "--input", data, "--get", "ntk", "--json", "--quiet", "--seeds", str(seeds),
               "--widths", ",".join(map(str, widths))]
    for key, value in dict(defines).items():
        command += ["-D", f"{key}={value}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{name}: {done.stderr.strip()}")
    return [row["ntk"]["typical"] for row in json.loads(done.stdout)["table"]["rows"]]


def draw(path, widths, curves, published=()):
    """curves: name -> a value for each width; published: name -> a value at the last width. Needs Matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    figure, axes = pyplot.subplots(figsize=(5.2, 3.6))
    for name, values in curves.items():
        line, = axes.plot(widths, values, marker="o", markersize=4, label=name)
        if name in dict(published):
            axes.plot(widths[-1:], [published[name]], marker="x", markersize=8, linestyle="none", color=line.get_color())
    # The rate that the theory gives, through the geometric mean of the curves.
    rate = np.array(widths) ** -0.5
    axes.plot(widths, rate * np.exp(np.mean([np.log(values / rate) for values in curves.values()])), "--", color="black",
              label="$n^{-1/2}$")
    if published:
        axes.plot([], [], marker="x", markersize=8, linestyle="none", color="gray", label="published")
    axes.set(xscale="log", yscale="log", xlabel="width n", ylabel=r"$\|K_n - K\|\,/\,\|K\|$")
    axes.set_xticks(widths, labels=map(str, widths))
    axes.minorticks_off()
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None} if path.endswith(".svg") else None)
