#include "runtime/gaussian/classify.hpp"
#include "runtime/gaussian/terms_algebra.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <unordered_map>

namespace tpc::gaussian {
namespace {

using ir::ExprId;
using ir::Function;
using Result = std::optional<Groups>;

std::optional<double> constant_value(const Groups& a) {
    if (a.empty())
        return 0.0;
    const Group& group = a.front();
    if (a.size() > 1 || group.jump || group.offset != 0 || group.gauss != 0 || group.rate != 0.0 || group.poly.size() > 1 ||
        group.poly[0].imag() != 0)
        return std::nullopt;
    return group.poly[0].real();
}

// The real polynomial that `a` is, if it is one.
std::optional<std::vector<double>> polynomial(const Groups& a) {
    if (a.empty())
        return std::vector<double>{};
    const Group& group = a.front();
    if (a.size() > 1 || group.jump || group.offset != 0 || group.gauss != 0 || group.rate != 0.0)
        return std::nullopt;
    std::vector<double> result;
    for (Complex coefficient : group.poly) {
        if (coefficient.imag() != 0)
            return std::nullopt;
        result.push_back(coefficient.real());
    }
    return result;
}

// intercept + slope * z for begin < z < the next piece's begin.
struct Piece {
    double begin = 0;
    double slope = 0;
    double intercept = 0;
};

// The pieces of a piecewise-linear function, if `a` is one.
std::optional<std::vector<Piece>> pieces(const Groups& a) {
    std::vector<double> kinks{-std::numeric_limits<double>::infinity()};
    for (const Group& group : a) {
        if (group.offset != 0 || group.gauss != 0 || group.rate != 0.0 || group.poly.size() > 2 || group.blur != 0)
            return std::nullopt;
        if (group.jump)
            kinks.push_back(group.kink);
    }
    std::sort(kinks.begin(), kinks.end());
    std::vector<Piece> result;
    for (double begin : kinks) {
        Piece piece{begin, 0, 0};
        for (const Group& group : a) {
            const double sign = !group.jump || begin >= group.kink ? 1 : -1;
            piece.intercept += sign * group.poly[0].real();
            if (group.poly.size() > 1)
                piece.slope += sign * group.poly[1].real();
        }
        result.push_back(piece);
    }
    return result;
}

Groups indicator_above(double begin) { // 1 for z > begin
    if (std::isinf(begin))
        return constant(1);
    return {Group{0, 0, 0, false, 0, 0, {0.5}}, Group{0, 0, 0, true, 0, begin, {0.5}}};
}

Result sign_of(const Groups& a) {
    const auto parts = pieces(a);
    if (!parts)
        return std::nullopt;
    Groups sum;
    double level = 0;
    const auto step_to = [&](double begin, double value) {
        if (value != level)
            sum = add(sum, indicator_above(begin), value - level);
        level = value;
    };
    const auto sign = [](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; };
    for (std::size_t i = 0; i < parts->size(); ++i) {
        const Piece& piece = (*parts)[i];
        const double end = i + 1 < parts->size() ? (*parts)[i + 1].begin : std::numeric_limits<double>::infinity();
        if (piece.slope == 0) {
            step_to(piece.begin, sign(piece.intercept));
            continue;
        }
        const double root = -piece.intercept / piece.slope;
        if (root > piece.begin)
            step_to(piece.begin, -sign(piece.slope));
        if (root < end)
            step_to(std::max(root, piece.begin), sign(piece.slope));
    }
    return sum;
}

Result abs_of(const Groups& a) {
    const Result sign = sign_of(a);
    return sign ? multiply(a, *sign) : std::nullopt;
}

Result exp_of(const Groups& a) {
    if (const auto poly = polynomial(a); poly && poly->size() <= 3) {
        const auto coefficient = [&](std::size_t i) { return i < poly->size() ? (*poly)[i] : 0.0; };
        if (coefficient(2) > 0)
            return std::nullopt;
        return Groups{Group{0, -coefficient(2), coefficient(1), false, 0, 0, {std::exp(coefficient(0))}}};
    }
    const auto parts = pieces(a);
    if (!parts)
        return std::nullopt;
    Groups sum;
    for (std::size_t i = 0; i < parts->size(); ++i) {
        const Piece& piece = (*parts)[i];
        Groups indicator = indicator_above(piece.begin);
        if (i + 1 < parts->size())
            indicator = add(indicator, indicator_above((*parts)[i + 1].begin), -1);
        const Result term = multiply(indicator, {Group{0, 0, piece.slope, false, 0, 0, {std::exp(piece.intercept)}}});
        if (!term)
            return std::nullopt;
        sum = add(sum, *term);
    }
    if (sum.size() > most_groups)
        return std::nullopt;
    return sum;
}

Result sin_or_cos_of(const Groups& a, bool cosine) {
    const auto poly = polynomial(a);
    if (!poly || poly->size() != 2)
        return std::nullopt;
    const Complex i{0, 1};
    const Complex phase = std::exp(i * (*poly)[0]);
    const double rate = (*poly)[1];
    const Complex forward = cosine ? phase / 2.0 : phase / (2.0 * i);
    return Groups{Group{0, 0, i * rate, false, 0, 0, {forward}}, Group{0, 0, -i * rate, false, 0, 0, {std::conj(forward)}}};
}

Result erf_of(const Groups& a) {
    const auto poly = polynomial(a);
    if (!poly || poly->size() != 2)
        return std::nullopt;
    const double slope = (*poly)[1];
    return Groups{Group{0, 0, 0, true, 1 / (2 * slope * slope), -(*poly)[0] / slope, {slope > 0 ? 1.0 : -1.0}}};
}

Result reciprocal_of(const Groups& a) {
    if (a.size() != 1 || a[0].jump || a[0].gauss != 0 || a[0].offset != 0 || a[0].poly.size() != 1)
        return std::nullopt;
    return Groups{Group{0, 0, -a[0].rate, false, 0, 0, {1.0 / a[0].poly[0]}}};
}

Result power_of(const Groups& a, double exponent) {
    if (exponent != std::floor(exponent) || std::abs(exponent) > static_cast<double>(largest_power))
        return std::nullopt;
    Result base = exponent < 0 ? reciprocal_of(a) : a;
    Result product = constant(1);
    for (double i = 0; base && product && i < std::abs(exponent); ++i)
        product = multiply(*product, *base);
    return base ? product : std::nullopt;
}

Groups average(const Groups& a, const Groups& b, double sign = 1) {
    return scale(add(a, b, sign), 0.5);
}

Result apply_function(Function function, const std::vector<Groups>& arguments) {
    std::vector<double> numbers;
    for (const Groups& argument : arguments)
        if (const auto number = constant_value(argument))
            numbers.push_back(*number);
    if (numbers.size() == arguments.size()) {
        const double value = ir::evaluate(function, numbers);
        return std::isfinite(value) ? Result(constant(value)) : std::nullopt;
    }
    const Groups& x = arguments[0];
    switch (function) {
    case Function::neg:
        return scale(x, -1);
    case Function::add:
        return add(x, arguments[1]);
    case Function::sub:
        return add(x, arguments[1], -1);
    case Function::mul:
        return multiply(x, arguments[1]);
    case Function::div: {
        if (const auto number = constant_value(arguments[1]))
            return *number == 0 ? std::nullopt : Result(scale(x, 1 / *number));
        const Result reciprocal = reciprocal_of(arguments[1]);
        return reciprocal ? multiply(x, *reciprocal) : std::nullopt;
    }
    case Function::pow: {
        const auto exponent = constant_value(arguments[1]);
        return exponent ? power_of(x, *exponent) : std::nullopt;
    }
    case Function::square:
        return multiply(x, x);
    case Function::sign:
        return sign_of(x);
    case Function::step: {
        const Result sign = sign_of(x);
        return sign ? Result(average(constant(1), *sign)) : std::nullopt;
    }
    case Function::abs:
        return abs_of(x);
    case Function::relu: {
        const Result magnitude = abs_of(x);
        return magnitude ? Result(average(x, *magnitude)) : std::nullopt;
    }
    case Function::leaky_relu: { // (1 + a)/2 x + (1 - a)/2 |x|
        const auto slope = constant_value(arguments[1]);
        const Result magnitude = abs_of(x);
        if (!slope || !magnitude)
            return std::nullopt;
        return add(scale(x, (1 + *slope) / 2), *magnitude, (1 - *slope) / 2);
    }
    case Function::max:
    case Function::min: {
        const Result distance = abs_of(add(x, arguments[1], -1));
        if (!distance)
            return std::nullopt;
        return average(add(x, arguments[1]), *distance, function == Function::max ? 1 : -1);
    }
    case Function::hardtanh: {
        const Result below = abs_of(add(x, constant(1)));
        const Result above = abs_of(add(x, constant(1), -1));
        return below && above ? Result(average(*below, *above, -1)) : std::nullopt;
    }
    case Function::elu: { // relu(x) + exp(-relu(-x)) - 1
        const Result magnitude = abs_of(x);
        const Result exponential = magnitude ? exp_of(average(x, *magnitude, -1)) : std::nullopt;
        return exponential ? Result(add(add(average(x, *magnitude), *exponential), constant(1), -1)) : std::nullopt;
    }
    case Function::erf:
        return erf_of(x);
    case Function::erfc: {
        const Result error = erf_of(x);
        return error ? Result(add(constant(1), *error, -1)) : std::nullopt;
    }
    case Function::gelu: {
        const Result error = erf_of(scale(x, std::numbers::sqrt2 / 2));
        const Result product = error ? multiply(x, *error) : std::nullopt;
        return product ? Result(average(x, *product)) : std::nullopt;
    }
    case Function::sin:
        return sin_or_cos_of(x, false);
    case Function::cos:
        return sin_or_cos_of(x, true);
    case Function::exp:
        return exp_of(x);
    case Function::tanh:
    case Function::sigmoid:
    case Function::softplus:
    case Function::silu:
    case Function::log:
    case Function::sqrt:
        return std::nullopt;
    }
    return std::nullopt;
}

struct Classifier {
    const ir::ExprTable& table;
    std::unordered_map<std::uint32_t, Result> known;

    Result operator()(ExprId id) {
        const auto key = static_cast<std::uint32_t>(id);
        if (const auto found = known.find(key); found != known.end())
            return found->second;
        Result result = compute(table[id]);
        known.emplace(key, result);
        return result;
    }

    Result compute(const ir::Node& node) {
        if (node.op == ir::Op::number)
            return std::isfinite(node.number) ? Result(constant(node.number)) : std::nullopt;
        if (node.op == ir::Op::variable)
            return node.target == 0 ? Result(Groups{Group{0, 0, 0, false, 0, 0, {0.0, 1.0}}}) : std::nullopt;
        if (node.op != ir::Op::apply)
            return std::nullopt;
        std::vector<Groups> arguments;
        for (ExprId child : node.children) {
            const Result argument = (*this)(child);
            if (!argument)
                return std::nullopt;
            arguments.push_back(*argument);
        }
        return apply_function(node.function, arguments);
    }
};

} // namespace

std::optional<Groups> classify(const ir::ExprTable& table, ir::ExprId expression) {
    Result result = Classifier{table, {}}(expression);
    // The derivatives taken later raise powers by two.
    if (result)
        for (const Group& group : *result)
            if (group.poly.size() > largest_power - 2)
                return std::nullopt;
    return result;
}

} // namespace tpc::gaussian
