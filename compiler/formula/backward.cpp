#include "compiler/check/uses.hpp"
#include "compiler/formula/build.hpp"

#include <algorithm>

namespace tpc::formula {

using namespace ir;
using Kind = Formula::Kind;

namespace {

// One way on which a gradient reaches a pair of operands.
struct Reading {
    limit::Element left, right;
    Domain over; // sums and conditions of the term
    Formula factor;
};

std::vector<Reading> readings(Build& build, const limit::Equation& equation, const Instance& instance) {
    std::vector<Reading> result;
    if (equation.rule == limit::Rule::linear) {
        for (const limit::PairTerm& term : equation.terms) {
            if (term.kind != limit::PairTerm::Kind::matmul && term.kind != limit::PairTerm::Kind::read)
                continue;
            std::vector<Formula> list{without_roots(build.table(), coefficients(build, equation, term, instance, false))};
            if (term.kind == limit::PairTerm::Kind::matmul)
                list.push_back(scale_of(build, term, instance, false));
            result.push_back({with(instance.values, *term.left), with(instance.values, *term.right), over_of(term, instance),
                              product(list)});
        }
    } else if (equation.rule == limit::Rule::dual) {
        const Formula factor = dual(build, equation, instance, true, false);
        result.push_back({*factor.left, *factor.right, {}, factor});
    } else {
        for (std::size_t k = 0; k < equation.groups.size(); ++k) {
            const limit::GroupRead& group = equation.groups[k];
            if (group.is_cross())
                result.push_back({with(instance.values, group.left[0]),
                                  with(instance.values, group.right[0]),
                                  {},
                                  other_groups(equation, k, instance)});
        }
    }
    return result;
}

diff::Box pair_box(const Build& build, std::uint32_t left, std::uint32_t right) {
    diff::Box box = build.boxes[left];
    const diff::Box& other = build.boxes[right];
    for (std::size_t d = 0; d < other.names.size(); ++d) {
        box.lower.push_back(other.lower[d] ? std::optional(build.prime(*other.lower[d])) : std::nullopt);
        box.upper.push_back(other.upper[d] ? std::optional(build.prime(*other.upper[d])) : std::nullopt);
        box.names.push_back(other.names[d].empty() ? "" : other.names[d] + "_");
    }
    return box;
}

// A new index is called after the sample that it belongs to.
void name_target(Build& build, const Affine& index, bool right) {
    if (index.terms.size() != 1 || static_cast<std::uint32_t>(index.terms[0].first) < 2 * build.recursions.left_symbols)
        return;
    std::string& name = build.result.program.symbols[static_cast<std::uint32_t>(index.terms[0].first)].name;
    const bool primed = name.size() > 1 && name.back() == '_';
    if (right && !primed)
        name += "_";
    if (!right && primed)
        name.pop_back();
}

// Outside the box of its family D is 0: conditions that keep an index inside need not be written.
void read_zero_outside(const Build& build, Formula& D, Domain& over) {
    for (const bool right : {false, true}) {
        limit::Element& element = right ? *D.right : *D.left;
        const diff::Box& box = build.boxes[element.family];
        for (std::size_t d = 0; d < element.access.indices.size(); ++d) {
            if (!box.lower[d] || !box.upper[d])
                continue;
            const Affine& index = element.access.indices[d];
            const Affine lower = index - (right ? build.prime(*box.lower[d]) : *box.lower[d]);
            const Affine upper = (right ? build.prime(*box.upper[d]) : *box.upper[d]) - index;
            const auto erased = std::erase_if(over.conditions, [&](const Condition& c) {
                return c.relation == Relation::non_negative && (c.value == lower || c.value == upper);
            });
            if (erased > 0)
                element.access.mode = IndexMode::zero;
        }
    }
}

void emit(Build& build, const limit::Equation& equation, const Instance& instance, const Reading& reading,
          const diff::Gathered& gathered) {
    Line line;
    line.domain = gathered.domain;
    const std::size_t rank = reading.left.access.indices.size();
    for (std::size_t d = 0; d < gathered.indices.size(); ++d)
        name_target(build, gathered.indices[d], d >= rank);
    Values values;
    simplify(build, line.domain, values);
    limit::Element left{reading.left.family, {}};
    limit::Element right{reading.right.family, {}};
    for (std::size_t d = 0; d < gathered.indices.size(); ++d)
        (d < rank ? left : right).access.indices.push_back(with(values, gathered.indices[d]));
    line.target = covariance(Quantity::D, left, right, false);

    Values solved;
    for (const auto& [symbol, value] : gathered.values)
        solved[symbol] = with(values, value);
    for (const auto& [symbol, value] : values)
        solved[symbol] = value;
    Domain over = with(values, gathered.sum);
    std::vector<diff::Fold> folds = gathered.folds;
    for (diff::Fold& fold : folds) {
        fold.read = with(values, fold.read);
        fold.target = with(values, fold.target);
    }
    std::vector<Formula> factors;
    if (build.is_output(equation)) {
        line.output = equation.left_statement - build.statements;
    } else {
        Formula D = target(build, equation, instance, Quantity::D, false);
        D.left = with(solved, *D.left);
        D.right = with(solved, *D.right);
        if (reading.factor.kind == Kind::number)
            read_zero_outside(build, D, over);
        factors.push_back(D);
    }
    factors.push_back(substituted(build.table(), reading.factor, solved));
    check::Bindings bindings;
    check::bind(bindings, line.domain.ranges);
    std::erase_if(over.conditions, [&](const Condition& c) {
        return c.relation == Relation::non_negative && check::provably_non_negative(build.result.program, c.value, bindings);
    });
    line.value = sum(build.result.program, over, folds, product(factors));
    build.result.backward.push_back(std::move(line));
}

} // namespace

void backward(Build& build, const limit::Equation& equation) {
    const Instance instance = instance_of(build, equation, false);
    for (std::size_t k = 0; k < equation.groups.size(); ++k) {
        const limit::GroupRead& group = equation.groups[k];
        if (!group.joint || group.left.empty() || group.right.empty())
            continue;
        Line line;
        line.target.kind = Kind::gaussians;
        line.target.quantity = Quantity::D;
        line.adds = true;
        line.domain = instance.domain;
        line.value = product({target(build, equation, instance, Quantity::D, false),
                              expectation(Quantity::D, group, instance, false), other_groups(equation, k, instance)});
        build.result.backward.push_back(std::move(line));
    }
    for (const Reading& reading : readings(build, equation, instance)) {
        if (is_number(reading.factor, 0))
            continue;
        diff::Reader reader;
        if (!build.is_output(equation)) // an output's indices stay what they are
            reader.loops = instance.domain;
        reader.loops.conditions.insert(reader.loops.conditions.end(), reading.over.conditions.begin(),
                                       reading.over.conditions.end());
        reader.sums = reading.over.ranges;
        const auto& left = reading.left.access;
        const auto& right = reading.right.access;
        reader.read.indices.assign(left.indices.begin(), left.indices.end());
        reader.read.indices.append(right.indices.begin(), right.indices.end());
        reader.read.mode = left.mode == IndexMode::none ? right.mode : left.mode;
        const std::vector<diff::Box> boxes{pair_box(build, reading.left.family, reading.right.family)};
        const diff::Gathered gathered = diff::gather(build.result.program, reader, boxes, {});
        emit(build, equation, instance, reading, gathered);
    }
}

} // namespace tpc::formula
