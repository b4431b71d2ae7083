// Kernels of sample sets, from those between groups of samples of equal sizes.
#pragma once

#include "cli/data.hpp"
#include "cli/session.hpp"
#include "compiler/limit/network.hpp"
#include "runtime/execute/evaluate.hpp"

#include <functional>
#include <vector>

namespace tpc::cli {

struct Request {
    bool nngp = true;
    bool ntk = true;
    execute::Via via = execute::Via::T;
};
execute::Options execute_options(const Session& session, const Request& request);

// The kernels between a left and a right group, by output, finite; with errors relative to the largest entry of all blocks
// so far.
struct Block {
    std::size_t left = 0, right = 0; // groups
    std::vector<execute::Kernel> outputs;
};

// Visits the blocks of the kernel of two sets, or of one with itself (`right` null): then those with left <= right only, the
// others are their transposes. Throws Failure.
void for_each_block(Session& session, const limit::Network& network, const Dataset& left, const Dataset* right,
                    const Request& request, const std::function<void(Block)>& visit);

// The kernels whole, samples in their order. The indices of families of outputs fill the box that the largest samples need;
// entries of members that a sample does not have are NaN. All others are finite. Throws Failure.
std::vector<execute::Kernel> kernels(Session& session, const limit::Network& network, const Dataset& left,
                                     const Dataset* right, const Request& request);

// All groups of one or two sets.
std::vector<const Samples*> groups_of(const Dataset& left, const Dataset* right = nullptr);

} // namespace tpc::cli
