#include "compiler/emit/parts.hpp"
#include "compiler/formula/print.hpp"

#include <fmt/format.h>

namespace tpc::emit {

std::string Parts::input(std::uint32_t k) const {
    return source.names.of(fmt::format("input {}", k), program().inputs[k].name);
}

std::int64_t Parts::input_size(std::uint32_t k) const {
    std::int64_t size = 1;
    for (const ir::Affine& axis : program().inputs[k].axes)
        size *= source.linear(axis)(nullptr);
    return size;
}

std::string Parts::axes(std::uint32_t k) const {
    std::string text;
    for (const ir::Affine& axis : program().inputs[k].axes)
        text += fmt::format(" x {}", source.linear(axis)(nullptr));
    return text;
}

std::size_t Parts::results_of_a_pair() const {
    std::size_t total = 0;
    for (std::size_t o = 0; o < outputs(); ++o)
        total += members(o) * members(o);
    return total;
}

namespace {

std::string sizes(const Parts& parts) {
    std::string text;
    for (const auto& [symbol, size] : parts.source.self.sizes)
        text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", parts.program().info(symbol).name, size);
    return text.empty() ? "none" : text;
}

std::string layout(const Parts& parts) {
    std::string text;
    for (std::uint32_t k = 0; k < parts.program().inputs.size(); ++k) {
        const std::string axes = parts.axes(k);
        text += fmt::format("{}: one sample after the other, {} numbers each, the last index fastest.\n", parts.input(k),
                            axes.empty() ? "1" : axes.substr(3));
    }
    for (std::size_t o = 0; o < parts.outputs(); ++o) {
        std::string shape;
        for (const std::int64_t size : parts.source.plan.left_outputs[o].size)
            shape += fmt::format(" x {}", size);
        const std::string& own = parts.source.plan.recursions.network.outputs[o].name;
        text += fmt::format("nngp{0}, ntk{0}{1}: n1{2} x n2{2} numbers.\n",
                            parts.outputs() > 1 ? fmt::format("[{}]", o) : "", own.empty() ? "" : ", of " + own, shape);
    }
    return text;
}

std::string shifted(const std::string& text) {
    std::string result = "    ";
    for (std::size_t k = 0; k < text.size(); ++k) {
        result += text[k];
        if (text[k] == '\n' && k + 1 < text.size() && text[k + 1] != '\n')
            result += "    ";
    }
    return result;
}

} // namespace

std::string opening(const Parts& parts, const limit::Recursions& recursions, const About& about) {
    std::string arrays;
    std::string others;
    for (std::uint32_t k = 0; k < parts.program().inputs.size(); ++k) {
        arrays += ", " + parts.input(k);
        others += ", " + parts.input(k) + "_";
    }
    return commented(fmt::format(
               "The limit kernels of infinitely wide networks of {0}: NNGP and tangent kernel (NTK).\n"
               "Written by {1}\n\n"
               "The kernels are for samples of the sizes {2}, in double precision, and need nothing but C++17. Compile\n"
               "this file with a program, or include it; -O3 -march=native -fno-math-errno lets the compiler use vector\n"
               "instructions for several samples at once. To call it:\n\n"
               "    {3}::kernel_matrix({{n1{4}}}, {{n2{10}}}, nngp, ntk);   // the same arrays twice: symmetric\n"
               "    {3}::Self a = {3}::self({5}), b = ...;   // or sample by sample\n"
               "    {3}::Result r = {3}::kernel(a, b);\n\n"
               "{6}\n"
               "The program:\n\n{7}\n"
               "Its verdict: {8}\n\n"
               "The derivation:\n\n{9}",
               about.file, about.command, sizes(parts), parts.name(), arrays, arrays.empty() ? "" : arrays.substr(2),
               layout(parts), shifted(about.source), about.verdict, shifted(formula::print(recursions)), others)) +
           "\n";
}

} // namespace tpc::emit
