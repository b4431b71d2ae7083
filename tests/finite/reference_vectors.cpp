// Vectors as functions of Gaussians, and the covariances of these.
#include "tests/finite/reference_recursion.hpp"

namespace tpc::tests::reference {

int Recursion::gaussian_of(const Gaussian& g) {
    const auto key = std::tuple(g.member, g.transposed, g.operand ? g.sample : 0,
                                g.operand ? static_cast<std::int64_t>(*g.operand) : std::int64_t{-1});
    const auto [place, first] = gaussian_ids_.try_emplace(key, static_cast<int>(gaussians_.size()));
    if (first)
        gaussians_.push_back(g);
    return place->second;
}

Vector Recursion::vector(const Key& key) {
    if (const auto found = vectors_.find(key); found != vectors_.end())
        return found->second;
    const Vector made = new_vector(key);
    return vectors_[key] = made;
}

Vector Recursion::new_vector(const Key& key) {
    const Node& n = node(key);
    const auto operand = [&](std::size_t k) -> Vector {
        const Key of(key.first, n.operands[k]);
        if (node(of).type == ir::Type::scalar)
            return {.constant = number(scalar(of.first, of.second)), .linear = {}, .terms = {}};
        return vector(of);
    };
    switch (n.kind) {
    case Kind::constant:
        return {.constant = n.number, .linear = {}, .terms = {}};
    case Kind::broadcast:
        return operand(0);
    case Kind::parameter:
        return linear({samples_[key.first].members[n.target], false, 0, {}});
    case Kind::matmul:
        return linear({samples_[key.first].members[n.target], n.transposed, key.first, n.operands[0]});
    case Kind::apply: {
        std::vector<Vector> arguments;
        for (std::size_t k = 0; k < n.operands.size(); ++k)
            arguments.push_back(operand(k));
        return values_.apply(n.function, arguments);
    }
    case Kind::reduce: {
        Vector result = n.reduction == ir::Reduction::prod ? Vector{.constant = 1, .linear = {}, .terms = {}} : Vector{};
        const bool mean = n.reduction == ir::Reduction::mean;
        if (!mean && n.reduction != ir::Reduction::sum && n.reduction != ir::Reduction::prod)
            throw OutOfReach("a reduction");
        for (std::size_t k = 0; k < n.operands.size(); ++k)
            result = n.reduction == ir::Reduction::prod
                         ? values_.product(result, operand(k))
                         : values_.sum(result, mean ? 1.0 / static_cast<double>(n.operands.size()) : 1, operand(k));
        return result;
    }
    default:
        throw OutOfReach("a vector");
    }
}

Vector Recursion::linear(const Gaussian& g) {
    return {.constant = 0, .linear = {{gaussian_of(g), 1}}, .terms = {}};
}

Vector Recursion::operand_vector(const Gaussian& g) {
    const Key key(g.sample, *g.operand);
    if (node(key).type == ir::Type::scalar)
        return {.constant = number(scalar(key.first, key.second)), .linear = {}, .terms = {}};
    return vector(key);
}

double Recursion::operands(const Gaussian& a, const Gaussian& b) {
    if (members_[a.member].kind == ir::ParameterKind::input_matrix)
        return finite({a.sample, *a.operand}).col(0).dot(finite({b.sample, *b.operand}).col(0)) /
               static_cast<double>(members_[a.member].reads);
    return second_moment(operand_vector(a), operand_vector(b));
}

bool Recursion::unrelated(int a, int b) const {
    return gaussians_[a].member != gaussians_[b].member || gaussians_[a].transposed != gaussians_[b].transposed;
}

double Recursion::covariance(int a, int b) {
    if (a > b)
        std::swap(a, b);
    if (unrelated(a, b))
        return 0;
    if (const auto found = covariances_.find({a, b}); found != covariances_.end())
        return found->second;
    const Gaussian x = gaussians_[a], y = gaussians_[b];
    const double scale = members_[x.member].scale;
    const double value = x.operand ? scale * operands(x, y) : scale;
    return covariances_[{a, b}] = value;
}

double Recursion::tangent_of(int a, int b) {
    if (a > b)
        std::swap(a, b);
    if (unrelated(a, b))
        return 0;
    if (const auto found = tangents_.find({a, b}); found != tangents_.end())
        return found->second;
    const Gaussian x = gaussians_[a], y = gaussians_[b];
    const finite::Member member = members_[x.member];
    double value = x.operand ? member.rate * operands(x, y) : member.rate;
    if (member.kind == ir::ParameterKind::matrix)
        value += member.scale * tangent(operand_vector(x), operand_vector(y));
    return tangents_[{a, b}] = value;
}

double Recursion::bilinear(int a, int b, std::map<std::pair<int, int>, double>& known,
                           const std::function<double(int, int)>& of) {
    if (const auto found = known.find({a, b}); found != known.end())
        return found->second;
    double value = 0;
    const Combination left = values_.bases[a], right = values_.bases[b];
    for (const auto& [g, x] : left)
        for (const auto& [h, y] : right)
            value += x * y * of(g, h);
    known[{a, b}] = known[{b, a}] = value;
    return value;
}

double Recursion::base_covariance(int a, int b) {
    return bilinear(a, b, base_covariances_, [&](int g, int h) { return covariance(g, h); });
}

double Recursion::base_tangent(int a, int b) {
    return bilinear(a, b, base_tangents_, [&](int g, int h) { return tangent_of(g, h); });
}

double Recursion::base_mean(int a) const {
    double value = 0;
    for (const auto& [g, x] : values_.bases[a])
        if (!gaussians_[g].operand)
            value += x * members_[gaussians_[g].member].mean;
    return value;
}

} // namespace tpc::tests::reference
