#include "compiler/formula/build.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tpc::formula {

using namespace ir;
using Kind = Formula::Kind;

namespace {

void name_function(Build& build, const std::optional<ExprId>& function) {
    if (!function)
        return;
    const Node& node = build.table()[*function];
    const bool plain = node.op == Op::apply && node.children.size() == 1 &&
                       build.table()[node.children[0]].op == Op::variable && node.function != Function::neg;
    const bool known = std::any_of(build.result.functions.begin(), build.result.functions.end(),
                                   [&](const auto& f) { return same(build.table(), f.second, *function); });
    if (!plain && !known)
        build.result.functions.emplace_back("", *function);
}

void name_functions(Build& build, const Formula& f) {
    if (f.kind == Kind::dual) {
        name_function(build, f.left_function);
        name_function(build, f.right_function);
    }
    for (const Formula& child : f.children)
        name_functions(build, child);
}

} // namespace

void name_functions(Build& build) {
    for (const auto* lines : {&build.result.self, &build.result.forward, &build.result.tangent, &build.result.kernels,
                              &build.result.backward, &build.result.ntk})
        for (const Line& line : *lines)
            name_functions(build, line.value);
    std::set<std::string> taken;
    for (const Family& family : build.result.program.families)
        taken.insert(family.name);
    for (const Input& input : build.result.program.inputs)
        taken.insert(input.name);
    int next = 1;
    for (auto& [name, unused] : build.result.functions) {
        do {
            name = build.result.functions.size() == 1 && next == 1 ? "phi" : fmt::format("phi{}", next);
            ++next;
        } while (taken.contains(name));
    }
}

std::string function_name(const Formulas& formulas, ExprId function) {
    for (const auto& [name, known] : formulas.functions)
        if (same(formulas.program.exprs, known, function))
            return name;
    return std::string(name_of(formulas.program.exprs[function].function));
}

} // namespace tpc::formula
