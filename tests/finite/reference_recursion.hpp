// The recursions of limits.md section 2 and 4, written once more and as plainly as they stand there: every quantity of every
// pair of samples by itself, remembered in maps. Private to reference_limit().
#pragma once

#include "runtime/finite/graph.hpp"
#include "runtime/gaussian/dual.hpp"
#include "tests/finite/reference.hpp"
#include "tests/finite/reference_values.hpp"

#include <functional>
#include <memory>

namespace tpc::tests::reference {

using finite::Graph;
using finite::Kind;
using finite::Node;
using finite::NodeId;
using ir::ExprId;
using ir::Function;

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
    void add(const Graph& graph, const finite::Data& data);

    struct Entry {
        double nngp = 0, ntk = 0;
    };
    Entry kernel(std::size_t s, NodeId f, std::size_t r, NodeId g);

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

    // Scalars and finite vectors.
    static double number(const Scalar& a, int power = 0);
    static std::vector<OutputPart> parts(const Scalar& a);
    double mean(const Scalar& a) const;
    static Scalar plus(const Scalar& a, double scale, const Scalar& b);
    static Scalar times(const Scalar& a, const Scalar& b);
    const Scalar& scalar(std::size_t sample, NodeId id);
    Scalar new_scalar(const Key& key);
    finite::Matrix applied(const Key& key, const std::function<finite::Matrix(std::size_t)>& operand);
    finite::Matrix finite(const Key& key);
    // The readouts of which a vector is a combination.
    std::optional<std::vector<OutputPart>> readouts(const Key& key);
    Scalar dot(const Key& key);
    // a' b / n, or the average of a.
    Scalar inner(const Key& a, std::optional<Key> b);

    // Vectors.
    int gaussian_of(const Gaussian& g);
    Vector vector(const Key& key);
    Vector new_vector(const Key& key);
    Vector linear(const Gaussian& g);

    // Covariances.
    // x of W x: a scalar is the constant vector.
    Vector operand_vector(const Gaussian& g);
    double operands(const Gaussian& a, const Gaussian& b);
    bool unrelated(int a, int b) const;
    double covariance(int a, int b);
    double tangent_of(int a, int b);
    double bilinear(int a, int b, std::map<std::pair<int, int>, double>& known, const std::function<double(int, int)>& of);
    double base_covariance(int a, int b);
    double base_tangent(int a, int b);
    double base_mean(int a) const;

    // Expectations.
    double expectation(const Factor& f);
    const std::vector<double>& features(const gaussian::Dual<double>& dual, int side, const Factor& f, double variance,
                                        double mean);
    double expectation(const Factor& f, const Factor& g);
    // E of a product of factors with different bases: groups that depend on each other, one after the other.
    double expectation(std::vector<Factor> factors);
    double second_moment(const Vector& x, const Vector& y);
    // T(x, y) = sum over bases E[dx/da dy/db] T(a, b).
    double tangent(const Vector& x, const Vector& y);
};

} // namespace tpc::tests::reference
