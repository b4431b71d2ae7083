// The spaces that declarations open: inputs, parameters and their numbers, families.
#include "compiler/ir/print.hpp"
#include "compiler/resolve/elements_verifier.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::resolve::elements {

void Verifier::declare_inputs() {
    for (const ir::Input& input : program_.inputs) {
        Space space{.kind = "the input", .name = input.name, .span = input.span};
        for (const ir::Affine& axis : input.axes) {
            const std::int64_t size = walk_.exactly(axis, input.span);
            if (size < 0) {
                report(Id::bad_axis_size, input.span, ir::print(ir::PrintNames{.program = &program_}, axis), input.name,
                       size);
                space.bad = true;
            }
            space.box.lower.push_back(1);
            space.box.upper.push_back(size);
            space.empty |= size < 1;
        }
        inputs_.push_back(std::move(space));
    }
}

void Verifier::declare_parameters() {
    for (const ir::Parameter& parameter : program_.parameters) {
        Space space{.kind = "the family", .name = parameter.name, .span = parameter.span};
        declare(parameter, space);
        parameters_.push_back(std::move(space));
    }
}

void Verifier::declare(const ir::Parameter& parameter, Space& space) {
    const std::size_t rank = parameter.family.size();
    const bool constant =
        !depends_on_index(parameter.scale) && !depends_on_index(parameter.mean) && !depends_on_index(parameter.rate);
    std::uint64_t members = 0;
    const auto member = [&] {
        Index index;
        for (const ir::Range& range : parameter.family)
            index.push_back(walk_.value(range.index));
        if (members++ == 0) {
            space.box.lower.assign(index.begin(), index.end());
            space.box.upper = space.box.lower;
        }
        for (std::size_t k = 0; k < rank; ++k) {
            space.box.lower[k] = std::min(space.box.lower[k], index[k]);
            space.box.upper[k] = std::max(space.box.upper[k], index[k]);
        }
        if (!constant || members == 1)
            check_numbers(parameter, element(space, index));
    };
    walk_.for_each(parameter.family, parameter.span, member);
    space.empty = members == 0;
    if (space.empty) {
        space.box.lower.assign(rank, 1);
        space.box.upper.assign(rank, 0);
        if (constant)
            check_numbers(parameter, space.name);
    }
    if (volume_or_most(space) != members)
        space.declared = &parameter.family;
}

std::uint64_t Verifier::volume_or_most(const Space& space) {
    try {
        return volume(space);
    } catch (const TooLarge&) {
        return most_elements + 1;
    }
}

void Verifier::check_numbers(const ir::Parameter& parameter, const std::string& name) {
    const double variance = walk_.number(parameter.scale);
    if (!(variance >= 0) || !std::isfinite(variance))
        report(Id::bad_variance, place_of(parameter.scale, parameter.span), name, kind_of(variance));
    const double mean = walk_.number(parameter.mean);
    if (!std::isfinite(mean))
        report(Id::bad_moment, place_of(parameter.mean, parameter.span), "mean", name, kind_of(mean));
    const double rate = walk_.number(parameter.rate);
    if (!std::isfinite(rate) && std::isfinite(variance))
        report(Id::bad_moment, place_of(parameter.rate, parameter.span), "rate", name, kind_of(rate));
}

const char* Verifier::kind_of(double value) {
    return std::isnan(value) ? "undefined" : std::isinf(value) ? "infinite" : "negative";
}

Span Verifier::place_of(ir::ExprId id, Span otherwise) const {
    const Span span = program_.exprs[id].span;
    return span == Span{} ? otherwise : span;
}

bool Verifier::depends_on_index(ir::ExprId id) const {
    const ir::Node& node = program_.exprs[id];
    const bool here = std::any_of(node.affine.terms.begin(), node.affine.terms.end(),
                                  [&](const auto& term) { return !program_.info(term.first).axis; });
    return here || !node.ranges.empty() || std::any_of(node.children.begin(), node.children.end(), [&](ir::ExprId child) {
               return depends_on_index(child);
           });
}

void Verifier::declare_families() {
    const auto boxes = extents(walk_, [&](const Inexact& error) { inexact(error); });
    std::uint64_t total = 0;
    for (std::size_t f = 0; f < boxes.size(); ++f) {
        const ir::Family& family = program_.families[f];
        Space space{
            .kind = "the family", .name = family.name, .implicit = family.implicit, .box = boxes[f], .span = family.span};
        space.empty = boxes[f].empty();
        total += volume(space);
        if (total > most_elements)
            throw TooLarge{space.span, "its families have too many elements"};
        lay_out(space);
        families_.push_back(std::move(space));
    }
}

} // namespace tpc::resolve::elements
