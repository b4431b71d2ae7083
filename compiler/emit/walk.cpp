#include "compiler/emit/walk.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace tpc::emit {

using plan::WalkItem;

std::string Walk::left(const Leaf& leaf) {
    Path path;
    return left(part_.left, path, leaf);
}

std::string Walk::left(const std::vector<WalkItem>& items, Path& path, const Leaf& leaf) {
    std::string text;
    for (const WalkItem& item : items) {
        path.push_back({item.position, item.loop ? std::optional(item.range.slot) : std::nullopt});
        text += item.loop ? loop(item, "", [&] { return left(item.children, path, leaf); }) : leaf(item.statement, path);
        path.pop_back();
    }
    return text;
}

// A loop over the range, or over one value where that is known. `tighter` bounds the index from above.
std::string Walk::loop(const WalkItem& item, const std::string& tighter, const std::function<std::string()>& body) {
    const plan::LoopRange& range = item.range;
    const Scope::Bounds bounds{scope_.bounds(range.lower).least, scope_.bounds(range.upper).greatest};
    const Solved only = solved(item);
    const std::string lower = scope_.text(range.lower);
    const std::string upper = scope_.text(range.upper);
    if (!only.value) {
        const std::string name = scope_.enter(range.slot, bounds);
        const std::string inner = body();
        scope_.leave(range.slot);
        if (inner.empty())
            return inner;
        const std::string last = tighter.empty() ? upper : fmt::format("std::min<int>({}, {})", upper, tighter);
        return fmt::format("for (int {0} = {1}; {0} <= {2}; ++{0}) {{\n{3}}}\n", name, lower, last, inner);
    }
    const plan::Linear value = *only.value;
    const std::string text = scope_.text(value);
    std::string condition;
    const auto require = [&](const plan::Linear& difference, const std::string& written) { // >= 0
        const Truth truth = scope_.truth({difference, ir::Relation::non_negative});
        if (truth != Truth::always)
            condition += (condition.empty() ? "" : " && ") + written;
    };
    if (value.denominator == 1) {
        require(combine(scope_.resolved(value), -1, scope_.resolved(range.lower)), fmt::format("{} >= {}", text, lower));
        require(combine(scope_.resolved(range.upper), -1, scope_.resolved(value)), fmt::format("{} <= {}", text, upper));
    } else {
        const plan::Linear numerator{value.constant, value.terms, 1};
        condition = fmt::format("({}) % {} == 0 && {} >= {} && {} <= {}", scope_.text(numerator), value.denominator, text,
                                lower, text, upper);
    }
    if (!tighter.empty())
        condition += fmt::format("{}{} <= {}", condition.empty() ? "" : " && ", text, tighter);
    const Scope::Bounds own = scope_.bounds(value);
    scope_.enter(range.slot, {std::max(own.least, bounds.least), std::min(own.greatest, bounds.greatest)}, &value);
    const std::string bare = body();
    const std::string inner = bare.empty() ? bare : scope_.with_value(range.slot, bare);
    scope_.leave(range.slot);
    if (inner.empty())
        return inner;
    if (condition.empty())
        return inner == bare ? inner : "{\n" + inner + "}\n";
    return "if (" + condition + ") {\n" + inner + "}\n";
}

Walk::Solved Walk::solved(const WalkItem& item) const {
    if (item.solutions.empty())
        return {};
    const auto& first = item.solutions[0];
    if (first.empty())
        return {};
    for (const auto& values : item.solutions)
        if (values.empty() || !scope_.same(values[0], first[0]))
            return {};
    return {first[0]};
}

std::string Walk::operation(std::uint32_t k, const Run& run) {
    std::vector<std::string> conditions;
    for (const plan::Guard& guard : part_.ops[k].guards) {
        plan::Guard known{scope_.resolved({guard.value.constant, guard.value.terms, 1}), guard.relation};
        const Truth truth = scope_.truth(known);
        if (truth == Truth::never)
            return {};
        if (truth == Truth::unknown)
            conditions.push_back(scope_.text(known));
    }
    const std::string body = run(k);
    if (body.empty() || conditions.empty())
        return body;
    return fmt::format("if ({}) {{\n{}}}\n", fmt::join(conditions, " && "), body);
}

std::string Walk::right_item(const WalkItem& item, const Run& run) {
    if (item.loop)
        return loop(item, "", [&] { return right(item.children, run); });
    std::string text;
    for (const std::uint32_t op : item.ops)
        text += operation(op, run);
    return text;
}

std::string Walk::right(const std::vector<WalkItem>& items, const Run& run) {
    std::string text;
    for (const WalkItem& item : items)
        text += right_item(item, run);
    return text;
}

std::string Walk::right(std::size_t statement, const Path* until, const Run& run) {
    const std::vector<WalkItem>& items = part_.right[statement];
    return until == nullptr ? right(items, run) : before(items, *until, 0, {}, run);
}

std::string Walk::before(const std::vector<WalkItem>& items, const Path& path, std::size_t depth,
                         const std::vector<std::string>& ties, const Run& run) {
    std::string text;
    for (const WalkItem& item : items) {
        const Step& own = path[depth];
        if (item.position < own.position) {
            text += right_item(item, run);
            continue;
        }
        if (item.position > own.position || !item.loop) { // not before, unless an outer loop is
            if (ties.empty())
                continue;
            const std::string inner = right_item(item, run);
            if (!inner.empty())
                text += fmt::format("if (!({})) {{\n{}}}\n", fmt::join(ties, " && "), inner);
            continue;
        }
        const plan::Linear left{0, {{*own.slot, 1}}, 1};
        const Solved only = solved(item);
        if (only.value && scope_.same(*only.value, left)) {
            text += loop(item, "", [&] { return before(item.children, path, depth + 1, ties, run); });
            continue;
        }
        std::string last = scope_.text(left);
        if (!ties.empty())
            last = fmt::format("({} ? {} : {})", fmt::join(ties, " && "), last, scope_.text(item.range.upper));
        text += loop(item, last, [&] {
            std::vector<std::string> more = ties;
            const plan::Linear right{0, {{item.range.slot, 1}}, 1};
            more.push_back(fmt::format("{} == {}", scope_.text(right), scope_.text(left)));
            return before(item.children, path, depth + 1, more, run);
        });
    }
    return text;
}

} // namespace tpc::emit
