// Names for what the limit takes covariances of. Private to name_preactivations().
#pragma once

#include "compiler/ir/fresh_names.hpp"
#include "compiler/network/network.hpp"

#include <map>
#include <set>

namespace tpc::network {

// Where an expression stands: the loops and conditions of its statement, then the ranges of the sums around it.
struct Context {
    ir::Domain domain;
    std::vector<ir::Range> sums;
};

struct Hoisted {
    ir::ExprId expr;
    std::vector<ir::Range> sums;
    ir::ExprId read;
};

// A linear vector with a name, over all of these ranges.
struct Named {
    ir::ExprId value;
    ir::Domain domain;
    std::uint32_t family;
};

class Namer {
  public:
    explicit Namer(ir::Program program) : program_(std::move(program)), names_(program_) {}

    ir::Program program_;
    std::vector<ir::Item> front_; // stands before the body

    // `split`, by statement: hoist the atoms (W @ x, b) of this linear statement.
    void walk(const std::vector<bool>& split);
    std::vector<ir::Item> walk(const std::vector<ir::Item>& items, const std::vector<bool>& split);

    // The parameters whose members some output reads under an index mode. All of their terms become reads of vectors, that
    // two terms with one member in common meet as such: v[t+1 | wrap]' x / sqrt(n) is the average of v[t+1 | wrap] * x times
    // sqrt(n), and c[t+1 | wrap] has the law of a coordinate of such a vector.
    std::set<std::uint32_t> moved_;
    // A term of an output over elements of families, `term` itself as well; their statements go to the end of the program.
    LinearTerm readout(check::OutputTerm& term, const std::vector<ir::Range>& family);

  private:
    ir::FreshNames names_;
    std::vector<Hoisted> memo_; // of the current statement
    std::vector<ir::Item> pending_;
    std::map<std::vector<std::uint32_t>, std::vector<Named>> named_; // of the whole program, by shape
    std::set<std::uint32_t> owned_;                                  // the families in named_, of one statement each
    std::set<std::uint32_t> passed_;                                 // those of them that this walk has defined
    bool splitting_ = false;
    std::map<std::uint32_t, std::uint32_t> own_, members_; // by parameter: of a readout; the family over its members

    // v[member] * x of a readout, c[member] of a scalar.
    ir::ExprId of_moved(const check::OutputTerm& term, const Context& context);
    // A readout is independent of what it reads. Where that is only assumed, it becomes a parameter of its own.
    std::uint32_t apart_from_network(std::uint32_t parameter);
    void begin() {
        memo_.clear();
        pending_.clear();
    }
    const ir::Node& node(ir::ExprId id) const { return program_.exprs[id]; }
    // The shape of an expression: what it has beside indices.
    void shape(ir::ExprId id, std::vector<std::uint32_t>& result) const;
    // A linear vector that another statement named is the same Gaussian: what stands before in the loops that both are in
    // has been defined for all of the other ones. What stands behind can be brought forward if it is for the same ones.
    std::optional<std::uint32_t> named(ir::ExprId value, const ir::Domain& domain, const std::vector<Named>& known);
    // A new family for `value`, indexed by all loops and sums around it; returns the read that takes its place. Of type
    // `vector`, a number is the constant vector.
    ir::ExprId hoist(ir::ExprId value, const Context& context, const std::string& stem) {
        return hoist(value, context, stem, node(value).type);
    }
    ir::ExprId hoist(ir::ExprId value, const Context& context, const std::string& stem, ir::Type type);
    ir::ExprId read(std::uint32_t family, ir::Type type, const ir::Access& access, source::Span span);
    ir::ExprId as_read(ir::ExprId e, const Context& context, const std::string& stem) {
        return node(e).op == ir::Op::read ? e : hoist(e, context, stem);
    }
    // b[i | wrap] and K[i | wrap] @ x are elements of families over all members of the parameter: modes have rules for
    // those.
    ir::ExprId over_members(ir::ExprId e, const Context& context);
    // Ranges over all members of the atom's parameter under new names, and the atom's own access becomes theirs.
    std::vector<ir::Range> renamed_members(ir::Node& atom);
    // g[m] = b[m] for all m, before everything else: no loop of the program is around it.
    std::uint32_t define_members(ir::Node atom);
    ir::ExprId lower_value(ir::ExprId e, const Context& context);
    // Rebuilds a node from lowered children; sums put their ranges into the children's context.
    ir::ExprId lower_children(ir::ExprId e, const Context& context);
    // Moments read named vectors. The average of a product is a moment of its factors: no name for the product is needed.
    ir::ExprId lower_scalar(ir::ExprId e, const Context& context);
    // x * y, x^2 and square(x) of vectors.
    std::optional<std::pair<ir::ExprId, ir::ExprId>> two_factors(ir::ExprId e) const;
    ir::ExprId lower_linear(ir::ExprId e, const Context& context);
    // A nonlinear function: its arguments become functions of single reads or reads.
    ir::ExprId lower_function(ir::ExprId e, const Context& context);
};

} // namespace tpc::network
