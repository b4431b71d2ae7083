// What all parts of the emitted file share while it is written.
#pragma once

#include "compiler/emit/functions.hpp"
#include "compiler/emit/scope.hpp"

#include <stdexcept>

namespace tpc::emit {

// Something that has no text in C++. Not an error of the program.
struct Refusal : std::runtime_error {
    Refusal(const std::string& why, source::Span where) : std::runtime_error(why), span(where) {}
    source::Span span;
};

// An element of a family (or row of an input): where it stands, and whether it is there.
struct Located {
    std::vector<Index> indices;
    std::string inside; // the condition under which it is one; empty: always
    bool never = false;
};

class Source {
  public:
    explicit Source(const plan::Plan& plan);

    const plan::Plan& plan;
    const plan::SelfPlan& self; // of either sample: their sizes are equal
    const ir::Program& program;
    std::vector<bool> has_mean;   // by family
    std::vector<bool> has_second; // by family: norms are computed
    Names names;                  // of the members of the emitted structs
    Functions functions;
    std::set<std::string> pieces; // of the prelude

    [[nodiscard]] Scope scope() const;

    // Names of members.
    std::string norm(std::uint32_t family) { return member("norm_", family); }
    std::string over(std::uint32_t family) { return member("over_", family); } // 1 / norm, 0 for 0
    std::string mean(std::uint32_t family) { return member("mean_", family); }
    std::string scalar(std::uint32_t family) { return member("value_", family); }
    std::string finite(std::uint32_t array);
    std::string weight(std::uint32_t coefficient);
    std::string entries(const plan::Part& part, std::uint32_t array);
    std::string feature(const Feature& feature);

    // Affine indices of one sample's program, axes folded.
    [[nodiscard]] plan::Linear linear(const ir::Affine& affine) const;

    // An access in a box, under its mode.
    Located locate(Scope& scope, const std::vector<plan::Linear>& access, ir::IndexMode mode, const plan::Box& box);

  private:
    std::string member(const char* prefix, std::uint32_t family);
};

} // namespace tpc::emit
