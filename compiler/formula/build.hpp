// The formulas while they are being written, and the parts that they are made of.
#pragma once

#include "compiler/diff/gather.hpp"
#include "compiler/formula/algebra.hpp"

namespace tpc::formula {

struct Build {
    explicit Build(const limit::Recursions& given);

    const limit::Recursions& recursions;
    const network::Network& network;
    Formulas result; // its program gains symbols and expressions
    std::size_t statements = 0;
    std::vector<diff::Box> boxes;             // by family
    std::vector<std::size_t> position;        // of statements and outputs, in the order of execution
    std::vector<limit::Equation> cross, self; // in that order

    ir::ExprTable& table() { return result.program.exprs; }
    [[nodiscard]] bool is_output(const limit::Equation& equation) const { return equation.left_statement >= statements; }
    [[nodiscard]] bool is_axis(ir::Symbol s) const { return result.program.info(s).axis; }
    [[nodiscard]] ir::Affine prime(const ir::Affine& a) const;
};

struct Instance {                        // the pairs of one equation
    std::vector<ir::Affine> left, right; // indices of the targets
    ir::Domain domain;
    Values values; // of symbols that equalities of the domain fix
};

// The pairs of one equation (formula_pairs.cpp). `simplify` solves what equalities it can and drops what always holds.
Instance instance_of(const Build& build, const limit::Equation& equation, bool self);
void simplify(const Build& build, ir::Domain& domain, Values& values);

// Parts that C, T and D share (formula_terms.cpp).
limit::Element own(const Build& build, std::size_t statement, const std::vector<ir::Affine>& indices);
Formula target(const Build& build, const limit::Equation& equation, const Instance& instance, Quantity quantity, bool self);
Formula coefficient(Build& build, ir::ExprId e, const std::vector<ir::Range>& ranges, const std::vector<ir::Affine>& point,
                    bool right, const Values& values, bool self);
Formula coefficients(Build& build, const limit::Equation& equation, const limit::PairTerm& term, const Instance& instance,
                     bool self);
ir::Domain over_of(const limit::PairTerm& term, const Instance& instance);
Formula scale_of(Build& build, const limit::PairTerm& term, const Instance& instance, bool rate);
Formula inner(const Build& build, const limit::Equation& equation, const limit::PairTerm& term, const Instance& instance,
              bool self);
Formula dual(const Build& build, const limit::Equation& equation, const Instance& instance, bool derivatives, bool self);

// Right sides of C (formula_covariance.cpp).
Formula expectation(Quantity quantity, const limit::GroupRead& group, const Instance& instance, bool self);
Formula group_C(const limit::GroupRead& group, const Instance& instance, bool self);
Formula value_C(Build& build, const limit::Equation& equation, const Instance& instance, bool self);

// Right sides of T (formula_tangent.cpp). With `through`, the operands' own T as well; without it only what the parameters
// of this equation add.
Formula other_groups(const limit::Equation& equation, std::size_t k, const Instance& instance);
Formula value_T(Build& build, const limit::Equation& equation, const Instance& instance, bool through);

// Each adds lines to build.result.
void self_lines(Build& build);                                // one sample alone: numbers, means, C
void backward(Build& build, const limit::Equation& equation); // D: the transpose of T
void merge_backward(Build& build);                            // lines of D for the same elements become one
void ntk_of_gradients(Build& build);                          // the kernel from D
void name_functions(Build& build);

} // namespace tpc::formula
