// The tensor program: values over index families, in the order of the source.
#pragma once

#include "compiler/ir/expression.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tpc::ir {

struct SymbolInfo {
    std::string name;
    bool axis = false; // else a loop, sum or family index
    source::Span span;
};

struct Input {
    std::string name;
    std::vector<Affine> axes; // sizes; `R` alone has none
    source::Span span;
};

enum class ParameterKind : std::uint8_t { matrix, input_matrix, vector, scalar };

// A family of independent random objects (a single one has no ranges).
// Covariance of what it gives (limits.md section 1), with `scale` an expression of numbers, axes and the family's indices:
//   matrix        entries of variance scale / n :  Cov(W x, W y) = scale * E[x y]
//   input_matrix  entries of variance scale / d :  Cov(U x, U y) = scale * x'y / d,  d = `reads`
//   vector        mean `mean`, variance `scale`;   scalar likewise
// `rate` multiplies its term of the NTK (0 when frozen; equal to `scale` under --rates variance unless the program says
// one).
struct Parameter {
    std::string name;
    ParameterKind kind = ParameterKind::vector;
    std::vector<Range> family;
    ExprId mean{};
    ExprId scale{};
    ExprId rate{};
    std::optional<Affine> reads; // input_matrix: the size d of what it reads
    source::Span span;
    unsigned implicit = 0; // so many leading indices are those of the instance of the block that declares it
};

struct Family {
    std::string name;
    Type type = Type::vector;
    unsigned rank = 0;
    source::Span span;
    // So many leading indices do not stand in the source: the loops around a name that is local to a turn, the member of an
    // instance of a block. They may have gaps, and messages leave them out.
    unsigned implicit = 0;
};

// target[indices] = value, for every point of `domain`.
struct Statement {
    std::uint32_t family = 0;
    std::vector<Affine> indices;
    ExprId value{};
    Domain domain;
    source::Span span;        // the whole statement
    source::Span target_span; // its left side
};

// The order of execution: a list of statements (indices into Program::statements) and loops over such lists.
// The ranges of the loops around a statement are its domain's ranges, in the same order.
struct Item;
struct Loop {
    Range range;
    std::vector<Item> body;
};
struct Item {
    std::variant<std::uint32_t, Loop> node;
};

// Inside loops over these ranges, outermost first.
inline std::vector<Item> in_loops(const std::vector<Range>& ranges, std::vector<Item> items) {
    for (auto range = ranges.rbegin(); range != ranges.rend(); ++range) {
        Item loop{Loop{*range, std::move(items)}};
        items.clear();
        items.push_back(std::move(loop));
    }
    return items;
}

struct Output {
    std::string name; // empty when the program has one unnamed output
    std::vector<Range> family;
    ExprId value{};
    source::Span span;
};

// A call whose body stands in the program in its place, for messages: calls of one place within different calls differ.
struct Call {
    std::string name;
    source::Span span, body;
    std::optional<std::uint32_t> caller; // within the body of which call
};

struct Program {
    std::string name;
    std::vector<SymbolInfo> symbols; // by Symbol
    ExprTable exprs;
    std::vector<Input> inputs;
    std::vector<Parameter> parameters;
    std::vector<Family> families;
    std::vector<Statement> statements;
    std::vector<Item> body;
    std::vector<Output> outputs;
    std::map<Symbol, std::int64_t> sizes; // axes given by -D
    std::vector<Call> calls;

    Symbol fresh(std::string symbol_name, bool axis, source::Span span = {}) {
        symbols.push_back({std::move(symbol_name), axis, span});
        return static_cast<Symbol>(symbols.size() - 1);
    }
    [[nodiscard]] const SymbolInfo& info(Symbol s) const { return symbols[static_cast<std::uint32_t>(s)]; }
};

// Values of all axes for one sample (or one sample set).
using Sizes = std::map<Symbol, std::int64_t>;

} // namespace tpc::ir
