// Series of which the even or the odd terms vanish.
#pragma once

#include <array>
#include <cstddef>

namespace tpc::gaussian {

// Of terms 0 .. terms-1, those of some parities: how many, and where term k is among them.
inline std::size_t terms_of(const std::array<bool, 2>& parities, std::size_t terms) {
    return (parities[0] ? (terms + 1) / 2 : 0) + (parities[1] ? terms / 2 : 0);
}
inline std::size_t among(const std::array<bool, 2>& parities, std::size_t k) {
    return parities[0] && parities[1] ? k : k / 2;
}

} // namespace tpc::gaussian
