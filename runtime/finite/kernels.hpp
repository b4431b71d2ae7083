// Empirical kernels of one network: what the limits' nngp and ntk are the limits of.
#pragma once

#include "runtime/finite/network.hpp"

#include <string>

namespace tpc::finite {

struct OutputKernels {
    std::string name;
    Tensor nngp, ntk; // (N1, i..., N2, j...), i and j the indices of the output's family
};
using Kernels = std::vector<OutputKernels>; // by output

// A set of samples of equal sizes.
struct SampleSet {
    ir::Sizes sizes;
    Data data;
};

// The kernels between two sets of samples at one draw of the network of width n:
//   ntk  = sum over parameters p of rate_p <d f / d omega_p, d f_ / d omega_p>, with omega = sqrt(n) W, sqrt(d) U, b, c;
//   nngp = E[f f_ | all but the readouts]. f is affine in the readouts v (Graph::readout), so this is
//          sum_v Var(v) <d f / d v, d f_ / d v>, plus the product of f and f_ with every v at its mean:
//          an unbiased estimate of E f f_ whose fluctuation vanishes with n, unlike that of f f_ itself.
Kernels empirical_kernels(const ir::Program& program, const SampleSet& left, const SampleSet& right, std::size_t width,
                          std::uint64_t seed);
Kernels empirical_kernels(const ir::Program& program, const SampleSet& set, std::size_t width, std::uint64_t seed);

// Pairs of `count` sets, the first not after the second, in one row: (0, 0), (0, 1), ..., (1, 1), ...
inline std::size_t pair_index(std::size_t left, std::size_t right, std::size_t count) {
    return left * count - left * (left + 1) / 2 + right;
}
// The kernels of all these pairs at one draw of the network.
std::vector<Kernels> empirical_kernels(const std::vector<Graph>& graphs, const std::vector<const Data*>& data, Draw& draw);

// The same for graphs that are unrolled already.
Kernels empirical_kernels(const Graph& left, const Data& left_data, const Graph& right, const Data& right_data, Draw& draw);
Kernels empirical_kernels(const Graph& graph, const Data& data, Draw& draw);

} // namespace tpc::finite
