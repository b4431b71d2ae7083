// Gaussians apart from their means: covariances of what nonlinear functions read have no product of means in them that would
// be subtracted again.
#pragma once

#include "compiler/network/network.hpp"

#include <optional>
#include <vector>

namespace tpc::limit {

struct Deviations {
    std::vector<std::uint32_t> of; // by family: that of its deviations; itself where it has no mean or is not Gaussian
    std::vector<bool> centred;     // by family: one of deviations
    // By family of deviations: the mean where it is one number, which functions that read it add; elsewhere M is that of the
    // sum, and C leaves it out.
    std::vector<std::optional<double>> number;
};

// Gives each Gaussian family with a mean a second one, with the same statements, and lets activations read it. One whose
// means cancel becomes a family of deviations itself.
Deviations add_deviations(network::Network& network, std::vector<bool>& may_have_mean);

// What nothing reads but nonlinear functions keeps its name.
void name_deviations(ir::Program& program, const Deviations& deviations, const std::vector<bool>& needed);

} // namespace tpc::limit
