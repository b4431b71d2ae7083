// The tensor program in the shape that differentiation and the limit work on: every statement is one of five forms.
//
// Preactivations (linear arguments of nonlinearities), operands of matrices and of moments get names of their own, so
// that a covariance is always one between elements of named families.
#pragma once

#include "compiler/check/gia.hpp"
#include "compiler/ir/program.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tpc::network {

// What a linear statement sums. `one` is the constant vector.
enum class Base { matmul, input, parameter, read, one };

// sum over `ranges` of coefficient * base
//   matmul     W[member] @ operand (W' if transposed), operand an element of a vector family
//   input      U[member] @ operand, operand an element of a finite family or a row of an input
//   parameter  b[member]
//   read       the element `operand` of a vector family
struct LinearTerm {
    Base base = Base::one;
    std::vector<ir::Range> ranges;
    ir::ExprId coefficient{}; // scalar
    std::uint32_t parameter = 0;
    ir::Access member;
    bool transposed = false;
    std::uint32_t operand = 0; // family; or input if `operand_is_input`
    bool operand_is_input = false;
    ir::Access access;
    source::Span span;

    [[nodiscard]] bool reads_vector() const { return base == Base::read || (base == Base::matmul && !operand_is_input); }
};

enum class FormKind {
    linear,     // sum of `terms`
    activation, // `function` (over variable 0) of the element `reads[0]`
    product,    // product of the elements `reads`
    general,    // any other function of the elements `reads`
    scalar,     // a number per sample
    finite,     // a finite vector per sample
};

struct ElementRead {
    std::uint32_t family = 0;
    ir::Access access;
    std::vector<ir::Range> ranges = {}; // of the maxima, sums ... around it (general)
};

struct Form {
    FormKind kind = FormKind::general;
    std::vector<LinearTerm> terms;
    ir::ExprId function{};
    std::vector<ElementRead> reads;
};

// An output as a linear statement: readouts v' x / sqrt(n) are matmul terms whose matrix is the vector parameter v
// (its covariance is Var(v) C(x, x_), its tangent rate_v C(x, x_) + Var(v) T(x, x_): the rules of a matrix). If some term
// reads members of v under an index mode, all readouts with v are reads of products v[member] * x.
struct OutputForm {
    std::string name;
    std::vector<ir::Range> family;
    std::vector<LinearTerm> terms;
    source::Span span;
};

struct Network {
    ir::Program program;           // with the named preactivations
    std::uint32_t first_given = 0; // families from this one on have names that the compiler gave
    std::vector<Form> forms;       // by statement
    std::vector<bool> gaussian;    // by family: every element is a linear combination of atoms and constants
    std::vector<OutputForm> outputs;
    std::vector<std::vector<check::OutputTerm>> output_terms; // the same outputs, as differentiation reads them
};

Network name_preactivations(ir::Program program, std::vector<std::vector<check::OutputTerm>> outputs);

} // namespace tpc::network
