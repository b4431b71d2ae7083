// The recursions as formulas on paper: what print and print_latex write, and nothing else reads.
//
// Symbols of the right sample are the primed ones of Recursions; new ones may appear where an index is solved for.
#pragma once

#include "compiler/diff/backward.hpp"
#include "compiler/limit/recursion.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace tpc::formula {

enum class Quantity { C, T, D };

struct Formula {
    enum class Kind {
        number,
        scalar,      // `expr` (of the right sample if `right`), or its inverse
        covariance,  // quantity(left, right)
        mean,        // M(left), of the right sample if `right`
        inner,       // <left, right> / size: rows of inputs or finite vectors
        dual,        // E[left_function . right_function] or of their derivatives, of the Gaussians left, right; without
                     // `right` E[left_function]
        expectation, // E[product of `lefts` and `rights`] over the Gaussians g, g_ that they are functions of; for T the sum
                     // over these of E[d lefts / dg d rights / dg_] T(g, g_), for D that factor alone
        gaussians,   // quantity(g, g_) of those Gaussians
        kernel,      // nngp or ntk of an output
        bracket,     // 1 where the conditions of `over` hold, else 0
        product,
        add,
        sum, // of the one child, over `over` and `folds`
    };
    Kind kind = Kind::number;
    double number = 0;
    ir::ExprId expr{};
    bool inverse = false;
    bool right_sample = false;
    Quantity quantity = Quantity::C;
    bool one_sample = false; // left and right are of the same sample: of the right one if `right_sample`
    std::optional<limit::Element> left, right;
    std::vector<limit::Element> lefts, rights;
    bool left_input = false, right_input = false;
    ir::Affine size;
    std::optional<ir::ExprId> left_function, right_function; // nothing: the identity
    bool derivatives = false;
    bool left_mean = false, right_mean = false; // the Gaussians may not be centred
    std::size_t output = 0;
    ir::Domain over;
    std::vector<diff::Fold> folds;
    std::vector<Formula> children;
};

struct Line {
    Formula target;
    bool adds = false;
    Formula value;
    ir::Domain domain;
    std::optional<std::size_t> output; // holds for this output only
};

struct Formulas {
    ir::Program program;
    std::vector<std::pair<std::string, ir::ExprId>> functions;        // named because they are no single word
    std::vector<Line> self, forward, tangent, kernels, backward, ntk; // ntk from D
    bool several_outputs = false;
};

Formulas formulas(const limit::Recursions& recursions);

// The statements that expectations over several Gaussians are taken of: all involved vectors that are not Gaussian, where
// there is such an expectation.
std::vector<std::size_t> sampled_statements(const limit::Recursions& recursions);

// The families whose C is that of deviations from M, each with the family of their sums with M, where that is needed as
// well.
std::vector<std::pair<std::uint32_t, std::optional<std::uint32_t>>>
families_of_deviations(const limit::Recursions& recursions);

// The symbols of a line or formula in the order in which a reader meets them.
std::vector<ir::Symbol> symbols_of(const ir::Program& program, const Line& line);
std::vector<ir::Symbol> symbols_of(const ir::Program& program, const Formula& formula);

// Distinct names; those of the right sample end with `_`.
std::map<ir::Symbol, std::string> names_of(const ir::Program& program, const std::vector<ir::Symbol>& symbols,
                                           bool one_sample);

// left == right with what belongs to one sample on each side and axes first: T - t == T_ - t_. Nothing when the condition is
// no equality between the samples.
std::optional<std::pair<ir::Affine, ir::Affine>> sides(const ir::Program& program, const ir::Condition& condition);

// The name of a coordinatewise function of one variable: "tanh", or one of Formulas::functions.
std::string function_name(const Formulas& formulas, ir::ExprId function);

} // namespace tpc::formula
