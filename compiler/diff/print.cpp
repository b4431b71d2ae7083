#include "compiler/ir/print.hpp"
#include "compiler/check/uses.hpp"
#include "compiler/diff/backward.hpp"
#include "compiler/source/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace tpc::diff {
namespace {

using ir::Affine;
using ir::Node;
using ir::Op;

// The symbols of one equation in the order in which a reader meets them, with distinct names.
class Names {
  public:
    explicit Names(const ir::Program& program) : program_(program) {}

    void add(const Affine& a) {
        for (const auto& [symbol, _] : a.terms)
            add(symbol);
    }
    void add(const ir::Domain& domain) {
        for (const ir::Range& range : domain.ranges) {
            add(range.index);
            add(range.lower);
            add(range.upper);
        }
        for (const ir::Condition& c : domain.conditions)
            add(c.value);
    }
    void add(const ir::Access& access) {
        for (const Affine& index : access.indices)
            add(index);
    }
    void add(ir::ExprId id) {
        check::visit(program_.exprs, id, [&](ir::ExprId, const Node& node) {
            add(node.affine);
            add(node.access);
            ir::Domain inner;
            inner.ranges.assign(node.ranges.begin(), node.ranges.end());
            add(inner);
        });
    }

    ir::PrintNames names() const {
        ir::PrintNames result{.program = &program_};
        std::set<std::string> taken;
        for (const ir::Symbol symbol : order_)
            if (program_.info(symbol).axis)
                taken.insert(result.given[symbol] = program_.info(symbol).name);
        for (const ir::Symbol symbol : order_) {
            if (program_.info(symbol).axis)
                continue;
            std::string name = program_.info(symbol).name;
            for (int k = 2; !taken.insert(name).second; ++k)
                name = fmt::format("{}_{}", program_.info(symbol).name, k);
            result.given[symbol] = name;
        }
        return result;
    }

  private:
    const ir::Program& program_;
    std::vector<ir::Symbol> order_;

    void add(ir::Symbol symbol) {
        if (std::find(order_.begin(), order_.end(), symbol) == order_.end())
            order_.push_back(symbol);
    }
};

Names names_of(const ir::Program& program, const Equation& equation) {
    Names names(program);
    for (const Affine& index : equation.indices)
        names.add(index);
    names.add(equation.domain);
    names.add(equation.sum);
    for (const Fold& fold : equation.folds) {
        names.add(fold.read);
        names.add(fold.target);
    }
    names.add(equation.base);
    for (const Step& step : equation.steps) {
        if (step.kind == Step::Kind::matrix)
            names.add(step.member);
        else
            names.add(step.expr);
    }
    return names;
}

std::string access(const ir::PrintNames& names, llvm::ArrayRef<Affine> indices, ir::IndexMode mode) {
    if (indices.empty())
        return "";
    const bool simple =
        std::all_of(indices.begin(), indices.end(), [](const Affine& a) { return a.terms.size() + (a.constant != 0) <= 1; });
    std::string text;
    for (const Affine& index : indices)
        text += (text.empty() ? "" : simple ? "," : ", ") + ir::print(names, index);
    if (mode != ir::IndexMode::none)
        text += fmt::format(" | {}", ir::name_of(mode));
    return "[" + text + "]";
}

enum class Level { sum, product, atom };

Level level_of(const Node& node) {
    switch (node.op) {
    case Op::number:
        return node.number < 0 ? Level::sum : Level::atom;
    case Op::affine:
        if (node.affine.terms.size() + (node.affine.constant != 0) > 1)
            return Level::sum;
        return node.affine.terms.empty() || node.affine == Affine::of(node.affine.terms[0].first) ? Level::atom
                                                                                                  : Level::product;
    case Op::moment:
    case Op::gram:
    case Op::matmul:
        return Level::product;
    case Op::apply:
        switch (node.function) {
        case ir::Function::add:
        case ir::Function::sub:
        case ir::Function::neg:
            return Level::sum;
        case ir::Function::mul:
        case ir::Function::div:
            return Level::product;
        default:
            return Level::atom;
        }
    default:
        return Level::atom;
    }
}

class Value {
  public:
    Value(const Backward& b, const ir::PrintNames& n) : program_(b.program), names_(n) {}

    // Scalars commute with everything and stand outermost: 2 * W' @ (d.g[t] * tanh'(h[t])) / T
    std::string text(const Equation& equation) const {
        std::string inner = ir::print(names_, equation.base);
        std::string above, behind, below;
        bool negative = false, matrix = false;
        for (const Step& step : equation.steps) {
            switch (step.kind) {
            case Step::Kind::scale: {
                const Node& node = program_.exprs[step.expr];
                const bool minus = node.op == Op::number && node.number < 0;
                negative ^= minus;
                if (!minus)
                    above += at(step.expr, Level::product) + " * ";
                else if (node.number != -1)
                    above += fmt::format("{} * ", -node.number);
                break;
            }
            case Step::Kind::divide:
                below += " / " + at(step.expr, Level::atom);
                break;
            case Step::Kind::partial:
                if (matrix)
                    inner = "(" + inner + ")";
                matrix = false;
                behind +=
                    " * " + (step.prime ? fmt::format("{}'({})", ir::name_of(*step.prime), ir::print(names_, step.expr))
                                        : at(step.expr, Level::atom));
                break;
            case Step::Kind::matrix:
                inner = fmt::format("{}{}{} @ {}", program_.parameters[step.parameter].name,
                                    access(names_, step.member.indices, step.member.mode), step.transposed ? "'" : "",
                                    behind.empty() ? inner : "(" + inner + behind + ")");
                behind.clear();
                matrix = true;
                break;
            }
        }
        return (negative ? "-" : "") + above + inner + behind + below;
    }

  private:
    const ir::Program& program_;
    const ir::PrintNames& names_;

    std::string at(ir::ExprId id, Level wanted) const {
        const std::string text = ir::print(names_, id);
        return level_of(program_.exprs[id]) < wanted ? "(" + text + ")" : text;
    }
};

std::string title(const ir::Program& program, const ir::Output& output) {
    if (output.name.empty() && output.family.empty())
        return "of the output";
    std::string text = "of output " + output.name;
    for (std::size_t k = 0; k < output.family.size(); ++k)
        text += (k == 0 ? "[" : ", ") + ir::print(ir::PrintNames{.program = &program}, output.family[k]);
    return output.family.empty() ? text : text + "]";
}

} // namespace

std::string print(const Backward& backward, const Equation& equation) {
    const ir::PrintNames names = names_of(backward.program, equation).names();
    std::string value = Value(backward, names).text(equation);
    std::string over = ir::print(names, equation.sum);
    for (const Fold& fold : equation.folds)
        over += fmt::format("{}{}({}) == {}", over.empty() ? "" : ", ", ir::name_of(fold.mode), ir::print(names, fold.read),
                            ir::print(names, fold.target));
    if (!over.empty())
        value = fmt::format("sum({}: {})", over, value);
    return source::in_columns(fmt::format("{}{} {} {}", backward.program.families[equation.family].name,
                                          access(names, equation.indices, ir::IndexMode::none), equation.adds ? "+=" : "=",
                                          value),
                              ir::print(names, equation.domain), 56);
}

std::string print(const Backward& backward) {
    const ir::Program& program = backward.program;
    std::string text =
        ir::print(program) +
        "\n# gradients d.x = sqrt(n) * (gradient with respect to x), last to first; what is not listed is 0\n";
    if (backward.scalars_omitted)
        text += "# gradients through scalars (averages over coordinates) vanish in the limit and are left out\n";
    std::optional<std::uint32_t> output;
    const bool several = program.outputs.size() > 1 || (program.outputs.size() == 1 && !program.outputs[0].family.empty());
    bool shared = false;
    for (const Equation& equation : backward.equations) {
        if (several && equation.output && equation.output != output)
            text += fmt::format("# {}:\n", title(program, program.outputs[*equation.output]));
        if (several && !equation.output && !shared) {
            text += program.outputs.size() > 1 ? "# of every output:\n" : "# and from there:\n";
            shared = true;
        }
        output = equation.output;
        text += print(backward, equation);
    }
    return text;
}

} // namespace tpc::diff
