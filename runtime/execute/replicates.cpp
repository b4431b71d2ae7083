#include "runtime/execute/replicates.hpp"

#include "runtime/expectations/joint.hpp"

#include <boost/math/distributions/students_t.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tpc::execute {
namespace {

constexpr double default_tolerance = 1e-4, precise_tolerance = 1e-8;
constexpr unsigned first_log2_points = 10;
constexpr unsigned last_log2_points = 20;
constexpr std::uint32_t first_replicates = 8, most_replicates = 40;
constexpr std::uint32_t more_points_cost = 16; // twice as many points with the first replicates, in replicates
// What more points can gain at best: scrambled nets of smooth functions converge as points^-3/2 (Owen 1997).
constexpr double best_rate = 1.5;

// Noise in covariances leaves a bias behind roots and arccosines, and that does not spread: over the replicates of which it
// is K(mean covariance) - mean K(covariance). Where it falls as the square root of the points, twice that of four replicates
// is left in the mean of all; where it falls as the points, less.
constexpr std::uint32_t joined = 4;
constexpr double bias_left = 2;
// A bias of fewer points that would be less than this part of the tolerance now is not looked for again: to join four
// replicates costs as much as they do.
constexpr double little = 0.15;

// 99 % of Student's t, for the mean of so many replicates.
double student(std::size_t count) {
    return boost::math::quantile(boost::math::students_t(static_cast<double>(count - 1)), 0.995);
}

// What a kernel's runs say of its error.
struct Runs {
    std::vector<double> mean, squares; // Welford's, entry by entry
    std::vector<double> bias;          // K of the joined replicates less their mean
    std::size_t count = 0;
    std::size_t missing = joined; // replicates that the bias still lacks

    explicit Runs(std::vector<double> joined_replicates)
        : mean(joined_replicates.size(), 0), squares(joined_replicates.size(), 0), bias(std::move(joined_replicates)) {}
    // `shrunk`: what is left of the bias of fewer points.
    Runs(const Runs& fewer, double shrunk) : Runs(fewer.bias) {
        missing = 0;
        for (double& one : bias)
            one *= shrunk;
    }
    void add(const std::vector<double>& values) {
        ++count;
        for (std::size_t k = 0; k < values.size(); ++k) {
            const double difference = values[k] - mean[k];
            mean[k] += difference / static_cast<double>(count);
            squares[k] += difference * (values[k] - mean[k]);
            if (count <= missing)
                bias[k] -= values[k] / joined;
        }
    }
    // Standard deviation of one run, relative to the largest entry.
    [[nodiscard]] double spread(double elsewhere) const {
        double largest = elsewhere;
        double most = 0;
        for (std::size_t k = 0; k < mean.size(); ++k) {
            largest = std::max(largest, std::abs(mean[k]));
            most = std::max(most, std::sqrt(squares[k] / static_cast<double>(count - 1)));
        }
        return largest == 0 ? 0 : most / largest;
    }
    // What bias is left, relative to the largest entry.
    [[nodiscard]] double bias_of_mean(double elsewhere) const {
        double largest = elsewhere;
        double most = 0;
        for (std::size_t k = 0; k < mean.size(); ++k) {
            largest = std::max(largest, std::abs(mean[k]));
            most = std::max(most, bias_left * std::abs(bias[k]));
        }
        return largest == 0 ? 0 : most / largest;
    }
    // Of the mean, relative to its largest entry, or to one elsewhere; what it would be with `others` as many replicates.
    [[nodiscard]] double error(double elsewhere, std::size_t others) const {
        double largest = elsewhere;
        double most = 0;
        const auto n = static_cast<double>(count);
        const double spread = student(others) / std::sqrt(static_cast<double>(others));
        for (std::size_t k = 0; k < mean.size(); ++k) {
            if (!std::isfinite(mean[k]))
                return std::numeric_limits<double>::infinity();
            largest = std::max(largest, std::abs(mean[k]));
            most = std::max(most, spread * std::sqrt(squares[k] / (n - 1)) + bias_left * std::abs(bias[k]));
        }
        return largest == 0 ? 0 : most / largest;
    }
};

// Relative to the largest entry of `a`, or to one elsewhere.
double difference(const std::vector<double>& a, const std::vector<double>& b, double elsewhere) {
    double most = 0;
    for (std::size_t k = 0; k < a.size(); ++k) {
        elsewhere = std::max(elsewhere, std::abs(a[k]));
        most = std::max(most, std::abs(a[k] - b[k]));
    }
    return elsewhere == 0 ? 0 : most / elsewhere;
}

double largest_of(const std::vector<Options::Largest>& elsewhere, std::size_t output, double Options::Largest::*kernel) {
    return output < elsewhere.size() ? elsewhere[output].*kernel : 0;
}

using Once = std::function<std::vector<Kernel>(const joint::Sampling&)>;

// Errors of kernels that no point entered: those of their expectations, and how these spread, for which `kernels` are
// evaluated again with all of them, the worst way, if `spreads`. Returns the largest.
double add_errors(std::vector<Kernel>& kernels, const Once& once, joint::Sampling sampling, double error, bool spreads,
                  const std::vector<Options::Largest>& elsewhere) {
    std::vector<Kernel> moved;
    if (spreads && error > 0) {
        sampling.perturbation = 2; // estimates may be short
        moved = once(sampling);
    }
    double worst = 0;
    for (std::size_t o = 0; o < kernels.size(); ++o) {
        Kernel& kernel = kernels[o];
        kernel.nngp_error = kernel.ntk_error = error;
        if (!moved.empty()) {
            using Largest = Options::Largest;
            kernel.nngp_error += difference(kernel.nngp, moved[o].nngp, largest_of(elsewhere, o, &Largest::nngp));
            kernel.ntk_error += difference(kernel.ntk, moved[o].ntk, largest_of(elsewhere, o, &Largest::ntk));
        }
        worst = std::max({worst, kernel.nngp_error, kernel.ntk_error});
    }
    return worst;
}

// To what is asked where nothing is sampled; nothing where that takes points, or is not met.
std::optional<std::vector<Kernel>> precisely(const Once& once, joint::Sampling sampling, bool spreads,
                                             const std::vector<Options::Largest>& elsewhere) {
    std::atomic<bool> random = false;
    std::atomic<double> error = 0;
    sampling.sampled = &random;
    sampling.error = &error;
    sampling.tolerance = precise_tolerance / 100;
    sampling.acceptable = precise_tolerance / 4;
    std::vector<Kernel> kernels = once(sampling);
    if (random || add_errors(kernels, once, sampling, error, spreads, elsewhere) > precise_tolerance)
        return std::nullopt;
    return kernels;
}

// The replicates of one number of points, by output.
struct Replicates {
    std::vector<Runs> nngp, ntk;
    std::uint32_t first_replicate = 0, count = 0;

    // `together`: the joined ones.
    Replicates(std::vector<Kernel>& together, std::uint32_t first) : first_replicate(first) {
        for (Kernel& kernel : together) {
            nngp.emplace_back(std::move(kernel.nngp));
            ntk.emplace_back(std::move(kernel.ntk));
        }
    }
    // `shrunk`: what is left of the bias of fewer points.
    Replicates(const Replicates& fewer, double shrunk) : first_replicate(fewer.first_replicate) {
        for (std::size_t o = 0; o < fewer.nngp.size(); ++o) {
            nngp.emplace_back(fewer.nngp[o], shrunk);
            ntk.emplace_back(fewer.ntk[o], shrunk);
        }
    }
    void run(const Once& once, joint::Sampling sampling, std::uint32_t wanted) {
        for (; count < wanted; ++count) {
            sampling.replicate = sampling.law_replicate = first_replicate + count;
            sampling.perturbation = count % 2 == 0 ? 1 : -1;
            add(once(sampling));
        }
    }
    void add(const std::vector<Kernel>& kernels) {
        for (std::size_t o = 0; o < kernels.size(); ++o) {
            nngp[o].add(kernels[o].nngp);
            ntk[o].add(kernels[o].ntk);
        }
    }
    // The largest error that so many replicates would leave.
    [[nodiscard]] double worst(const std::vector<Options::Largest>& elsewhere, std::size_t others) const {
        double result = 0;
        for (std::size_t o = 0; o < nngp.size(); ++o)
            result = std::max({result, nngp[o].error(largest_of(elsewhere, o, &Options::Largest::nngp), others),
                               ntk[o].error(largest_of(elsewhere, o, &Options::Largest::ntk), others)});
        return result;
    }
    // How far the runs spread, without regard to their number.
    [[nodiscard]] double spread(const std::vector<Options::Largest>& elsewhere) const {
        double result = 0;
        for (std::size_t o = 0; o < nngp.size(); ++o)
            result = std::max({result, nngp[o].spread(largest_of(elsewhere, o, &Options::Largest::nngp)),
                               ntk[o].spread(largest_of(elsewhere, o, &Options::Largest::ntk))});
        return result;
    }
    [[nodiscard]] double bias(const std::vector<Options::Largest>& elsewhere) const {
        double result = 0;
        for (std::size_t o = 0; o < nngp.size(); ++o)
            result = std::max({result, nngp[o].bias_of_mean(largest_of(elsewhere, o, &Options::Largest::nngp)),
                               ntk[o].bias_of_mean(largest_of(elsewhere, o, &Options::Largest::ntk))});
        return result;
    }
    // Means and errors; `error` that of what is not sampled.
    void finish(std::vector<Kernel>& kernels, const std::vector<Options::Largest>& elsewhere, double error) {
        for (std::size_t o = 0; o < kernels.size(); ++o) {
            Kernel& kernel = kernels[o];
            kernel.nngp_error = nngp[o].error(largest_of(elsewhere, o, &Options::Largest::nngp), count) + error;
            kernel.ntk_error = ntk[o].error(largest_of(elsewhere, o, &Options::Largest::ntk), count) + error;
            kernel.nngp = std::move(nngp[o].mean);
            kernel.ntk = std::move(ntk[o].mean);
        }
    }
};

// What the noise of laws alone does: replicates whose points differ there only.
double spread_of_laws(const Once& once, joint::Sampling sampling, std::uint32_t first,
                      const std::vector<Options::Largest>& elsewhere) {
    sampling.replicate = sampling.law_replicate = first;
    std::vector<Kernel> none = once(sampling);
    Replicates replicates(none, first);
    for (std::uint32_t k = 0; k < joined; ++k) {
        ++sampling.law_replicate;
        replicates.add(once(sampling));
    }
    return replicates.spread(elsewhere);
}

// Laws have fewer points where these would leave a small part of the error, which falls about as points^-3/4, still.
unsigned coarser_laws(double all, double of_laws) {
    constexpr double most = 6;
    return of_laws <= 0 ? static_cast<unsigned>(most)
                        : static_cast<unsigned>(std::clamp(0.8 * std::log2(all / of_laws), 0.0, most));
}

// Errors by number of points. Where the variance exists they fall as points^-1/2 at least; half of that is what heavy tails
// leave, or moments that are infinite, whose estimates stay where they are.
class Fall {
  public:
    // Whether this error is what so few points would have left.
    bool stalls(unsigned log2_points, double error) {
        constexpr double slow = 0.25;
        constexpr unsigned apart = 4; // doublings: less is within the noise of the errors
        const bool result = std::ranges::any_of(seen_, [&](const auto& one) {
            return log2_points >= one.first + apart && error >= one.second * std::exp2(-slow * (log2_points - one.first));
        });
        seen_.emplace_back(log2_points, error);
        return result;
    }

  private:
    std::vector<std::pair<unsigned, double>> seen_;
};

bool feeds_gaussians(const plan::SelfPlan& self) {
    return std::ranges::any_of(self.recursions.joint_mean, [](bool joint) { return joint; });
}

bool feeds_gaussians(const plan::Part& part) {
    return std::ranges::any_of(part.ops, [](const plan::PairOp& op) {
        return !op.output && std::ranges::any_of(op.groups, [](const plan::GroupOp& group) { return group.joint; });
    });
}

} // namespace

bool needs_sampling(const plan::Plan& plan) {
    return has_joint(plan.cross) || has_joint(plan.left) || has_joint(plan.right);
}

bool spreads_errors(const plan::Plan& plan) {
    return feeds_gaussians(plan.cross) || feeds_gaussians(plan.left) || feeds_gaussians(plan.left.part) ||
           feeds_gaussians(plan.right) || feeds_gaussians(plan.right.part);
}

bool has_kinks(const plan::Plan& plan) {
    for (const plan::SelfPlan* side : {&plan.left, &plan.right}) {
        const ir::ExprTable& exprs = side->recursions.network.program.exprs;
        for (std::uint32_t k = 0; k < exprs.size(); ++k) {
            const ir::Node& node = exprs[ir::ExprId{k}];
            const bool extreme = node.reduction == ir::Reduction::max || node.reduction == ir::Reduction::min;
            if ((node.op == ir::Op::apply && ir::has_kink(node.function)) || (node.op == ir::Op::reduce && extreme))
                return true;
        }
    }
    return false;
}

Outcome sampled(const Once& once, const Options& options, bool spreads, bool kinks) {
    Outcome outcome;
    const std::optional<double> wanted = options.tolerance;
    const std::vector<Options::Largest>& elsewhere = options.elsewhere;
    const std::uint32_t first_replicate = (options.seed - 1) * joint::replicates_of_seed;
    const double tolerance = wanted.value_or(default_tolerance);
    const auto refuse = [&](const std::string& why, double worst) {
        outcome.outputs.clear();
        outcome.error = {
            fmt::format("the tolerance {:.1e} cannot be met: expectations over several Gaussians {} an error of "
                        "about {:.1e}; --tol {:.0e} can be met",
                        tolerance, why, worst, 2 * worst)};
        return outcome;
    };
    joint::Sampling sampling;
    unsigned coarser = 0; // laws have 2^-coarser as many points
    // An error of a covariance may be the square of the one that it makes behind a kink: for that, `strict`.
    const double strict = std::clamp(tolerance * tolerance / 100, 1e-12, 1e-6);
    const double of_others = std::clamp(tolerance / 100, 1e-12, 1e-6); // where points leave more
    sampling.tolerance = wanted ? of_others : strict;
    sampling.acceptable = std::max(sampling.tolerance, std::min(tolerance / 4, 1e-3));
    double first_worst = 0;
    Fall fall;
    std::optional<Replicates> replicates; // of the last number of points
    for (unsigned log2_points = first_log2_points;;) {
        std::atomic<bool> random = false;
        std::atomic<double> error = 0; // the largest estimate of the expectations that are not sampled
        sampling.sampled = &random;
        sampling.error = &error;
        const unsigned law_log2_points = std::max(first_log2_points, log2_points - std::min(coarser, log2_points));
        // It falls as the square root of the points at least.
        const double shrunk =
            !replicates
                ? 1
                : std::exp2(-0.5 * std::min(log2_points - sampling.log2_points, law_log2_points - sampling.law_log2_points));
        if (replicates && shrunk * replicates->bias(elsewhere) <= little * tolerance) {
            replicates.emplace(Replicates(*replicates, shrunk));
        } else {
            sampling.log2_points = log2_points + 2;
            sampling.law_log2_points = law_log2_points + 2;
            sampling.replicate = sampling.law_replicate = first_replicate + joint::first_four;
            sampling.perturbed_above = 0;
            sampling.first_run = !replicates;
            outcome.outputs = once(sampling);
            if (!random) { // every expectation had another method
                const double worst = add_errors(outcome.outputs, once, sampling, error, spreads, elsewhere);
                if (worst > tolerance && sampling.tolerance > strict) {
                    sampling.tolerance = strict;
                    continue;
                }
                if (!wanted && worst > precise_tolerance)
                    if (auto precise = precisely(once, sampling, spreads, elsewhere)) {
                        outcome.outputs = *std::move(precise);
                        return outcome;
                    }
                return worst <= tolerance ? outcome : refuse("have", worst);
            }
            if (!kinks)
                sampling.tolerance = of_others;
            replicates.emplace(outcome.outputs, first_replicate);
        }
        sampling.log2_points = log2_points;
        sampling.law_log2_points = law_log2_points;
        sampling.first_run = false;
        sampling.perturbed_above = sampling.tolerance; // replicates have the others in common
        std::uint32_t wanted_replicates = first_replicates;
        double worst = 0;
        do { // more replicates keep those at hand, which more points do not
            replicates->run(once, sampling, wanted_replicates);
            worst = replicates->worst(elsewhere, replicates->count) + error;
            constexpr double reserve = 1.05; // the spread is an estimate
            const std::uint32_t most =
                std::min(std::max(most_replicates, replicates->count + more_points_cost), joint::replicates_of_seed / 2);
            while (wanted_replicates <= most &&
                   reserve * replicates->worst(elsewhere, wanted_replicates) + error > tolerance)
                wanted_replicates += 4;
            if (wanted_replicates > most)
                break;
        } while (worst > tolerance && wanted_replicates > replicates->count);
        if (worst <= tolerance) {
            replicates->finish(outcome.outputs, elsewhere, error);
            return outcome;
        }
        const bool stalls = fall.stalls(log2_points, worst);
        const double more = std::exp2(static_cast<double>(last_log2_points - log2_points));
        // What all points and all replicates would leave at best.
        const double all_replicates = std::sqrt(static_cast<double>(first_replicates) / most_replicates);
        if (log2_points < last_log2_points && worst * std::pow(more, -best_rate) * all_replicates <= tolerance) {
            // Usually the error falls a little slower than one over the points; what is then missing is left to replicates.
            const unsigned before = log2_points - first_log2_points;
            if (before == 0) {
                first_worst = worst;
                if (spreads)
                    coarser = coarser_laws(replicates->spread(elsewhere),
                                           spread_of_laws(once, sampling, first_replicate, elsewhere));
            }
            constexpr double usual = 0.85, left = 1.5;
            const double rate = before == 0 ? usual : std::clamp(std::log2(first_worst / worst) / before, 0.6, 1.2);
            const double doublings =
                std::clamp(std::round(std::log2(worst / tolerance / left) / rate), 1.0, before == 0 ? 4.0 : 10.0);
            log2_points = std::min(log2_points + static_cast<unsigned>(doublings), last_log2_points);
            continue;
        }
        if (!std::isfinite(worst)) {
            outcome.outputs.clear();
            outcome.error = {
                "an expectation over several Gaussians is not finite: the kernel diverges, or divides zero by zero"};
            return outcome;
        }
        if (stalls) {
            outcome.outputs.clear();
            outcome.error = {
                fmt::format("the tolerance {:.1e} cannot be met: expectations over several Gaussians are sampled, "
                            "and {} points leave an error of about {:.1e}, hardly less than fewer points; one of "
                            "them may be infinite, as E[1 / (a^2 + b^2)] is",
                            tolerance, std::size_t{replicates->count} << log2_points, worst)};
            return outcome;
        }
        return refuse(fmt::format("are sampled, and {} points leave", std::size_t{replicates->count} << log2_points), worst);
    }
}

} // namespace tpc::execute
