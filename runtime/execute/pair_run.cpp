#include "runtime/execute/pair_run.hpp"

#include "compiler/plan/walk.hpp"
#include "runtime/expectations/joint_loops.hpp"

#include <oneapi/tbb/enumerable_thread_specific.h>
#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <limits>

namespace tpc::execute {
namespace {

constexpr std::size_t most_lanes = 256;                         // right samples at once
constexpr std::size_t workspace_bytes = std::size_t{256} << 20; // per thread, aimed at

template <class Real> struct Workspace { std::vector<Real> minus, plus, tangent, adjoint; };

template <class Real> class PairRun {
  public:
    PairRun(const PairProgram<Real>& program, const Window& window, const EqualSamples& equal, const Options& options,
            Results& results)
        : plan_(program.plan), left_(program.left), right_(program.right), window_(window), options_(options),
          duals_(program.duals), joints_(program.joints), prepared_(program.prepared), equal_(equal), results_(results) {
        const std::size_t arrays = 2 + (options.ntk ? 1 : 0) + (backward() ? 1 : 0);
        const std::size_t fitting = workspace_bytes / std::max<std::size_t>(1, plan_.cross.entries * arrays * sizeof(Real));
        // Rows of expectations over several Gaussians are of one pair: those of its law share their points.
        const std::size_t most = has_joint(plan_.cross) ? 1 : most_lanes;
        lanes_ = std::clamp<std::size_t>(fitting, 1, std::min(most, window.right.count));
        if (const auto* sampled = joints_.sampling.sampled)
            sampled_before_ = *sampled;
        joint_loops_ = joint_loops(plan_.cross, plan_.recursions.network);
    }

    void run() {
        const std::size_t blocks = (window_.right.count + lanes_ - 1) / lanes_;
        // Left samples of one block together: the block's right rows stay in the cache.
        oneapi::tbb::parallel_for(std::size_t{0}, blocks * window_.left.count, [&](std::size_t task) {
            const std::size_t block = task / window_.left.count;
            const std::size_t i = window_.left.first + task % window_.left.count;
            std::size_t first = window_.right.first + block * lanes_;
            const std::size_t end = std::min(window_.right.end(), first + lanes_);
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
    const Window& window_;
    const Options& options_;
    DualCache<Real>& duals_;
    JointCache& joints_;
    const Prepared<Real>& prepared_;
    const EqualSamples& equal_;
    Results& results_;
    std::size_t lanes_ = 1;
    oneapi::tbb::enumerable_thread_specific<Workspace<Real>> workspaces_;

    std::vector<JointLoop> joint_loops_; // by operation
    bool sampled_before_ = false;        // moments of single samples

    [[nodiscard]] bool backward() const { return options_.ntk && options_.via == Via::D; }

    [[nodiscard]] std::vector<std::size_t> equal_lanes(std::size_t i, std::size_t first, std::size_t count) const {
        return equal_(window_.left_origin + i, window_.right_origin + first, count);
    }

    void put(const plan::PairOp& op, const std::int64_t* slots, bool ntk, std::size_t i, std::size_t first,
             std::size_t count, const Real* values) {
        results_.put(op, slots, ntk, i - window_.left.first, first - window_.right.first, count, values);
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
        machine.set_sampled(sampled_before_);
        machine.set_uses(joints_.uses);
        plan::Path path;
        std::vector<Real> nngp(count);
        std::vector<Real> ntk(count);
        std::vector<std::pair<std::uint32_t, std::vector<std::int64_t>>> outputs; // operations and instances, for D
        const auto visit = [&](std::uint32_t op) {
            if (!machine.applies(plan_.cross.ops[op]))
                return;
            if (machine.use(plan_.cross.ops[op]) == ReadFor::none) {
                // If something came from it after all, that would not be a number.
                std::fill_n(store.minus + store.at(machine.target(plan_.cross.ops[op])), count,
                            std::numeric_limits<Real>::quiet_NaN());
                return;
            }
            if (!plan_.cross.ops[op].output) {
                machine.set_loop(op, joint_loops_[op].innermost(), std::nullopt);
                machine.run(op, false);
                return;
            }
            machine.output(op, nngp.data(), options_.ntk ? ntk.data() : nullptr);
            if (backward())
                outputs.emplace_back(
                    op, std::vector<std::int64_t>(machine.slots(),
                                                  machine.slots() + plan_.recursions.network.program.symbols.size()));
            put(plan_.cross.ops[op], machine.slots(), false, i, first, count, nngp.data());
            if (options_.ntk && !backward())
                put(plan_.cross.ops[op], machine.slots(), true, i, first, count, ntk.data());
        };
        walk_left(plan_.cross.left, machine.slots(), path, false, [&](std::size_t statement) {
            walk_right(plan_.cross.right[statement], machine.slots(), nullptr, 0, false, visit);
        });
        for (const auto& [op, slots] : outputs)
            adjoint(op, slots, i, first, count, workspace);
        if (options_.meter != nullptr)
            options_.meter->pairs += count;
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
        plan::Path path;
        walk_left(plan_.cross.left, machine.slots(), path, true, [&](std::size_t statement) {
            walk_right(plan_.cross.right[statement], machine.slots(), nullptr, 0, true, [&](std::uint32_t op) {
                if (!plan_.cross.ops[op].output && machine.applies(plan_.cross.ops[op]))
                    machine.run_backward(op, ntk.data());
            });
        });
        std::copy(slots.begin(), slots.end(), machine.slots());
        put(plan_.cross.ops[output], machine.slots(), true, i, first, count, ntk.data());
    }
};

} // namespace

template <class Real>
void run_pairs(const PairProgram<Real>& program, const Window& window, const EqualSamples& equal, const Options& options,
               Results& results) {
    PairRun<Real>(program, window, equal, options, results).run();
}

template void run_pairs(const PairProgram<double>&, const Window&, const EqualSamples&, const Options&, Results&);
template void run_pairs(const PairProgram<float>&, const Window&, const EqualSamples&, const Options&, Results&);

} // namespace tpc::execute
