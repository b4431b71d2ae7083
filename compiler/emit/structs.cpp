#include "compiler/emit/parts.hpp"

#include <fmt/format.h>

namespace tpc::emit {

std::string functions(const Parts& parts) {
    std::string text;
    std::set<std::size_t> used;
    for (const Feature& feature : parts.source.functions.features)
        used.insert(feature.function);
    for (const std::size_t k : used) {
        const FunctionFacts& f = parts.source.functions[k];
        std::string bends;
        for (const gaussian::Bend& bend : f.bends)
            bends += fmt::format("{}{{{}, {}}}", bends.empty() ? "" : ", ", literal(bend.at), literal(bend.width));
        const auto define = [&](const std::string& own, const std::string& body) {
            return fmt::format("inline double {}([[maybe_unused]] double z) {{\nreturn {};\n}}\n", own, body);
        };
        text += commented(fmt::format("{}(z) = {}", f.name, f.about)) + define(f.name, f.value) +
                define(f.name + "_slope", f.slope) +
                fmt::format("const std::vector<Bend> {}_bends{{{}}};\n\n", f.name, bends);
    }
    return text;
}

namespace {

std::string vector(const std::string& type, const std::string& own, std::int64_t size) {
    return fmt::format("std::vector<{0}> {1} = std::vector<{0}>({2});", type, own, size);
}

std::string self_members(const Parts& parts) {
    std::string text;
    const std::string all = parts.self + parts.pairs;
    const auto member = [&](const std::string& type, const std::string& own, std::int64_t size, const std::string& about) {
        if (mentions(all, own))
            text += vector(type, own, size) + (about.empty() ? "" : " // " + about) + "\n";
    };
    for (std::uint32_t k = 0; k < parts.program().inputs.size(); ++k)
        text += vector("double", parts.input(k), parts.input_size(k)) + "\n";
    for (std::uint32_t k = 0; k < parts.source.self.finite.size(); ++k)
        if (const plan::FiniteArray& array = parts.source.self.finite[k]; !array.input)
            member("double", parts.source.finite(k), array.box.count() * array.length, "");
    for (std::uint32_t k = 0; k < parts.source.self.coefficients.size(); ++k)
        member("double", parts.source.weight(k), parts.source.self.coefficients[k].box.count(), "");
    for (std::uint32_t f = 0; f < parts.program().families.size(); ++f) {
        const std::int64_t size = parts.source.self.boxes[f].count();
        const std::string& own = parts.program().families[f].name;
        if (parts.program().families[f].type == ir::Type::scalar)
            member("double", parts.source.scalar(f), size, own);
        if (parts.source.has_mean[f])
            member("double", parts.source.mean(f), size, "M(" + own + ")");
        if (parts.source.has_second[f]) {
            member("double", parts.source.norm(f), size, fmt::format("C({0}, {0})^1/2", own));
            member("double", parts.source.over(f), size, "1 / that");
        }
    }
    for (const Feature& feature : std::set<Feature>(parts.source.functions.features))
        member("Series<1>", parts.source.feature(feature), parts.source.self.boxes[feature.family].count(), "");
    for (std::uint32_t k = 0; k < parts.source.self.part.arrays.size(); ++k) {
        const plan::PairArray& array = parts.source.self.part.arrays[k];
        if (!array.output)
            member(array.value ? "double" : "Gaps", parts.source.entries(parts.source.self.part, k), array.box.count(), "");
    }
    return text;
}

} // namespace

std::string structs(const Parts& parts) {
    std::string text = "// What pairs need of one sample; the indices of the program run row by row.\nstruct Self {\n" +
                       self_members(parts) + "};\n\n";
    text += "template <std::size_t lanes, class T>\n"
            "std::vector<std::array<T, lanes>> side_by_side(const std::array<const Self*, lanes>& samples,\n"
            "                                               std::vector<T> Self::*member) {\n"
            "std::vector<std::array<T, lanes>> rows((samples[0]->*member).size());\n"
            "for (std::size_t lane = 0; lane < lanes; ++lane) {\n"
            "for (std::size_t k = 0; k < rows.size(); ++k)\n"
            "    rows[k][lane] = (samples[lane]->*member)[k];\n}\n"
            "return rows;\n}\n\n";
    if (parts.source.pieces.contains("features"))
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
    for (const auto& [own, type] : parts.right_members)
        text += fmt::format("std::vector<{}> {} = side_by_side<lanes>(samples, &Self::{});\n",
                            type == "Series"   ? "Series<lanes>"
                            : type == "double" ? "Row<lanes>"
                                               : "std::array<" + type + ", lanes>",
                            own, own);
    if (parts.compares)
        text += "std::array<bool, lanes> equal{}; // to the left sample\n";
    text += "};\n\n// Of one left sample with several right ones.\ntemplate <std::size_t lanes> struct Pair {\n";
    for (std::uint32_t k = 0; k < parts.source.plan.whole().arrays.size(); ++k) {
        const plan::PairArray& array = parts.source.plan.whole().arrays[k];
        text += vector(array.value ? "Value<lanes>" : "Entry<lanes>", parts.source.entries(parts.source.plan.whole(), k),
                       array.box.count()) +
                "\n";
    }
    return text + "};\n\n";
}

} // namespace tpc::emit
