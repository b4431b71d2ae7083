#include "compiler/resolve/carriers.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace tpc::resolve {
namespace {

using ir::Function;
using ir::Op;

constexpr int most_readouts = 64;

bool is_linear(ir::Reduction reduction) {
    return reduction == ir::Reduction::sum || reduction == ir::Reduction::mean;
}

// A linear combination of vector parameters.
bool of_parameters(const ir::ExprTable& exprs, ExprId id) {
    const auto& node = exprs[id];
    if (node.op == Op::parameter) {
        return node.type == ir::Type::vector;
    }
    if (node.op == Op::reduce) {
        return is_linear(node.reduction) && of_parameters(exprs, node.children[0]);
    }
    if (node.op != Op::apply) {
        return false;
    }
    const auto scalar = [&](std::size_t k) { return exprs[node.children[k]].type == ir::Type::scalar; };
    switch (node.function) {
    case Function::neg:
        return of_parameters(exprs, node.children[0]);
    case Function::add:
    case Function::sub:
        return of_parameters(exprs, node.children[0]) && of_parameters(exprs, node.children[1]);
    case Function::mul:
        return (scalar(0) && of_parameters(exprs, node.children[1])) ||
               (scalar(1) && of_parameters(exprs, node.children[0]));
    case Function::div:
        return scalar(1) && of_parameters(exprs, node.children[0]);
    default:
        return false;
    }
}

// f(n^(k p) x) = n^p f(x): 1/k for x^k and square, k for sqrt; none for other functions.
struct Homogeneous {
    int times = 1, over = 1;
};
std::optional<Homogeneous> homogeneity(const ir::ExprTable& exprs, const ir::Node& node) {
    if (node.function == Function::square) {
        return Homogeneous{1, 2};
    }
    if (node.function == Function::sqrt) {
        return Homogeneous{2, 1};
    }
    if (node.function != Function::pow) {
        return std::nullopt;
    }
    const auto& exponent = exprs[node.children[1]];
    const bool natural = exponent.op == Op::number && exponent.number >= 1 && exponent.number <= most_readouts &&
                         exponent.number == std::floor(exponent.number);
    return natural ? std::optional(Homogeneous{1, static_cast<int>(exponent.number)}) : std::nullopt;
}

bool better(const Carrier& a, const Carrier& b) {
    return a.kind != b.kind ? a.kind > b.kind : a.origin && !b.origin;
}

struct Attachment {
    Context& context;
    Span origin;
    std::map<ExprId, Carrier> carriers = {};
    std::map<std::pair<ExprId, int>, ExprId> made = {};

    [[nodiscard]] const ir::ExprTable& exprs() const { return context.program.exprs; }

    Carrier carrier(ExprId id) {
        if (const auto known = carriers.find(id); known != carriers.end()) {
            return known->second;
        }
        return carriers[id] = find_carrier(id);
    }

    Carrier find_carrier(ExprId id) {
        const auto& node = exprs()[id]; // nothing is added to the table here
        switch (node.op) {
        case Op::moment: {
            const bool readout = of_parameters(exprs(), node.children[0]) || of_parameters(exprs(), node.children[1]);
            return {readout ? 1 : 0, readout ? Carrying::readout : Carrying::inner, true, node.span == origin};
        }
        case Op::mean: // avg(v) = v' @ 1 / n
            return of_parameters(exprs(), node.children[0]) ? Carrier{1, Carrying::readout, true, node.span == origin}
                                                            : Carrier{0, Carrying::average, true, node.span == origin};
        case Op::read:
            return {0, Carrying::name, true, false};
        case Op::reduce:
            return is_linear(node.reduction) ? carrier(node.children[0]) : of_function(node);
        case Op::apply:
            return of_apply(node);
        default:
            return {};
        }
    }

    Carrier of_apply(const ir::Node& node) {
        const auto& children = node.children;
        switch (node.function) {
        case Function::neg:
        case Function::div:
            return carrier(children[0]);
        case Function::mul: {
            const auto a = carrier(children[0]), b = carrier(children[1]);
            auto best = better(b, a) ? b : a;
            best.readouts = std::min(most_readouts, a.readouts + b.readouts);
            best.average = a.average || b.average;
            return best;
        }
        case Function::add:
        case Function::sub: { // one term may cancel the limit of another: sqrt(n) * (avg(x) - 1) need not diverge
            const auto a = carrier(children[0]), b = carrier(children[1]);
            return {std::max(a.readouts, b.readouts), std::min(a.kind, b.kind), a.average || b.average,
                    a.origin || b.origin};
        }
        default:
            break;
        }
        if (const auto homogeneous = homogeneity(exprs(), node)) {
            auto base = carrier(children[0]);
            base.readouts = std::min(most_readouts, base.readouts * homogeneous->over / homogeneous->times);
            return base;
        }
        return of_function(node);
    }

    // f(avg(x)) may be 0 in the limit.
    Carrier of_function(const ir::Node& node) {
        const bool average =
            std::any_of(node.children.begin(), node.children.end(), [&](ExprId child) { return carrier(child).average; });
        return {0, Carrying::nothing, average, false};
    }

    bool carries(ExprId id, int power) {
        const auto found = carrier(id);
        return found.kind != Carrying::nothing && found.capacity() >= power;
    }

    ExprId attach(ExprId id, int power) {
        if (power == 0) {
            return id;
        }
        const auto key = std::pair(id, power);
        if (const auto known = made.find(key); known != made.end()) {
            return known->second;
        }
        const auto result = place(id, power);
        made[key] = result;
        return result;
    }

    ExprId place(ExprId id, int power) {
        auto& table = context.program.exprs;
        auto node = table[id]; // a copy: the table grows below
        if (!carries(id, power)) {
            return times(id, power);
        }
        auto& children = node.children;
        if (node.op == Op::reduce && is_linear(node.reduction)) {
            children[0] = attach(children[0], power);
            return table.add(std::move(node));
        }
        if (node.op != Op::apply) {
            return times(id, power);
        }
        switch (node.function) {
        case Function::neg:
        case Function::div:
            children[0] = attach(children[0], power);
            break;
        case Function::mul: {
            const auto a = carrier(children[0]), b = carrier(children[1]);
            const std::size_t best = better(b, a) ? 1 : 0;
            const int share = std::min(power, best == 0 ? a.capacity() : b.capacity());
            children[best] = attach(children[best], share);
            children[1 - best] = attach(children[1 - best], power - share);
            break;
        }
        case Function::add:
        case Function::sub:
            if (!carries(children[0], power) || !carries(children[1], power)) {
                return times(id, power);
            }
            children[0] = attach(children[0], power);
            children[1] = attach(children[1], power);
            break;
        default: {
            const auto homogeneous = homogeneity(table, node);
            if (!homogeneous || power * homogeneous->times % homogeneous->over != 0) {
                return times(id, power);
            }
            const int inside = power * homogeneous->times / homogeneous->over;
            if (!carries(children[0], inside)) {
                return times(id, power);
            }
            children[0] = attach(children[0], inside);
        }
        }
        return table.apply(node.function, children, node.span);
    }

    ExprId times(ExprId id, int power) {
        ir::Node width;
        width.op = Op::width_power;
        width.target = static_cast<std::uint32_t>(power);
        width.span = exprs()[id].span;
        const auto span = width.span;
        return context.program.exprs.apply(Function::mul, {id, context.program.exprs.add(std::move(width))}, span);
    }
};

} // namespace

Carrier carrier_of(Context& context, ExprId expr, Span origin) {
    return Attachment{context, origin}.carrier(expr);
}

ExprId attach(Context& context, ExprId expr, int power, Span origin) {
    return Attachment{context, origin}.attach(expr, power);
}

} // namespace tpc::resolve
