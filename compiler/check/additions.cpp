#include "compiler/check/additions.hpp"

namespace tpc::check {
namespace {

bool insert_behind(std::vector<ir::Item>& items, std::uint32_t after, const std::vector<ir::Item>& added) {
    for (std::size_t k = 0; k < items.size(); ++k) {
        if (auto* loop = std::get_if<ir::Loop>(&items[k].node)) {
            if (insert_behind(loop->body, after, added))
                return true;
            continue;
        }
        if (std::get<std::uint32_t>(items[k].node) != after)
            continue;
        items.insert(items.begin() + static_cast<std::ptrdiff_t>(k) + 1, added.begin(), added.end());
        return true;
    }
    return false;
}

} // namespace

void add_behind(ir::Program& program, std::uint32_t after, ir::Statement statement, const std::vector<ir::Range>& loops) {
    program.statements.push_back(std::move(statement));
    const auto added = static_cast<std::uint32_t>(program.statements.size() - 1);
    insert_behind(program.body, after, ir::in_loops(loops, {{added}}));
}

} // namespace tpc::check
