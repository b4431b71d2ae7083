#include "compiler/emit/parts.hpp"

#include <fmt/format.h>

namespace tpc::emit {
namespace {

std::string arguments(const Parts& parts) {
    std::string text;
    for (std::uint32_t k = 0; k < parts.program().inputs.size(); ++k)
        text += fmt::format("{}const double* {}", k == 0 ? "" : ", ", parts.input(k));
    return text;
}

std::string self_function(const Parts& parts) {
    std::string text = fmt::format("inline Self self({}) {{\nSelf s;\n", arguments(parts));
    for (std::uint32_t k = 0; k < parts.program().inputs.size(); ++k)
        text += fmt::format("std::copy_n({0}, s.{0}.size(), s.{0}.begin());\n", parts.input(k));
    return text + parts.self + "return s;\n}\n\n";
}

std::string pair_function(const Parts& parts) {
    return "template <std::size_t lanes> void evaluate([[maybe_unused]] const Self& left, "
           "[[maybe_unused]] const Selves<lanes>& right, Pair<lanes>& at) {\n" +
           parts.pairs + "}\n\n";
}

// The outputs' entries, one output after the other, left indices before right ones.
std::string results(const Parts& parts) {
    std::string text = "template <std::size_t lanes> void results(const Pair<lanes>& at, std::size_t lane, double* nngp, "
                       "double* ntk) {\n";
    for (std::size_t o = 0; o < parts.outputs(); ++o) {
        const std::uint32_t k = parts.source.plan.output_arrays[o];
        const plan::PairArray& array = parts.source.plan.whole().arrays[k];
        const plan::Box& box = parts.source.plan.left_outputs[o];
        std::vector<std::string> indices;
        std::string close;
        for (const char* side : {"i", "j"})
            for (std::size_t d = 0; d < box.size.size(); ++d) {
                indices.push_back(fmt::format("{}{}", side, d + 1));
                text += fmt::format("for (int {0} = {1}; {0} <= {2}; ++{0}) {{\n", indices.back(), box.lower[d],
                                    box.lower[d] + box.size[d] - 1);
                close += "}\n";
            }
        std::vector<Index> kept;
        for (const std::size_t d : array.kept)
            kept.push_back({std::nullopt, indices[d]});
        Scope scope = parts.source.scope();
        const std::string place = fmt::format("at.{}[{}]", parts.source.entries(parts.source.plan.whole(), k),
                                              kept.empty() ? "0" : scope.offset(array.box, kept));
        text += fmt::format("*nngp++ = {0}.C[lane];\n*ntk++ = {0}.T[lane];\n{1}", place, close);
    }
    return text + "}\n\n";
}

} // namespace

std::string evaluation(const Parts& parts) {
    return self_function(parts) + pair_function(parts) + results(parts);
}

std::string interface(const Parts& parts) {
    std::string fields;
    std::string samples;
    std::string same;
    for (std::uint32_t k = 0; k < parts.program().inputs.size(); ++k) {
        const std::string own = parts.input(k);
        fields += fmt::format("const double* {}; // count{}\n", own, parts.axes(k));
        samples += fmt::format("{}samples.{} + k * {}", k == 0 ? "" : ", ", own, parts.input_size(k));
        same += fmt::format(" && left.{0} == right.{0}", own);
    }
    const std::size_t results = parts.results_of_a_pair();
    std::string text = "struct Samples {\nstd::size_t count;\n" + fields + "};\n\n";
    text += parts.one_number() ? "struct Result {\ndouble nngp, ntk;\n};\n\n"
                               : fmt::format("// One output after the other; of each the left index before the right one.\n"
                                             "struct Result {{\nstd::array<double, {0}> nngp, ntk;\n}};\n\n",
                                             results);
    if (parts.compares) {
        text += "inline bool equal(const Self& a, const Self& b) {\nreturn ";
        for (std::uint32_t k = 0; k < parts.program().inputs.size(); ++k)
            text += fmt::format("{0}a.{1} == b.{1}", k == 0 ? "" : " && ", parts.input(k));
        text += parts.program().inputs.empty() ? "true;\n}\n\n" : ";\n}\n\n";
    }
    const std::string compare = parts.compares ? "for (std::size_t lane = 0; lane < lanes; ++lane)\n    right.equal[lane] = "
                                                 "equal(left, *right.samples[lane]);\n"
                                               : "";
    text += "template <std::size_t lanes> void compare([[maybe_unused]] const Self& left, [[maybe_unused]] Selves<lanes>& "
            "right) {\n" +
            compare + "}\n\n";
    text += "inline Result kernel(const Self& left, const Self& right) {\nSelves<1> one({&right});\nPair<1> at;\n"
            "compare(left, one);\nevaluate(left, one, at);\nResult result{};\n";
    text += parts.one_number() ? "results(at, 0, &result.nngp, &result.ntk);\n"
                               : "results(at, 0, result.nngp.data(), result.ntk.data());\n";
    text += "return result;\n}\n\n";
    text += "inline std::vector<Self> all_of(const Samples& samples) {\nstd::vector<Self> list;\n"
            "for (std::size_t k = 0; k < samples.count; ++k)\n    list.push_back(self(" +
            samples + "));\nreturn list;\n}\n\n";
    std::string sizes;
    for (std::size_t o = 0; o < parts.outputs(); ++o)
        sizes += fmt::format("{}{}", o == 0 ? "" : ", ", parts.members(o));
    const bool several = parts.outputs() > 1;
    const char* pointer = several ? "double* const*" : "double*";
    const char* target = several ? "[o]" : "";
    text += fmt::format(
        R"(// The kernels of all left samples with all right ones, at once for `lanes` of these. With the same arrays on both
// sides half of the pairs are computed.
inline void kernel_matrix(const Samples& left, const Samples& right, {0} nngp, {0} ntk) {{
constexpr std::size_t lanes = 16;
constexpr std::size_t sizes[] = {{{1}}}; // members of each output
const bool symmetric = left.count == right.count{2};
const std::vector<Self> rows = all_of(left);
const std::vector<Self> columns = symmetric ? std::vector<Self>() : all_of(right);
const std::vector<Self>& others = symmetric ? rows : columns;
Pair<lanes> at;
std::array<double, {3}> C, T;
for (std::size_t first = 0; first < others.size(); first += lanes) {{
const std::size_t end = std::min(first + lanes, others.size());
std::array<const Self*, lanes> each;
for (std::size_t lane = 0; lane < lanes; ++lane)
each[lane] = &others[std::min(first + lane, end - 1)];
Selves<lanes> block(each);
for (std::size_t i = 0; i < (symmetric ? end : rows.size()); ++i) {{
compare(rows[i], block);
evaluate(rows[i], block, at);
for (std::size_t j = symmetric ? std::max(first, i) : first; j < end; ++j) {{
results(at, j - first, C.data(), T.data());
std::size_t next = 0;
for (std::size_t o = 0; o < std::size(sizes); ++o) {{
for (std::size_t pq = 0; pq < sizes[o] * sizes[o]; ++pq, ++next) {{
const std::size_t p = pq / sizes[o], q = pq % sizes[o];
const std::size_t place = ((i * sizes[o] + p) * others.size() + j) * sizes[o] + q;
nngp{4}[place] = C[next];
ntk{4}[place] = T[next];
if (!symmetric)
continue;
const std::size_t mirror = ((j * sizes[o] + q) * others.size() + i) * sizes[o] + p;
nngp{4}[mirror] = C[next];
ntk{4}[mirror] = T[next];
}}
}}
}}
}}
}}
}}
)",
        pointer, sizes, same, results, target);
    return text;
}

} // namespace tpc::emit
