// Hidden vectors of the reference as sums of products of functions of one Gaussian each.
#pragma once

#include "compiler/ir/expression.hpp"

#include <map>
#include <optional>
#include <vector>

namespace tpc::tests {

// A combination of Gaussians, by number; `Values` knows those that stand in functions, scaled to have 1 first.
using Combination = std::map<int, double>;

// function(base), over variable 0.
struct Factor {
    ir::ExprId function{};
    int base = 0;
    auto operator<=>(const Factor&) const = default;
};
// Factors have different bases, in order.
struct Term {
    double coefficient = 1;
    std::vector<Factor> factors;
};
struct Vector {
    double constant = 0;
    Combination linear;
    std::vector<Term> terms;
};

class Values {
  public:
    ir::ExprTable table;
    ir::ExprId variable{};
    std::vector<Combination> bases;

    Values();
    [[nodiscard]] Vector sum(const Vector& a, double scale, const Vector& b) const; // a + scale b
    Vector product(const Vector& a, const Vector& b);
    // Throws OutOfReach where the arguments are no functions of one Gaussian.
    Vector apply(ir::Function function, const std::vector<Vector>& arguments);

    // Linear parts as factors.
    std::vector<Term> expanded(const Vector& a);
    // Equal bases merged.
    std::vector<Factor> merged(const std::vector<Factor>& a, const std::vector<Factor>& b);
    ir::ExprId derivative(ir::ExprId function);

  private:
    std::map<ir::ExprId, ir::ExprId> derivatives_;

    int base_of(const Combination& scaled);
    std::optional<ir::ExprId> function_of_one(const Vector& a, int& base);
};

} // namespace tpc::tests
