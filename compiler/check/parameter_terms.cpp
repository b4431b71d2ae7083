#include "compiler/check/parameter_terms.hpp"

#include <algorithm>

namespace tpc::check {

using ir::Affine;
using ir::ExprId;
using ir::ExprTable;
using ir::Function;
using ir::Node;
using ir::Op;

ExprId times(ExprTable& exprs, ExprId a, ExprId b) {
    return exprs.apply(Function::mul, {a, b});
}

ExprId over(ExprTable& exprs, ExprId a, ExprId b) {
    return exprs.apply(Function::div, {a, b});
}

ExprId sum_over(ExprTable& exprs, llvm::ArrayRef<ir::Range> ranges, ExprId id) {
    if (ranges.empty())
        return id;
    Node sum;
    sum.op = Op::reduce;
    sum.reduction = ir::Reduction::sum;
    sum.type = exprs[id].type;
    sum.ranges.assign(ranges.begin(), ranges.end());
    sum.children = {id};
    return exprs.add(sum);
}

ExprId mean_factor(ExprTable& exprs, llvm::ArrayRef<ir::Range> ranges) {
    const ExprId one = exprs.number(1);
    const bool nested = std::any_of(ranges.begin(), ranges.end(), [&](const ir::Range& range) {
        return std::any_of(ranges.begin(), ranges.end(), [&](const ir::Range& other) {
            return range.lower.coefficient(other.index) != 0 || range.upper.coefficient(other.index) != 0;
        });
    });
    if (nested)
        return over(exprs, one, sum_over(exprs, ranges, one));
    ExprId count = one;
    for (const ir::Range& range : ranges)
        count = times(exprs, count, exprs.affine(range.upper - range.lower + Affine(1)));
    return over(exprs, one, count);
}

std::optional<std::vector<ParameterTerm>> parameter_terms(ExprTable& exprs, ExprId id) {
    const Node node = exprs[id];
    if (node.op == Op::parameter && node.type == ir::Type::vector)
        return std::vector<ParameterTerm>{{exprs.number(1), id, {}}};
    const auto scaled = [&](std::optional<std::vector<ParameterTerm>> terms, auto&& factor) {
        if (terms)
            for (ParameterTerm& term : *terms)
                term.factor = factor(term.factor);
        return terms;
    };
    if (node.op == Op::reduce && (node.reduction == ir::Reduction::sum || node.reduction == ir::Reduction::mean)) {
        auto terms = parameter_terms(exprs, node.children[0]);
        if (!terms)
            return terms;
        const bool mean = node.reduction == ir::Reduction::mean;
        const ExprId weight = mean ? mean_factor(exprs, node.ranges) : exprs.number(1);
        for (ParameterTerm& term : *terms) {
            term.factor = times(exprs, term.factor, weight);
            term.ranges.insert(term.ranges.begin(), node.ranges.begin(), node.ranges.end());
        }
        return terms;
    }
    if (node.op != Op::apply)
        return std::nullopt;
    const auto scalar = [&](std::size_t k) { return exprs[node.children[k]].type == ir::Type::scalar; };
    switch (node.function) {
    case Function::neg:
        return scaled(parameter_terms(exprs, node.children[0]), [&](ExprId f) { return times(exprs, exprs.number(-1), f); });
    case Function::add:
    case Function::sub: {
        auto left = parameter_terms(exprs, node.children[0]), right = parameter_terms(exprs, node.children[1]);
        if (!left || !right)
            return std::nullopt;
        if (node.function == Function::sub)
            right = scaled(std::move(right), [&](ExprId f) { return times(exprs, exprs.number(-1), f); });
        left->insert(left->end(), right->begin(), right->end());
        return left;
    }
    case Function::mul:
        if (scalar(0))
            return scaled(parameter_terms(exprs, node.children[1]),
                          [&](ExprId f) { return times(exprs, node.children[0], f); });
        if (scalar(1))
            return scaled(parameter_terms(exprs, node.children[0]),
                          [&](ExprId f) { return times(exprs, f, node.children[1]); });
        return std::nullopt;
    case Function::div:
        if (scalar(1))
            return scaled(parameter_terms(exprs, node.children[0]),
                          [&](ExprId f) { return over(exprs, f, node.children[1]); });
        return std::nullopt;
    default:
        return std::nullopt;
    }
}

} // namespace tpc::check
