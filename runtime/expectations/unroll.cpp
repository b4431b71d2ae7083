#include "runtime/expectations/unroll.hpp"

#include "compiler/network/form.hpp"
#include "compiler/plan/walk.hpp"
#include "runtime/samples/state.hpp"

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
    plan::Path path;
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

namespace {

// Without what rounding left of a difference.
void add(std::map<Summand, double>& sum, double factor, const std::map<Summand, double>& other) {
    for (const auto& [summand, value] : other) {
        double& place = sum[summand];
        const double before = place;
        place += factor * value;
        if (std::abs(place) <= 1e-13 * std::abs(before))
            sum.erase(summand);
    }
}

} // namespace

Combination Definitions::combination(const GaussianElement& element) const {
    Combination itself;
    itself.factors[Summand{network::Base::read, 0, {}, false, false, element}] = 1;
    const Place* const place = find(element.family, element.indices);
    if (place == nullptr)
        return itself;
    const network::Network& network = plan_->recursions.network;
    Combination result;
    for (const network::LinearTerm& term : network.forms[place->statement].terms) {
        const bool is_read = term.base == network::Base::read;
        if ((is_read && !network.gaussian[term.operand]) || !term.ranges.empty() ||
            !network::is_constant(network.program.exprs, term.coefficient))
            return itself;
        const double coefficient =
            evaluate_constant(plan_->recursions, plan_->sizes, plan_->sizes, term.coefficient, place->slots.data());
        if (term.base == network::Base::one) {
            result.constant += coefficient;
            continue;
        }
        if (!is_read) {
            Summand product{term.base, term.parameter, {}, term.transposed, term.operand_is_input, {}};
            for (const Affine& index : term.member.indices)
                product.member.push_back(value_at(*plan_, index, place->slots.data()));
            if (term.access.mode != IndexMode::none) // may be zero
                return itself;
            if (term.base != network::Base::parameter)
                product.element.family = term.operand;
            for (const Affine& index : term.access.indices)
                product.element.indices.push_back(value_at(*plan_, index, place->slots.data()));
            add(result.factors, coefficient, {{product, 1}});
            continue;
        }
        const auto indices = element_at(*plan_, term.operand, term.access, place->slots.data());
        if (!indices)
            continue;
        const Combination read = combination({term.operand, *indices});
        add(result.factors, coefficient, read.factors);
        result.constant += coefficient * read.constant;
    }
    return result;
}

// By row reduction.
std::optional<Basis::Function> Basis::express(const Combination& combination) {
    std::map<Summand, double> rest = combination.factors;
    std::map<std::size_t, double> members;
    double largest = 0;
    for (const auto& [summand, factor] : rest)
        largest = std::max(largest, std::abs(factor));
    for (const Row& row : rows_) {
        const auto found = rest.find(row.pivot);
        if (found == rest.end())
            continue;
        const double factor = found->second / row.factors.at(row.pivot);
        add(rest, -factor, row.factors);
        rest.erase(row.pivot);
        for (const auto& [member, value] : row.members)
            members[member] += factor * value;
    }
    std::erase_if(rest, [&](const auto& entry) { return std::abs(entry.second) <= 1e-13 * largest; });
    if (!rest.empty()) {
        for (auto& [member, value] : members)
            value = -value;
        members[constants_.size()] = 1;
        constants_.push_back(combination.constant);
        const Summand pivot =
            std::ranges::max_element(rest, {}, [](const auto& entry) { return std::abs(entry.second); })->first;
        rows_.push_back({pivot, std::move(rest), std::move(members)});
        return std::nullopt;
    }
    Function result{std::move(members), combination.constant};
    for (const auto& [member, value] : result.factors)
        result.constant -= value * constants_[member];
    return result;
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
        if (!basis_.express(definitions_.combination(key)))
            basis_nodes_.push_back(done_[key]);
    }
    numbered_ = true;
}

NodeId Unroller::gaussian_or_function(const GaussianElement& key) {
    if (!numbered_)
        return gaussian(key);
    const auto function = basis_.express(definitions_.combination(key));
    if (!function) {
        basis_nodes_.push_back(gaussian(key));
        return basis_nodes_.back();
    }
    NodeId sum = tape_.number(function->constant);
    for (const auto& [member, factor] : function->factors)
        sum = tape_.apply(Function::add, tape_.apply(Function::mul, basis_nodes_[member], tape_.number(factor)), sum);
    return sum;
}

NodeId Unroller::element(std::uint32_t family, const std::vector<std::int64_t>& indices) {
    const GaussianElement key{family, indices};
    if (const auto found = done_.find(key); found != done_.end())
        return found->second;
    const limit::Deviations& deviations = plan_.recursions.deviations;
    if (const std::uint32_t own = deviations.of[family]; own != family) { // M of its law is the mean, or 0 and this the mean
        const double mean = deviations.number[own].value_or(0);
        return done_[key] = tape_.apply(Function::add, element(own, indices), tape_.number(mean));
    }
    if (tape_.nodes().size() > most_operations)
        throw MethodError("an expectation is of a function of more than a million operations");
    NodeId node = 0;
    if (plan_.recursions.network.gaussian[family]) {
        node = gaussian_or_function(key);
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
    if (network::is_constant(table, e))
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
