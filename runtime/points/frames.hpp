// Roots of the laws of the first run, which the others keep near to (rotation_to).
#pragma once

#include "runtime/points/expectation.hpp"

#include <mutex>
#include <unordered_map>

namespace tpc::joint {

// Thread-safe, where no two threads are at one place.
class Frames {
  public:
    // Sampling::frame for a law of so many Gaussians; null where nothing more may be kept.
    Eigen::MatrixXd* at(const Sampling& sampling, std::size_t gaussians) {
        if (sampling.budget == nullptr)
            return nullptr;
        const std::lock_guard lock(mutex_);
        if (const auto found = kept_.find(sampling.place); found != kept_.end())
            return &found->second;
        const std::size_t bytes = gaussians * gaussians * sizeof(double);
        if (*sampling.budget < bytes)
            return nullptr;
        *sampling.budget -= bytes;
        return &kept_[sampling.place];
    }

  private:
    std::mutex mutex_;
    std::unordered_map<std::size_t, Eigen::MatrixXd> kept_;
};

} // namespace tpc::joint
