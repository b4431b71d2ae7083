// The covariance recursions: one equation for every pair of statements that an output needs.
//
// Notation. A pair has a left instance (loop variables i of statement p, sample xi) and a right one (loop variables j of
// statement q, sample xi'). Symbols of the right sample are the program's symbols primed: `Recursions::primed(s)`.
//
//   C(x[i], y_[j]) = E[Z^x[i](xi) Z^y[j](xi')]                  second moment, not centred      (limits.md section 2);
//                                                               of a family of deviations (deviations.hpp) the covariance
//   T(x[i], y_[j])   the tangent kernel of the coordinates, limits.md section 7: the transpose of D
//   M(x[i])        = E[Z^x[i]]
//
// `self` equations are the same with xi' = xi; they give what a pair needs of each sample alone.
#pragma once

#include "compiler/limit/deviations.hpp"
#include "compiler/source/diagnostic.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tpc::limit {

// The indices of `access` may hold left and primed symbols.
struct Element {
    std::uint32_t family = 0;
    ir::Access access;
};

// One product of a left and a right linear term, with the sums that are left after equal members of one parameter have
// been solved for.
struct PairTerm {
    enum class Kind {
        matmul,    // scale * C(left, right);   T: rate * C(left, right) + scale * T(left, right)
        input,     // scale * <left, right> / d;   T: rate * <left, right> / d
        parameter, // scale;   T: rate    (times 1: the same random vector on both sides)
        read,      // C(left, right);   T(left, right)
        means,     // M(left) * M(right), a missing element counts as the constant 1;   T: 0
    };
    Kind kind = Kind::read;
    std::vector<ir::Range> sums;                      // left and primed symbols
    std::vector<ir::Condition> conditions;            // on all of them
    std::optional<std::size_t> left_term, right_term; // which terms of the forms; nothing: the element itself
    std::vector<ir::Affine> left_point, right_point;  // values of the terms' own sum indices, in order
    std::uint32_t parameter = 0;
    ir::Access member;
    std::optional<Element> left, right; // family elements (Kind::input: see the terms)
    ir::Access left_input, right_input; // Kind::input
};

// Factors of a product that depend on each other: E of the product of these elements. One is a mean; two are a covariance,
// across the samples or within one; `joint` ones are functions of several Gaussians whose expectation has no such form.
struct GroupRead {
    std::vector<Element> left, right;
    bool joint = false;
    // M of one element, C of two of one sample, C of two of different samples.
    [[nodiscard]] bool is_cross() const { return !joint && !left.empty() && !right.empty(); }
};

enum class Rule {
    linear,  // sum of `terms`
    dual,    // E[left_function(left) right_function(right)] of the Gaussians `left`, `right`
    product, // product over `groups`
};

struct Equation {
    std::size_t left_statement = 0, right_statement = 0; // outputs follow the statements: statements.size() + output
    Rule rule = Rule::linear;
    std::vector<PairTerm> terms;
    bool gap_linear =
        false; // linear, and the variance of the difference is the same sum (same statement, same terms paired)
    std::optional<ir::ExprId> left_function, right_function; // nothing: the identity
    Element left, right;
    std::vector<GroupRead> groups;
    std::vector<ir::Affine> where; // == 0 each: the affine hull of the pairs that an output needs, beside the domains
    bool tangent = false;          // T is needed as well
};

// Which indices a parameter's or family's `zero`, `wrap`, `clamp` refer to is the plan's business (sizes are bound there).
struct Recursions {
    network::Network network;
    std::vector<Equation> cross; // in the order of left, then right statements; outputs last
    std::vector<Equation> self;
    std::vector<bool> involved;      // by statement: an output depends on it
    std::vector<bool> mean_needed;   // by statement
    std::vector<bool> joint_mean;    // by statement: the mean is one of a function of several Gaussians
    std::vector<bool> may_have_mean; // by family
    std::vector<bool> second_needed; // by family: E[Z^2] of its elements
    Deviations deviations;           // where nonlinear functions find the laws of the Gaussians that they read
    bool tangent = true;

    std::uint32_t left_symbols = 0; // symbols below are the program's own; s + left_symbols is s primed
    [[nodiscard]] ir::Symbol primed(ir::Symbol s) const {
        return static_cast<ir::Symbol>(static_cast<std::uint32_t>(s) + left_symbols);
    }
    [[nodiscard]] bool is_primed(ir::Symbol s) const { return static_cast<std::uint32_t>(s) >= left_symbols; }
};

struct DeriveOptions {
    bool tangent = true; // derive T beside C
    // Sizes of the axes for the left and the right sample. Without them axes stay symbols: the text is the same for all
    // sizes.
    std::optional<ir::Sizes> left_sizes, right_sizes;
    std::optional<std::uint64_t> set_operations; // of the analysis of index sets, at most, for each equation
};

// Reports an equation whose index analysis does not end within its bounds, and returns nothing then.
std::optional<Recursions> derive(const network::Network& network, const DeriveOptions& options,
                                 source::Diagnostics& diagnostics);

} // namespace tpc::limit
