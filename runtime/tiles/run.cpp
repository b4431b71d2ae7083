#include "runtime/tiles/run.hpp"

#include "compiler/plan/walk.hpp"
#include "runtime/tiles/machine.hpp"
#include "runtime/tiles/nest.hpp"

#include <oneapi/tbb/enumerable_thread_specific.h>
#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>

namespace tpc::execute {
namespace {

constexpr std::size_t most_chunk = 32; // left samples of a task
constexpr std::size_t fewest_tasks = 64;

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
    TileRun(const TileProgram<Real>& program, const Window& window, const EqualSamples& equal, const Options& options,
            Results& results)
        : program_(program), part_(program.part), window_(window), equal_(equal), results_(results), meter_(options.meter),
          tangent_(options.ntk), lanes_(program.lanes) {
        find_nests(part_.left);
    }

    void run() {
        const std::size_t first_block = window_.right.first / lanes_;
        const std::size_t blocks = (window_.right.end() + lanes_ - 1) / lanes_ - first_block;
        const std::size_t chunk = std::clamp<std::size_t>(window_.left.count * blocks / fewest_tasks, 1, most_chunk);
        const std::size_t chunks = (window_.left.count + chunk - 1) / chunk;
        oneapi::tbb::parallel_for(std::size_t{0}, blocks * chunks, [&](std::size_t task) {
            const std::size_t block = task / chunks;
            const std::size_t begin = window_.left.first + task % chunks * chunk;
            const std::size_t end = std::min(window_.left.end(), begin + chunk);
            const std::size_t first = (first_block + block) * lanes_;
            for (std::size_t i = begin; i < end; ++i)
                tile(i, first, end - i - 1);
            const std::size_t column = std::max(first, window_.right.first);
            results_.mirror({begin - window_.left.first, end - begin},
                            {column - window_.right.first, std::min(window_.right.end(), first + lanes_) - column});
        });
    }

  private:
    struct Local {
        Numbers<Real> space; // of both machines, which run one after the other
        TileMachine<Real> machine;
        std::optional<TileMachine<Real>> bare;
        std::vector<Real> nngp, ntk;
        std::vector<char> asked; // by lane
    };
    const TileProgram<Real>& program_;
    const plan::Part& part_;
    const Window& window_;
    const EqualSamples& equal_;
    Results& results_;
    Meter* meter_;
    bool tangent_;
    std::size_t lanes_;
    std::map<const plan::WalkItem*, Nest> nests_; // by outermost loop
    oneapi::tbb::enumerable_thread_specific<Local> locals_{[this] {
        Numbers<Real> space(program_.rows * program_.width, Real(0));
        Real* const rows = space.data();
        Local local{std::move(space),
                    TileMachine<Real>(program_, rows, tangent_, false),
                    std::nullopt,
                    std::vector<Real>(lanes_),
                    std::vector<Real>(lanes_),
                    {}};
        if (!program_.bare.empty())
            local.bare.emplace(program_, rows, tangent_, true);
        return local;
    }};

    static std::size_t whole(std::size_t lanes) { return lanes / rows::lane_step<Real> * rows::lane_step<Real>; }

    void tile(std::size_t i, std::size_t first, std::size_t following) {
        const std::size_t end = std::min(window_.right.end(), first + lanes_);
        first = std::max(first, whole(results_.symmetric() ? i : window_.right.first));
        if (first >= end)
            return;
        const std::size_t used = end - first;
        Local& local = locals_.local();
        local.asked.assign(used, false);
        std::fill(local.asked.begin() + static_cast<std::ptrdiff_t>(wanted(i, first) - first), local.asked.end(), true);
        if (!local.bare) {
            pass(local, local.machine, i, first, 0, used, following);
        } else {
            pass(local, *local.bare, i, first, 0, used, following);
            again(local, i, first, used);
        }
        if (meter_ != nullptr)
            meter_->pairs += end - wanted(i, first);
    }

    // With gaps, what has lost digits without: each pair alone decides which of its two results it has.
    void again(Local& local, std::size_t i, std::size_t first, std::size_t used) {
        constexpr std::size_t step = rows::lane_step<Real>;
        std::size_t begin = used; // of the steps that are to be computed again
        for (std::size_t lane = 0; lane < used; lane += step) {
            const std::size_t end = std::min(lane + step, used);
            bool any = false;
            for (std::size_t k = lane; k < end; ++k) {
                const bool close = (local.asked[k] != 0) & local.bare->close(k);
                local.asked[k] = close;
                any |= close;
            }
            begin = any ? std::min(begin, lane) : begin;
            if (begin < used && (!any || end == used)) {
                pass(local, local.machine, i, first, begin, any ? end : lane, 0);
                begin = used;
            }
        }
    }

    // Lanes from `begin` to `end` of the tile at `first`; those that are asked for are results.
    void pass(Local& local, TileMachine<Real>& machine, std::size_t i, std::size_t first, std::size_t begin, std::size_t end,
              std::size_t following) {
        const std::size_t at = first + begin, used = end - begin;
        const std::size_t lanes = (used + rows::lane_step<Real> - 1) / rows::lane_step<Real> * rows::lane_step<Real>;
        const bool bare = local.bare && &machine == &*local.bare;
        machine.load(i, at, lanes, used, equal_(window_.left_origin + i, window_.right_origin + at, used), following);
        const auto hopeless = [&] { // nothing will be left of it
            for (std::size_t lane = begin; lane < end; ++lane)
                if (local.asked[lane] && !machine.close(lane - begin))
                    return false;
            return true;
        };
        const auto visit = [&](std::uint32_t op, const Run& run, const Run& outer = {}) {
            if (bare && hopeless())
                return;
            if (!part_.ops[op].output) {
                machine.run(op, run, outer);
                return;
            }
            for (std::int64_t k = run.lower; k <= run.upper; ++k) {
                if (run.slot != no_slot)
                    machine.slots()[run.slot] = k;
                output(local, machine, op, i, at, begin, used);
            }
        };
        walk(part_.left, machine, visit);
    }

    // The first lane from `first` on that is asked for: those before i belong to pairs that are written from the other side.
    [[nodiscard]] std::size_t wanted(std::size_t i, std::size_t first) const {
        return std::max({first, window_.right.first, results_.symmetric() ? i : 0});
    }

    // The left walk: loops whose operations follow their index as rows, others iteration by iteration.
    template <class Visit>
    void walk(const std::vector<plan::WalkItem>& items, TileMachine<Real>& machine, const Visit& visit) const {
        std::int64_t* slots = machine.slots();
        for (const plan::WalkItem& item : items) {
            if (!item.loop) {
                walk_rows(part_.right[item.statement], slots, visit);
                continue;
            }
            const std::int64_t lower = item.range.first(slots);
            const std::int64_t upper = item.range.last(slots);
            if (const auto found = nests_.find(&item); found != nests_.end() && lower <= upper) {
                for (const Follower& follower : found->second.followers)
                    run_along(follower, found->second, slots, visit);
                continue;
            }
            for (std::int64_t k = lower; k <= upper; ++k) {
                slots[item.range.slot] = k;
                for (const std::uint32_t array : item.fresh)
                    machine.clear(array);
                walk(item.children, machine, visit);
            }
        }
    }

    template <class Visit>
    static void run_along(const Follower& follower, const Nest& nest, std::int64_t* slots, const Visit& visit) {
        llvm::SmallVector<Run, 2> runs;
        for (const plan::LoopRange* range : nest.loops) {
            runs.push_back({range->slot, range->first(slots), range->last(slots)});
            slots[range->slot] = runs.back().lower;
        }
        for (std::size_t k = 0; k < follower.loops.size(); ++k) {
            const auto& [range, value] = follower.loops[k];
            const std::int64_t least = range->first(slots);
            const std::int64_t most = range->last(slots);
            if (value == nullptr) {
                slots[range->slot] = least;
                runs.push_back({range->slot, least, most});
                continue;
            }
            const std::int64_t index = (*value)(slots);
            slots[range->slot] = index;
            const auto moving = std::find(follower.moving.begin(), follower.moving.end(), k);
            if (moving != follower.moving.end()) { // where the right index is within its own loop
                Run& run = runs[static_cast<std::size_t>(moving - follower.moving.begin())];
                run.also = range->slot;
                run.also_first = index;
                run =
                    run.piece(std::max(run.lower, run.lower + least - index), std::min(run.upper, run.lower + most - index));
            } else if (index < least || index > most) {
                return;
            }
        }
        if (std::all_of(runs.begin(), runs.end(), [](const Run& run) { return run.lower <= run.upper; }))
            visit(follower.op, runs.back(), runs.size() == 2 ? runs.front() : Run{});
    }

    void find_nests(const std::vector<plan::WalkItem>& items) {
        for (const plan::WalkItem& item : items) {
            if (!item.loop)
                continue;
            if (auto nest = nest_of(part_, item))
                nests_.emplace(&item, std::move(*nest));
            else
                find_nests(item.children);
        }
    }

    void output(Local& local, TileMachine<Real>& machine, std::uint32_t index, std::size_t i, std::size_t at,
                std::size_t begin, std::size_t used) {
        const plan::PairOp& op = part_.ops[index];
        const std::int64_t* slots = machine.slots();
        for (const plan::Guard& guard : op.guards)
            if (!guard.holds(slots))
                return;
        machine.output(index, local.nngp.data(), tangent_ ? local.ntk.data() : nullptr);
        const std::size_t row = i - window_.left.first;
        const auto next = [&](char asked, std::size_t from) { // the next lane that is asked for, or that is not
            const void* const found = std::memchr(local.asked.data() + begin + from, asked, used - from);
            return found == nullptr ? used
                                    : static_cast<std::size_t>(static_cast<const char*>(found) - local.asked.data()) - begin;
        };
        for (std::size_t lane = next(1, 0), end = 0; lane < used; lane = next(1, end)) { // run by run
            end = next(0, lane);
            const std::size_t column = at + lane - window_.right.first;
            results_.put(op, slots, false, row, column, end - lane, local.nngp.data() + lane);
            if (tangent_)
                results_.put(op, slots, true, row, column, end - lane, local.ntk.data() + lane);
        }
    }
};

} // namespace

template <class Real>
void run_tiles(const TileProgram<Real>& program, const Window& window, const EqualSamples& equal, const Options& options,
               Results& results) {
    TileRun<Real>(program, window, equal, options, results).run();
}

template void run_tiles(const TileProgram<double>&, const Window&, const EqualSamples&, const Options&, Results&);
template void run_tiles(const TileProgram<float>&, const Window&, const EqualSamples&, const Options&, Results&);

} // namespace tpc::execute
