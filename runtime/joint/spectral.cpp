#include "runtime/joint/spectral.hpp"

#include "runtime/gaussian/gauss_hermite.hpp"
#include "runtime/joint/root.hpp"

#include <Eigen/SVD>

#include <algorithm>

#include <cmath>
#include <numbers>

namespace tpc::joint {
namespace {

using Kind = TapeNode::Kind;
using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr std::size_t block = 256;

// Rules of growing resolution: Gauss-Hermite, and, where its nodes would lie too far out, trapezoidal ones. With a spacing
// of h frequencies to pi / h are resolved, which are those of he_k for k to (pi / h)^2 / 2.
struct Rule {
    std::vector<double> nodes, weights;
    std::size_t terms = 0; // polynomials it resolves
};

const std::vector<Rule>& ladder() {
    static const std::vector<Rule> rules = [] {
        std::vector<Rule> result;
        for (const std::size_t count : {2U, 3U, 4U, 6U, 8U, 10U, 12U, 16U, 20U, 26U, 34U, 44U, 58U, 80U}) {
            const gaussian::HermiteNodes& gauss = gaussian::hermite_nodes(count);
            result.push_back({gauss.nodes, gauss.weights, count});
        }
        constexpr double extent = 11.5;
        for (const std::size_t count : {121U, 171U, 241U}) {
            const double h = 2 * extent / static_cast<double>(count - 1);
            Rule rule;
            for (std::size_t k = 0; k < count; ++k) {
                const double z = (static_cast<double>(k) - static_cast<double>(count - 1) / 2) * h;
                rule.nodes.push_back(z);
                rule.weights.push_back(h * std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi));
            }
            rule.terms = static_cast<std::size_t>(std::pow(std::numbers::pi / h, 2) / 2);
            result.push_back(std::move(rule));
        }
        return result;
    }();
    return rules;
}

// One side in its canonical coordinates.
struct Side {
    const Integrand* integrand = nullptr;
    bool left = true;
    Eigen::MatrixXd root; // A or B: Gaussians by coordinates
    Eigen::VectorXd mean;
    std::vector<NodeId> outputs; // the function, then its derivatives
    const std::vector<double>* samples = nullptr;

    [[nodiscard]] Eigen::Index dimensions() const { return root.cols(); }

    // Outputs (rows) at coordinates (columns).
    [[nodiscard]] Rows at(const Eigen::MatrixXd& coordinates) const {
        TapeRun run(integrand->tape, outputs, block);
        const auto offset = static_cast<Eigen::Index>(left ? 0 : integrand->left_gaussians);
        Rows values = Rows::Zero(offset + root.rows(), static_cast<Eigen::Index>(block));
        Rows result(static_cast<Eigen::Index>(outputs.size()), coordinates.cols());
        for (Eigen::Index first = 0; first < coordinates.cols(); first += static_cast<Eigen::Index>(block)) {
            const Eigen::Index count = std::min<Eigen::Index>(static_cast<Eigen::Index>(block), coordinates.cols() - first);
            values.bottomLeftCorner(root.rows(), count).noalias() = root * coordinates.middleCols(first, count);
            values.bottomLeftCorner(root.rows(), count).colwise() += mean;
            run.evaluate(values.data(), block, samples->data(), static_cast<std::size_t>(count));
            for (std::size_t o = 0; o < outputs.size(); ++o)
                result.row(static_cast<Eigen::Index>(o)).segment(first, count) =
                    Eigen::Map<const Eigen::RowVectorXd>(run.row(outputs[o]), count);
        }
        return result;
    }
};

// The least rung of the ladder whose rule integrates the functions and their squares along a few lines in one direction.
std::optional<std::size_t> rung_of(const Side& side, Eigen::Index direction, double tolerance) {
    const Eigen::Index n = side.dimensions();
    const auto outputs = static_cast<Eigen::Index>(side.outputs.size());
    constexpr Eigen::Index lines = 3;
    const auto sums = [&](std::size_t rung) {
        const Rule& rule = ladder()[rung];
        const auto count = static_cast<Eigen::Index>(rule.nodes.size());
        Eigen::MatrixXd points(n, lines * count);
        for (Eigen::Index line = 0; line < lines; ++line)
            for (Eigen::Index j = 0; j < count; ++j)
                for (Eigen::Index d = 0; d < n; ++d)
                    points(d, line * count + j) = d == direction ? rule.nodes[static_cast<std::size_t>(j)]
                                                  : line == 0    ? 0
                                                                 : ((d + line) % 2 == 0 ? 1.3 : -0.9);
        const Rows values = side.at(points);
        Eigen::MatrixXd result = Eigen::MatrixXd::Zero(outputs, 2 * lines); // means, then mean squares
        for (Eigen::Index line = 0; line < lines; ++line)
            for (Eigen::Index j = 0; j < count; ++j) {
                const double w = rule.weights[static_cast<std::size_t>(j)];
                const auto column = values.col(line * count + j);
                result.col(line) += w * column;
                result.col(lines + line) += w * column.cwiseAbs2();
            }
        return result;
    };
    Eigen::MatrixXd before = sums(0);
    std::size_t agreed = 0;
    for (std::size_t rung = 1; rung < ladder().size(); ++rung) {
        const Eigen::MatrixXd here = sums(rung);
        if (!here.allFinite())
            return std::nullopt;
        bool agree = true;
        for (Eigen::Index o = 0; o < outputs; ++o) {
            const double square = here.row(o).tail(lines).maxCoeff();
            const double off = (here.row(o) - before.row(o)).head(lines).cwiseAbs().maxCoeff();
            const double square_off = (here.row(o) - before.row(o)).tail(lines).cwiseAbs().maxCoeff();
            agree = agree && off <= tolerance * std::sqrt(square) && square_off <= tolerance * square;
        }
        agreed = agree ? agreed + 1 : 0;
        if (agreed == 2)
            return rung - 1;
        before = here;
    }
    return std::nullopt;
}

// he_k(z_j) w_j for k < terms.
Eigen::MatrixXd transform(const Rule& rule, std::size_t terms) {
    const auto count = static_cast<Eigen::Index>(rule.nodes.size());
    Eigen::MatrixXd result(static_cast<Eigen::Index>(terms), count);
    for (Eigen::Index j = 0; j < count; ++j) {
        const double z = rule.nodes[static_cast<std::size_t>(j)];
        double before = 0;
        double here = rule.weights[static_cast<std::size_t>(j)];
        for (Eigen::Index k = 0; k < result.rows(); ++k) {
            result(k, j) = here;
            const auto order = static_cast<double>(k);
            const double next = (z * here - std::sqrt(order) * before) / std::sqrt(order + 1);
            before = here;
            here = next;
        }
    }
    return result;
}

struct Coefficients {
    Rows values;             // outputs by multi-indices of the shared coordinates
    Eigen::VectorXd squares; // E[f^2] of the outputs
    std::size_t points = 0;
};

// `terms` of each shared coordinate; `rungs` of all.
Coefficients coefficients(const Side& side, const std::vector<std::size_t>& rungs, const std::vector<std::size_t>& terms) {
    const auto n = side.dimensions();
    std::size_t count = 1;
    for (Eigen::Index d = 0; d < n; ++d)
        count *= ladder()[rungs[static_cast<std::size_t>(d)]].nodes.size();
    Eigen::MatrixXd points(n, static_cast<Eigen::Index>(count));
    Eigen::VectorXd weights(static_cast<Eigen::Index>(count));
    for (Eigen::Index p = 0; p < points.cols(); ++p) { // coordinate 0 varies slowest
        auto rest = static_cast<std::size_t>(p);
        weights[p] = 1;
        for (Eigen::Index d = n; d-- > 0;) {
            const Rule& rule = ladder()[rungs[static_cast<std::size_t>(d)]];
            const std::size_t order = rule.nodes.size();
            points(d, p) = rule.nodes[rest % order];
            weights[p] *= rule.weights[rest % order];
            rest /= order;
        }
    }
    Coefficients result;
    result.points = count;
    Rows data = side.at(points);
    result.squares = data.cwiseAbs2() * weights;
    Eigen::Index before = data.rows(); // outputs and transformed coordinates, then this one, then the rest
    Eigen::Index after = data.cols();
    std::vector<double> from(data.data(), data.data() + data.size());
    for (Eigen::Index d = 0; d < n; ++d) {
        const auto k = static_cast<std::size_t>(d);
        const Rule& rule = ladder()[rungs[k]];
        const Eigen::MatrixXd matrix = transform(rule, k < terms.size() ? terms[k] : 1);
        const auto own = static_cast<Eigen::Index>(rule.nodes.size());
        after /= own;
        std::vector<double> to(static_cast<std::size_t>(before * matrix.rows() * after));
        for (Eigen::Index b = 0; b < before; ++b) {
            const Eigen::Map<const Rows> x(from.data() + b * own * after, own, after);
            Eigen::Map<Rows>(to.data() + b * matrix.rows() * after, matrix.rows(), after).noalias() = matrix * x;
        }
        from = std::move(to);
        before *= matrix.rows();
    }
    result.values = Eigen::Map<const Rows>(from.data(), data.rows(), before / data.rows());
    return result;
}

struct Sum {
    Expectation expectation;
    double norm = 0, slope_norm = 0;
    std::size_t points = 0;
};

// Pseudo-inverse of a root with orthogonal columns.
Eigen::MatrixXd inverse(const Eigen::MatrixXd& root) {
    Eigen::MatrixXd result = root.transpose();
    for (Eigen::Index k = 0; k < result.rows(); ++k)
        result.row(k) /= root.col(k).squaredNorm();
    return result;
}

Sum sum(const Side& left, const Side& right, const Eigen::VectorXd& correlations, const std::vector<std::size_t>& left_rungs,
        const std::vector<std::size_t>& right_rungs, bool slopes) {
    const Eigen::Index shared = correlations.size();
    std::vector<std::size_t> terms;
    for (Eigen::Index d = 0; d < shared; ++d) { // powers below rounding are left out
        const auto k = static_cast<std::size_t>(d);
        const double s = correlations[d];
        const double needed = s < 1 ? std::ceil(-36 / std::log(s)) + 1 : 1e9;
        terms.push_back(static_cast<std::size_t>(std::min(needed, static_cast<double>(ladder()[left_rungs[k]].terms))));
    }
    Coefficients f = coefficients(left, left_rungs, terms);
    const Coefficients g = coefficients(right, right_rungs, terms);
    Eigen::VectorXd power = Eigen::VectorXd::Ones(1);
    for (Eigen::Index d = 0; d < shared; ++d) {
        const auto order = static_cast<Eigen::Index>(terms[static_cast<std::size_t>(d)]);
        Eigen::VectorXd next(power.size() * order);
        for (Eigen::Index b = 0; b < power.size(); ++b) {
            double s = power[b];
            for (Eigen::Index k = 0; k < order; ++k, s *= correlations[d])
                next[b * order + k] = s;
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
                                const std::vector<double>& samples, bool slopes, double tolerance, std::size_t most_points) {
    const auto p = static_cast<Eigen::Index>(integrand.left_gaussians);
    const auto q = static_cast<Eigen::Index>(integrand.right_gaussians);
    Eigen::MatrixXd root_left = principal_root(covariance.topLeftCorner(p, p));
    Eigen::MatrixXd root_right = principal_root(covariance.bottomRightCorner(q, q));
    constexpr Eigen::Index most_dimensions = 6;
    if (root_left.cols() > most_dimensions || root_right.cols() > most_dimensions)
        return std::nullopt;
    Eigen::VectorXd correlations(0);
    if (root_left.cols() > 0 && root_right.cols() > 0) {
        const Eigen::MatrixXd between =
            inverse(root_left) * covariance.topRightCorner(p, q) * inverse(root_right).transpose();
        const Eigen::JacobiSVD<Eigen::MatrixXd> svd(between, Eigen::ComputeFullU | Eigen::ComputeFullV);
        correlations = svd.singularValues().cwiseMin(1);
        root_left *= svd.matrixU();
        root_right *= svd.matrixV();
        Eigen::Index shared = 0;
        while (shared < correlations.size() && correlations[shared] > 1e-15)
            ++shared;
        correlations.conservativeResize(shared);
    }
    const auto outputs = [&](NodeId value, const std::vector<NodeId>& gradient) {
        std::vector<NodeId> all{value};
        if (slopes)
            all.insert(all.end(), gradient.begin(), gradient.end());
        return all;
    };
    const Side left{&integrand, true, root_left, mean.head(p), outputs(integrand.left, integrand.left_gradient), &samples};
    const Side right{&integrand, false, root_right, mean.tail(q), outputs(integrand.right, integrand.right_gradient),
                     &samples};

    const auto rungs_of = [&](const Side& side) -> std::optional<std::vector<std::size_t>> {
        std::vector<std::size_t> rungs;
        double points = 1;
        for (Eigen::Index d = 0; d < side.dimensions(); ++d) {
            const auto rung = rung_of(side, d, tolerance);
            if (!rung)
                return std::nullopt;
            rungs.push_back(*rung);
            points *= static_cast<double>(ladder()[*rung].nodes.size());
        }
        return points <= static_cast<double>(most_points) ? std::optional(rungs) : std::nullopt;
    };
    auto left_rungs = rungs_of(left);
    if (!left_rungs)
        return std::nullopt;
    auto right_rungs = rungs_of(right);
    if (!right_rungs)
        return std::nullopt;
    for (std::size_t d = 0; d < static_cast<std::size_t>(correlations.size()); ++d)
        (*left_rungs)[d] = (*right_rungs)[d] = std::max((*left_rungs)[d], (*right_rungs)[d]);

    const auto at = [&](std::size_t shift) -> std::optional<Sum> { // `shift` - 1 rungs above
        const auto moved = [&](const std::vector<std::size_t>& rungs) -> std::optional<std::vector<std::size_t>> {
            std::vector<std::size_t> result;
            double points = 1;
            for (const std::size_t rung : rungs) {
                if (rung + shift < 1 || rung + shift > ladder().size())
                    return std::nullopt;
                result.push_back(rung + shift - 1);
                points *= static_cast<double>(ladder()[result.back()].nodes.size());
            }
            return points <= static_cast<double>(most_points) ? std::optional(result) : std::nullopt;
        };
        const auto l = moved(*left_rungs);
        const auto r = moved(*right_rungs);
        if (!l || !r)
            return std::nullopt;
        return sum(left, right, correlations, *l, *r, slopes);
    };
    std::optional<Sum> coarse = at(0);
    double before = 0; // the difference a rung below
    for (std::size_t shift = 1; coarse; ++shift) {
        auto fine = at(shift);
        if (!fine || !std::isfinite(fine->norm))
            return std::nullopt;
        Precise result{fine->expectation, coarse->points + fine->points, 0};
        const auto part = [](double difference, double norm) { return norm > 0 ? difference / norm : 0; };
        result.error = part(std::abs(fine->expectation.value - coarse->expectation.value), fine->norm);
        if (slopes && fine->expectation.slopes.size() > 0)
            result.error =
                std::max(result.error, part((fine->expectation.slopes - coarse->expectation.slopes).cwiseAbs().maxCoeff(),
                                            fine->slope_norm));
        // Of an analytic function, differences fall at least geometrically: the next one is the error.
        const double difference = result.error;
        if (before > 0 && difference < before)
            result.error = std::max(difference * std::min(1.0, 4 * difference / before), 1e-15);
        before = difference;
        if (result.error <= tolerance)
            return result;
        coarse = std::move(fine);
    }
    return std::nullopt;
}

} // namespace tpc::joint
