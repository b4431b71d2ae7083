// Every element assigned once, and before it is read; no gaps, nothing outside (language.md sections 3 to 5).
#include "compiler/ir/print.hpp"
#include "compiler/resolve/elements_verifier.hpp"

#include <algorithm>

namespace tpc::resolve::elements {

void Verifier::run() {
    try {
        declare_inputs();
        declare_parameters();
        const std::uint64_t before = walk_.budget();
        declare_families();
        walk_length_ = before - walk_.budget();
        walk_program();
        read_outputs();
        find_gaps();
        warn_outside();
    } catch (const TooLarge& error) {
        diagnostics_.report(Id::too_large, error.span, error.what);
    } catch (const Inexact& error) {
        inexact(error);
    }
}

const Space* Verifier::space_of(const ir::Node& node) const {
    switch (node.op) {
    case ir::Op::input:
    case ir::Op::input_row:
        return &inputs_[node.target];
    case ir::Op::parameter:
    case ir::Op::matmul:
        return &parameters_[node.target];
    case ir::Op::read:
        return &families_[node.target];
    default:
        return nullptr;
    }
}

Place* Verifier::place(const ir::Node& node, const Space& space) {
    Place*& known = place_of_[{node.op, node.target, node.span.file, node.span.begin, node.span.end}];
    if (!known || known->node->access != node.access) {
        places_.push_back({&node, &space, 0, {}});
        places_.back().outside.assign(node.access.indices.size(), 0);
        known = &places_.back();
    }
    return known;
}

void Verifier::collect(ir::ExprId id, Reads& reads, std::set<ir::ExprId>& seen) {
    if (!seen.insert(id).second)
        return;
    const ir::Node& node = program_.exprs[id];
    if (node.op == ir::Op::reduce) {
        Reads inner;
        inner.reduce = &node;
        std::set<ir::ExprId> seen_inside;
        collect(node.children[0], inner, seen_inside);
        reads.inner.push_back(std::move(inner));
        return;
    }
    if (const Space* space = space_of(node))
        reads.places.push_back(place(node, *space));
    for (const ir::ExprId child : node.children)
        collect(child, reads, seen);
}

Reads Verifier::reads_of(ir::ExprId value) {
    Reads reads;
    std::set<ir::ExprId> seen;
    collect(value, reads, seen);
    return reads;
}

void Verifier::walk_program() {
    std::vector<Reads> reads;
    for (const ir::Statement& statement : program_.statements)
        reads.push_back(reads_of(statement.value));
    Index target;
    walk_.run(
        [&](std::uint32_t number) {
            const ir::Statement& statement = program_.statements[number];
            turn_.clear();
            for (const ir::Range& range : statement.domain.ranges)
                turn_.push_back(range.index);
            read(reads[number], statement.span);
            target_of(walk_, statement, target);
            assign(number, target);
        },
        [&](const Inexact& error) { inexact(error); });
}

void Verifier::read_outputs() {
    for (const ir::Output& output : program_.outputs) {
        const Reads reads = reads_of(output.value);
        turn_.clear();
        for (const ir::Range& range : output.family)
            turn_.push_back(range.index);
        try {
            walk_.for_each(output.family, output.span, [&] { read(reads, output.span); });
        } catch (const Inexact& error) {
            inexact(error);
        }
    }
}

void Verifier::read(const Reads& reads, Span span) {
    walk_.spend(reads.places.size(), span);
    for (Place* place : reads.places)
        read(*place, span);
    for (const Reads& inner : reads.inner) {
        const std::size_t around = turn_.size();
        for (const ir::Range& range : inner.reduce->ranges)
            turn_.push_back(range.index);
        bool empty = false;
        try {
            empty = walk_.for_each(inner.reduce->ranges, inner.reduce->span, [&] { read(inner, span); }) == 0;
        } catch (const Inexact& error) {
            walk_.spend(1000, error.span);
            inexact(error);
        }
        turn_.resize(around);
        if (empty)
            check_empty(*inner.reduce);
    }
}

void Verifier::check_empty(const ir::Node& reduce) {
    if (reduce.reduction == ir::Reduction::sum || reduce.reduction == ir::Reduction::prod)
        return;
    if (Diagnostic* diagnostic = report(Id::empty_reduction, reduce.span, ir::name_of(reduce.reduction))) {
        std::vector<ir::Affine> bounds;
        for (const ir::Range& range : reduce.ranges) {
            bounds.push_back(range.lower);
            bounds.push_back(range.upper);
        }
        note_turn(*diagnostic, reduce.span, bounds);
    }
}

void Verifier::read(Place& place, Span statement) {
    const Space& space = *place.space;
    const ir::Access& access = place.node->access;
    ++place.reads;
    bool outside = false;
    index_.clear();
    for (std::size_t k = 0; k < access.indices.size(); ++k) {
        std::int64_t i = 0;
        if (!walk_.evaluate(access.indices[k], i))
            return inexact({&access.indices[k], reference(*place.node) == Span{} ? statement : reference(*place.node)});
        index_.push_back(i);
        if (space.inside(k, i))
            continue;
        outside = true;
        ++place.outside[k];
    }
    if (outside && access.mode != ir::IndexMode::none && !move_inside(space, access.mode))
        return;
    if (!space.inside(index_))
        return report_outside(place);
    if (!space.assigned.empty() && !space.test(space.offset(index_)))
        return report_unassigned(place);
    if (space.declared && !is_declared(*space.declared))
        report_outside(place);
}

bool Verifier::move_inside(const Space& space, ir::IndexMode mode) {
    if (mode == ir::IndexMode::zero)
        return false;
    if (space.empty)
        return true; // an error
    for (std::size_t k = 0; k < index_.size(); ++k)
        index_[k] = *ir::apply_mode(index_[k], space.box.lower[k], space.box.upper[k], mode);
    return true;
}

bool Verifier::is_declared(const std::vector<ir::Range>& ranges) {
    for (std::size_t k = 0; k < ranges.size(); ++k) {
        std::int64_t lower = 0;
        std::int64_t upper = 0;
        if (!walk_.evaluate(ranges[k].lower, lower) || !walk_.evaluate(ranges[k].upper, upper) || index_[k] < lower ||
            index_[k] > upper)
            return false;
        walk_.set(ranges[k].index, index_[k]);
    }
    return true;
}

void Verifier::assign(std::uint32_t number, const Index& target) {
    const ir::Statement& statement = program_.statements[number];
    Space& space = families_[statement.family];
    const std::uint64_t at = space.offset(target);
    if (!space.test(at)) {
        space.set(at);
        return;
    }
    Diagnostic* diagnostic = report(Id::element_assigned_twice, statement.target_span, element(space, target));
    if (!diagnostic)
        return;
    note_turn(*diagnostic, statement.target_span, statement.indices);
    if (const auto first = assigner(statement.family, target))
        diagnostic->note(program_.statements[*first].target_span,
                         *first == number ? "it is assigned here in an earlier turn" : "it is first assigned here");
}

std::optional<std::uint32_t> Verifier::assigner(std::uint32_t family, const Index& element) const {
    if (walk_length_ > 5'000'000)
        return std::nullopt;
    Walk walk(program_, sizes_, walk_length_ + 1000);
    std::optional<std::uint32_t> found;
    Index index;
    walk.run(
        [&](std::uint32_t number) {
            if (found || program_.statements[number].family != family)
                return;
            target_of(walk, program_.statements[number], index);
            if (index == element)
                found = number;
        },
        [](const Inexact&) {});
    return found;
}

void verify(const ir::Program& program, const ir::Sizes& sizes, source::Diagnostics& diagnostics, std::uint64_t budget) {
    Verifier(program, sizes, diagnostics, budget).run();
}

} // namespace tpc::resolve::elements

namespace tpc::resolve {

void verify_elements(const ir::Program& program, const ir::Sizes& sizes, source::Diagnostics& diagnostics) {
    elements::verify(program, sizes, diagnostics, elements::default_budget);
}

} // namespace tpc::resolve
