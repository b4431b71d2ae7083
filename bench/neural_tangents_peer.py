"""Times a kernel of Neural Tangents; run by bench/execution.py in an environment of its own, where that is installed.

    neural_tangents_peer.py CASE f32|f64

Prints nanoseconds for a pair of samples of two disjoint sets (best of three, compiled before) as JSON. Without arguments, the
names of the cases.
"""
import json
import sys
import time

import numpy as np


def dense(activation, depth, stax):
    layers = []
    for _ in range(depth):
        layers += [stax.Dense(1, 2**0.5, 0.0), activation]
    return stax.serial(*layers, stax.Dense(1, 1.0, 0.0))


def conv(stax, sw, strides=None):
    return stax.Conv(1, (3, 3), strides=strides, padding="SAME", W_std=sw, b_std=0.0)


def plain_cnn(pool, stax):
    layers = []
    for _ in range(21):
        layers += [conv(stax, 2**0.5), stax.Relu()]
    return stax.serial(*layers, pool, stax.Dense(1, 1.0, 0.0))


def myrtle(stax):
    """examples/myrtle.tp"""
    layers = []
    for _ in range(2):
        layers += [conv(stax, 2**0.5), stax.Relu(), stax.AvgPool((2, 2), (2, 2))]
    return stax.serial(*layers, conv(stax, 2**0.5), stax.Relu(), stax.GlobalAvgPool(), stax.Dense(1, 1.0, 0.0))


def wide_resnet(stax):
    """bench/execution/wide_resnet.tp"""

    def block(strides):
        main = stax.serial(stax.Relu(), conv(stax, 1.0, strides), stax.Relu(), conv(stax, 1.0))
        return stax.serial(stax.FanOut(2), stax.parallel(main, conv(stax, 1.0, strides)), stax.FanInSum())

    return stax.serial(conv(stax, 1.0), block((1, 1)), block((2, 2)), block((2, 2)), stax.GlobalAvgPool(),
                       stax.Dense(1, 1.0, 0.0))


# case: network, samples, shape of one
CASES = {
    "relu_mlp_10_f64": (lambda stax, jnp: dense(stax.Relu(), 10, stax), 2000, (64,)),
    "relu_mlp_10_f32": (lambda stax, jnp: dense(stax.Relu(), 10, stax), 2000, (64,)),
    "erf_mlp_3": (lambda stax, jnp: dense(stax.Erf(), 3, stax), 1000, (64,)),
    "tanh_mlp_3": (lambda stax, jnp: dense(stax.ElementwiseNumerical(jnp.tanh, deg=64), 3, stax), 100, (64,)),
    "cnn_flatten_32": (lambda stax, jnp: plain_cnn(stax.Flatten(), stax), 16, (32, 32, 3)),
    "cnn_pooled_32": (lambda stax, jnp: plain_cnn(stax.GlobalAvgPool(), stax), 2, (32, 32, 3)),
    "myrtle_32": (lambda stax, jnp: myrtle(stax), 2, (32, 32, 3)),
    "wide_resnet_32": (lambda stax, jnp: wide_resnet(stax), 2, (32, 32, 3)),
}


def main(case, precision):
    import jax

    jax.config.update("jax_enable_x64", precision == "f64")
    from neural_tangents import stax

    build, samples, shape = CASES[case]
    network = build(stax, jax.numpy)
    kernel = jax.jit(lambda a, b: network[2](a, b, ("nngp", "ntk")))
    x = np.random.default_rng(0).standard_normal((samples, *shape))
    x = jax.numpy.asarray(x, dtype=jax.numpy.float64 if precision == "f64" else jax.numpy.float32)
    half = samples // 2
    jax.block_until_ready(kernel(x[:half], x[half:]))
    best = np.inf
    for _ in range(3):
        start = time.perf_counter()
        jax.block_until_ready(kernel(x[:half], x[half:]))
        best = min(best, time.perf_counter() - start)
    print(json.dumps({"ns_per_pair": best / half**2 * 1e9, "jax": jax.__version__}))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        main(*sys.argv[1:])
    else:
        print("\n".join(CASES))
