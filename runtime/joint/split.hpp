// An expectation of a product as a polynomial of smaller ones: factors of independent Gaussians part, and sums are
// multiplied out where that leaves fewer Gaussians to a term.
#pragma once

#include "runtime/points/expectation.hpp"

namespace tpc::joint {

// E[left right] of some of the Gaussians of the whole; `left`, `right`: their places on each side.
struct Part {
    Integrand integrand;
    std::vector<std::uint32_t> left, right;
};

// E = sum over terms of number * product of scalars * product of parts.
struct Split {
    Tape tape; // of the scalars: functions of numbers of the sample
    struct Term {
        double number = 1;
        std::vector<NodeId> scalars;
        std::vector<std::size_t> parts;
    };
    std::vector<Term> terms;
    std::vector<Part> parts;
};

// How far: into independent factors, or multiplied out too.
enum class Depth : std::uint8_t { factors, terms };

// `block` labels the Gaussians, left ones first: those of different labels are independent.
Split split(const Integrand& whole, const std::vector<std::uint32_t>& block, bool slopes, Depth depth = Depth::terms);

} // namespace tpc::joint
