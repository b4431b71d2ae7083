"""The recursions of some examples in NumPy, vectorised over all pairs of samples: what a careful user would write by hand."""
import os
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # threads that wait would count as time of the processor

import numpy as np  # noqa: E402


def numpy_rnn_average(x, sw2=1.0, su2=1.0, sb2=0.01):
    """The vectorised recursion of examples/rnn_average.tp over all pairs of samples at once: x[n, t, k]. Seconds, NNGP,
    tangent kernel. One row of positions is kept, [s, n, m]: all pairs of positions of a thousand samples would take 10 GB."""
    N, T, d = x.shape

    def dual(c, a, b):
        scale = (1 + 2 * a)[:, None] * (1 + 2 * b)[None, :]
        return 2 / np.pi * np.arcsin(2 * c / np.sqrt(scale)), 4 / np.pi / np.sqrt(scale - 4 * c**2)

    start = time.process_time()
    own = np.zeros((T, N))
    state = np.zeros(N)
    for t in range(T):
        own[t] = sw2 * state + su2 * np.einsum("nk,nk->n", x[:, t], x[:, t]) / d + sb2
        state = 2 / np.pi * np.arcsin(2 * own[t] / (1 + 2 * own[t]))
    nngp, ntk = np.zeros((N, N)), np.zeros((N, N))
    c, tangent = np.zeros((T + 1, N, N)), np.zeros((T + 1, N, N))
    for t in range(T):
        for s in reversed(range(T)):  # [t, s] from [t - 1, s - 1], in place
            gram = x[:, t] @ x[:, s].T / d
            slope_in = c[s] + sw2 * tangent[s] + gram + 1
            c[s + 1], slope = dual(sw2 * c[s] + su2 * gram + sb2, own[t], own[s])
            tangent[s + 1] = slope_in * slope
        nngp += c[1:].sum(0)
        ntk += tangent[1:].sum(0)
    nngp /= T**2
    ntk = nngp + ntk / T**2
    return time.process_time() - start, nngp, ntk


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
    """Both kernels of all pairs, some left samples at a time, and the seconds of that."""
    start = time.process_time()
    rows = [kernel(slice(first, min(samples, first + chunk))) for first in range(0, samples, chunk)]
    seconds = time.process_time() - start
    return seconds, np.concatenate([row[0] for row in rows]), np.concatenate([row[1] for row in rows])


def numpy_gcn(x, A, layers=2):
    """The vectorised recursion of examples/gcn.tp: x[n, i, k], A[n, i, j]. Seconds, NNGP, tangent kernel."""
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
    """The vectorised recursion of examples/transformer.tp: x[n, t, k]. Seconds, NNGP, tangent kernel."""
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


def seconds_of(name, samples):
    """Of one core, for both kernels of so many random samples; nothing where no recursion is written."""
    rng = np.random.default_rng(1)
    if name == "rnn_average_T20":
        return numpy_rnn_average(rng.standard_normal((samples, 20, 8)))[0]
    if name == "gcn_30":
        return numpy_gcn(rng.standard_normal((samples, 30, 8)), rng.standard_normal((samples, 30, 30)))[0]
    if name == "transformer_T16_6":
        return numpy_transformer(rng.standard_normal((samples, 16, 8)), 6)[0]
    return None
