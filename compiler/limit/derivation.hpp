// The derivation of the recursions while it goes on (derive.cpp). An equation for a pair of statements is made for the
// affine hull of the pairs of instances that something needs; solving an equation asks for what it reads.
#pragma once

#include "compiler/limit/index_space.hpp"
#include "compiler/limit/recursion.hpp"
#include "compiler/limit/sources.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace tpc::limit {

// A statement or an output: what a pair is made of.
struct Unit {
    std::uint32_t family = 0; // no family for outputs
    bool output = false;
    ir::Domain domain;
    std::vector<ir::Affine> indices;
    network::Form form;
    source::Span span;
};

// With `self`, both instances are of one sample.
struct PairKey {
    bool self;
    std::size_t left, right;
    auto operator<=>(const PairKey&) const = default;
};

// The element that a unit assigns.
network::ElementRead itself(const Unit& unit);

// Pairs of later statements first: an equation is solved when those that read it have been.
struct LaterFirst {
    bool operator()(const PairKey& a, const PairKey& b) const {
        const auto rank = [](const PairKey& key) {
            return std::tuple(std::max(key.left, key.right), std::min(key.left, key.right), key);
        };
        return rank(b) < rank(a);
    }
};

struct PairNode {
    passes::Set domain;                 // over the left, then the right loops
    std::optional<passes::Map> targets; // pairs of elements -> the pairs of instances that assign them
    std::optional<passes::Set> demand;  // within the domain
    std::optional<passes::Set> last;    // what was asked for last
    Equation equation;
};

struct Derivation {
    Derivation(const network::Network& network, const DeriveOptions& options);

    const DeriveOptions& options;
    Recursions result;
    std::vector<Unit> units;                             // statements, then outputs
    std::vector<std::vector<std::size_t>> statements_of; // by family
    std::optional<IndexSpace> cross_space, self_space;   // self_space only where the samples have different axes
    std::optional<Sources> cross_sources, self_sources;  // likewise
    std::map<PairKey, PairNode> nodes;
    std::set<PairKey, LaterFirst> queue;
    std::vector<bool> touched;        // by unit: its second moment is demanded where one is needed
    std::vector<bool> numbered;       // by unit: the numbers that it is made with are; so is what is touched
    std::vector<bool> family_touched; // by family: all its statements are
    std::vector<bool> unrolled;       // by family: all between its elements and Gaussians is numbered

    [[nodiscard]] const ir::Program& program() const { return result.network.program; }
    [[nodiscard]] const IndexSpace& space(bool self) const { return self && self_space ? *self_space : *cross_space; }
    [[nodiscard]] const Sources& sources(bool self) const { return self && self_sources ? *self_sources : *cross_sources; }

    // The family that has the covariances of a Gaussian without its mean.
    [[nodiscard]] std::uint32_t deviations_of(std::uint32_t family) const { return result.deviations.of[family]; }
    [[nodiscard]] bool centred(std::size_t unit) const {
        return !units[unit].output && result.deviations.centred[units[unit].family];
    }

    // The same of the right sample.
    [[nodiscard]] ir::Affine prime(const ir::Affine& affine) const;
    [[nodiscard]] ir::Range prime(const ir::Range& range) const;
    [[nodiscard]] Element prime(const Element& element) const;

    [[nodiscard]] std::vector<ir::Symbol> loops(std::size_t unit, bool right) const;
    [[nodiscard]] std::vector<ir::Symbol> loops(const PairKey& key) const;
    // A Gaussian vector or a function of one: duals take it.
    [[nodiscard]] bool of_one_gaussian(const Unit& unit) const;
};

// derive_demand.cpp: which pairs of instances are needed.
PairNode& node_of(Derivation& derivation, const PairKey& key);
void demand(Derivation& derivation, const PairKey& key, const passes::Set& instances);
// Pairs (x, y) of elements as points: all statements that define them are asked for.
void demand_elements(Derivation& derivation, bool self, std::uint32_t x, std::uint32_t y, const passes::Set& elements);
// The pairs of elements that a read of (left, right) touches, over the demanded instances.
passes::Set elements_read(const Derivation& derivation, const PairKey& key, const passes::Set& demanded,
                          const std::vector<ir::Range>& sums, const std::vector<ir::Condition>& conditions,
                          const Element& left, const Element& right);
// Elements x and y of one sample, over all instances, under the modes of their accesses; x as the left element, and nothing
// said about which are assigned.
passes::Set elements_of_one_sample(const IndexSpace& space, const std::vector<ir::Symbol>& loops,
                                   const passes::Set& instances, const Element& x, bool x_right, const Element& y,
                                   bool y_right);
// The instances of a unit with themselves.
passes::Set diagonal(Derivation& derivation, std::size_t unit);
bool independent(const Derivation& derivation, const PairKey& key, const passes::Set& elements, std::uint32_t x,
                 std::uint32_t y);

// derive_needs.cpp: what is needed of one sample alone.
void touch(Derivation& derivation, std::size_t unit);
void need_family(Derivation& derivation, std::uint32_t family);
// Second moments of all its elements, and of what their gaps are made of.
void need_second(Derivation& derivation, std::uint32_t family);
void need_mean(Derivation& derivation, std::uint32_t family);
// E of the product of two elements of one sample, for all points of a domain and sums inside it.
void demand_moment(Derivation& derivation, const network::ElementRead& left, const network::ElementRead& right,
                   const ir::Domain& domain, const std::vector<ir::Range>& sums);
// The covariances of all Gaussians that elements x and y are functions of, across the samples or within one (self).
void demand_gaussians(Derivation& derivation, bool self, std::uint32_t x, std::uint32_t y, const passes::Set& elements);
// The same within one sample, of all elements that the instances of a domain read.
void demand_gaussians(Derivation& derivation, const ir::Domain& domain, const std::vector<network::ElementRead>& reads);

// derive_terms.cpp: a linear rule, expanded on one or both sides.
void bilinear(Derivation& derivation, const PairKey& key, const passes::Set& demanded, Equation& equation, bool expand_left,
              bool expand_right);

// derive_products.cpp: factors in groups that are independent of each other.
void factor(Derivation& derivation, const PairKey& key, const passes::Set& demanded, Equation& equation);
// The classes of dependent factors, as positions in `left`, then `right`, over the demanded instances.
std::vector<std::vector<std::size_t>> group_factors(const Derivation& derivation, const PairKey& key,
                                                    const std::vector<network::ElementRead>& left,
                                                    const std::vector<network::ElementRead>& right,
                                                    const passes::Set& demanded);

// derive_result.cpp: the equations of all pairs, with what demand says about their indices.
void collect(Derivation& derivation);

} // namespace tpc::limit
