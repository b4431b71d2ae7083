// The index domains and accesses of a network as integer sets (passes/integer_set.hpp).
#pragma once

#include "compiler/network/network.hpp"
#include "compiler/passes/integer_set.hpp"

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace tpc::limit {

// One sample's view: its axes are numbers when `sizes` are given, else parameters named by `prefix`.
struct SampleSpace {
    char prefix = 'a';
    const ir::Sizes* sizes = nullptr;
};

// index in lower..upper
void require(std::vector<ir::Condition>& conditions, const ir::Range& range);
void require(std::vector<ir::Condition>& conditions, const ir::Domain& domain);

// Symbols from `primed_from` on belong to the right sample.
class IndexSpace {
  public:
    IndexSpace(const network::Network& network, std::uint32_t primed_from, SampleSpace left, SampleSpace right,
               const passes::IntegerSets* beside = nullptr); // sets of both may meet

    [[nodiscard]] const std::vector<std::string>& parameters() const { return parameter_names_; }
    [[nodiscard]] ir::Symbol parameter_symbol(std::size_t k) const { return parameter_symbols_[k]; }
    // Both samples have the same sizes or the same parameters.
    [[nodiscard]] bool symmetric() const { return symmetric_; }

    // { [variables] : conditions }; parameters are at least 1
    [[nodiscard]] passes::Set set(const std::vector<ir::Symbol>& variables,
                                  const std::vector<ir::Condition>& conditions) const;
    // { [from] -> [values] : conditions }; `conditions` and `values` may mention `hidden` symbols.
    [[nodiscard]] passes::Map map(const std::vector<ir::Symbol>& from, const std::vector<ir::Affine>& values,
                                  const std::vector<ir::Symbol>& hidden, const std::vector<ir::Condition>& conditions) const;

    // The elements that statements of a family assign, as the left or the right sample has them.
    [[nodiscard]] const passes::Set& assigned(std::uint32_t family, bool right) const;
    // Raw indices of an access to a family -> the element that its mode reads.
    [[nodiscard]] const passes::Map& mode_map(std::uint32_t family, bool right, ir::IndexMode mode) const;

    [[nodiscard]] const passes::IntegerSets& sets() const { return *sets_; }

  private:
    const network::Network& network_;
    std::uint32_t primed_from_;
    SampleSpace spaces_[2];
    bool symmetric_;
    std::vector<std::string> parameter_names_;
    std::vector<ir::Symbol> parameter_symbols_;
    std::vector<unsigned> parameter_of_; // by symbol, where it is an axis without a size
    std::optional<passes::IntegerSets> sets_;
    std::vector<std::vector<std::uint32_t>> statements_of_; // by family
    mutable std::map<std::pair<std::uint32_t, bool>, passes::Set> assigned_;
    mutable std::map<std::tuple<std::uint32_t, bool, ir::IndexMode>, passes::Map> modes_;

    struct Columns;
    [[nodiscard]] passes::Constraint numerator(const ir::Affine& affine, const Columns& columns) const;
    // The conditions as alternatives of constraints: `!=` is `<` or `>`.
    [[nodiscard]] std::vector<std::vector<passes::Constraint>> alternatives(const std::vector<ir::Condition>& conditions,
                                                                            const Columns& columns) const;
    // The coordinate of a one-dimensional set of one point, over the parameters, when it is affine in them.
    [[nodiscard]] std::optional<passes::Constraint> bound(const passes::Set& one_point) const;
    [[nodiscard]] passes::Map mode_of_dimension(const passes::Set& elements, unsigned dimension, ir::IndexMode mode,
                                                bool sized) const;
};

} // namespace tpc::limit
