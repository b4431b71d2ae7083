#include "runtime/series/line_series.hpp"

#include "runtime/gaussian/adaptive.hpp"

#include <cmath>
#include <numbers>

namespace tpc::joint {
namespace {

using gaussian::KronrodNodes;
using Rows = Side::Rows;

constexpr double panel = 0.5;   // what is narrower than a tenth of it may be missed
constexpr double farthest = 37; // the density is still a normal number
constexpr std::size_t most_terms = 2048;

double density(double z) {
    return std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
}

double ratio(double part, double whole) {
    return whole > 0 ? part / whole : 0;
}

// f^2 and the sum of the squares of its derivatives, times the density, at the nodes of panels.
class Squares {
  public:
    Squares(const Side& side, std::size_t& points) : run_(side, KronrodNodes::count), points_(points) {}

    void operator()(const double* z, std::array<std::array<double, KronrodNodes::count>, 2>& squares) {
        const Rows f = run_(Eigen::Map<const Rows>(z, 1, KronrodNodes::count));
        points_ += KronrodNodes::count;
        for (std::size_t k = 0; k < KronrodNodes::count; ++k) {
            const auto column = f.col(static_cast<Eigen::Index>(k));
            const double w = density(z[k]);
            squares[0][k] = w * column[0] * column[0];
            squares[1][k] = w * column.tail(column.size() - 1).squaredNorm();
        }
    }

  private:
    SideRun run_;
    std::size_t& points_;
};

// Panels out to where what is left of f^2 and f'^2 counts for nothing.
struct Reach {
    std::vector<double> edges;
    double outside = 0; // root of what is left, relative
};

std::optional<Reach> reach_of(Squares& squares, double negligible) {
    const KronrodNodes& rule = KronrodNodes::instance();
    Reach result{{0}};
    std::array<double, 2> inside{};
    constexpr int together = 3;
    constexpr double width = together * panel;
    for (double reach = 0; reach + width <= farthest; reach += width) {
        std::array<double, 2> added{};
        for (const double low : {reach, -reach - width}) {
            std::array<double, KronrodNodes::count> nodes;
            std::array<std::array<double, KronrodNodes::count>, 2> values;
            for (std::size_t k = 0; k < nodes.size(); ++k)
                nodes[k] = low + width / 2 * (1 + rule.nodes[k]);
            squares(nodes.data(), values);
            for (std::size_t c = 0; c < 2; ++c)
                for (std::size_t k = 0; k < nodes.size(); ++k)
                    added[c] += width / 2 * rule.kronrod[k] * values[c][k];
        }
        double last = 0;
        for (std::size_t c = 0; c < 2; ++c) {
            if (!std::isfinite(added[c]))
                return std::nullopt;
            inside[c] += added[c];
            last = std::max(last, std::sqrt(ratio(added[c], inside[c])));
        }
        for (int part = 1; part <= together; ++part)
            for (const double side : {-1.0, 1.0})
                result.edges.push_back(side * (reach + part * panel));
        if (last <= negligible && std::sqrt(density(reach)) <= negligible) { // and the next ones add less
            result.outside = last;
            std::ranges::sort(result.edges);
            return result;
        }
    }
    return std::nullopt;
}

struct Resolved {
    std::vector<double> edges; // of panels on which a side is resolved; none: it has no coordinate
    double error = 0;          // of both squares, relative, and for what lies outside
};

// Nothing where a side has no second moments that double precision reaches.
std::optional<Resolved> resolve(const Side& side, double tolerance, std::size_t most_points, std::size_t& points) {
    if (side.dimensions() == 0)
        return Resolved{};
    Squares squares(side, points);
    const auto reach = reach_of(squares, tolerance / 100);
    if (!reach)
        return std::nullopt;
    const double relative = std::clamp(tolerance / 10, 1e-13, 1e-7);
    const gaussian::Accuracy<2> accuracy{{relative, relative}, {1e-300, 1e-300}, {}};
    const auto at = [&](const double* z, auto& values) { squares(z, values); };
    const auto integral = gaussian::integrate<2>(reach->edges, at, accuracy, most_points / KronrodNodes::count);
    if (!integral.converged)
        return std::nullopt;
    double error = 0;
    for (std::size_t c = 0; c < 2; ++c)
        error = std::max(error, ratio(integral.error[c], integral.magnitude[c]));
    return Resolved{integral.edges, error + reach->outside};
}

struct Nodes {
    std::vector<double> z, weights; // with the density
};

// he_k oscillates with frequency sqrt(k): 21 nodes resolve a panel of a few radians.
Nodes nodes_of(const std::vector<double>& edges, std::size_t terms) {
    const double width = 4 / (1 + std::sqrt(static_cast<double>(terms)));
    Nodes result;
    if (edges.empty())
        return {{0}, {1}};
    const KronrodNodes& rule = KronrodNodes::instance();
    for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
        const double length = edges[i + 1] - edges[i];
        const double parts = std::ceil(length / width);
        const double half = length / parts / 2;
        for (double part = 0; part < parts; ++part)
            for (std::size_t k = 0; k < KronrodNodes::count; ++k) {
                const double z = edges[i] + half * (2 * part + 1 + rule.nodes[k]);
                result.z.push_back(z);
                result.weights.push_back(half * rule.kronrod[k] * density(z));
            }
    }
    return result;
}

struct Moments {
    Rows coefficients;       // outputs by terms
    Eigen::VectorXd squares; // E[f^2] of the outputs
};

Moments moments(const Side& side, const Nodes& nodes, std::size_t terms, std::size_t& points) {
    const auto count = static_cast<Eigen::Index>(nodes.z.size());
    const Eigen::Map<const Rows> z(nodes.z.data(), 1, count);
    const Eigen::Map<const Eigen::VectorXd> weights(nodes.weights.data(), count);
    const Rows f = SideRun(side, 256)(z.topRows(side.dimensions())); // a constant has no coordinate
    points += nodes.z.size();
    Moments result{Rows(f.rows(), static_cast<Eigen::Index>(terms)), f.cwiseAbs2() * weights};
    Eigen::VectorXd before = Eigen::VectorXd::Zero(count), here = weights, next;
    for (Eigen::Index k = 0; k < result.coefficients.cols(); ++k) {
        result.coefficients.col(k) = f * here;
        const auto order = static_cast<double>(k);
        next = (z.row(0).transpose().cwiseProduct(here) - std::sqrt(order) * before) / std::sqrt(order + 1);
        std::swap(before, here);
        std::swap(here, next);
    }
    return result;
}

Precise as_result(const Rows& products, const Eigen::VectorXd& f, const Eigen::VectorXd& g, bool slopes) {
    Precise result;
    const Eigen::Index p = f.size() - 1;
    const Eigen::Index q = g.size() - 1;
    result.expectation.value = products(0, 0);
    result.norm = std::sqrt(f[0] * g[0]);
    if (slopes) {
        result.expectation.slopes = products.bottomRightCorner(p, q);
        result.slope_norm = p > 0 && q > 0 ? std::sqrt(f.tail(p).maxCoeff() * g.tail(q).maxCoeff()) : 0;
    }
    return result;
}

// What terms from `terms` on add, relative to the norms.
double rest(const Moments& f, const Moments& g, double power, const Precise& result) {
    const auto tail = [](const Moments& one, Eigen::Index output) {
        return std::max(one.squares[output] - one.coefficients.row(output).squaredNorm(), 0.0);
    };
    double most = ratio(std::sqrt(tail(f, 0) * tail(g, 0)), result.norm);
    for (Eigen::Index a = 1; a < f.squares.size(); ++a)
        for (Eigen::Index b = 1; b < g.squares.size(); ++b)
            most = std::max(most, ratio(std::sqrt(tail(f, a) * tail(g, b)), result.slope_norm));
    return power * most;
}

// The trapezoidal rule, where every other point gives the same squares as those between.
constexpr double spacing = 1.0 / 16;
constexpr std::size_t most_even_terms = 256;

Nodes even_nodes(double negligible) {
    const auto beside = static_cast<int>(std::ceil((2 * std::sqrt(-std::log(negligible)) + 1) / spacing));
    Nodes result;
    for (int k = -beside; k <= beside; ++k) {
        result.z.push_back(k * spacing);
        result.weights.push_back(spacing * density(k * spacing));
    }
    return result;
}

double error_of(const Side& side, const Nodes& nodes, std::size_t& points) {
    const auto count = static_cast<Eigen::Index>(nodes.z.size());
    const Rows f = SideRun(side, 256)(Eigen::Map<const Rows>(nodes.z.data(), 1, count));
    points += nodes.z.size();
    constexpr auto outermost = static_cast<Eigen::Index>(1 / spacing); // on each side; beyond them there is less
    double error = 0;
    for (const bool slopes : {false, true}) {
        std::array<double, 2> sums{};
        double last = 0;
        for (Eigen::Index k = 0; k < count; ++k) {
            const double square = slopes ? f.col(k).tail(f.rows() - 1).squaredNorm() : f(0, k) * f(0, k);
            const double term = square * nodes.weights[static_cast<std::size_t>(k)];
            sums[static_cast<std::size_t>(k % 2)] += term;
            if (k < outermost || k >= count - outermost)
                last += term;
        }
        const double all = sums[0] + sums[1];
        if (!std::isfinite(all))
            return 1;
        error += ratio(std::abs(sums[0] - sums[1]), all) + std::sqrt(ratio(last, all));
    }
    return error;
}

// Which side's nodes: of the left, of the right, or of both where they are one coordinate.
enum class Which : std::uint8_t { left, right, both };

// nodes(which, terms) for any number of terms up to `most`, to an error of `integration`.
template <class NodesFor>
std::optional<Precise> series(const Side& left, const Side& right, double s, bool slopes, double tolerance,
                              const NodesFor& nodes, double integration, std::size_t most, std::size_t most_points,
                              std::size_t& points) {
    const auto checked = [&](Precise&& result, double error) -> std::optional<Precise> {
        result.points = points;
        result.error = error;
        if (!(error <= tolerance) || !std::isfinite(result.norm) || !std::isfinite(result.slope_norm))
            return std::nullopt;
        return std::move(result);
    };
    if (s == 1) {
        const Nodes both = nodes(Which::both, 1);
        const auto count = static_cast<Eigen::Index>(both.z.size());
        const Eigen::Map<const Rows> z(both.z.data(), 1, count);
        const Eigen::Map<const Eigen::VectorXd> weights(both.weights.data(), count);
        const Rows f = SideRun(left, 256)(z), g = SideRun(right, 256)(z);
        points += 2 * both.z.size();
        return checked(
            as_result(f * weights.asDiagonal() * g.transpose(), f.cwiseAbs2() * weights, g.cwiseAbs2() * weights, slopes),
            integration);
    }
    const double needed = s > 0 ? std::ceil(-36 / std::log(s)) + 1 : 1; // powers below rounding are left out
    for (std::size_t terms = 32;; terms *= 2) {
        const bool all = static_cast<double>(terms) >= needed;
        const std::size_t taken = all ? static_cast<std::size_t>(needed) : terms;
        const Moments f = moments(left, nodes(Which::left, taken), taken, points);
        const Moments g = moments(right, nodes(Which::right, taken), taken, points);
        if (points > 2 * most_points)
            return std::nullopt;
        Rows scaled = f.coefficients;
        double power = 1;
        for (Eigen::Index k = 0; k < scaled.cols(); ++k, power *= s)
            scaled.col(k) *= power;
        Precise result = as_result(scaled * g.coefficients.transpose(), f.squares, g.squares, slopes);
        const double error = integration + rest(f, g, power, result);
        if (all || error <= tolerance || 2 * terms > most)
            return checked(std::move(result), error);
    }
}

} // namespace

std::optional<Precise> line_series(const Side& left, const Side& right, double s, bool slopes, double tolerance,
                                   std::size_t most_points) {
    std::size_t points = 0;
    const Nodes even = even_nodes(std::min(tolerance / 100, 1e-5));
    double integration = 0;
    for (const Side* side : {&left, &right})
        if (side->dimensions() > 0)
            integration += error_of(*side, even, points);
    if (integration <= std::min(tolerance / 2, 1e-6)) {
        const auto nodes = [&](Which which, std::size_t) {
            const bool none = (which == Which::left && left.dimensions() == 0) || //
                              (which == Which::right && right.dimensions() == 0);
            return none ? Nodes{{0}, {1}} : even;
        };
        if (auto result =
                series(left, right, s, slopes, tolerance, nodes, integration, most_even_terms, most_points, points))
            return result;
    }
    const auto f = resolve(left, tolerance, most_points, points);
    if (!f)
        return std::nullopt;
    const auto g = resolve(right, tolerance, most_points, points);
    if (!g)
        return std::nullopt;
    std::vector<double> both = f->edges;
    both.insert(both.end(), g->edges.begin(), g->edges.end());
    std::ranges::sort(both);
    both.erase(std::ranges::unique(both).begin(), both.end());
    const auto nodes = [&](Which which, std::size_t terms) {
        return nodes_of(which == Which::left ? f->edges : which == Which::right ? g->edges : both, terms);
    };
    return series(left, right, s, slopes, tolerance, nodes, f->error + g->error, most_terms, most_points, points);
}

} // namespace tpc::joint
