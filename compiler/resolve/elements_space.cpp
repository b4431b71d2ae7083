#include "compiler/resolve/elements_space.hpp"

#include <fmt/format.h>

namespace tpc::resolve::elements {
namespace {

Index index_at(const Space& space, std::uint64_t offset) {
    Index index;
    for (std::size_t k = 0; k < space.strides.size(); ++k) {
        index.push_back(space.box.lower[k] + static_cast<std::int64_t>(offset / space.strides[k]));
        offset %= space.strides[k];
    }
    return index;
}

} // namespace

std::uint64_t volume(const Space& space) {
    if (space.empty)
        return 0;
    std::uint64_t elements = 1;
    for (std::size_t k = 0; k < space.box.lower.size(); ++k) {
        const std::uint64_t width =
            static_cast<std::uint64_t>(space.box.upper[k]) - static_cast<std::uint64_t>(space.box.lower[k]) + 1;
        if (width == 0 || __builtin_mul_overflow(elements, width, &elements) || elements > most_elements)
            throw TooLarge{space.span, "the elements of " + space.name + " lie too far apart"};
    }
    return elements;
}

void lay_out(Space& space) {
    space.strides.assign(space.box.lower.size(), 1);
    if (!space.empty)
        for (std::size_t k = space.strides.size(); k-- > 1;)
            space.strides[k - 1] =
                space.strides[k] * static_cast<std::uint64_t>(space.box.upper[k] - space.box.lower[k] + 1);
    space.assigned.assign((volume(space) + 63) / 64, 0);
}

std::optional<Gap> first_gap(const Space& space, std::size_t k, Walk& walk) {
    const std::uint64_t stride = space.strides[k];
    const auto width = static_cast<std::uint64_t>(space.box.upper[k] - space.box.lower[k] + 1);
    const std::uint64_t total = volume(space);
    walk.spend(total / 8, space.span);
    for (std::uint64_t block = 0; block < total; block += stride * width)
        for (std::uint64_t line = block; line < block + stride; ++line) {
            std::optional<std::uint64_t> last;
            for (std::uint64_t i = 0; i < width; ++i) {
                if (!space.test(line + i * stride))
                    continue;
                if (last && i > *last + 1)
                    return Gap{index_at(space, line + *last * stride), index_at(space, line + (*last + 1) * stride),
                               index_at(space, line + i * stride)};
                last = i;
            }
        }
    return std::nullopt;
}

std::string element(const Space& space, const Index& index) {
    std::string text;
    for (std::size_t k = space.implicit; k < index.size(); ++k)
        text += (text.empty() ? "" : ",") + std::to_string(index[k]);
    return text.empty() ? space.name : space.name + "[" + text + "]";
}

std::string range_text(const Space& space, std::size_t k) {
    if (space.empty)
        return "the empty family";
    if (space.box.lower[k] == space.box.upper[k])
        return std::to_string(space.box.lower[k]);
    return fmt::format("{}..{}", space.box.lower[k], space.box.upper[k]);
}

std::string box_text(const Space& space, std::size_t given) {
    if (space.empty)
        return "no index at these sizes";
    std::string text;
    for (std::size_t k = space.implicit; k < given; ++k)
        text += (text.empty() ? "" : ", ") + range_text(space, k);
    return text + " only";
}

} // namespace tpc::resolve::elements
