#include "runtime/samples/state.hpp"

#include "compiler/ir/reduction.hpp"
#include "compiler/plan/items.hpp"

#include <cmath>
#include <functional>

namespace tpc::execute {

using namespace ir;

template <class Real> std::int64_t ScalarEvaluator<Real>::affine(const Affine& a, const std::int64_t* slots) const {
    return value_at(*state_.plan, a, slots);
}

template <class Real> std::vector<Real> ScalarEvaluator<Real>::reduce(const Node& node, std::int64_t* slots) const {
    std::vector<std::vector<Real>> values;
    over_ranges(*state_.plan, node.ranges, slots, [&] { values.push_back((*this)(node.children[0], slots)); });
    std::vector<Real> result(count_);
    std::vector<double> terms(values.size());
    for (std::size_t s = 0; s < count_; ++s) {
        for (std::size_t k = 0; k < values.size(); ++k)
            terms[k] = static_cast<double>(values[k][s]);
        result[s] = static_cast<Real>(reduced(node.reduction, terms));
    }
    return result;
}

template <class Real> std::vector<Real> ScalarEvaluator<Real>::operator()(ExprId e, std::int64_t* slots) const {
    const Program& program = state_.plan->recursions.network.program;
    const Node& node = program.exprs[e];
    const auto all = [&](double value) { return std::vector<Real>(count_, static_cast<Real>(value)); };
    const auto copy = [&](const Real* from) { return std::vector<Real>(from + first_, from + first_ + count_); };
    const auto mean = [&](std::uint32_t family, const plan::Indices& element) {
        const Real* from = state_.mean_of(family, element);
        if (from == nullptr && state_.plan->recursions.may_have_mean[family])
            throw std::logic_error("a mean that nothing asked for");
        return from != nullptr ? copy(from) : all(0);
    };
    plan::Indices indices;
    switch (node.op) {
    case Op::number:
        return all(node.number);
    case Op::affine: {
        // as a number it need not divide exactly
        const Affine whole = node.affine.denominator * node.affine;
        return all(static_cast<double>(affine(whole, slots)) / static_cast<double>(node.affine.denominator));
    }
    case Op::input: {
        const ir::Input& input = program.inputs[node.target];
        plan::Box box;
        std::size_t stride = 1;
        for (const Affine& axis : input.axes) {
            box.lower.push_back(1);
            box.size.push_back(affine(axis, slots));
            stride *= static_cast<std::size_t>(box.size.back());
        }
        if (!locate(*state_.plan, node.access, box, slots, indices))
            return all(0);
        const std::size_t offset = offset_in(box, indices);
        std::vector<Real> result(count_);
        for (std::size_t s = 0; s < count_; ++s)
            result[s] = static_cast<Real>(state_.data->inputs[node.target].values[(first_ + s) * stride + offset]);
        return result;
    }
    case Op::read: {
        const plan::Box& box = state_.plan->boxes[node.target];
        if (!locate(*state_.plan, node.access, box, slots, indices))
            return all(0);
        return copy(state_.scalars[node.target].data() + offset_in(box, indices) * state_.samples);
    }
    case Op::mean:
    case Op::moment: {
        const Node& a = program.exprs[node.children[0]];
        if (node.op == Op::mean) {
            if (a.type == Type::scalar)
                return (*this)(node.children[0], slots);
            if (!locate(*state_.plan, a.access, state_.plan->boxes[a.target], slots, indices))
                return all(0);
            return mean(a.target, indices);
        }
        const Node& b = program.exprs[node.children[1]];
        if (a.type == Type::scalar || b.type == Type::scalar) {
            // <c, x> / n = c avg(x)
            const auto factor = (*this)(node.children[a.type == Type::scalar ? 0 : 1], slots);
            const Node& other = a.type == Type::scalar ? b : a;
            if (other.type == Type::scalar) {
                auto result = (*this)(node.children[1], slots);
                for (std::size_t s = 0; s < count_; ++s)
                    result[s] *= factor[s];
                return result;
            }
            if (!locate(*state_.plan, other.access, state_.plan->boxes[other.target], slots, indices))
                return all(0);
            auto result = mean(other.target, indices);
            for (std::size_t s = 0; s < count_; ++s)
                result[s] *= factor[s];
            return result;
        }
        plan::Indices right;
        if (!locate(*state_.plan, a.access, state_.plan->boxes[a.target], slots, indices) ||
            !locate(*state_.plan, b.access, state_.plan->boxes[b.target], slots, right))
            return all(0);
        for (const plan::PairArray& array : state_.plan->part.arrays) {
            if (array.left != a.target || array.right != b.target)
                continue;
            const std::size_t offset = entry_offset(array, indices, right) * state_.samples + first_;
            std::vector<Real> result(count_);
            for (std::size_t s = 0; s < count_; ++s)
                result[s] = (state_.plus[offset + s] - state_.minus[offset + s]) / 4;
            return result;
        }
        if (a.target == b.target && std::ranges::equal(indices, right))
            throw std::logic_error("an average that nothing asked for");
        return all(0); // independent, and one of them centred
    }
    case Op::gram: {
        const auto a = finite(node.children[0], slots);
        const auto b = finite(node.children[1], slots);
        std::vector<Real> result(count_, 0);
        for (std::size_t d = 0; d < std::min(a.size(), b.size()); ++d)
            for (std::size_t s = 0; s < count_; ++s)
                result[s] += a[d][s] * b[d][s];
        return result;
    }
    case Op::apply: {
        std::vector<std::vector<Real>> arguments;
        for (const ExprId child : node.children)
            arguments.push_back((*this)(child, slots));
        std::vector<Real> result(count_);
        llvm::SmallVector<double, 3> values(arguments.size());
        for (std::size_t s = 0; s < count_; ++s) {
            for (std::size_t k = 0; k < arguments.size(); ++k)
                values[k] = static_cast<double>(arguments[k][s]);
            result[s] = static_cast<Real>(evaluate(node.function, values));
        }
        return result;
    }
    case Op::reduce:
        return reduce(node, slots);
    default:
        throw MethodError("a number of the program has no value in the limit");
    }
}

template <class Real> std::vector<std::vector<Real>> ScalarEvaluator<Real>::finite(ExprId e, std::int64_t* slots) const {
    const Program& program = state_.plan->recursions.network.program;
    const Node& node = program.exprs[e];
    plan::Indices indices;
    const auto stored = [&](bool input) {
        for (std::size_t k = 0; k < state_.plan->finite.size(); ++k) {
            const plan::FiniteArray& array = state_.plan->finite[k];
            if (array.input != input || array.source != node.target)
                continue;
            std::vector<std::vector<Real>> result(static_cast<std::size_t>(array.length), std::vector<Real>(count_, 0));
            if (!locate(*state_.plan, node.access, array.box, slots, indices))
                return result;
            const std::size_t offset = offset_in(array.box, indices) * result.size();
            for (std::size_t d = 0; d < result.size(); ++d) {
                const Real* from = state_.finite[k].data() + (offset + d) * state_.samples + first_;
                result[d].assign(from, from + count_);
            }
            return result;
        }
        return std::vector<std::vector<Real>>{};
    };
    switch (node.op) {
    case Op::input_row:
        return stored(true);
    case Op::read:
        return stored(false);
    case Op::reduce: {
        std::vector<std::vector<Real>> total;
        std::size_t terms = 0;
        over_ranges(*state_.plan, node.ranges, slots, [&] {
            ++terms;
            const auto value = finite(node.children[0], slots);
            total.resize(std::max(total.size(), value.size()), std::vector<Real>(count_, 0));
            for (std::size_t d = 0; d < value.size(); ++d)
                for (std::size_t s = 0; s < count_; ++s)
                    total[d][s] += value[d][s];
        });
        if (node.reduction == Reduction::mean)
            for (auto& coordinate : total)
                for (Real& value : coordinate)
                    value /= static_cast<Real>(terms);
        return total;
    }
    case Op::apply:
        break;
    default:
        return {};
    }
    std::vector<std::vector<std::vector<Real>>> arguments;
    std::size_t length = 0;
    for (const ExprId child : node.children) {
        if (program.exprs[child].type == Type::finite)
            arguments.push_back(finite(child, slots));
        else
            arguments.push_back({(*this)(child, slots)}); // broadcasts
        length = std::max(length, arguments.back().size());
    }
    std::vector<std::vector<Real>> result(length, std::vector<Real>(count_));
    llvm::SmallVector<double, 3> values(arguments.size());
    for (std::size_t d = 0; d < length; ++d)
        for (std::size_t s = 0; s < count_; ++s) {
            for (std::size_t k = 0; k < arguments.size(); ++k)
                values[k] =
                    arguments[k].empty() ? 0.0 : static_cast<double>(arguments[k][arguments[k].size() == 1 ? 0 : d][s]);
            result[d][s] = static_cast<Real>(evaluate(node.function, values));
        }
    return result;
}

double evaluate_constant(const limit::Recursions& recursions, const Sizes& left, const Sizes& right, ExprId e,
                         const std::int64_t* slots) {
    const Program& program = recursions.network.program;
    const Node& node = program.exprs[e];
    const auto affine = [&](const Affine& a, const std::int64_t* at) {
        std::int64_t value = a.constant;
        for (const auto& [symbol, coefficient] : a.terms) {
            const bool primed = recursions.is_primed(symbol);
            const auto own =
                static_cast<Symbol>(static_cast<std::uint32_t>(symbol) - (primed ? recursions.left_symbols : 0));
            value += coefficient *
                     (program.info(own).axis ? (primed ? right : left).at(own) : at[static_cast<std::uint32_t>(symbol)]);
        }
        return static_cast<double>(value) / static_cast<double>(a.denominator);
    };
    if (node.op == Op::number)
        return node.number;
    if (node.op == Op::affine)
        return affine(node.affine, slots);
    llvm::SmallVector<double, 3> values;
    if (node.op == Op::reduce) {
        std::vector<std::int64_t> inner(slots, slots + program.symbols.size());
        const std::function<void(std::size_t)> over = [&](std::size_t depth) {
            if (depth == node.ranges.size()) {
                values.push_back(evaluate_constant(recursions, left, right, node.children[0], inner.data()));
                return;
            }
            const auto upper = static_cast<std::int64_t>(affine(node.ranges[depth].upper, inner.data()));
            for (auto i = static_cast<std::int64_t>(affine(node.ranges[depth].lower, inner.data())); i <= upper; ++i) {
                inner[static_cast<std::uint32_t>(node.ranges[depth].index)] = i;
                over(depth + 1);
            }
        };
        over(0);
        return reduced(node.reduction, values);
    }
    for (const ExprId child : node.children)
        values.push_back(evaluate_constant(recursions, left, right, child, slots));
    return evaluate(node.function, values);
}

plan::Constant folded(const limit::Recursions& recursions, const Sizes& left, const Sizes& right, plan::Constant c) {
    const Program& program = recursions.network.program;
    const auto axis = [&](std::uint32_t slot) {
        return program.info(static_cast<Symbol>(slot >= recursions.left_symbols ? slot - recursions.left_symbols : slot))
            .axis;
    };
    for (std::uint32_t slot = 0; !c.fixed && slot < program.symbols.size(); ++slot)
        if (!axis(slot) && plan::involves(program.exprs, c.expression, slot))
            return c;
    if (c.fixed)
        return c;
    const std::vector<std::int64_t> none(program.symbols.size(), 0);
    c.value = evaluate_constant(recursions, left, right, c.expression, none.data());
    c.fixed = true;
    return c;
}

template class ScalarEvaluator<double>;
template class ScalarEvaluator<float>;

} // namespace tpc::execute
