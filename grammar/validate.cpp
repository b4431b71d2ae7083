#include "grammar/validate.hpp"

#include <string_view>
#include <variant>

namespace tpc::grammar {

namespace {

using namespace ast;
using source::Id;

enum class Place { value, condition, choice }; // choice: the first argument of where

class Validation {
  public:
    explicit Validation(source::Diagnostics& sink) : diagnostics(sink) {}

    void statements(const std::vector<Stmt>& list, bool file_level, bool block_level = false) {
        for (const Stmt& stmt : list) {
            first_of_file = file_level && &stmt == &list.front();
            nested = !file_level && !block_level;
            span = stmt.span;
            std::visit([this](const auto& node) { statement(node); }, stmt.node);
        }
    }

  private:
    source::Diagnostics& diagnostics;
    Span span; // of the current statement
    bool first_of_file = false;
    int blocks = 0;      // around the current statement
    bool nested = false; // the current statement stands in a loop or a branch

    static bool is_truth(const Expr& expr) { return expr.kind == ExprKind::number && !expr.name.empty(); }

    void expression(const Expr& expr, Place place = Place::value) {
        if (place == Place::condition && expr.kind != ExprKind::compare && !is_truth(expr))
            diagnostics.report(Id::not_a_condition, expr.span, "condition of an 'if'", "l == 1");
        if (place == Place::value && expr.kind == ExprKind::compare)
            diagnostics.report(Id::misplaced_comparison, expr.op);
        if (place != Place::condition && is_truth(expr))
            diagnostics.report(Id::misplaced_truth, expr.span, expr.name);
        ranges(expr.ranges);
        const bool chooses =
            expr.kind == ExprKind::call && expr.children[0].kind == ExprKind::name && expr.children[0].name == "where";
        for (std::size_t k = 0; k < expr.children.size(); ++k)
            expression(expr.children[k], chooses && k == 1 ? Place::choice : Place::value);
    }

    void ranges(const std::vector<Range>& list) {
        for (const Range& range : list) {
            expression(range.lower);
            expression(range.upper);
        }
    }
    void parameters(const std::vector<HeaderParameter>& list) {
        for (const HeaderParameter& parameter : list)
            if (parameter.value)
                expression(*parameter.value);
    }
    void not_in_block(std::string_view what) {
        if (blocks > 0)
            diagnostics.report(Id::not_in_block, span, what);
    }

    void not_nested(std::string_view what) {
        if (nested)
            diagnostics.report(Id::in_loop_or_branch, span, what);
    }

    void statement(const Program& node) {
        if (!first_of_file)
            diagnostics.report(Id::program_not_first, node.name.span);
        parameters(node.parameters);
    }
    void statement(const Input& node) {
        not_in_block("input");
        if (nested && blocks == 0)
            diagnostics.report(Id::top_level_only, span, "input");
        for (const Expr& axis : node.axes)
            expression(axis);
    }
    void statement(const Random& node) {
        ranges(node.family);
        expression(node.mean);
        expression(node.variance);
        if (node.rate)
            expression(*node.rate);
    }
    void statement(const Function& node) {
        not_nested("fn");
        expression(node.body);
    }
    void statement(const Block& node) {
        not_nested("block");
        parameters(node.parameters);
        ++blocks;
        statements(node.body, false, true);
        --blocks;
    }
    void statement(const Use& node) {
        for (const auto& [name, value] : node.values)
            expression(value);
        ranges(node.family);
    }
    void statement(const Import&) { not_nested("import"); }
    void statement(const Assign& node) {
        for (const Expr& index : node.indices)
            expression(index);
        expression(node.value);
    }
    void statement(const For& node) {
        ranges(node.ranges);
        statements(node.body, false);
    }
    void statement(const If& node) {
        expression(node.condition, Place::condition);
        statements(node.then_body, false);
        statements(node.else_body, false);
    }
    void statement(const Output& node) {
        not_in_block("output");
        ranges(node.family);
        expression(node.value);
    }
    void statement(const Return& node) {
        if (blocks == 0)
            diagnostics.report(Id::return_outside_block, span);
        expression(node.value);
    }
};

} // namespace

void validate(const Tree& tree, source::Diagnostics& diagnostics) {
    Validation(diagnostics).statements(tree.statements, true);
}

} // namespace tpc::grammar
