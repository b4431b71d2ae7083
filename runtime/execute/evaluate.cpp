#include "runtime/execute/evaluate.hpp"

#include "runtime/execute/replicates.hpp"
#include "runtime/execute/self.hpp"
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
constexpr double sampled_tolerance = 1e-4;
constexpr std::size_t most_lanes = 256;                         // right samples at once
constexpr std::size_t workspace_bytes = std::size_t{256} << 20; // per thread, aimed at

// The dual kernels of the cross operations and their features for all samples of both sets.
template <class Real> class Prepared {
  public:
    Prepared(const plan::Plan& plan, const State<Real>& left, const State<Real>& right, DualCache<Real>& duals) {
        features.resize(plan.cross.ops.size());
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
            features[k].dual = &duals.find(op.left_function, op.right_function, variance, mean);
            if (features[k].dual->features() == 0)
                continue;
            features[k].left = compute(features[k].dual, 0, left, op.entry.left.family);
            features[k].right = compute(features[k].dual, 1, right, op.entry.right.family);
        }
    }
    std::vector<DualFeatures<Real>> features;

  private:
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

// Where an output operation's value goes in the result.
class Places {
  public:
    Places(const plan::Plan& plan, std::size_t left_samples, std::size_t right_samples)
        : plan_(plan), left_samples_(left_samples), right_samples_(right_samples) {}

    [[nodiscard]] std::vector<std::size_t> shape(std::size_t output) const {
        std::vector<std::size_t> result{left_samples_};
        for (const std::int64_t size : plan_.left_outputs[output].size)
            result.push_back(static_cast<std::size_t>(size));
        result.push_back(right_samples_);
        for (const std::int64_t size : plan_.right_outputs[output].size)
            result.push_back(static_cast<std::size_t>(size));
        return result;
    }
    // (left sample, left element, right sample, right element)
    [[nodiscard]] std::size_t offset(std::size_t output, std::size_t i, std::size_t left_element, std::size_t j,
                                     std::size_t right_element) const {
        const auto left_count = static_cast<std::size_t>(plan_.left_outputs[output].count());
        const auto right_count = static_cast<std::size_t>(plan_.right_outputs[output].count());
        return ((i * left_count + left_element) * right_samples_ + j) * right_count + right_element;
    }

  private:
    const plan::Plan& plan_;
    std::size_t left_samples_, right_samples_;
};

template <class Real> struct Workspace { std::vector<Real> minus, plus, tangent, adjoint; };

template <class Real> class CrossRun {
  public:
    CrossRun(const plan::Plan& plan, const State<Real>& left, const State<Real>& right, const Options& options,
             DualCache<Real>& duals, JointCache& joints, const Prepared<Real>& prepared, std::vector<Kernel>& results,
             bool symmetric)
        : plan_(plan), left_(left), right_(right), options_(options), duals_(duals), joints_(joints), prepared_(prepared),
          results_(results), symmetric_(symmetric), places_(plan, left.samples, right.samples) {
        const std::size_t arrays = 2 + (options.ntk ? 1 : 0) + (backward() ? 1 : 0);
        const std::size_t fitting = workspace_bytes / std::max<std::size_t>(1, plan.cross.entries * arrays * sizeof(Real));
        lanes_ = std::clamp<std::size_t>(fitting, 1, most_lanes);
    }

    void run() {
        const std::size_t blocks = (right_.samples + lanes_ - 1) / lanes_;
        // Left samples of one block together: the block's right rows stay in the cache.
        oneapi::tbb::parallel_for(std::size_t{0}, blocks * left_.samples, [&](std::size_t task) {
            const std::size_t block = task / left_.samples;
            const std::size_t i = task % left_.samples;
            std::size_t first = block * lanes_;
            const std::size_t end = std::min(right_.samples, first + lanes_);
            if (symmetric_)
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
    std::vector<Kernel>& results_;
    bool symmetric_;
    Places places_;
    std::size_t lanes_ = 1;
    oneapi::tbb::enumerable_thread_specific<Workspace<Real>> workspaces_;

    [[nodiscard]] bool backward() const { return options_.ntk && options_.via == Via::D; }

    // Right samples of the block that hold the same numbers as left sample i.
    std::vector<std::size_t> equal_lanes(std::size_t i, std::size_t first, std::size_t count) const {
        std::vector<std::size_t> result;
        for (std::size_t lane = 0; plan_.same_sizes && lane < count; ++lane) {
            bool equal = true;
            for (std::size_t k = 0; equal && k < left_.data->inputs.size(); ++k) {
                const std::vector<double>& values = left_.data->inputs[k].values;
                const auto size = static_cast<std::ptrdiff_t>(values.size() / left_.samples);
                const auto row = values.begin() + static_cast<std::ptrdiff_t>(i) * size;
                equal = std::equal(row, row + size,
                                   right_.data->inputs[k].values.begin() + static_cast<std::ptrdiff_t>(first + lane) * size);
            }
            if (equal)
                result.push_back(lane);
        }
        return result;
    }

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
        machine.set_equal_lanes(equal_lanes(i, first, count));
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
            write(machine, op, i, first, nngp, options_.ntk && !backward() ? &ntk : nullptr);
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
        machine.set_equal_lanes(equal_lanes(i, first, count));
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
        write(machine, output, i, first, ntk, nullptr, true);
    }

    void write(PairMachine<Real>& machine, std::uint32_t index, std::size_t i, std::size_t first,
               const std::vector<Real>& values, const std::vector<Real>* tangents, bool values_are_ntk = false) {
        const plan::PairOp& op = plan_.cross.ops[index];
        const std::size_t output = op.left_statement - plan_.recursions.network.program.statements.size();
        Indices left;
        Indices right;
        for (const plan::Linear& k : op.left_target)
            left.push_back(k(machine.slots()));
        for (const plan::Linear& k : op.right_target)
            right.push_back(k(machine.slots()));
        const std::size_t a = offset_in(plan_.left_outputs[output], left);
        const std::size_t b = offset_in(plan_.right_outputs[output], right);
        const auto put = [&](std::vector<double>& kernel, const std::vector<Real>& row) {
            for (std::size_t l = 0; l < row.size() && !kernel.empty(); ++l) {
                const auto value = static_cast<double>(row[l]);
                kernel[places_.offset(output, i, a, first + l, b)] = value;
                if (symmetric_) // K(xi_j, b; xi_i, a) = K(xi_i, a; xi_j, b)
                    kernel[places_.offset(output, first + l, b, i, a)] = value;
            }
        };
        Kernel& kernel = results_[output];
        put(values_are_ntk ? kernel.ntk : kernel.nngp, values);
        if (tangents != nullptr)
            put(kernel.ntk, *tangents);
    }
};

template <class Real>
std::vector<Kernel> run(const plan::Plan& plan, const SampleSet& left, const SampleSet* right, const Options& options,
                        const joint::Sampling& sampling) {
    const double tolerance = options.tolerance.value_or(deterministic_tolerance);
    DualCache<Real> left_duals(plan.left.recursions, tolerance);
    const State<Real> left_state = run_self<Real>(plan.left, left, left_duals, sampling);
    std::optional<DualCache<Real>> right_duals;
    std::optional<State<Real>> right_state;
    if (right != nullptr) {
        right_duals.emplace(plan.right.recursions, tolerance);
        right_state = run_self<Real>(plan.right, *right, *right_duals, sampling);
    }
    const State<Real>& other = right_state ? *right_state : left_state;
    std::vector<Kernel> outputs;
    for (std::size_t o = 0; o < plan.recursions.network.outputs.size(); ++o) {
        Kernel kernel;
        kernel.shape = Places(plan, left_state.samples, other.samples).shape(o);
        std::size_t size = 1;
        for (const std::size_t s : kernel.shape)
            size *= s;
        if (options.nngp)
            kernel.nngp.assign(size, 0);
        if (options.ntk)
            kernel.ntk.assign(size, 0);
        outputs.push_back(std::move(kernel));
    }
    DualCache<Real> duals(plan.recursions, tolerance);
    JointCache joints(plan.cross, plan.left, plan.right, sampling);
    const Prepared<Real> prepared(plan, left_state, other, duals);
    CrossRun<Real>(plan, left_state, other, options, duals, joints, prepared, outputs, right == nullptr).run();
    return outputs;
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
            outcome = sampled(once, options.tolerance.value_or(sampled_tolerance));
        else
            outcome.outputs = once({});
    } catch (const MethodError& error) {
        outcome.outputs.clear();
        outcome.error = error.what();
    }
    return outcome;
}

} // namespace tpc::execute
