// Kernels of sample sets, from those between groups of samples of equal sizes, block by block.
#pragma once

#include "cli/cells.hpp"
#include "cli/data.hpp"
#include "cli/session.hpp"
#include "compiler/network/network.hpp"
#include "runtime/execute/evaluate.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace tpc::cli {

struct Request {
    bool nngp = true;
    bool ntk = true;
    execute::Via via = execute::Via::T;
};
execute::Options execute_options(const Session& session, const Request& request);

// How a command ends that meets it.
Failure failure(const execute::Error& error);

// The kernels of a cell, by output, finite; with errors relative to the largest entry of all cells so far.
struct Block {
    Cell cell;
    std::vector<execute::Kernel> outputs;
};

// Computes cells of the kernel of two sets, or of one with itself (`right` null). All are kept by reference. Throws Failure.
class Kernels {
  public:
    struct Limits {
        std::size_t memory = std::numeric_limits<std::size_t>::max(); // bytes, for what is kept of all samples
        std::size_t least_panel = 1;
        std::function<void(std::size_t)> require; // throws where so many bytes more are too many
    };
    Kernels(Session& session, const network::Network& network, const Dataset& left, const Dataset* right,
            const Request& request, const Limits& limits);

    Block compute(const Cell& cell);
    // For the cells of two groups: compiled, and what is kept of their samples computed.
    execute::Evaluation& prepare(std::size_t left_group, std::size_t right_group);

    execute::Meter meter;
    std::vector<execute::Options::Largest> largest; // entries so far, by output

  private:
    Session& session_;
    const network::Network& network_;
    const Dataset& left_;
    const Dataset* right_;
    const Request request_;
    const Limits limits_;
    std::pair<std::size_t, std::size_t> groups_; // of these:
    std::optional<plan::Plan> plan_;
    std::optional<execute::Evaluation> evaluation_;

    void require_finite(const Cell& cell, std::size_t output, const execute::Entries& values, const char* kernel) const;
};

// How many pairs of samples: of all cells, of those that had been done before, and of the one that runs. Read by the thread
// that shows progress.
struct Work {
    std::atomic<std::size_t> pairs = 0, before = 0, cell = 0;
};
std::string show_work(const execute::Meter& meter, const Work& work, std::size_t samples, double seconds);

// Visits the blocks of groups, whole, of the kernel of two sets, or of one with itself (`right` null): then those with
// left <= right only, the others are their transposes. Throws Failure.
void for_each_block(Session& session, const network::Network& network, const Dataset& left, const Dataset* right,
                    const Request& request, const std::function<void(Block)>& visit);

// The kernels whole, samples in their order. The indices of families of outputs fill the box that the largest samples need;
// entries of members that a sample does not have are NaN. All others are finite. Throws Failure.
std::vector<execute::Kernel> kernels(Session& session, const network::Network& network, const Dataset& left,
                                     const Dataset* right, const Request& request);

// All groups of one or two sets.
std::vector<const Samples*> groups_of(const Dataset& left, const Dataset* right = nullptr);

} // namespace tpc::cli
