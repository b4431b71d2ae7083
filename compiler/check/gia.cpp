#include "compiler/check/gia.hpp"

#include "compiler/check/contents.hpp"
#include "compiler/check/elements.hpp"
#include "compiler/check/outputs.hpp"
#include "compiler/check/several_sizes.hpp"
#include "compiler/check/uses.hpp"
#include "compiler/ir/print.hpp"
#include "compiler/ir/renaming.hpp"
#include "compiler/resolve/resolve.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tpc::check {
namespace {

using ir::Node;
using ir::Op;
using source::Id;

constexpr std::size_t element_budget = 4'000'000;

struct Readout {
    const OutputTerm* term;
    std::uint32_t output;
};

class Rules {
  public:
    Rules(const ir::Program& p, const std::vector<std::vector<OutputTerm>>& t, const std::vector<ir::Sizes>& others,
          source::Diagnostics& d)
        : program_(p), terms_(t), others_(others), diagnostics_(d), bindings_(bindings(p)), reach_(reach(p, t, bindings_)) {
        for (std::uint32_t output = 0; output < t.size(); ++output)
            for (const OutputTerm& term : t[output])
                if (term.kind == OutputTerm::Kind::readout)
                    readouts_.push_back({&term, output});
    }

    void run() {
        averages();
        readout_means();
        readouts_used_elsewhere();
        both_transposes();
        scalars_inside();
        powers_inside();
    }

  private:
    const ir::Program& program_;
    const std::vector<std::vector<OutputTerm>>& terms_;
    const std::vector<ir::Sizes>& others_;
    source::Diagnostics& diagnostics_;
    Bindings bindings_;
    Reach reach_;
    std::vector<Readout> readouts_;
    std::optional<std::optional<ElementUses>> elements_;
    std::vector<std::optional<ElementUses>> elements_of_others_;

    const Node& node(const Use& use) const { return program_.exprs[use.node]; }
    const std::string& name(std::uint32_t parameter) const { return program_.parameters[parameter].name; }

    source::Span span(const Use& use) const {
        const source::Span own = node(use).span;
        if (own.end > own.begin)
            return own;
        return use.place.statement ? program_.statements[*use.place.statement].span
                                   : program_.outputs[use.place.output].span;
    }

    // Index ranges first; where they leave it open, the elements at the program's (or small) sizes.
    const ElementUses* elements() {
        if (!elements_)
            elements_ = element_uses(program_, terms_, resolve::small_sizes(program_), element_budget);
        return *elements_ ? &**elements_ : nullptr;
    }
    bool used(const Use& use) {
        const ElementUses* exact = elements();
        return !exact || exact->members.contains(use.node);
    }
    static bool intersect(const std::set<Member>& a, const std::set<Member>& b) {
        return std::any_of(a.begin(), a.end(), [&](const Member& m) { return b.contains(m); });
    }
    static std::set<Member> members(const ElementUses& exact, ir::ExprId id) {
        const auto it = exact.members.find(id);
        return it == exact.members.end() ? std::set<Member>{} : it->second;
    }
    static std::set<Member> members_read(const ElementUses& exact, std::uint32_t parameter) {
        const auto it = exact.readouts.find(parameter);
        return it == exact.readouts.end() ? std::set<Member>{} : it->second;
    }
    // Index ranges say nothing of samples of two sizes, in which an axis is two numbers.
    bool reads_out_another(const Use& use, std::uint32_t parameter) {
        if (others_.empty())
            return false;
        const ElementUses* exact = elements();
        for (std::size_t k = 0; k < others_.size(); ++k) {
            const ElementUses* other = elements_of_another(k);
            if (!exact || !other || intersect(members(*exact, use.node), members_read(*other, parameter)))
                return true;
        }
        return false;
    }
    const ElementUses* elements_of_another(std::size_t k) {
        while (elements_of_others_.size() <= k)
            elements_of_others_.push_back(
                element_uses(program_, terms_, others_[elements_of_others_.size()], element_budget));
        return elements_of_others_[k] ? &*elements_of_others_[k] : nullptr;
    }
    bool disjoint(const ir::Access& a, const ir::Access& b, const Bindings& bindings) const {
        const auto plain = [](const ir::Access& x) {
            return x.mode == ir::IndexMode::none || x.mode == ir::IndexMode::zero;
        };
        return plain(a) && plain(b) && provably_disjoint(program_, a.indices, b.indices, bindings);
    }

    std::string reader(const Place& place) const {
        if (place.statement)
            return program_.families[program_.statements[*place.statement].family].name;
        const std::string& name = program_.outputs[place.output].name;
        return name.empty() ? "the output" : "the output " + name;
    }
    source::Span whole(const Place& place) const {
        return place.statement ? program_.statements[*place.statement].span : program_.outputs[place.output].span;
    }

    static bool inside(const source::Span& inner, const source::Span& outer) {
        return inner.file == outer.file && inner.begin >= outer.begin && inner.end <= outer.end;
    }

    // The calls that lead from a statement to what stands in the bodies of functions and blocks: the fewest that do.
    void calls(source::Diagnostic& diagnostic, const Place& place, const source::Span& own) const {
        const source::Span around = whole(place);
        if (own.end <= own.begin || inside(own, around))
            return;
        std::vector<const ir::Call*> fewest; // from the inside out
        for (const ir::Call& last : program_.calls) {
            if (!inside(own, last.body))
                continue;
            std::vector<const ir::Call*> way{&last};
            while (!inside(way.back()->span, around) && way.back()->caller)
                way.push_back(&program_.calls[*way.back()->caller]);
            if (inside(way.back()->span, around) && (fewest.empty() || way.size() < fewest.size()))
                fewest = std::move(way);
        }
        if (fewest.empty())
            diagnostic.note(around, fmt::format("{} comes to it here", reader(place)));
        for (std::size_t k = fewest.size(); k-- > 0;) {
            const std::string caller = k + 1 == fewest.size() ? reader(place) : fewest[k + 1]->name;
            const auto same = [&](const source::Note& note) { return note.span == fewest[k]->span; };
            if (std::ranges::none_of(diagnostic.notes, same)) // two ways may begin with the same calls
                diagnostic.note(fewest[k]->span, fmt::format("{} calls {} here", caller, fewest[k]->name));
        }
    }

    // One step: who reads what where. What stands in the body of a function is shown after its call.
    void step(source::Diagnostic& diagnostic, const Place& place, ir::ExprId read) const {
        const source::Span around = whole(place), own = program_.exprs[read].span;
        calls(diagnostic, place, own);
        diagnostic.note(own.end <= own.begin ? around : own,
                        fmt::format("{} depends on {} here", reader(place), ir::print(ir::PrintNames{&program_}, read)));
    }

    // The way from the output to a use, read by read; of a long one the middle is left out.
    void chain(source::Diagnostic& diagnostic, const Use& use) const {
        constexpr std::size_t head = 5, tail = 3;
        std::vector<Arrival> steps; // from the use to the output
        for (Place place = use.place; place.statement;) {
            const auto& arrival = reach_.statements[*place.statement];
            if (!arrival)
                break;
            steps.push_back(*arrival);
            place = arrival->place;
        }
        std::ranges::reverse(steps);
        for (std::size_t k = 0; k < steps.size(); ++k) {
            if (steps.size() > head + tail + 1 && k == head) {
                diagnostic.note(whole(steps[k].place), fmt::format("and so on, {} more steps", steps.size() - head - tail));
                k = steps.size() - tail;
            }
            step(diagnostic, steps[k].place, steps[k].read);
        }
        calls(diagnostic, use.place, node(use).span);
    }

    // The name that a parameter has where it is declared: without the instance of its block.
    [[nodiscard]] std::string local_name(std::uint32_t parameter) const {
        const std::string& full = name(parameter);
        return full.substr(full.rfind('.') + 1);
    }

    // "W[2]": the member that two uses share, where they are known.
    std::string shared_member(std::uint32_t parameter, const Use& first, const Use& second) {
        const ElementUses* exact = elements();
        if (!exact || program_.parameters[parameter].family.empty())
            return name(parameter);
        const std::set<Member> of_first = members(*exact, first.node), of_second = members(*exact, second.node);
        for (const Member& member : of_first)
            if (of_second.contains(member))
                return fmt::format("{}[{}]", name(parameter), fmt::join(member, ","));
        return name(parameter);
    }

    // A declaration like that of a parameter, under a name that is free: "vector v2 ~ N(0, 1)".
    std::pair<std::string, std::string> twin(std::uint32_t parameter) const {
        const auto taken = [&](const std::string& name) {
            return std::ranges::find(program_.parameters, name, &ir::Parameter::name) != program_.parameters.end() ||
                   std::ranges::find(program_.families, name, &ir::Family::name) != program_.families.end();
        };
        const std::string base = local_name(parameter);
        int number = 2;
        while (taken(base + std::to_string(number)))
            ++number;
        const std::string name = base + std::to_string(number);
        return {name, declaration(program_, parameter, name)};
    }

    static bool is_zero(const ir::ExprTable& exprs, ir::ExprId id) {
        return exprs[id].op == Op::number && exprs[id].number == 0;
    }

    // A mean k - 1 of members k at the member 1.
    [[nodiscard]] bool mean_vanishes(const OutputTerm& term) const {
        const ir::Parameter& parameter = program_.parameters[term.parameter];
        if (term.member.mode != ir::IndexMode::none)
            return false;
        ir::ExprTable scratch = program_.exprs;
        const auto index = [&](ir::Symbol symbol) -> std::optional<ir::Affine> {
            for (std::size_t k = 0; k < parameter.family.size(); ++k)
                if (parameter.family[k].index == symbol)
                    return term.member.indices[k];
            return std::nullopt;
        };
        return is_zero(scratch, ir::renamed(scratch, parameter.mean, index));
    }

    // Rule 1, element by element: of f[1] = avg(x), f[2] = v' @ x / sqrt(n) the first one has no readout.
    void averages() {
        std::set<std::uint32_t> mixed;
        const Analysis analysis(program_);
        for (std::uint32_t output = 0; output < terms_.size(); ++output)
            for (const OutputTerm& term : terms_[output])
                if (term.kind == OutputTerm::Kind::constant && analysis.of(term.coefficient).moment)
                    mixed.insert(output);
        std::erase_if(mixed, [&](std::uint32_t output) {
            return std::ranges::none_of(readouts_, [&](const Readout& r) { return r.output == output; });
        });
        if (mixed.empty())
            return;
        averages_at(elements(), mixed);
        for (std::size_t k = 0; k < others_.size(); ++k)
            averages_at(elements_of_another(k), mixed);
    }
    void averages_at(const ElementUses* exact, std::set<std::uint32_t>& mixed) {
        if (exact == nullptr)
            return;
        for (const auto& [output, found] : exact->averages) {
            if (mixed.erase(output) == 0)
                continue;
            const auto& [member, term] = found;
            const ir::Output& whole = program_.outputs[output];
            const std::string index = member.empty() ? "" : fmt::format("[{}]", fmt::join(member, ","));
            diagnostics_
                .report(Id::gia_average_output, term->span,
                        whole.name.empty() ? "the output" : fmt::format("the output {}{}", whole.name, index))
                .note(whole.span, "of the terms of this output only averages are left there, and no readout");
        }
    }

    // Rule 2.
    void readout_means() {
        std::set<std::uint32_t> reported;
        for (const Readout& readout : readouts_) {
            const ir::Parameter& parameter = program_.parameters[readout.term->parameter];
            if (is_zero(program_.exprs, parameter.mean) || mean_vanishes(*readout.term) ||
                !reported.insert(readout.term->parameter).second)
                continue;
            diagnostics_.report(Id::gia_readout_mean, readout.term->span, parameter.name)
                .note(parameter.span, fmt::format("{} is declared here; give it mean 0", parameter.name));
        }
    }

    // Rule 3.
    void readouts_used_elsewhere() {
        std::set<std::pair<ir::ExprId, std::uint32_t>> reported;
        for (const Use& use : reach_.uses) {
            if (node(use).op != Op::parameter)
                continue;
            for (const Readout& readout : readouts_) {
                if (readout.term->parameter != node(use).target)
                    continue;
                Bindings inner = bindings_;
                bind(inner, readout.term->ranges);
                const auto apart = [&] {
                    if (disjoint(node(use).access, readout.term->member, inner))
                        return true;
                    const ElementUses* exact = elements();
                    return exact && !intersect(members(*exact, use.node), members_read(*exact, readout.term->parameter));
                };
                const bool within = !apart();
                if (!within && !reads_out_another(use, readout.term->parameter))
                    continue;
                if (!reported.insert({use.node, readout.term->parameter}).second)
                    continue;
                const std::string& v = name(readout.term->parameter);
                auto& diagnostic = diagnostics_.report(Id::gia_readout_reused, span(use), v);
                diagnostic.note(readout.term->span,
                                fmt::format("{} is the readout here{}", v, within ? "" : ", of samples of another size"));
                chain(diagnostic, use);
                const auto [fresh, declared] = twin(readout.term->parameter);
                diagnostic.note(program_.parameters[readout.term->parameter].span,
                                fmt::format("{} is declared here; the shortest change: declare {} as well and read out with "
                                            "{}' instead of {}'",
                                            v, declared, fresh, v));
            }
        }
    }

    // Rule 4.
    void both_transposes() {
        std::vector<Use> products;
        for (const Use& use : reach_.uses)
            if (node(use).op == Op::matmul)
                products.push_back(use);
        std::set<std::uint32_t> reported;
        for (std::size_t second = 0; second < products.size(); ++second) {
            const Node& b = node(products[second]);
            if (reported.contains(b.target))
                continue;
            for (std::size_t first = 0; first < second; ++first) {
                const Node& a = node(products[first]);
                if (a.target != b.target || a.transposed == b.transposed)
                    continue;
                if (disjoint(a.access, b.access, bindings_))
                    continue;
                const ElementUses* exact = elements();
                if (exact && !intersect(members(*exact, products[first].node), members(*exact, products[second].node)))
                    continue;
                reported.insert(b.target);
                const std::string w = local_name(b.target),
                                  member = shared_member(b.target, products[first], products[second]);
                const std::string here = b.transposed ? member + "'" : member, there = a.transposed ? member + "'" : member;
                auto& diagnostic = diagnostics_.report(Id::gia_both_transposes, span(products[second]), here, there);
                chain(diagnostic, products[second]);
                calls(diagnostic, products[first].place, node(products[first]).span);
                diagnostic.note(span(products[first]), fmt::format("{} is multiplied here", there));
                const auto [fresh, declared] = twin(b.target);
                diagnostic.note(program_.parameters[b.target].span,
                                fmt::format("{} is declared here; the shortest change: declare {} as well and write {} "
                                            "instead of {} in one of the two places",
                                            w, declared, fresh, w));
                break;
            }
        }
    }

    // Rule 5.
    void scalars_inside() {
        std::set<ir::ExprId> reported;
        for (const Use& use : reach_.uses) {
            if (node(use).op != Op::parameter || node(use).type != ir::Type::scalar)
                continue;
            if (!used(use) || !reported.insert(use.node).second)
                continue;
            auto& diagnostic = diagnostics_.report(Id::gia_scalar_inside, span(use), name(node(use).target));
            chain(diagnostic, use);
            diagnostic.note(program_.parameters[node(use).target].span,
                            fmt::format("{0} is declared here; the shortest change: declare it as a vector, as in {1}",
                                        local_name(node(use).target),
                                        declaration(program_, node(use).target, local_name(node(use).target), "vector")));
        }
    }

    // Readouts (powers of n) that come back as coefficients of the network.
    void powers_inside() {
        std::set<ir::ExprId> reported;
        for (const Use& use : reach_.uses) {
            if (node(use).op != Op::width_power)
                continue;
            if (!used(use) || !reported.insert(use.node).second)
                continue;
            auto& diagnostic = diagnostics_.report(Id::gia_readout_inside, span(use));
            chain(diagnostic, use);
            diagnostic.note(span(use),
                            "the shortest change: let the network read an average over coordinates, as in x' @ y / n, "
                            "which converges to a number");
        }
    }
};

} // namespace

Verdict check(ir::Program& program, source::Diagnostics& diagnostics, const std::vector<ir::Sizes>& others) {
    const std::size_t before = diagnostics.list.size();
    Verdict verdict;
    verdict.terms = decompose(program, diagnostics);
    Rules(program, verdict.terms, others, diagnostics).run();
    verdict.reasons = static_cast<unsigned>(diagnostics.list.size() - before);
    verdict.holds = verdict.reasons == 0;
    return verdict;
}

Verdict check(ir::Program& program, source::Diagnostics& diagnostics) {
    return check(program, diagnostics, {});
}

} // namespace tpc::check
