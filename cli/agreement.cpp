#include "cli/agreement.hpp"

#include "compiler/ir/print.hpp"
#include "compiler/resolve/elements_walk.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace tpc::cli {
namespace {

struct Law {
    double mean = 0, scale = 0, rate = 0;
    bool operator==(const Law&) const = default;
};
using Laws = std::map<std::vector<std::int64_t>, Law>; // by member of a family

bool mentions(const ir::ExprTable& exprs, ir::ExprId id, const std::vector<bool>& differs) {
    const auto in = [&](const ir::Affine& a) {
        return std::ranges::any_of(a.terms, [&](const auto& term) { return differs[static_cast<std::size_t>(term.first)]; });
    };
    const ir::Node& node = exprs[id];
    return in(node.affine) ||
           std::ranges::any_of(node.ranges, [&](const ir::Range& r) { return in(r.lower) || in(r.upper); }) ||
           std::ranges::any_of(node.children, [&](ir::ExprId child) { return mentions(exprs, child, differs); });
}

Laws laws_of(const ir::Program& program, const ir::Parameter& parameter, const ir::Sizes& sizes) {
    Laws result;
    resolve::elements::Walk walk(program, sizes, resolve::elements::default_budget);
    walk.for_each(parameter.family, parameter.span, [&] {
        std::vector<std::int64_t> member;
        for (const ir::Range& range : parameter.family)
            member.push_back(walk.value(range.index));
        result[member] = {walk.number(parameter.mean), walk.number(parameter.scale), walk.number(parameter.rate)};
    });
    return result;
}

// Two places where the sizes differ, in the user's terms.
std::string between(const Samples& left, const Samples& right) {
    if (left.set.samples == left.all && right.set.samples == right.all)
        return "the two sample sets";
    return fmt::format("sample {} of {} and sample {} of {} (counted from 0)", left.positions.front(), left.option,
                       right.positions.front(), right.option);
}

void require_equal_laws(const ir::Program& program, const ir::Parameter& parameter,
                        const std::vector<const Samples*>& groups) {
    std::map<std::vector<std::int64_t>, std::pair<Law, const Samples*>> known;
    for (const Samples* group : groups)
        for (const auto& [member, law] : laws_of(program, parameter, group->sizes)) {
            const auto& [other, first] = known.try_emplace(member, law, group).first->second;
            if (other == law)
                continue;
            const std::string name = parameter.name + (member.empty() ? "" : fmt::format("[{}]", fmt::join(member, ", ")));
            const char* what = other.mean != law.mean ? "mean" : other.scale != law.scale ? "variance" : "rate";
            throw Failure{data_error, fmt::format("the {} of {} differs between {}, whose axes differ in size", what, name,
                                                  between(*first, *group))};
        }
}

void require_equal_reads(const ir::Program& program, const ir::Parameter& parameter,
                         const std::vector<const Samples*>& groups) {
    const auto size = [&](const Samples& group) {
        return ir::evaluate(*parameter.reads, [&](ir::Symbol s) { return group.sizes.at(s); }).value_or(0);
    };
    for (const Samples* group : groups)
        if (size(*group) != size(*groups.front()))
            throw Failure{data_error,
                          fmt::format("the matrix {} reads the axis {}, whose size differs between {}: {} and {}",
                                      parameter.name, ir::print(ir::PrintNames{&program}, *parameter.reads),
                                      between(*groups.front(), *group), size(*groups.front()), size(*group))};
}

} // namespace

void require_agreement(const ir::Program& program, const std::vector<const Samples*>& groups) {
    std::vector<bool> differs(program.symbols.size());
    for (const Samples* group : groups)
        for (const auto& [symbol, size] : group->sizes)
            if (groups.front()->sizes.at(symbol) != size)
                differs[static_cast<std::size_t>(symbol)] = true;
    if (std::ranges::find(differs, true) == differs.end())
        return;
    for (const ir::Parameter& parameter : program.parameters) {
        if (parameter.reads)
            require_equal_reads(program, parameter, groups);
        if (mentions(program.exprs, parameter.mean, differs) || mentions(program.exprs, parameter.scale, differs) ||
            mentions(program.exprs, parameter.rate, differs))
            require_equal_laws(program, parameter, groups);
    }
}

} // namespace tpc::cli
