#include "runtime/execute/evaluate.hpp"

#include "runtime/execute/blocks.hpp"
#include "runtime/execute/refine.hpp"
#include "runtime/execute/replicates.hpp"
#include "runtime/execute/uses.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>

#include <stdexcept>

namespace tpc::execute {
namespace {

// Relative distances below which rounding errors may be larger than 1e-6 and, behind kinks, 1e-11.
constexpr double near_in_single = 0.03, near_in_double = 1e-4;

// Runs `work`; what cannot be computed is an error of the outcome.
template <class Work> Outcome outcome_of(const Options& options, const Work& work) {
    std::optional<oneapi::tbb::global_control> control;
    if (options.threads > 0)
        control.emplace(oneapi::tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(options.threads));
    Outcome outcome;
    try {
        work(outcome);
    } catch (const MethodError& error) {
        outcome = {{}, Error{error.what()}};
    } catch (const gaussian::NoExpectation& error) {
        outcome = {{}, Error{error.what(), true}};
    } catch (const std::domain_error& error) { // an integral that does not converge
        outcome = {{}, Error{error.what()}};
    }
    return outcome;
}

} // namespace

struct Evaluation::State {
    const plan::Plan& plan;
    const SampleSet& left;
    const SampleSet* right;
    Options options;
    const bool sampled;
    const bool spreads, kinks;
    Joints joints;                             // of all replicates
    std::optional<Duals<double>> double_duals; // one of the two, or both where single precision loses angles
    std::optional<Duals<float>> single_duals;
    std::optional<Blocks<double>> doubles; // one of the two, unless sampled
    std::optional<Blocks<float>> singles;
    std::optional<NearSamples> near; // where their angles would be lost

    void prepare() {
        if (sampled || doubles || singles)
            return;
        if (options.single)
            singles.emplace(plan, left, right, options, joints, *single_duals);
        else
            doubles.emplace(plan, left, right, options, joints, *double_duals);
        if (!(options.ntk && loses_angles(plan)) && !(options.single && takes_apart(plan)))
            return;
        near.emplace(left, right != nullptr ? *right : left, options.single ? near_in_single : near_in_double);
        if (options.single)
            double_duals.emplace(plan, options);
    }

    std::vector<Kernel> block(const Span& rows, const Span& columns) {
        prepare();
        auto kernels = singles ? once(*singles, rows, columns) : once(*doubles, rows, columns);
        if (near) {
            Laws laws = singles ? singles->laws() : doubles->laws();
            for (double& variance : laws.variance) // so that double precision finds no larger ones
                variance *= singles ? 1 + 1e-5 : 1;
            const Refined refined{plan, left, right, options, laws, *double_duals, rows, columns, kernels};
            singles ? refine_in_double(refined, *near) : refine_along_lines(refined, *near);
        }
        return kernels;
    }

    template <class Real> std::vector<Kernel> once(Blocks<Real>& blocks, const Span& rows, const Span& columns) const {
        auto kernels = blocks(rows, columns);
        if (options.ledger != nullptr)
            blocks.report(*options.ledger);
        return kernels;
    }

    std::vector<Kernel> replicate(const joint::Sampling& sampling, const Span& rows, const Span& columns) {
        if (joints.cross.uses.empty() && !(options.ntk && options.via == Via::D)) // D reads all
            find_uses(plan, joints, double_duals->pairs, options.ntk);
        joints.start(sampling);
        if (options.meter != nullptr) {
            ++options.meter->runs;
            options.meter->points = std::size_t{1} << sampling.log2_points;
            options.meter->pairs = 0;
        }
        Blocks<double> blocks(plan, left, right, options, joints, *double_duals);
        return once(blocks, rows, columns);
    }
};

Evaluation::Evaluation(const plan::Plan& plan, const SampleSet& left, const SampleSet* right, const Options& options)
    : state_(new State{plan, left, right, options, needs_sampling(plan), spreads_errors(plan), has_kinks(plan),
                       Joints(plan, left.samples, right != nullptr ? std::optional(right->samples) : std::nullopt),
                       std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt}) {
    // Covariances of several Gaussians may be singular, where rounding them to single precision leaves half of the digits.
    // Beside their expectations double precision costs nothing.
    state_->options.single = options.single && !state_->sampled;
    if (state_->options.single)
        state_->single_duals.emplace(plan, options);
    else
        state_->double_duals.emplace(plan, options);
    if (state_->sampled)
        state_->options.memory = std::numeric_limits<std::size_t>::max(); // one panel: replicates are for one block each
}

Evaluation::~Evaluation() = default;

bool Evaluation::sampled() const {
    return state_->sampled;
}

std::size_t Evaluation::least_memory() const {
    const auto threads = static_cast<std::size_t>(state_->options.threads > 0 ? state_->options.threads
                                                                              : oneapi::tbb::info::default_concurrency());
    return state_->options.single ? Blocks<float>::least_memory(state_->plan, state_->left, state_->right, threads)
                                  : Blocks<double>::least_memory(state_->plan, state_->left, state_->right, threads);
}

std::optional<Error> Evaluation::prepare() {
    return outcome_of(state_->options, [&](Outcome&) { state_->prepare(); }).error;
}

std::size_t Evaluation::panel() const {
    if (state_->singles)
        return state_->singles->panel();
    return state_->doubles ? state_->doubles->panel() : std::numeric_limits<std::size_t>::max();
}

Outcome Evaluation::block(const Span& rows, const Span& columns) {
    return outcome_of(state_->options, [&](Outcome& outcome) {
        if (state_->sampled) {
            const auto once = [&](const joint::Sampling& sampling) { return state_->replicate(sampling, rows, columns); };
            outcome = execute::sampled(once, state_->options, state_->spreads, state_->kinks);
            return;
        }
        outcome.outputs = state_->block(rows, columns);
    });
}

Outcome evaluate(const plan::Plan& plan, const SampleSet& left, const SampleSet* right, const Options& options) {
    return Evaluation(plan, left, right, options)
        .block({0, left.samples}, {0, right != nullptr ? right->samples : left.samples});
}

} // namespace tpc::execute
