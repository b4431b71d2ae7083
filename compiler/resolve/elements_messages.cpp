// What is said of reads outside of a space or before an assignment, and of gaps.
#include "compiler/ir/print.hpp"
#include "compiler/resolve/elements_verifier.hpp"

#include <algorithm>

namespace tpc::resolve::elements {

void Verifier::inexact(const Inexact& error) {
    Diagnostic* diagnostic =
        report(Id::not_an_integer, error.span, ir::print(ir::PrintNames{.program = &program_}, *error.expression));
    if (!diagnostic)
        return;
    std::string values;
    for (const auto& [symbol, coefficient] : error.expression->terms)
        values += (values.empty() ? "with " : ", ") + value_text(symbol);
    if (!values.empty())
        diagnostic->note(error.span, values);
}

std::string Verifier::value_text(ir::Symbol symbol) const {
    return fmt::format("{} = {}", program_.info(symbol).name, walk_.value(symbol));
}

void Verifier::note_turn(Diagnostic& diagnostic, Span span, llvm::ArrayRef<ir::Affine> indices) const {
    std::vector<ir::Symbol> symbols;
    for (const ir::Affine& index : indices)
        for (const auto& [symbol, coefficient] : index.terms)
            if (program_.info(symbol).axis && std::find(symbols.begin(), symbols.end(), symbol) == symbols.end())
                symbols.push_back(symbol);
    symbols.insert(symbols.end(), turn_.begin(), turn_.end());
    std::string text;
    for (const ir::Symbol symbol : symbols)
        text += (text.empty() ? "with " : ", ") + value_text(symbol);
    if (!text.empty())
        diagnostic.note(span, text);
}

void Verifier::report_unassigned(const Place& place) {
    const Span span = reference(*place.node);
    const Space& space = *place.space;
    if (reported(Id::element_unassigned, span) || reported(Id::element_never_assigned, span))
        return;
    const Index index = index_;
    const auto first = assigner(place.node->target, index);
    const Id id = first || space.implicit == index.size() ? Id::element_unassigned : Id::element_never_assigned;
    Diagnostic* diagnostic = report(id, span, element(space, index));
    note_turn(*diagnostic, span, place.node->access.indices);
    if (id == Id::element_never_assigned) {
        families_[place.node->target].bad = true;
        diagnostic->note(space.span, fmt::format("{} is assigned here", space.name));
    }
    if (!first)
        return;
    const ir::Statement& other = program_.statements[*first];
    const bool itself = other.span.file == span.file && other.span.begin <= span.begin && span.end <= other.span.end;
    diagnostic->note(other.target_span,
                     element(space, index) + (!itself ? " is assigned here"
                                              : space.implicit > 0
                                                  ? " is local to each turn of the loop here: to carry it from turn to "
                                                    "turn give it an index, as in x[t] = f(x[t-1])"
                                                  : " is assigned here, in a later turn: loops count upwards"));
}

void Verifier::report_outside(const Place& place) {
    const Span span = reference(*place.node);
    const Space& space = *place.space;
    if (space.bad)
        return;
    if (space.implicit > 0 &&
        std::any_of(index_.begin(), index_.begin() + static_cast<std::ptrdiff_t>(space.implicit),
                    [&, k = std::size_t{0}](std::int64_t i) mutable { return !space.inside(k++, i); })) {
        if (Diagnostic* diagnostic = report(Id::element_unassigned, span, element(space, index_)))
            note_turn(*diagnostic, span, place.node->access.indices);
        return;
    }
    if (space.empty && place.node->op == ir::Op::read) {
        if (Diagnostic* diagnostic = report(Id::element_never_assigned, span, element(space, index_)))
            note_turn(*diagnostic, span, place.node->access.indices);
        return;
    }
    Diagnostic* diagnostic = report(Id::element_outside, span, element(space, index_), space.kind + " " + space.name,
                                    box_text(space, index_.size()));
    if (!diagnostic)
        return;
    note_turn(*diagnostic, span, place.node->access.indices);
    note_edge(*diagnostic, place);
}

void Verifier::note_edge(Diagnostic& diagnostic, const Place& place) const {
    const Space& space = *place.space;
    std::size_t k = 0;
    while (k < index_.size() && space.inside(k, index_[k]))
        ++k;
    if (space.empty || k == index_.size()) // inside the box of a family that does not fill it
        return;
    const bool below = index_[k] < space.box.lower[k];
    Index edge = index_;
    for (std::size_t other = 0; other < edge.size(); ++other)
        edge[other] = std::clamp(edge[other], space.box.lower[other], space.box.upper[other]);
    std::string text = fmt::format("{} is the {} element", element(space, edge), below ? "first" : "last");
    if (const auto bound = bound_of_loop(place, k, edge[k]))
        text += fmt::format("; {} the loop at {}", below ? "start" : "end", *bound) +
                (place.node->op == ir::Op::read ? fmt::format(" or define {}", element(space, index_)) : "");
    else if (place.node->op == ir::Op::read)
        text += fmt::format("; define {}, or say what lies outside: | zero, | wrap or | clamp", element(space, index_));
    diagnostic.note(space.span, text);
}

std::optional<std::int64_t> Verifier::bound_of_loop(const Place& place, std::size_t k, std::int64_t edge) const {
    std::optional<ir::Symbol> driver;
    for (const auto& [symbol, coefficient] : place.node->access.indices[k].terms) {
        if (program_.info(symbol).axis)
            continue;
        if (driver || coefficient != 1 || place.node->access.indices[k].denominator != 1)
            return std::nullopt;
        driver = symbol;
    }
    if (!driver)
        return std::nullopt;
    return walk_.value(*driver) + edge - index_[k];
}

void Verifier::find_gaps() {
    for (const Space& space : families_)
        for (std::size_t k = space.implicit; k < space.strides.size() && !space.empty && !space.bad; ++k)
            if (const auto gap = first_gap(space, k, walk_)) {
                report(Id::family_gap, space.span, space.name, element(space, gap->missing), element(space, gap->before),
                       element(space, gap->after));
                break;
            }
}

void Verifier::warn_outside() {
    using Key = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::size_t>;
    std::map<Key, std::pair<std::uint64_t, std::uint64_t>> counts;
    const auto key = [](const Place& place, std::size_t k) {
        const Span span = reference(*place.node);
        return Key{span.file, span.begin, span.end, k};
    };
    for (const Place& place : places_)
        for (std::size_t k = 0; k < place.outside.size(); ++k) {
            auto& [reads, outside] = counts[key(place, k)];
            reads += place.reads;
            outside += place.outside[k];
        }
    for (const Place& place : places_)
        for (std::size_t k = 0; k < place.outside.size(); ++k) {
            const auto [reads, outside] = counts[key(place, k)];
            if (place.node->access.mode != ir::IndexMode::none && reads > 0 && outside == reads)
                report(Id::index_always_outside, reference(*place.node),
                       ir::print(ir::PrintNames{.program = &program_}, place.node->access.indices[k]), place.space->name,
                       range_text(*place.space, k));
        }
}

} // namespace tpc::resolve::elements
