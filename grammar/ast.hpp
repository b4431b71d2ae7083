// The syntax tree of a .tp file, as written: nothing is resolved, every node knows its span.
#pragma once

#include "compiler/source/source.hpp"

#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace tpc::ast {

using source::Span;

struct Name {
    std::string text;
    Span span;
};

enum class IndexMode { none, zero, wrap, clamp };

enum class ExprKind {
    number,    // `number`, `integer` tells 3 from 3.0; also the words true and false (as `name`)
    name,      // `name`
    index,     // children[0] '[' children[1..] ('|' mode)? ']'
    call,      // children[0] '(' children[1..] ')'; children[0] is a name or an index (`r[l](x)`)
    transpose, // children[0] '
    negate,    // - children[0]
    binary,    // children[0] op children[1]
    compare,   // children[0] op children[1]; only in `if` and in the first argument of `where`
    reduce,    // name '(' ranges ':' children[0] ')', name = sum mean max min prod logsumexp
};

enum class Operator { add, sub, mul, div, pow, matmul, eq, ne, lt, le, gt, ge };

struct Range; // `i in a..b`

// One struct for all kinds: a pass switches on `kind` and reads the members that the kind lists above.
struct Expr {
    ExprKind kind = ExprKind::number;
    Span span; // the whole expression, without enclosing parentheses
    Span op;   // the operator, where there is one
    std::string name;
    double number = 0;
    bool integer = false;
    Operator oper = Operator::add;
    IndexMode mode = IndexMode::none;
    std::vector<Expr> children;
    std::vector<Range> ranges;
};

struct Range {
    Name index;
    Expr lower;
    Expr upper;
    Span span;
};

enum class ParameterType { real, integer };

// `name`, `name = default`, `name: int = default` in a program or block header.
struct HeaderParameter {
    Name name;
    ParameterType type = ParameterType::real;
    std::optional<Expr> value;
    Span span;
};

struct Program {
    Name name;
    std::vector<HeaderParameter> parameters;
};

// `input xi : R[T, d]`, `input y : R`
struct Input {
    Name name;
    std::vector<Expr> axes;
};

enum class RandomKind { matrix, vector, scalar };

// `frozen matrix K[l in 2..L] ~ N(mean, variance) rate e`
struct Random {
    RandomKind kind = RandomKind::matrix;
    bool frozen = false;
    Name name;
    std::vector<Range> family;
    Expr mean;
    Expr variance;
    std::optional<Expr> rate;
};

struct Function {
    Name name;
    std::vector<Name> arguments;
    Expr body;
};

struct Stmt;

// `block name(compile-time parameters; arguments) { body }`
struct Block {
    Name name;
    std::vector<HeaderParameter> parameters;
    std::vector<Name> arguments;
    std::vector<Stmt> body;
};

struct Use {
    Name block;
    std::vector<std::pair<Name, Expr>> values; // `use dense(sw = 2) as f`
    Name alias;
    std::vector<Range> family;
};

constexpr std::uint32_t no_module = 0xFFFFFFFF;

// `import "path"`
struct Import {
    std::string path;
    Span span;                        // of the path with its quotes
    std::uint32_t module = no_module; // in Tree::modules; set by `load`
};

// `name = value`, `name[indices] = value`
struct Assign {
    Name target;
    std::vector<Expr> indices;
    Span target_span; // name and indices
    Expr value;
};

struct For {
    std::vector<Range> ranges;
    std::vector<Stmt> body;
};

struct If {
    Expr condition; // a compare, or true / false
    std::vector<Stmt> then_body;
    std::vector<Stmt> else_body; // `else if` is an If as the only statement here
};

struct Output {
    std::optional<Name> name;
    std::vector<Range> family;
    Expr value;
};

struct Return {
    Expr value;
};

struct Stmt {
    Span span;
    std::variant<Program, Input, Random, Function, Block, Use, Import, Assign, For, If, Output, Return> node;
};

// An imported file.
struct Module {
    std::uint32_t file = 0;
    std::vector<Stmt> statements;
};

// One parsed file, with what it imports where it has been loaded: each file once, behind those that it imports itself.
struct Tree {
    std::vector<Stmt> statements;
    std::vector<Module> modules;
    bool incomplete = false;       // an import failed: unknown names may be its
    bool broken = false;           // statements with syntax errors have been left out
    std::set<std::string> unclear; // names that they may have given
};

} // namespace tpc::ast
