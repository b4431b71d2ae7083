// The generator of random programs: what it writes is well formed, passes the check and runs; failures shrink.
#include "tests/finite/random_program.hpp"

#include "compiler/check/gia.hpp"
#include "compiler/resolve/resolve.hpp"
#include "tests/finite/compile.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

using namespace tpc;

TEST_CASE("random programs are well formed, pass the check and have finite kernels") {
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        const std::string text = tests::source(seed <= 200 ? tests::random_spec(seed) : tests::random_odd_spec(seed - 200));
        INFO(text);
        ir::Program program = tests::compile(text);
        const auto sizes = tests::sizes(program, {{"P", 4}, {"d", 3}});
        source::Diagnostics diagnostics;
        resolve::verify_elements(program, sizes, diagnostics);
        const bool holds = check::check(program, diagnostics).holds;
        for (const source::Diagnostic& diagnostic : diagnostics.list)
            UNSCOPED_INFO(source::name_of(diagnostic.id) << ": " << diagnostic.text);
        REQUIRE(!diagnostics.has_errors());
        REQUIRE(holds);
        const auto kernels = finite::empirical_kernels(program, tests::random_samples(program, sizes, 2, seed), 6, seed);
        for (const auto& output : kernels)
            for (double value : output.ntk.values)
                REQUIRE(std::isfinite(value));
    }
}

TEST_CASE("a failing description shrinks to the pieces that fail") {
    // "Fails" where a residual layer follows an attention layer.
    const auto fails = [](const tests::Spec& spec) {
        const auto attention = std::find_if(spec.layers.begin(), spec.layers.end(), [](const tests::Layer& layer) {
            return layer.kind == tests::LayerKind::attention;
        });
        return std::any_of(attention, spec.layers.end(), [](const tests::Layer& layer) { return layer.residual; });
    };
    unsigned found = 0;
    for (std::uint64_t seed = 1; seed <= 2000 && found < 3; ++seed) {
        const tests::Spec spec = tests::random_spec(seed);
        if (!fails(spec))
            continue;
        ++found;
        const tests::Spec least = tests::reduced(spec, fails);
        CHECK(fails(least));
        CHECK(least.layers.size() <= 2);
        CHECK(least.outputs.size() == 1);
        CHECK_NOTHROW(tests::compile(tests::source(least)));
    }
    CHECK(found == 3);
}
