#include "tests/finite/properties.hpp"
#include "tests/fuzz/targets.hpp"

namespace tpc::fuzz {

std::string mutated(std::string_view bytes, std::uint64_t seed) {
    return mutated_bytes(bytes, seed);
}

void run(std::string_view bytes) {
    const tests::Spec spec = tests::spec_of(bytes);
    const tests::Finding finding = tests::find(spec, tests::Effort::quick);
    const bool holds = finding.fault == tests::Fault::none || finding.fault == tests::Fault::refused;
    require(holds, finding.text, tests::source(spec));
}

} // namespace tpc::fuzz
