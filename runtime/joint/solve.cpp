#include "runtime/joint/solve.hpp"

#include "runtime/joint/univariate.hpp"
#include "runtime/planes/planar.hpp"
#include "runtime/points/root.hpp"
#include "runtime/series/spectral.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

namespace tpc::joint {

const Solver::Divided& Solver::divided(const std::vector<std::uint32_t>& blocks, Depth depth) const {
    const std::lock_guard lock(mutex_);
    auto& place = divided_[{blocks, depth}];
    if (place)
        return *place;
    auto fresh = std::make_unique<Divided>();
    fresh->split = split(whole_, blocks, slopes_, depth);
    for (Part& part : fresh->split.parts) {
        auto small = std::make_unique<Small>();
        small->part = std::move(part);
        small->laplace = Laplace::make(small->part.integrand, slopes_);
        if (!small->laplace)
            small->ratios = Ratios::make(small->part.integrand);
        const Integrand& integrand = small->part.integrand;
        small->denominators = denominators(integrand.tape, all_outputs(integrand, slopes_),
                                           integrand.left_gaussians + integrand.right_gaussians);
        small->smooth = is_smooth(small->part.integrand);
        fresh->parts.push_back(std::move(small));
    }
    fresh->split.parts.clear();
    fresh->order.resize(fresh->parts.size());
    std::iota(fresh->order.begin(), fresh->order.end(), std::size_t{0});
    std::ranges::stable_sort(fresh->order, [&](std::size_t a, std::size_t b) {
        const auto gaussians = [&](std::size_t k) {
            const Integrand& integrand = fresh->parts[k]->part.integrand;
            return integrand.left_gaussians + integrand.right_gaussians;
        };
        return gaussians(a) > gaussians(b);
    });
    place = std::move(fresh);
    return *place;
}

namespace {

void require_integrable(const Integrand& integrand, const Denominators& denominators, const Eigen::VectorXd& mean,
                        const Eigen::MatrixXd& covariance, const Eigen::MatrixXd& linked,
                        const std::vector<double>& samples) {
    if (denominators.together.empty())
        return;
    const std::vector<Products> integrands{{{{1, integrand.left, integrand.right}}},
                                           weighted(linked, integrand.left_gradient, integrand.right_gradient)};
    require_integrable({&integrand.tape, &denominators, 0}, {&integrand.tape, nullptr, 0}, integrands, mean,
                       principal_root(covariance), samples);
}

// What is said of all left by right Gaussians, for those of a part.
Eigen::MatrixXd of_part(const Part& part, const Eigen::MatrixXd& linked) {
    return linked(std::vector<Eigen::Index>(part.left.begin(), part.left.end()),
                  std::vector<Eigen::Index>(part.right.begin(), part.right.end()));
}

std::vector<double> law_of(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                           const std::vector<double>& samples) {
    std::vector<double> law(mean.begin(), mean.end());
    const auto entries = covariance.reshaped();
    law.insert(law.end(), entries.begin(), entries.end());
    law.insert(law.end(), samples.begin(), samples.end());
    return law;
}

std::pair<Eigen::VectorXd, Eigen::MatrixXd> law_of_part(const Part& part, std::uint32_t lefts, const Eigen::VectorXd& mean,
                                                        const Eigen::MatrixXd& covariance) {
    std::vector<Eigen::Index> places(part.left.begin(), part.left.end());
    for (const std::uint32_t k : part.right)
        places.push_back(lefts + k);
    return {mean(places), covariance(places, places)};
}

Expectation perturbed(Expectation expectation, double error, const Sampling& sampling) {
    if (sampling.perturbation == 0 || error <= sampling.perturbed_above)
        return expectation;
    const double factor = 1 + sampling.perturbation * error;
    expectation.value *= factor;
    expectation.slopes *= factor;
    return expectation;
}

void raise(std::atomic<double>* place, double error) {
    if (place == nullptr)
        return;
    double known = place->load();
    while (known < error && !place->compare_exchange_weak(known, error)) {
    }
}

// A point costs the tape and, for each output, a sum over the nodes of a direction.
double cost_of_series(const Integrand& integrand, bool slopes) {
    return static_cast<double>(integrand.tape.nodes().size()) +
           20 * static_cast<double>(slopes ? 2 + integrand.left_gaussians + integrand.right_gaussians : 2);
}

class Clock {
  public:
    [[nodiscard]] double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

} // namespace

std::optional<Expectation> Solver::Recent::find(const std::vector<double>& law, double tolerance) const {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::ranges::find_if(laws_, [&](const Remembered& one) { return one.law == law && one.tolerance == tolerance; });
    return found == laws_.end() ? std::nullopt : std::optional(found->expectation);
}

void Solver::Recent::add(const std::vector<double>& law, double tolerance, const Expectation& expectation) {
    const std::lock_guard lock(mutex_);
    laws_[next_] = {law, tolerance, expectation};
    next_ = (next_ + 1) % laws_.size();
}

// The cheapest method that meets the tolerance; nothing but sampling where there is none.
std::optional<Solver::Known> Solver::deterministic(const Small& small, const Eigen::VectorXd& mean,
                                                   const Eigen::MatrixXd& covariance, const std::vector<double>& samples,
                                                   const Sampling& sampling, const std::vector<std::size_t>& rungs) const {
    const Clock clock;
    const auto result = [&](const std::string& method, std::size_t points, double error, Expectation&& expectation) {
        const std::lock_guard lock(small.mutex);
        small.uses[method].add(points, error, clock.seconds());
        Known known;
        known.error = error;
        known.expectation = std::move(expectation);
        return known;
    };
    const Integrand& integrand = small.part.integrand;
    const auto exactly = [&]() -> std::optional<Known> {
        if (!small.laplace)
            return std::nullopt;
        const std::vector<double> law = law_of(mean, covariance, {});
        auto exact = small.recent.find(law, sampling.tolerance);
        if (!exact) {
            exact = (*small.laplace)(mean, covariance, slopes_, sampling.tolerance);
            if (!exact)
                return std::nullopt;
            small.recent.add(law, sampling.tolerance, *exact);
        }
        return result(small.laplace->denominators() ? "Laplace transform of the norms" : "dual kernels", 0,
                      sampling.tolerance, *std::move(exact));
    };
    // Rather many points once than several times as many in eight replicates.
    constexpr std::size_t precise_points = std::size_t{1} << 17, most_points = std::size_t{1} << 19;
    const auto series = [&](double tolerance) -> std::optional<Known> {
        std::size_t most = tolerance > sampling.tolerance ? most_points : precise_points;
        const double cost = cost_of_series(integrand, slopes_);
        if (sampling.work != nullptr && rungs.empty() && integrand.left_gaussians + integrand.right_gaussians > 2)
            most = static_cast<std::size_t>(std::clamp(*sampling.work / cost, 0.0, static_cast<double>(most)));
        auto precise = spectral(integrand, mean, covariance, samples, slopes_, tolerance, most, rungs);
        if (!precise)
            return std::nullopt;
        if (sampling.work != nullptr)
            *sampling.work -= cost * static_cast<double>(precise->points);
        Known known = result("tensor Hermite series", precise->points, precise->error, std::move(precise->expectation));
        known.rungs = std::move(precise->rungs);
        return known;
    };
    // Series are made for one law, dual kernels for all: the former cost less where there is no need of the latter.
    const bool series_first = small.smooth && small.laplace && !small.laplace->denominators();
    if (!series_first)
        if (auto exact = exactly())
            return exact;
    if (small.ratios)
        if (auto ratios = (*small.ratios)(mean, covariance, slopes_, sampling.tolerance, sampling.acceptable))
            return result("Laplace transform of the norms of polynomials", 0, ratios->error, std::move(ratios->expectation));
    // Between kinks, and where a function bends too sharply for polynomials. Quotients that did not get there are singular.
    const auto in_planes = [&]() -> std::optional<Known> {
        constexpr double most_work = 2e9;
        if (small.ratios || (small.laplace && small.laplace->denominators()))
            return std::nullopt;
        double work = sampling.work == nullptr ? most_work : std::min(most_work, *sampling.work);
        const double before = work;
        auto precise = planar(integrand, mean, covariance, samples, slopes_, sampling.tolerance, work);
        if (sampling.work != nullptr)
            *sampling.work -= before - work;
        if (!precise)
            return std::nullopt;
        return result("quadrature split at kinks", precise->points, precise->error, std::move(precise->expectation));
    };
    if (!small.smooth) {
        const bool affordable = sampling.work == nullptr || *sampling.work >= work_of_univariate;
        if (!is_univariate(integrand))
            return in_planes();
        if (!affordable)
            return std::nullopt;
        auto one = by_dual_kernel(integrand, mean, covariance, samples, slopes_, sampling.tolerance);
        if (!one)
            return std::nullopt;
        if (sampling.work != nullptr)
            *sampling.work -= work_of_univariate;
        return result("dual kernels of one law", 0, sampling.tolerance, *std::move(one));
    }
    if (auto precise = series(sampling.tolerance))
        return precise;
    if (series_first)
        if (auto exact = exactly())
            return exact;
    if (sampling.acceptable > sampling.tolerance) {
        if (auto between = series(std::sqrt(sampling.tolerance * sampling.acceptable)))
            return between;
        if (auto coarse = series(sampling.acceptable))
            return coarse;
    }
    return in_planes();
}

std::optional<Expectation> Solver::small(const Small& small, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                                         const Eigen::MatrixXd& linked, const std::vector<double>& samples,
                                         const Sampling& sampling, bool may_sample) const {
    const bool kept = sampling.budget != nullptr;
    std::vector<double> law;
    bool in_vain = false;
    bool is_known = false;
    std::vector<std::size_t> rungs;
    double error = 0;
    if (kept) {
        law = law_of(mean, covariance, samples);
        const std::lock_guard lock(small.mutex);
        if (const auto found = small.known.find(sampling.place); found != small.known.end() &&
                                                                 found->second.tolerance == sampling.tolerance &&
                                                                 found->second.acceptable == sampling.acceptable) {
            const Known& known = found->second;
            is_known = true;
            in_vain = known.in_vain;
            rungs = known.rungs;
            error = known.error;
            if (!in_vain && known.law == law) {
                raise(sampling.error, error);
                return perturbed(known.expectation, error, sampling);
            }
        }
    }
    if (!in_vain) {
        auto found = deterministic(small, mean, covariance, samples, sampling, rungs);
        if (found) {
            error = std::max(found->error, error);
            raise(sampling.error, error);
        } else {
            found.emplace();
            found->in_vain = true;
        }
        in_vain = found->in_vain;
        const std::size_t bytes =
            sizeof(double) * (law.size() + static_cast<std::size_t>(found->expectation.slopes.size())) + 2 * sizeof(Known);
        if (kept && !is_known && *sampling.budget >= bytes) {
            *sampling.budget -= bytes;
            found->law = std::move(law);
            found->tolerance = sampling.tolerance;
            found->acceptable = sampling.acceptable;
            const std::lock_guard lock(small.mutex);
            small.known.insert_or_assign(sampling.place, *found);
        }
        if (!in_vain)
            return perturbed(std::move(found->expectation), error, sampling);
    }
    if (!may_sample)
        return std::nullopt;
    const Clock clock;
    if (sampling.first_run)
        require_integrable(small.part.integrand, small.denominators, mean, covariance, linked, samples);
    Sampling near = sampling;
    near.frame = small.frames.at(sampling, static_cast<std::size_t>(mean.size()));
    Expectation result = estimate(small.part.integrand, mean, covariance, samples, near, slopes_);
    const std::lock_guard lock(small.mutex);
    small.uses["scrambled Sobol points"].add(std::size_t{1} << sampling.log2_points, 0, clock.seconds());
    return result;
}

std::optional<Expectation> Solver::solve(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                                         const Eigen::MatrixXd& linked, const std::vector<double>& samples,
                                         const Sampling& sampling, bool may_sample) const {
    if (const Fixed* fewer = fixed(mean, covariance))
        if (const auto others = slopes_of_fixed(*fewer, mean, covariance, linked, samples, sampling, may_sample)) {
            auto result = fewer->solver->solve(mean, covariance, linked, samples, sampling, may_sample);
            if (result && slopes_)
                result->slopes += *others;
            return result;
        }
    const Depth depth = sampling.work == nullptr
                            ? Depth::terms
                            : depth_for(prospect(mean, covariance, linked), 1, sampling.acceptable, *sampling.work);
    const Divided& all = divided(independent_blocks(covariance, linked), depth);

    std::vector<Expectation> parts(all.parts.size());
    for (const std::size_t which : all.order) {
        const auto& one = all.parts[which];
        const auto [part_mean, part_covariance] = law_of_part(one->part, whole_.left_gaussians, mean, covariance);
        auto part = small(*one, part_mean, part_covariance, of_part(one->part, linked), samples, sampling, may_sample);
        if (!part)
            return std::nullopt;
        parts[which] = std::move(*part);
    }

    std::vector<NodeId> scalars;
    for (const Split::Term& term : all.split.terms)
        scalars.insert(scalars.end(), term.scalars.begin(), term.scalars.end());
    TapeRun run(all.split.tape, scalars, 1, samples.data());
    run.evaluate(nullptr, 0, 1);

    Expectation result;
    std::vector<double> by_part(parts.size(), 0); // d value / d part
    for (const Split::Term& term : all.split.terms) {
        double factor = term.number;
        for (const NodeId scalar : term.scalars)
            factor *= *run.row(scalar);
        double product = factor;
        for (const std::size_t k : term.parts)
            product *= parts[k].value;
        result.value += product;
        for (std::size_t k = 0; slopes_ && k < term.parts.size(); ++k) {
            double rest = factor;
            for (std::size_t other = 0; other < term.parts.size(); ++other)
                if (other != k)
                    rest *= parts[term.parts[other]].value;
            by_part[term.parts[k]] += rest;
        }
    }
    if (!slopes_)
        return result;
    result.slopes = Eigen::MatrixXd::Zero(whole_.left_gaussians, whole_.right_gaussians);
    for (std::size_t k = 0; k < parts.size(); ++k) {
        const Part& part = all.parts[k]->part;
        for (std::size_t a = 0; a < part.left.size(); ++a)
            for (std::size_t b = 0; b < part.right.size(); ++b)
                result.slopes(part.left[a], part.right[b]) +=
                    by_part[k] * parts[k].slopes(static_cast<Eigen::Index>(a), static_cast<Eigen::Index>(b));
    }
    return result;
}

Solver::Pieces Solver::pieces(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance, const Eigen::MatrixXd& linked,
                              const std::vector<double>& samples, const Sampling& sampling, const std::vector<bool>& in_vain,
                              Depth depth) const {
    if (const Fixed* fewer = fixed(mean, covariance)) {
        const auto slopes = slopes_of_fixed(*fewer, mean, covariance, linked, samples, sampling, false);
        if (slopes) {
            Pieces result = fewer->solver->pieces(mean, covariance, linked, samples, sampling, in_vain, depth);
            result.slopes = *slopes;
            return result;
        }
    }
    const Divided& all = divided(independent_blocks(covariance, linked), depth);
    Pieces result{&all.split, {}, {}, {}};
    for (const auto& one : all.parts)
        result.parts.push_back(&one->part);
    result.known.resize(all.parts.size());
    for (const std::size_t which : all.order) {
        if (which < in_vain.size() && in_vain[which])
            continue;
        const auto [part_mean, part_covariance] =
            law_of_part(all.parts[which]->part, whole_.left_gaussians, mean, covariance);
        result.known[which] = small(*all.parts[which], part_mean, part_covariance, of_part(all.parts[which]->part, linked),
                                    samples, sampling, false);
        if (!result.known[which] && sampling.work != nullptr)
            *sampling.work = 0;
    }
    return result;
}

bool rather_factors(std::size_t parts, std::size_t expectations, double acceptable) {
    const double many = 4 * std::pow(1e-3 / acceptable, 3); // as cells of five to fifteen steps have it
    return static_cast<double>(parts) > many * static_cast<double>(expectations);
}

Depth depth_for(const Prospect& prospect, std::size_t expectations, double acceptable, double& work) {
    if (prospect.work <= work)
        return Depth::terms;
    work = 0;
    return rather_factors(prospect.parts, expectations, acceptable) ? Depth::factors : Depth::terms;
}

double Solver::work() const {
    const auto gaussians = static_cast<double>(whole_.left_gaussians + whole_.right_gaussians);
    return 3 * static_cast<double>(whole_.tape.nodes().size()) + gaussians * gaussians;
}

Prospect Solver::prospect(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                          const Eigen::MatrixXd& linked) const {
    if (const Fixed* fewer = fixed(mean, covariance))
        return fewer->solver->prospect(mean, covariance, linked);
    constexpr double nodes = 12; // in each direction, as a rule, and for the search of them
    Prospect result;
    for (const auto& one : divided(independent_blocks(covariance, linked), Depth::terms).parts) {
        const Integrand& integrand = one->part.integrand;
        if (one->laplace || one->ratios)
            continue;
        ++result.parts;
        result.work += cost_of_series(integrand, slopes_) *
                       (std::pow(nodes, integrand.left_gaussians) + std::pow(nodes, integrand.right_gaussians));
    }
    return result;
}

std::pair<double, double> combined(const Split& split, const std::vector<double>& samples, const std::vector<double>& values,
                                   const std::vector<double>& derivatives) {
    std::vector<NodeId> scalars;
    for (const Split::Term& term : split.terms)
        scalars.insert(scalars.end(), term.scalars.begin(), term.scalars.end());
    TapeRun run(split.tape, scalars, 1, samples.data());
    run.evaluate(nullptr, 0, 1);
    std::pair<double, double> result{0, 0};
    for (const Split::Term& term : split.terms) {
        double value = term.number, derivative = 0;
        for (const NodeId scalar : term.scalars)
            value *= *run.row(scalar);
        for (const std::size_t k : term.parts) {
            derivative = derivative * values[k] + (derivatives.empty() ? 0 : value * derivatives[k]);
            value *= values[k];
        }
        result.first += value;
        result.second += derivative;
    }
    return result;
}

bool Solver::homogeneous() const {
    const std::vector<Degree> degree = degrees(whole_.tape);
    return degree[whole_.left].known && degree[whole_.right].known;
}

std::vector<PartReport> Solver::report() const {
    const std::lock_guard lock(mutex_);
    std::vector<PartReport> result;
    for (const auto& [how, one] : divided_)
        for (const auto& part : one->parts) {
            const std::lock_guard own(part->mutex);
            result.push_back({part->part.left, part->part.right, part->part.left.empty() && part->part.right.empty(),
                              std::exchange(part->uses, {})});
        }
    const auto also = [&](const Solver& other) { std::ranges::move(other.report(), std::back_inserter(result)); };
    for (const auto& [zeros, fewer] : fixed_) {
        if (!fewer->solver)
            continue;
        also(*fewer->solver);
        const std::lock_guard own(fewer->mutex);
        for (const auto& [place, slope] : fewer->slopes)
            if (slope)
                also(*slope);
    }
    return result;
}

} // namespace tpc::joint
