// Predicates on vector expressions and the form of a statement (network.hpp).
#pragma once

#include "compiler/network/network.hpp"

namespace tpc::network {

// The outermost operation is linear: a matrix, a parameter, a read, a number, a sum or a multiple of vectors.
bool is_linear_root(const ir::ExprTable& table, ir::ExprId e);

// A linear combination of vectors, each a matrix, a parameter or a read.
bool is_linear_throughout(const ir::ExprTable& table, ir::ExprId e);

// x[i+1 | zero]: outside the family it is the vector 0, no element.
bool may_read_zero(const ir::ExprTable& table, ir::ExprId e);

// A function of one family element (possibly read several times) and of constants, not linear in it as a whole.
bool single_read_function(const ir::ExprTable& table, ir::ExprId e);

// A number times a vector, or its negative.
bool is_multiple(const ir::ExprTable& table, ir::ExprId e);

// A linear combination of functions with kinks or jumps and of smooth ones without a closed form: no one method takes the
// sum as a single function, while each pair of its terms has one.
bool mixes_kinks_and_series(const ir::ExprTable& table, ir::ExprId e);

// A product of vectors that are reads or such products.
bool is_product(const ir::ExprTable& table, ir::ExprId e);

// The value does not depend on the sample: numbers, indices and axes only.
bool is_constant(const ir::ExprTable& table, ir::ExprId e);

Form form_of(ir::Program& program, const ir::Statement& statement);

} // namespace tpc::network
