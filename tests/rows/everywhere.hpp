// Row operations under every instruction set of the machine.
#pragma once

#include <hwy/targets.h>

#include <cstdint>

namespace tpc::test {

template <class Run> void everywhere(const Run& run) {
    const auto use = [](std::int64_t targets) {
        hwy::SetSupportedTargetsForTest(targets);
        hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    };
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
        use(target);
        run();
    }
    use(0);
}

} // namespace tpc::test
