#include "compiler/check/additions.hpp"

#include <algorithm>

namespace tpc::check {
namespace {

using ir::Range;

bool insert_behind(std::vector<ir::Item>& items, std::uint32_t after, std::uint32_t statement,
                   const std::vector<Range>& loops) {
    for (std::size_t k = 0; k < items.size(); ++k) {
        if (auto* loop = std::get_if<ir::Loop>(&items[k].node)) {
            if (insert_behind(loop->body, after, statement, loops))
                return true;
            continue;
        }
        if (std::get<std::uint32_t>(items[k].node) != after)
            continue;
        ir::Item item{statement};
        for (auto range = loops.rbegin(); range != loops.rend(); ++range) {
            ir::Loop around{*range, {}};
            around.body.push_back(std::move(item));
            item = {std::move(around)};
        }
        items.insert(items.begin() + static_cast<std::ptrdiff_t>(k) + 1, std::move(item));
        return true;
    }
    return false;
}

} // namespace

std::string fresh_name(const ir::Program& program, const std::string& stem) {
    const auto taken = [&](const std::string& name) {
        const auto is = [&](const auto& list) {
            return std::ranges::any_of(list, [&](const auto& item) { return item.name == name; });
        };
        return is(program.families) || is(program.parameters) || is(program.inputs) || is(program.symbols);
    };
    std::string name = stem;
    for (int k = 2; taken(name); ++k)
        name = stem + std::to_string(k);
    return name;
}

void add_behind(ir::Program& program, std::uint32_t after, ir::Statement statement, const std::vector<Range>& loops) {
    program.statements.push_back(std::move(statement));
    insert_behind(program.body, after, static_cast<std::uint32_t>(program.statements.size() - 1), loops);
}

} // namespace tpc::check
