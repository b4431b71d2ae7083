// Computes a kernel into its file.
#pragma once

#include "cli/kernel_file.hpp"

namespace tpc::cli {

struct KernelTask {
    const network::Network& network;
    const Dataset& left;
    const Dataset* right; // null: the kernel of `left` with itself
    Request request;
    execute::Span rows, columns; // of the samples
    std::string out;
    std::size_t memory = 0; // bytes; 0: a gigabyte, or what the network needs
    bool restart = false;
};

// Large kernels, or slow ones, go to `out`.part block by block, and the same task goes on from there after an interruption.
// Throws Failure.
struct KernelSummary {
    std::vector<io::Member> errors; // scalars
    std::vector<KernelLayout::Member> members;
    bool has_gaps = false;
};
KernelSummary run(Session& session, const KernelTask& task);

} // namespace tpc::cli
