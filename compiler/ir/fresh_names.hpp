// Names that a program does not have yet.
#pragma once

#include "compiler/ir/program.hpp"

#include <fmt/core.h>

#include <set>
#include <string>

namespace tpc::ir {

class FreshNames {
  public:
    explicit FreshNames(const Program& program) {
        const auto take = [&](const auto& list) {
            for (const auto& item : list)
                taken_.insert(item.name);
        };
        take(program.families);
        take(program.parameters);
        take(program.inputs);
        take(program.symbols);
        take(program.outputs);
    }

    // The stem, or the stem with the first number that is free: x, x2, x3.
    std::string fresh(const std::string& stem) {
        if (taken_.insert(stem).second)
            return stem;
        for (int k = 2;; ++k)
            if (auto name = fmt::format("{}{}", stem, k); taken_.insert(name).second)
                return name;
    }

  private:
    std::set<std::string> taken_;
};

} // namespace tpc::ir
