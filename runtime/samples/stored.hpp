// Which entries a pair array holds.
#pragma once

#include "runtime/samples/address.hpp"

namespace tpc::execute {

// Whether the stored box has the entry. Dependent Gaussians are demanded: those outside of it are independent.
inline bool holds(const plan::PairArray& array, llvm::ArrayRef<std::int64_t> left, llvm::ArrayRef<std::int64_t> right) {
    for (std::size_t k = 0; k < array.kept.size(); ++k) {
        const std::size_t d = array.kept[k];
        const std::int64_t index = (d < left.size() ? left[d] : right[d - left.size()]) - array.box.lower[k];
        if (index < 0 || index >= array.box.size[k])
            return false;
    }
    return true;
}

} // namespace tpc::execute
