// The index domains, accesses and sources of a network as integer sets (passes/integer_set.hpp).
#pragma once

#include "compiler/limit/network.hpp"
#include "compiler/passes/integer_set.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tpc::limit {

// One sample's view: its axes are numbers when `sizes` are given, else parameters named by `prefix`.
struct SampleSpace {
    char prefix = 'a';
    const ir::Sizes* sizes = nullptr;
};

// Writes constraints. Index symbols are variables s<id>; primed symbols (id >= primed_from) belong to the right sample.
class IndexSpace {
  public:
    IndexSpace(const Network& network, std::uint32_t primed_from, SampleSpace left, SampleSpace right);

    [[nodiscard]] const std::vector<std::string>& parameters() const { return parameter_names_; }
    [[nodiscard]] ir::Symbol parameter_symbol(std::size_t k) const { return parameter_symbols_[k]; }

    [[nodiscard]] std::string variable(ir::Symbol symbol) const;
    [[nodiscard]] std::string numerator(const ir::Affine& affine) const;
    [[nodiscard]] std::string equal(const std::string& variable, const ir::Affine& affine) const;
    [[nodiscard]] std::string constraint(const ir::Range& range) const;
    [[nodiscard]] std::string constraint(const ir::Condition& condition) const;

    // { [variables] : constraints }
    [[nodiscard]] passes::Set set(const std::vector<ir::Symbol>& variables,
                                  const std::vector<std::string>& constraints) const;
    // { [from] -> [values] : constraints }; `constraints` may mention `hidden` symbols.
    [[nodiscard]] passes::Map map(const std::vector<ir::Symbol>& from, const std::vector<ir::Affine>& values,
                                  const std::vector<ir::Symbol>& hidden, const std::vector<std::string>& constraints) const;

    // The elements that statements of a family assign, as the left or the right sample has them.
    [[nodiscard]] const passes::Set& assigned(std::uint32_t family, bool right) const { return assigned_[right][family]; }
    // Raw indices of an access to a family -> the element that its mode reads.
    [[nodiscard]] passes::Map mode_map(std::uint32_t family, bool right, ir::IndexMode mode) const;

    [[nodiscard]] const passes::IntegerSets& sets() const { return sets_; }

  private:
    const Network& network_;
    std::uint32_t primed_from_;
    SampleSpace spaces_[2];
    passes::IntegerSets sets_;
    std::vector<std::string> parameter_names_;
    std::vector<ir::Symbol> parameter_symbols_;
    std::string header_;
    std::vector<passes::Set> assigned_[2];
    mutable std::map<std::tuple<std::uint32_t, bool, ir::IndexMode>, passes::Map> modes_;

    [[nodiscard]] std::optional<std::string> bound(const passes::Set& one_point) const;
};

} // namespace tpc::limit
