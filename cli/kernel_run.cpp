#include "cli/kernel_run.hpp"

#include "cli/demand.hpp"
#include "cli/progress.hpp"
#include "cli/unfinished.hpp"

#include <oneapi/tbb/info.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace tpc::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t least_step = 16, most_step = 4096; // samples of a block
constexpr double seconds_of_block = 5;                   // aimed at
// What a killed run loses, beside the block that it was at: seconds, or so many times what it takes to bring the blocks onto
// the disk.
constexpr double least_between_notes = 0.2, times_between_notes = 10;
constexpr std::size_t usual_memory = 1'000'000'000;
constexpr std::size_t least_rest = 64'000'000; // for blocks, where the user sets no limit

double since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

std::size_t threads_of(const Session& session) {
    return session.options.threads > 0 ? static_cast<std::size_t>(session.options.threads)
                                       : static_cast<std::size_t>(oneapi::tbb::info::default_concurrency());
}

bool ends_in_npy(const std::string& path) {
    return path.ends_with(".npy");
}

// Bytes of memory: what the run may take in all, and what is left beside what it takes already.
struct Budget {
    bool fixed = false; // by the user
    std::size_t most = 0;

    static Budget of(std::size_t wanted) {
        const std::size_t possible = resident_memory() + available_memory();
        return {wanted > 0, wanted > 0 ? wanted : std::min(usual_memory, possible)};
    }
    [[nodiscard]] std::size_t rest() const {
        const std::size_t taken = resident_memory();
        return most > taken ? most - taken : 0;
    }
    void require(std::size_t bytes) const {
        const std::size_t taken = resident_memory();
        if (fixed && taken + bytes > most)
            throw Failure{data_error, fmt::format("this needs about {} of memory, and --memory allows {}",
                                                  io::show_bytes(taken + bytes), io::show_bytes(most))};
        if (const std::size_t available = available_memory(); bytes > available)
            throw Failure{data_error, fmt::format("this needs about {} of memory, and the machine has {} left",
                                                  io::show_bytes(taken + bytes), io::show_bytes(taken + available))};
    }
};

// How long a pair of samples takes on one thread.
double seconds_of_pair(execute::Evaluation& evaluation, const Cell& cell) {
    const std::size_t first = cell.same() ? cell.left.first + 1 : cell.right.first;
    double seconds = 0;
    for (const std::size_t lanes : {std::size_t{16}, std::size_t{512}}) {
        if (first >= cell.right.end())
            return 0;
        const std::size_t panel = evaluation.panel();
        const std::size_t count = std::min({lanes, cell.right.end() - first, panel - first % panel});
        const auto start = Clock::now();
        (void)evaluation.block({cell.left.first, 1}, {first, count}); // errors come again
        seconds = since(start) / static_cast<double>(count);
        if (since(start) > 2e-3)
            break;
    }
    return seconds;
}

class KernelRun {
  public:
    KernelRun(Session& session, const KernelTask& task)
        : session_(session), task_(task), wanted_(wanted_of(task.left, task.right, task.rows, task.columns)),
          budget_(Budget::of(task.memory)),
          layout_(task.network, sides_of(task.network, task.left, task.rows),
                  sides_of(task.network, task.right != nullptr ? *task.right : task.left, task.columns),
                  task.right == nullptr, task.request, ends_in_npy(task.out) ? io::Container::npy : io::Container::npz,
                  session.options.dtype == "f32" ? io::Precision::f32 : io::Precision::f64) {
        if (ends_in_npy(task.out) && layout_.members.size() != 1)
            throw Failure{usage_error,
                          fmt::format("{}: an .npy holds one array, and this writes {}; --get chooses, or an .npz "
                                      "holds them all",
                                      task.out, layout_.members.size())};
    }

    KernelSummary operator()() {
        const Identity identity = identify(session_, task_.left, task_.right, request());
        std::optional<Unfinished> unfinished = Unfinished::find(task_.out, identity, task_.restart);
        const std::size_t least = unfinished ? unfinished->grid().step : 1;
        Kernels kernels(session_, task_.network, task_.left, task_.right, task_.request,
                        {budget_.rest() / 2, least, [&](std::size_t bytes) { budget_.require(bytes); }});
        const Progress progress(session_, [&](double seconds) {
            return show_work(kernels.meter, work_, task_.left.samples + (task_.right != nullptr ? task_.right->samples : 0),
                             seconds);
        });
        const Grid grid = choose(kernels, unfinished ? std::optional(unfinished->grid()) : std::nullopt);
        cells_ = cells_of(wanted_, grid);
        if (!unfinished && cells_.size() > 1)
            unfinished.emplace(task_.out, identity, grid);
        if (unfinished)
            pieces(kernels, *unfinished);
        else
            at_once(kernels);
        return {errors_, layout_.members, layout_.has_gaps()};
    }

  private:
    Session& session_;
    const KernelTask& task_;
    const Wanted wanted_;
    const Budget budget_;
    KernelLayout layout_;
    std::vector<Cell> cells_;
    Work work_;
    double seconds_of_pair_ = 0;
    std::vector<io::Member> errors_;

    [[nodiscard]] std::vector<std::string> request() const {
        std::vector<std::string> words{task_.request.via == execute::Via::D ? "D" : "T"};
        for (const execute::Span& span : {task_.rows, task_.columns})
            words.push_back(fmt::format("{}:{}", span.first, span.end()));
        for (const KernelLayout::Member& member : layout_.members)
            words.push_back(member.name + io::show_shape(member.shape));
        words.push_back(ends_in_npy(task_.out) ? "npy" : "npz");
        return words;
    }

    // Blocks that take a few seconds, and of which two fit the memory.
    Grid choose(Kernels& kernels, const std::optional<Grid>& given) {
        const std::vector<Cell> whole = cells_of(wanted_, whole_groups());
        const Cell& first = whole.front();
        for (const Cell& cell : whole)
            work_.pairs += pairs_of(wanted_, cell);
        const std::size_t pair = layout_.numbers_of_pair() * sizeof(double);
        execute::Evaluation& evaluation = kernels.prepare(first.left_group, first.right_group);
        if (evaluation.sampled()) { // mean, spread, bias and sum, and the block of a replicate
            std::size_t most = 0;
            for (const Cell& cell : whole)
                most = std::max(most, cell.left.count * cell.right.count);
            budget_.require(5 * pair * most);
            return whole_groups();
        }
        budget_.require(2 * pair * std::min(least_step * least_step, work_.pairs.load()));
        seconds_of_pair_ = seconds_of_pair(evaluation, first) / static_cast<double>(threads_of(session_));
        kernels.meter.pairs = 0;
        if (given)
            return *given;
        const std::size_t rest = std::max(budget_.rest(), budget_.fixed ? 0 : least_rest);
        const auto side = [](double pairs) {
            return std::bit_floor(static_cast<std::size_t>(std::sqrt(std::min(pairs, 1e12))));
        };
        const std::size_t fitting = side(static_cast<double>(rest) / 2 / static_cast<double>(2 * pair));
        const std::size_t timely = side(seconds_of_block / std::max(seconds_of_pair_, 1e-12));
        const std::size_t step =
            std::clamp(std::min({fitting, timely, evaluation.panel()}), std::min(least_step, evaluation.panel()), most_step);
        budget_.require(2 * pair * std::min(step * step, work_.pairs.load()));
        return {step, std::max(step, evaluation.panel())};
    }

    std::vector<std::pair<std::string, double>> errors_of(const std::vector<execute::Options::Largest>& errors) {
        std::vector<std::pair<std::string, double>> found;
        for (const KernelLayout::Member& member : layout_.members) {
            const double error = member.ntk ? errors[member.output].ntk : errors[member.output].nngp;
            if (error <= 0)
                continue;
            const std::string kernel = member.ntk ? "ntk" : "nngp";
            found.emplace_back(kernel + "_error" + member.name.substr(kernel.size()), error);
            errors_.push_back({found.back().first, {{}, {error}}});
        }
        if (ends_in_npy(task_.out)) // holds one array
            found.clear();
        return found;
    }

    static void gather(Reached& reached, const Block& block, const Kernels& kernels) {
        ++reached.cells;
        reached.largest = kernels.largest;
        reached.errors.resize(block.outputs.size());
        for (std::size_t o = 0; o < block.outputs.size(); ++o) {
            // relative to the largest entry so far: those of all blocks are at most as large
            reached.errors[o].nngp = std::max(reached.errors[o].nngp, block.outputs[o].nngp_error);
            reached.errors[o].ntk = std::max(reached.errors[o].ntk, block.outputs[o].ntk_error);
        }
    }

    io::OutputFile open(io::Result<io::OutputFile> file) const {
        if (!file)
            throw Failure{data_error, file.error().text};
        return *std::move(file);
    }

    void at_once(Kernels& kernels) {
        KernelFile file(open(io::OutputFile::create(task_.out)), layout_);
        if (const auto room = file.file().reserve(layout_.bytes()); !room)
            throw Failure{data_error, room.error().text};
        if (layout_.has_gaps())
            file.fill_gaps();
        Reached reached;
        for (const Cell& cell : cells_) {
            work_.cell = pairs_of(wanted_, cell);
            Block block = kernels.compute(cell);
            gather(reached, block, kernels);
            file.put(std::move(block), nullptr);
        }
        file.finish(errors_of(reached.errors));
    }

    void pieces(Kernels& kernels, Unfinished& unfinished) {
        KernelFile file(open(io::OutputFile::resume(task_.out)), layout_);
        try {
            unfinished.open(); // first: bytes without a journal would be nobody's
            if (const auto room = file.file().reserve(layout_.bytes()); !room)
                throw Failure{data_error, room.error().text};
            state_demand(unfinished);
            if (layout_.has_gaps() && unfinished.reached.cells == 0)
                file.fill_gaps();
            compute(kernels, unfinished, file);
        } catch (const Failure& failure) {
            if (failure.code == data_error && unfinished.reached.cells > 0)
                throw Failure{data_error,
                              fmt::format("{}; the {} of {} blocks that are done are kept in {}: the same command "
                                          "goes on from there",
                                          failure.text, unfinished.reached.cells, cells_.size(), io::part_of(task_.out))};
            file.file().discard();
            unfinished.remove();
            throw;
        }
        unfinished.remove();
    }

    void compute(Kernels& kernels, Unfinished& unfinished, KernelFile& file) {
        Reached reached = unfinished.reached, written = reached;
        if (!reached.largest.empty())
            kernels.largest = reached.largest;
        auto noted = Clock::now();
        double pause = 0; // the first block is noted at once
        try {
            for (std::size_t k = reached.cells; k < cells_.size(); ++k) {
                work_.cell = pairs_of(wanted_, cells_[k]);
                Block block = kernels.compute(cells_[k]);
                gather(reached, block, kernels);
                file.put(std::move(block), [&, now = reached] {
                    written = now;
                    if (since(noted) < pause)
                        return;
                    const auto start = Clock::now();
                    note(unfinished, file, written);
                    noted = Clock::now();
                    pause = std::max(least_between_notes, times_between_notes * since(start));
                });
            }
            file.finish(errors_of(reached.errors));
        } catch (...) {
            try {
                file.wait();
            } catch (const Failure&) { // that is what is on its way
            }
            try {
                if (written.cells > unfinished.reached.cells)
                    note(unfinished, file, written);
            } catch (const Failure&) { // a full disk: what was noted before counts
            }
            throw;
        }
    }

    static void note(Unfinished& unfinished, KernelFile& file, const Reached& reached) {
        if (const auto synced = file.file().sync(); !synced)
            throw Failure{data_error, synced.error().text};
        unfinished.note(reached);
    }

    void state_demand(const Unfinished& unfinished) {
        std::size_t pairs = 0, before = 0;
        for (std::size_t k = 0; k < cells_.size(); ++k) {
            pairs += pairs_of(wanted_, cells_[k]);
            before += k < unfinished.reached.cells ? pairs_of(wanted_, cells_[k]) : 0;
        }
        work_.pairs = pairs;
        work_.before = before;
        std::size_t largest = 0;
        for (const Cell& cell : cells_)
            largest = std::max(largest, cell.left.count * cell.right.count);
        const std::size_t memory = resident_memory() + 2 * largest * layout_.numbers_of_pair() * sizeof(double);
        const double seconds = static_cast<double>(work_.pairs - work_.before) * seconds_of_pair_;
        session_.inform(fmt::format("{} x {} samples in {} blocks: {} to write, about {} of memory{}\n", task_.rows.count,
                                    task_.columns.count, cells_.size(), io::show_bytes(layout_.bytes()),
                                    io::show_bytes(memory),
                                    seconds_of_pair_ > 0 ? ", about " + show_duration(seconds) : ""));
        if (unfinished.reached.cells > 0)
            session_.inform(fmt::format("going on with {}: {} of the blocks are done\n", io::part_of(task_.out),
                                        unfinished.reached.cells));
        std::fflush(stdout);
        session_.result["demand"] = {{"blocks", cells_.size()},
                                     {"done", unfinished.reached.cells},
                                     {"file_bytes", layout_.bytes()},
                                     {"memory_bytes", memory}};
    }
};

} // namespace

KernelSummary run(Session& session, const KernelTask& task) {
    return KernelRun(session, task)();
}

} // namespace tpc::cli
