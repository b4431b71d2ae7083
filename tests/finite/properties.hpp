// What must hold of the limit of a random program.
#pragma once

#include "tests/finite/random_program.hpp"

#include <string>

namespace tpc::tests {

// networks, sizes: differs from networks of finite width (two sets of different sizes); refused: the compiler or the runtime
// says that it cannot; rejected: an error in a program that has none.
enum class Fault { none, refused, rejected, networks, backward, symmetry, order, precision, definite, sizes, reference };

struct Finding {
    Fault fault = Fault::none;
    std::string text;
    bool compared = false; // with the plain recursion
};

// What is held, each with all before it. quick: two samples; D and T agree, the kernel of a set with itself is that with its
// copy and is positive semidefinite. full: the plain recursion agrees, where it can say (reference.hpp); f32 agrees with
// f64; two sets of different sizes; the order of samples does not matter. networks: networks of finite width agree.
enum class Effort { quick, full, networks };

// The first property that fails.
Finding find(const Spec& spec, Effort effort);

} // namespace tpc::tests
