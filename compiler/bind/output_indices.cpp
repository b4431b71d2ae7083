#include "compiler/bind/output_indices.hpp"

#include "compiler/bind/sizes.hpp"

#include <algorithm>

namespace tpc::plan {
namespace {

using namespace ir;

// The indices of an output family at given sizes, which stand in `values`.
void list_members(const std::vector<Range>& ranges, std::vector<std::int64_t>& member, Sizes& values,
                  std::vector<std::vector<std::int64_t>>& members) {
    if (member.size() == ranges.size()) {
        members.push_back(member);
        return;
    }
    const Range& range = ranges[member.size()];
    const auto at = [&](const Affine& bound) {
        return ir::evaluate(bound, [&](Symbol symbol) { return values.at(symbol); }).value_or(0);
    };
    const std::int64_t upper = at(range.upper);
    for (std::int64_t i = at(range.lower); i <= upper; ++i) {
        values[range.index] = i;
        member.push_back(i);
        list_members(ranges, member, values, members);
        member.pop_back();
    }
}

} // namespace

std::vector<OutputIndices> output_indices(const network::Network& network, const ir::Sizes& sizes) {
    std::vector<OutputIndices> result;
    for (const network::OutputForm& output : network.outputs) {
        Sizes values = sizes;
        std::vector<std::int64_t> member;
        std::vector<std::vector<std::int64_t>> members;
        list_members(output.family, member, values, members);
        const std::size_t rank = output.family.size();
        resolve::Extent extent{std::vector<std::int64_t>(rank, std::int64_t{1} << 40),
                               std::vector<std::int64_t>(rank, -(std::int64_t{1} << 40))};
        for (const auto& indices : members)
            for (std::size_t d = 0; d < rank; ++d) {
                extent.lower[d] = std::min(extent.lower[d], indices[d]);
                extent.upper[d] = std::max(extent.upper[d], indices[d]);
            }
        OutputIndices found{box_of(extent), {}};
        for (const auto& indices : members) {
            std::size_t place = 0;
            for (std::size_t d = 0; d < rank; ++d)
                place = place * static_cast<std::size_t>(found.box.size[d]) +
                        static_cast<std::size_t>(indices[d] - found.box.lower[d]);
            found.places.push_back(place);
        }
        result.push_back(std::move(found));
    }
    return result;
}

} // namespace tpc::plan
