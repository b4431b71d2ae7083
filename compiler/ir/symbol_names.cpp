#include "compiler/ir/symbol_names.hpp"

#include <fmt/format.h>

namespace tpc::ir {

void SymbolCollector::add(Symbol symbol) {
    if (symbols_.insert(static_cast<std::uint32_t>(symbol)).second)
        found.push_back(symbol);
}

void SymbolCollector::add(const Affine& affine) {
    for (const auto& [symbol, coefficient] : affine.terms)
        add(symbol);
}

void SymbolCollector::add(const Range& range) {
    add(range.index);
    add(range.lower);
    add(range.upper);
}

void SymbolCollector::add(const Domain& domain) {
    for (const Range& range : domain.ranges)
        add(range);
    for (const Condition& condition : domain.conditions)
        add(condition.value);
}

void SymbolCollector::add(ExprId id) {
    if (!nodes_.insert(static_cast<std::uint32_t>(id)).second)
        return;
    const Node& node = program_.exprs[id];
    add(node.affine);
    for (const Range& range : node.ranges)
        add(range);
    for (const Affine& index : node.access.indices)
        add(index);
    for (ExprId child : node.children)
        add(child);
}

std::map<Symbol, std::string> distinct_names(const Program& program, const std::vector<Symbol>& symbols,
                                             const std::map<Symbol, std::string>& given) {
    std::map<Symbol, std::string> names;
    std::set<std::string> taken;
    for (const Symbol symbol : symbols)
        if (const auto fixed = given.find(symbol); fixed != given.end() || program.info(symbol).axis) {
            names[symbol] = fixed != given.end() ? fixed->second : program.info(symbol).name;
            taken.insert(names[symbol]);
        }
    for (const Symbol symbol : symbols) {
        if (names.contains(symbol))
            continue;
        std::string name = program.info(symbol).name;
        for (int k = 2; taken.contains(name); ++k)
            name = fmt::format("{}_{}", program.info(symbol).name, k);
        taken.insert(name);
        names[symbol] = std::move(name);
    }
    return names;
}

} // namespace tpc::ir
