// Dual kernels over a grid of variances, means and correlations, against one-dimensional quadrature in extended precision:
// given a, the mean over b is a formula. The formulas are held against the references of fifty digits (references.cpp).
#include "tests/gaussian/support.hpp"

#include <catch2/catch.hpp>

#include <numbers>

namespace {

using namespace tpc;
using namespace tpc::test;
using ir::Function;

constexpr Long pi = std::numbers::pi_v<Long>;

Long density(Long x) {
    return std::exp(-x * x / 2) / std::sqrt(2 * pi);
}
Long cdf(Long x) {
    return std::erfc(-x / std::sqrt(Long(2))) / 2;
}
Long unit(Long x) {
    return x > 0 ? 1 : x < 0 ? 0 : Long(0.5);
}

// E[b^power; b > 0], b ~ N(m, s^2)
Long above(Long m, Long s, int power) {
    if (s == 0)
        return m > 0 ? std::pow(m, static_cast<Long>(power)) : power == 0 ? unit(m) : 0;
    const Long p = cdf(m / s);
    const Long first = m * p + s * density(m / s);
    return power == 0 ? p : power == 1 ? first : m * first + s * s * p;
}

// E[exp(b); b < 0]
Long exp_below(Long m, Long s) {
    return s == 0 ? (m < 0 ? std::exp(m) : 0) : std::exp(m + s * s / 2) * cdf(-(m + s * s) / s);
}

// E[b^power exp(-b^2)]
Long tilted(Long m, Long s, int power) {
    const Long c = 1 + 2 * s * s, mean = m / c, variance = s * s / c;
    Long moments[4] = {1, mean};
    for (int k = 2; k <= power; ++k)
        moments[k] = mean * moments[k - 1] + static_cast<Long>(k - 1) * variance * moments[k - 2];
    return moments[power] * std::exp(-m * m / c) / std::sqrt(c);
}

// The trapezoidal sum, which converges like exp(-1 / step), for functions with poles at +-i pi / 2 or farther.
std::function<Long(Long, Long)> summed(Long (*f)(Long)) {
    return [f](Long m, Long s) {
        if (s == 0)
            return f(m);
        const Long strip = std::min(pi / (2 * s), Long(8)) * 0.9L, step = 2 * pi * strip / (45 + strip * strip / 2);
        const long most = static_cast<long>(10 / step) + 1;
        Long sum = 0;
        for (long k = -most; k <= most; ++k)
            sum += density(static_cast<Long>(k) * step) * f(m + s * static_cast<Long>(k) * step);
        return step * sum;
    };
}

Long sigmoid(Long x) {
    return 1 / (1 + std::exp(-x));
}
Long tanh_slope(Long x) {
    return 4 * sigmoid(2 * x) * sigmoid(-2 * x);
}
Long silu(Long x) {
    return x * sigmoid(x);
}
Long silu_slope(Long x) {
    return sigmoid(x) * (1 + x * sigmoid(-x));
}

struct Whole {
    std::string name;
    ir::ExprId expression{};
    std::function<Long(Long)> value, slope;
    std::function<Long(Long, Long)> mean_value, mean_slope; // of b ~ N(m, s^2)
    std::vector<Long> kinks;                                // or where it bends
    bool meromorphic = false;
};

std::vector<Whole> functions(Table& t) {
    const auto z = t.z, square = t.call(Function::square, z), relu = t.call(Function::relu, z);
    const Long root_pi = std::sqrt(pi);
    const auto normal = [](Long m, Long s) { return std::tuple(m / std::sqrt(1 + s * s), std::sqrt(1 + s * s)); };
    return {
        {"relu",
         relu,
         [](Long x) { return std::max(x, Long(0)); },
         unit,
         [](Long m, Long s) { return above(m, s, 1); },
         [](Long m, Long s) { return above(m, s, 0); },
         {0}},
        {"step",
         t.call(Function::step, z),
         unit,
         [](Long) { return Long(0); },
         [](Long m, Long s) { return above(m, s, 0); },
         [](Long, Long) { return Long(0); },
         {0}},
        {"relu2",
         t.call(Function::mul, relu, relu),
         [](Long x) { return x > 0 ? x * x : 0; },
         [](Long x) { return 2 * std::max(x, Long(0)); },
         [](Long m, Long s) { return above(m, s, 2); },
         [](Long m, Long s) { return 2 * above(m, s, 1); },
         {0}},
        {"shifted",
         t.call(Function::relu, t.call(Function::sub, z, t.number(1))),
         [](Long x) { return std::max(x - 1, Long(0)); },
         [](Long x) { return unit(x - 1); },
         [](Long m, Long s) { return above(m - 1, s, 1); },
         [](Long m, Long s) { return above(m - 1, s, 0); },
         {1}},
        {"hardtanh",
         t.call(Function::hardtanh, z),
         [](Long x) { return std::clamp(x, Long(-1), Long(1)); },
         [](Long x) { return unit(x + 1) - unit(x - 1); },
         [](Long m, Long s) {
             const Long side = m < 0 ? -1 : 1;
             return side * (above(side * m + 1, s, 1) - 1 - above(side * m - 1, s, 1));
         },
         [](Long m, Long s) { return above(-std::abs(m) + 1, s, 0) - above(-std::abs(m) - 1, s, 0); },
         {-1, 1}},
        {"elu",
         t.call(Function::elu, z),
         [](Long x) { return x > 0 ? x : std::expm1(x); },
         [](Long x) { return x > 0 ? 1 : std::exp(x); },
         [](Long m, Long s) { return above(m, s, 1) + exp_below(m, s) - above(-m, s, 0); },
         [](Long m, Long s) { return above(m, s, 0) + exp_below(m, s); },
         {0}},
        {"erf",
         t.call(Function::erf, z),
         [](Long x) { return std::erf(x); },
         [=](Long x) { return 2 / root_pi * std::exp(-x * x); },
         [](Long m, Long s) { return std::erf(m / std::sqrt(1 + 2 * s * s)); },
         [=](Long m, Long s) { return 2 / root_pi * tilted(m, s, 0); },
         {0}},
        {"gelu",
         t.call(Function::gelu, z),
         [](Long x) { return x * cdf(x); },
         [](Long x) { return cdf(x) + x * density(x); },
         [=](Long m, Long s) {
             const auto [u, c] = normal(m, s);
             return m * cdf(u) + s * s / c * density(u);
         },
         [=](Long m, Long s) {
             const auto [u, c] = normal(m, s);
             return cdf(u) + m / (c * c * c) * density(u);
         },
         {0}},
        {"sin",
         t.call(Function::sin, z),
         [](Long x) { return std::sin(x); },
         [](Long x) { return std::cos(x); },
         [](Long m, Long s) { return std::exp(-s * s / 2) * std::sin(m); },
         [](Long m, Long s) { return std::exp(-s * s / 2) * std::cos(m); },
         {0}},
        {"bump",
         t.call(Function::mul, square, t.call(Function::exp, t.call(Function::neg, square))),
         [](Long x) { return x * x * std::exp(-x * x); },
         [](Long x) { return (2 * x - 2 * x * x * x) * std::exp(-x * x); },
         [](Long m, Long s) { return tilted(m, s, 2); },
         [](Long m, Long s) { return 2 * tilted(m, s, 1) - 2 * tilted(m, s, 3); },
         {0}},
        {"cube",
         t.call(Function::pow, z, t.number(3)),
         [](Long x) { return x * x * x; },
         [](Long x) { return 3 * x * x; },
         [](Long m, Long s) { return m * m * m + 3 * m * s * s; },
         [](Long m, Long s) { return 3 * (m * m + s * s); },
         {0}},
        {"tanh",
         t.call(Function::tanh, z),
         [](Long x) { return std::tanh(x); },
         tanh_slope,
         summed([](Long x) { return std::tanh(x); }),
         summed(tanh_slope),
         {},
         true},
        {"silu", t.call(Function::silu, z), silu, silu_slope, summed(silu), summed(silu_slope), {}, true},
    };
}

template <class F> Long integral(const Whole& f, const F& g, const std::vector<Long>& marks, Long near, Long deviation) {
    if (f.meromorphic) {
        const Long strip = std::min(pi / 2 / deviation, Long(12)) * 0.9L, step = 2 * pi * strip / (60 + strip * strip / 2);
        const long most = static_cast<long>(14 / step) + 1;
        Long sum = 0;
        for (long k = -most; k <= most; ++k)
            sum += density(static_cast<Long>(k) * step) * g(static_cast<Long>(k) * step);
        return step * sum;
    }
    constexpr Long far = 26;
    const Long width = f.name == "sin" ? std::min(Long(1), 4 / deviation) : 1;
    std::vector<Long> breaks;
    for (Long x = -far; x <= far; x += width)
        breaks.push_back(x);
    for (const Long mark : marks) {
        breaks.push_back(mark);
        for (Long d = 2; d > near; d /= 2)
            breaks.insert(breaks.end(), {mark - d, mark + d});
    }
    std::erase_if(breaks, [](Long x) { return std::abs(x) > far; });
    std::sort(breaks.begin(), breaks.end());
    return normal_integral(breaks, g);
}

struct Wanted {
    Long value = 0, minus = 0, plus = 0, slope = 0, slope_scale = 0;
};

Wanted wanted(const Whole& f, const Place& p) {
    const Long rho = static_cast<Long>(p.sign) * (1 - p.gap), root = std::sqrt(p.gap * (2 - p.gap));
    const Long a = std::sqrt(p.A), b = std::sqrt(p.B);
    std::vector<Long> marks;
    for (const Long kink : f.kinks) {
        marks.push_back((kink - p.mean_a) / a);
        if (rho != 0)
            marks.push_back((kink - p.mean_b) / (b * rho));
    }
    const Long near = std::min({root > 0 ? root : Long(1), 1 / a, 1 / b, Long(1)}) / 8;
    const auto both = [&](const auto& left, const auto& right) {
        return integral(
            f, [&](Long u) { return left(p.mean_a + a * u) * right(p.mean_b + b * rho * u, b * root); }, marks, near,
            std::max(a, b));
    };
    const auto norm = [&](const auto& g, Long mean, Long deviation) {
        std::vector<Long> own;
        for (const Long kink : f.kinks)
            own.push_back((kink - mean) / deviation);
        return std::sqrt(integral(
            f,
            [&](Long u) {
                const Long y = g(mean + deviation * u);
                return y * y;
            },
            own, std::min(1 / deviation, Long(1)) / 4, deviation));
    };
    Wanted w;
    w.value = both(f.value, f.mean_value);
    w.slope = both(f.slope, f.mean_slope);
    const Long norms = norm(f.value, p.mean_a, a) * norm(f.value, p.mean_b, b);
    w.slope_scale = norm(f.slope, p.mean_a, a) * norm(f.slope, p.mean_b, b);
    w.minus = 2 * (norms - w.value);
    w.plus = 2 * (norms + w.value);
    return w;
}

std::vector<Place> places(Long largest) {
    std::vector<Place> result;
    for (const Long A : {1e-6L, 1e-2L, 1.0L, 1e3L})
        for (const Long mean : {0.0L, 1e-3L, 1.0L, 5.0L, 9.0L}) // in deviations
            for (const Long gap : {0.7L, 1e-3L, 1e-7L, 1e-12L})
                for (const int sign : {1, -1}) {
                    if (A > largest)
                        continue;
                    const std::size_t k = result.size(); // equal and opposite means, the other variance and another mean
                    const Long B = k % 3 == 2 ? A * 1.3L : A, deviation = std::sqrt(B);
                    const Long m = (k % 4 < 2 ? -1 : 1) * mean * std::sqrt(A);
                    const Long other = k % 5 == 4 ? m + deviation : k % 5 == 3 ? m * (1 + 1e-6L) : sign > 0 ? m : -m;
                    const auto number = [](Long x) { return static_cast<Long>(static_cast<double>(x)); };
                    result.push_back({number(A), number(B), number(gap), sign, number(m), number(other)});
                }
    return result;
}

} // namespace

TEST_CASE("duals over the grid of variances, means and correlations") {
    Table table;
    for (const Whole& f : functions(table))
        for (const Place& p : places(f.meromorphic ? 1 : 1e3L)) {
            INFO(f.name << " at A " << p.A << ", B " << p.B << ", 1 - |rho| " << p.gap << ", sign " << p.sign << ", means "
                        << p.mean_a << ", " << p.mean_b);
            const auto activation = table.activation(f.expression);
            const gaussian::Regime regime{static_cast<double>(std::max(p.A, p.B)),
                                          static_cast<double>(std::max(std::abs(p.mean_a), std::abs(p.mean_b)))};
            const Wanted w = wanted(f, p);
            const auto compare = [&](const Numbers& got, Long tolerance, Long floor) {
                const Long scale = w.minus + w.plus;
                const auto check = [](const char* what, double number, Long exact, Long margin) {
                    INFO(what << " is off by " << static_cast<Long>(number) - exact << ", allowed " << margin);
                    CHECK(std::abs(static_cast<Long>(number) - exact) <= margin);
                };
                check("value", got.value, w.value, tolerance * scale);
                check("slope", got.slope, w.slope, tolerance * w.slope_scale + 1e-40L);
                // What a kink after this layer notices is the gap's error relative to its root.
                for (const auto& [what, number, exact] :
                     {std::tuple("minus", got.minus, w.minus), std::tuple("plus", got.plus, w.plus)})
                    check(what, number, exact, tolerance * std::sqrt(std::max(exact, Long(0)) * scale) + floor * scale);
            };
            std::string reason;
            const auto dual = gaussian::make_dual<double>(activation, activation, regime, {}, &reason);
            INFO(reason);
            REQUIRE(dual);
            compare(evaluate(*dual, p), 2e-9L, p.A == p.B && std::abs(p.mean_a) == std::abs(p.mean_b) ? 1e-17L : 1e-13L);
            if (p.gap < 1e-6L || w.minus + w.plus < 1e-20L || w.slope_scale < 1e-20L) // below what single precision resolves
                continue;
            const gaussian::Regime wider{regime.largest_variance * 1.0001, regime.largest_mean * 1.0001};
            const auto single = gaussian::make_dual<float>(activation, activation, wider, {1e-6}, &reason);
            REQUIRE(single);
            const Long rounding = 1 + std::abs(p.mean_a) / std::sqrt(p.A) + std::abs(p.mean_b) / std::sqrt(p.B);
            compare(evaluate(*single, p), 3e-6L * rounding * rounding, 1e-6L * rounding);
        }
}
