// What the symbols of a print are called.
#pragma once

#include "compiler/ir/program.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace tpc::ir {

// The symbols of what is printed, in the order in which they are met.
class SymbolCollector {
  public:
    std::vector<Symbol> found;

    explicit SymbolCollector(const Program& program) : program_(program) {}
    void add(Symbol symbol);
    void add(const Affine& affine);
    void add(const Range& range);
    void add(const Domain& domain);
    void add(ExprId id);

  private:
    const Program& program_;
    std::set<std::uint32_t> symbols_;
    std::set<std::uint32_t> nodes_;
};

// Axes keep their names; of the others the first keeps its name, later ones of the same name get a number.
std::map<Symbol, std::string> distinct_names(const Program& program, const std::vector<Symbol>& symbols,
                                             const std::map<Symbol, std::string>& given);

} // namespace tpc::ir
