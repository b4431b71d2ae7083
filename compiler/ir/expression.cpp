#include "compiler/ir/expression.hpp"

#include <llvm/ADT/Hashing.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <set>

namespace tpc::ir {

namespace {

std::size_t hash_of(const Node& node) {
    llvm::hash_code code = llvm::hash_combine(
        static_cast<unsigned>(node.op), static_cast<unsigned>(node.type), static_cast<unsigned>(node.function),
        static_cast<unsigned>(node.reduction), node.transposed, node.target, std::bit_cast<std::uint64_t>(node.number),
        hash_value(node.affine), static_cast<unsigned>(node.access.mode), node.span.file, node.span.begin, node.span.end);
    for (const Affine& index : node.access.indices)
        code = llvm::hash_combine(code, hash_value(index));
    for (const Range& range : node.ranges)
        code = llvm::hash_combine(code, static_cast<std::uint32_t>(range.index), hash_value(range.lower),
                                  hash_value(range.upper));
    for (ExprId child : node.children)
        code = llvm::hash_combine(code, static_cast<std::uint32_t>(child));
    return code;
}

// A node without sub-expressions whose value is known.
std::optional<double> constant_of(const Node& node) {
    if (node.op == Op::number)
        return node.number;
    if (node.op == Op::affine && node.affine.is_constant() && node.affine.denominator == 1)
        return static_cast<double>(node.affine.constant);
    return std::nullopt;
}

Type join(Type a, Type b) {
    return std::max(a, b);
} // scalar < finite < vector
static_assert(Type::scalar < Type::finite && Type::finite < Type::vector);

// Identities that keep value and type: x + 0, x - 0, 0 - x, x * 1, x / 1, x ^ 1, -(-x), and 0 * x of a scalar x.
std::optional<ExprId> simplified(ExprTable& table, Function function, llvm::ArrayRef<ExprId> arguments) {
    const auto is = [&](std::size_t k, double value) { return constant_of(table[arguments[k]]) == value; };
    const auto scalar = [&](std::size_t k) { return table[arguments[k]].type == Type::scalar; };
    switch (function) {
    case Function::add:
        if (is(0, 0))
            return arguments[1];
        if (is(1, 0))
            return arguments[0];
        return std::nullopt;
    case Function::sub:
        if (is(1, 0))
            return arguments[0];
        if (is(0, 0))
            return table.apply(Function::neg, arguments[1], table[arguments[1]].span);
        return std::nullopt;
    case Function::mul:
        if (is(0, 1))
            return arguments[1];
        if (is(1, 1))
            return arguments[0];
        if ((is(0, 0) && scalar(1)) || (is(1, 0) && scalar(0)))
            return table.number(0);
        return std::nullopt;
    case Function::div:
        return is(1, 1) ? std::optional(arguments[0]) : std::nullopt;
    case Function::pow:
        if (is(1, 1))
            return arguments[0];
        if (is(1, 0) && scalar(0))
            return table.number(1);
        return std::nullopt;
    case Function::neg: {
        const Node& inner = table[arguments[0]];
        if (inner.op == Op::apply && inner.function == Function::neg)
            return inner.children[0];
        return std::nullopt;
    }
    default:
        return std::nullopt;
    }
}

// Equality of expressions whose bound indices stand for each other: sum(i in 1..T: x[i]) is sum(j in 1..T: x[j]).
struct Comparison {
    const ExprTable& table;
    std::set<std::pair<ExprId, ExprId>> known = {};
    std::map<Symbol, Symbol> bound = {}; // index of the first: of the second

    Affine renamed(const Affine& affine) const {
        return substitute(affine, [&](Symbol symbol) -> std::optional<Affine> {
            const auto found = bound.find(symbol);
            return found == bound.end() ? std::nullopt : std::optional(Affine::of(found->second));
        });
    }

    bool equal(ExprId a, ExprId b) {
        if ((a == b && bound.empty()) || known.contains({a, b}))
            return true;
        Node x = table[a];
        const Node& y = table[b];
        if (x.children.size() != y.children.size() || x.ranges.size() != y.ranges.size())
            return false;
        for (std::size_t k = 0; k < x.ranges.size(); ++k) {
            Range& range = x.ranges[k];
            const Symbol index = y.ranges[k].index;
            const Range other{index, renamed(range.lower), renamed(range.upper)};
            bound[range.index] = index;
            range = other;
        }
        x.affine = renamed(x.affine);
        for (Affine& index : x.access.indices)
            index = renamed(index);
        for (std::size_t k = 0; k < x.children.size(); ++k)
            if (!equal(x.children[k], y.children[k]))
                return false;
        x.span = y.span;
        x.matrix = y.matrix;
        x.children = y.children;
        if (x != y)
            return false;
        known.insert({a, b});
        return true;
    }
};

struct Rewriter {
    ExprTable& table;
    const std::function<std::optional<ExprId>(ExprId)>& replace;
    const std::function<std::optional<Affine>(Symbol)>& symbol;
    llvm::DenseMap<std::uint32_t, ExprId> done = llvm::DenseMap<std::uint32_t, ExprId>();

    void substitute_in(Affine& affine) const {
        if (symbol && !affine.terms.empty())
            affine = substitute(affine, symbol);
    }

    // A bound index can be renamed, but not become an expression.
    void substitute_in(Range& range) const {
        substitute_in(range.lower);
        substitute_in(range.upper);
        if (!symbol)
            return;
        if (const auto index = symbol(range.index);
            index && index->terms.size() == 1 && *index == Affine::of(index->terms[0].first))
            range.index = index->terms[0].first;
    }

    ExprId visit(ExprId id) {
        const auto key = static_cast<std::uint32_t>(id);
        if (const auto found = done.find(key); found != done.end())
            return found->second;
        const ExprId result = rebuilt(id);
        done[key] = result;
        return result;
    }

    ExprId rebuilt(ExprId id) {
        if (replace)
            if (const auto replacement = replace(id))
                return *replacement;
        Node node = table[id]; // a copy: the table grows below
        for (ExprId& child : node.children)
            child = visit(child);
        substitute_in(node.affine);
        for (Affine& index : node.access.indices)
            substitute_in(index);
        for (Range& range : node.ranges)
            substitute_in(range);
        if (node == table[id])
            return id;
        if (node.op == Op::apply)
            return table.apply(node.function, node.children, node.span);
        if (const auto value = constant_of(node))
            return table.number(*value);
        if (node.op == Op::reduce)
            node.type = table[node.children[0]].type;
        return table.add(std::move(node));
    }
};

} // namespace

ExprId ExprTable::add(Node node) {
    const std::size_t hash = hash_of(node);
    const auto [first, last] = index_.equal_range(hash);
    for (auto it = first; it != last; ++it)
        if ((*this)[it->second] == node)
            return it->second;
    const auto id = static_cast<ExprId>(nodes_.size());
    nodes_.push_back(std::move(node));
    index_.emplace(hash, id);
    return id;
}

ExprId ExprTable::number(double value) {
    Node node;
    node.op = Op::number;
    node.number = value == 0 ? 0 : value; // one zero, not two
    return add(std::move(node));
}

ExprId ExprTable::affine(const Affine& value) {
    if (value.is_constant() && value.denominator == 1)
        return number(static_cast<double>(value.constant));
    Node node;
    node.op = Op::affine;
    node.affine = value;
    return add(std::move(node));
}

ExprId ExprTable::apply(Function function, llvm::ArrayRef<ExprId> arguments, source::Span span) {
    Node node;
    node.op = Op::apply;
    node.function = function;
    node.span = span;
    node.children.assign(arguments.begin(), arguments.end()); // `arguments` may point into the table
    llvm::SmallVector<double, 2> values;
    for (ExprId argument : node.children) {
        node.type = join(node.type, (*this)[argument].type);
        if (const auto value = constant_of((*this)[argument]))
            values.push_back(*value);
    }
    if (values.size() == node.children.size())
        if (const double value = evaluate(function, values); std::isfinite(value))
            return number(value); // else left for whoever can say where it stands
    if (const auto simple = simplified(*this, function, node.children))
        return *simple;
    return add(std::move(node));
}

bool same(const ExprTable& table, ExprId a, ExprId b) {
    return Comparison{table}.equal(a, b);
}

ExprId rewrite(ExprTable& table, ExprId root, const std::function<std::optional<ExprId>(ExprId)>& replace,
               const std::function<std::optional<Affine>(Symbol)>& symbol) {
    return Rewriter{table, replace, symbol}.visit(root);
}

ExprId renamed(ExprTable& table, ExprId root, const std::function<std::optional<Affine>(Symbol)>& symbol) {
    return rewrite(
        table, root, [](ExprId) -> std::optional<ExprId> { return std::nullopt; }, symbol);
}

} // namespace tpc::ir
