#include "compiler/diff/gather.hpp"

#include <algorithm>
#include <set>

namespace tpc::diff {
namespace {

using check::Bindings;
using ir::Affine;
using ir::Condition;
using ir::Range;
using ir::Relation;
using ir::Symbol;

Affine replaced(const Affine& value, const std::map<Symbol, Affine>& values) {
    return ir::substitute(value, [&](Symbol s) {
        const auto it = values.find(s);
        return it == values.end() ? std::nullopt : std::optional(it->second);
    });
}

class Gather {
  public:
    Gather(ir::Program& p, const Reader& r, const std::vector<Box>& b, Bindings all)
        : program_(p), reader_(r), box_(b[r.family]), bindings_(std::move(all)) {
        tighten(reader_.loops);
        check::bind(bindings_, reader_.loops.ranges);
        check::bind(bindings_, reader_.sums);
    }

    Gathered run() {
        name_targets();
        solve();
        for (const Range& range : reader_.loops.ranges)
            keep_or_bound(range);
        for (const Range& range : reader_.sums)
            keep_or_bound(range);
        for (const Affine& rest : residual_)
            condition({rest, Relation::zero});
        for (const Condition& c : reader_.loops.conditions)
            if (!solved_.contains(&c))
                condition({replaced(c.value, result_.values), c.relation});
        target_ranges();
        tighten(result_.domain);
        narrow_sums();
        return std::move(result_);
    }

  private:
    ir::Program& program_;
    Reader reader_;
    const Box& box_;
    Bindings bindings_;
    Gathered result_;
    std::vector<std::optional<Symbol>> targets_; // by dimension; nothing where the read index is fixed
    std::vector<Affine> residual_;
    std::set<const Condition*> solved_;

    struct Limits {
        std::vector<Affine> lower, upper; // hold for every element that receives something
        std::vector<Affine> loose_lower, loose_upper;
    };
    std::map<Symbol, Limits> limits_;

    bool is_loop(Symbol s) const {
        const auto in = [&](const std::vector<Range>& list) {
            return std::any_of(list.begin(), list.end(), [&](const Range& r) { return r.index == s; });
        };
        return in(reader_.loops.ranges) || in(reader_.sums);
    }
    bool is_target(Symbol s) const {
        return std::any_of(targets_.begin(), targets_.end(), [&](const auto& t) { return t == s; });
    }
    bool has_loop(const Affine& a) const {
        return std::any_of(a.terms.begin(), a.terms.end(), [&](const auto& term) { return is_loop(term.first); });
    }

    // The mode has no effect on an index that stays inside the box.
    bool inside(std::size_t k) const {
        if (!box_.lower[k] || !box_.upper[k])
            return false;
        return check::provably_non_negative(program_, reader_.read.indices[k] - *box_.lower[k], bindings_) &&
               check::provably_non_negative(program_, *box_.upper[k] - reader_.read.indices[k], bindings_);
    }
    bool folded(std::size_t k) const {
        const bool mode = reader_.read.mode == ir::IndexMode::wrap || reader_.read.mode == ir::IndexMode::clamp;
        return mode && !inside(k);
    }

    // A target index is named after the loop index it shifts, otherwise as the family's own statements name it.
    void name_targets() {
        for (std::size_t k = 0; k < reader_.read.indices.size(); ++k) {
            const Affine& read = reader_.read.indices[k];
            if (!has_loop(read) && !folded(k)) {
                targets_.emplace_back();
                result_.indices.push_back(read);
                continue;
            }
            std::string name = box_.names[k];
            std::vector<Symbol> loops;
            for (const auto& [symbol, coefficient] : read.terms)
                if (is_loop(symbol) && (coefficient == 1 || coefficient == -1))
                    loops.push_back(symbol);
            if (name.empty() || (loops.size() == 1 && read.terms.size() == 1))
                name = loops.empty() ? "i" : program_.info(loops[0]).name;
            const Symbol target = program_.fresh(name, false);
            targets_.emplace_back(target);
            result_.indices.push_back(Affine::of(target));
            limits_[target];
        }
    }

    void solve() {
        std::vector<std::pair<Affine, Affine>> equations;
        for (std::size_t k = 0; k < targets_.size(); ++k) {
            if (!targets_[k])
                continue;
            if (folded(k))
                result_.folds.push_back({reader_.read.mode, reader_.read.indices[k], Affine::of(*targets_[k])});
            else
                equations.emplace_back(reader_.read.indices[k], Affine::of(*targets_[k]));
        }
        std::vector<Symbol> loops, sums;
        for (const Range& range : reader_.loops.ranges)
            loops.push_back(range.index);
        for (const Range& range : reader_.sums)
            sums.push_back(range.index);
        // An `if l == 1` fixes its index.
        for (const Condition& c : reader_.loops.conditions) {
            if (c.relation != Relation::zero)
                continue;
            equations.emplace_back(c.value, Affine(0));
            solved_.insert(&c);
        }
        check::Solution first = check::solve(equations, loops);
        equations.clear();
        for (const Affine& rest : first.residual) {
            const bool loop = std::any_of(loops.begin(), loops.end(), [&](Symbol s) { return rest.coefficient(s) != 0; });
            if (loop)
                residual_.push_back(rest);
            else
                equations.emplace_back(rest, Affine(0));
        }
        check::Solution second = check::solve(equations, sums);
        result_.values = second.values;
        for (auto& [symbol, value] : first.values)
            result_.values[symbol] = replaced(value, second.values);
        for (Affine& rest : residual_)
            rest = replaced(rest, result_.values);
        residual_.insert(residual_.end(), second.residual.begin(), second.residual.end());
        for (Fold& fold : result_.folds)
            fold.read = replaced(fold.read, result_.values);
    }

    void keep_or_bound(const Range& range) {
        const Affine lower = replaced(range.lower, result_.values), upper = replaced(range.upper, result_.values);
        const auto found = result_.values.find(range.index);
        if (found == result_.values.end()) {
            result_.sum.ranges.push_back({range.index, lower, upper});
            return;
        }
        const std::size_t before = result_.sum.conditions.size();
        condition({found->second - lower, Relation::non_negative});
        condition({upper - found->second, Relation::non_negative});
        if (result_.sum.conditions.size() > before)
            result_.bounded.push_back(
                {range.index,
                 {range.index, lower, upper},
                 {result_.sum.conditions.begin() + static_cast<std::ptrdiff_t>(before), result_.sum.conditions.end()}});
    }

    // Where it goes: to the sum when a summed index occurs, else to a target's range, else to the domain.
    void condition(const Condition& c) {
        const bool summed = has_loop(c.value);
        if (c.relation != Relation::non_negative || c.value.denominator != 1) {
            if (c.relation == Relation::zero && c.value.is_constant(0))
                return;
            (summed ? result_.sum : result_.domain).conditions.push_back(c);
            return;
        }
        if (summed) {
            result_.sum.conditions.push_back(c);
            Bindings sums;
            for (const auto& [symbol, range] : bindings_)
                if (is_loop(symbol) && !result_.values.contains(symbol))
                    sums[symbol] = {symbol, replaced(range.lower, result_.values), replaced(range.upper, result_.values)};
            limit(check::upper_bound(c.value, sums), true);
        } else if (!limit(c.value, false) && !check::provably_non_negative(program_, c.value, bindings_)) {
            result_.domain.conditions.push_back(c);
        }
    }

    // value >= 0 as a bound of its last target.
    bool limit(const Affine& value, bool loose) {
        for (std::size_t k = targets_.size(); k-- > 0;) {
            if (!targets_[k])
                continue;
            const std::int64_t c = value.coefficient(*targets_[k]);
            if (c == 0)
                continue;
            if (c != 1 && c != -1)
                return false;
            const Affine bound = -c * (value - c * Affine::of(*targets_[k]));
            Limits& limits = limits_[*targets_[k]];
            if (c > 0)
                (loose ? limits.loose_lower : limits.lower).push_back(bound);
            else
                (loose ? limits.loose_upper : limits.upper).push_back(bound);
            return true;
        }
        return false;
    }

    // The tightest of the bounds; those that cannot be compared with it become conditions.
    std::optional<Affine> tightest(std::vector<Affine> bounds, Symbol target, bool lower) {
        if (bounds.empty())
            return std::nullopt;
        const auto sharper = [&](const Affine& a, const Affine& b) {
            return check::provably_non_negative(program_, lower ? a - b : b - a, bindings_);
        };
        std::size_t best = 0;
        for (std::size_t k = 1; k < bounds.size(); ++k)
            if (!sharper(bounds[best], bounds[k]) && sharper(bounds[k], bounds[best]))
                best = k;
        for (std::size_t k = 0; k < bounds.size(); ++k)
            if (k != best && !sharper(bounds[best], bounds[k]))
                result_.domain.conditions.push_back(
                    {lower ? Affine::of(target) - bounds[k] : bounds[k] - Affine::of(target), Relation::non_negative});
        return bounds[best];
    }

    void target_ranges() {
        for (std::size_t k = 0; k < targets_.size(); ++k) {
            if (!targets_[k])
                continue;
            Limits& limits = limits_[*targets_[k]];
            const auto choose = [&](std::vector<Affine>& hard, const std::vector<Affine>& loose,
                                    const std::optional<Affine>& box, bool lower) {
                const bool clip = reader_.read.mode == ir::IndexMode::zero && !inside(k);
                if (box && (hard.empty() || clip))
                    hard.push_back(*box);
                if (auto bound = tightest(hard, *targets_[k], lower))
                    return *bound;
                if (auto bound = tightest(loose, *targets_[k], lower))
                    return *bound;
                // What lies beyond all that is read receives nothing.
                const Affine& read = reader_.read.indices[k];
                return lower ? check::lower_bound(read, bindings_) : check::upper_bound(read, bindings_);
            };
            const Range range{*targets_[k], choose(limits.lower, limits.loose_lower, box_.lower[k], true),
                              choose(limits.upper, limits.loose_upper, box_.upper[k], false)};
            result_.domain.ranges.push_back(range);
            bindings_[range.index] = range;
        }
    }

    // t in 1..T with t >= r, r >= 1: t in r..T.
    void narrow_sums() {
        std::erase_if(result_.sum.conditions, [&](const Condition& c) {
            if (check::provably_non_negative(program_, c.value, bindings_) && c.relation == Relation::non_negative)
                return true;
            if (c.relation != Relation::non_negative || c.value.denominator != 1)
                return false;
            for (std::size_t k = result_.sum.ranges.size(); k-- > 0;) {
                Range& range = result_.sum.ranges[k];
                const std::int64_t coefficient = c.value.coefficient(range.index);
                if (coefficient != 1 && coefficient != -1)
                    continue;
                const Affine bound = -coefficient * (c.value - coefficient * Affine::of(range.index));
                const bool later =
                    std::any_of(result_.sum.ranges.begin() + static_cast<std::ptrdiff_t>(k), result_.sum.ranges.end(),
                                [&](const Range& r) { return bound.coefficient(r.index) != 0; });
                if (later)
                    return false;
                if (coefficient > 0 && check::provably_non_negative(program_, bound - range.lower, bindings_)) {
                    range.lower = bound;
                    return true;
                }
                if (coefficient < 0 && check::provably_non_negative(program_, range.upper - bound, bindings_)) {
                    range.upper = bound;
                    return true;
                }
                return false;
            }
            return false;
        });
    }
};

// The lesser (greater) of two bounds when one is known to be.
std::optional<Affine> outer(const ir::Program& program, const std::optional<Affine>& a, const Affine& b, bool lower) {
    if (!a)
        return std::nullopt;
    if (check::provably_non_negative(program, lower ? b - *a : *a - b, {}))
        return a;
    if (check::provably_non_negative(program, lower ? *a - b : b - *a, {}))
        return b;
    return std::nullopt;
}

} // namespace

std::vector<Box> boxes(const ir::Program& program) {
    std::vector<Box> result(program.families.size());
    std::vector<bool> seen(program.families.size(), false);
    for (std::size_t f = 0; f < result.size(); ++f) {
        result[f].lower.resize(program.families[f].rank);
        result[f].upper.resize(program.families[f].rank);
        result[f].names.resize(program.families[f].rank);
    }
    for (const ir::Statement& statement : program.statements) {
        ir::Domain domain = statement.domain;
        tighten(domain);
        Bindings bindings;
        check::bind(bindings, domain.ranges);
        for (const Condition& c : domain.conditions)
            for (const Range& range : domain.ranges)
                if (const auto n = c.value.coefficient(range.index); c.relation == Relation::zero && (n == 1 || n == -1)) {
                    const Affine fixed = -n * (c.value - n * Affine::of(range.index));
                    bindings[range.index] = {range.index, fixed, fixed};
                }
        Box& box = result[statement.family];
        for (std::size_t k = 0; k < statement.indices.size(); ++k) {
            const Affine& index = statement.indices[k];
            const Affine low = check::lower_bound(index, bindings), high = check::upper_bound(index, bindings);
            box.lower[k] = seen[statement.family] ? outer(program, box.lower[k], low, true) : low;
            box.upper[k] = seen[statement.family] ? outer(program, box.upper[k], high, false) : high;
            if (index.terms.size() == 1 && !program.info(index.terms[0].first).axis && box.names[k].empty())
                box.names[k] = program.info(index.terms[0].first).name;
        }
        seen[statement.family] = true;
    }
    return result;
}

Gathered gather(ir::Program& program, const Reader& reader, const std::vector<Box>& boxes, const Bindings& bindings) {
    return Gather(program, reader, boxes, bindings).run();
}

} // namespace tpc::diff
