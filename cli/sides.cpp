#include "cli/sides.hpp"

#include <algorithm>
#include <limits>

namespace tpc::cli {
namespace {

plan::Box hull(const std::vector<plan::OutputIndices>& groups) {
    plan::Box hull;
    for (std::size_t d = 0; d < groups.front().box.lower.size(); ++d) {
        std::int64_t lower = std::numeric_limits<std::int64_t>::max(), end = std::numeric_limits<std::int64_t>::min();
        for (const auto& [box, places] : groups)
            if (box.size[d] > 0) {
                lower = std::min(lower, box.lower[d]);
                end = std::max(end, box.lower[d] + box.size[d]);
            }
        hull.lower.push_back(lower);
        hull.size.push_back(std::max<std::int64_t>(0, lower < end ? end - lower : 0));
    }
    return hull;
}

// Flat places in `hull` of the elements of `box`, in their order.
std::vector<std::size_t> places_in(const plan::Box& hull, const plan::Box& box) {
    std::vector<std::size_t> places{0};
    for (std::size_t d = 0; d < box.size.size(); ++d) {
        std::vector<std::size_t> next;
        for (const std::size_t place : places)
            for (std::int64_t k = 0; k < box.size[d]; ++k)
                next.push_back(place * static_cast<std::size_t>(hull.size[d]) +
                               static_cast<std::size_t>(box.lower[d] + k - hull.lower[d]));
        places = std::move(next);
    }
    return places;
}

} // namespace

execute::Span intersection(const execute::Span& a, const execute::Span& b) {
    const std::size_t first = std::max(a.first, b.first), end = std::min(a.end(), b.end());
    return {first, end > first ? end - first : 0};
}

execute::Span chosen_of(const Samples& group, const execute::Span& chosen) {
    const auto place = [&](std::size_t sample) {
        return static_cast<std::size_t>(std::ranges::lower_bound(group.positions, sample) - group.positions.begin());
    };
    const std::size_t first = place(chosen.first);
    return {first, place(chosen.end()) - first};
}

Side::Side(const Dataset& data, const execute::Span& chosen, const std::vector<plan::OutputIndices>& groups)
    : chosen_(chosen), box_(hull(groups)) {
    for (std::size_t g = 0; g < groups.size(); ++g) {
        groups_.push_back({&data.groups[g].positions, cli::chosen_of(data.groups[g], chosen), places_in(box_, groups[g].box),
                           groups[g].places});
        full_ = full_ && (groups[g].places.size() == indices() || groups_.back().chosen.count == 0);
    }
}

Side::Places Side::places(std::size_t group, const execute::Span& span, const execute::Span& part) const {
    const Group& own = groups_[group];
    Places places{{}, {}, span.count * own.elements.size()};
    for (std::size_t s = part.first; s < part.end(); ++s)
        for (const std::size_t member : own.members) {
            places.block.push_back((s - span.first) * own.elements.size() + member);
            places.here.push_back(((*own.positions)[s] - chosen_.first) * indices() + own.elements[member]);
        }
    return places;
}

std::vector<Side> sides_of(const network::Network& network, const Dataset& data, const execute::Span& chosen) {
    std::vector<std::vector<plan::OutputIndices>> indices(network.outputs.size()); // by output and group
    for (const Samples& group : data.groups) {
        auto of_group = plan::output_indices(network, group.sizes);
        for (std::size_t o = 0; o < indices.size(); ++o)
            indices[o].push_back(std::move(of_group[o]));
    }
    std::vector<Side> sides;
    for (const auto& of_output : indices)
        sides.emplace_back(data, chosen, of_output);
    return sides;
}

std::vector<std::size_t> shape_of(const Side& left, const Side& right) {
    std::vector<std::size_t> shape;
    for (const Side* side : {&left, &right}) {
        shape.push_back(side->chosen().count);
        shape.insert(shape.end(), side->box().size.begin(), side->box().size.end());
    }
    return shape;
}

} // namespace tpc::cli
