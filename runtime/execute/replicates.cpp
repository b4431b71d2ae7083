#include "runtime/execute/replicates.hpp"

#include "runtime/execute/joint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tpc::execute {
namespace {

constexpr double default_tolerance = 1e-4;
constexpr unsigned first_log2_points = 10;
constexpr unsigned last_log2_points = 20;
constexpr std::uint32_t replicates = 8;
constexpr double student = 3.5; // 99 % of Student's t with 7 degrees of freedom
// What more points can gain at best: scrambled nets of smooth functions converge as points^-3/2 (Owen 1997).
constexpr double best_rate = 1.5;

// Welford's mean and sum of squared deviations, entry by entry.
struct Spread {
    std::vector<double> mean, squares;
    std::size_t count = 0;
    void add(const std::vector<double>& values) {
        mean.resize(values.size(), 0);
        squares.resize(values.size(), 0);
        ++count;
        for (std::size_t k = 0; k < values.size(); ++k) {
            const double difference = values[k] - mean[k];
            mean[k] += difference / static_cast<double>(count);
            squares[k] += difference * (values[k] - mean[k]);
        }
    }
    // Of the mean, relative to its largest entry, or to one elsewhere.
    [[nodiscard]] double error(double elsewhere) const {
        double largest = elsewhere;
        double spread = 0;
        for (std::size_t k = 0; k < mean.size(); ++k) {
            if (!std::isfinite(mean[k]))
                return std::numeric_limits<double>::infinity();
            largest = std::max(largest, std::abs(mean[k]));
            spread = std::max(spread, squares[k]);
        }
        const auto n = static_cast<double>(count);
        return largest == 0 ? 0 : student * std::sqrt(spread / (n * (n - 1))) / largest;
    }
};

} // namespace

bool needs_sampling(const plan::Plan& plan) {
    return has_joint(plan.cross) || has_joint(plan.left) || has_joint(plan.right);
}

Outcome sampled(const std::function<std::vector<Kernel>(const joint::Sampling&)>& once, std::optional<double> wanted,
                const std::vector<Options::Largest>& elsewhere) {
    Outcome outcome;
    const double tolerance = wanted.value_or(default_tolerance);
    joint::Sampling sampling;
    sampling.tolerance = wanted ? std::clamp(*wanted / 100, 1e-12, 1e-6) : 1e-10;
    sampling.acceptable = std::max(sampling.tolerance, std::min(tolerance / 4, 1e-3));
    for (unsigned log2_points = first_log2_points;;) {
        std::vector<Spread> nngp, ntk;
        double deterministic = 0; // the largest estimate of the expectations that are not sampled: it does not spread
        for (std::uint32_t replicate = 0; replicate < replicates; ++replicate) {
            std::atomic<bool> random = false;
            std::atomic<double> error = 0;
            sampling.log2_points = log2_points;
            sampling.replicate = replicate;
            sampling.sampled = &random;
            sampling.error = &error;
            outcome.outputs = once(sampling);
            if (!random) { // every expectation had another method
                for (Kernel& kernel : outcome.outputs)
                    kernel.nngp_error = kernel.ntk_error = error;
                if (error > tolerance) {
                    outcome.outputs.clear();
                    outcome.error =
                        fmt::format("the tolerance {:.1e} cannot be met: expectations over several Gaussians have "
                                    "an error of about {:.1e}; --tol {:.0e} can be met",
                                    tolerance, error.load(), 2 * error);
                }
                return outcome;
            }
            deterministic = std::max(deterministic, error.load());
            nngp.resize(outcome.outputs.size());
            ntk.resize(outcome.outputs.size());
            for (std::size_t o = 0; o < outcome.outputs.size(); ++o) {
                nngp[o].add(outcome.outputs[o].nngp);
                ntk[o].add(outcome.outputs[o].ntk);
            }
        }
        double worst = 0;
        for (std::size_t o = 0; o < outcome.outputs.size(); ++o) {
            Kernel& kernel = outcome.outputs[o];
            kernel.nngp = std::move(nngp[o].mean);
            kernel.ntk = std::move(ntk[o].mean);
            nngp[o].mean = kernel.nngp;
            ntk[o].mean = kernel.ntk;
            const Options::Largest largest = o < elsewhere.size() ? elsewhere[o] : Options::Largest{};
            kernel.nngp_error = nngp[o].error(largest.nngp) + deterministic;
            kernel.ntk_error = ntk[o].error(largest.ntk) + deterministic;
            worst = std::max({worst, kernel.nngp_error, kernel.ntk_error});
        }
        if (worst <= tolerance)
            return outcome;
        const double more = std::exp2(static_cast<double>(last_log2_points - log2_points));
        if (log2_points < last_log2_points && worst * std::pow(more, -best_rate) <= tolerance) {
            // Usually the error falls with one over the points, or a little faster.
            const double doublings = std::clamp(std::ceil(std::log2(worst / tolerance)), 1.0, 2.0);
            log2_points = std::min(log2_points + static_cast<unsigned>(doublings), last_log2_points);
            continue;
        }
        outcome.outputs.clear();
        if (!std::isfinite(worst)) {
            outcome.error =
                "an expectation over several Gaussians is not finite: the kernel diverges, or divides zero by zero";
            return outcome;
        }
        outcome.error =
            fmt::format("the tolerance {:.1e} cannot be met: expectations over several Gaussians are sampled, and {} "
                        "points leave an error of about {:.1e}; --tol {:.0e} can be met",
                        tolerance, replicates << log2_points, worst, 2 * worst);
        return outcome;
    }
}

} // namespace tpc::execute
