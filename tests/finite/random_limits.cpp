// Random programs: their limits against networks of finite width, and against themselves computed in other ways.
#include "tests/finite/properties.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cstdlib>
#include <iostream>

using namespace tpc;
using tests::Effort;
using tests::Fault;
using tests::Finding;

namespace {

// Prints every failing program, cut down to what fails in the same way.
void run(std::uint64_t first, std::uint64_t last) {
    unsigned refused = 0;
    for (std::uint64_t seed = first; seed <= last; ++seed) {
        const tests::Spec spec = tests::random_spec(seed);
        const Finding finding = tests::find(spec, Effort::networks);
        if (finding.fault == Fault::none)
            continue;
        const auto effort =
            finding.fault == Fault::networks || finding.fault == Fault::sizes ? Effort::networks : Effort::full;
        const auto same = [&](const tests::Spec& s) { return tests::find(s, effort).fault == finding.fault; };
        const tests::Spec least = tests::reduced(spec, same);
        const std::string report =
            fmt::format("seed {}: {}\n{}", seed, tests::find(least, effort).text, tests::source(least));
        if (finding.fault == Fault::refused) {
            ++refused;
            std::cout << "refused: " << report << "\n";
            continue;
        }
        FAIL_CHECK(report);
    }
    std::cout << fmt::format("{} of {} programs refused\n", refused, last - first + 1);
    CHECK(refused * 20 <= last - first + 1);
}

} // namespace

// In parts that run side by side.
TEMPLATE_TEST_CASE_SIG("limits of random programs agree with networks, part", "", ((std::uint64_t part), part), 0, 1, 2, 3,
                       4, 5, 6, 7, 8, 9) {
    constexpr std::uint64_t long_one = 22; // minutes for one kinked function: among the long ones
    const std::uint64_t first = 30 * part + 1;
    const std::uint64_t last = 30 * part + 30;
    if (first <= long_one && long_one <= last) {
        run(first, long_one - 1);
        run(long_one + 1, last);
    } else {
        run(first, last);
    }
}

// TPC_RANDOM_FIRST and TPC_RANDOM_LAST choose other seeds.
TEST_CASE("limits of many random programs agree with networks", "[.long]") {
    const auto seed = [](const char* name, std::uint64_t otherwise) {
        const char* given = std::getenv(name);
        return given != nullptr ? std::strtoull(given, nullptr, 10) : otherwise;
    };
    run(seed("TPC_RANDOM_FIRST", 301), seed("TPC_RANDOM_LAST", 600));
}
