// Means of one Gaussian and of two, and what is made of them: second moments and tangents.
#include "tests/finite/reference_recursion.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::tests::reference {

constexpr std::size_t most_duals = 300;

double Recursion::expectation(const Factor& f) {
    if (const auto found = means_.find(f); found != means_.end())
        return found->second;
    const double variance = base_covariance(f.base, f.base), mean = base_mean(f.base);
    double result = mean;
    std::string reason;
    if (f.function != values_.variable &&
        !gaussian::expectation<double>({&values_.table, f.function}, 1, &variance, &mean, &result, 1e-11, &reason))
        throw OutOfReach(reason);
    return means_[f] = result;
}

const std::vector<double>& Recursion::features(const gaussian::Dual<double>& dual, int side, const Factor& f,
                                               double variance, double mean) {
    std::vector<double>& made = features_[{&dual, side, f}];
    if (made.empty()) {
        made.resize(std::max<std::size_t>(dual.features(), 1));
        dual.prepare(side, 1, &variance, &mean, made.data(), 1);
    }
    return made;
}

double Recursion::expectation(const Factor& f, const Factor& g) {
    if (g < f)
        return expectation(g, f);
    if (const auto found = pairs_.find({f, g}); found != pairs_.end())
        return found->second;
    const double A = base_covariance(f.base, f.base), B = base_covariance(g.base, g.base),
                 c = base_covariance(f.base, g.base), a = base_mean(f.base), b = base_mean(g.base);
    const double largest = std::max({A, B, 1e-300}), far = std::max(std::abs(a), std::abs(b));
    const int size = std::ilogb(largest) + 1, distance = far == 0 ? 0 : static_cast<int>(std::ceil(far));
    if (duals_.size() > most_duals) // data scale the arguments, say: each pair has functions of its own
        throw OutOfReach("many functions");
    auto& dual = duals_[{f.function, g.function, size, distance}];
    std::string reason;
    if (!dual)
        dual = gaussian::make_dual<double>({&values_.table, f.function}, {&values_.table, g.function},
                                           {std::ldexp(1.0, size), static_cast<double>(distance)}, {.tolerance = 1e-10},
                                           &reason);
    if (!dual)
        throw OutOfReach(reason);
    const std::vector<double>&left = features(*dual, 0, f, A, a), &right = features(*dual, 1, g, B, b);
    const double root = std::sqrt(A * B), minus = std::max(0.0, 2 * (root - c)), plus = std::max(0.0, 2 * (root + c));
    const gaussian::Gaussians<double> both{1, {&A, 1}, {&B, 1}, {&a, 1}, {&b, 1}, {&minus, 1}, {&plus, 1}};
    double value = 0;
    dual->evaluate(both, {{left.data(), 1}, 1}, {{right.data(), 1}, 1}, {.value = &value});
    return pairs_[{f, g}] = value;
}

double Recursion::expectation(std::vector<Factor> factors) {
    double result = 1;
    std::erase_if(factors, [&](const Factor& factor) {
        const ir::Node& function = values_.table[factor.function];
        if (function.op == ir::Op::number)
            result *= function.number;
        return function.op == ir::Op::number;
    });
    while (result != 0 && !factors.empty()) {
        std::vector<Factor> group{factors.back()};
        factors.pop_back();
        for (std::size_t k = 0; k < group.size(); ++k)
            for (std::size_t m = factors.size(); m-- > 0;) {
                const double scale = std::sqrt(base_covariance(group[k].base, group[k].base) *
                                               base_covariance(factors[m].base, factors[m].base));
                if (std::abs(base_covariance(group[k].base, factors[m].base)) <= 1e-14 * scale)
                    continue;
                group.push_back(factors[m]);
                factors.erase(factors.begin() + static_cast<std::ptrdiff_t>(m));
            }
        if (group.size() > 2)
            throw OutOfReach("three Gaussians");
        result *= group.size() == 1 ? expectation(group[0]) : expectation(group[0], group[1]);
    }
    return result;
}

double Recursion::second_moment(const Vector& x, const Vector& y) {
    double result = 0;
    const std::vector<Term> left = values_.expanded(x), right = values_.expanded(y);
    for (const Term& a : left)
        for (const Term& b : right)
            result += a.coefficient * b.coefficient * expectation(values_.merged(a.factors, b.factors));
    return result;
}

double Recursion::tangent(const Vector& x, const Vector& y) {
    double result = 0;
    const std::vector<Term> left = values_.expanded(x), right = values_.expanded(y);
    for (const Term& a : left)
        for (const Term& b : right)
            for (std::size_t k = 0; k < a.factors.size(); ++k)
                for (std::size_t m = 0; m < b.factors.size(); ++m) {
                    const double t = base_tangent(a.factors[k].base, b.factors[m].base);
                    if (t == 0)
                        continue;
                    std::vector<Factor> f = a.factors, g = b.factors;
                    f[k].function = values_.derivative(f[k].function);
                    g[m].function = values_.derivative(g[m].function);
                    result += a.coefficient * b.coefficient * t * expectation(values_.merged(f, g));
                }
    return result;
}

} // namespace tpc::tests::reference
