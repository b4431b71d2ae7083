#include "compiler/check/outputs.hpp"

#include "compiler/check/bounds.hpp"
#include "compiler/check/contents.hpp"
#include "compiler/check/inlining.hpp"
#include "compiler/check/named_vectors.hpp"
#include "compiler/check/parameter_terms.hpp"
#include "compiler/check/uses.hpp"
#include "compiler/check/weights.hpp"

#include <fmt/format.h>
#include <llvm/ADT/STLExtras.h>

#include <algorithm>

namespace tpc::check {
namespace {

using ir::Affine;
using ir::ExprId;
using ir::Function;
using ir::Node;
using ir::Op;
using ir::Program;
using source::Id;

class Decomposer {
  public:
    Decomposer(Program& p, source::Diagnostics& d)
        : program_(p), diagnostics_(d), analysis_(p), bindings_(bindings(p)), recursive_(recursive_scalars(p)), weights_(p) {
    }

    std::vector<OutputTerm> run(const ir::Output& output) {
        output_ = &output;
        terms_.clear();
        failed_ = false;
        decompose(output.value, program_.exprs.number(1), 0, {});
        if (!failed_)
            require_readout();
        return terms_;
    }

  private:
    Program& program_;
    source::Diagnostics& diagnostics_;
    Analysis analysis_;
    Bindings bindings_;
    const ir::Output* output_ = nullptr;
    std::vector<OutputTerm> terms_;
    bool failed_ = false;
    std::vector<bool> recursive_; // by statement
    Weights weights_;

    // The links of a statement whose own terms are being collected, with the powers of n that stand before them.
    struct PoweredLink {
        Link link;
        int power;
        ExprId read;
    };
    std::vector<PoweredLink>* links_ = nullptr;

    using Ranges = std::vector<ir::Range>;

    source::Span place(ExprId id) const {
        const source::Span span = program_.exprs[id].span;
        return span.end > span.begin ? span : output_->span;
    }
    std::string output_name() const {
        return output_->name.empty() ? "the output" : fmt::format("the output {}", output_->name);
    }

    template <class... Args> source::Diagnostic& fail(Id id, ExprId where, const Args&... args) {
        failed_ = true;
        auto& diagnostic = diagnostics_.report(id, place(where), args...);
        const source::Span own = place(where), whole = output_->span;
        if (own.file != whole.file || own.begin < whole.begin || own.end > whole.end)
            diagnostic.note(output_->span, fmt::format("{} reads it here", output_name()));
        return diagnostic;
    }

    OutputTerm& push(OutputTerm::Kind kind, ExprId from, ExprId coefficient, const Ranges& ranges) {
        OutputTerm& term = terms_.emplace_back();
        term.kind = kind;
        term.ranges = ranges;
        term.coefficient = coefficient;
        term.span = place(from);
        return term;
    }

    // --- the linear structure

    void decompose(ExprId id, ExprId coefficient, int power, const Ranges& ranges) {
        if (const Node& zero = program_.exprs[id]; power != 0 && zero.op == Op::number && zero.number == 0)
            return;
        if (power == 0 && !analysis_.random(id)) {
            push(OutputTerm::Kind::constant, id, times(program_.exprs, coefficient, id), ranges);
            return;
        }
        const Node node = program_.exprs[id]; // a copy: the table grows below
        switch (node.op) {
        case Op::width_power:
            return product(id, coefficient, power, ranges);
        case Op::parameter:
            if (power != 0)
                return order(id, power);
            return scalar(id, node, coefficient, ranges);
        case Op::moment:
        case Op::mean:
            if (power != 1)
                return order(id, power);
            return readout(id, coefficient, ranges);
        case Op::read:
            if (analysis_.random(id) || analysis_.of(id).moment)
                return substitute(id, coefficient, power, ranges);
            return order(id, power);
        case Op::reduce:
            if (node.reduction == ir::Reduction::sum || node.reduction == ir::Reduction::mean) {
                Ranges inner = ranges;
                inner.insert(inner.end(), node.ranges.begin(), node.ranges.end());
                const bool mean = node.reduction == ir::Reduction::mean;
                return decompose(node.children[0],
                                 mean ? times(program_.exprs, coefficient, mean_factor(program_.exprs, node.ranges))
                                      : coefficient,
                                 power, inner);
            }
            return nonlinear(id, power, ir::name_of(node.reduction));
        case Op::apply:
            switch (node.function) {
            case Function::add:
            case Function::sub:
                decompose(node.children[0], coefficient, power, ranges);
                if (node.function == Function::sub)
                    coefficient = times(program_.exprs, program_.exprs.number(-1), coefficient);
                return decompose(node.children[1], coefficient, power, ranges);
            case Function::neg:
            case Function::mul:
            case Function::div:
                return product(id, coefficient, power, ranges);
            default:
                return nonlinear(id, power, node.function == Function::pow ? "a power" : ir::name_of(node.function));
            }
        default:
            return order(id, power);
        }
    }

    void scalar(ExprId id, const Node& node, ExprId coefficient, const Ranges& ranges) {
        OutputTerm& term = push(OutputTerm::Kind::scalar, id, coefficient, ranges);
        term.parameter = node.target;
        term.member = node.access;
    }

    struct Factors {
        std::vector<ExprId> above, below;
        int power = 0;
        double sign = 1;
    };

    void flatten(ExprId id, bool inverse, Factors& factors) const {
        const Node& node = program_.exprs[id];
        if (node.op == Op::width_power) {
            const int power = static_cast<int>(node.target);
            factors.power += inverse ? -power : power;
            return;
        }
        if (node.op == Op::apply && node.function == Function::neg) {
            factors.sign = -factors.sign;
            return flatten(node.children[0], inverse, factors);
        }
        if (node.op == Op::apply && (node.function == Function::mul || node.function == Function::div)) {
            flatten(node.children[0], inverse, factors);
            return flatten(node.children[1], node.function == Function::div ? !inverse : inverse, factors);
        }
        (inverse ? factors.below : factors.above).push_back(id);
    }

    void random_coefficient(ExprId id, const std::vector<ExprId>& factors) {
        fail(Id::gia_random_coefficient, id)
            .note(place(factors[0]), "this factor is random: it depends on the draw of the weights")
            .note(place(factors[1]),
                  "and so is this one; a coefficient must converge to a number (numbers, data, averages over coordinates)");
    }

    // One factor carries the readout; the others are the coefficient.
    void product(ExprId id, ExprId coefficient, int power, const Ranges& ranges) {
        Factors factors;
        flatten(id, false, factors);
        power += factors.power;
        for (ExprId factor : factors.below)
            if (analysis_.random(factor))
                return nonlinear(id, 0, "division");
        std::vector<ExprId> candidates;
        for (ExprId factor : factors.above)
            if (analysis_.random(factor))
                candidates.push_back(factor);
        // A random number times the readout that the power of n belongs to.
        if (candidates.size() == 1 && power != 0 && (power > 0 || !analysis_.of(candidates[0]).power))
            for (ExprId factor : carriers(factors.above))
                if (candidates.size() == 1 && factor != candidates[0])
                    candidates.push_back(factor);
        if (candidates.size() > 1)
            return random_coefficient(id, candidates);
        if (candidates.empty() && power != 0)
            candidates = carriers(factors.above);
        if (candidates.empty() && power != 0)
            return order(id, power);
        if (power > 1 && candidates.size() > 1) // n^(1/2) each: (v'x / sqrt(n)) * (u'y / sqrt(n))
            return random_coefficient(id, candidates);
        coefficient = times(program_.exprs, program_.exprs.number(factors.sign), coefficient);
        for (ExprId factor : factors.above)
            if (candidates.empty() || factor != candidates[0])
                coefficient = times(program_.exprs, coefficient, factor);
        for (ExprId factor : factors.below)
            coefficient = over(program_.exprs, coefficient, factor);
        if (candidates.empty()) {
            push(OutputTerm::Kind::constant, id, coefficient, ranges);
            return;
        }
        decompose(candidates[0], coefficient, power, ranges);
    }

    // Among factors that all converge, the one that the power of n belongs to: an inner product with a vector parameter,
    // best one that nothing else uses; failing that, any average.
    std::vector<ExprId> carriers(const std::vector<ExprId>& factors) {
        std::vector<ExprId> averages, readouts, own;
        for (ExprId factor : factors) {
            if (!analysis_.of(factor).moment)
                continue;
            averages.push_back(factor);
            const ExprId inner = inner_moment(factor);
            const Node node = program_.exprs[inner];
            if (node.op != Op::moment && node.op != Op::mean)
                continue;
            bool reads = false, alone = false;
            for (const ExprId side : node.children)
                if (const auto terms = terms_of(side, {})) {
                    reads = true;
                    alone = alone || unused_elsewhere(*terms);
                }
            if (!reads)
                continue;
            readouts.push_back(factor);
            if (alone)
                own.push_back(factor);
        }
        return !own.empty() ? own : !readouts.empty() ? readouts : averages;
    }

    // Through names and coefficients; a preference only, so that the first statement of a name will do.
    ExprId inner_moment(ExprId id) const {
        for (int steps = 0; steps < 64; ++steps) {
            const Node& node = program_.exprs[id];
            if (node.op == Op::read) {
                const auto first = std::ranges::find(program_.statements, node.target, &ir::Statement::family);
                if (first == program_.statements.end())
                    return id;
                id = first->value;
                continue;
            }
            if (node.op == Op::moment || node.op == Op::mean || node.children.empty())
                return id;
            const bool second =
                node.op == Op::apply && node.function == Function::mul && !analysis_.of(node.children[0]).moment;
            id = node.children[second ? 1 : 0];
        }
        return id;
    }

    // --- readouts

    bool mentions(ExprId root, std::uint32_t parameter) const {
        bool found = false;
        visit(program_.exprs, root,
              [&](ExprId, const Node& node) { found |= node.op == Op::parameter && node.target == parameter; });
        return found;
    }

    // A side of an inner product as a combination of vector parameters, also where names stand for it.
    std::optional<std::vector<ParameterTerm>> terms_of(ExprId side, const Ranges& ranges) {
        return parameter_terms(program_.exprs, side, [&](const Node& read) -> std::optional<ExprId> {
            const auto found = inlined(program_, bindings_, recursive_, read, ranges);
            return found && found->size() == 1 ? std::optional(found->front().first) : std::nullopt;
        });
    }

    // A preference only: no statement of the network mentions the vectors of this side. The check proper follows uses.
    bool unused_elsewhere(const std::vector<ParameterTerm>& terms) const {
        return std::none_of(terms.begin(), terms.end(), [&](const ParameterTerm& term) {
            const std::uint32_t parameter = program_.exprs[term.parameter].target;
            return std::any_of(program_.statements.begin(), program_.statements.end(), [&](const ir::Statement& statement) {
                return program_.families[statement.family].type == ir::Type::vector && mentions(statement.value, parameter);
            });
        });
    }

    // An average is an inner product with the vector of ones: avg(v) = v' @ 1 / n.
    void readout(ExprId id, ExprId coefficient, const Ranges& ranges) {
        Node node = program_.exprs[id];
        if (node.op == Op::mean)
            node.children.push_back(program_.exprs.number(1));
        auto left = terms_of(node.children[0], ranges), right = terms_of(node.children[1], ranges);
        if (!left && !right) {
            const auto other = regrouped(program_.exprs, node, [&](ExprId factor) {
                const auto terms = terms_of(factor, ranges);
                return terms ? 1 + static_cast<int>(unused_elsewhere(*terms)) : 0;
            });
            if (other)
                return readout(*other, coefficient, ranges);
            left = terms_by_recursion(program_, weights_, node.children[0]);
            if (!left)
                right = terms_by_recursion(program_, weights_, node.children[1]);
            renew();
        }
        if (!left && !right)
            return not_a_readout(id);
        const bool take_right = !left || (right && !unused_elsewhere(*left) && unused_elsewhere(*right));
        for (const ParameterTerm& term : take_right ? *right : *left) {
            const Node parameter = program_.exprs[term.parameter];
            if (analysis_.random(term.factor)) {
                fail(Id::gia_random_coefficient, id).note(place(term.factor), "this coefficient is random");
                return;
            }
            Ranges all = ranges;
            all.insert(all.end(), term.ranges.begin(), term.ranges.end());
            OutputTerm& found =
                push(OutputTerm::Kind::readout, term.parameter, times(program_.exprs, coefficient, term.factor), all);
            found.parameter = parameter.target;
            found.member = parameter.access;
            found.vector = node.children[take_right ? 0 : 1];
        }
    }

    // --- names that stand for output expressions

    void substitute(ExprId id, ExprId coefficient, int power, const Ranges& ranges) {
        const Node node = program_.exprs[id];
        if (links_ != nullptr) {
            links_->push_back({{node.target, node.access, coefficient, ranges}, power, id});
            return;
        }
        const auto found = inlined(program_, bindings_, recursive_, node, ranges);
        if (!found)
            return follow(id, coefficient, power, ranges);
        for (const auto& [value, inner] : *found)
            decompose(value, coefficient, power, inner);
    }

    // A name that is defined by recursion, or read under an index mode: its statements' own terms, times weights.
    void follow(ExprId id, ExprId coefficient, int power, const Ranges& ranges) {
        const Node read = program_.exprs[id];
        std::map<std::uint32_t, std::vector<OutputTerm>> own; // by statement
        Links links;
        std::map<std::uint32_t, int> powers{{read.target, power}}; // by family
        std::vector<std::uint32_t> pending{read.target};
        std::vector<OutputTerm> before = std::exchange(terms_, {});
        while (!pending.empty()) {
            const std::uint32_t family = pending.back();
            pending.pop_back();
            for (std::uint32_t k = 0; k < recursive_.size(); ++k) {
                if (program_.statements[k].family != family)
                    continue;
                std::vector<PoweredLink> found;
                links_ = &found;
                decompose(program_.statements[k].value, program_.exprs.number(1), powers[family], {});
                links_ = nullptr;
                own[k] = std::exchange(terms_, {});
                std::vector<Link>& read_here = links[k];
                for (PoweredLink& link : found) {
                    const auto [known, first] = powers.try_emplace(link.link.family, link.power);
                    if (known->second != link.power)
                        order(link.read, link.power - known->second);
                    if (first)
                        pending.push_back(link.link.family);
                    read_here.push_back(std::move(link.link));
                }
            }
        }
        terms_ = std::move(before);
        if (failed_)
            return;
        for (auto& [statement, terms] : own)
            if (!terms.empty())
                llvm::append_range(terms_, weights_.weighted(statement, std::move(terms), read, links, ranges, coefficient));
        renew();
    }

    // After statements have been added.
    void renew() {
        bindings_ = bindings(program_);
        analysis_ = Analysis(program_);
    }

    // --- reasons against

    void nonlinear(ExprId id, int power, std::string_view what) {
        if (power != 0 && !analysis_.random(id))
            return order(id, power);
        fail(Id::gia_nonlinear_output, id, what)
            .note(output_->span,
                  "the shortest change: let the output be the readout v' @ x / sqrt(n) itself; a loss may apply "
                  "the nonlinearity");
    }

    void not_a_readout(ExprId id) { fail(Id::gia_not_a_readout, id).note(output_->span, readout_advice()); }

    static std::string width_power(int halves) {
        return halves == 1 ? "sqrt(n)" : halves == 2 ? "n" : fmt::format("n^({}/2)", halves);
    }

    void order(ExprId id, int power) {
        if (power < 0)
            fail(Id::gia_vanishing_output, id)
                .note(output_->span, fmt::format("the shortest change: multiply this term by {}", width_power(-power)));
        else
            fail(Id::gia_diverging_output, id)
                .note(output_->span, fmt::format("the shortest change: divide this term by {}", width_power(power)));
    }

    // Averages are constants in the limit; an output of such terms has no readout. As coefficients of scalars they are no
    // terms.
    void require_readout() {
        const OutputTerm* average = nullptr;
        for (const OutputTerm& term : terms_) {
            if (term.kind == OutputTerm::Kind::readout)
                return;
            if (!average && term.kind == OutputTerm::Kind::constant && analysis_.of(term.coefficient).moment)
                average = &term;
        }
        if (!average)
            return;
        failed_ = true;
        diagnostics_.report(Id::gia_average_output, average->span, output_name())
            .note(output_->span,
                  "back-propagation starts from this average and not from an independent random vector, so W' may not be "
                  "taken as independent of W")
            .note(output_->span, readout_advice());
    }

    // With a name that the program does not have yet.
    std::string readout_advice() const {
        const auto taken = [&](const std::string& name) {
            return std::ranges::find(program_.parameters, name, &ir::Parameter::name) != program_.parameters.end() ||
                   std::ranges::find(program_.families, name, &ir::Family::name) != program_.families.end();
        };
        std::string name = "v";
        for (int k = 2; taken(name); ++k)
            name = "v" + std::to_string(k);
        return fmt::format("the shortest change: declare a readout that nothing else uses, vector {0} ~ N(0, 1), and write "
                           "{0}' @ x / sqrt(n)",
                           name);
    }
};

} // namespace

std::vector<std::vector<OutputTerm>> decompose(ir::Program& program, source::Diagnostics& diagnostics) {
    Decomposer decomposer(program, diagnostics);
    std::vector<std::vector<OutputTerm>> result;
    for (const ir::Output& output : program.outputs)
        result.push_back(decomposer.run(output));
    return result;
}

} // namespace tpc::check
