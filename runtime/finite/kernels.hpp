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

// The same for graphs that are unrolled already.
Kernels empirical_kernels(const Graph& left, const Data& left_data, const Graph& right, const Data& right_data, Draw& draw);
Kernels empirical_kernels(const Graph& graph, const Data& data, Draw& draw);

} // namespace tpc::finite
