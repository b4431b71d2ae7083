#include "compiler/network/activations.hpp"

#include "compiler/ir/fresh_names.hpp"
#include "compiler/network/form.hpp"

#include <algorithm>
#include <vector>

namespace tpc::network {
namespace {

using namespace ir;

// Of an expression made of functions, numbers and reads: whether all reads are one; nothing else may stand in it.
bool find_read(const ExprTable& table, ExprId e, std::optional<ExprId>& read) {
    const Node& node = table[e];
    if (node.op == Op::number)
        return true;
    if (node.op == Op::read && node.type == Type::vector) {
        const bool first = !read || same(table, *read, e);
        read = e;
        return first;
    }
    return node.op == Op::apply && std::all_of(node.children.begin(), node.children.end(),
                                               [&](ExprId child) { return find_read(table, child, read); });
}

double value_at_zero(const ExprTable& table, ExprId e) {
    const Node& node = table[e];
    if (node.op != Op::apply)
        return node.op == Op::number ? node.number : 0;
    llvm::SmallVector<double, 2> arguments;
    for (const ExprId child : node.children)
        arguments.push_back(value_at_zero(table, child));
    return evaluate(node.function, arguments);
}

struct Shared {
    ExprId function; // of variable 0
    std::uint32_t of, family;
};

class Sharer {
  public:
    explicit Sharer(Program& program) : program_(program), names_(program) {
        Node variable;
        variable.op = Op::variable;
        variable.type = Type::vector;
        hole_ = program_.exprs.add(variable);
    }

    void run() {
        const std::size_t statements = program_.statements.size();
        for (std::size_t k = 0; k < statements; ++k) {
            const Statement statement = program_.statements[k];
            program_.statements[k].value = rebuilt(statement.value, statement.domain.ranges.size());
        }
        if (!shared_.empty())
            program_.body = with_new_statements(program_.body, statements);
    }

  private:
    Program& program_;
    FreshNames names_;
    ExprId hole_;
    std::vector<Shared> shared_;

    // `indices`: how many loops and sums are around.
    ExprId rebuilt(ExprId e, std::size_t indices) {
        if (const auto read = shared_read(e, indices))
            return *read;
        if (program_.exprs[e].type == Type::vector && !is_linear_root(program_.exprs, e))
            return e; // a function of several vectors stays in one piece
        Node copy = program_.exprs[e];
        const std::size_t inside = indices + copy.ranges.size();
        bool changed = false;
        for (ExprId& child : copy.children) {
            const ExprId before = child;
            child = rebuilt(child, inside);
            changed = changed || before != child;
        }
        return changed ? program_.exprs.add(copy) : e;
    }

    std::optional<ExprId> shared_read(ExprId e, std::size_t indices) {
        std::optional<ExprId> found;
        if (program_.exprs[e].type != Type::vector || is_linear_throughout(program_.exprs, e) ||
            !find_read(program_.exprs, e, found) || !found)
            return std::nullopt;
        Node read = program_.exprs[*found];
        if (indices <= program_.families[read.target].rank ||
            (read.access.mode == IndexMode::zero && value_at_zero(program_.exprs, e) != 0))
            return std::nullopt;
        const ExprId function = rewrite(program_.exprs, e, [&](ExprId id) {
            return program_.exprs[id].op == Op::read ? std::optional(hole_) : std::nullopt;
        });
        read.target = family(function, read.target, program_.exprs[e].span);
        read.span = program_.exprs[e].span;
        return program_.exprs.add(read);
    }

    std::uint32_t family(ExprId function, std::uint32_t of, source::Span span) {
        for (const Shared& known : shared_)
            if (known.of == of && same(program_.exprs, known.function, function))
                return known.family;
        const auto number = static_cast<std::uint32_t>(program_.families.size());
        Family made = program_.families[of];
        made.name = names_.fresh("r");
        made.span = span;
        program_.families.push_back(made);
        shared_.push_back({function, of, number});
        return number;
    }

    // The elements of a family are defined where those of its argument are.
    std::vector<Item> with_new_statements(const std::vector<Item>& items, std::size_t old_statements) {
        std::vector<Item> result;
        for (const Item& item : items) {
            if (const auto* loop = std::get_if<Loop>(&item.node)) {
                result.push_back({Loop{loop->range, with_new_statements(loop->body, old_statements)}});
                continue;
            }
            result.push_back(item);
            const Statement source = program_.statements[std::get<std::uint32_t>(item.node)];
            for (const Shared& shared : shared_)
                if (shared.of == source.family) {
                    result.push_back({static_cast<std::uint32_t>(program_.statements.size())});
                    program_.statements.push_back(statement(shared, source));
                }
        }
        return result;
    }

    Statement statement(const Shared& shared, const Statement& source) {
        Node read;
        read.op = Op::read;
        read.type = Type::vector;
        read.target = shared.of;
        read.access.indices.assign(source.indices.begin(), source.indices.end());
        read.span = program_.families[shared.family].span;
        const ExprId argument = program_.exprs.add(read);
        Statement result = source;
        result.family = shared.family;
        result.value = rewrite(program_.exprs, shared.function, [&](ExprId id) {
            return program_.exprs[id].op == Op::variable ? std::optional(argument) : std::nullopt;
        });
        result.span = result.target_span = read.span;
        return result;
    }
};

} // namespace

void share_activations(Program& program) {
    Sharer(program).run();
}

} // namespace tpc::network
