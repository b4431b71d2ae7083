// The parts of an emitted C++ file, put together by cpp.cpp.
#pragma once

#include "compiler/emit/emit.hpp"
#include "compiler/emit/source.hpp"

namespace tpc::emit {

struct Parts {
    Source& source;
    std::string self, pairs;                          // the statements of self() and of evaluate()
    std::map<std::string, std::string> right_members; // of right samples that these read (Operations)
    bool compares = false;                            // they ask whether samples are equal

    [[nodiscard]] const ir::Program& program() const { return source.program; }
    [[nodiscard]] std::string name() const { return identifier(program().name) + "_kernel"; }
    // An input's name, its numbers and " x 4 x 3".
    [[nodiscard]] std::string input(std::uint32_t k) const;
    [[nodiscard]] std::int64_t input_size(std::uint32_t k) const;
    [[nodiscard]] std::string axes(std::uint32_t k) const;
    // Outputs, and the members of each.
    [[nodiscard]] std::size_t outputs() const { return source.plan.recursions.network.outputs.size(); }
    [[nodiscard]] std::size_t members(std::size_t o) const {
        return static_cast<std::size_t>(source.plan.left_outputs[o].count());
    }
    [[nodiscard]] bool one_number() const { return outputs() == 1 && members(0) == 1; }
    [[nodiscard]] std::size_t results_of_a_pair() const;
};

// The comment that the file begins with.
std::string opening(const Parts& parts, const limit::Recursions& recursions, const About& about);
// Functions of one Gaussian.
std::string functions(const Parts& parts);
// Self, Selves and Pair.
std::string structs(const Parts& parts);
// self, evaluate and results.
std::string evaluation(const Parts& parts);
// Samples, Result, kernel and kernel_matrix.
std::string interface(const Parts& parts);

} // namespace tpc::emit
