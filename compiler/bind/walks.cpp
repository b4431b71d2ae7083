#include "compiler/bind/walks.hpp"

#include "compiler/bind/sizes.hpp"
#include "compiler/plan/solve.hpp"

#include <algorithm>

namespace tpc::plan {
namespace {

using namespace ir;
using limit::Recursions;

class WalkBuilder {
  public:
    WalkBuilder(Part& part, const Recursions& recursions, const SelfPlan& left, const SelfPlan& right, bool self)
        : part_(part), recursions_(recursions), left_(left), self_(self), compile_(recursions, left.sizes, right.sizes),
          units_(units_of(recursions)) {}

    void run() {
        const std::size_t count = units_.size();
        std::vector<std::vector<std::vector<std::uint32_t>>> ops(count, std::vector<std::vector<std::uint32_t>>(count));
        std::vector<bool> has_work(count, false);
        for (std::uint32_t k = 0; k < part_.ops.size(); ++k) {
            ops[part_.ops[k].left_statement][part_.ops[k].right_statement].push_back(k);
            has_work[part_.ops[k].left_statement] = true;
        }
        const auto want_left = [&](std::size_t unit) -> std::optional<std::vector<std::uint32_t>> {
            const auto& coefficients = left_.coefficients_of[unit];
            const bool own = self_ && (unit < program().statements.size() ||
                                       std::ranges::any_of(coefficients, [](std::uint32_t id) { return id != no_array; }));
            return has_work[unit] || own ? std::optional(std::vector<std::uint32_t>{}) : std::nullopt;
        };
        part_.left = tree(false, want_left);
        for (std::size_t p = 0; p < count; ++p) {
            const auto want_right = [&](std::size_t unit) {
                return ops[p][unit].empty() ? std::nullopt : std::optional(ops[p][unit]);
            };
            part_.right.push_back(has_work[p] ? tree(true, want_right) : std::vector<WalkItem>{});
        }
    }

  private:
    Part& part_;
    const Recursions& recursions_;
    const SelfPlan& left_;
    bool self_;
    Binder compile_;
    std::vector<Unit> units_;

    const Program& program() const { return recursions_.network.program; }

    template <class Want> std::vector<WalkItem> tree(bool right, const Want& want) const {
        std::vector<WalkItem> items = subtree(program().body, right, want);
        const std::size_t statements = program().statements.size();
        for (std::size_t k = statements; k < units_.size(); ++k) {
            const auto ops = want(k);
            if (!ops)
                continue;
            WalkItem item;
            item.statement = k;
            item.ops = *ops;
            item.position = program().body.size() + k - statements;
            for (auto range = units_[k].ranges.rbegin(); range != units_[k].ranges.rend(); ++range) {
                WalkItem loop;
                loop.loop = true;
                loop.range = right ? compile_.primed(*range) : compile_.range(*range);
                loop.position = item.position;
                item.position = 0;
                loop.children.push_back(std::move(item));
                item = std::move(loop);
            }
            items.push_back(std::move(item));
        }
        if (right)
            solve(items, part_.ops, recursions_.left_symbols, static_cast<std::uint32_t>(program().symbols.size()));
        return items;
    }

    template <class Want> std::vector<WalkItem> subtree(const std::vector<Item>& body, bool right, const Want& want) const {
        std::vector<WalkItem> items;
        for (std::size_t k = 0; k < body.size(); ++k) {
            WalkItem item;
            item.position = k;
            if (const auto* loop = std::get_if<Loop>(&body[k].node)) {
                item.loop = true;
                item.range = right ? compile_.primed(loop->range) : compile_.range(loop->range);
                item.children = subtree(loop->body, right, want);
                if (!item.children.empty())
                    items.push_back(std::move(item));
                continue;
            }
            item.statement = std::get<std::uint32_t>(body[k].node);
            if (auto ops = want(item.statement)) {
                item.ops = std::move(*ops);
                items.push_back(std::move(item));
            }
        }
        return items;
    }
};

} // namespace

void add_walks(Part& part, const Recursions& recursions, const SelfPlan& left, const SelfPlan& right, bool self) {
    WalkBuilder(part, recursions, left, right, self).run();
}

} // namespace tpc::plan
