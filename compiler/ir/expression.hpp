// Expressions of the tensor program: an append-only table of nodes, named by 32-bit ids, uniqued on construction.
//
// Types. A `vector` has n coordinates, a `finite` vector d (a sample's own), a `scalar` is one number per sample.
// Semantics of the operators (children are c0, c1 ...; n is the width):
//
//   number              the constant `number`                                             scalar
//   affine              the integer `affine` as a number (T, l, ...)                      scalar
//   variable            placeholder k (= target) of a coordinatewise function              vector
//   input               element `access` of input `target` (all axes indexed)             scalar
//   input_row           input `target` indexed at all axes but the last                   finite
//   parameter           vector or scalar parameter `target`, member `access`              vector | scalar
//   read                element `access` of family `target`                               the family's type
//   matmul              W @ c0, W' @ c0 if `transposed`; W = parameter `target`, member `access`;
//                       c0 is a vector (matrix) or finite (input matrix)                  vector
//   moment              c0' c1 / n of two vectors                                         scalar
//   mean                (1/n) sum of the coordinates of c0                                scalar
//   gram                c0' c1 of two finite vectors                                      scalar
//   width_power         n^(power/2), `power` in `target` as int; only in outputs          scalar
//   apply               `function` of the children, coordinatewise, scalars broadcast     vector if a child is, else finite,
//   else scalar reduce              `reduction` of c0 over `ranges` (coordinatewise on vectors)       c0's type
//
// `u' @ x` is a moment times n; resolve leaves `moment` alone where the source divides by n, and multiplies it by
// width_power where an output divides by sqrt(n) (v'x/sqrt(n) = moment(v, x) * n^(1/2), power = 1).
// A number where a vector is needed stays a scalar node: it broadcasts.
#pragma once

#include "compiler/ir/affine.hpp"
#include "compiler/source/source.hpp"

#include <llvm/ADT/ArrayRef.h>
#include <llvm/ADT/DenseMap.h>

#include <string_view>
#include <unordered_map>

namespace tpc::ir {

enum class ExprId : std::uint32_t {};

enum class Type : std::uint8_t { scalar, finite, vector };

enum class Op : std::uint8_t {
    number,
    affine,
    variable,
    input,
    input_row,
    parameter,
    read,
    matmul,
    moment,
    mean,
    gram,
    width_power,
    apply,
    reduce
};

enum class Function : std::uint8_t {
    neg,
    add,
    sub,
    mul,
    div,
    pow, // binary but neg; pow(x, y): y a scalar
    relu,
    leaky_relu,
    abs,
    sign,
    step,
    erf,
    erfc,
    gelu,
    tanh,
    sigmoid,
    softplus,
    silu,
    elu,
    sin,
    cos,
    exp,
    log,
    sqrt,
    square,
    hardtanh,
    max,
    min, // leaky_relu(x, a), max(x, y), min(x, y)
};
// `identity(x)` is x, `where(p > q, x, y)` is y + step(p - q) * (x - y): resolve leaves neither behind.

enum class Reduction : std::uint8_t { sum, mean, max, min, prod, logsumexp };

enum class IndexMode : std::uint8_t { none, zero, wrap, clamp };

struct Access {
    llvm::SmallVector<Affine, 2> indices;
    IndexMode mode = IndexMode::none;
    friend bool operator==(const Access&, const Access&) = default;
};

struct Node {
    Op op = Op::number;
    Type type = Type::scalar;
    Function function = Function::neg;
    Reduction reduction = Reduction::sum;
    bool transposed = false;
    std::uint32_t target = 0;
    double number = 0;
    Affine affine;
    Access access;
    llvm::SmallVector<Range, 1> ranges;
    llvm::SmallVector<ExprId, 2> children;
    source::Span span;   // where it stands; part of the identity, so that two uses stay two nodes for diagnostics
    source::Span matrix; // matmul: where its matrix stands, with indices and '
    friend bool operator==(const Node&, const Node&) = default;
};

class ExprTable {
  public:
    ExprId add(Node node); // the id of an equal node if there is one
    [[nodiscard]] const Node& operator[](ExprId id) const { return nodes_[static_cast<std::uint32_t>(id)]; }
    [[nodiscard]] std::size_t size() const { return nodes_.size(); }

    // Conveniences; numbers are folded, 0 and 1 are dropped.
    ExprId number(double value);
    ExprId affine(const Affine& value); // a number where it is an integer
    ExprId apply(Function function, llvm::ArrayRef<ExprId> arguments, source::Span span = {});

  private:
    std::vector<Node> nodes_;
    std::unordered_multimap<std::size_t, ExprId> index_;
};

// Equal but for spans and the names of bound indices.
bool same(const ExprTable& table, ExprId a, ExprId b);

std::string_view name_of(Function function);
std::string_view name_of(Reduction reduction);
std::string_view name_of(IndexMode mode); // "", "zero", ...

bool is_binary(Function function); // takes two arguments, else one
bool has_kink(Function function);  // or a jump, somewhere

// The value of `function` at numbers (coordinatewise meaning, language.md section 5: step(0) = 1/2 ...).
double evaluate(Function function, llvm::ArrayRef<double> arguments);

// d function / d argument k as an expression of `arguments`; kinks give the mean of the one-sided derivatives, jumps 0.
ExprId derivative(ExprTable& table, Function function, llvm::ArrayRef<ExprId> arguments, unsigned k);

// The derivative of a coordinatewise expression (apply, number, variable and anything scalar) with respect to variable k.
ExprId derivative(ExprTable& table, ExprId expression, unsigned variable);

// Rebuilds `root` bottom-up: `replace(id)` may give another expression for a node (its children are not visited then),
// symbols in affine parts are replaced by `symbol`.
ExprId rewrite(ExprTable& table, ExprId root, const std::function<std::optional<ExprId>(ExprId)>& replace,
               const std::function<std::optional<Affine>(Symbol)>& symbol = nullptr);
// With other expressions for symbols only.
ExprId renamed(ExprTable& table, ExprId root, const std::function<std::optional<Affine>(Symbol)>& symbol);

} // namespace tpc::ir
