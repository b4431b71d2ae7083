#!/usr/bin/env python3
"""Kernels of random samples: this compiler beside a hand-written loop, NumPy and Neural Tangents, in one run.

    scripts/bench [--out RESULTS.json] [--peers] [--only CASE...]

Prints one line a case and stores all figures as JSON. Times are of the evaluation alone, without files, the least of some
runs, of the processor where one thread runs; only ratios mean anything on a shared machine. --peers installs Neural
Tangents 0.6.5 with a JAX release that it runs on into build/bench-peers (from PyPI) and times it on the same cores.
"""
import argparse
import json
import os
import platform
import subprocess
import sys

import neural_tangents_peer
import numpy_recursions

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.path.join(ROOT, "build/release/bench/bench_execution")
PEERS = os.path.join(ROOT, "build/bench-peers")

# name: file, definitions, axes, samples, options
CASES = {
    "relu_mlp_10_f64": ("bench/execution/relu_mlp", ["L=10"], ["d=64"], 4000, ["--fused", "10"]),
    "relu_mlp_10_f32": ("bench/execution/relu_mlp", ["L=10"], ["d=64"], 4000, ["--fused", "10", "--f32"]),
    "erf_mlp_3": ("examples/mlp", ["phi=erf", "L=3"], ["d=64"], 1000, []),
    "tanh_mlp_3": ("examples/mlp", ["phi=tanh", "L=3"], ["d=64"], 1000, []),
    "rnn_average_T20": ("examples/rnn_average", [], ["T=20", "d=8"], 1000, []),
    "transformer_T16_6": ("examples/transformer", ["L=6"], ["T=16", "d=8"], 64, []),
    "gcn_30": ("examples/gcn", [], ["nodes=30", "d=8"], 64, []),
    "cnn_flatten_32": ("examples/cnn_flatten", ["L=21"], ["rows=32", "cols=32", "c=3"], 128,
                       ["--f32", "--fused", "21", "--network", "cnn"]),
    "cnn_pooled_32": ("examples/cnn_pooled", ["L=21"], ["rows=32", "cols=32", "c=3"], 16,
                      ["--f32", "--runs", "1", "--fused", "21", "--network", "pooled"]),
    "myrtle_32": ("examples/myrtle", [], ["p=8", "q=8", "c=3"], 16, ["--f32", "--runs", "1"]),
    "wide_resnet_32": ("bench/execution/wide_resnet", [], ["p=8", "q=8", "c=3"], 16, ["--f32", "--runs", "1"]),
}


def start(name, threads):
    file, defines, axes, samples, options = CASES[name]
    command = [BINARY, os.path.join(ROOT, f"{file}.tp"), "--samples", str(samples), "--threads", str(threads)]
    for define in defines:
        command += ["-D", define]
    for axis in axes:
        command += ["--axis", axis]
    return subprocess.Popen(command + options, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def result_of(process):
    said, errors = process.communicate()
    return json.loads(said) if process.returncode == 0 else {"error": errors.strip().splitlines()[-1]}


def measure(name, threads):
    return result_of(start(name, threads))


def two_processes(name, alone):
    """How much more two processes of one thread do than one: what the machine gives to two threads that share nothing."""
    both = [result_of(process) for process in [start(name, 1), start(name, 1)]]
    return 2 * alone["clock_seconds"] / max(each["clock_seconds"] for each in both)


def peer_python():
    python = os.path.join(PEERS, "bin/python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", PEERS], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "neural-tangents==0.6.5", "jax==0.4.30", "jaxlib==0.4.30",
                        "numpy<2", "scipy<1.14"], check=True)
    return python


def peer(name, precision):
    done = subprocess.run([peer_python(), neural_tangents_peer.__file__, name, precision], capture_output=True, text=True)
    if done.returncode != 0:
        return {"error": (done.stderr.strip().splitlines() or ["?"])[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def times_as_long(ns_per_entry, own, samples):
    """Of a pair, and of the kernel of one set, of which others compute both halves."""
    pair = ns_per_entry / own["ns_per_pair"]
    return f"{pair:.1f} times as long, {pair * 2 * samples / (samples + 1):.1f} times for the kernel of one set"


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
        case["two_processes_gain"] = two_processes(name, one)
        line = (f"{name:20} {one['precision']}  {one['ns_per_pair']:12.1f} ns a pair, two threads {one['clock_seconds'] / two['clock_seconds']:.2f} "
                f"times as fast (two processes: {case['two_processes_gain']:.2f})")
        if "ratio_to_fused" in one:
            line += f"; {one['ratio_to_fused']:.2f} times the hand-fused loop"
        samples = CASES[name][3]
        if by_numpy := numpy_recursions.seconds_of(name, samples):
            case["numpy_ns_per_entry"] = by_numpy / samples**2 * 1e9
            line += "; NumPy " + times_as_long(case["numpy_ns_per_entry"], one, samples)
        if given.peers and name in neural_tangents_peer.CASES:
            case["neural_tangents"] = peer(name, one["precision"])
            other = case["neural_tangents"].get("ns_per_pair")
            line += f"; Neural Tangents {times_as_long(other, two, samples)} on {os.cpu_count()} cores" if other else \
                f"; Neural Tangents: {case['neural_tangents']['error']}"
        print(line, flush=True)
    os.makedirs(os.path.dirname(given.out), exist_ok=True)
    with open(given.out, "w") as out:
        json.dump(results, out, indent=1)
    print(f"written to {given.out}")


if __name__ == "__main__":
    main()
