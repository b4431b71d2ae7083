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
void run(tests::Spec (*made)(std::uint64_t), std::uint64_t first, std::uint64_t last, Effort most = Effort::networks) {
    unsigned refused = 0, compared = 0;
    for (std::uint64_t seed = first; seed <= last; ++seed) {
        const tests::Spec spec = made(seed);
        const Finding finding = tests::find(spec, most);
        compared += finding.compared ? 1 : 0;
        if (finding.fault == Fault::none)
            continue;
        const auto effort =
            finding.fault == Fault::networks || finding.fault == Fault::sizes ? Effort::networks : Effort::full;
        const auto same = [&](const tests::Spec& s) { return tests::find(s, effort).fault == finding.fault; };
        const tests::Spec least = std::getenv("TPC_RANDOM_WHOLE") != nullptr ? spec : tests::reduced(spec, same);
        const std::string report =
            fmt::format("seed {}: {}\n{}", seed, tests::find(least, effort).text, tests::source(least));
        if (finding.fault == Fault::refused) {
            ++refused;
            std::cout << "refused: " << report << "\n";
            continue;
        }
        FAIL_CHECK(report);
    }
    std::cout << fmt::format("{} of {} programs refused, {} compared with the plain recursion\n", refused, last - first + 1,
                             compared);
    CHECK(refused * 20 <= last - first + 1);
}

} // namespace

// In parts that run side by side.
TEMPLATE_TEST_CASE_SIG("limits of random programs agree with networks, part", "", ((std::uint64_t part), part), 0, 1, 2, 3,
                       4, 5, 6, 7, 8, 9) {
    constexpr std::uint64_t long_one = 22; // minutes for one kinked function: among the long ones
    const std::uint64_t first = 18 * part + 1;
    const std::uint64_t last = 18 * part + 18;
    if (first <= long_one && long_one <= last) {
        run(tests::random_spec, first, long_one - 1);
        run(tests::random_spec, long_one + 1, last);
    } else {
        run(tests::random_spec, first, last);
    }
}
TEMPLATE_TEST_CASE_SIG("limits of odd random programs agree with networks, part", "", ((std::uint64_t part), part), 0, 1, 2,
                       3, 4, 5) {
    run(tests::random_odd_spec, 15 * part + 1, 15 * part + 15);
}

// Longer ones: TPC_RANDOM_FIRST and TPC_RANDOM_LAST choose the seeds, TPC_RANDOM_QUICK leaves the networks out,
// TPC_RANDOM_WHOLE the cutting down.
void run_long(tests::Spec (*made)(std::uint64_t)) {
    const auto seed = [](const char* name, std::uint64_t otherwise) {
        const char* given = std::getenv(name);
        return given != nullptr ? std::strtoull(given, nullptr, 10) : otherwise;
    };
    run(made, seed("TPC_RANDOM_FIRST", 301), seed("TPC_RANDOM_LAST", 600),
        std::getenv("TPC_RANDOM_QUICK") != nullptr ? Effort::full : Effort::networks);
}
TEST_CASE("limits of many random programs agree with networks", "[.long]") {
    run_long(tests::random_spec);
}
TEST_CASE("limits of many odd random programs agree with networks", "[.long]") {
    run_long(tests::random_odd_spec);
}
