#include "runtime/series/spectral.hpp"

#include "runtime/gaussian/gauss_hermite.hpp"
#include "runtime/points/canonical.hpp"
#include "runtime/series/line_series.hpp"
#include "runtime/series/side.hpp"
#include "runtime/tapes/sharpness.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace tpc::joint {
namespace {

using Kind = TapeNode::Kind;
using Rows = Side::Rows;

// Rules of growing resolution: Gauss-Hermite, and, where most of its nodes would lie too far out, trapezoidal ones. With a
// spacing of h frequencies to pi / h are resolved, which are those of he_k for k to (pi / h)^2 / 2.
struct Rule {
    std::vector<double> nodes, weights;
    std::size_t terms = 0; // polynomials it resolves
    double spacing = 0;    // of nodes
};
using Ladder = std::vector<Rule>;

Ladder ladder_for(int digits) {
    Ladder result;
    for (const std::size_t count : {2U, 3U, 4U, 5U, 6U, 8U, 10U, 13U, 16U, 20U}) {
        const gaussian::HermiteNodes& gauss = gaussian::hermite_nodes(count);
        result.push_back({gauss.nodes, gauss.weights, count, std::numbers::pi / std::sqrt(count)});
    }
    // what lies beyond changes coefficients by about the square root of the density there, and products by less
    const double extent = std::sqrt(3 * std::log(10) * digits) + 0.5;
    double h = 0.47;
    for (int rung = 0; rung < 12; ++rung, h /= 1.25) {
        const auto beside = static_cast<int>(std::ceil((extent + 0.1 * rung) / h));
        Rule rule;
        for (int k = -beside; k <= beside; ++k) {
            rule.nodes.push_back(k * h);
            rule.weights.push_back(h * std::exp(-k * h * k * h / 2) / std::sqrt(2 * std::numbers::pi));
        }
        rule.terms = static_cast<std::size_t>(std::pow(std::numbers::pi / h, 2) / 2);
        rule.spacing = h;
        result.push_back(std::move(rule));
    }
    return result;
}

const Ladder& ladder(double tolerance) {
    constexpr int most = 14;
    static const std::vector<Ladder> all = [] {
        std::vector<Ladder> result;
        for (int digits = 0; digits <= most; ++digits)
            result.push_back(ladder_for(std::max(digits, 2)));
        return result;
    }();
    return all[static_cast<std::size_t>(std::clamp(static_cast<int>(std::ceil(-std::log10(tolerance))), 2, most))];
}

// he_k(z_j) w_j for k < terms.
Rows transform(const Rule& rule, std::size_t terms) {
    const auto count = static_cast<Eigen::Index>(rule.nodes.size());
    const Eigen::Map<const Eigen::RowVectorXd> z(rule.nodes.data(), count);
    Rows result(static_cast<Eigen::Index>(terms), count);
    result.row(0) = Eigen::Map<const Eigen::RowVectorXd>(rule.weights.data(), count);
    for (Eigen::Index k = 1; k < result.rows(); ++k) {
        const auto order = static_cast<double>(k);
        result.row(k) = z.cwiseProduct(result.row(k - 1));
        if (k > 1)
            result.row(k) -= std::sqrt(order - 1) * result.row(k - 2);
        result.row(k) /= std::sqrt(order);
    }
    return result;
}

// What both sides have in common is summed as it stands.
Rows common(const Rule& rule) {
    const Eigen::Map<const Eigen::VectorXd> weights(rule.weights.data(), static_cast<Eigen::Index>(rule.weights.size()));
    return Eigen::MatrixXd(weights.cwiseSqrt().asDiagonal());
}

constexpr std::size_t all_nodes = 0;

struct Coefficients {
    Rows values;             // outputs by multi-indices of the shared coordinates
    Eigen::VectorXd squares; // E[f^2] of the outputs
    std::size_t points = 0;
};

// `terms` of each shared coordinate, or `all_nodes`; `rungs` of all.
Coefficients coefficients(const Side& side, const Ladder& rules, const std::vector<std::size_t>& rungs,
                          const std::vector<std::size_t>& terms) {
    const auto n = side.dimensions();
    std::size_t count = 1;
    for (Eigen::Index d = 0; d < n; ++d)
        count *= rules[rungs[static_cast<std::size_t>(d)]].nodes.size();
    Rows points(n, static_cast<Eigen::Index>(count));
    Eigen::VectorXd weights = Eigen::VectorXd::Ones(points.cols());
    Eigen::Index apart = points.cols(); // coordinate 0 varies slowest
    for (Eigen::Index d = 0; d < n; ++d) {
        const Rule& rule = rules[rungs[static_cast<std::size_t>(d)]];
        const std::size_t order = rule.nodes.size();
        apart /= static_cast<Eigen::Index>(order);
        double* const row = points.row(d).data();
        std::size_t node = 0;
        for (Eigen::Index first = 0; first < points.cols(); first += apart, node = node + 1 == order ? 0 : node + 1)
            for (Eigen::Index p = first; p < first + apart; ++p) {
                row[p] = rule.nodes[node];
                weights[p] *= rule.weights[node];
            }
    }
    Coefficients result;
    result.points = count;
    constexpr std::size_t block = 256; // points at once
    const Rows data = SideRun(side, block)(points);
    result.squares = data.cwiseAbs2() * weights;
    std::vector<Rows> transforms;
    Eigen::Index kept = 1;
    for (std::size_t k = 0; k < static_cast<std::size_t>(n); ++k) {
        const Rule& rule = rules[rungs[k]];
        const std::size_t wanted = k < terms.size() ? terms[k] : 1;
        transforms.push_back(wanted == all_nodes ? common(rule) : transform(rule, wanted));
        kept *= transforms.back().rows();
    }
    result.values.resize(data.rows(), kept);
    std::vector<double> from, to;
    for (Eigen::Index output = 0; output < data.rows(); ++output) {
        from.assign(data.row(output).begin(), data.row(output).end());
        // The fastest coordinate becomes the slowest one; the last ones, least correlated, leave least.
        for (auto matrix = transforms.rbegin(); matrix != transforms.rend(); ++matrix) {
            const auto rest = static_cast<Eigen::Index>(from.size()) / matrix->cols();
            to.resize(static_cast<std::size_t>(rest * matrix->rows()));
            Eigen::Map<Rows>(to.data(), matrix->rows(), rest).noalias() =
                *matrix * Eigen::Map<const Rows>(from.data(), rest, matrix->cols()).transpose();
            std::swap(from, to);
        }
        result.values.row(output) = Eigen::Map<const Eigen::RowVectorXd>(from.data(), kept);
    }
    return result;
}

struct Sum {
    Expectation expectation;
    double norm = 0, slope_norm = 0;
    std::size_t points = 0;
};

// Both sides take rung d for their coordinate d. Powers of correlations below `negligible` are left out, and what they
// multiply is at most the norms of both sides.
Sum sum(const Side& left, const Side& right, const Eigen::VectorXd& correlations, const Ladder& rules,
        const std::vector<std::size_t>& rungs, double negligible, bool slopes) {
    const Eigen::Index shared = correlations.size();
    std::vector<std::size_t> terms;
    for (Eigen::Index d = 0; d < shared; ++d) {
        const auto k = static_cast<std::size_t>(d);
        const double s = correlations[d];
        const double needed = s < 1 ? std::ceil(std::log(negligible) / std::log(s)) + 1 : all_nodes;
        terms.push_back(static_cast<std::size_t>(std::min(needed, static_cast<double>(rules[rungs[k]].terms))));
    }
    Coefficients f = coefficients(left, rules, rungs, terms);
    const Coefficients g = coefficients(right, rules, rungs, terms);
    Eigen::VectorXd power = Eigen::VectorXd::Ones(1);
    for (Eigen::Index d = 0; d < shared; ++d) {
        const auto k = static_cast<std::size_t>(d);
        const auto order = static_cast<Eigen::Index>(terms[k] == all_nodes ? rules[rungs[k]].nodes.size() : terms[k]);
        Eigen::VectorXd next(power.size() * order);
        for (Eigen::Index b = 0; b < power.size(); ++b) {
            double s = power[b];
            for (Eigen::Index term = 0; term < order; ++term, s *= correlations[d])
                next[b * order + term] = s;
        }
        power = std::move(next);
    }
    f.values.array().rowwise() *= power.transpose().array();
    Sum result;
    result.points = f.points + g.points;
    result.expectation.value = f.values.row(0).dot(g.values.row(0));
    result.norm = std::sqrt(f.squares[0] * g.squares[0]);
    if (slopes) {
        const Eigen::Index p = f.values.rows() - 1;
        const Eigen::Index q = g.values.rows() - 1;
        result.expectation.slopes = f.values.bottomRows(p) * g.values.bottomRows(q).transpose();
        if (p > 0 && q > 0)
            result.slope_norm = std::sqrt(f.squares.tail(p).maxCoeff() * g.squares.tail(q).maxCoeff());
    }
    return result;
}

// The larger of the differences of values and of slopes, relative to their norms.
double distance(const Sum& a, const Sum& b) {
    const auto part = [](double difference, double norm) { return norm > 0 ? difference / norm : 0; };
    double result = part(std::abs(a.expectation.value - b.expectation.value), a.norm);
    if (a.expectation.slopes.size() > 0)
        result = std::max(result, part((a.expectation.slopes - b.expectation.slopes).cwiseAbs().maxCoeff(), a.slope_norm));
    return result;
}

// Of all Gaussians, those of the other side held at 0.
Eigen::VectorXd mean_of(const Side& side) {
    Eigen::VectorXd result = Eigen::VectorXd::Zero(side.first() + side.root.rows());
    result.tail(side.root.rows()) = side.mean;
    return result;
}
Eigen::MatrixXd root_of(const Side& side) {
    Eigen::MatrixXd result = Eigen::MatrixXd::Zero(side.first() + side.root.rows(), side.dimensions());
    result.bottomRows(side.root.rows()) = side.root;
    return result;
}

// By direction the first rule between whose nodes no feature of a side is hidden; nothing where there is none. Rules of few
// nodes see those of a function that does not bend sharply anywhere.
std::optional<std::vector<std::size_t>> least_rungs(const Side& left, const Side& right, const Ladder& rules,
                                                    std::size_t directions, double tolerance) {
    constexpr double little = 3, apart = 3; // nodes, in lengths of features
    const double reach = std::clamp(std::sqrt(-std::log(tolerance)), 3.0, 5.0);
    std::vector<std::size_t> result(directions, 0);
    for (const Side* side : {&left, &right}) {
        const Eigen::VectorXd all = Eigen::VectorXd::Constant(side->dimensions(), reach);
        // derivatives vary where the function does
        const Sharpness sharpness(side->integrand->tape, {side->outputs[0]}, mean_of(*side), root_of(*side), *side->samples,
                                  reach);
        const Eigen::VectorXd most = sharpness.within({-all, all}, reach, little, apart / rules.back().spacing);
        for (Eigen::Index d = 0; d < most.size(); ++d) {
            std::size_t& rung = result[static_cast<std::size_t>(d)];
            if (most[d] <= little)
                continue;
            while (rung < rules.size() && !(rules[rung].spacing * most[d] <= apart))
                ++rung;
            if (rung == rules.size())
                return std::nullopt;
        }
    }
    return result;
}

} // namespace

bool is_smooth(const Integrand& integrand) {
    std::vector<bool> varies;
    for (const TapeNode& node : integrand.tape.nodes()) {
        bool here = node.kind == Kind::gaussian;
        if (node.kind == Kind::apply) {
            here = varies[node.a] || varies[node.b];
            if (here && ir::has_kink(node.function))
                return false;
        }
        varies.push_back(here);
    }
    return true;
}

std::optional<Precise> spectral(const Integrand& integrand, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                                const std::vector<double>& samples, bool slopes, double tolerance, std::size_t most_points,
                                const std::vector<std::size_t>& given) {
    const auto p = static_cast<Eigen::Index>(integrand.left_gaussians);
    const auto q = static_cast<Eigen::Index>(integrand.right_gaussians);
    constexpr Eigen::Index most_coordinates = 6;
    const auto [root_left, root_right, correlations] = canonical(covariance, p, 1e-9);
    if (root_left.cols() > most_coordinates || root_right.cols() > most_coordinates)
        return std::nullopt;
    const auto outputs = [&](NodeId value, const std::vector<NodeId>& gradient) {
        std::vector<NodeId> all{value};
        if (slopes)
            all.insert(all.end(), gradient.begin(), gradient.end());
        return all;
    };
    const Side left{&integrand, true, root_left, mean.head(p), outputs(integrand.left, integrand.left_gradient), &samples};
    const Side right{&integrand, false, root_right, mean.tail(q), outputs(integrand.right, integrand.right_gradient),
                     &samples};
    if (left.dimensions() <= 1 && right.dimensions() <= 1)
        return line_series(left, right, correlations.size() == 0 ? 0 : correlations[0], slopes, tolerance, most_points);

    // Each direction alone, the others coarsely: as many nodes as its error wants.
    const Ladder& rules = ladder(tolerance);
    const double negligible = std::max(1e-3 * tolerance, 1e-16);
    const auto directions = static_cast<std::size_t>(std::max(left.dimensions(), right.dimensions()));
    const bool known = given.size() == directions;
    const auto least = known ? std::optional(std::vector<std::size_t>(directions, 0))
                             : least_rungs(left, right, rules, directions, tolerance);
    if (!least)
        return std::nullopt;
    std::vector<std::size_t> chosen = *least;
    for (std::size_t& rung : chosen)
        rung = std::max<std::size_t>(rung, directions <= 3 ? 1 : 0);
    const std::vector<std::size_t> low = chosen;
    Precise result;
    // Directions of nearly one correlation turn into one another from law to law: any of them may need what one did.
    const auto correlation = [&](std::size_t d) {
        return d < static_cast<std::size_t>(correlations.size()) ? correlations[static_cast<Eigen::Index>(d)] : 0;
    };
    for (std::size_t d = 0; known && d < directions; ++d)
        for (std::size_t other = 0; other < directions; ++other)
            if (std::abs(correlation(d) - correlation(other)) < 0.1)
                chosen[d] = std::max(chosen[d], given[other]);
    const auto affordable = [&] {
        return std::ranges::none_of(std::array{&left, &right}, [&](const Side* side) {
            double points = 1;
            for (std::size_t k = 0; k < static_cast<std::size_t>(side->dimensions()); ++k)
                points *= static_cast<double>(rules[chosen[k]].nodes.size());
            return points > static_cast<double>(most_points);
        });
    };
    double fall = 0.02; // of the error from rule to rule
    for (std::size_t d = known ? directions : 0;; ++d) {
        if (!affordable()) // with those chosen so far
            return std::nullopt;
        if (d == directions)
            break;
        std::vector<std::size_t> rungs = low;
        std::optional<Sum> before;
        double last = 1;
        for (rungs[d] = (*least)[d];; ++rungs[d]) {
            if (rungs[d] == rules.size())
                return std::nullopt;
            Sum here = sum(left, right, correlations, rules, rungs, negligible, slopes);
            if (!std::isfinite(here.norm) || !std::isfinite(here.slope_norm))
                return std::nullopt;
            result.points += here.points;
            if (here.points > 2 * most_points)
                return std::nullopt;
            const double difference = before ? distance(here, *before) : 1;
            before = std::move(here);
            // twice, for symmetries may hide an error once; rung - 1 is off by no more than the difference
            const double wanted = 0.8 * tolerance / static_cast<double>(5 * directions);
            if (difference <= wanted && last <= 30 * wanted) {
                chosen[d] = rungs[d] - 1;
                result.error += 5 * difference;
                fall = std::clamp(difference / last, fall, 0.5);
                break;
            }
            last = difference;
        }
    }

    Sum all = sum(left, right, correlations, rules, chosen, negligible, slopes);
    result.points += all.points;
    // Far out in one direction another may need more nodes than beside coarse ones: all rules at once tell.
    std::vector<std::size_t> lower = chosen;
    for (std::size_t& rung : lower)
        rung -= rung > 0 ? 1 : 0;
    std::optional<Sum> below;
    while (!known) {
        if (!below) {
            below = sum(left, right, correlations, rules, lower, negligible, slopes);
            result.points += below->points;
        }
        // Rules of 1.25 times the resolution: an error of exp(-c / h) becomes its power 1.25 at best.
        constexpr double beyond = 0.2; // of the tolerance, for what lies beyond the outermost nodes
        const double difference = distance(all, *below);
        const double further = std::max(fall, std::min(0.5, 3 * std::pow(difference, 0.25)));
        const double rest = difference * further / (1 - further);
        if (rest <= (1 - beyond) * tolerance) {
            result.error = std::max(result.error, rest) + beyond * tolerance;
            break;
        }
        below = std::move(all);
        for (std::size_t& rung : chosen)
            ++rung;
        if (*std::ranges::max_element(chosen) >= rules.size() || !affordable())
            return std::nullopt;
        all = sum(left, right, correlations, rules, chosen, negligible, slopes);
        result.points += all.points;
    }
    if (!std::isfinite(all.norm) || !std::isfinite(all.slope_norm))
        return std::nullopt;
    result.rungs = std::move(chosen);
    result.norm = all.norm;
    result.slope_norm = all.slope_norm;
    result.expectation = std::move(all.expectation);
    return result;
}

} // namespace tpc::joint
