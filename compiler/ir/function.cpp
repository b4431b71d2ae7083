// Names and values of the functions.
#include "compiler/ir/extended.hpp"

#include <cmath>
#include <limits>
#include <numbers>

namespace tpc::ir {

namespace {

// Neither exponential overflows.
template <class Real> Real sigmoid(Real x) {
    if (x >= 0)
        return 1 / (1 + std::exp(-x));
    const Real e = std::exp(x);
    return e / (1 + e);
}

template <class Real> Real step(Real x) {
    return x > 0 ? Real(1) : x < 0 ? Real(0) : x == 0 ? Real(0.5) : x;
}
template <class Real> Real sign(Real x) {
    return x > 0 ? Real(1) : x < 0 ? Real(-1) : x;
}

} // namespace

std::string_view name_of(Function function) {
    switch (function) {
    case Function::neg:
        return "neg";
    case Function::add:
        return "add";
    case Function::sub:
        return "sub";
    case Function::mul:
        return "mul";
    case Function::div:
        return "div";
    case Function::pow:
        return "pow";
    case Function::relu:
        return "relu";
    case Function::leaky_relu:
        return "leaky_relu";
    case Function::abs:
        return "abs";
    case Function::sign:
        return "sign";
    case Function::step:
        return "step";
    case Function::erf:
        return "erf";
    case Function::erfc:
        return "erfc";
    case Function::gelu:
        return "gelu";
    case Function::tanh:
        return "tanh";
    case Function::sigmoid:
        return "sigmoid";
    case Function::softplus:
        return "softplus";
    case Function::silu:
        return "silu";
    case Function::elu:
        return "elu";
    case Function::sin:
        return "sin";
    case Function::cos:
        return "cos";
    case Function::exp:
        return "exp";
    case Function::log:
        return "log";
    case Function::sqrt:
        return "sqrt";
    case Function::square:
        return "square";
    case Function::hardtanh:
        return "hardtanh";
    case Function::max:
        return "max";
    case Function::min:
        return "min";
    }
    return "";
}

std::string_view name_of(Reduction reduction) {
    switch (reduction) {
    case Reduction::sum:
        return "sum";
    case Reduction::mean:
        return "mean";
    case Reduction::max:
        return "max";
    case Reduction::min:
        return "min";
    case Reduction::prod:
        return "prod";
    case Reduction::logsumexp:
        return "logsumexp";
    }
    return "";
}

std::string_view name_of(IndexMode mode) {
    switch (mode) {
    case IndexMode::none:
        return "";
    case IndexMode::zero:
        return "zero";
    case IndexMode::wrap:
        return "wrap";
    case IndexMode::clamp:
        return "clamp";
    }
    return "";
}

bool is_binary(Function function) {
    switch (function) {
    case Function::add:
    case Function::sub:
    case Function::mul:
    case Function::div:
    case Function::pow:
    case Function::leaky_relu:
    case Function::max:
    case Function::min:
        return true;
    default:
        return false;
    }
}

bool has_kink(Function function) {
    switch (function) {
    case Function::relu:
    case Function::leaky_relu:
    case Function::abs:
    case Function::sign:
    case Function::step:
    case Function::elu:
    case Function::hardtanh:
    case Function::max:
    case Function::min:
        return true;
    default:
        return false;
    }
}

namespace {

template <class Real> Real value_of(Function function, llvm::ArrayRef<Real> arguments) {
    const Real x = arguments[0];
    const Real y = arguments.size() > 1 ? arguments[1] : Real(0);
    switch (function) {
    case Function::neg:
        return -x;
    case Function::add:
        return x + y;
    case Function::sub:
        return x - y;
    case Function::mul:
        return x * y;
    case Function::div:
        return x / y;
    case Function::pow:
        return std::pow(x, y);
    case Function::relu:
        return x > 0 ? x : x < 0 ? Real(0) : x;
    case Function::leaky_relu:
        return x > 0 ? x : y * x;
    case Function::abs:
        return std::abs(x);
    case Function::sign:
        return sign(x);
    case Function::step:
        return step(x);
    case Function::erf:
        return std::erf(x);
    case Function::erfc:
        return std::erfc(x);
    case Function::gelu:
        return Real(0.5) * x * std::erfc(-x / std::numbers::sqrt2_v<Real>); // erfc keeps the left tail
    case Function::tanh:
        return std::tanh(x);
    case Function::sigmoid:
        return sigmoid(x);
    case Function::softplus:
        return (x > 0 ? x : Real(0)) + std::log1p(std::exp(-std::abs(x)));
    case Function::silu:
        return x * sigmoid(x);
    case Function::elu:
        return x > 0 ? x : std::expm1(x);
    case Function::sin:
        return std::sin(x);
    case Function::cos:
        return std::cos(x);
    case Function::exp:
        return std::exp(x);
    case Function::log:
        return std::log(x);
    case Function::sqrt:
        return std::sqrt(x);
    case Function::square:
        return x * x;
    case Function::hardtanh:
        return x > 1 ? Real(1) : x < -1 ? Real(-1) : x;
    case Function::max:
        return x < y ? y : x;
    case Function::min:
        return y < x ? y : x;
    }
    return std::numeric_limits<Real>::quiet_NaN();
}

} // namespace

double evaluate(Function function, llvm::ArrayRef<double> arguments) {
    return value_of(function, arguments);
}

long double evaluate_extended(Function function, llvm::ArrayRef<long double> arguments) {
    return value_of(function, arguments);
}

} // namespace tpc::ir
