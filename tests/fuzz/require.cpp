#include "tests/fuzz/targets.hpp"

#include <cstdio>
#include <cstdlib>

namespace tpc::fuzz {

void require(bool holds, std::string_view promise, std::string_view text) {
    if (holds)
        return;
    std::fprintf(stderr, "broken promise: %.*s\n%.*s\n", static_cast<int>(promise.size()), promise.data(),
                 static_cast<int>(text.size()), text.data());
    std::abort();
}

} // namespace tpc::fuzz
