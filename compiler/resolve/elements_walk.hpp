// The bounded concrete walk through a program at given sizes, shared by the element checks.
#pragma once

#include "compiler/ir/program.hpp"
#include "compiler/resolve/resolve.hpp"

#include <functional>
#include <stdexcept>

namespace tpc::resolve::elements {

using Index = llvm::SmallVector<std::int64_t, 4>;

// More turns of loops and sums than the walk allows, or families over boxes that do not fit.
struct TooLarge {
    source::Span span;
    std::string what;
};

// An integer expression that is not an integer at these sizes, or does not fit 64 bits.
struct Inexact {
    const ir::Affine* expression = nullptr;
    source::Span span;
};

// Current values of all symbols and the budget of turns.
class Walk {
  public:
    // Throws std::invalid_argument for an axis without a size.
    Walk(const ir::Program& program, const ir::Sizes& sizes, std::uint64_t budget);

    [[nodiscard]] const ir::Program& program() const { return program_; }
    [[nodiscard]] std::int64_t value(ir::Symbol symbol) const { return values_[static_cast<std::uint32_t>(symbol)]; }
    void set(ir::Symbol symbol, std::int64_t value) { values_[static_cast<std::uint32_t>(symbol)] = value; }

    // False when the division is not exact or the value does not fit.
    bool evaluate(const ir::Affine& a, std::int64_t& result) const {
        std::int64_t sum = a.constant;
        for (const auto& [symbol, coefficient] : a.terms) {
            std::int64_t term = 0;
            if (__builtin_mul_overflow(coefficient, value(symbol), &term) || __builtin_add_overflow(sum, term, &sum))
                return false;
        }
        result = sum;
        if (a.denominator == 1)
            return true;
        result = sum / a.denominator;
        return sum % a.denominator == 0;
    }

    // Throws Inexact, which names `span` as the place.
    std::int64_t exactly(const ir::Affine& a, source::Span span) const {
        std::int64_t result = 0;
        if (!evaluate(a, result))
            throw Inexact{&a, span};
        return result;
    }

    // A scalar expression of numbers, axes and indices.
    double number(ir::ExprId id);

    void spend(std::uint64_t turns, source::Span span) {
        if (turns > budget_)
            throw TooLarge{span, "more steps than can be walked through"};
        budget_ -= turns;
    }
    [[nodiscard]] std::uint64_t budget() const { return budget_; }

    // Calls `body()` for every point of the nested ranges; all of them are set then. Returns the number of points.
    template <class Body> std::uint64_t for_each(llvm::ArrayRef<ir::Range> ranges, source::Span span, const Body& body) {
        if (ranges.empty()) {
            body();
            return 1;
        }
        const ir::Range& range = ranges.front();
        const std::int64_t lower = exactly(range.lower, span_of(range, span));
        const std::int64_t upper = exactly(range.upper, span_of(range, span));
        std::uint64_t points = 0;
        for (std::int64_t i = lower; i <= upper; ++i) {
            spend(1, span_of(range, span));
            set(range.index, i);
            points += for_each(ranges.drop_front(), span, body);
        }
        return points;
    }

    [[nodiscard]] bool holds(const ir::Condition& condition, source::Span span) const;

    // Calls `visit(statement number)` for every instance in the order of execution. An expression that is not an integer
    // ends the loop or instance that needs it, after `inexact` is told.
    template <class Visit, class Report> void run(const Visit& visit, const Report& inexact) {
        run_items(program_.body, visit, inexact);
    }

  private:
    const ir::Program& program_;
    std::vector<std::int64_t> values_;
    std::uint64_t budget_;

    [[nodiscard]] source::Span span_of(const ir::Range& range, source::Span otherwise) const {
        const source::Span span = program_.info(range.index).span;
        return span == source::Span{} ? otherwise : span;
    }

    template <class Visit, class Report>
    void run_items(const std::vector<ir::Item>& items, const Visit& visit, const Report& inexact) {
        for (const ir::Item& item : items) {
            try {
                if (const auto* loop = std::get_if<ir::Loop>(&item.node))
                    for_each(loop->range, {}, [&] { run_items(loop->body, visit, inexact); });
                else
                    run_statement(std::get<std::uint32_t>(item.node), visit);
            } catch (const Inexact& error) {
                spend(1000, error.span); // slow, and one report is enough
                inexact(error);
            }
        }
    }

    template <class Visit> void run_statement(std::uint32_t number, const Visit& visit) {
        const ir::Statement& statement = program_.statements[number];
        spend(1, statement.span);
        for (const ir::Condition& condition : statement.domain.conditions)
            if (!holds(condition, statement.span))
                return;
        visit(number);
    }
};

// The element that the current instance of a statement assigns.
void target_of(const Walk& walk, const ir::Statement& statement, Index& index);

// Boxes of all families, in a walk of its own.
std::vector<Extent> extents(Walk& walk, const std::function<void(const Inexact&)>& inexact);

// verify_elements with a budget of turns.
void verify(const ir::Program& program, const ir::Sizes& sizes, source::Diagnostics& diagnostics, std::uint64_t budget);

// About two seconds' worth.
constexpr std::uint64_t default_budget = 50'000'000;

} // namespace tpc::resolve::elements
