#include "compiler/check/gia.hpp"
#include "compiler/ir/print.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tpc::check {
namespace {

struct Row {
    std::string name, shape, law;
};

std::string divided_by(std::string scale, std::string_view size) {
    const bool sum = scale.find_first_of("+-*/ ") != std::string::npos;
    return sum ? fmt::format("({}) / {}", scale, size) : fmt::format("{} / {}", scale, size);
}

Row row(const ir::Program& program, const ir::Parameter& parameter) {
    const ir::PrintNames names{&program};
    Row result;
    result.name = parameter.name;
    for (std::size_t k = 0; k < parameter.family.size(); ++k)
        result.name += (k == 0 ? "[" : ", ") + ir::print(names, parameter.family[k]);
    if (!parameter.family.empty())
        result.name += "]";
    const std::string scale = ir::print(names, parameter.scale), mean = ir::print(names, parameter.mean);
    switch (parameter.kind) {
    case ir::ParameterKind::matrix:
        result.name = "matrix " + result.name;
        result.shape = "n x n";
        result.law = fmt::format("N({}, {})", mean, divided_by(scale, "n"));
        break;
    case ir::ParameterKind::input_matrix: {
        std::string size = parameter.reads ? ir::print(names, *parameter.reads) : "d";
        if (size.find_first_of("+-*/ ") != std::string::npos)
            size = "(" + size + ")";
        result.name = "matrix " + result.name;
        result.shape = fmt::format("n x {}", size);
        result.law = fmt::format("N({}, {})", mean, divided_by(scale, size));
        break;
    }
    case ir::ParameterKind::vector:
        result.name = "vector " + result.name;
        result.shape = "n";
        result.law = fmt::format("N({}, {})", mean, scale);
        break;
    case ir::ParameterKind::scalar:
        result.name = "scalar " + result.name;
        result.shape = "1";
        result.law = fmt::format("N({}, {})", mean, scale);
        break;
    }
    const ir::Node& rate = program.exprs[parameter.rate];
    if (rate.op == ir::Op::number && rate.number == 0)
        result.law += ", frozen";
    else if (!(rate.op == ir::Op::number && rate.number == 1))
        result.law += ", rate " + ir::print(names, parameter.rate);
    return result;
}

} // namespace

std::string declaration(const ir::Program& program, std::uint32_t parameter, const std::string& name, const char* kind) {
    ir::Parameter made = program.parameters[parameter];
    made.name = name;
    made.family.erase(made.family.begin(), made.family.begin() + made.implicit);
    Row made_row = row(program, made);
    if (kind != nullptr)
        made_row.name = kind + made_row.name.substr(made_row.name.find(' '));
    return fmt::format("{} ~ {}", made_row.name, made_row.law.substr(0, made_row.law.find(", frozen")));
}

std::string describe(const Verdict& verdict, const ir::Program& program) {
    const ir::PrintNames names{&program};
    std::string text = verdict.holds ? std::string("the simple GIA condition holds\n")
                                     : fmt::format("the simple GIA condition fails: {} reason{}\n", verdict.reasons,
                                                   verdict.reasons == 1 ? "" : "s");
    std::vector<Row> rows;
    std::size_t name = 0, shape = 0;
    for (const ir::Parameter& parameter : program.parameters) {
        rows.push_back(row(program, parameter));
        name = std::max(name, rows.back().name.size());
        shape = std::max(shape, rows.back().shape.size());
    }
    if (!rows.empty())
        text += "parameters:\n";
    for (const Row& r : rows)
        text += fmt::format("    {:<{}}  {:<{}}  {}\n", r.name, name, r.shape, shape, r.law);
    text += "outputs:\n";
    for (const ir::Output& output : program.outputs) {
        std::string left = output.name;
        for (std::size_t k = 0; k < output.family.size(); ++k)
            left += (k == 0 ? "[" : ", ") + ir::print(names, output.family[k]);
        if (!output.family.empty())
            left += "]";
        text += left.empty() ? fmt::format("    {}\n", ir::print(names, output.value))
                             : fmt::format("    {} = {}\n", left, ir::print(names, output.value));
    }
    return text;
}

} // namespace tpc::check
