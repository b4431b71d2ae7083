#include "runtime/execute/evaluate.hpp"

#include "compiler/ir/print.hpp"
#include "compiler/plan/count.hpp"
#include <chrono>
#include <fmt/format.h>

#include "runtime/execute/replicates.hpp"
#include "runtime/execute/self.hpp"
#include "runtime/execute/tile_run.hpp"
#include "runtime/execute/walk.hpp"

#include <oneapi/tbb/enumerable_thread_specific.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>

namespace tpc::execute {
namespace {

constexpr double deterministic_tolerance = 1e-8;
constexpr std::size_t most_lanes = 256;                         // right samples at once
constexpr std::size_t workspace_bytes = std::size_t{256} << 20; // per thread, aimed at

// The dual kernels of the cross operations and their features for all samples of both sets.
template <class Real> class Prepared {
  public:
    Prepared(const plan::Plan& plan, const State<Real>& left, const State<Real>& right, DualCache<Real>& duals) {
        features.resize(plan.cross.ops.size());
        variances_.resize(features.size(), 0);
        pairs_ = &left == &right ? left.samples * (left.samples + 1) / 2 : left.samples * right.samples;
        for (std::uint32_t k = 0; k < plan.cross.ops.size(); ++k) {
            const plan::PairOp& op = plan.cross.ops[k];
            if (op.rule != limit::Rule::dual)
                continue;
            const std::array<std::pair<const State<Real>*, std::uint32_t>, 2> sides{
                std::pair(&left, op.entry.left.family), std::pair(&right, op.entry.right.family)};
            double variance = 0;
            double mean = 0;
            for (const auto& [state, family] : sides) {
                for (const Real value : state->second[family])
                    variance =
                        std::isfinite(value) ? std::max(variance, static_cast<double>(value)) : static_cast<double>(value);
                for (const Real value : state->means[family])
                    mean = std::max(mean, std::abs(static_cast<double>(value)));
            }
            variances_[k] = variance;
            features[k].dual = &duals.find(op.left_function, op.right_function, variance, mean);
            if (features[k].dual->features() == 0)
                continue;
            features[k].left = compute(features[k].dual, 0, left, op.entry.left.family);
            features[k].right = compute(features[k].dual, 1, right, op.entry.right.family);
        }
    }
    std::vector<DualFeatures<Real>> features;

    // The dual kernels of pairs, each timed at a few laws.
    void report(const plan::Plan& plan, Ledger& ledger) const {
        const ir::Program& program = plan.recursions.network.program;
        ir::PrintNames names{&program};
        names.instead = [&](ir::ExprId e) {
            return program.exprs[e].op == ir::Op::variable ? std::optional<std::string>("z") : std::nullopt;
        };
        const plan::Counts counts = plan::count_runs(plan.cross, program.symbols.size());
        for (std::size_t k = 0; k < features.size(); ++k) {
            const plan::PairOp& op = plan.cross.ops[k];
            if (features[k].dual == nullptr)
                continue;
            const auto function = [&](const std::optional<ir::ExprId>& f) {
                return f ? ir::print(names, *f) : std::string("z");
            };
            const std::string& left = program.families[op.entry.left.family].name;
            const std::string& right = program.families[op.entry.right.family].name;
            const auto timed = seconds_of(*features[k].dual, variances_[k]);
            const auto times = static_cast<double>(counts.runs[k]);
            ledger.add({true,
                        fmt::format("E[{} . {}] of ({}, {}_), {} for each pair", function(op.left_function),
                                    function(op.right_function), left, right, counts.runs[k]),
                        "", features[k].dual->method()},
                       {2, counts.runs[k], features[k].dual->features(), timed * times * static_cast<double>(pairs_), 0,
                        "to the tolerance"});
        }
    }

  private:
    std::vector<double> variances_; // by operation: the largest
    std::size_t pairs_ = 0;

    static double seconds_of(const gaussian::Dual<Real>& dual, double largest) {
        constexpr std::size_t lanes = 16;
        const std::vector<Real> A(lanes, static_cast<Real>(0.7 * largest));
        std::vector<Real> minus(lanes), plus(lanes), low(lanes), high(lanes), slope(lanes);
        for (std::size_t i = 0; i < lanes; ++i) {
            const Real rho = static_cast<Real>(i) / lanes;
            minus[i] = 2 * A[i] * (1 - rho);
            plus[i] = 2 * A[i] * (1 + rho);
        }
        std::vector<Real> features(dual.features() * lanes);
        if (!features.empty())
            dual.prepare(0, lanes, A.data(), nullptr, features.data(), lanes);
        const gaussian::Gaussians<Real> laws{lanes, {A.data(), 1},     {A.data(), 1},   {},
                                             {},    {minus.data(), 1}, {plus.data(), 1}};
        const auto start = std::chrono::steady_clock::now();
        dual.evaluate(laws, {{features.data(), 1}, lanes}, {{features.data(), 1}, lanes},
                      {nullptr, low.data(), high.data(), slope.data()});
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        return elapsed.count() / lanes;
    }

    std::map<std::tuple<const void*, int, const void*, std::uint32_t>, std::unique_ptr<std::vector<Real>>> arrays_;

    const std::vector<Real>* compute(const gaussian::Dual<Real>* dual, int side, const State<Real>& state,
                                     std::uint32_t family) {
        auto& array = arrays_[{dual, side, &state, family}];
        if (array)
            return array.get();
        const std::size_t n = state.samples;
        const auto elements = static_cast<std::size_t>(state.plan->boxes[family].count());
        const std::size_t k = dual->features();
        array = std::make_unique<std::vector<Real>>(elements * k * n);
        oneapi::tbb::parallel_for(std::size_t{0}, elements, [&](std::size_t e) {
            std::vector<Real> variance(state.second[family].begin() + static_cast<std::ptrdiff_t>(e * n),
                                       state.second[family].begin() + static_cast<std::ptrdiff_t>((e + 1) * n));
            const Real* mean = state.means[family].empty() ? nullptr : state.means[family].data() + e * n;
            for (std::size_t s = 0; mean != nullptr && s < n; ++s)
                variance[s] = std::max(variance[s] - mean[s] * mean[s], Real(0));
            dual->prepare(side, n, variance.data(), mean, array->data() + e * k * n, n);
        });
        return array.get();
    }
};

template <class Real> struct Workspace { std::vector<Real> minus, plus, tangent, adjoint; };

template <class Real> class CrossRun {
  public:
    CrossRun(const plan::Plan& plan, const State<Real>& left, const State<Real>& right, const Options& options,
             DualCache<Real>& duals, JointCache& joints, const Prepared<Real>& prepared, const EqualSamples& equal,
             Results& results)
        : plan_(plan), left_(left), right_(right), options_(options), duals_(duals), joints_(joints), prepared_(prepared),
          equal_(equal), results_(results) {
        const std::size_t arrays = 2 + (options.ntk ? 1 : 0) + (backward() ? 1 : 0);
        const std::size_t fitting = workspace_bytes / std::max<std::size_t>(1, plan.cross.entries * arrays * sizeof(Real));
        lanes_ = std::clamp<std::size_t>(fitting, 1, std::min(most_lanes, right.samples));
    }

    void run() {
        const std::size_t blocks = (right_.samples + lanes_ - 1) / lanes_;
        // Left samples of one block together: the block's right rows stay in the cache.
        oneapi::tbb::parallel_for(std::size_t{0}, blocks * left_.samples, [&](std::size_t task) {
            const std::size_t block = task / left_.samples;
            const std::size_t i = task % left_.samples;
            std::size_t first = block * lanes_;
            const std::size_t end = std::min(right_.samples, first + lanes_);
            if (results_.symmetric())
                first = std::max(first, i);
            if (first < end)
                one(i, first, end - first);
        });
    }

  private:
    const plan::Plan& plan_;
    const State<Real>& left_;
    const State<Real>& right_;
    const Options& options_;
    DualCache<Real>& duals_;
    JointCache& joints_;
    const Prepared<Real>& prepared_;
    const EqualSamples& equal_;
    Results& results_;
    std::size_t lanes_ = 1;
    oneapi::tbb::enumerable_thread_specific<Workspace<Real>> workspaces_;

    [[nodiscard]] bool backward() const { return options_.ntk && options_.via == Via::D; }

    void one(std::size_t i, std::size_t first, std::size_t count) {
        Workspace<Real>& workspace = workspaces_.local();
        const std::size_t size = plan_.cross.entries * lanes_;
        workspace.minus.resize(size);
        workspace.plus.resize(size);
        if (options_.ntk)
            workspace.tangent.resize(size);
        const Store<Real> store{workspace.minus.data(),
                                workspace.plus.data(),
                                options_.ntk ? workspace.tangent.data() : nullptr,
                                nullptr,
                                lanes_,
                                0};
        PairMachine<Real> machine(plan_.cross, plan_.recursions, {&left_, i, 0}, {&right_, first, 1}, store, count, duals_,
                                  joints_, &prepared_.features);
        machine.set_equal_lanes(equal_(i, first, count));
        Path path;
        std::vector<Real> nngp(count);
        std::vector<Real> ntk(count);
        const auto each = [&](bool reverse, const auto& visit) {
            walk_left(plan_.cross.left, machine.slots(), path, reverse, [&](std::size_t statement) {
                walk_right(plan_.cross.right[statement], machine.slots(), nullptr, 0, reverse, [&](std::uint32_t op) {
                    if (machine.applies(plan_.cross.ops[op]))
                        visit(op);
                });
            });
        };
        std::vector<std::pair<std::uint32_t, std::vector<std::int64_t>>> outputs; // operations and instances, for D
        each(false, [&](std::uint32_t op) {
            if (!plan_.cross.ops[op].output) {
                machine.run(op, false);
                return;
            }
            machine.output(op, nngp.data(), options_.ntk ? ntk.data() : nullptr);
            if (backward())
                outputs.emplace_back(
                    op, std::vector<std::int64_t>(machine.slots(),
                                                  machine.slots() + plan_.recursions.network.program.symbols.size()));
            results_.put(plan_.cross.ops[op], machine.slots(), false, i, first, count, nngp.data());
            if (options_.ntk && !backward())
                results_.put(plan_.cross.ops[op], machine.slots(), true, i, first, count, ntk.data());
        });
        for (const auto& [op, slots] : outputs)
            adjoint(op, slots, i, first, count, workspace);
    }

    // D from one output entry back.
    void adjoint(std::uint32_t output, const std::vector<std::int64_t>& slots, std::size_t i, std::size_t first,
                 std::size_t count, Workspace<Real>& workspace) {
        workspace.adjoint.assign(plan_.cross.entries * lanes_, Real(0));
        const Store<Real> store{
            workspace.minus.data(), workspace.plus.data(), workspace.tangent.data(), workspace.adjoint.data(), lanes_, 0};
        PairMachine<Real> machine(plan_.cross, plan_.recursions, {&left_, i, 0}, {&right_, first, 1}, store, count, duals_,
                                  joints_, &prepared_.features);
        machine.set_equal_lanes(equal_(i, first, count));
        std::vector<Real> ntk(count, Real(0));
        std::copy(slots.begin(), slots.end(), machine.slots());
        machine.run_backward(output, ntk.data());
        Path path;
        walk_left(plan_.cross.left, machine.slots(), path, true, [&](std::size_t statement) {
            walk_right(plan_.cross.right[statement], machine.slots(), nullptr, 0, true, [&](std::uint32_t op) {
                if (!plan_.cross.ops[op].output && machine.applies(plan_.cross.ops[op]))
                    machine.run_backward(op, ntk.data());
            });
        });
        std::copy(slots.begin(), slots.end(), machine.slots());
        results_.put(plan_.cross.ops[output], machine.slots(), true, i, first, count, ntk.data());
    }
};

template <class Real>
std::vector<Kernel> run(const plan::Plan& plan, const SampleSet& left, const SampleSet* right, const Options& options,
                        const joint::Sampling& sampling) {
    const double tolerance = options.tolerance.value_or(deterministic_tolerance);
    DualCache<Real> left_duals(plan.left.recursions, tolerance);
    const State<Real> left_state = run_self<Real>(plan.left, left, left_duals, sampling, options.ledger);
    std::optional<DualCache<Real>> right_duals;
    std::optional<State<Real>> right_state;
    if (right != nullptr) {
        right_duals.emplace(plan.right.recursions, tolerance);
        right_state = run_self<Real>(plan.right, *right, *right_duals, sampling, options.ledger);
    }
    const State<Real>& other = right_state ? *right_state : left_state;
    DualCache<Real> duals(plan.recursions, tolerance);
    const Prepared<Real> prepared(plan, left_state, other, duals);
    const EqualSamples equal(plan, left, right != nullptr ? *right : left);
    Results results(plan, left_state.samples, other.samples, right == nullptr, options);
    if (fits_tiles<Real>(plan) && !(options.ntk && options.via == Via::D)) {
        run_tiles(tile_program(plan, left_state, other, prepared.features, options.ntk), equal, options, results);
    } else {
        JointCache joints(plan.cross, plan.left, plan.right, sampling);
        CrossRun<Real>(plan, left_state, other, options, duals, joints, prepared, equal, results).run();
        if (options.ledger != nullptr)
            joints.report(true, *options.ledger);
    }
    if (options.ledger != nullptr)
        prepared.report(plan, *options.ledger);
    results.mirror();
    return results.take();
}

} // namespace

Outcome evaluate(const plan::Plan& plan, const SampleSet& left, const SampleSet* right, const Options& options) {
    std::optional<oneapi::tbb::global_control> control;
    if (options.threads > 0)
        control.emplace(oneapi::tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(options.threads));
    const auto once = [&](const joint::Sampling& sampling) {
        return options.single ? run<float>(plan, left, right, options, sampling)
                              : run<double>(plan, left, right, options, sampling);
    };
    Outcome outcome;
    try {
        if (needs_sampling(plan))
            outcome = sampled(once, options.tolerance, options.elsewhere);
        else
            outcome.outputs = once({});
    } catch (const MethodError& error) {
        outcome.outputs.clear();
        outcome.error = error.what();
    } catch (const std::domain_error& error) { // an integral that does not converge
        outcome.outputs.clear();
        outcome.error = error.what();
    }
    return outcome;
}

} // namespace tpc::execute
