#include "tests/finite/reference.hpp"

#include "runtime/finite/coordinatewise.hpp"
#include "runtime/finite/graph.hpp"
#include "runtime/gaussian/dual.hpp"
#include "tests/finite/reference_values.hpp"

#include <algorithm>
#include <cmath>
#include <list>
#include <memory>

namespace tpc::tests {
namespace {

using finite::Graph;
using finite::Kind;
using finite::Node;
using finite::NodeId;
using ir::ExprId;
using ir::Function;

constexpr std::size_t most_duals = 300;

// W x, U u or b; `operand` is a node at a sample.
struct Gaussian {
    std::size_t member = 0;
    bool transposed = false;
    std::size_t sample = 0;
    std::optional<NodeId> operand;
};

// coefficient * v' x / sqrt(n), or coefficient * c for a scalar member.
struct OutputPart {
    double coefficient = 1;
    std::size_t member = 0;
    std::optional<Vector> vector;
};

// By power of sqrt(n).
struct Scalar {
    std::map<int, double> numbers;
    std::map<int, std::vector<OutputPart>> parts;
};

struct Sample {
    const Graph* graph = nullptr;
    const finite::Data* data = nullptr;
    std::size_t row = 0;
    std::vector<std::size_t> members; // of the graph, among all
};

class Recursion {
  public:
    void add(const Graph& graph, const finite::Data& data) {
        std::vector<std::size_t> known;
        for (const finite::Member& member : graph.members) {
            const auto same = [&](const finite::Member& m) {
                return m.parameter == member.parameter && m.indices == member.indices;
            };
            known.push_back(static_cast<std::size_t>(std::ranges::find_if(members_, same) - members_.begin()));
            if (known.back() == members_.size())
                members_.push_back(member);
        }
        for (std::size_t row = 0; row < data.at(0).shape.at(0); ++row)
            samples_.push_back({&graph, &data, row, known});
    }

    struct Entry {
        double nngp = 0, ntk = 0;
    };
    Entry kernel(std::size_t s, NodeId f, std::size_t r, NodeId g) {
        const Scalar &left = scalar(s, f), &right = scalar(r, g);
        Entry entry;
        entry.nngp = mean(left) * mean(right);
        for (const OutputPart& a : parts(left))
            for (const OutputPart& b : parts(right)) {
                if (a.member != b.member)
                    continue;
                const finite::Member& member = members_[a.member];
                const double weight = a.coefficient * b.coefficient;
                const double c = a.vector ? second_moment(*a.vector, *b.vector) : 1;
                entry.nngp += weight * member.scale * c;
                entry.ntk += weight * member.rate * c;
                if (a.vector)
                    entry.ntk += weight * member.scale * tangent(*a.vector, *b.vector);
            }
        return entry;
    }

  private:
    using Key = std::pair<std::size_t, NodeId>; // sample, node
    Values values_;
    std::vector<finite::Member> members_;
    std::vector<Sample> samples_;
    std::vector<Gaussian> gaussians_;
    std::map<std::tuple<std::size_t, bool, std::size_t, std::int64_t>, int> gaussian_ids_;
    std::map<Key, Vector> vectors_;
    std::map<Key, Scalar> scalars_;
    std::map<Key, finite::Matrix> finites_;
    std::map<std::pair<int, int>, double> covariances_, tangents_, base_covariances_, base_tangents_;
    std::map<Factor, double> means_;
    std::map<std::pair<Factor, Factor>, double> pairs_;
    std::map<std::tuple<ExprId, ExprId, int, int>, std::unique_ptr<gaussian::Dual<double>>> duals_;
    std::map<std::tuple<const gaussian::Dual<double>*, int, Factor>, std::vector<double>> features_;

    const Node& node(const Key& key) const { return samples_[key.first].graph->nodes[key.second]; }

    // --- scalars and finite vectors

    static double number(const Scalar& a, int power = 0) {
        const auto found = a.numbers.find(power);
        return found == a.numbers.end() ? 0 : found->second;
    }
    static std::vector<OutputPart> parts(const Scalar& a) {
        const auto found = a.parts.find(0);
        return found == a.parts.end() ? std::vector<OutputPart>{} : found->second;
    }
    double mean(const Scalar& a) const {
        for (const auto& [power, value] : a.numbers)
            if (power > 0 && value != 0)
                throw OutOfReach("an output that grows");
        double result = number(a);
        for (const OutputPart& part : parts(a))
            if (!part.vector)
                result += part.coefficient * members_[part.member].mean;
        return result;
    }

    static Scalar plus(const Scalar& a, double scale, const Scalar& b) {
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
    static Scalar times(const Scalar& a, const Scalar& b) {
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

    const Scalar& scalar(std::size_t sample, NodeId id) {
        const Key key(sample, id);
        if (const auto found = scalars_.find(key); found != scalars_.end())
            return found->second;
        const Scalar made = new_scalar(key);
        return scalars_[key] = made;
    }

    Scalar new_scalar(const Key& key) {
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
                    result =
                        plus(result, n.reduction == ir::Reduction::sum ? 1 : 1.0 / static_cast<double>(n.operands.size()),
                             operand(k));
                return result;
            }
            break;
        default:
            throw OutOfReach("a scalar");
        }
        finite::Matrix value =
            applied(key, [&](std::size_t k) { return finite::Matrix::Constant(1, 1, number(operand(k))); });
        return plain(value(0));
    }

    template <class Operand> finite::Matrix applied(const Key& key, const Operand& operand) {
        const Node& n = node(key);
        std::list<finite::Matrix> held;
        finite::Arguments arguments;
        for (std::size_t k = 0; k < n.operands.size(); ++k)
            arguments.push_back(&held.emplace_back(operand(k)));
        return n.kind == Kind::apply ? finite::apply_function(n.function, arguments)
                                     : finite::apply_reduction(n.reduction, arguments);
    }

    finite::Matrix finite(const Key& key) {
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

    // The readouts of which a vector is a combination.
    std::optional<std::vector<OutputPart>> readouts(const Key& key) {
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

    Scalar dot(const Key& key) {
        const Node& n = node(key);
        const Key a(key.first, n.operands[0]), b(key.first, n.operands[1]);
        if (node(a).type == ir::Type::finite)
            return {{{0, finite(a).col(0).dot(finite(b).col(0))}}, {}};
        Scalar result = inner(a, b);
        return n.averaged ? result : times(result, Scalar{{{2, 1}}, {}});
    }

    // a' b / n, or the average of a.
    Scalar inner(const Key& a, std::optional<Key> b) {
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

    // --- vectors

    int gaussian_of(const Gaussian& g) {
        const auto key = std::tuple(g.member, g.transposed, g.operand ? g.sample : 0,
                                    g.operand ? static_cast<std::int64_t>(*g.operand) : std::int64_t{-1});
        const auto [place, first] = gaussian_ids_.try_emplace(key, static_cast<int>(gaussians_.size()));
        if (first)
            gaussians_.push_back(g);
        return place->second;
    }

    Vector vector(const Key& key) {
        if (const auto found = vectors_.find(key); found != vectors_.end())
            return found->second;
        const Vector made = new_vector(key);
        return vectors_[key] = made;
    }

    Vector new_vector(const Key& key) {
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

    Vector linear(const Gaussian& g) { return {.constant = 0, .linear = {{gaussian_of(g), 1}}, .terms = {}}; }

    // --- covariances

    // x of W x: a scalar is the constant vector.
    Vector operand_vector(const Gaussian& g) {
        const Key key(g.sample, *g.operand);
        if (node(key).type == ir::Type::scalar)
            return {.constant = number(scalar(key.first, key.second)), .linear = {}, .terms = {}};
        return vector(key);
    }

    double operands(const Gaussian& a, const Gaussian& b) {
        if (members_[a.member].kind == ir::ParameterKind::input_matrix)
            return finite({a.sample, *a.operand}).col(0).dot(finite({b.sample, *b.operand}).col(0)) /
                   static_cast<double>(members_[a.member].reads);
        return second_moment(operand_vector(a), operand_vector(b));
    }

    bool unrelated(int a, int b) const {
        return gaussians_[a].member != gaussians_[b].member || gaussians_[a].transposed != gaussians_[b].transposed;
    }

    double covariance(int a, int b) {
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

    double tangent_of(int a, int b) {
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

    template <class Of> double bilinear(int a, int b, std::map<std::pair<int, int>, double>& known, const Of& of) {
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
    double base_covariance(int a, int b) {
        return bilinear(a, b, base_covariances_, [&](int g, int h) { return covariance(g, h); });
    }
    double base_tangent(int a, int b) {
        return bilinear(a, b, base_tangents_, [&](int g, int h) { return tangent_of(g, h); });
    }
    double base_mean(int a) const {
        double value = 0;
        for (const auto& [g, x] : values_.bases[a])
            if (!gaussians_[g].operand)
                value += x * members_[gaussians_[g].member].mean;
        return value;
    }

    // --- expectations

    double expectation(const Factor& f) {
        if (const auto found = means_.find(f); found != means_.end())
            return found->second;
        const double variance = base_covariance(f.base, f.base), mean = base_mean(f.base);
        double result = mean;
        std::string reason;
        if (f.function != values_.variable &&
            !gaussian::expectation<double>({&values_.table, f.function}, 1, &variance, &mean, &result, 1e-11, &reason))
            throw OutOfReach(reason);
        return means_[f] = result;
    }

    const std::vector<double>& features(const gaussian::Dual<double>& dual, int side, const Factor& f, double variance,
                                        double mean) {
        std::vector<double>& made = features_[{&dual, side, f}];
        if (made.empty()) {
            made.resize(std::max<std::size_t>(dual.features(), 1));
            dual.prepare(side, 1, &variance, &mean, made.data(), 1);
        }
        return made;
    }

    double expectation(const Factor& f, const Factor& g) {
        if (g < f)
            return expectation(g, f);
        if (const auto found = pairs_.find({f, g}); found != pairs_.end())
            return found->second;
        const double A = base_covariance(f.base, f.base), B = base_covariance(g.base, g.base),
                     c = base_covariance(f.base, g.base), a = base_mean(f.base), b = base_mean(g.base);
        const double largest = std::max({A, B, 1e-300}), far = std::max(std::abs(a), std::abs(b));
        const int size = std::ilogb(largest) + 1, distance = far == 0 ? 0 : static_cast<int>(std::ceil(far));
        if (duals_.size() > most_duals) // data scale the arguments, say: each pair has functions of its own
            throw OutOfReach("many functions");
        auto& dual = duals_[{f.function, g.function, size, distance}];
        std::string reason;
        if (!dual)
            dual = gaussian::make_dual<double>({&values_.table, f.function}, {&values_.table, g.function},
                                               {std::ldexp(1.0, size), static_cast<double>(distance)}, {.tolerance = 1e-10},
                                               &reason);
        if (!dual)
            throw OutOfReach(reason);
        const std::vector<double>&left = features(*dual, 0, f, A, a), &right = features(*dual, 1, g, B, b);
        const double root = std::sqrt(A * B), minus = std::max(0.0, 2 * (root - c)), plus = std::max(0.0, 2 * (root + c));
        const gaussian::Gaussians<double> both{1, {&A, 1}, {&B, 1}, {&a, 1}, {&b, 1}, {&minus, 1}, {&plus, 1}};
        double value = 0;
        dual->evaluate(both, {{left.data(), 1}, 1}, {{right.data(), 1}, 1}, {.value = &value});
        return pairs_[{f, g}] = value;
    }

    // E of a product of factors with different bases: groups that depend on each other, one after the other.
    double expectation(std::vector<Factor> factors) {
        double result = 1;
        std::erase_if(factors, [&](const Factor& factor) {
            const ir::Node& function = values_.table[factor.function];
            if (function.op == ir::Op::number)
                result *= function.number;
            return function.op == ir::Op::number;
        });
        while (result != 0 && !factors.empty()) {
            std::vector<Factor> group{factors.back()};
            factors.pop_back();
            for (std::size_t k = 0; k < group.size(); ++k)
                for (std::size_t m = factors.size(); m-- > 0;) {
                    const double scale = std::sqrt(base_covariance(group[k].base, group[k].base) *
                                                   base_covariance(factors[m].base, factors[m].base));
                    if (std::abs(base_covariance(group[k].base, factors[m].base)) <= 1e-14 * scale)
                        continue;
                    group.push_back(factors[m]);
                    factors.erase(factors.begin() + static_cast<std::ptrdiff_t>(m));
                }
            if (group.size() > 2)
                throw OutOfReach("three Gaussians");
            result *= group.size() == 1 ? expectation(group[0]) : expectation(group[0], group[1]);
        }
        return result;
    }

    double second_moment(const Vector& x, const Vector& y) {
        double result = 0;
        const std::vector<Term> left = values_.expanded(x), right = values_.expanded(y);
        for (const Term& a : left)
            for (const Term& b : right)
                result += a.coefficient * b.coefficient * expectation(values_.merged(a.factors, b.factors));
        return result;
    }

    // T(x, y) = sum over bases E[dx/da dy/db] T(a, b).
    double tangent(const Vector& x, const Vector& y) {
        double result = 0;
        const std::vector<Term> left = values_.expanded(x), right = values_.expanded(y);
        for (const Term& a : left)
            for (const Term& b : right)
                for (std::size_t k = 0; k < a.factors.size(); ++k)
                    for (std::size_t m = 0; m < b.factors.size(); ++m) {
                        const double t = base_tangent(a.factors[k].base, b.factors[m].base);
                        if (t == 0)
                            continue;
                        std::vector<Factor> f = a.factors, g = b.factors;
                        f[k].function = values_.derivative(f[k].function);
                        g[m].function = values_.derivative(g[m].function);
                        result += a.coefficient * b.coefficient * t * expectation(values_.merged(f, g));
                    }
        return result;
    }
};

} // namespace

finite::Kernels reference_limit(const ir::Program& program, const finite::SampleSet& left, const finite::SampleSet* right) {
    const finite::SampleSet& other = right != nullptr ? *right : left;
    const Graph graph = finite::unroll(program, left.sizes), second = finite::unroll(program, other.sizes);
    Recursion recursion;
    recursion.add(graph, left.data);
    if (right != nullptr)
        recursion.add(second, right->data);
    const std::size_t rows = left.data.at(0).shape.at(0), columns = other.data.at(0).shape.at(0);
    const std::size_t from = right != nullptr ? rows : 0;
    finite::Kernels kernels;
    for (std::size_t o = 0; o < graph.outputs.size(); ++o) {
        finite::Tensor nngp;
        nngp.shape = {rows};
        nngp.shape.insert(nngp.shape.end(), graph.outputs[o].shape.begin(), graph.outputs[o].shape.end());
        nngp.shape.push_back(columns);
        nngp.shape.insert(nngp.shape.end(), second.outputs[o].shape.begin(), second.outputs[o].shape.end());
        finite::Tensor ntk{nngp.shape, {}};
        for (std::size_t s = 0; s < rows; ++s)
            for (const NodeId f : graph.outputs[o].elements)
                for (std::size_t r = 0; r < columns; ++r)
                    for (const NodeId g : second.outputs[o].elements) {
                        const auto entry = recursion.kernel(s, f, from + r, g);
                        nngp.values.push_back(entry.nngp);
                        ntk.values.push_back(entry.ntk);
                    }
        kernels.push_back({graph.outputs[o].name, nngp, ntk});
    }
    return kernels;
}

} // namespace tpc::tests
