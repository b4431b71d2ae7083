#include "compiler/check/parameter_terms.hpp"

#include <algorithm>
#include <set>

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

namespace {

using Terms = std::optional<std::vector<ParameterTerm>>;

class Collector {
  public:
    Collector(ExprTable& exprs, const Definition* definition) : exprs_(exprs), definition_(definition) {}

    Terms of(ExprId id) {
        if (none_.contains(id))
            return std::nullopt;
        Terms terms = found(id);
        if (terms && terms->size() > most_terms)
            terms.reset();
        if (!terms)
            none_.insert(id);
        return terms;
    }

  private:
    // Names that stand for sums of one another, over and over, are not followed for ever.
    static constexpr std::size_t most_terms = 1000, most_names = 64;
    ExprTable& exprs_;
    const Definition* definition_; // without one names stay
    std::set<ExprId> none_;        // no combinations
    std::vector<std::uint32_t>
        open_; // families whose definitions lead here: one inside itself would sum over the same indices

    Terms found(ExprId id) {
        const Node node = exprs_[id];
        switch (node.op) {
        case Op::parameter:
            if (node.type != ir::Type::vector)
                return std::nullopt;
            return std::vector<ParameterTerm>{{exprs_.number(1), id, {}}};
        case Op::number:
            return definition_ == nullptr && node.number == 0 ? Terms(std::in_place) : std::nullopt;
        case Op::read:
            if (definition_ == nullptr && node.type == ir::Type::vector)
                return std::vector<ParameterTerm>{{exprs_.number(1), id, {}}};
            return named(node);
        case Op::reduce:
            return reduced(node);
        case Op::apply:
            return applied(node);
        default:
            return std::nullopt;
        }
    }

    bool scalar(ExprId id) const { return exprs_[id].type == ir::Type::scalar; }

    template <class Factor> static Terms scaled(Terms terms, const Factor& factor) {
        if (terms)
            for (ParameterTerm& term : *terms)
                term.factor = factor(term.factor);
        return terms;
    }
    Terms negated(ExprId id) {
        return scaled(of(id), [&](ExprId f) { return times(exprs_, exprs_.number(-1), f); });
    }

    Terms named(const Node& node) {
        if (definition_ == nullptr || node.type != ir::Type::vector || open_.size() == most_names ||
            std::ranges::find(open_, node.target) != open_.end())
            return std::nullopt;
        const std::optional<ExprId> value = (*definition_)(node);
        if (!value)
            return std::nullopt;
        open_.push_back(node.target);
        Terms terms = of(*value);
        open_.pop_back();
        return terms;
    }

    Terms reduced(const Node& node) {
        const bool mean = node.reduction == ir::Reduction::mean;
        if (node.reduction != ir::Reduction::sum && !mean)
            return std::nullopt;
        Terms terms = of(node.children[0]);
        if (!terms)
            return terms;
        const ExprId weight = mean ? mean_factor(exprs_, node.ranges) : exprs_.number(1);
        for (ParameterTerm& term : *terms) {
            term.factor = times(exprs_, term.factor, weight);
            term.ranges.insert(term.ranges.begin(), node.ranges.begin(), node.ranges.end());
        }
        return terms;
    }

    Terms applied(const Node& node) {
        switch (node.function) {
        case Function::neg:
            return negated(node.children[0]);
        case Function::add:
        case Function::sub: {
            Terms left = of(node.children[0]);
            if (!left)
                return std::nullopt;
            const Terms right = node.function == Function::sub ? negated(node.children[1]) : of(node.children[1]);
            if (!right)
                return std::nullopt;
            left->insert(left->end(), right->begin(), right->end());
            return left;
        }
        case Function::mul:
            if (scalar(node.children[0]))
                return scaled(of(node.children[1]), [&](ExprId f) { return times(exprs_, node.children[0], f); });
            if (scalar(node.children[1]))
                return scaled(of(node.children[0]), [&](ExprId f) { return times(exprs_, f, node.children[1]); });
            return std::nullopt;
        case Function::div:
            if (scalar(node.children[1]))
                return scaled(of(node.children[0]), [&](ExprId f) { return over(exprs_, f, node.children[1]); });
            return std::nullopt;
        default:
            return std::nullopt;
        }
    }
};

} // namespace

std::optional<std::vector<ParameterTerm>> parameter_terms(ExprTable& exprs, ExprId id, const Definition& definition) {
    return Collector(exprs, &definition).of(id);
}

std::optional<std::vector<ParameterTerm>> terms_with_names(ExprTable& exprs, ExprId id) {
    return Collector(exprs, nullptr).of(id);
}

} // namespace tpc::check
