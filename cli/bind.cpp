#include "cli/bind.hpp"

#include "cli/session.hpp"
#include "runtime/io/npy.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

namespace tpc::cli {
namespace {

using BoundSlots = std::vector<std::optional<Bound>>;

std::vector<std::string> names_of(const Slots& slots) {
    std::vector<std::string> names;
    for (const Slot& slot : slots.list)
        names.push_back(slot.name);
    return names;
}

std::optional<std::size_t> find(const Slots& slots, const std::string& name) {
    const auto found = std::ranges::find(slots.list, name, &Slot::name);
    return found == slots.list.end() ? std::nullopt : std::optional<std::size_t>(found - slots.list.begin());
}

struct Given {
    std::optional<std::size_t> slot;
    std::string path;
};

// A path may hold a '='; before the first one stands a name, unless a file is named so.
Given split(const Slots& slots, const std::string& text) {
    const std::size_t equal = text.find('=');
    if (equal == std::string::npos)
        return {std::nullopt, text};
    const std::string name = text.substr(0, equal);
    if (const auto slot = find(slots, name))
        return {slot, text.substr(equal + 1)};
    if (std::error_code ignored; std::filesystem::exists(text, ignored))
        return {std::nullopt, text};
    throw Failure{usage_error, fmt::format("{} {}: the program has no {} {}{}", slots.option, text, slots.kind, name,
                                           source::did_you_mean(name, names_of(slots)))};
}

void put(const Slots& slots, BoundSlots& bound, std::size_t slot, Bound value) {
    if (bound[slot])
        throw Failure{usage_error, fmt::format("{}: the {} {} is given twice, by {} and by {}", slots.option, slots.kind,
                                               slots.list[slot].name, bound[slot]->path, value.path)};
    bound[slot] = std::move(value);
}

// A file for one slot. No rank of a sample is that of all samples, so that the ranks tell the two kinds of archives apart.
Bound one_slot(const Slot& slot, const std::string& path, std::vector<io::Member> members) {
    if (const auto named = std::ranges::find(members, slot.name, &io::Member::name); named != members.end())
        return {fmt::format("{} ({})", path, named->name), std::move(named->array), {}};
    const auto other =
        std::ranges::find_if(members, [&](const io::Member& member) { return member.array.shape.size() != slot.rank; });
    const bool archive = !(members.size() == 1 && members[0].name.empty());
    if (archive && slot.rank && other == members.end() && !members.empty())
        return {path, {}, std::move(members)};
    if (members.size() == 1)
        return {path, std::move(members[0].array), {}};
    if (!slot.rank || members.empty())
        throw Failure{data_error, fmt::format("{}: no member is named {}", path, slot.name)};
    throw Failure{data_error, fmt::format("{}: no member is named {}, and {} of shape {} is no sample of {}", path,
                                          slot.name, other->name, io::show_shape(other->array.shape), slot.declaration)};
}

void read(const Slots& slots, BoundSlots& bound, const std::string& text) {
    const Given given = split(slots, text);
    auto members = io::read_arrays(given.path, io::Numbers::any);
    if (!members)
        throw Failure{data_error, members.error().text};
    const bool archive = !(members->size() == 1 && members->front().name.empty());
    const bool by_name = archive && !given.slot && std::ranges::any_of(*members, [&](const io::Member& member) {
                             return find(slots, member.name).has_value();
                         });
    if (by_name) { // an archive may hold more than that, such as targets
        for (io::Member& member : *members)
            if (const auto slot = find(slots, member.name))
                put(slots, bound, *slot, {fmt::format("{} ({})", given.path, member.name), std::move(member.array), {}});
        return;
    }
    if (!given.slot && slots.list.size() != 1) {
        if (slots.list.empty())
            throw Failure{usage_error, fmt::format("{} {}: the program has no {}", slots.option, text, slots.kind)};
        if (archive)
            throw Failure{data_error, fmt::format("{}: no member is named as an {} of the program ({})", given.path,
                                                  slots.kind, fmt::join(names_of(slots), ", "))};
        throw Failure{usage_error, fmt::format("{0} {1}: the program has several {2}, say which: {0} {3}={1}", slots.option,
                                               text, slots.kind == "axis" ? "axes" : slots.kind + "s", slots.list[0].name)};
    }
    const std::size_t slot = given.slot.value_or(0);
    put(slots, bound, slot, one_slot(slots.list[slot], given.path, std::move(*members)));
}

} // namespace

std::vector<std::optional<Bound>> bind_files(const Slots& slots, const std::vector<std::string>& texts) {
    BoundSlots bound(slots.list.size());
    for (const std::string& text : texts)
        read(slots, bound, text);
    return bound;
}

} // namespace tpc::cli
