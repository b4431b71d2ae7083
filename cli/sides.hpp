// Rows and columns of kernels: where the samples of groups, and the indices of families of outputs, stand.
#pragma once

#include "cli/data.hpp"
#include "compiler/bind/output_indices.hpp"
#include "compiler/network/network.hpp"
#include "compiler/plan/plan.hpp"
#include "runtime/samples/window.hpp"

#include <vector>

namespace tpc::cli {

// Rows or columns of an output's kernel: (sample, index of the output's family), the indices in the box that those of all
// groups need, of the samples `chosen`.
class Side {
  public:
    Side(const Dataset& data, const execute::Span& chosen, const std::vector<plan::OutputIndices>& groups);

    [[nodiscard]] std::size_t count() const { return chosen_.count * indices(); }
    [[nodiscard]] std::size_t indices() const { return static_cast<std::size_t>(box_.count()); }
    [[nodiscard]] const execute::Span& chosen() const { return chosen_; }
    [[nodiscard]] const plan::Box& box() const { return box_; }
    // Whether all of them are there: families of smaller groups, or with gaps, leave some out.
    [[nodiscard]] bool full() const { return full_; }
    [[nodiscard]] execute::Span chosen_of(std::size_t group) const { return groups_[group].chosen; }
    // What there is of the samples `part` of a group: places in a block of the samples `span`, and here.
    struct Places {
        std::vector<std::size_t> block, here;
        std::size_t width = 0; // of the block
    };
    [[nodiscard]] Places places(std::size_t group, const execute::Span& span, const execute::Span& part) const;

  private:
    struct Group {
        const std::vector<std::size_t>* positions;
        execute::Span chosen;
        std::vector<std::size_t> elements; // of the group's own box, as indices in box_
        std::vector<std::size_t> members;  // which of these there are
    };
    execute::Span chosen_;
    plan::Box box_;
    bool full_ = true;
    std::vector<Group> groups_;
};

// By output.
std::vector<Side> sides_of(const network::Network& network, const Dataset& data, const execute::Span& chosen);

// (samples, indices..., samples, indices...)
std::vector<std::size_t> shape_of(const Side& left, const Side& right);

// The samples of a group that are chosen, counted in the group.
execute::Span chosen_of(const Samples& group, const execute::Span& chosen);

execute::Span intersection(const execute::Span& a, const execute::Span& b);

} // namespace tpc::cli
