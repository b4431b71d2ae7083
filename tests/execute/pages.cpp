// Where numbers of all samples lie: rows are loaded a vector at a time, and one across two cache lines is loaded twice.
#include "runtime/samples/pages.hpp"

#include <catch2/catch.hpp>

#include <cstdint>

namespace {

using namespace tpc::execute;

template <class Real> void check_alignment() {
    for (const std::size_t bytes : {std::size_t{8}, std::size_t{1000}, std::size_t{200'000}, large_page / 2 - sizeof(Real),
                                    large_page / 2, large_page + 8}) {
        CAPTURE(bytes);
        const Numbers<Real> before(3); // moves what an allocator without a promise would give
        const Numbers<Real> numbers(bytes / sizeof(Real), Real(1));
        for (const Numbers<Real>* each : {&before, &numbers})
            CHECK(reinterpret_cast<std::uintptr_t>(each->data()) % cache_line == 0);
    }
}

} // namespace

TEST_CASE("numbers of all samples begin at a cache line", "[pages]") {
    check_alignment<double>();
    check_alignment<float>();
}
