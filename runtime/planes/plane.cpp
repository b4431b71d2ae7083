#include "runtime/planes/plane.hpp"

#include <boost/math/quadrature/gauss.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tpc::joint {
namespace {

using ir::Function;
using Kind = TapeNode::Kind;

int sign(double x) {
    return x > 0 ? 1 : x < 0 ? -1 : x == 0 ? 0 : 2;
}

// Appends what changes its sign where a function that `outputs` need is not smooth.
std::vector<NodeId> find_switches(Tape& tape, const std::vector<NodeId>& outputs) {
    const std::vector<bool> varies = varying(tape), needed = needed_for(tape, outputs);
    std::vector<NodeId> result;
    for (auto id = static_cast<NodeId>(needed.size()); id-- > 0;) {
        const TapeNode node = tape.nodes()[id];
        if (!needed[id] || node.kind != Kind::apply)
            continue;
        const auto add = [&](NodeId argument, double edge) {
            if (argument < varies.size() && varies[argument])
                result.push_back(tape.apply(Function::sub, argument, tape.number(edge)));
        };
        switch (node.function) {
        case Function::div:
            add(node.b, 0);
            break;
        case Function::log:
        case Function::sqrt:
        case Function::pow:
            add(node.a, 0);
            break;
        case Function::hardtanh:
            add(node.a, -1);
            add(node.a, 1);
            break;
        default:
            if (ir::has_kink(node.function))
                add(node.a, 0);
            break;
        }
    }
    std::sort(result.begin(), result.end());
    result.erase(std::unique(result.begin(), result.end()), result.end());
    return result;
}

} // namespace

const PanelRule& PanelRule::instance() {
    static const PanelRule rule = [] {
        using Gauss = boost::math::quadrature::gauss<double, count>;
        PanelRule result{Eigen::VectorXd(count), Eigen::VectorXd(count), Eigen::MatrixXd(last, count)};
        for (Eigen::Index k = 0; k < count / 2; ++k)
            for (const Eigen::Index place : {count / 2 - 1 - k, count / 2 + k}) {
                const auto i = static_cast<std::size_t>(k);
                result.nodes[place] = (place < count / 2 ? -1 : 1) * Gauss::abscissa()[i];
                result.weights[place] = Gauss::weights()[i];
            }
        for (Eigen::Index j = 0; j < count; ++j)
            for (Eigen::Index k = 0; k < last; ++k) {
                const auto order = static_cast<unsigned>(count - last + k);
                result.highest(k, j) = (order + 0.5) * result.weights[j] * std::legendre(order, result.nodes[j]);
            }
        return result;
    }();
    return rule;
}

Plane::Plane(const Integrand& integrand, std::vector<NodeId> outputs, Eigen::VectorXd mean, Eigen::MatrixXd root,
             const std::vector<double>& samples)
    : tape_(integrand.tape), outputs_(std::move(outputs)), switches_(find_switches(tape_, outputs_)), mean_(std::move(mean)),
      root_(std::move(root)), flat_(root_.col(1).isZero(0)), samples_(samples), gaussians_(Rows::Zero(root_.rows(), block)) {
    for (const NodeId id : {integrand.left, integrand.right})
        if (std::ranges::find(outputs_, id) != outputs_.end())
            functions_.push_back(id);
    runs_.reserve(2);
    runs_.emplace_back(tape_, outputs_, block, samples.data());
    runs_.emplace_back(tape_, switches_, block, samples.data());
}

const TapeRun& Plane::run(bool switches, const double* u, const double* w, std::size_t count) {
    const auto n = static_cast<Eigen::Index>(count);
    const Eigen::Map<const Eigen::RowVectorXd> x(u, n), y(w, n);
    for (Eigen::Index k = 0; k < root_.rows(); ++k)
        gaussians_.row(k).head(n) = ((root_(k, 0) * x + root_(k, 1) * y).array() + mean_[k]).matrix();
    runs_[switches ? 1 : 0].evaluate(gaussians_.data(), block, count);
    points_ += count;
    return runs_[switches ? 1 : 0];
}

std::optional<double> Plane::extent(double negligible) {
    constexpr int angles = 48;
    constexpr double step = 0.25, far = 38;
    const auto radii = static_cast<Eigen::Index>(far / step);
    Eigen::ArrayXXd peaks = Eigen::ArrayXXd::Zero(static_cast<Eigen::Index>(outputs()), radii); // logarithmic
    peaks.setConstant(-std::numeric_limits<double>::infinity());
    norms_ = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(outputs()));
    std::array<double, angles> u, w;
    for (Eigen::Index r = 0; r < radii; ++r) {
        const double radius = (static_cast<double>(r) + 0.5) * step;
        for (int k = 0; k < angles; ++k) { // not along the axes
            const double angle = 2 * std::numbers::pi * (k + 0.37) / angles;
            u[static_cast<std::size_t>(k)] = radius * std::cos(angle);
            w[static_cast<std::size_t>(k)] = radius * std::sin(angle);
        }
        const TapeRun& at = run(false, u.data(), w.data(), angles);
        const double weight = radius * std::exp(-radius * radius / 2) * step / angles;
        for (std::size_t o = 0; o < outputs(); ++o) {
            const auto row = static_cast<Eigen::Index>(o);
            const Eigen::Map<const Eigen::ArrayXd> values(at.row(outputs_[o]), angles);
            if (!values.isFinite().all())
                return std::nullopt;
            peaks(row, r) = 2 * std::log(values.abs().maxCoeff() + 1e-300) - radius * radius / 2;
            norms_[row] += weight * values.square().sum();
        }
    }
    norms_ = norms_.cwiseSqrt();
    constexpr double least = 4;
    double result = least;
    for (std::size_t o = 0; o < outputs(); ++o) {
        const auto row = static_cast<Eigen::Index>(o);
        const double bound = peaks.row(row).maxCoeff() + std::log(negligible);
        for (Eigen::Index r = radii; r-- > 0;)
            if (peaks(row, r) > bound && norms_[row] > 0) {
                result = std::max(result, (static_cast<double>(r) + 1) * step);
                break;
            }
    }
    if (result >= far - 1)
        return std::nullopt;
    find_sharpness(result);
    return result;
}

// Sign changes of the switches between `low` and `high`, of all or of one; those that turn back close to 0 are looked at
// closer.
void Plane::brackets(double u, double low, double high, int steps, int depth, std::optional<int> only,
                     std::vector<Bracket>& result, std::vector<int>* signs) {
    const auto count = static_cast<std::size_t>(steps) + 1;
    std::vector<double> x(count, u), y(count);
    for (std::size_t k = 0; k < count; ++k)
        y[k] = low + (high - low) * static_cast<double>(k) / steps;
    const TapeRun& at = run(true, x.data(), y.data(), count);
    struct Turn {
        int which;
        double low, high;
    };
    std::vector<Turn> turns;
    for (std::size_t s = 0; s < switches_.size(); ++s) {
        const int which = static_cast<int>(s);
        const double* v = at.row(switches_[s]);
        if (signs != nullptr)
            signs->push_back(sign(v[0]));
        if (only && *only != which)
            continue;
        for (std::size_t k = 0; k + 1 < count; ++k) {
            if (sign(v[k]) != sign(v[k + 1])) {
                result.push_back({y[k], y[k + 1], v[k], v[k + 1], which});
                continue;
            }
            if (k == 0 || sign(v[k - 1]) != sign(v[k]) || !(std::abs(v[k]) < std::abs(v[k - 1])) ||
                !(std::abs(v[k]) <= std::abs(v[k + 1])))
                continue;
            const double bend = (v[k - 1] + v[k + 1]) / 2 - v[k], slope = (v[k + 1] - v[k - 1]) / 2;
            const double lowest = v[k] - slope * slope / (4 * bend);
            if (std::abs(lowest) < 0.3 * std::abs(v[k]) || sign(lowest) != sign(v[k]))
                turns.push_back({which, y[k - 1], y[k + 1]});
        }
    }
    if (depth > 0)
        for (const Turn& turn : turns)
            brackets(u, turn.low, turn.high, 31, depth - 1, turn.which, result, nullptr);
}

std::vector<Plane::Crossing> Plane::crossings(double u, double reach, std::vector<int>* signs) {
    if (switches_.empty())
        return {};
    constexpr int steps = 191, depth = 3;
    std::vector<Bracket> open;
    brackets(u, -reach, reach, flat_ ? 1 : steps, flat_ ? 0 : depth, std::nullopt, open, signs);
    // A bracket shrinks around the zero of its secant, or is halved.
    const double near = 2e-15 * reach;
    std::vector<Crossing> result;
    for (int round = 0; round < 100 && !open.empty(); ++round) {
        std::vector<double> y;
        for (const Bracket& one : open) {
            const double middle = one.low + (one.high - one.low) / 2;
            double secant = one.low - one.at_low * (one.high - one.low) / (one.at_high - one.at_low);
            if (!(secant > one.low && secant < one.high))
                secant = middle;
            y.insert(y.end(), {std::max(secant - near, one.low), std::min(secant + near, one.high), middle});
        }
        const std::vector<double> x(y.size(), u);
        std::vector<double> values(y.size());
        for (std::size_t first = 0; first < y.size(); first += block) {
            const std::size_t count = std::min(block, y.size() - first);
            const TapeRun& at = run(true, x.data() + first, y.data() + first, count);
            for (std::size_t k = 0; k < count; ++k)
                values[first + k] = at.row(switches_[static_cast<std::size_t>(open[(first + k) / 3].which)])[k];
        }
        std::vector<Bracket> still;
        for (std::size_t k = 0; k < open.size(); ++k) {
            Bracket one = open[k];
            for (std::size_t p = 3 * k; p < 3 * k + 3; ++p) {
                if (y[p] <= one.low || y[p] >= one.high)
                    continue;
                const bool is_low = sign(values[p]) == sign(one.at_low);
                (is_low ? one.low : one.high) = y[p];
                (is_low ? one.at_low : one.at_high) = values[p];
            }
            if (one.high - one.low <= 4 * near)
                result.push_back({one.low + (one.high - one.low) / 2, one.which});
            else
                still.push_back(one);
        }
        open = std::move(still);
    }
    std::sort(result.begin(), result.end(),
              [](const Crossing& a, const Crossing& b) { return a.at != b.at ? a.at < b.at : a.which < b.which; });
    return result;
}

std::vector<int> Plane::signature(double u, double reach) {
    constexpr double together = 1e-11; // switches that change at one place but for rounding have no order
    std::vector<int> result;
    const std::vector<Crossing> all = crossings(u, reach, &result);
    auto first = static_cast<std::ptrdiff_t>(result.size());
    for (std::size_t k = 0; k < all.size(); ++k) {
        if (k > 0 && all[k].at - all[k - 1].at > together * reach)
            first = static_cast<std::ptrdiff_t>(result.size());
        result.push_back(all[k].which);
        std::sort(result.begin() + first, result.end());
    }
    return result;
}

bool Plane::lines(const Eigen::VectorXd& u, const LineRules& rules, std::vector<LinePoints>& result) {
    const PanelRule& rule = PanelRule::instance();
    const auto density = [](double x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi); };
    const auto size = static_cast<Eigen::Index>(outputs());
    result.assign(static_cast<std::size_t>(u.size()), {});
    constexpr double narrowest = 1e-5; // beside singularities
    struct Panel {
        std::size_t line = 0;
        double low = 0, high = 0;
    };
    std::vector<Panel> open;
    for (std::size_t k = 0; k < result.size(); ++k) {
        const double at = u[static_cast<Eigen::Index>(k)];
        if (flat_) {
            const double nothing = 0;
            const TapeRun& run_at = run(false, &at, &nothing, 1);
            result[k] = {{0}, {std::sqrt(2 * std::numbers::pi)}, {}}; // E of a constant
            for (const NodeId id : outputs_)
                result[k].values.push_back(run_at.row(id)[0]);
            continue;
        }
        const double reach = reach_of(at, rules.extent);
        std::vector<double> edges{-reach};
        for (const Crossing& one : crossings(at, reach))
            edges.push_back(one.at);
        edges.push_back(reach);
        for (std::size_t e = 0; e + 1 < edges.size(); ++e) {
            const double length = edges[e + 1] - edges[e];
            if (!(length > 0))
                continue;
            const double pieces = std::ceil(length / rules.width);
            for (double p = 0; p < pieces; ++p)
                open.push_back({k, edges[e] + length * p / pieces, edges[e] + length * (p + 1) / pieces});
        }
    }
    for (std::size_t k = 0; k < open.size();) {
        const Panel panel = open[k];
        const double middle = panel.low + (panel.high - panel.low) / 2;
        if (panel.high - panel.low < narrowest ||
            !hides_on(u[static_cast<Eigen::Index>(panel.line)], panel.low, panel.high)) {
            ++k;
            continue;
        }
        open[k].high = middle;
        open.push_back({panel.line, middle, panel.high});
        if (open.size() * PanelRule::count > rules.most_points)
            return false;
    }
    constexpr double tiny = 1e-12; // beside a singularity, rounding may meet it
    constexpr std::size_t at_once = block / PanelRule::count;
    std::array<double, block> x, y;
    Eigen::MatrixXd values(PanelRule::count, size);
    while (!open.empty()) {
        std::vector<Panel> finer;
        for (std::size_t first = 0; first < open.size(); first += at_once) {
            const std::size_t panels = std::min(at_once, open.size() - first);
            for (std::size_t p = 0; p < panels; ++p) {
                const Panel& panel = open[first + p];
                for (Eigen::Index k = 0; k < PanelRule::count; ++k) {
                    const std::size_t place = p * PanelRule::count + static_cast<std::size_t>(k);
                    x[place] = u[static_cast<Eigen::Index>(panel.line)];
                    y[place] = (panel.low + panel.high) / 2 + (panel.high - panel.low) / 2 * rule.nodes[k];
                }
            }
            const TapeRun& at = run(false, x.data(), y.data(), panels * PanelRule::count);
            for (std::size_t p = 0; p < panels; ++p) {
                const Panel& panel = open[first + p];
                const double* own = y.data() + p * PanelRule::count;
                for (Eigen::Index o = 0; o < size; ++o)
                    values.col(o) = Eigen::Map<const Eigen::VectorXd>(
                        at.row(outputs_[static_cast<std::size_t>(o)]) + p * PanelRule::count, PanelRule::count);
                const double length = panel.high - panel.low;
                const double middle = panel.low + length / 2;
                const bool meets = !values.allFinite();
                if (meets)
                    values = values.unaryExpr([](double v) { return std::isfinite(v) ? v : 0; }).eval();
                Eigen::VectorXd roots(PanelRule::count);
                for (Eigen::Index k = 0; k < PanelRule::count; ++k)
                    roots[k] = std::sqrt(density(own[k]) * density(x[p * PanelRule::count]));
                const Eigen::MatrixXd weighted = roots.asDiagonal() * values;
                const Eigen::ArrayXd rest = (rule.highest * weighted).cwiseAbs().colwise().maxCoeff() * length;
                const Eigen::ArrayXd most = weighted.cwiseAbs().colwise().maxCoeff();
                const Eigen::ArrayXd allowed = rules.tolerance * norms_.array();
                const bool small = (most * length <= allowed).all() &&
                                   (!rules.squares || (most.square() * length <= allowed * norms_.array()).all());
                const bool good = meets ? small && length < tiny : small || (rest <= allowed).all();
                if (!good) {
                    if (middle <= panel.low || middle >= panel.high)
                        return false;
                    finer.push_back({panel.line, panel.low, middle});
                    finer.push_back({panel.line, middle, panel.high});
                    continue;
                }
                LinePoints& line = result[panel.line];
                for (Eigen::Index k = 0; k < PanelRule::count; ++k) {
                    line.places.push_back(own[k]);
                    line.weights.push_back(rule.weights[k] * length / 2);
                    for (Eigen::Index o = 0; o < size; ++o)
                        line.values.push_back(values(k, o));
                }
            }
        }
        if (points_ > rules.most_points)
            return false;
        open = std::move(finer);
    }
    return true;
}

} // namespace tpc::joint
