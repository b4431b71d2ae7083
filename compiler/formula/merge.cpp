#include "compiler/check/uses.hpp"
#include "compiler/formula/build.hpp"

namespace tpc::formula {

using namespace ir;

namespace {

std::optional<Values> same_elements(const Line& a, const Line& b) {
    if (a.domain.ranges.size() != b.domain.ranges.size())
        return std::nullopt;
    Values renaming;
    for (std::size_t k = 0; k < a.domain.ranges.size(); ++k)
        renaming[b.domain.ranges[k].index] = Affine::of(a.domain.ranges[k].index);
    const Domain renamed = with(renaming, b.domain);
    for (std::size_t k = 0; k < a.domain.ranges.size(); ++k)
        if (!(renamed.ranges[k].lower == a.domain.ranges[k].lower) || !(renamed.ranges[k].upper == a.domain.ranges[k].upper))
            return std::nullopt;
    if (renamed.conditions != a.domain.conditions)
        return std::nullopt;
    if (!(with(renaming, *b.target.left).access == a.target.left->access) ||
        !(with(renaming, *b.target.right).access == a.target.right->access))
        return std::nullopt;
    return renaming;
}

bool may_meet(const Build& build, const Line& a, const Line& b) {
    if (a.target.kind == Formula::Kind::gaussians) // any Gaussian may be among them
        return build.network.gaussian[b.target.left->family] && build.network.gaussian[b.target.right->family];
    if (a.target.left->family != b.target.left->family || a.target.right->family != b.target.right->family)
        return false;
    if (a.output && b.output && a.output != b.output)
        return false;
    check::Bindings bindings;
    check::bind(bindings, a.domain.ranges);
    check::bind(bindings, b.domain.ranges);
    const auto apart = [&](const Access& x, const Access& y) {
        return check::provably_disjoint(build.result.program, x.indices, y.indices, bindings);
    };
    if (apart(a.target.left->access, b.target.left->access) || apart(a.target.right->access, b.target.right->access))
        return false;
    return true;
}

} // namespace

// Lines for the same elements become one; others that may meet add up.
void merge_backward(Build& build) {
    std::vector<Line> merged;
    for (Line& line : build.result.backward) {
        bool done = line.target.kind == Formula::Kind::gaussians; // stands for itself
        if (done)
            merged.push_back(line);
        for (Line& earlier : merged) {
            if (done || earlier.target.kind == Formula::Kind::gaussians)
                continue;
            if (earlier.output != line.output || earlier.target.left->family != line.target.left->family ||
                earlier.target.right->family != line.target.right->family)
                continue;
            if (const auto renaming = same_elements(earlier, line)) {
                earlier.value = add(build.table(), {earlier.value, substituted(build.table(), line.value, *renaming)});
                done = true;
            }
        }
        if (!done)
            merged.push_back(std::move(line));
    }
    for (std::size_t k = 0; k < merged.size(); ++k)
        for (std::size_t before = 0; before < k && merged[k].target.kind != Formula::Kind::gaussians; ++before)
            merged[k].adds = merged[k].adds || may_meet(build, merged[before], merged[k]);
    build.result.backward = std::move(merged);
}

// ntk = sum over linear equations of D * (what their own parameters add to T)
void ntk_of_gradients(Build& build) {
    std::vector<Formula> shared;
    for (const limit::Equation& equation : build.cross) {
        if (!equation.tangent || build.is_output(equation) || equation.rule != limit::Rule::linear)
            continue;
        const Instance instance = instance_of(build, equation, false);
        const Formula own_part = value_T(build, equation, instance, false);
        if (is_number(own_part, 0))
            continue;
        shared.push_back(sum(build.result.program, instance.domain, {},
                             product({target(build, equation, instance, Quantity::D, false), own_part})));
    }
    for (const limit::Equation& equation : build.cross) {
        if (!equation.tangent || !build.is_output(equation))
            continue;
        const Instance instance = instance_of(build, equation, false);
        std::vector<Formula> parts{value_T(build, equation, instance, false)};
        parts.insert(parts.end(), shared.begin(), shared.end());
        build.result.ntk.push_back(
            {target(build, equation, instance, Quantity::D, false), false, add(build.table(), parts), instance.domain, {}});
    }
}

} // namespace tpc::formula
