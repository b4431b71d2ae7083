// From a program's text to its kernels, for tests.
#pragma once

#include "compiler/resolve/resolve.hpp"
#include "runtime/execute/evaluate.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tpc::tests {

// Sizes of the axes and the inputs' values in the order of their declarations.
struct Set {
    std::size_t samples = 0;
    std::map<std::string, std::int64_t> sizes;
    std::vector<std::vector<double>> inputs;
};

// A program to try, with sizes of its axes and (`others`) of a second set's.
struct Program {
    const char* name = nullptr;
    std::string text = {};
    std::map<std::string, std::int64_t> sizes = {}, others = {};
};

// Normal values for every input; axes must be names in `sizes`.
Set random_set(const std::string& text, std::size_t samples, std::map<std::string, std::int64_t> sizes, std::uint64_t seed);

struct Settings {
    std::map<std::string, std::string> defines;
    resolve::Rates rates = resolve::Rates::unit;
    execute::Options options;
    enum class Form {
        usual,  // as it runs: in planes where whole arrays would be large
        planes, // in planes wherever there are some
        whole,  // without the partition into planes
        nested, // without that, and with sums over pairs as they were
    } form = Form::usual;
};

// The plan for two sets, or for one with itself. Throws std::runtime_error with what the compiler has to say against the
// program.
plan::Plan plan_of(const std::string& text, const Set& left, const Set* right, const Settings& settings = {});

// Throws std::runtime_error with what the compiler has to say against the program.
execute::Outcome evaluate(const std::string& text, const Set& left, const Set* right, const Settings& settings = {});

// The same; throws too where an expectation is out of reach.
std::vector<execute::Kernel> kernels(const std::string& text, const Set& left, const Settings& settings = {});
std::vector<execute::Kernel> kernels(const std::string& text, const Set& left, const Set& right,
                                     const Settings& settings = {});

// Largest difference over the largest entry of the second.
double deviation(const std::vector<double>& a, const std::vector<double>& b);
// Of both kernels of all outputs.
double deviation(const std::vector<execute::Kernel>& a, const std::vector<execute::Kernel>& b);
bool identical(const std::vector<execute::Kernel>& a, const std::vector<execute::Kernel>& b);

} // namespace tpc::tests
