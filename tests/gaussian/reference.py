#!/usr/bin/env python3
"""Writes reference.txt beside it: expectations of two Gaussians to fifty digits, rounded to seventeen.

    reference.py > reference.txt     (needs mpmath, which the tests themselves do not)

a = m + sqrt(A) u, b = m' + sqrt(B) (rho u + sqrt(1 - rho^2) v). The integral over v is a formula for kinked and entire functions,
a trapezoidal sum (which converges like exp(-1/step)) for functions with poles; that over u is Gauss-Legendre on panels graded
towards all places where something changes. A line: function, A, B, sign of rho, 1 - |rho|, m, m', then E[f(a) f(b)],
2 (sqrt(E[f(a)^2] E[f(b)^2]) -+ E[f(a) f(b)]), E[f'(a) f'(b)], and sqrt(E[f'(a)^2] E[f'(b)^2]).
"""
import sys

from mpmath import cos, erf, exp, log, mp, mpf, pi, sin, sqrt, tanh
from mpmath.calculus.quadrature import GaussLegendre

mp.dps = 60
ONE, HALF = mpf(1), mpf(1) / 2
NODES = GaussLegendre(mp).calc_nodes(5, 240)  # 96 points a panel


def density(x):
    return exp(-x * x / 2) / sqrt(2 * pi)


def cdf(x):
    return mp.erfc(-x / sqrt(mpf(2))) / 2


def upper(m, s, power):
    """E[b^power; b > 0]"""
    z = m / s
    moments = [cdf(z), m * cdf(z) + s * density(z)]
    for k in range(2, power + 1):
        moments.append(m * moments[-1] + (k - 1) * s * s * moments[-2])
    return moments[power]


def tilted(m, s, power):
    """E[b^power exp(-b^2)]"""
    c = 1 + 2 * s * s
    m2, s2 = m / c, s * s / c
    raw = [ONE, m2]
    for k in range(2, power + 1):
        raw.append(m2 * raw[-1] + (k - 1) * s2 * raw[-2])
    return raw[power] * exp(-m * m / c) / sqrt(c)


def lower_exp(m, s):
    """E[exp(b); b < 0]"""
    return exp(m + s * s / 2) * cdf(-(m + s * s) / s)


def above(m, s, kink, power):
    """E[(b - kink)^power; b > kink]"""
    return upper(m - kink, s, power)


def summed(f):
    """E[f(b)] for a function with poles at +-i pi/2 or farther, by the trapezoidal rule."""

    def inner(m, s):
        strip = min(pi / (2 * s), mpf(12)) * mpf("0.95")
        step = 2 * pi * strip / (mpf(125) + strip * strip / 2)
        count = int(mpf(16) / step) + 1
        return step * sum(density(k * step) * f(m + s * k * step) for k in range(-count, count + 1))

    return inner


def sigmoid(x):
    return 1 / (1 + exp(-x))


class Function:
    def __init__(self, value, slope, inner_value, inner_slope, kinks=(), smooth=False):
        self.value, self.slope, self.inner_value, self.inner_slope = value, slope, inner_value, inner_slope
        self.kinks, self.smooth = kinks, smooth


def unit(x):
    return ONE if x > 0 else mpf(0) if x < 0 else HALF


ROOT_PI = sqrt(pi)
FUNCTIONS = {
    "relu": Function(lambda x: max(x, mpf(0)), unit, lambda m, s: upper(m, s, 1), lambda m, s: upper(m, s, 0), (0,)),
    "abs": Function(abs, lambda x: 2 * unit(x) - 1, lambda m, s: 2 * upper(m, s, 1) - m, lambda m, s: 2 * cdf(m / s) - 1, (0,)),
    "step": Function(unit, lambda x: mpf(0), lambda m, s: cdf(m / s), lambda m, s: mpf(0), (0,)),
    "relu2": Function(lambda x: x * x if x > 0 else mpf(0), lambda x: 2 * max(x, mpf(0)), lambda m, s: upper(m, s, 2),
                      lambda m, s: 2 * upper(m, s, 1), (0,)),
    "hardtanh": Function(lambda x: max(min(x, ONE), -ONE), lambda x: unit(x + 1) - unit(x - 1),
                         lambda m, s: -1 + above(m, s, -1, 1) - above(m, s, 1, 1),
                         lambda m, s: above(m, s, -1, 0) - above(m, s, 1, 0), (-1, 1)),
    "elu": Function(lambda x: x if x > 0 else mp.expm1(x), lambda x: ONE if x > 0 else exp(x),
                    lambda m, s: upper(m, s, 1) + lower_exp(m, s) - cdf(-m / s),
                    lambda m, s: cdf(m / s) + lower_exp(m, s), (0,)),
    "erf": Function(erf, lambda x: 2 / ROOT_PI * exp(-x * x), lambda m, s: erf(m / sqrt(1 + 2 * s * s)),
                    lambda m, s: 2 / ROOT_PI * tilted(m, s, 0)),
    "gelu": Function(lambda x: x * cdf(x), lambda x: cdf(x) + x * density(x),
                     lambda m, s: m * cdf(m / sqrt(1 + s * s)) + s * s / sqrt(1 + s * s) * density(m / sqrt(1 + s * s)),
                     lambda m, s: cdf(m / sqrt(1 + s * s)) + m / (1 + s * s) ** (3 * HALF) * density(m / sqrt(1 + s * s))),
    "sin": Function(sin, cos, lambda m, s: exp(-s * s / 2) * sin(m), lambda m, s: exp(-s * s / 2) * cos(m)),
    "bump": Function(lambda x: x * x * exp(-x * x), lambda x: (2 * x - 2 * x**3) * exp(-x * x), lambda m, s: tilted(m, s, 2),
                     lambda m, s: 2 * tilted(m, s, 1) - 2 * tilted(m, s, 3)),
    "cube": Function(lambda x: x**3, lambda x: 3 * x * x, lambda m, s: m**3 + 3 * m * s * s, lambda m, s: 3 * (m * m + s * s)),
    "tanh": Function(tanh, lambda x: 1 - tanh(x) ** 2, summed(tanh), summed(lambda x: 1 - tanh(x) ** 2), smooth=True),
    "silu": Function(lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x))), summed(lambda x: x * sigmoid(x)),
                     summed(lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x)))), smooth=True),
}

# A, B, sign of rho, 1 - |rho|, means
PLACES = [
    ("1", "1", 1, "0.5", "0", "0"), ("1", "2", -1, "0.01", "0", "0"), ("1", "1", 1, "1e-6", "0", "0"),
    ("1", "1.0001", 1, "1e-9", "0", "0"), ("1", "1", 1, "1e-12", "0", "0"), ("1", "1", -1, "1e-12", "0", "0"),
    ("0.5", "2", 1, "1", "0", "0"), ("1e-6", "1e-6", 1, "0.3", "0", "0"), ("1e-6", "1", 1, "0.2", "0", "0"),
    ("1e-6", "1e-6", -1, "1e-10", "0", "0"), ("1e-3", "1", -1, "1e-4", "0", "0"),
    ("1", "0.7", 1, "0.4", "0.3", "-0.2"), ("1", "1", 1, "1e-12", "0.5", "0.5"), ("1", "1", -1, "1e-8", "0.5", "-0.5"),
    ("1e-6", "1e-6", 1, "1e-6", "0.001", "0.001"), ("0.01", "0.04", 1, "0.1", "1", "-1"),
    # means that are small, of the order of a deviation, many deviations
    ("1e-6", "1e-6", -1, "0.3", "0.001", "-0.001"), ("1e-6", "4e-6", -1, "1e-10", "1e-9", "-1e-5"),
    ("0.58", "0.66", -1, "2.5e-6", "-0.3", "0.3"), ("1", "1", 1, "0.4", "-5", "-5"), ("1", "1", 1, "1e-12", "-5", "-5"),
    ("1", "1.21", 1, "0.1", "-6", "0"),
]
LARGE = [
    ("1e3", "1e3", 1, "0.3", "0", "0"), ("1e3", "900", 1, "1e-6", "0", "0"), ("1e3", "1e-6", -1, "0.1", "0", "0"),
    ("1e3", "1e3", 1, "1e-12", "0", "0"), ("1e3", "1e3", -1, "1e-9", "0", "0"), ("100", "1e3", 1, "0.01", "3", "-2"),
    ("1e3", "1e3", 1, "1e-10", "-150", "-150"),
]


def integral(f, points, least):
    """of f times the normal density"""
    breaks = {mpf(x) for x in range(-16, 17, 4)}
    for point in points:
        distance = mpf(4)
        while distance > least:
            breaks.update((point - distance, point + distance))
            distance /= 4
        breaks.update((point - distance, point, point + distance))
    breaks = sorted(x for x in breaks if abs(x) <= 16)
    total = mpf(0)
    for left, right in zip(breaks, breaks[1:]):
        half, middle = (right - left) / 2, (right + left) / 2
        total += half * sum(w * density(middle + half * x) * f(middle + half * x) for x, w in NODES)
    return total


def even(f, width):
    """The same of a function that is analytic within `width` of the real line."""
    strip = min(width, mpf(12)) * mpf("0.95")
    step = 2 * pi * strip / (mpf(125) + strip * strip / 2)
    count = int(mpf(16) / step) + 1
    return step * sum(density(k * step) * f(k * step) for k in range(-count, count + 1))


def line(name, place):
    f = FUNCTIONS[name]
    A, B, gap, ma, mb = (mpf(place[k]) for k in (0, 1, 3, 4, 5))
    rho, root = place[2] * (1 - gap), sqrt(gap * (2 - gap))
    sa, sb = sqrt(A), sqrt(B)
    centre, spread = lambda u: mb + sb * rho * u, sb * root

    if f.smooth:
        def outer(g):
            return even(g, pi / 2 / max(sa, sb))
    else:
        marks = [(k - ma) / sa for k in (f.kinks or (0,))]
        if rho != 0:
            marks += [(k - mb) / (sb * rho) for k in (f.kinks or (0,))]
        near = min(ONE, root if f.kinks and root > 0 else ONE, 1 / sa, 1 / sb) / 4

        def outer(g):
            return integral(g, marks, near)

    def alone(g, m, s):
        if f.smooth:
            return even(lambda u: g(m + s * u), pi / 2 / s)
        return integral(lambda u: g(m + s * u), [(k - m) / s for k in (f.kinks or (0,))], min(ONE, 1 / s) / 4)

    value = outer(lambda u: f.value(ma + sa * u) * f.inner_value(centre(u), spread))
    slope = outer(lambda u: f.slope(ma + sa * u) * f.inner_slope(centre(u), spread))
    squares = alone(lambda x: f.value(x) ** 2, ma, sa) * alone(lambda x: f.value(x) ** 2, mb, sb)
    slopes = alone(lambda x: f.slope(x) ** 2, ma, sa) * alone(lambda x: f.slope(x) ** 2, mb, sb)
    numbers = (value, 2 * (sqrt(squares) - value), 2 * (sqrt(squares) + value), slope, sqrt(slopes))
    return " ".join([name, place[0], place[1], str(place[2]), *place[3:], *(mp.nstr(x, 17) for x in numbers)])


def main():
    for name in sys.argv[1:] or FUNCTIONS:
        for place in PLACES + ([] if FUNCTIONS[name].smooth else LARGE):
            print(line(name, place), flush=True)


if __name__ == "__main__":
    main()
