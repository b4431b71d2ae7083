#include "compiler/check/uses.hpp"
#include "compiler/formula/formula.hpp"

#include <fmt/format.h>

namespace tpc::formula {

using namespace ir;
using Kind = Formula::Kind;

namespace {

// Every symbol of a formula, in reading order.
class Walk {
  public:
    Walk(const Program& program, std::vector<Symbol>& found) : program_(program), found_(found) {}

    void add(Symbol s) {
        if (seen_.insert(s).second)
            found_.push_back(s);
    }
    void add(const Affine& a) {
        for (const auto& [symbol, _] : a.terms)
            add(symbol);
    }
    void add(const Access& access) {
        for (const Affine& index : access.indices)
            add(index);
    }
    void add(const Domain& domain) {
        for (const Range& range : domain.ranges) {
            add(range.index);
            add(range.lower);
            add(range.upper);
        }
        for (const Condition& c : domain.conditions)
            add(c.value);
    }
    void add(ExprId id) {
        check::visit(program_.exprs, id, [&](ExprId, const Node& node) {
            add(node.affine);
            add(node.access);
            Domain inner;
            inner.ranges.assign(node.ranges.begin(), node.ranges.end());
            add(inner);
        });
    }
    void add(const Formula& f) {
        if (f.kind == Kind::scalar)
            add(f.expr);
        for (const auto* side : {&f.lefts, &f.rights})
            for (const limit::Element& element : *side)
                add(element.access);
        if (f.left)
            add(f.left->access);
        if (f.right)
            add(f.right->access);
        add(f.size);
        add(f.over);
        for (const diff::Fold& fold : f.folds) {
            add(fold.read);
            add(fold.target);
        }
        for (const Formula& child : f.children)
            add(child);
    }

  private:
    const Program& program_;
    std::vector<Symbol>& found_;
    std::set<Symbol> seen_;
};

} // namespace

std::vector<Symbol> symbols_of(const Program& program, const Formula& formula) {
    std::vector<Symbol> found;
    Walk(program, found).add(formula);
    return found;
}

std::vector<Symbol> symbols_of(const Program& program, const Line& line) {
    std::vector<Symbol> found;
    Walk walk(program, found);
    walk.add(line.target);
    walk.add(line.domain);
    walk.add(line.value);
    return found;
}

std::map<Symbol, std::string> names_of(const Program& program, const std::vector<Symbol>& symbols, bool one_sample) {
    std::map<Symbol, std::string> names;
    std::set<std::string> taken;
    for (const Symbol symbol : symbols)
        if (program.info(symbol).axis)
            taken.insert(names[symbol] = program.info(symbol).name);
    for (const Symbol symbol : symbols) {
        if (names.contains(symbol))
            continue;
        std::string stem = program.info(symbol).name;
        const bool primed = stem.size() > 1 && stem.back() == '_';
        if (primed)
            stem.pop_back();
        const char* mark = primed && !one_sample ? "_" : "";
        std::string name = stem + mark;
        for (int k = 2; !taken.insert(name).second; ++k)
            name = fmt::format("{}{}{}", stem, k, mark);
        names[symbol] = name;
    }
    return names;
}

std::optional<std::pair<Affine, Affine>> sides(const Program& program, const Condition& condition) {
    Affine left(condition.value.constant), right;
    bool flip = false;
    bool own = false;
    for (const auto& [symbol, coefficient] : condition.value.terms) {
        const SymbolInfo& info = program.info(symbol);
        const bool primed = info.name.size() > 1 && info.name.back() == '_';
        const Affine term = coefficient * Affine::of(symbol);
        if (primed)
            right = right - term;
        else
            left = left + term;
        own = own || !primed;
        flip = flip || (!primed && info.axis && coefficient < 0);
    }
    if (condition.relation != Relation::zero || !own || right.is_constant())
        return std::nullopt;
    return flip ? std::pair(-left, -right) : std::pair(left, right);
}

} // namespace tpc::formula
