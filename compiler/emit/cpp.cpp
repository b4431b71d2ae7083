#include "compiler/emit/emit.hpp"

#include "compiler/emit/prelude.hpp"
#include "compiler/emit/self.hpp"
#include "compiler/limit/equations.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tpc::emit {
namespace {

// The equations of the print that an operation evaluates: those of its pair of families and, where they are several, of
// elements of its form (x[1] is not x[l]).
class Equations {
  public:
    Equations(const Source& source, const limit::Recursions& recursions)
        : source_(source), list_(limit::print_equations(recursions)) {}

    std::string operator()(const plan::PairOp& op, bool self) const {
        const std::size_t statements = source_.program.statements.size();
        std::string all;
        std::string alike;
        for (const limit::PrintedEquation& each : list_) {
            if (op.output) {
                if (each.output == op.left_statement - statements)
                    all += each.text;
                continue;
            }
            const ir::Statement& left = source_.program.statements[op.left_statement];
            const ir::Statement& right = source_.program.statements[op.right_statement];
            if (each.output || each.self != self || each.left != left.family || each.right != right.family)
                continue;
            all += each.text;
            if (same_form(left.indices, each.left_access))
                alike += each.text;
        }
        return tidy(alike.empty() ? all : alike);
    }

  private:
    const Source& source_;
    std::vector<limit::PrintedEquation> list_;

    static bool same_form(const std::vector<ir::Affine>& a, const ir::Access& b) {
        if (a.size() != b.indices.size())
            return false;
        for (std::size_t d = 0; d < a.size(); ++d)
            if (a[d].constant != b.indices[d].constant || a[d].terms.size() != b.indices[d].terms.size())
                return false;
        return true;
    }

    // One blank, and the domain behind a few.
    static std::string tidy(const std::string& text) {
        std::string result;
        bool blank = true;
        for (std::size_t k = 0; k < text.size(); ++k) {
            const bool space = text[k] == ' ';
            if (space && blank)
                continue;
            const bool gap = space && k + 1 < text.size() && text[k + 1] == ' ';
            result += gap ? std::string("    ") : std::string(1, text[k]);
            blank = space || text[k] == '\n';
        }
        return commented(result);
    }
};

class File {
  public:
    File(const plan::Plan& plan, const limit::Recursions& recursions, const About& about)
        : source_(plan), about_(about), recursions_(recursions), equations_(source_, recursions) {}

    std::string run() {
        source_.pieces = {"types"};
        pairs_ = pair_part();
        const Comment comment = [&](const plan::PairOp& op) { return equations_(op, true); };
        self_part(source_, comment);
        self_ = self_part(source_, comment); // all functions are known now
        const std::string declared = structs();
        const std::string own = functions() + declared + self_function() + pair_function() + results() + interface();
        std::set<std::string> called;
        for (const std::string& each : source_.functions.elementary)
            if (own.find("elementary::" + each + "(") != std::string::npos)
                called.insert(each);
        return opening() + headers + "namespace " + name() + " {\n\n" + elementary(called) + prelude(source_.pieces) +
               indented(own) + "} // namespace " + name() + "\n";
    }

  private:
    Source source_;
    const About& about_;
    const limit::Recursions& recursions_;
    Equations equations_;
    std::string pairs_, self_;
    std::map<std::string, std::string> right_members_;
    bool compares_ = false;

    static constexpr const char* headers = "#include <algorithm>\n#include <array>\n#include <cmath>\n#include <cstddef>\n"
                                           "#include <limits>\n#include <stdexcept>\n#include <vector>\n\n";

    const ir::Program& program() const { return source_.program; }
    std::string name() const { return identifier(program().name) + "_kernel"; }

    std::string pair_part() {
        Scope scope = source_.scope();
        const plan::Part& part = source_.plan.cross;
        Operations operations(source_, part, false, scope);
        Walk walk(source_, part, scope);
        std::string text = walk.left([&](std::size_t statement, const Walk::Path&) {
            return walk.right(statement, nullptr, [&](std::uint32_t k) {
                const std::string body = operations.run(part.ops[k]);
                return equations_(part.ops[k], false) + "{\n" + body + "}\n";
            });
        });
        right_members_ = operations.right_members;
        compares_ = operations.compares;
        return text;
    }

    // --- the opening comment
    std::string sizes() const {
        std::string text;
        for (const auto& [symbol, size] : source_.self.sizes)
            text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", program().info(symbol).name, size);
        return text.empty() ? "none" : text;
    }

    std::string axes(const ir::Input& input) const {
        std::string text;
        for (const ir::Affine& axis : input.axes)
            text += fmt::format(" x {}", source_.linear(axis)(nullptr));
        return text;
    }

    std::string opening() const {
        std::string arrays;
        for (const ir::Input& input : program().inputs)
            arrays += ", " + identifier(input.name);
        std::string others;
        for (const ir::Input& input : program().inputs)
            others += ", " + identifier(input.name) + "_";
        return commented(fmt::format(
                   "The limit kernels of infinitely wide networks of {0}: NNGP and tangent kernel (NTK).\n"
                   "Written by {1}\n\n"
                   "The kernels are for samples of the sizes {2}, in double precision, and need nothing but C++17. Compile\n"
                   "this file with a program, or include it; -O3 -march=native -fno-math-errno lets the compiler use "
                   "vector\n"
                   "instructions for several samples at once. To call it:\n\n"
                   "    {3}::kernel_matrix({{n1{4}}}, {{n2{10}}}, nngp, ntk);   // the same arrays twice: a symmetric "
                   "kernel\n"
                   "    {3}::Self a = {3}::self({5}), b = ...;   // or sample by sample\n"
                   "    {3}::Result r = {3}::kernel(a, b);\n\n"
                   "{6}\n"
                   "The program:\n\n{7}\n"
                   "Its verdict: {8}\n\n"
                   "The derivation:\n\n{9}",
                   about_.file, about_.command, sizes(), name(), arrays, arrays.empty() ? "" : arrays.substr(2), layout(),
                   shifted(about_.source), about_.verdict, shifted(limit::print(recursions_)), others)) +
               "\n";
    }

    static std::string shifted(const std::string& text) {
        std::string result = "    ";
        for (std::size_t k = 0; k < text.size(); ++k) {
            result += text[k];
            if (text[k] == '\n' && k + 1 < text.size() && text[k + 1] != '\n')
                result += "    ";
        }
        return result;
    }

    // --- outputs
    std::size_t outputs() const { return source_.plan.recursions.network.outputs.size(); }
    std::size_t members(std::size_t o) const { return static_cast<std::size_t>(source_.plan.left_outputs[o].count()); }
    bool one_number() const { return outputs() == 1 && members(0) == 1; }
    std::size_t results_of_a_pair() const {
        std::size_t total = 0;
        for (std::size_t o = 0; o < outputs(); ++o)
            total += members(o) * members(o);
        return total;
    }

    std::string layout() const {
        std::string text;
        for (const ir::Input& input : program().inputs)
            text += fmt::format("{}: one sample after the other, {} numbers each, the last index fastest.\n",
                                identifier(input.name), input.axes.empty() ? "1" : axes(input).substr(3));
        for (std::size_t o = 0; o < outputs(); ++o) {
            std::string shape;
            for (const std::int64_t size : source_.plan.left_outputs[o].size)
                shape += fmt::format(" x {}", size);
            const std::string& own = source_.plan.recursions.network.outputs[o].name;
            text += fmt::format("nngp{0}, ntk{0}{1}: n1{2} x n2{2} numbers.\n", outputs() > 1 ? fmt::format("[{}]", o) : "",
                                own.empty() ? "" : ", of " + own, shape);
        }
        return text;
    }

    // --- functions and structs
    std::string functions() const {
        std::string text;
        std::set<std::size_t> used;
        for (const Feature& feature : source_.functions.features)
            used.insert(feature.function);
        for (const std::size_t k : used) {
            const FunctionFacts& f = source_.functions[k];
            std::string kinks;
            for (const double kink : f.kinks)
                kinks += (kinks.empty() ? "" : ", ") + literal(kink);
            const auto define = [&](const std::string& own, const std::string& body) {
                return fmt::format("inline double {}([[maybe_unused]] double z) {{\nreturn {};\n}}\n", own, body);
            };
            text += commented(fmt::format("{}(z) = {}", f.name, f.about)) + define(f.name, f.value) +
                    define(f.name + "_slope", f.slope) +
                    fmt::format("const std::vector<double> {}_kinks{{{}}};\n\n", f.name, kinks);
        }
        return text;
    }

    std::string vector(const std::string& type, const std::string& own, std::int64_t size) const {
        return fmt::format("std::vector<{0}> {1} = std::vector<{0}>({2});\n", type, own, size);
    }

    // Members that some function mentions.
    std::string self_members() {
        std::string text;
        const std::string all = self_ + pairs_;
        const auto member = [&](const std::string& type, const std::string& own, std::int64_t size,
                                const std::string& about) {
            if (mentions(all, own))
                text += vector(type, own, size).substr(0, std::string::npos - 1);
            if (mentions(all, own) && !about.empty()) {
                text.pop_back();
                text += " // " + about + "\n";
            }
        };
        for (std::uint32_t k = 0; k < program().inputs.size(); ++k) {
            std::int64_t size = 1;
            for (const ir::Affine& axis : program().inputs[k].axes)
                size *= source_.linear(axis)(nullptr);
            text += vector("double", input(k), size);
        }
        for (std::uint32_t k = 0; k < source_.self.finite.size(); ++k)
            if (const plan::FiniteArray& array = source_.self.finite[k]; !array.input)
                member("double", source_.finite(k), array.box.count() * array.length, "");
        for (std::uint32_t k = 0; k < source_.self.coefficients.size(); ++k)
            member("double", source_.weight(k), source_.self.coefficients[k].box.count(), "");
        for (std::uint32_t f = 0; f < program().families.size(); ++f) {
            const std::int64_t size = source_.self.boxes[f].count();
            const std::string& own = program().families[f].name;
            if (program().families[f].type == ir::Type::scalar)
                member("double", source_.scalar(f), size, own);
            if (source_.has_mean[f])
                member("double", source_.mean(f), size, "M(" + own + ")");
            if (source_.has_second[f]) {
                member("double", source_.norm(f), size, fmt::format("C({0}, {0})^1/2", own));
                member("double", source_.over(f), size, "1 / that");
            }
        }
        for (const Feature& feature : std::set<Feature>(source_.functions.features))
            member("Series<1>", source_.feature(feature), source_.self.boxes[feature.family].count(), "");
        for (std::uint32_t k = 0; k < source_.self.part.arrays.size(); ++k) {
            const plan::PairArray& array = source_.self.part.arrays[k];
            if (!array.output)
                member(array.value ? "double" : "Gaps", source_.entries(source_.self.part, k), array.box.count(), "");
        }
        return text;
    }

    std::string input(std::uint32_t k) { return source_.names.of(fmt::format("input {}", k), program().inputs[k].name); }

    std::string structs() {
        std::string text = "// What pairs need of one sample; the indices of the program run row by row.\nstruct Self {\n" +
                           self_members() + "};\n\n";
        text += "template <std::size_t lanes, class T>\n"
                "std::vector<std::array<T, lanes>> side_by_side(const std::array<const Self*, lanes>& samples,\n"
                "                                               std::vector<T> Self::*member) {\n"
                "std::vector<std::array<T, lanes>> rows((samples[0]->*member).size());\n"
                "for (std::size_t lane = 0; lane < lanes; ++lane) {\n"
                "for (std::size_t k = 0; k < rows.size(); ++k)\n"
                "    rows[k][lane] = (samples[lane]->*member)[k];\n}\n"
                "return rows;\n}\n\n";
        if (source_.pieces.contains("features"))
            text += "template <std::size_t lanes>\n"
                    "std::vector<Series<lanes>> side_by_side(const std::array<const Self*, lanes>& samples,\n"
                    "                                        std::vector<Series<1>> Self::*member) {\n"
                    "std::vector<Series<lanes>> rows;\n"
                    "for (std::size_t k = 0; k < (samples[0]->*member).size(); ++k) {\n"
                    "std::array<const Series<1>*, lanes> each;\n"
                    "for (std::size_t lane = 0; lane < lanes; ++lane)\n"
                    "    each[lane] = &(samples[lane]->*member)[k];\n"
                    "rows.push_back(side_by_side<lanes>(each));\n}\nreturn rows;\n}\n\n";
        text += "// Of several right samples, side by side.\ntemplate <std::size_t lanes> struct Selves {\n"
                "explicit Selves(const std::array<const Self*, lanes>& samples) : samples(samples) {}\n"
                "std::array<const Self*, lanes> samples;\n";
        for (const auto& [own, type] : right_members_)
            text += fmt::format("std::vector<{}> {} = side_by_side<lanes>(samples, &Self::{});\n",
                                type == "Series"   ? "Series<lanes>"
                                : type == "double" ? "Row<lanes>"
                                                   : "std::array<" + type + ", lanes>",
                                own, own);
        if (compares_)
            text += "std::array<bool, lanes> equal{}; // to the left sample\n";
        text += "};\n\n// Of one left sample with several right ones.\ntemplate <std::size_t lanes> struct Pair {\n";
        for (std::uint32_t k = 0; k < source_.plan.cross.arrays.size(); ++k) {
            const plan::PairArray& array = source_.plan.cross.arrays[k];
            text += vector(array.value ? "Value<lanes>" : "Entry<lanes>", source_.entries(source_.plan.cross, k),
                           array.box.count());
        }
        return text + "};\n\n";
    }

    std::string arguments() {
        std::string text;
        for (std::uint32_t k = 0; k < program().inputs.size(); ++k)
            text += fmt::format("{}const double* {}", k == 0 ? "" : ", ", input(k));
        return text;
    }

    std::string self_function() {
        std::string text = fmt::format("inline Self self({}) {{\nSelf s;\n", arguments());
        for (std::uint32_t k = 0; k < program().inputs.size(); ++k)
            text += fmt::format("std::copy_n({0}, s.{0}.size(), s.{0}.begin());\n", input(k));
        return text + self_ + "return s;\n}\n\n";
    }

    std::string pair_function() const {
        return "template <std::size_t lanes> void evaluate([[maybe_unused]] const Self& left, "
               "[[maybe_unused]] const Selves<lanes>& right, Pair<lanes>& at) {\n" +
               pairs_ + "}\n\n";
    }

    // The outputs' entries, one output after the other, left indices before right ones.
    std::string results() {
        std::string text =
            "template <std::size_t lanes> void results(const Pair<lanes>& at, std::size_t lane, double* nngp, "
            "double* ntk) {\n";
        for (std::size_t o = 0; o < outputs(); ++o) {
            const std::uint32_t k = source_.plan.output_arrays[o];
            const plan::PairArray& array = source_.plan.cross.arrays[k];
            const plan::Box& box = source_.plan.left_outputs[o];
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
            Scope scope = source_.scope();
            const std::string place = fmt::format("at.{}[{}]", source_.entries(source_.plan.cross, k),
                                                  kept.empty() ? "0" : scope.offset(array.box, kept));
            text += fmt::format("*nngp++ = {0}.C[lane];\n*ntk++ = {0}.T[lane];\n{1}", place, close);
        }
        return text + "}\n\n";
    }

    std::string interface() {
        std::string fields;
        std::string samples;
        std::string same;
        for (std::uint32_t k = 0; k < program().inputs.size(); ++k) {
            const std::string own = input(k);
            std::int64_t size = 1;
            for (const ir::Affine& axis : program().inputs[k].axes)
                size *= source_.linear(axis)(nullptr);
            fields += fmt::format("const double* {}; // count{}\n", own, axes(program().inputs[k]));
            samples += fmt::format("{}samples.{} + k * {}", k == 0 ? "" : ", ", own, size);
            same += fmt::format(" && left.{0} == right.{0}", own);
        }
        const std::size_t results = results_of_a_pair();
        std::string text = "struct Samples {\nstd::size_t count;\n" + fields + "};\n\n";
        text += one_number() ? "struct Result {\ndouble nngp, ntk;\n};\n\n"
                             : fmt::format("// One output after the other; of each the left index before the right one.\n"
                                           "struct Result {{\nstd::array<double, {0}> nngp, ntk;\n}};\n\n",
                                           results);
        if (compares_) {
            text += "inline bool equal(const Self& a, const Self& b) {\nreturn ";
            for (std::uint32_t k = 0; k < program().inputs.size(); ++k)
                text += fmt::format("{0}a.{1} == b.{1}", k == 0 ? "" : " && ", input(k));
            text += program().inputs.empty() ? "true;\n}\n\n" : ";\n}\n\n";
        }
        const std::string compare = compares_ ? "for (std::size_t lane = 0; lane < lanes; ++lane)\n    right.equal[lane] = "
                                                "equal(left, *right.samples[lane]);\n"
                                              : "";
        text +=
            "template <std::size_t lanes> void compare([[maybe_unused]] const Self& left, [[maybe_unused]] Selves<lanes>& "
            "right) {\n" +
            compare + "}\n\n";
        text += "inline Result kernel(const Self& left, const Self& right) {\nSelves<1> one({&right});\nPair<1> at;\n"
                "compare(left, one);\nevaluate(left, one, at);\nResult result{};\n";
        text += one_number() ? "results(at, 0, &result.nngp, &result.ntk);\n"
                             : "results(at, 0, result.nngp.data(), result.ntk.data());\n";
        text += "return result;\n}\n\n";
        text += "inline std::vector<Self> all_of(const Samples& samples) {\nstd::vector<Self> list;\n"
                "for (std::size_t k = 0; k < samples.count; ++k)\n    list.push_back(self(" +
                samples + "));\nreturn list;\n}\n\n";
        std::string sizes;
        for (std::size_t o = 0; o < outputs(); ++o)
            sizes += fmt::format("{}{}", o == 0 ? "" : ", ", members(o));
        const bool several = outputs() > 1;
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
};

} // namespace

std::optional<std::string> cpp(const plan::Plan& plan, const limit::Recursions& recursions, const About& about,
                               source::Diagnostics& diagnostics) {
    try {
        return File(plan, recursions, about).run();
    } catch (const Refusal& refusal) {
        diagnostics.report(source::Id::not_supported, refusal.span,
                           fmt::format("writing {} as a source file", refusal.what()));
        return std::nullopt;
    }
}

} // namespace tpc::emit
