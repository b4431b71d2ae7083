#include "compiler/check/summary.hpp"

#include "compiler/check/uses.hpp"
#include "compiler/resolve/elements_walk.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>

namespace tpc::check {
namespace {

using ir::Op;
using resolve::elements::Index;
using resolve::elements::Walk;

struct Missing {};

// The families that an output depends on; what others use counts for nothing.
std::vector<bool> families_reached(const ir::Program& program) {
    std::vector<bool> reached(program.families.size());
    std::vector<ir::ExprId> values;
    for (const ir::Output& output : program.outputs)
        values.push_back(output.value);
    while (!values.empty()) {
        const ir::ExprId root = values.back();
        values.pop_back();
        visit(program.exprs, root, [&](ir::ExprId, const ir::Node& node) {
            if (node.op != Op::read || reached[node.target])
                return;
            reached[node.target] = true;
            for (const ir::Statement& statement : program.statements)
                if (statement.family == node.target)
                    values.push_back(statement.value);
        });
    }
    return reached;
}

class Summation {
  public:
    Summation(const ir::Program& program, const ir::Sizes& sizes, std::uint64_t budget)
        : program_(program), walk_(program, sizes, budget), boxes_(resolve::extents(program, sizes)),
          reached_(families_reached(program)) {
        uses_.resize(program.parameters.size());
        members_.resize(program.parameters.size());
        result_.parameters.resize(program.parameters.size());
    }

    Summary run() {
        Index target;
        walk_.run(
            [&](std::uint32_t number) {
                const ir::Statement& statement = program_.statements[number];
                if (!reached_[statement.family])
                    return;
                const std::uint64_t depth = once(statement.value);
                resolve::elements::target_of(walk_, statement, target);
                depths_[key(statement.family, target)] = depth;
            },
            [](const auto&) { throw Missing{}; });
        for (const ir::Output& output : program_.outputs)
            walk_.for_each(output.family, output.span, [&] { result_.depth = std::max(result_.depth, once(output.value)); });
        for (std::size_t k = 0; k < uses_.size(); ++k) {
            for (const auto& [member, times] : members_[k])
                result_.parameters[k].most = std::max(result_.parameters[k].most, times);
            for (const auto& [span, times] : uses_[k])
                result_.parameters[k].places.push_back({{span[0], span[1], span[2]}, times});
        }
        return std::move(result_);
    }

  private:
    using Key = std::vector<std::int64_t>;
    const ir::Program& program_;
    Walk walk_;
    std::vector<resolve::Extent> boxes_;
    std::vector<bool> reached_;           // by family
    std::map<Key, std::uint64_t> depths_; // by element
    std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t>
        known_; // of the instance, by expression and turn of a sum
    std::uint64_t turn_ = 0, turns_ = 0;
    std::vector<std::map<std::array<std::uint32_t, 3>, std::uint64_t>> uses_;
    std::vector<std::map<Key, std::uint64_t>> members_;
    Summary result_;

    static Key key(std::uint32_t family, const Index& index) {
        Key made{static_cast<std::int64_t>(family)};
        made.insert(made.end(), index.begin(), index.end());
        return made;
    }

    void use(const ir::Node& node) {
        Key member;
        for (const ir::Affine& index : node.access.indices)
            member.push_back(walk_.exactly(index, node.span));
        ++members_[node.target][member];
        ++uses_[node.target][{node.span.file, node.span.begin, node.span.end}];
    }

    // The value of a statement's instance. What stands in it several times, as an argument of a function does that names it
    // so often, is one use.
    std::uint64_t once(ir::ExprId id) {
        known_.clear();
        return of(id);
    }

    std::uint64_t of(ir::ExprId id) {
        const std::pair key{static_cast<std::uint32_t>(id), turn_};
        if (const auto known = known_.find(key); known != known_.end())
            return known->second;
        return known_[key] = fresh(id);
    }

    std::uint64_t fresh(ir::ExprId id) {
        const ir::Node& node = program_.exprs[id];
        walk_.spend(1, node.span);
        if (node.op == Op::read)
            return element(node);
        if (node.op == Op::matmul || node.op == Op::parameter)
            use(node);
        std::uint64_t depth = 0;
        if (node.op == Op::reduce) {
            const std::uint64_t around = turn_;
            walk_.for_each(node.ranges, node.span, [&] {
                turn_ = ++turns_;
                depth = std::max(depth, of(node.children[0]));
            });
            turn_ = around;
        } else
            for (const ir::ExprId child : node.children)
                depth = std::max(depth, of(child));
        return depth + (node.op == Op::matmul ? 1 : 0);
    }

    std::uint64_t element(const ir::Node& node) {
        const resolve::Extent& box = boxes_[node.target];
        Index index;
        for (std::size_t k = 0; k < node.access.indices.size(); ++k) {
            std::int64_t i = walk_.exactly(node.access.indices[k], node.span);
            const std::int64_t low = box.lower[k], high = box.upper[k], width = high - low + 1;
            if (node.access.mode == ir::IndexMode::zero && (i < low || i > high))
                return 0;
            if (node.access.mode == ir::IndexMode::clamp)
                i = std::clamp(i, low, std::max(low, high));
            if (node.access.mode == ir::IndexMode::wrap && width > 0)
                i = low + ((i - low) % width + width) % width;
            index.push_back(i);
        }
        const auto found = depths_.find(key(node.target, index));
        if (found == depths_.end())
            throw Missing{};
        return found->second;
    }
};

} // namespace

std::optional<Summary> summarize(const ir::Program& program, const ir::Sizes& sizes, std::uint64_t budget) {
    try {
        return Summation(program, sizes, budget).run();
    } catch (const Missing&) {
        return std::nullopt;
    } catch (const resolve::elements::TooLarge&) {
        return std::nullopt;
    } catch (const resolve::elements::Inexact&) {
        return std::nullopt;
    } catch (const std::length_error&) {
        return std::nullopt;
    }
}

} // namespace tpc::check
