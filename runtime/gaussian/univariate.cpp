#include "runtime/gaussian/univariate.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace tpc::gaussian {

namespace {

using ir::ExprId;
using ir::Function;
using ir::Op;

// Copies one expression into a table of its own.
struct Extraction {
    const ir::ExprTable& from;
    ir::ExprTable& to;
    Univariate& facts;
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
            copy = to.apply(node.function, children);
            if (to[copy].op == Op::apply)
                switches(node.function, children);
            if (has_kink(node.function) && to[copy].op == Op::apply && facts.smooth) {
                facts.smooth = false;
                facts.culprit = ir::name_of(node.function);
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

void Tape::operator()(std::size_t count, const double* z, double* result) const {
    std::vector<std::array<double, block>> slots(steps_.size());
    for (std::size_t begin = 0; begin < count; begin += block) {
        const std::size_t lanes = std::min(block, count - begin);
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
                const double arguments[2] = {x[i], y[i]};
                if (chained_ && step.function == ir::Function::mul && (x[i] == 0 || y[i] == 0)) {
                    out[i] = 0;
                    continue;
                }
                out[i] = ir::evaluate(step.function, llvm::ArrayRef<double>(arguments, step.arity));
            }
        }
        std::copy_n(slots.back().data(), lanes, result + begin);
    }
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

std::optional<Univariate> analyse(const Activation& activation, std::string* reason) {
    Univariate facts;
    ir::ExprTable table;
    Extraction extraction{*activation.table, table, facts};
    const auto expression = extraction(activation.expression);
    if (!expression) {
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
    facts.value = std::make_unique<Tape>(table, with_tails(table, *expression));
    facts.groups = classify(table, *expression);
    facts.slope = std::make_unique<Tape>(slope_of(*expression));
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
