#include "compiler/diff/paths.hpp"

#include <algorithm>
#include <map>

namespace tpc::diff {
namespace {

using ir::Affine;
using ir::ExprId;
using ir::Function;
using ir::Node;
using ir::Op;
using ir::Symbol;

// All ways from an expression down to the reads in it.
class Paths {
  public:
    Paths(ir::Program& program, std::vector<Path>& paths) : program_(program), table_(program.exprs), paths_(paths) {}

    void walk(ExprId id, Path path) {
        const Node node = table_[id]; // a copy: the table grows
        if (node.type != ir::Type::vector)
            return;
        switch (node.op) {
        case Op::read:
            path.family = node.target;
            path.read = node.access;
            paths_.push_back(std::move(path));
            return;
        case Op::matmul: {
            Step step;
            step.kind = Step::Kind::matrix;
            step.parameter = node.target;
            step.member = node.access;
            step.transposed = !node.transposed;
            path.steps.push_back(step);
            return walk(node.children[0], std::move(path));
        }
        case Op::reduce:
            return reduce(id, node, std::move(path));
        case Op::apply:
            return apply(node, path);
        default:
            return; // parameters: their gradients are sums of these, not reads
        }
    }

    void scale(Path& path, ExprId scalar) {
        const Node node = table_[scalar];
        if (node.op == Op::number && node.number == 1)
            return;
        if (node.op == Op::apply && node.function == Function::mul) {
            scale(path, node.children[0]);
            return scale(path, node.children[1]);
        }
        if (node.op == Op::apply && node.function == Function::div) {
            scale(path, node.children[0]);
            return divide(path, node.children[1]);
        }
        if (node.op == Op::apply && node.function == Function::neg) {
            scale(path, table_.number(-1));
            return scale(path, node.children[0]);
        }
        push(path, Step::Kind::scale, scalar);
    }

  private:
    ir::Program& program_;
    ir::ExprTable& table_;
    std::vector<Path>& paths_;

    static void push(Path& path, Step::Kind kind, ExprId expr, std::optional<Function> prime = std::nullopt) {
        Step step;
        step.kind = kind;
        step.expr = expr;
        step.prime = prime;
        path.steps.push_back(step);
    }

    void divide(Path& path, ExprId scalar) {
        const Node node = table_[scalar];
        if (node.op == Op::number && node.number == 1)
            return;
        push(path, Step::Kind::divide, scalar);
    }

    void reduce(ExprId id, const Node& node, Path path) {
        path.sums.insert(path.sums.end(), node.ranges.begin(), node.ranges.end());
        switch (node.reduction) {
        case ir::Reduction::sum:
            break;
        case ir::Reduction::mean: {
            const bool nested = std::any_of(node.ranges.begin(), node.ranges.end(), [&](const ir::Range& range) {
                return std::any_of(node.ranges.begin(), node.ranges.end(), [&](const ir::Range& other) {
                    return range.lower.coefficient(other.index) != 0 || range.upper.coefficient(other.index) != 0;
                });
            });
            if (nested) {
                Node count;
                count.op = Op::reduce;
                count.reduction = ir::Reduction::sum;
                count.ranges = node.ranges;
                count.children = {table_.number(1)};
                divide(path, table_.add(std::move(count)));
                break;
            }
            for (const ir::Range& range : node.ranges)
                divide(path, table_.affine(range.upper - range.lower + Affine(1)));
            break;
        }
        case ir::Reduction::logsumexp: { // d logsumexp(c) / d c_i = exp(c_i - logsumexp(c))
            const ExprId difference = table_.apply(Function::sub, {node.children[0], id});
            push(path, Step::Kind::partial, table_.apply(Function::exp, {difference}));
            break;
        }
        case ir::Reduction::prod:
            others(node, path, [](ExprId other) { return other; });
            break;
        case ir::Reduction::max: // d max(c) / d c_i = prod over the others of step(c_i - c_j); ties have probability 0
            others(node, path, [&](ExprId other) {
                return table_.apply(Function::step, {table_.apply(Function::sub, {node.children[0], other})});
            });
            break;
        case ir::Reduction::min:
            others(node, path, [&](ExprId other) {
                return table_.apply(Function::step, {table_.apply(Function::sub, {other, node.children[0]})});
            });
            break;
        }
        walk(node.children[0], std::move(path));
    }

    // The product of factor(c_j) over the terms other than c_i: those that come before it and those after it, in the order
    // of the indices. For d prod(c) / d c_i the factors are the terms themselves.
    template <class Factor> void others(const Node& reduction, Path& path, const Factor& factor) {
        for (std::size_t k = 0; k < reduction.ranges.size(); ++k)
            for (const bool before : {true, false}) {
                std::map<Symbol, Affine> values;
                const auto symbols = [&](Symbol s) {
                    const auto found = values.find(s);
                    return found == values.end() ? std::nullopt : std::optional(found->second);
                };
                Node others = reduction;
                others.reduction = ir::Reduction::prod;
                others.ranges.clear();
                for (std::size_t m = k; m < reduction.ranges.size(); ++m) { // the indices before k are its own
                    const ir::Range& range = reduction.ranges[m];
                    const Affine own = Affine::of(range.index);
                    const Symbol index = program_.fresh(program_.info(range.index).name, false);
                    others.ranges.push_back({index,
                                             m == k && !before ? own + Affine(1) : ir::substitute(range.lower, symbols),
                                             m == k && before ? own - Affine(1) : ir::substitute(range.upper, symbols)});
                    values.insert_or_assign(range.index, Affine::of(index));
                }
                others.children = {factor(ir::renamed(table_, reduction.children[0], symbols))};
                push(path, Step::Kind::partial, table_.add(std::move(others)));
            }
    }

    // Functions whose derivative reads better written out than as phi'.
    static bool written_out(Function function) {
        switch (function) {
        case Function::abs:
        case Function::exp:
        case Function::sin:
        case Function::cos:
        case Function::square:
        case Function::log:
            return true;
        default:
            return false;
        }
    }

    void apply(const Node& node, const Path& path) {
        const auto vector = [&](std::size_t k) { return table_[node.children[k]].type == ir::Type::vector; };
        for (std::size_t k = 0; k < node.children.size(); ++k) {
            if (!vector(k))
                continue;
            Path next = path;
            switch (node.function) {
            case Function::add:
                break;
            case Function::sub:
                if (k == 1)
                    scale(next, table_.number(-1));
                break;
            case Function::neg:
                scale(next, table_.number(-1));
                break;
            case Function::mul:
                if (vector(1 - k))
                    push(next, Step::Kind::partial, node.children[1 - k]);
                else
                    scale(next, node.children[1 - k]);
                break;
            case Function::div:
                if (k == 0 && !vector(1)) {
                    divide(next, node.children[1]);
                    break;
                }
                [[fallthrough]];
            default:
                if (node.children.size() == 1 && !written_out(node.function))
                    push(next, Step::Kind::partial, node.children[0], node.function);
                else
                    push(next, Step::Kind::partial,
                         ir::derivative(table_, node.function, node.children, static_cast<unsigned>(k)));
            }
            walk(node.children[k], std::move(next));
        }
    }
};

} // namespace

std::vector<Path> paths_from(ir::Program& program, ExprId value, Path start) {
    std::vector<Path> found;
    Paths(program, found).walk(value, std::move(start));
    return found;
}

void push_scale(ir::Program& program, Path& path, ExprId scalar) {
    std::vector<Path> none;
    Paths(program, none).scale(path, scalar);
}

} // namespace tpc::diff
