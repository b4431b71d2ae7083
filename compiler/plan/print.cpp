#include "compiler/plan/count.hpp"
#include "compiler/source/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace tpc::plan {
namespace {

using limit::Recursions;
using limit::Rule;
using TermKind = limit::PairTerm::Kind;

constexpr std::size_t real_bytes = 8;

std::string beside(std::string text, const std::string& right) {
    return source::in_columns(std::move(text), right, 72);
}

// Names of slots, families and their indices.
class Names {
  public:
    Names(const SelfPlan& side, const Recursions& recursions, bool one_sample, const std::vector<std::string>& offsets)
        : side_(side), recursions_(recursions), one_sample_(one_sample), offsets_(offsets) {}

    std::string slot(std::uint32_t s) const {
        if (const std::size_t symbols = recursions_.network.program.symbols.size(); s >= symbols)
            return "(" + offsets_[s - symbols] + ")";
        const std::string& name = recursions_.network.program.symbols[s].name;
        if (one_sample_ && s >= recursions_.left_symbols) // the second element of one sample
            return name.substr(0, name.size() - 1) + "2";
        return name;
    }

    std::string family(std::uint32_t f, bool right) const {
        const ir::Program& program = recursions_.network.program;
        const std::string prime = right && !one_sample_ ? "_" : "";
        if (const auto array = side_.finite_of(f)) {
            const FiniteArray& own = side_.finite[*array];
            return (own.input ? program.inputs[own.source].name : program.families[own.source].name) + prime;
        }
        return program.families[f].name + prime;
    }

    // An index of a family, as the statements that define it call it.
    std::string index(std::uint32_t f, std::size_t d, bool right) const {
        const ir::Program& program = recursions_.network.program;
        std::string name = fmt::format("i{}", d + 1);
        for (const ir::Statement& statement : program.statements)
            if (statement.family == f && statement.indices[d].terms.size() == 1) {
                name = program.info(statement.indices[d].terms[0].first).name;
                break;
            }
        return name + (right ? one_sample_ ? "2" : "_" : "");
    }

    std::string linear(const Linear& value) const {
        std::string text;
        for (const auto& [s, coefficient] : value.terms) {
            const std::int64_t size = coefficient < 0 ? -coefficient : coefficient;
            text += coefficient < 0 ? "-" : text.empty() ? "" : "+";
            text += size == 1 ? slot(s) : fmt::format("{}*{}", size, slot(s));
        }
        if (text.empty() || value.constant != 0)
            text += fmt::format("{}{}", value.constant > 0 && !text.empty() ? "+" : "", value.constant);
        return value.denominator == 1 ? text : fmt::format("({})/{}", text, value.denominator);
    }

    std::string indices(const std::vector<Linear>& list) const {
        std::string text;
        for (const Linear& index : list)
            text += (text.empty() ? "" : ",") + linear(index);
        return text.empty() ? "" : "[" + text + "]";
    }

    std::string guards(const std::vector<Guard>& list) const {
        std::string text;
        for (const Guard& guard : list)
            text += fmt::format("{}{} {} 0", text.empty() ? "" : ", ", linear(guard.value),
                                guard.relation == ir::Relation::zero       ? "=="
                                : guard.relation == ir::Relation::non_zero ? "!="
                                                                           : ">=");
        return text;
    }

  private:
    const SelfPlan& side_; // either: names are the same
    const Recursions& recursions_;
    bool one_sample_;
    const std::vector<std::string>& offsets_;
};

class PartPrinter {
  public:
    // `whole`: the part before it was cut into planes, whose operations are the first ones; `nested`: before its sums were
    // factored.
    PartPrinter(const Part& part, const Part& whole, const Part& nested, const SelfPlan& side, const Recursions& recursions,
                bool one_sample)
        : part_(part), nested_(nested), side_(side), recursions_(recursions), one_sample_(one_sample),
          names_(side, recursions, one_sample, part.offsets), counts_(count_runs(whole, symbols())) {}

    std::string run() const {
        const std::size_t reals = 2 + (!one_sample_ && recursions_.tangent ? 1 : 0);
        std::string text;
        text += fmt::format("  buffers, {} bytes an entry (C as its two gaps{}):\n", reals * real_bytes,
                            reals == 3 ? ", and T" : "");
        for (const PairArray& array : part_.arrays) {
            if (array.output)
                continue;
            const auto entries = static_cast<std::size_t>(array.box.count());
            text +=
                beside("    " + buffer(array), fmt::format("{} entries, {} bytes{}", entries, entries * reals * real_bytes,
                                                           array.accumulated ? ", sums over planes"
                                                           : array.sums      ? ", C of sums over the left ones"
                                                           : array.value     ? ", C alone"
                                                                             : ""));
        }
        text += fmt::format("    {} entries, {} bytes {}\n", part_.entries, part_.entries * reals * real_bytes,
                            one_sample_ ? "a sample" : "a pair");
        std::uint64_t total = 0;
        for (const std::uint64_t runs : counts_.runs)
            total += runs;
        if (nested_.ops.size() < part_.ops.size() && !counts_.gave_up)
            if (const std::uint64_t before = total_products(count_runs(nested_, symbols()));
                before > total_products(counts_))
                text += fmt::format("  sums over pairs are factored: {} products {}, {} as they were\n",
                                    total_products(counts_), one_sample_ ? "a sample" : "a pair", before);
        text += fmt::format("  loops, {}{} operations {}:\n", counts_.gave_up ? "more than " : "", total,
                            one_sample_ ? "a sample" : "a pair");
        left(part_.left, 4, text);
        return text;
    }

  private:
    const Part& part_;
    const Part& nested_;
    const SelfPlan& side_;
    const Recursions& recursions_;
    bool one_sample_;
    Names names_;
    Counts counts_;

    std::size_t symbols() const { return recursions_.network.program.symbols.size(); }

    // C(x[l,i], x_[., j_]): the indices stored are named, the others follow from them.
    std::string buffer(const PairArray& array) const {
        const std::size_t rank = side_.rank(array.left);
        const std::size_t right_rank = side_.rank(array.right);
        std::string ranges;
        std::vector<std::string> texts(rank + right_rank, ".");
        for (std::size_t k = 0; k < array.kept.size(); ++k) {
            const std::size_t d = array.kept[k];
            const bool right = d >= rank;
            texts[d] = names_.index(right ? array.right : array.left, right ? d - rank : d, right);
            ranges += fmt::format("{}{} in {}..{}", ranges.empty() ? "" : ", ", texts[d], array.box.lower[k],
                                  array.box.lower[k] + array.box.size[k] - 1);
        }
        const auto indices = [&](std::size_t from, std::size_t to) {
            std::string text;
            for (std::size_t d = from; d < to; ++d)
                text += (text.empty() ? "" : ",") + texts[d];
            return text.empty() ? "" : "[" + text + "]";
        };
        return fmt::format("({}{}, {}{}){}{}", names_.family(array.left, false), indices(0, rank),
                           names_.family(array.right, true), indices(rank, rank + right_rank), ranges.empty() ? "" : "  ",
                           ranges);
    }

    std::string header(const WalkItem& item) const {
        const std::string name = names_.slot(item.range.slot);
        std::set<std::string> values;
        for (const auto& solution : item.solutions)
            values.insert(solution.empty() ? "" : names_.linear(solution[0]));
        if (values.size() == 1 && !values.begin()->empty())
            return fmt::format("{} = {}", name, *values.begin());
        return fmt::format("{} in {}..{}", name, names_.linear(item.range.lower), names_.linear(item.range.upper));
    }

    bool has_operations(const std::vector<WalkItem>& items, bool right) const {
        return std::any_of(items.begin(), items.end(), [&](const WalkItem& item) {
            if (item.loop)
                return has_operations(item.children, right);
            if (right)
                return !item.ops.empty();
            return item.statement < part_.right.size() && has_operations(part_.right[item.statement], true);
        });
    }

    // Loops with one child share a line. As rows: statements one after the other, each over the whole innermost loop.
    template <class Leaf>
    void walk(const std::vector<WalkItem>& items, std::size_t indent, std::string& text, bool right,
              const Leaf& leaf) const {
        for (const WalkItem& item : items) {
            if (!has_operations({item}, right))
                continue;
            if (!item.loop) {
                leaf(item, indent);
                continue;
            }
            std::string ranges = header(item);
            const WalkItem* last = &item;
            while (last->children.size() == 1 && last->children[0].loop && last->children[0].apart == item.apart) {
                last = &last->children[0];
                ranges += ", " + header(*last);
            }
            text += fmt::format("{:{}}for {}{}\n", "", indent, ranges,
                                last->fissile ? ", as rows"
                                : last->apart ? ", planes apart"
                                              : "");
            walk(last->children, indent + 2, text, right, leaf);
        }
    }

    void left(const std::vector<WalkItem>& items, std::size_t indent, std::string& text) const {
        walk(items, indent, text, false, [&](const WalkItem& item, std::size_t at) {
            walk(part_.right[item.statement], at, text, true, [&](const WalkItem& inner, std::size_t deep) {
                for (const std::uint32_t op : inner.ops)
                    text += operation(op, deep, part_.right[item.statement]);
            });
        });
    }

    std::string target(const PairOp& op) const {
        if (op.output) {
            const std::size_t output = op.left_statement - recursions_.network.program.statements.size();
            const std::string& name = recursions_.network.outputs[output].name;
            return fmt::format("{} of {}{}, {}_{}", op.tangent ? "nngp, ntk" : "nngp", name.empty() ? "output" : name,
                               names_.indices(op.left_target), name.empty() ? "output" : name,
                               names_.indices(op.right_target));
        }
        const PairArray& array = part_.arrays[op.array];
        return fmt::format("{}{}({}{}, {}{})", op.tangent ? "C, T" : "C", array.sums ? " of sums " : "",
                           names_.family(array.left, false), names_.indices(op.left_target),
                           names_.family(array.right, true), names_.indices(op.right_target));
    }

    std::string place(const Place& p, bool right) const {
        std::string text = names_.indices(p.indices);
        if (p.mode != ir::IndexMode::none && !text.empty())
            text.insert(text.size() - 1, fmt::format(" | {}", ir::name_of(p.mode)));
        return names_.family(p.family, right) + text;
    }

    std::string joint(const GroupOp& group) const {
        std::string text;
        for (const Place& p : group.left)
            text += (text.empty() ? "" : " ") + place(p, false);
        for (const Place& p : group.right)
            text += (text.empty() ? "" : " ") + place(p, true);
        return "E[" + text + "] of several Gaussians";
    }

    std::string entry(const EntryRead& read) const {
        if (read.array == no_array)
            return "0";
        return fmt::format("{}({}, {})",
                           part_.arrays[read.array].accumulated || part_.arrays[read.array].sums ? "sums " : "",
                           place(read.left, false), place(read.right, true));
    }

    std::string bounds(const Linear& first, const std::vector<Linear>& rest, const char* choice) const {
        std::string text = names_.linear(first);
        for (const Linear& bound : rest)
            text += ", " + names_.linear(bound);
        return rest.empty() ? text : fmt::format("{}({})", choice, text);
    }

    std::string term(const TermOp& term) const {
        std::string text;
        switch (term.kind) {
        case TermKind::matmul:
            text = "matrix " + entry(term.entry);
            break;
        case TermKind::read:
            text = entry(term.entry);
            break;
        case TermKind::input:
            text = "input";
            break;
        case TermKind::parameter:
            text = "parameter";
            break;
        case TermKind::means:
            text = "means";
            break;
        }
        std::string over;
        for (const LoopRange& range : term.sums)
            over += fmt::format("{}{} in {}..{}", over.empty() ? "" : ", ", names_.slot(range.slot),
                                bounds(range.lower, range.lowers, "max"), bounds(range.upper, range.uppers, "min"));
        const std::string guards = names_.guards(term.guards);
        over += (over.empty() || guards.empty() ? "" : ", ") + guards;
        return over.empty() ? text : fmt::format("sum({}: {})", over, text);
    }

    std::string value(const PairOp& op) const {
        std::string text;
        const auto append = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
        switch (op.rule) {
        case Rule::dual:
            return "dual " + entry(op.entry);
        case Rule::linear:
            for (const TermOp& each : op.terms)
                append(term(each));
            if (op.terms.empty())
                return "0";
            return "linear " + text + (op.gap_linear && !part_.arrays[op.array].value ? ", gaps too" : "");
        case Rule::product:
            for (const GroupOp& group : op.groups)
                append(group.joint ? joint(group) : group.cross ? entry(group.entry) : "one sample's moments");
            return "product " + text;
        }
        return text;
    }

    // An equality that a loop header states need not be written again.
    static void collect_solved(const std::vector<WalkItem>& items, std::set<std::uint32_t>& slots) {
        for (const WalkItem& item : items) {
            const bool all =
                std::none_of(item.solutions.begin(), item.solutions.end(), [](const auto& s) { return s.empty(); });
            if (item.loop && all && item.solutions.size() == 1)
                slots.insert(item.range.slot);
            collect_solved(item.children, slots);
        }
    }

    std::string operation(std::uint32_t k, std::size_t indent, const std::vector<WalkItem>& walk_of) const {
        const PairOp& op = part_.ops[k];
        std::set<std::uint32_t> solved;
        collect_solved(walk_of, solved);
        std::vector<Guard> written = op.guards;
        std::erase_if(written, [&](const Guard& guard) {
            const auto right = std::count_if(guard.value.terms.begin(), guard.value.terms.end(), [&](const auto& t) {
                return t.first >= recursions_.left_symbols && t.first < recursions_.network.program.symbols.size();
            });
            const bool stated = std::any_of(guard.value.terms.begin(), guard.value.terms.end(),
                                            [&](const auto& t) { return solved.contains(t.first); });
            return guard.relation == ir::Relation::zero && right == 1 && stated;
        });
        const std::string guards = names_.guards(written);
        return beside(fmt::format("{:{}}{} {} {}{}", "", indent, target(op), op.accumulates ? "+=" : "=", value(op),
                                  guards.empty() ? "" : "   if " + guards),
                      op.accumulates ? "each plane" : fmt::format("x {}", counts_.runs[k]));
    }
};

std::string sizes(const ir::Program& program, const ir::Sizes& values) {
    std::string text;
    for (const auto& [symbol, size] : values)
        text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", program.info(symbol).name, size);
    return text.empty() ? "none" : text;
}

std::string self_part(const SelfPlan& plan, const std::string& title) {
    const ir::Program& program = plan.recursions.network.program;
    std::string text = fmt::format("{}, sizes {}\n", title, sizes(program, plan.sizes));
    for (const FiniteArray& array : plan.finite) {
        const std::string& name = array.input ? program.inputs[array.source].name : program.families[array.source].name;
        text += beside(fmt::format("  {} {}", array.input ? "input" : "finite vector", name),
                       fmt::format("{} x {} numbers", array.box.count(), array.length));
    }
    for (const CoefficientArray& array : plan.coefficients)
        text += beside("  coefficients", fmt::format("{} numbers", array.box.count()));
    return text + PartPrinter(plan.whole(), plan.whole(), plan.part, plan, plan.recursions, true).run();
}

} // namespace

std::string print(const Plan& plan) {
    std::string text;
    if (plan.same_sizes) {
        text += self_part(plan.left, "each sample") + "\n";
    } else {
        text += self_part(plan.left, "each left sample") + "\n";
        text += self_part(plan.right, "each right sample") + "\n";
    }
    text += "each pair of samples\n";
    return text + PartPrinter(plan.forward(), plan.whole(), plan.cross, plan.left, plan.recursions, false).run();
}

} // namespace tpc::plan
