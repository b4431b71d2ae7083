// Programs of random indices: T, D and the plain recursion of the unrolled program agree.
#include "tests/finite/compile.hpp"
#include "tests/finite/limit.hpp"
#include "tests/finite/random_indices.hpp"
#include "tests/finite/reference.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cstdlib>
#include <iostream>

using namespace tpc;

namespace {

// What differs, of a set with itself and between two sets of different sizes; nothing if nothing does.
std::string fault_of(const std::string& text) {
    constexpr double machines = 1e-8, without_gaps = 1e-6; // as for the other random programs
    const ir::Program program = tests::compile(text);
    const auto set = [&](std::int64_t positions, std::uint64_t seed) {
        return tests::random_samples(program, tests::sizes(program, {{"P", positions}, {"d", 2}}), 2, seed);
    };
    const finite::SampleSet left = set(3, 1), right = set(5, 2);
    execute::Options backward;
    backward.via = execute::Via::D;
    for (const finite::SampleSet* other : {static_cast<const finite::SampleSet*>(nullptr), &right}) {
        const plan::Plan plan = tests::plan(program, left.sizes, other != nullptr ? other->sizes : left.sizes);
        const finite::Kernels kernels = tests::limit(plan, left, other);
        const char* const sets = other != nullptr ? "between two sets" : "within one set";
        if (const double apart = tests::difference(tests::limit(plan, left, other, backward), kernels); !(apart < machines))
            return fmt::format("D and T differ {}: {:.1e}", sets, apart);
        if (const double apart = tests::difference(tests::reference_limit(program, left, other), kernels);
            !(apart < without_gaps))
            return fmt::format("the plain recursion differs {}: {:.1e}", sets, apart);
    }
    return "";
}

std::string fault_of(const tests::IndexSpec& spec) {
    try {
        return fault_of(tests::source(spec));
    } catch (const tests::OutOfReach&) { // of the plain recursion
        return "";
    } catch (const std::exception& error) {
        return error.what();
    }
}

void run(std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t seed = first; seed <= last; ++seed) {
        const tests::IndexSpec spec = tests::random_indices(seed);
        if (std::getenv("TPC_RANDOM_WHOLE") != nullptr)
            std::cout << seed << "\n" << tests::source(spec) << std::flush;
        if (fault_of(spec).empty())
            continue;
        const tests::IndexSpec least = tests::reduced(spec, [](const auto& cut) { return !fault_of(cut).empty(); });
        FAIL_CHECK(fmt::format("seed {}: {}\n{}", seed, fault_of(least), tests::source(least)));
    }
}

} // namespace

TEST_CASE("programs of random indices have the kernels of their unrolled recursion") {
    run(1, 60);
}

// TPC_RANDOM_FIRST and TPC_RANDOM_LAST choose the seeds.
TEST_CASE("many programs of random indices have the kernels of their unrolled recursion", "[.long]") {
    const auto seed = [](const char* name, std::uint64_t otherwise) {
        const char* given = std::getenv(name);
        return given != nullptr ? std::strtoull(given, nullptr, 10) : otherwise;
    };
    run(seed("TPC_RANDOM_FIRST", 61), seed("TPC_RANDOM_LAST", 600));
}
