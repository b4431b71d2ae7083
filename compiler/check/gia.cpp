#include "compiler/check/gia.hpp"

#include "compiler/check/elements.hpp"
#include "compiler/check/outputs.hpp"
#include "compiler/check/uses.hpp"
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
    Rules(const ir::Program& p, const std::vector<std::vector<OutputTerm>>& t, source::Diagnostics& d)
        : program_(p), terms_(t), diagnostics_(d), bindings_(bindings(p)), reach_(reach(p, t, bindings_)) {
        for (std::uint32_t output = 0; output < t.size(); ++output)
            for (const OutputTerm& term : t[output])
                if (term.kind == OutputTerm::Kind::readout)
                    readouts_.push_back({&term, output});
    }

    void run() {
        readout_means();
        readouts_used_elsewhere();
        both_transposes();
        scalars_inside();
        powers_inside();
    }

  private:
    const ir::Program& program_;
    const std::vector<std::vector<OutputTerm>>& terms_;
    source::Diagnostics& diagnostics_;
    Bindings bindings_;
    Reach reach_;
    std::vector<Readout> readouts_;
    std::optional<std::optional<ElementUses>> elements_;

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
    bool disjoint(const ir::Access& a, const ir::Access& b, const Bindings& bindings) const {
        const auto plain = [](const ir::Access& x) {
            return x.mode == ir::IndexMode::none || x.mode == ir::IndexMode::zero;
        };
        return plain(a) && plain(b) && provably_disjoint(program_, a.indices, b.indices, bindings);
    }

    // The way from a use to the output: at most five reads.
    void chain(source::Diagnostic& diagnostic, Place place) const {
        for (int step = 0; place.statement && step < 5; ++step) {
            const auto& arrival = reach_.statements[*place.statement];
            if (!arrival)
                return;
            const std::string& from = program_.families[program_.statements[*place.statement].family].name;
            place = arrival->place;
            const std::string reader = place.statement ? program_.families[program_.statements[*place.statement].family].name
                                                       : std::string("the output");
            source::Span where = program_.exprs[arrival->read].span;
            if (where.end <= where.begin)
                where = place.statement ? program_.statements[*place.statement].span : program_.outputs[place.output].span;
            diagnostic.note(where, fmt::format("{} depends on {} here", reader, from));
        }
    }

    // Rule 2.
    void readout_means() {
        std::set<std::uint32_t> reported;
        for (const Readout& readout : readouts_) {
            const ir::Parameter& parameter = program_.parameters[readout.term->parameter];
            const Node& mean = program_.exprs[parameter.mean];
            if ((mean.op == Op::number && mean.number == 0) || !reported.insert(readout.term->parameter).second)
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
                if (disjoint(node(use).access, readout.term->member, inner))
                    continue;
                const ElementUses* exact = elements();
                if (exact && !intersect(members(*exact, use.node), members_read(*exact, readout.term->parameter)))
                    continue;
                if (!reported.insert({use.node, readout.term->parameter}).second)
                    continue;
                const std::string& v = name(readout.term->parameter);
                auto& diagnostic = diagnostics_.report(Id::gia_readout_reused, span(use), v);
                chain(diagnostic, use.place);
                diagnostic.note(readout.term->span, fmt::format("{} is the readout here", v))
                    .note(program_.parameters[readout.term->parameter].span,
                          fmt::format("{} is declared here; use another vector of its own for one of the two", v));
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
                const std::string& w = name(b.target);
                const std::string here = b.transposed ? w + "'" : w, there = a.transposed ? w + "'" : w;
                auto& diagnostic = diagnostics_.report(Id::gia_both_transposes, span(products[second]), here, there);
                diagnostic.note(span(products[first]), fmt::format("{} is multiplied here", there));
                chain(diagnostic, products[second].place);
                diagnostic.note(program_.parameters[b.target].span,
                                fmt::format("{} is declared here; declare a second matrix for one of the two uses", w));
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
            chain(diagnostic, use.place);
            diagnostic.note(program_.parameters[node(use).target].span,
                            fmt::format("{} is declared here; inside the network use a number or a vector parameter",
                                        name(node(use).target)));
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
            chain(diagnostic, use.place);
        }
    }
};

} // namespace

Verdict check(ir::Program& program, source::Diagnostics& diagnostics) {
    const std::size_t before = diagnostics.list.size();
    Verdict verdict;
    verdict.terms = decompose(program, diagnostics);
    Rules(program, verdict.terms, diagnostics).run();
    verdict.reasons = static_cast<unsigned>(diagnostics.list.size() - before);
    verdict.holds = verdict.reasons == 0;
    return verdict;
}

} // namespace tpc::check
