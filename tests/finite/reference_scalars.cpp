// Scalars of a program: numbers, finite vectors, readouts.
#include "runtime/finite/coordinatewise.hpp"
#include "tests/finite/reference_recursion.hpp"

#include <list>

namespace tpc::tests::reference {

double Recursion::number(const Scalar& a, int power) {
    const auto found = a.numbers.find(power);
    return found == a.numbers.end() ? 0 : found->second;
}

std::vector<OutputPart> Recursion::parts(const Scalar& a) {
    const auto found = a.parts.find(0);
    return found == a.parts.end() ? std::vector<OutputPart>{} : found->second;
}

double Recursion::mean(const Scalar& a) const {
    for (const auto& [power, value] : a.numbers)
        if (power > 0 && value != 0)
            throw OutOfReach("an output that grows");
    double result = number(a);
    for (const OutputPart& part : parts(a))
        if (!part.vector)
            result += part.coefficient * members_[part.member].mean;
    return result;
}

Scalar Recursion::plus(const Scalar& a, double scale, const Scalar& b) {
    Scalar result = a;
    for (const auto& [power, value] : b.numbers)
        result.numbers[power] += scale * value;
    for (const auto& [power, list] : b.parts)
        for (OutputPart part : list) {
            part.coefficient *= scale;
            result.parts[power].push_back(part);
        }
    return result;
}

Scalar Recursion::times(const Scalar& a, const Scalar& b) {
    Scalar result;
    for (const auto& [p, x] : a.numbers)
        for (const auto& [q, y] : b.numbers)
            result.numbers[p + q] += x * y;
    for (const auto& [one, other] : {std::pair(&a, &b), std::pair(&b, &a)})
        for (const auto& [p, x] : one->numbers)
            for (const auto& [q, list] : other->parts)
                for (OutputPart part : list) {
                    part.coefficient *= x;
                    result.parts[p + q].push_back(part);
                }
    return result;
}

const Scalar& Recursion::scalar(std::size_t sample, NodeId id) {
    const Key key(sample, id);
    if (const auto found = scalars_.find(key); found != scalars_.end())
        return found->second;
    const Scalar made = new_scalar(key);
    return scalars_[key] = made;
}

Scalar Recursion::new_scalar(const Key& key) {
    const Node& n = node(key);
    const auto plain = [](double value) { return Scalar{{{0, value}}, {}}; };
    const auto operand = [&](std::size_t k) -> const Scalar& { return scalar(key.first, n.operands[k]); };
    switch (n.kind) {
    case Kind::constant:
        return plain(n.number);
    case Kind::input:
        return plain(finite(key)(0));
    case Kind::parameter:
        return {{}, {{0, {{1, samples_[key.first].members[n.target], {}}}}}};
    case Kind::width_power:
        return {{{static_cast<int>(n.number), 1}}, {}};
    case Kind::dot:
        return dot(key);
    case Kind::mean:
        return inner({key.first, n.operands[0]}, std::nullopt);
    case Kind::apply:
        switch (n.function) {
        case Function::add:
            return plus(operand(0), 1, operand(1));
        case Function::sub:
            return plus(operand(0), -1, operand(1));
        case Function::neg:
            return plus({}, -1, operand(0));
        case Function::mul:
            return times(operand(0), operand(1));
        case Function::div:
            if (number(operand(1)) != 0 || !operand(1).numbers.empty()) {
                const auto [power, value] = *operand(1).numbers.rbegin();
                return times(operand(0), Scalar{{{-power, 1 / value}}, {}});
            }
            break;
        default:
            break;
        }
        break;
    case Kind::reduce:
        if (n.reduction == ir::Reduction::sum || n.reduction == ir::Reduction::mean) {
            Scalar result;
            for (std::size_t k = 0; k < n.operands.size(); ++k)
                result = plus(result, n.reduction == ir::Reduction::sum ? 1 : 1.0 / static_cast<double>(n.operands.size()),
                              operand(k));
            return result;
        }
        break;
    default:
        throw OutOfReach("a scalar");
    }
    finite::Matrix value = applied(key, [&](std::size_t k) { return finite::Matrix::Constant(1, 1, number(operand(k))); });
    return plain(value(0));
}

finite::Matrix Recursion::applied(const Key& key, const std::function<finite::Matrix(std::size_t)>& operand) {
    const Node& n = node(key);
    std::list<finite::Matrix> held;
    finite::Arguments arguments;
    for (std::size_t k = 0; k < n.operands.size(); ++k)
        arguments.push_back(&held.emplace_back(operand(k)));
    return n.kind == Kind::apply ? finite::apply_function(n.function, arguments)
                                 : finite::apply_reduction(n.reduction, arguments);
}

finite::Matrix Recursion::finite(const Key& key) {
    if (const auto found = finites_.find(key); found != finites_.end())
        return found->second;
    const Node& n = node(key);
    finite::Matrix value;
    if (n.kind == Kind::input) {
        const finite::Tensor& tensor = (*samples_[key.first].data)[n.target];
        const std::size_t size = tensor.values.size() / tensor.shape[0];
        value.resize(static_cast<Eigen::Index>(n.rows), 1);
        for (std::size_t k = 0; k < n.rows; ++k)
            value(static_cast<Eigen::Index>(k)) = tensor.values[samples_[key.first].row * size + n.offset + k];
    } else if (n.kind == Kind::broadcast) {
        value = finite::Matrix::Constant(static_cast<Eigen::Index>(n.rows), 1, number(scalar(key.first, n.operands[0])));
    } else {
        value = applied(key, [&](std::size_t k) -> finite::Matrix {
            const Key operand(key.first, n.operands[k]);
            return node(operand).type == ir::Type::scalar
                       ? finite::Matrix::Constant(1, 1, number(scalar(operand.first, operand.second)))
                       : finite(operand);
        });
    }
    return finites_[key] = value;
}

std::optional<std::vector<OutputPart>> Recursion::readouts(const Key& key) {
    const Node& n = node(key);
    if (n.type != ir::Type::vector)
        return std::nullopt;
    const auto scaled = [&](std::optional<std::vector<OutputPart>> list, double factor) {
        if (list)
            for (OutputPart& part : *list)
                part.coefficient *= factor;
        return list;
    };
    const auto value = [&](std::size_t k) { return number(scalar(key.first, n.operands[k])); };
    if (n.kind == Kind::parameter && samples_[key.first].graph->readout[n.target])
        return std::vector<OutputPart>{{1, samples_[key.first].members[n.target], {}}};
    const bool sum = n.kind == Kind::reduce && (n.reduction == ir::Reduction::sum || n.reduction == ir::Reduction::mean);
    const bool pair = n.kind == Kind::apply && (n.function == Function::add || n.function == Function::sub);
    if (sum || pair) {
        std::vector<OutputPart> result;
        for (std::size_t k = 0; k < n.operands.size(); ++k) {
            const double factor = pair                                 ? (k == 1 && n.function == Function::sub ? -1 : 1)
                                  : n.reduction == ir::Reduction::mean ? 1.0 / static_cast<double>(n.operands.size())
                                                                       : 1;
            const auto found = scaled(readouts({key.first, n.operands[k]}), factor);
            if (!found)
                return std::nullopt;
            result.insert(result.end(), found->begin(), found->end());
        }
        return result;
    }
    if (n.kind != Kind::apply)
        return std::nullopt;
    if (n.function == Function::neg)
        return scaled(readouts({key.first, n.operands[0]}), -1);
    if (n.function == Function::div && node({key.first, n.operands[1]}).type == ir::Type::scalar)
        return scaled(readouts({key.first, n.operands[0]}), 1 / value(1));
    if (n.function == Function::mul)
        for (std::size_t k = 0; k < 2; ++k)
            if (node({key.first, n.operands[k]}).type == ir::Type::scalar)
                return scaled(readouts({key.first, n.operands[1 - k]}), value(k));
    return std::nullopt;
}

Scalar Recursion::dot(const Key& key) {
    const Node& n = node(key);
    const Key a(key.first, n.operands[0]), b(key.first, n.operands[1]);
    if (node(a).type == ir::Type::finite)
        return {{{0, finite(a).col(0).dot(finite(b).col(0))}}, {}};
    Scalar result = inner(a, b);
    return n.averaged ? result : times(result, Scalar{{{2, 1}}, {}});
}

Scalar Recursion::inner(const Key& a, std::optional<Key> b) {
    const auto vector_of = [&](std::optional<Key> key) {
        return key ? vector(*key) : Vector{.constant = 1, .linear = {}, .terms = {}};
    };
    auto found = readouts(a);
    std::optional<Key> other = b;
    if (!found && b) {
        found = readouts(*b);
        other = a;
    }
    if (!found)
        return {{{0, second_moment(vector_of(a), vector_of(b))}}, {}};
    for (OutputPart& part : *found)
        part.vector = vector_of(other);
    return {{}, {{-1, *found}}};
}

} // namespace tpc::tests::reference
