#include "server/names.hpp"

#include <algorithm>

namespace tpc::server {
namespace {

using source::Span;

class Collection {
  public:
    explicit Collection(const source::Files& files) : files_(files) {}
    std::vector<Declaration> found;

    void body(const std::vector<ast::Stmt>& statements, Span scope) {
        for (const ast::Stmt& statement : statements) {
            line_ = first_line(statement.span);
            std::visit([&](const auto& node) { visit(node, statement.span, scope); }, statement.node);
        }
    }

  private:
    const source::Files& files_;
    std::string line_;

    [[nodiscard]] std::string first_line(Span span) const {
        std::string text(source::text_of(files_, span));
        return text.substr(0, std::min(text.find('\n'), text.find('{')));
    }

    void add(const ast::Name& name, const char* kind, Span scope) {
        if (!name.text.empty())
            found.push_back({name.text, kind, name.span, scope, line_});
    }
    void ranges(const std::vector<ast::Range>& list, Span scope) {
        for (const ast::Range& range : list) {
            add(range.index, "index", scope);
            expression(range.lower);
            expression(range.upper);
        }
    }
    void expression(const ast::Expr& expr) {
        ranges(expr.ranges, expr.span);
        for (const ast::Expr& child : expr.children)
            expression(child);
    }

    void visit(const ast::Program& node, Span, Span scope) {
        for (const ast::HeaderParameter& parameter : node.parameters)
            add(parameter.name, parameter.type == ast::ParameterType::integer ? "integer parameter" : "parameter", scope);
    }
    void visit(const ast::Input& node, Span, Span scope) {
        add(node.name, "input", scope);
        for (const ast::Expr& axis : node.axes)
            if (axis.kind == ast::ExprKind::name)
                add({axis.name, axis.span}, "axis", scope);
    }
    void visit(const ast::Random& node, Span span, Span scope) {
        const char* kind = node.kind == ast::RandomKind::matrix   ? "matrix"
                           : node.kind == ast::RandomKind::vector ? "vector"
                                                                  : "scalar";
        add(node.name, kind, scope);
        ranges(node.family, span);
    }
    void visit(const ast::Function& node, Span span, Span scope) {
        add(node.name, "function", scope);
        for (const ast::Name& argument : node.arguments)
            add(argument, "argument", span);
        expression(node.body);
    }
    void visit(const ast::Block& node, Span span, Span scope) {
        add(node.name, "block", scope);
        for (const ast::HeaderParameter& parameter : node.parameters)
            add(parameter.name, "parameter", span);
        for (const ast::Name& argument : node.arguments)
            add(argument, "argument", span);
        body(node.body, span);
    }
    void visit(const ast::Use& node, Span span, Span scope) {
        add(node.alias, "instance", scope);
        ranges(node.family, span);
    }
    void visit(const ast::Import&, Span, Span) {}
    void visit(const ast::Assign& node, Span, Span scope) {
        add(node.target, "value", scope);
        expression(node.value);
    }
    void visit(const ast::For& node, Span span, Span scope) {
        ranges(node.ranges, span);
        body(node.body, scope);
    }
    void visit(const ast::If& node, Span, Span scope) {
        body(node.then_body, scope);
        body(node.else_body, scope);
    }
    void visit(const ast::Output& node, Span span, Span) {
        ranges(node.family, span);
        expression(node.value);
    }
    void visit(const ast::Return& node, Span, Span) { expression(node.value); }
};

bool everywhere(const Declaration& declaration) {
    return declaration.scope == Span{};
}

} // namespace

std::vector<Declaration> declarations(const ast::Tree& tree, const source::Files& files) {
    Collection collection(files);
    collection.body(tree.statements, {});
    for (const ast::Module& module : tree.modules)
        collection.body(module.statements, {});
    return std::move(collection.found);
}

bool visible(const Declaration& declaration, std::uint32_t offset) {
    return everywhere(declaration) ||
           (declaration.scope.file == 0 && declaration.scope.begin <= offset && offset <= declaration.scope.end);
}

const Declaration* find(const std::vector<Declaration>& all, std::string_view name, std::uint32_t offset) {
    const Declaration* best = nullptr;
    for (const Declaration& each : all) {
        if (each.name != name || !visible(each, offset))
            continue;
        const bool narrower = best != nullptr && !everywhere(each) &&
                              (everywhere(*best) || each.scope.end - each.scope.begin < best->scope.end - best->scope.begin);
        if (best == nullptr || narrower)
            best = &each;
    }
    return best;
}

} // namespace tpc::server
