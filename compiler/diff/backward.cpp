#include "compiler/diff/backward.hpp"

#include "compiler/check/uses.hpp"
#include "compiler/diff/gather.hpp"
#include "compiler/diff/paths.hpp"

#include <algorithm>
#include <map>

namespace tpc::diff {
namespace {

using ir::Affine;
using ir::ExprId;
using ir::Node;
using ir::Op;
using ir::Symbol;

class Differentiator {
  public:
    Differentiator(const ir::Program& program, const std::vector<std::vector<check::OutputTerm>>& outputs)
        : outputs_(outputs) {
        result_.program = program;
        result_.gradient.resize(program.families.size());
        bindings_ = check::bindings(program);
        boxes_ = boxes(program);
    }

    Backward run() {
        const std::vector<ir::Statement>& statements = result_.program.statements;
        std::vector<std::vector<Path>> paths(statements.size());
        for (std::size_t s = 0; s < statements.size(); ++s)
            if (is_vector(statements[s].family))
                paths[s] = paths_from(result_.program, statements[s].value);
        std::vector<std::pair<std::uint32_t, std::vector<Path>>> seeds;
        std::vector<const check::OutputTerm*> seed_terms;
        for (std::uint32_t output = 0; output < outputs_.size(); ++output)
            for (const check::OutputTerm& term : outputs_[output]) {
                if (term.kind != check::OutputTerm::Kind::readout)
                    continue;
                Path start;
                start.sums = term.ranges;
                push_scale(result_.program, start, term.coefficient);
                seeds.emplace_back(output, paths_from(result_.program, term.vector, std::move(start)));
                seed_terms.push_back(&term);
            }
        std::vector<bool> reached = reach(paths, seeds);
        name_gradients(reached);
        for (std::size_t k = 0; k < seeds.size(); ++k)
            for (const Path& path : seeds[k].second)
                seed(seeds[k].first, *seed_terms[k], path);
        std::vector<std::uint32_t> order;
        flatten(result_.program.body, order);
        for (auto s = order.rbegin(); s != order.rend(); ++s) {
            const ir::Statement statement = statements[*s];
            if (!is_vector(statement.family) || !reached[statement.family])
                continue;
            note_scalars(statement.value);
            for (const Path& path : paths[*s])
                backward(statement, path);
        }
        return std::move(result_);
    }

  private:
    const std::vector<std::vector<check::OutputTerm>>& outputs_;
    Backward result_;
    check::Bindings bindings_;
    std::vector<Box> boxes_;

    bool is_vector(std::uint32_t family) const { return result_.program.families[family].type == ir::Type::vector; }

    static void flatten(const std::vector<ir::Item>& items, std::vector<std::uint32_t>& order) {
        for (const ir::Item& item : items) {
            if (const auto* loop = std::get_if<ir::Loop>(&item.node))
                flatten(loop->body, order);
            else
                order.push_back(std::get<std::uint32_t>(item.node));
        }
    }

    std::vector<bool> reach(const std::vector<std::vector<Path>>& paths,
                            const std::vector<std::pair<std::uint32_t, std::vector<Path>>>& seeds) const {
        std::vector<bool> reached(result_.program.families.size(), false);
        for (const auto& [output, found] : seeds)
            for (const Path& path : found)
                reached[path.family] = true;
        for (bool changed = true; changed;) {
            changed = false;
            for (std::size_t s = 0; s < paths.size(); ++s) {
                if (!reached[result_.program.statements[s].family])
                    continue;
                for (const Path& path : paths[s]) {
                    changed |= !reached[path.family];
                    reached[path.family] = true;
                }
            }
        }
        return reached;
    }

    void name_gradients(const std::vector<bool>& reached) {
        for (std::uint32_t f = 0; f < reached.size(); ++f) {
            if (!reached[f])
                continue;
            ir::Family family = result_.program.families[f];
            family.name = "d." + family.name;
            result_.gradient[f] = static_cast<std::uint32_t>(result_.program.families.size());
            result_.program.families.push_back(std::move(family));
        }
    }

    // Scalars of the forward pass in what the gradient passes through.
    void note_scalars(ExprId value) {
        check::visit(result_.program.exprs, value, [&](ExprId, const Node& node) {
            result_.scalars_omitted |=
                node.op == Op::moment || node.op == Op::mean || (node.op == Op::read && node.type == ir::Type::scalar);
        });
    }

    void seed(std::uint32_t output, const check::OutputTerm& term, const Path& path) {
        note_scalars(term.vector);
        Reader reader;
        reader.sums = path.sums;
        reader.family = path.family;
        reader.read = path.read;
        Node v;
        v.op = Op::parameter;
        v.type = ir::Type::vector;
        v.target = term.parameter;
        v.access = term.member;
        emit(reader, path, result_.program.exprs.add(std::move(v)), std::nullopt, output);
    }

    void backward(const ir::Statement& statement, const Path& path) {
        Reader reader;
        reader.loops = statement.domain;
        reader.sums = path.sums;
        reader.family = path.family;
        reader.read = path.read;
        Node dy;
        dy.op = Op::read;
        dy.type = ir::Type::vector;
        dy.target = *result_.gradient[statement.family];
        dy.access.indices.assign(statement.indices.begin(), statement.indices.end());
        emit(reader, path, result_.program.exprs.add(std::move(dy)), statement.family, std::nullopt);
    }

    static bool mentions(const ir::ExprTable& table, ExprId root, Symbol symbol) {
        bool found = false;
        const auto in = [&](const Affine& a) { found |= a.coefficient(symbol) != 0; };
        check::visit(table, root, [&](ExprId, const Node& node) {
            in(node.affine);
            for (const Affine& a : node.access.indices)
                in(a);
            for (const ir::Range& range : node.ranges) {
                in(range.lower);
                in(range.upper);
            }
        });
        return found;
    }

    bool steps_mention(const Path& path, Symbol symbol) const {
        return std::any_of(path.steps.begin(), path.steps.end(), [&](const Step& step) {
            if (step.kind == Step::Kind::matrix)
                return std::any_of(step.member.indices.begin(), step.member.indices.end(),
                                   [&](const Affine& a) { return a.coefficient(symbol) != 0; });
            return mentions(result_.program.exprs, step.expr, symbol);
        });
    }

    // The dimension of the reader's own family that runs over all of its box by this index alone.
    std::optional<std::size_t> whole_dimension(const Node& dy, std::uint32_t family, const ir::Range& range) const {
        const Box& box = boxes_[family];
        std::optional<std::size_t> dimension;
        for (std::size_t k = 0; k < dy.access.indices.size(); ++k) {
            if (dy.access.indices[k].coefficient(range.index) == 0)
                continue;
            if (dimension || !(dy.access.indices[k] == Affine::of(range.index)))
                return std::nullopt;
            if (box.lower[k] != range.lower || box.upper[k] != range.upper)
                return std::nullopt;
            dimension = k;
        }
        return dimension;
    }

    // Outside its box d.y reads 0: the conditions that keep a solved index in its range need not be written.
    void use_zero_mode(Gathered& gathered, const Path& path, const Node& original, std::uint32_t family,
                       ir::IndexMode& mode) const {
        for (const Gathered::Bounded& bounded : gathered.bounded) {
            if (!whole_dimension(original, family, bounded.range) || steps_mention(path, bounded.index))
                continue;
            mode = ir::IndexMode::zero;
            std::erase_if(gathered.sum.conditions, [&](const ir::Condition& c) {
                return std::find(bounded.conditions.begin(), bounded.conditions.end(), c) != bounded.conditions.end();
            });
        }
    }

    // wrap(i + a) == j over the whole period is i = wrap(j - a).
    void unwrap(Gathered& gathered, const Path& path, const Node& original, std::uint32_t family,
                ir::IndexMode& mode) const {
        std::vector<Fold> rest;
        bool all = true;
        std::vector<std::pair<std::size_t, Affine>> solved;
        for (const Fold& fold : gathered.folds) {
            bool done = false;
            for (const ir::Range& range : gathered.sum.ranges) {
                const std::int64_t c = fold.read.coefficient(range.index);
                if (fold.mode != ir::IndexMode::wrap || c != 1 || fold.read.denominator != 1)
                    continue;
                if (!whole_dimension(original, family, range) || steps_mention(path, range.index))
                    continue;
                const auto read = std::find_if(path.read.indices.begin(), path.read.indices.end(),
                                               [&](const Affine& a) { return a.coefficient(range.index) != 0; });
                const auto dimension = static_cast<std::size_t>(read - path.read.indices.begin());
                const Box& box = boxes_[path.family];
                if (read == path.read.indices.end() || box.lower[dimension] != range.lower ||
                    box.upper[dimension] != range.upper)
                    continue;
                gathered.values[range.index] = fold.target - (fold.read - Affine::of(range.index));
                done = true;
                break;
            }
            all &= done;
            if (!done)
                rest.push_back(fold);
        }
        // One mode holds for all indices of an access, and a loop index may stand in one place only.
        const bool clash = mode != ir::IndexMode::none || !all || gathered.folds.empty() || used_elsewhere(gathered);
        if (clash) {
            for (const ir::Range& range : gathered.sum.ranges)
                gathered.values.erase(range.index);
            return;
        }
        mode = ir::IndexMode::wrap;
        gathered.folds.clear();
        std::erase_if(gathered.sum.ranges, [&](const ir::Range& range) { return gathered.values.contains(range.index); });
    }

    static bool used_elsewhere(const Gathered& gathered) {
        const auto solved = [&](const Affine& a) {
            return std::any_of(gathered.sum.ranges.begin(), gathered.sum.ranges.end(), [&](const ir::Range& range) {
                return gathered.values.contains(range.index) && a.coefficient(range.index) != 0;
            });
        };
        for (const ir::Range& range : gathered.sum.ranges)
            if (solved(range.lower) || solved(range.upper))
                return true;
        for (const ir::Condition& c : gathered.sum.conditions)
            if (solved(c.value))
                return true;
        int folds = 0;
        for (const Fold& fold : gathered.folds)
            for (const ir::Range& range : gathered.sum.ranges)
                folds += gathered.values.contains(range.index) && fold.read.coefficient(range.index) != 0;
        return folds != static_cast<int>(gathered.folds.size());
    }

    void emit(const Reader& reader, const Path& path, ExprId base, std::optional<std::uint32_t> family,
              std::optional<std::uint32_t> output) {
        Gathered gathered = gather(result_.program, reader, boxes_, bindings_);
        ir::IndexMode mode = ir::IndexMode::none;
        if (family) {
            const Node original = result_.program.exprs[base];
            use_zero_mode(gathered, path, original, *family, mode);
            unwrap(gathered, path, original, *family, mode);
        }
        const auto symbol = [&](Symbol s) {
            const auto it = gathered.values.find(s);
            return it == gathered.values.end() ? std::nullopt : std::optional(it->second);
        };
        const auto rewritten = [&](ExprId id) { return ir::renamed(result_.program.exprs, id, symbol); };
        Equation equation;
        equation.family = *result_.gradient[path.family];
        equation.indices = gathered.indices;
        equation.domain = gathered.domain;
        equation.sum = gathered.sum;
        equation.folds = gathered.folds;
        equation.output = output;
        equation.base = rewritten(base);
        if (mode != ir::IndexMode::none) {
            Node node = result_.program.exprs[equation.base];
            node.access.mode = mode;
            equation.base = result_.program.exprs.add(std::move(node));
        }
        for (Step step : path.steps) {
            if (step.kind == Step::Kind::matrix)
                for (Affine& index : step.member.indices)
                    index = ir::substitute(index, symbol);
            else
                step.expr = rewritten(step.expr);
            equation.steps.push_back(std::move(step));
        }
        check::bind(bindings_, equation.domain.ranges);
        equation.adds = std::any_of(result_.equations.begin(), result_.equations.end(), [&](const Equation& earlier) {
            const bool other_output = earlier.output && output && *earlier.output != *output;
            return earlier.family == equation.family && !other_output &&
                   !check::provably_disjoint(result_.program, earlier.indices, equation.indices, bindings_);
        });
        result_.equations.push_back(std::move(equation));
    }
};

} // namespace

Backward differentiate(const ir::Program& program, const std::vector<std::vector<check::OutputTerm>>& outputs) {
    return Differentiator(program, outputs).run();
}

} // namespace tpc::diff
