// Closed forms through whole networks against the same recursions in 50 digits, where they are hardest: samples that are
// equal, opposite, nearly either, collinear, or zero.
#include "tests/execute/pipeline.hpp"

#include <boost/multiprecision/cpp_bin_float.hpp>
#include <catch2/catch.hpp>

#include <cmath>
#include <functional>

using namespace tpc;

namespace {

using Big = boost::multiprecision::cpp_bin_float_50;

const Big pi = boost::math::constants::pi<Big>();

// The three moments of a pair and its tangent.
struct Pair {
    Big A, B, c, t;
};

enum class Kind { homogeneous, erf, sign };

struct Layer {
    std::string name;
    Kind kind = Kind::homogeneous;
    Big odd = 0, even = 0; // odd z + even |z|
};

const Layer relu{"relu", Kind::homogeneous, 0.5, 0.5},
    leaky{"leaky", Kind::homogeneous, Big(0.5) + Big(0.1) / 2, Big(0.5) - Big(0.1) / 2},
    absolute{"abs", Kind::homogeneous, 0, 1}, error{"erf", Kind::erf}, jump{"sign", Kind::sign};

Big clamped(const Big& rho) {
    return rho > 1 ? Big(1) : rho < -1 ? Big(-1) : rho;
}

// limits.md section 5.
Pair apply(const Layer& layer, const Pair& p) {
    if (layer.kind == Kind::erf) {
        const Big a = 1 + 2 * p.A, b = 1 + 2 * p.B;
        const auto second = [&](const Big& variance) { return 2 / pi * asin(2 * variance / (1 + 2 * variance)); };
        const Big slope = 4 / pi / sqrt(a * b - 4 * p.c * p.c);
        return {second(p.A), second(p.B), 2 / pi * asin(2 * p.c / sqrt(a * b)), p.t * slope};
    }
    if (layer.kind == Kind::sign) {
        const auto second = [](const Big& variance) { return Big(variance > 0 ? 1 : 0); };
        const Big product = sqrt(p.A * p.B);
        return {second(p.A), second(p.B), product > 0 ? Big(2 / pi * asin(clamped(p.c / product))) : Big(0), 0};
    }
    const Big size = layer.odd * layer.odd + layer.even * layer.even;
    if (p.A == 0 || p.B == 0)
        return {size * p.A, size * p.B, 0, p.t * layer.odd * layer.odd};
    const Big product = sqrt(p.A * p.B), rho = clamped(p.c / product), angle = asin(rho);
    const Big absolutes = 2 / pi * product * (sqrt(1 - rho * rho) + rho * angle);
    return {size * p.A, size * p.B, layer.odd * layer.odd * p.c + layer.even * layer.even * absolutes,
            p.t * (layer.odd * layer.odd + layer.even * layer.even * 2 / pi * angle)};
}

Pair dense(const Pair& p, double weight, double bias) {
    return {weight * p.A + bias, weight * p.B + bias, weight * p.c + bias, p.c + weight * p.t + (bias > 0 ? 1 : 0)};
}

struct Network {
    std::string name, text;
    std::function<Pair(Pair)> reference; // from the inputs' inner products over d
};

// `layers` applied in turn, `turns` times.
Network mlp(const std::vector<Layer>& layers, std::size_t turns, double weight, double bias) {
    Network net;
    const std::string count = std::to_string(turns), last = std::to_string(layers.size());
    const auto law = [](double variance, const char* over) { return " ~ N(0, " + std::to_string(variance) + over + ")\n"; };
    net.text = "program mlp\ninput xi : R[d]\nfn leaky(z) = leaky_relu(z, 0.1)\nvector v ~ N(0, 1)\nmatrix U" +
               law(weight, " / d") + "matrix W1[l in 2.." + count + "]" + law(weight, " / n");
    std::string body;
    for (std::size_t k = 1; k <= layers.size(); ++k) {
        const std::string own = std::to_string(k), previous = std::to_string(k - 1);
        if (k > 1)
            net.text += "matrix W" + own + "[l in 1.." + count + "]" + law(weight, " / n");
        if (bias > 0)
            net.text += "vector b" + own + "[l in 1.." + count + "]" + law(bias, "");
        const auto layer = [&](const std::string& product) {
            return "x" + own + "[l] = " + layers[k - 1].name + "(" + product + (bias > 0 ? " + b" + own + "[l])" : ")");
        };
        body += k > 1 ? layer("W" + own + "[l] @ x" + previous + "[l]") + "\n"
                      : "if l == 1 { " + layer("U @ xi") + " } else { " + layer("W1[l] @ x" + last + "[l-1]") + " }\n";
        net.name += layers[k - 1].name + " ";
    }
    net.text += "for l in 1.." + count + " {\n" + body + "}\noutput v' @ x" + last + "[" + count + "] / sqrt(n)\n";
    net.name += "* " + count + ", biases " + std::to_string(bias);
    net.reference = [=](Pair p) {
        for (std::size_t l = 0; l < turns; ++l)
            for (const Layer& layer : layers)
                p = apply(layer, dense(p, weight, bias));
        return p;
    };
    return net;
}

Network residual(std::size_t depth) {
    const std::string text = R"(program resnet(L: int)
input xi : R[d]
matrix U ~ N(0, 1/d)
matrix A[l in 1..L] ~ N(0, 2/n)
matrix B[l in 1..L] ~ N(0, 0.25/n)
vector v ~ N(0, 1)
h[0] = U @ xi
for l in 1..L { h[l] = h[l-1] + B[l] @ relu(A[l] @ relu(h[l-1])) }
output v' @ relu(h[L]) / sqrt(n)
)";
    return {"resnet " + std::to_string(depth),
            std::string(text).replace(text.find("L: int"), 6, "L: int = " + std::to_string(depth)), [=](Pair p) {
                p = dense(p, 1, 0);
                for (std::size_t l = 0; l < depth; ++l) {
                    const Pair branch = dense(apply(relu, dense(apply(relu, p), 2, 0)), 0.25, 0);
                    p = {p.A + branch.A, p.B + branch.B, p.c + branch.c, p.t + branch.t};
                }
                return apply(relu, p);
            }};
}

// Two positions of one input with biases and a layer of matrices of their own: what a position has of the other one is c, t
// without them.
Network positions() {
    const std::string text = R"(program positions
input xi : R[d]
matrix U ~ N(0, 2 / d)
matrix K[i in 1..2] ~ N(0, 2 / n)
matrix W ~ N(0, 2 / n)
vector b[l in 1..2, i in 1..2] ~ N(0, 0.25)
vector v ~ N(0, 1)
for i in 1..2 {
    x[i] = relu(U @ xi + b[1,i])
    y[i] = relu(W @ relu(K[i] @ x[i]) + b[2,i])
    z[i] = relu(W @ y[i])
}
output v' @ (z[1] + z[2]) / sqrt(2 * n)
)";
    return {"two positions", text, [](const Pair& p) {
                const auto network = [&](bool same) {
                    const auto biased = [&](Pair q) {
                        const Big own = same ? 1 : 0;
                        return Pair{q.A + 0.25, q.B + 0.25, q.c + 0.25 * own, q.t + own};
                    };
                    Pair q = dense(apply(relu, biased(dense(p, 2, 0))), 2, 0);
                    if (!same)
                        q.c = q.t = 0;
                    return apply(relu, dense(apply(relu, biased(dense(apply(relu, q), 2, 0))), 2, 0));
                };
                const Pair own = network(true), other = network(false);
                return Pair{own.A, own.B, own.c + other.c, own.t + other.t};
            }};
}

// Every layer reads all layers before it.
Network concatenated(std::size_t depth) {
    const std::string text = R"(program concatenated(L: int)
input xi : R[d]
matrix U ~ N(0, 2 / d)
matrix W[l in 1..L, k in 0..L] ~ N(0, 1 / n)
vector v ~ N(0, 1)
x[0] = relu(U @ xi)
for l in 1..L { x[l] = relu(sum(k in 0..l-1: W[l,k] @ x[k])) }
output v' @ x[L] / sqrt(n)
)";
    return {"concatenated " + std::to_string(depth),
            std::string(text).replace(text.find("L: int"), 6, "L: int = " + std::to_string(depth)), [=](const Pair& p) {
                std::vector<Pair> layers{apply(relu, dense(p, 2, 0))};
                while (layers.size() <= depth) {
                    Pair sum{0, 0, 0, 0};
                    for (const Pair& layer : layers) {
                        const Pair own = dense(layer, 1, 0);
                        sum = {sum.A + own.A, sum.B + own.B, sum.c + own.c, sum.t + own.t};
                    }
                    layers.push_back(apply(relu, sum));
                }
                return layers.back();
            }};
}

// Of different layers only the means correlate, whose T is 0. `behind`: one more layer reads the sum.
Network summed(std::size_t depth, bool behind) {
    const std::string text = R"(program summed(L: int)
input xi : R[d]
matrix U ~ N(0, 2 / d)
matrix W[l in 2..L] ~ N(0, 2 / n)
vector v ~ N(0, 1)
x[1] = relu(U @ xi)
for l in 2..L { x[l] = relu(W[l] @ x[l-1]) }
y = sum(l in 1..L: x[l])
z = relu(W[2] @ y)
output v' @ y / sqrt(n)
)";
    std::string own = text;
    own.replace(own.find("L: int"), 6, "L: int = " + std::to_string(depth));
    if (behind)
        own.replace(own.find("v' @ y"), 6, "v' @ z");
    return {"sum of " + std::to_string(depth) + " layers" + (behind ? ", and one behind" : ""), own, [=](const Pair& p) {
                Pair sum{0, 0, 0, 0}, layer = p;
                Big a = 0, b = 0, own_a = 0, own_b = 0, both = 0; // means
                for (std::size_t l = 0; l < depth; ++l) {
                    layer = apply(relu, dense(layer, 2, 0));
                    sum = {sum.A + layer.A, sum.B + layer.B, sum.c + layer.c, sum.t + layer.t};
                    const Big mean_a = sqrt(layer.A / pi), mean_b = sqrt(layer.B / pi);
                    a += mean_a;
                    b += mean_b;
                    own_a += mean_a * mean_a;
                    own_b += mean_b * mean_b;
                    both += mean_a * mean_b;
                }
                sum = {sum.A + a * a - own_a, sum.B + b * b - own_b, sum.c + a * b - both, sum.t};
                return behind ? apply(relu, dense(sum, 2, 0)) : sum;
            }};
}

// A mean over two positions between relus, whose Gaussians U xi + i c have c in common.
Network pooled() {
    const std::string text = R"(program pooled
input xi : R[d]
matrix U ~ N(0, 2 / d)
matrix W[l in 1..2] ~ N(0, 2 / n)
vector c ~ N(0, 0.25)
vector v ~ N(0, 1)
for i in 1..2 { x[i] = relu(U @ xi + i * c) }
y = relu(W[1] @ mean(i in 1..2: x[i]))
output v' @ relu(W[2] @ y) / sqrt(n)
)";
    return {"pool between relus", text, [](const Pair& p) {
                Pair mean{0, 0, 0, 0};
                for (const int i : {1, 2})
                    for (const int j : {1, 2}) {
                        const auto both = [&](const Big& left, const Big& right, const Big& product, const Big& t) {
                            return apply(relu, {2 * left + Big(0.25) * i * i, 2 * right + Big(0.25) * j * j,
                                                2 * product + Big(0.25) * i * j, t});
                        };
                        const Pair cross = both(p.A, p.B, p.c, p.c + i * j);
                        mean = {mean.A + both(p.A, p.A, p.A, 0).c / 4, mean.B + both(p.B, p.B, p.B, 0).c / 4,
                                mean.c + cross.c / 4, mean.t + cross.t / 4};
                    }
                return apply(relu, dense(apply(relu, dense(mean, 2, 0)), 2, 0));
            }};
}

// Two functions of one Gaussian under one matrix: E[relu(a) |b|] = E[|a| |b|] / 2.
Network shared() {
    const std::string text = R"(program shared
input xi : R[d]
matrix U ~ N(0, 2 / d)
matrix W ~ N(0, 0.5 / n)
vector v ~ N(0, 1)
g = U @ xi
h = W @ relu(g) + W @ abs(g)
output v' @ relu(W @ relu(h)) / sqrt(n)
)";
    return {"one matrix in two terms", text, [](const Pair& p) {
                const Pair g = dense(p, 2, 0), one = apply(relu, g), two = apply(absolute, g);
                const Pair both{one.A + 2 * two.A, one.B + 2 * two.B, one.c + 2 * two.c, one.t + 2 * two.t};
                return apply(relu, dense(apply(relu, dense(both, 0.5, 0)), 0.5, 0));
            }};
}

std::vector<Network> networks() {
    std::vector<Network> result;
    for (const std::size_t depth : {2, 50})
        for (const double bias : {0.0, 0.25}) {
            result.push_back(mlp({relu}, depth, 2, bias));
            result.push_back(mlp({leaky}, depth, 1.75, bias));
            result.push_back(mlp({absolute}, depth, 1, bias));
            result.push_back(mlp({error}, depth, 2, bias));
            result.push_back(mlp({error}, depth, 30, bias)); // chaotic: neighbours part quickly
            result.push_back(mlp({error, relu}, depth / 2, 2, bias));
            result.push_back(mlp({relu, absolute}, depth / 2, 1.5, bias));
        }
    result.push_back(
        mlp({jump}, 2, 1, 0)); // multiples stay multiples; the neighbours' angles are near the root of their own
    result.push_back(mlp({jump}, 2, 1, 0.25));
    result.push_back(residual(3));
    result.push_back(residual(25));
    result.push_back(positions());
    result.push_back(concatenated(4));
    result.push_back(summed(4, false));
    result.push_back(summed(4, true));
    result.push_back(shared());
    result.push_back(pooled());
    return result;
}

constexpr std::size_t d = 5;
using Sample = std::vector<double>;
const Sample base{0.3, -1.2, 0.7, 1.9, -0.4};

Sample moved(double scale, double by) { // scale (base + by * another direction)
    static const Sample direction{1.1, 0.2, -0.6, 0.5, 0.9};
    Sample result;
    for (std::size_t k = 0; k < d; ++k)
        result.push_back(scale * (base[k] + by * direction[k]));
    return result;
}

struct Other {
    const char* name;
    Sample sample;
};

// Every network once for `base` with each of the others.
void compare(bool single) {
    const std::vector<Other> others{
        {"equal", base},
        {"opposite", moved(-1, 0)},
        {"0.05 apart", moved(1, 0.05)},
        {"0.05 from opposite", moved(-1, 0.05)},
        {"0.03 apart", moved(1, 0.03)},
        {"1e-2 apart", moved(1, 1e-2)},
        {"1e-4 apart", moved(1, 1e-4)},
        {"1e-6 apart", moved(1, 1e-6)},
        {"1e-6 from opposite", moved(-1, 1e-6)},
        {"1e-9 apart", moved(1, 1e-9)},
        {"1e-9 from opposite", moved(-1, 1e-9)},
        {"collinear", moved(2, 0)},
        {"opposite, of another norm", moved(-4, 0)}, // exactly: jumps tell
        {"1e-6 from collinear", moved(3, 1e-6)},
        {"zero", moved(0, 0)},
        {"ordinary", moved(1, 0.7)},
    };
    tests::Set left{1, {{"d", d}}, {base}}, right{others.size(), {{"d", d}}, {{}}};
    for (const Other& other : others)
        right.inputs[0].insert(right.inputs[0].end(), other.sample.begin(), other.sample.end());
    const auto inner = [](const Sample& x, const Sample& y) {
        Big sum = 0;
        for (std::size_t k = 0; k < d; ++k)
            sum += Big(x[k]) * Big(y[k]);
        return Big(sum / d);
    };
    tests::Settings settings;
    settings.options.single = single;
    for (const Network& net : networks()) {
        const auto kernels = tests::kernels(net.text, left, right, settings);
        const Pair own = net.reference({inner(base, base), inner(base, base), inner(base, base), 0});
        for (std::size_t j = 0; j < others.size(); ++j) {
            const Sample& sample = others[j].sample;
            const Pair exact = net.reference({inner(base, base), inner(sample, sample), inner(base, sample), 0});
            const auto off = [](double value, const Big& wanted, const Big& largest) {
                return static_cast<double>(Big(abs(value - wanted) / std::max(Big(abs(wanted)), largest)));
            };
            INFO(net.name << ", " << others[j].name);
            const double bound = single ? 1e-5 : 1e-10;
            CHECK(off(kernels[0].nngp[j], exact.c, own.c) < bound);
            CHECK(off(kernels[0].ntk[j], exact.c + exact.t, own.c + own.t) < bound);
        }
    }
}

} // namespace

TEST_CASE("closed forms hold 1e-10 for equal, opposite, near, collinear and zero samples") {
    compare(false);
}

TEST_CASE("closed forms hold 1e-5 in single precision") {
    compare(true);
}
