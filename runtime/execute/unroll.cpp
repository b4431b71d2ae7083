#include "runtime/execute/unroll.hpp"

#include "compiler/limit/form.hpp"
#include "runtime/execute/state.hpp"
#include "runtime/execute/walk.hpp"

#include <algorithm>

namespace tpc::execute {

using namespace ir;
using joint::NodeId;

namespace {

constexpr std::size_t most_operations = 1'000'000;

// The element of a family that an access reads; nothing: zero.
std::optional<std::vector<std::int64_t>> element_at(const plan::SelfPlan& plan, std::uint32_t family, const Access& access,
                                                    const std::int64_t* slots) {
    const plan::Box& box = plan.boxes[family];
    std::vector<std::int64_t> indices;
    for (std::size_t d = 0; d < access.indices.size(); ++d) {
        const auto at =
            apply_mode(value_at(plan, access.indices[d], slots), box.lower[d], box.lower[d] + box.size[d] - 1, access.mode);
        if (!at)
            return std::nullopt;
        indices.push_back(*at);
    }
    return indices;
}

} // namespace

Definitions::Definitions(const plan::SelfPlan& plan) : plan_(&plan) {
    const Program& program = plan.recursions.network.program;
    std::vector<std::int64_t> slots(program.symbols.size(), 0);
    Path path;
    walk_left(plan.part.left, slots.data(), path, false, [&](std::size_t k) {
        if (k >= program.statements.size())
            return;
        const Statement& statement = program.statements[k];
        if (program.families[statement.family].type != Type::vector)
            return;
        if (!all_hold(plan, statement.domain.conditions, slots.data()))
            return;
        GaussianElement element{statement.family, {}};
        for (const Affine& index : statement.indices)
            element.indices.push_back(value_at(plan, index, slots.data()));
        places_[element] = {k, slots};
    });
}

const Definitions::Place* Definitions::find(std::uint32_t family, const std::vector<std::int64_t>& indices) const {
    const auto found = places_.find({family, indices});
    return found == places_.end() ? nullptr : &found->second;
}

Definitions::Multiple Definitions::multiple(const GaussianElement& element) const {
    const Multiple itself{element, 1, 0};
    const Place* const place = find(element.family, element.indices);
    if (place == nullptr)
        return itself;
    const limit::Network& network = plan_->recursions.network;
    std::optional<Multiple> result;
    double constant = 0;
    for (const limit::LinearTerm& term : network.forms[place->statement].terms) {
        const bool is_read = term.base == limit::Base::read && network.gaussian[term.operand];
        if ((!is_read && term.base != limit::Base::one) || !term.ranges.empty() ||
            !limit::is_constant(network.program.exprs, term.coefficient))
            return itself;
        const double coefficient =
            evaluate_constant(plan_->recursions, plan_->sizes, plan_->sizes, term.coefficient, place->slots.data());
        if (!is_read) {
            constant += coefficient;
            continue;
        }
        const auto indices = element_at(*plan_, term.operand, term.access, place->slots.data());
        if (!indices)
            continue;
        const Multiple read = multiple({term.operand, *indices});
        if (result && result->root != read.root)
            return itself;
        constant += coefficient * read.constant;
        result = Multiple{read.root, coefficient * read.factor + (result ? result->factor : 0), 0};
    }
    if (!result || result->factor == 0)
        return itself;
    result->constant = constant;
    return *result;
}

std::int64_t Unroller::index(const Affine& affine, const Slots& slots) const {
    return value_at(plan_, affine, slots.data());
}

NodeId Unroller::gaussian(const GaussianElement& key) {
    gaussians.push_back(key);
    return tape_.gaussian(first_gaussian_ + static_cast<std::uint32_t>(gaussians.size() - 1));
}

void Unroller::number(const std::vector<GaussianElement>& elements) {
    for (const GaussianElement& key : elements) {
        done_[key] = gaussian(key);
        const Definitions::Multiple multiple = definitions_.multiple(key);
        roots_.try_emplace(multiple.root, Numbered{done_[key], multiple.factor, multiple.constant});
    }
}

// x = a root + b is a/c (y - d) + b for y = c root + d.
NodeId Unroller::gaussian_or_multiple(const GaussianElement& key) {
    const Definitions::Multiple multiple = definitions_.multiple(key);
    const auto found = roots_.find(multiple.root);
    if (found == roots_.end())
        return gaussian(key);
    const auto& [node, factor, constant] = found->second;
    const double ratio = multiple.factor / factor;
    return tape_.apply(Function::add, tape_.apply(Function::mul, node, tape_.number(ratio)),
                       tape_.number(multiple.constant - ratio * constant));
}

NodeId Unroller::element(std::uint32_t family, const std::vector<std::int64_t>& indices) {
    const GaussianElement key{family, indices};
    if (const auto found = done_.find(key); found != done_.end())
        return found->second;
    if (tape_.nodes().size() > most_operations)
        throw MethodError("an expectation is of a function of more than a million operations");
    NodeId node = 0;
    if (plan_.recursions.network.gaussian[family]) {
        node = gaussian_or_multiple(key);
    } else if (const Definitions::Place* place = definitions_.find(family, indices)) {
        Slots slots = place->slots;
        node = value(plan_.recursions.network.program.statements[place->statement].value, slots);
    } else {
        throw MethodError("a vector is read where it is not defined");
    }
    done_[key] = node;
    return node;
}

NodeId Unroller::read(const Node& node, const Slots& slots) {
    const auto indices = element_at(plan_, node.target, node.access, slots.data());
    return indices ? element(node.target, *indices) : tape_.number(0);
}

NodeId Unroller::scalar(ExprId e, const Slots& slots) {
    const ExprTable& table = plan_.recursions.network.program.exprs;
    if (limit::is_constant(table, e))
        return tape_.number(evaluate_constant(plan_.recursions, plan_.sizes, plan_.sizes, e, slots.data()));
    const SampleNumber number{e, slots};
    const auto found = std::find(numbers.begin(), numbers.end(), number);
    const auto k = static_cast<std::uint32_t>(found - numbers.begin());
    if (found == numbers.end())
        numbers.push_back(number);
    return tape_.sample(first_number_ + k);
}

void Unroller::over(llvm::ArrayRef<Range> ranges, Slots& slots, ExprId e, std::vector<NodeId>& terms) {
    if (ranges.empty()) {
        terms.push_back(value(e, slots));
        return;
    }
    const std::int64_t upper = index(ranges[0].upper, slots);
    for (std::int64_t i = index(ranges[0].lower, slots); i <= upper; ++i) {
        slots[static_cast<std::uint32_t>(ranges[0].index)] = i;
        over(ranges.drop_front(), slots, e, terms);
    }
}

NodeId Unroller::reduce(const Node& node, Slots& slots) {
    std::vector<NodeId> terms;
    over(node.ranges, slots, node.children[0], terms);
    const auto fold = [&](Function function) {
        NodeId result = terms[0];
        for (std::size_t k = 1; k < terms.size(); ++k)
            result = tape_.apply(function, result, terms[k]);
        return result;
    };
    if (terms.empty())
        return tape_.number(node.reduction == Reduction::prod ? 1 : 0); // other empty ones are errors of the program
    switch (node.reduction) {
    case Reduction::sum:
        return fold(Function::add);
    case Reduction::mean:
        return tape_.apply(Function::mul, fold(Function::add), tape_.number(1.0 / static_cast<double>(terms.size())));
    case Reduction::max:
        return fold(Function::max);
    case Reduction::min:
        return fold(Function::min);
    case Reduction::prod:
        return fold(Function::mul);
    case Reduction::logsumexp: {
        const NodeId greatest = fold(Function::max);
        for (NodeId& term : terms)
            term = tape_.apply(Function::exp, tape_.apply(Function::sub, term, greatest));
        return tape_.apply(Function::add, greatest, tape_.apply(Function::log, fold(Function::add)));
    }
    }
    return 0;
}

NodeId Unroller::value(ExprId e, Slots& slots) {
    const Node& node = plan_.recursions.network.program.exprs[e];
    if (node.type == Type::scalar)
        return scalar(e, slots);
    switch (node.op) {
    case Op::read:
        return read(node, slots);
    case Op::reduce:
        return reduce(node, slots);
    case Op::apply:
        break;
    default:
        throw MethodError("a nonlinear function of a parameter that has no name of its own");
    }
    NodeId result = value(node.children[0], slots);
    if (node.children.size() == 1)
        return tape_.apply(node.function, result);
    for (std::size_t k = 1; k < node.children.size(); ++k)
        result = tape_.apply(node.function, result, value(node.children[k], slots));
    return result;
}

} // namespace tpc::execute
