#include "runtime/execute/tile_run.hpp"

#include "runtime/execute/tile_machine.hpp"
#include "runtime/execute/walk.hpp"

#include <oneapi/tbb/enumerable_thread_specific.h>
#include <oneapi/tbb/parallel_for.h>

#include <algorithm>

namespace tpc::execute {
namespace {

constexpr std::size_t cache_bytes = std::size_t{1} << 20; // of the workspace, aimed at: the second-level cache
constexpr std::size_t most_lanes = 512;
constexpr std::size_t chunk = 32; // left samples of a task

// The right walk of one left instance. Innermost loops run as rows where no operation of theirs reads what another writes
// within the row.
template <class Visit> void walk_rows(const std::vector<plan::WalkItem>& items, std::int64_t* slots, const Visit& visit) {
    for (const plan::WalkItem& item : items) {
        if (!item.loop) {
            for (const std::uint32_t op : item.ops)
                visit(op, Run{});
            continue;
        }
        const auto [lower, upper] = right_bounds(item, slots);
        if (lower > upper)
            continue;
        if (item.fissile && lower < upper) {
            for (const plan::WalkItem& child : item.children)
                for (const std::uint32_t op : child.ops)
                    visit(op, Run{item.range.slot, lower, upper});
            continue;
        }
        for (std::int64_t i = lower; i <= upper; ++i) {
            slots[item.range.slot] = i;
            walk_rows(item.children, slots, visit);
        }
    }
}

template <class Real> class TileRun {
  public:
    TileRun(const TileProgram<Real>& program, const EqualSamples& equal, const Options& options, Results& results)
        : program_(program), part_(program.plan->cross), equal_(equal), results_(results), tangent_(options.ntk),
          left_samples_(program.left.state->samples), right_samples_(program.right.state->samples) {
        const std::size_t fitting = cache_bytes / std::max<std::size_t>(1, (program.rows + program.cached) * sizeof(Real));
        const std::size_t all = (right_samples_ + rows::lane_step - 1) / rows::lane_step * rows::lane_step;
        lanes_ = std::clamp(fitting / rows::lane_step * rows::lane_step, rows::lane_step, std::min(most_lanes, all));
    }

    void run() {
        const std::size_t blocks = (right_samples_ + lanes_ - 1) / lanes_;
        const std::size_t chunks = (left_samples_ + chunk - 1) / chunk;
        oneapi::tbb::parallel_for(std::size_t{0}, blocks * chunks, [&](std::size_t task) {
            const std::size_t block = task / chunks;
            const std::size_t begin = task % chunks * chunk;
            for (std::size_t i = begin; i < std::min(left_samples_, begin + chunk); ++i)
                tile(i, block * lanes_);
        });
    }

  private:
    struct Local {
        TileMachine<Real> machine;
        std::vector<Real> nngp, ntk;
    };
    const TileProgram<Real>& program_;
    const plan::Part& part_;
    const EqualSamples& equal_;
    Results& results_;
    bool tangent_;
    std::size_t left_samples_, right_samples_;
    std::size_t lanes_ = rows::lane_step;
    oneapi::tbb::enumerable_thread_specific<Local> locals_{[this] {
        return Local{TileMachine<Real>(program_, lanes_, tangent_), std::vector<Real>(lanes_), std::vector<Real>(lanes_)};
    }};

    void tile(std::size_t i, std::size_t first) {
        const std::size_t end = std::min(right_samples_, first + lanes_);
        if (results_.symmetric())
            first = std::max(first, i / rows::lane_step * rows::lane_step);
        if (first >= end)
            return;
        const std::size_t used = end - first;
        const std::size_t lanes = (used + rows::lane_step - 1) / rows::lane_step * rows::lane_step;
        Local& local = locals_.local();
        TileMachine<Real>& machine = local.machine;
        machine.load(i, first, lanes, used, equal_(i, first, used));
        Path path;
        walk_left(part_.left, machine.slots(), path, false, [&](std::size_t statement) {
            walk_rows(part_.right[statement], machine.slots(), [&](std::uint32_t op, const Run& run) {
                if (!part_.ops[op].output) {
                    machine.run(op, run);
                    return;
                }
                for (std::int64_t k = run.lower; k <= run.upper; ++k) {
                    if (run.slot != no_slot)
                        machine.slots()[run.slot] = k;
                    output(local, op, i, first, used);
                }
            });
        });
    }

    void output(Local& local, std::uint32_t index, std::size_t i, std::size_t first, std::size_t used) {
        const plan::PairOp& op = part_.ops[index];
        const std::int64_t* slots = local.machine.slots();
        for (const plan::Guard& guard : op.guards)
            if (!guard.holds(slots))
                return;
        local.machine.output(index, local.nngp.data(), tangent_ ? local.ntk.data() : nullptr);
        // Lanes before i belong to pairs that are written from the other side.
        const std::size_t skip = results_.symmetric() && i > first ? i - first : 0;
        results_.put(op, slots, false, i, first + skip, used - skip, local.nngp.data() + skip);
        if (tangent_)
            results_.put(op, slots, true, i, first + skip, used - skip, local.ntk.data() + skip);
    }
};

} // namespace

template <class Real>
void run_tiles(const TileProgram<Real>& program, const EqualSamples& equal, const Options& options, Results& results) {
    TileRun<Real>(program, equal, options, results).run();
}

template void run_tiles(const TileProgram<double>&, const EqualSamples&, const Options&, Results&);
template void run_tiles(const TileProgram<float>&, const EqualSamples&, const Options&, Results&);

} // namespace tpc::execute
