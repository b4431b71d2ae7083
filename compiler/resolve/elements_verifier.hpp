// The walk over every element of a program at given sizes, and what it finds wrong. Private to verify().
#pragma once

#include "compiler/ir/indexing.hpp"
#include "compiler/resolve/elements_space.hpp"

#include <deque>
#include <map>
#include <set>
#include <tuple>

namespace tpc::resolve::elements {

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
    void run();

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
    Index index_;                           // of the read at hand

    // Once for each place of the source and kind of message; null when it has been said.
    template <class... Args> Diagnostic* report(Id id, Span span, const Args&... args) {
        if (!reported_.insert({id, span.file, span.begin, span.end}).second)
            return nullptr;
        return &diagnostics_.report(id, span, args...);
    }
    [[nodiscard]] bool reported(Id id, Span span) const { return reported_.contains({id, span.file, span.begin, span.end}); }
    void inexact(const Inexact& error);

    // Texts.
    [[nodiscard]] std::string value_text(ir::Symbol symbol) const;
    // "with T = 4, t = 1": the turn of the loops and sums around, and the axes in the indices.
    void note_turn(Diagnostic& diagnostic, Span span, llvm::ArrayRef<ir::Affine> indices) const;

    // Declarations.
    void declare_inputs();
    void declare_parameters();
    void declare(const ir::Parameter& parameter, Space& space);
    static std::uint64_t volume_or_most(const Space& space);
    void check_numbers(const ir::Parameter& parameter, const std::string& name);
    // Not the number itself: what is kept of a variance is n or d times it.
    static const char* kind_of(double value);
    [[nodiscard]] Span place_of(ir::ExprId id, Span otherwise) const;
    [[nodiscard]] bool depends_on_index(ir::ExprId id) const;
    void declare_families();

    // What expressions read.
    // reference: the name that is indexed, with its indices.
    [[nodiscard]] static Span reference(const ir::Node& node) { return node.op == ir::Op::matmul ? node.matrix : node.span; }
    [[nodiscard]] const Space* space_of(const ir::Node& node) const;
    Place* place(const ir::Node& node, const Space& space);
    void collect(ir::ExprId id, Reads& reads, std::set<ir::ExprId>& seen);
    Reads reads_of(ir::ExprId value);

    // The walk.
    void walk_program();
    void read_outputs();
    void read(const Reads& reads, Span span);
    void check_empty(const ir::Node& reduce);
    void read(Place& place, Span statement);
    // False when what is read is 0.
    bool move_inside(const Space& space, ir::IndexMode mode);
    // Bounds may use earlier indices of the family: its symbols are free outside of declarations.
    bool is_declared(const std::vector<ir::Range>& ranges);
    void assign(std::uint32_t number, const Index& target);

    // Messages about reads.
    void report_unassigned(const Place& place);
    void report_outside(const Place& place);
    // "x[1] is the first element; start the loop at 2 or define x[0]"
    void note_edge(Diagnostic& diagnostic, const Place& place) const;
    // The value at which index k of the access meets `edge`, where one loop index drives it with coefficient 1.
    [[nodiscard]] std::optional<std::int64_t> bound_of_loop(const Place& place, std::size_t k, std::int64_t edge) const;
    // The statement that first assigns an element, in a walk of its own where that is cheap.
    [[nodiscard]] std::optional<std::uint32_t> assigner(std::uint32_t family, const Index& element) const;

    // Afterwards.
    void find_gaps();
    // Places that share a span (a function called twice) count as one.
    void warn_outside();
};

} // namespace tpc::resolve::elements
