#include "runtime/gaussian/univariate.hpp"

#include "compiler/ir/extended.hpp"
#include "runtime/gaussian/classify.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <unordered_map>

namespace tpc::gaussian {

namespace {

using ir::ExprId;
using ir::Function;
using ir::Op;

// x / |x| and |x| / x are sign x, and the root of x^2 is |x|, but for 0 / 0.
std::optional<ExprId> simpler(ir::ExprTable& table, Function function, const llvm::SmallVector<ExprId, 2>& arguments) {
    const auto is = [&](ExprId id, Function other) { return table[id].op == Op::apply && table[id].function == other; };
    const auto is_absolute = [&](ExprId id, ExprId of) { return is(id, Function::abs) && table[id].children[0] == of; };
    if (function == Function::div)
        for (const auto& [x, y] : {std::pair(arguments[0], arguments[1]), std::pair(arguments[1], arguments[0])})
            if (is_absolute(y, x))
                return table.apply(Function::sign, {x});
    if (function != Function::sqrt)
        return std::nullopt;
    const ExprId x = arguments[0];
    const bool power =
        is(x, Function::pow) && table[table[x].children[1]].op == Op::number && table[table[x].children[1]].number == 2;
    const bool product = is(x, Function::mul) && table[x].children[0] == table[x].children[1];
    if (!is(x, Function::square) && !power && !product)
        return std::nullopt;
    return table.apply(Function::abs, {ExprId(table[x].children[0])});
}

// Copies one expression into a table of its own.
struct Extraction {
    const ir::ExprTable& from;
    ir::ExprTable& to;
    Univariate& facts;
    const bool simplify;
    std::unordered_map<std::uint32_t, ExprId> done = {};
    std::vector<ExprId> changing = {}; // where these change their sign, the function may not be smooth
    std::vector<ExprId> singular = {}; // and where these reach 0
    std::vector<ExprId> bending = {};  // where these are of order 1, it bends

    void switches(Function function, const llvm::SmallVector<ExprId, 2>& arguments) {
        const ExprId x = arguments[0];
        switch (function) {
        case Function::log:
        case Function::sqrt:
        case Function::pow:
            changing.push_back(x);
            singular.push_back(x);
            break;
        case Function::elu:
            changing.push_back(x);
            bending.push_back(x);
            break;
        case Function::erf:
        case Function::erfc:
        case Function::gelu:
        case Function::tanh:
        case Function::sigmoid:
        case Function::softplus:
        case Function::silu:
        case Function::exp:
            bending.push_back(x);
            break;
        case Function::div:
            changing.push_back(arguments[1]);
            singular.push_back(arguments[1]);
            break;
        case Function::hardtanh:
            for (const double edge : {-1.0, 1.0})
                changing.push_back(to.apply(Function::sub, {x, to.number(edge)}));
            break;
        case Function::max:
        case Function::min:
            changing.push_back(to.apply(Function::sub, {x, arguments[1]}));
            break;
        default:
            if (ir::has_kink(function))
                changing.push_back(x);
            break;
        }
    }

    std::optional<ExprId> operator()(ExprId id) {
        const auto key = static_cast<std::uint32_t>(id);
        if (const auto found = done.find(key); found != done.end())
            return found->second;
        const ir::Node& node = from[id];
        ExprId copy{};
        if (node.op == Op::number) {
            copy = to.number(node.number);
        } else if (node.op == Op::affine && node.affine.is_constant()) {
            copy = to.number(static_cast<double>(node.affine.constant) / static_cast<double>(node.affine.denominator));
        } else if (node.op == Op::variable && node.target == 0) {
            ir::Node variable;
            variable.op = Op::variable;
            variable.type = ir::Type::vector;
            copy = to.add(variable);
        } else if (node.op == Op::apply) {
            llvm::SmallVector<ExprId, 2> children;
            for (ExprId child : node.children) {
                const auto part = (*this)(child);
                if (!part)
                    return std::nullopt;
                children.push_back(*part);
            }
            const auto simple = simplify ? simpler(to, node.function, children) : std::nullopt;
            copy = simple ? *simple : to.apply(node.function, children);
            if (to[copy].op == Op::apply) {
                const Function function = simple ? to[copy].function : node.function;
                if (simple)
                    children = to[copy].children;
                switches(function, children);
                if (has_kink(function) && facts.smooth) {
                    facts.smooth = false;
                    facts.culprit = ir::name_of(function);
                }
            }
        } else {
            return std::nullopt;
        }
        done.emplace(key, copy);
        return copy;
    }
};

// The same numbers with their tails, which 1 - tanh(u), 1 - tanh(u)^2 and 1 - sigmoid(u) lose to rounding.
ExprId with_tails(ir::ExprTable& table, ExprId id) {
    const ir::Node node = table[id];
    if (node.op != Op::apply)
        return id;
    const auto is = [&](ExprId other, Function function) {
        return table[other].op == Op::apply && table[other].function == function;
    };
    const auto sigmoid_of = [&](ExprId u, double factor) {
        return table.apply(Function::sigmoid, {table.apply(Function::mul, {table.number(factor), u})});
    };
    if (node.function == Function::sub && table[node.children[0]].op == Op::number && table[node.children[0]].number == 1) {
        const ExprId what = node.children[1];
        if (is(what, Function::sigmoid))
            return sigmoid_of(table[what].children[0], -1);
        if (is(what, Function::tanh))
            return table.apply(Function::mul, {table.number(2), sigmoid_of(table[what].children[0], -2)});
        if (is(what, Function::square) && is(table[what].children[0], Function::tanh)) {
            const ExprId u = table[table[what].children[0]].children[0];
            return table.apply(Function::mul,
                               {table.number(4), table.apply(Function::mul, {sigmoid_of(u, 2), sigmoid_of(u, -2)})});
        }
    }
    llvm::SmallVector<ExprId, 2> children;
    for (const ExprId child : node.children)
        children.push_back(with_tails(table, child));
    return table.apply(node.function, children);
}

// Whether it is nothing but rounding at places of no meaning.
bool cancels(const Tape& slope) {
    const auto places = {-5.3, -1.7, -0.61, -0.13, 0.17, 0.53, 1.9, 4.7};
    return std::ranges::any_of(places, [&](double z) { return slope(z) != 0 && slope.is_rounding(z); });
}

constexpr std::size_t block = 128;

} // namespace

Tape::Tape(const ir::ExprTable& table, ExprId expression) {
    std::unordered_map<std::uint32_t, std::size_t> place;
    const auto emit = [&](const auto& self, ExprId id) -> std::size_t {
        const auto key = static_cast<std::uint32_t>(id);
        if (const auto found = place.find(key); found != place.end())
            return found->second;
        const ir::Node& node = table[id];
        Step step{node.op, node.function, node.number, {0, 0}, static_cast<unsigned>(node.children.size())};
        for (unsigned k = 0; k < step.arity; ++k)
            step.arguments[k] = self(self, node.children[k]);
        steps_.push_back(step);
        place.emplace(key, steps_.size() - 1);
        return steps_.size() - 1;
    };
    emit(emit, expression);
}

template <class Real> Real Tape::apply(const Step& step, const Real (&arguments)[2]) const {
    if (chained_ && step.function == Function::mul && (arguments[0] == 0 || arguments[1] == 0))
        return 0;
    const llvm::ArrayRef<Real> given(arguments, step.arity);
    if constexpr (sizeof(Real) > sizeof(double))
        return ir::evaluate_extended(step.function, given);
    else
        return ir::evaluate(step.function, given);
}

void Tape::operator()(std::size_t count, const double* z, double* result) const {
    const auto slots = std::make_unique_for_overwrite<std::array<double, block>[]>(steps_.size());
    for (std::size_t begin = 0; begin < count; begin += block) {
        const std::size_t lanes = std::min(block, count - begin);
        std::array<bool, block> lost{}; // digits on the way to 0, or a number too large
        for (std::size_t s = 0; s < steps_.size(); ++s) {
            const Step& step = steps_[s];
            double* out = slots[s].data();
            if (step.op == Op::number) {
                std::fill_n(out, lanes, step.number);
                continue;
            }
            if (step.op == Op::variable) {
                for (std::size_t i = 0; i < lanes; ++i)
                    out[i] = reflected_ ? -z[begin + i] : z[begin + i];
                continue;
            }
            const double* x = slots[step.arguments[0]].data();
            const double* y = slots[step.arguments[step.arity > 1 ? 1 : 0]].data();
            for (std::size_t i = 0; i < lanes; ++i) {
                out[i] = apply<double>(step, {x[i], y[i]});
                lost[i] = lost[i] || !std::isfinite(out[i]) ||
                          (std::abs(out[i]) < std::numeric_limits<double>::min() && out[i] != 0);
            }
        }
        for (std::size_t i = 0; i < lanes; ++i) {
            const double value = slots[steps_.size() - 1][i];
            result[begin + i] = lost[i] || !std::isfinite(value) ? extended(z[begin + i]) : value;
            if (settled_ && value != 0 && is_rounding(z[begin + i]))
                result[begin + i] = 0;
        }
    }
}

double Tape::extended(double z) const {
    std::vector<long double> values;
    values.reserve(steps_.size());
    for (const Step& step : steps_) {
        if (step.op == Op::number)
            values.push_back(step.number);
        else if (step.op == Op::variable)
            values.push_back(reflected_ ? -z : z);
        else
            values.push_back(
                apply<long double>(step, {values[step.arguments[0]], values[step.arguments[step.arity > 1 ? 1 : 0]]}));
    }
    return static_cast<double>(values.back());
}

bool Tape::is_rounding(double z) const {
    struct Rounded {
        double value = 0, error = 0;
    };
    constexpr double epsilon = std::numeric_limits<double>::epsilon();
    std::vector<Rounded> values;
    values.reserve(steps_.size());
    for (const Step& step : steps_) {
        if (step.op != Op::apply) {
            values.push_back({step.op == Op::number ? step.number : reflected_ ? -z : z, 0});
            continue;
        }
        const Rounded x = values[step.arguments[0]], y = values[step.arguments[step.arity > 1 ? 1 : 0]];
        const double value = apply<double>(step, {x.value, y.value});
        double moved = 0;
        for (const double a : {x.value - x.error, x.value + x.error})
            for (const double b : {y.value - y.error, y.value + y.error})
                moved = std::max(moved, std::abs(apply<double>(step, {a, b}) - value));
        values.push_back({value, moved + epsilon * std::abs(value)});
    }
    return std::abs(values.back().value) <= values.back().error;
}

double Tape::operator()(double z) const {
    double result = 0;
    (*this)(1, &z, &result);
    return result;
}

Tape Tape::reflected() const {
    Tape other = *this;
    other.reflected_ = !reflected_;
    return other;
}

Tape Tape::chained() const {
    Tape other = *this;
    other.chained_ = true;
    return other;
}

Tape Tape::settled() const {
    Tape other = *this;
    other.settled_ = true;
    return other;
}

std::optional<Univariate> analyse(const Activation& activation, std::string* reason) {
    Univariate facts;
    ir::ExprTable table;
    Extraction extraction{*activation.table, table, facts, true};
    const auto expression = extraction(activation.expression);
    Univariate unused;
    const auto as_written = Extraction{*activation.table, table, unused, false}(activation.expression); // at 0 / 0 as well
    if (!expression || !as_written) {
        if (reason)
            *reason = "the function depends on more than one Gaussian and numbers";
        return std::nullopt;
    }
    const auto each = [&](std::vector<ExprId>& arguments, const auto& take) {
        std::sort(arguments.begin(), arguments.end());
        arguments.erase(std::unique(arguments.begin(), arguments.end()), arguments.end());
        for (const ExprId u : arguments)
            if (table[u].op != Op::number)
                take(u);
    };
    const auto slope_of = [&](ExprId u) { return Tape(table, with_tails(table, ir::derivative(table, u, 0))).chained(); };
    each(extraction.changing, [&](ExprId u) { facts.switches.emplace_back(table, with_tails(table, u)); });
    each(extraction.bending, [&](ExprId u) { facts.bends.emplace_back(table, u); });
    each(extraction.singular, [&](ExprId u) { facts.touching.push_back({Tape(table, with_tails(table, u)), slope_of(u)}); });
    facts.value = std::make_unique<Tape>(table, with_tails(table, *as_written));
    facts.groups = classify(table, *expression);
    facts.slope = std::make_unique<Tape>(slope_of(*expression));
    if (!extraction.singular.empty() && cancels(*facts.slope))
        facts.slope = std::make_unique<Tape>(facts.slope->settled());
    if (facts.groups) {
        facts.slope_groups = derivative(*facts.groups, facts.jumps);
        facts.second_groups = derivative(facts.slope_groups, facts.corners);
        facts.parity = parity(*facts.groups);
        facts.smooth = std::none_of(facts.groups->begin(), facts.groups->end(),
                                    [](const Group& group) { return group.jump && group.blur == 0; });
    }
    return facts;
}

} // namespace tpc::gaussian
