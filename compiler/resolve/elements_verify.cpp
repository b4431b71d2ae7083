// Every element assigned once, and before it is read; no gaps, nothing outside (language.md sections 3 to 5).
#include "compiler/ir/indexing.hpp"
#include "compiler/ir/print.hpp"
#include "compiler/resolve/elements_space.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <set>
#include <tuple>

namespace tpc::resolve::elements {

namespace {

using source::Diagnostic;
using source::Id;
using source::Span;

// How often a place of the source was read, and how often each of its indices was outside.
struct Place {
    const ir::Node* node = nullptr;
    const Space* space = nullptr;
    std::uint64_t reads = 0;
    llvm::SmallVector<std::uint64_t, 4> outside;
};

// What an expression reads, by the sums around the reads.
struct Reads {
    const ir::Node* reduce = nullptr; // null: the whole expression
    std::vector<Place*> places;
    std::vector<Reads> inner;
};

class Verifier {
  public:
    Verifier(const ir::Program& program, const ir::Sizes& sizes, source::Diagnostics& diagnostics, std::uint64_t budget)
        : program_(program), sizes_(sizes), diagnostics_(diagnostics), walk_(program, sizes, budget) {}

    void run() {
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

  private:
    const ir::Program& program_;
    const ir::Sizes& sizes_;
    source::Diagnostics& diagnostics_;
    Walk walk_;
    std::uint64_t walk_length_ = 0;
    std::vector<Space> inputs_, parameters_, families_;
    std::deque<Place> places_;
    std::map<std::tuple<ir::Op, std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>, Place*> place_of_;
    std::set<std::tuple<Id, std::uint32_t, std::uint32_t, std::uint32_t>> reported_;
    llvm::SmallVector<ir::Symbol, 4> turn_; // indices of the loops and sums around the current place, outermost first
    Index index_;

    // Once for each place of the source and kind of message; null when it has been said.
    template <class... Args> Diagnostic* report(Id id, Span span, const Args&... args) {
        if (!reported_.insert({id, span.file, span.begin, span.end}).second)
            return nullptr;
        return &diagnostics_.report(id, span, args...);
    }
    [[nodiscard]] bool reported(Id id, Span span) const { return reported_.contains({id, span.file, span.begin, span.end}); }

    void inexact(const Inexact& error) {
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

    // --- texts

    [[nodiscard]] std::string value_text(ir::Symbol symbol) const {
        return fmt::format("{} = {}", program_.info(symbol).name, walk_.value(symbol));
    }

    // "with T = 4, t = 1": the turn of the loops and sums around, and the axes in the indices.
    void note_turn(Diagnostic& diagnostic, Span span, llvm::ArrayRef<ir::Affine> indices) const {
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

    // --- declarations

    void declare_inputs() {
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

    void declare_parameters() {
        for (const ir::Parameter& parameter : program_.parameters) {
            Space space{.kind = "the family", .name = parameter.name, .span = parameter.span};
            declare(parameter, space);
            parameters_.push_back(std::move(space));
        }
    }

    void declare(const ir::Parameter& parameter, Space& space) {
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

    static std::uint64_t volume_or_most(const Space& space) {
        try {
            return volume(space);
        } catch (const TooLarge&) {
            return most_elements + 1;
        }
    }

    void check_numbers(const ir::Parameter& parameter, const std::string& name) {
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

    // Not the number itself: what is kept of a variance is n or d times it.
    static const char* kind_of(double value) {
        return std::isnan(value) ? "undefined" : std::isinf(value) ? "infinite" : "negative";
    }

    [[nodiscard]] Span place_of(ir::ExprId id, Span otherwise) const {
        const Span span = program_.exprs[id].span;
        return span == Span{} ? otherwise : span;
    }

    [[nodiscard]] bool depends_on_index(ir::ExprId id) const {
        const ir::Node& node = program_.exprs[id];
        const bool here = std::any_of(node.affine.terms.begin(), node.affine.terms.end(),
                                      [&](const auto& term) { return !program_.info(term.first).axis; });
        return here || !node.ranges.empty() ||
               std::any_of(node.children.begin(), node.children.end(),
                           [&](ir::ExprId child) { return depends_on_index(child); });
    }

    void declare_families() {
        const auto boxes = extents(walk_, [&](const Inexact& error) { inexact(error); });
        std::uint64_t total = 0;
        for (std::size_t f = 0; f < boxes.size(); ++f) {
            const ir::Family& family = program_.families[f];
            Space space{.kind = "the family",
                        .name = family.name,
                        .implicit = family.implicit,
                        .box = boxes[f],
                        .span = family.span};
            space.empty = boxes[f].empty();
            total += volume(space);
            if (total > most_elements)
                throw TooLarge{space.span, "its families have too many elements"};
            lay_out(space);
            families_.push_back(std::move(space));
        }
    }

    // --- what expressions read

    // The name that is indexed, with its indices.
    [[nodiscard]] static Span reference(const ir::Node& node) { return node.op == ir::Op::matmul ? node.matrix : node.span; }

    [[nodiscard]] const Space* space_of(const ir::Node& node) const {
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

    Place* place(const ir::Node& node, const Space& space) {
        Place*& known = place_of_[{node.op, node.target, node.span.file, node.span.begin, node.span.end}];
        if (!known || known->node->access != node.access) {
            places_.push_back({&node, &space, 0, {}});
            places_.back().outside.assign(node.access.indices.size(), 0);
            known = &places_.back();
        }
        return known;
    }

    void collect(ir::ExprId id, Reads& reads, std::set<ir::ExprId>& seen) {
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

    Reads reads_of(ir::ExprId value) {
        Reads reads;
        std::set<ir::ExprId> seen;
        collect(value, reads, seen);
        return reads;
    }

    // --- the walk

    void walk_program() {
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

    void read_outputs() {
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

    void read(const Reads& reads, Span span) {
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

    void check_empty(const ir::Node& reduce) {
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

    void read(Place& place, Span statement) {
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

    // False when what is read is 0.
    bool move_inside(const Space& space, ir::IndexMode mode) {
        if (mode == ir::IndexMode::zero)
            return false;
        if (space.empty)
            return true; // an error
        for (std::size_t k = 0; k < index_.size(); ++k)
            index_[k] = *ir::apply_mode(index_[k], space.box.lower[k], space.box.upper[k], mode);
        return true;
    }

    // Bounds may use earlier indices of the family: its symbols are free outside of declarations.
    bool is_declared(const std::vector<ir::Range>& ranges) {
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

    void assign(std::uint32_t number, const Index& target) {
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

    // --- messages about reads

    void report_unassigned(const Place& place) {
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

    void report_outside(const Place& place) {
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

    // "x[1] is the first element; start the loop at 2 or define x[0]"
    void note_edge(Diagnostic& diagnostic, const Place& place) const {
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

    // The value at which index k of the access meets `edge`, where one loop index drives it with coefficient 1.
    [[nodiscard]] std::optional<std::int64_t> bound_of_loop(const Place& place, std::size_t k, std::int64_t edge) const {
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

    // The statement that first assigns an element, in a walk of its own where that is cheap.
    [[nodiscard]] std::optional<std::uint32_t> assigner(std::uint32_t family, const Index& element) const {
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

    // --- afterwards

    void find_gaps() {
        for (const Space& space : families_)
            for (std::size_t k = space.implicit; k < space.strides.size() && !space.empty && !space.bad; ++k)
                if (const auto gap = first_gap(space, k, walk_)) {
                    report(Id::family_gap, space.span, space.name, element(space, gap->missing), element(space, gap->before),
                           element(space, gap->after));
                    break;
                }
    }

    // Places that share a span (a function called twice) count as one.
    void warn_outside() {
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
};

} // namespace

void verify(const ir::Program& program, const ir::Sizes& sizes, source::Diagnostics& diagnostics, std::uint64_t budget) {
    Verifier(program, sizes, diagnostics, budget).run();
}

} // namespace tpc::resolve::elements

namespace tpc::resolve {

void verify_elements(const ir::Program& program, const ir::Sizes& sizes, source::Diagnostics& diagnostics) {
    elements::verify(program, sizes, diagnostics, elements::default_budget);
}

} // namespace tpc::resolve
