#include "compiler/ir/expression.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>

namespace tpc::ir {

namespace {

// Sums and products that drop zeros whatever the type of the other side: a derivative that is 0 stays the number 0.
struct Build {
    ExprTable& table;

    [[nodiscard]] bool zero(ExprId id) const { return table[id].op == Op::number && table[id].number == 0; }
    [[nodiscard]] ExprId number(double value) const { return table.number(value); }
    [[nodiscard]] ExprId call(Function function, llvm::ArrayRef<ExprId> arguments) const {
        return table.apply(function, arguments);
    }
    [[nodiscard]] ExprId neg(ExprId a) const { return call(Function::neg, a); }
    [[nodiscard]] ExprId add(ExprId a, ExprId b) const { return call(Function::add, {a, b}); }
    [[nodiscard]] ExprId sub(ExprId a, ExprId b) const { return call(Function::sub, {a, b}); }
    [[nodiscard]] ExprId mul(ExprId a, ExprId b) const {
        return zero(a) || zero(b) ? number(0) : call(Function::mul, {a, b});
    }
    [[nodiscard]] ExprId div(ExprId a, ExprId b) const { return call(Function::div, {a, b}); }
};

struct Derivative {
    ExprTable& table;
    unsigned variable;
    llvm::DenseMap<std::uint32_t, ExprId> done = llvm::DenseMap<std::uint32_t, ExprId>();

    ExprId visit(ExprId id) {
        const auto key = static_cast<std::uint32_t>(id);
        if (const auto found = done.find(key); found != done.end())
            return found->second;
        const ExprId result = of(id);
        done[key] = result;
        return result;
    }

    ExprId of(ExprId id) {
        const Node node = table[id]; // a copy: the table grows below
        const Build build{table};
        if (node.op == Op::variable)
            return build.number(node.target == variable ? 1 : 0);
        if (node.op == Op::reduce)
            return of_reduce(node);
        if (node.op != Op::apply) // free of variables
            return build.number(0);
        ExprId sum = build.number(0);
        for (unsigned k = 0; k < node.children.size(); ++k) {
            const ExprId inner = visit(node.children[k]);
            if (!build.zero(inner))
                sum = build.add(sum, build.mul(derivative(table, node.function, node.children, k), inner));
        }
        return sum;
    }

    ExprId of_reduce(const Node& node) {
        const ExprId inner = visit(node.children[0]);
        if (Build{table}.zero(inner))
            return inner;
        if (node.reduction != Reduction::sum && node.reduction != Reduction::mean)
            throw std::invalid_argument("derivative of a nonlinear reduction that holds the variable");
        Node result = node;
        result.children[0] = inner;
        result.type = table[inner].type;
        return table.add(std::move(result));
    }
};

} // namespace

ExprId derivative(ExprTable& table, Function function, llvm::ArrayRef<ExprId> arguments, unsigned k) {
    const llvm::SmallVector<ExprId, 2> held(arguments.begin(), arguments.end()); // may point into the table
    const Build d{table};
    const ExprId x = held[0];
    const ExprId y = held.size() > 1 ? held[1] : ExprId{};
    const ExprId one = d.number(1);
    switch (function) {
    case Function::neg:
        return d.number(-1);
    case Function::add:
        return one;
    case Function::sub:
        return d.number(k == 0 ? 1 : -1);
    case Function::mul:
        return k == 0 ? y : x;
    case Function::div: // 1/y and -x/y^2
        return k == 0 ? d.div(one, y) : d.neg(d.div(x, d.call(Function::square, y)));
    case Function::pow: // y x^(y-1) and x^y log x
        if (k == 0)
            return d.mul(y, d.call(Function::pow, {x, d.sub(y, one)}));
        return d.mul(d.call(Function::pow, {x, y}), d.call(Function::log, x));
    case Function::relu:
        return d.call(Function::step, x);
    case Function::leaky_relu: // a + (1-a) step(x), and min(x, 0) for a
        if (k == 1)
            return d.call(Function::min, {x, d.number(0)});
        return d.add(y, d.mul(d.sub(one, y), d.call(Function::step, x)));
    case Function::abs:
        return d.call(Function::sign, x);
    case Function::sign:
    case Function::step:
        return d.number(0); // jumps contribute nothing
    case Function::erf:
    case Function::erfc: // +- 2/sqrt(pi) exp(-x^2)
        return d.mul(d.number((function == Function::erf ? 2 : -2) * std::numbers::inv_sqrtpi),
                     d.call(Function::exp, d.neg(d.call(Function::square, x))));
    case Function::gelu: { // Phi(x) + x phi(x)
        const ExprId cdf =
            d.mul(d.number(0.5), d.call(Function::erfc, d.div(x, d.number(-std::numbers::sqrt2)))); // left tail
        const ExprId bell = d.call(Function::exp, d.mul(d.number(-0.5), d.call(Function::square, x)));
        return d.add(cdf, d.mul(d.mul(d.number(std::numbers::inv_sqrtpi / std::numbers::sqrt2), x), bell));
    }
    case Function::tanh:
        return d.sub(one, d.call(Function::square, d.call(Function::tanh, x)));
    case Function::sigmoid: {
        const ExprId s = d.call(Function::sigmoid, x);
        return d.mul(s, d.sub(one, s));
    }
    case Function::softplus:
        return d.call(Function::sigmoid, x);
    case Function::silu: { // s + x s (1-s)
        const ExprId s = d.call(Function::sigmoid, x);
        return d.add(s, d.mul(d.mul(x, s), d.sub(one, s)));
    }
    case Function::elu: // 1 for x > 0, exp(x) for x < 0, 1 at 0
        return d.add(d.call(Function::step, x), d.mul(d.call(Function::step, d.neg(x)),
                                                      d.call(Function::exp, d.call(Function::min, {x, d.number(0)}))));
    case Function::sin:
        return d.call(Function::cos, x);
    case Function::cos:
        return d.neg(d.call(Function::sin, x));
    case Function::exp:
        return d.call(Function::exp, x);
    case Function::log:
        return d.div(one, x);
    case Function::sqrt:
        return d.div(d.number(0.5), d.call(Function::sqrt, x));
    case Function::square:
        return d.mul(d.number(2), x);
    case Function::hardtanh:
        return d.sub(d.call(Function::step, d.add(x, one)), d.call(Function::step, d.sub(x, one)));
    case Function::max:
        return d.call(Function::step, k == 0 ? d.sub(x, y) : d.sub(y, x)); // ties share equally
    case Function::min:
        return d.call(Function::step, k == 0 ? d.sub(y, x) : d.sub(x, y));
    }
    throw std::logic_error("unknown function");
}

ExprId derivative(ExprTable& table, ExprId expression, unsigned variable) {
    return Derivative{table, variable}.visit(expression);
}

} // namespace tpc::ir
