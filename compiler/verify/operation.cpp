#include "compiler/verify/operation.hpp"

namespace tpc::plan {

using limit::PairTerm;

namespace {

Indices at(const std::vector<Linear>& target, const std::int64_t* slots) {
    Indices indices;
    for (const Linear& index : target)
        indices.push_back(index(slots));
    return indices;
}

} // namespace

void OperationCheck::reads(const PairOp& op, bool diagonal) {
    reader_ = {&op, op.left_statement, slots_};
    report_.spoilt = 0;
    const bool value = part_.arrays[op.array].value;
    switch (op.rule) {
    case limit::Rule::dual:
        for (const bool right : {false, true}) {
            const Place& place = right ? op.entry.right : op.entry.left;
            second(place, right);
            mean(place, right);
        }
        if (!diagonal)
            entry(op.entry, {true, op.tangent});
        break;
    case limit::Rule::linear:
        linear(op);
        if (!value && !op.output && !diagonal) // normalised gaps are of these
            target_seconds(op);
        break;
    case limit::Rule::product:
        for (const GroupOp& own : op.groups)
            group(own, op.tangent);
        if (!value && !diagonal)
            target_seconds(op);
        break;
    }
}

void OperationCheck::writes(const PairOp& op) {
    entries_.write(op.array, at(op.left_target, slots_), at(op.right_target, slots_), op.tangent, op.accumulates, reader_,
                   report_);
}

void OperationCheck::pair(std::uint32_t array, const Indices& left, const Indices& right, Entries::Use use) {
    const PairArray& own = part_.arrays[array];
    use.known = left_.assigned(own.left, left) && right_.assigned(own.right, right);
    entries_.read(array, left, right, use, reader_, report_);
}

void OperationCheck::entry(const EntryRead& read, Entries::Use use) {
    Indices left, right;
    if (read.array != no_array &&
        locate(read.left.indices, read.left.mode, left_.plan.box_of(read.left.family), slots_, left) &&
        locate(read.right.indices, read.right.mode, right_.plan.box_of(read.right.family), slots_, right))
        pair(read.array, left, right, use);
}

void OperationCheck::factor(const Factor& factor, bool right) {
    if (!factor.array)
        return;
    SampleCheck& own = side(right);
    const auto place = place_in(own.plan.coefficients[*factor.array].box, at(factor.point, slots_));
    if (!place)
        return report_.spoil(report_.cause(Fault::outside, report_.name(reader_), "a factor"));
    own.coefficients.read(
        *factor.array, *place, [&] { return std::pair(report_.name(reader_), std::string("a factor")); }, report_);
}

void OperationCheck::mean(const Place& place, bool right) {
    Indices element;
    if (locate(place.indices, place.mode, side(right).plan.box_of(place.family), slots_, element))
        side(right).read_mean(place.family, element, reader_, report_);
}

void OperationCheck::second(const Place& place, bool right) {
    Indices element;
    if (locate(place.indices, place.mode, side(right).plan.box_of(place.family), slots_, element))
        side(right).read_second(place.family, element, reader_, report_);
}

void OperationCheck::target_seconds(const PairOp& op) {
    const auto& statements = left_.plan.recursions.network.program.statements;
    left_.read_second(statements[op.left_statement].family, at(op.left_target, slots_), reader_, report_);
    right_.read_second(statements[op.right_statement].family, at(op.right_target, slots_), reader_, report_);
}

void OperationCheck::finite(std::uint32_t array, const Place& place, bool right) {
    SampleCheck& own = side(right);
    const FiniteArray& vectors = own.plan.finite[array];
    Indices element;
    if (!vectors.input && locate(place.indices, place.mode, vectors.box, slots_, element))
        own.read_value(vectors.source, element, reader_, report_);
}

void OperationCheck::linear(const PairOp& op) {
    const bool gaps = op.gap_linear && !part_.arrays[op.array].value && !op.output;
    for (const TermOp& own : op.terms)
        term(own, 0, gaps, op.tangent);
}

void OperationCheck::term(const TermOp& own, std::size_t depth, bool gaps, bool tangent) {
    if (depth < own.sums.size()) {
        const LoopRange& range = own.sums[depth];
        const std::int64_t last = range.last(slots_);
        for (std::int64_t i = range.first(slots_); i <= last && !report_.spent(); ++i) {
            slots_[range.slot] = i;
            term(own, depth + 1, gaps, tangent);
        }
        return;
    }
    const bool holds = hold(own.guards, slots_) && hold(own.chosen, slots_);
    if (!holds && !gaps)
        return;
    report_.count();
    factor(own.left_factor, false);
    factor(own.right_factor, true);
    switch (own.kind) {
    case PairTerm::Kind::parameter:
        return;
    case PairTerm::Kind::input:
        finite(own.left_finite, own.left_place, false);
        finite(own.right_finite, own.right_place, true);
        return;
    case PairTerm::Kind::means:
        if (own.left_mean)
            mean(*own.left_mean, false);
        if (own.right_mean)
            mean(*own.right_mean, true);
        return;
    case PairTerm::Kind::matmul:
    case PairTerm::Kind::read:
        break;
    }
    if (gaps) { // norms count where the two sides are independent, too
        second(own.entry.left, false);
        second(own.entry.right, true);
    }
    if (holds)
        entry(own.entry, {gaps, tangent});
}

std::vector<ElementKey> OperationCheck::elements(const std::vector<Place>& places, bool right) const {
    std::vector<ElementKey> result;
    Indices element;
    for (const Place& place : places)
        if (locate(place.indices, place.mode, side(right).plan.box_of(place.family), slots_, element))
            result.push_back({place.family, {element.begin(), element.end()}});
    return result;
}

void OperationCheck::group(const GroupOp& own, bool tangent) {
    if (own.joint) {
        const Ingredients left = left_.ingredients(elements(own.left, false));
        const Ingredients right = right_.ingredients(elements(own.right, true));
        left_.read_ingredients(left, reader_, report_);
        right_.read_ingredients(right, reader_, report_);
        for (const ElementKey& x : left.gaussians)
            for (const ElementKey& y : right.gaussians)
                for (std::uint32_t k = 0; k < part_.arrays.size(); ++k) {
                    const PairArray& array = part_.arrays[k];
                    if (array.left == x.family && array.right == y.family && !array.sums &&
                        holds(array, x.indices, y.indices))
                        pair(k, Indices(x.indices.begin(), x.indices.end()), Indices(y.indices.begin(), y.indices.end()),
                             {false, tangent});
                }
        return;
    }
    if (own.cross)
        return entry(own.entry, {false, tangent});
    for (const auto& [right, place] : own.means)
        mean(place, right);
    for (const GroupOp::SelfEntry& self : own.self) {
        SampleCheck& sample = side(self.right);
        Indices left, right;
        const EntryRead& read = self.entry;
        if (read.array != no_array &&
            locate(read.left.indices, read.left.mode, sample.plan.box_of(read.left.family), slots_, left) &&
            locate(read.right.indices, read.right.mode, sample.plan.box_of(read.right.family), slots_, right))
            sample.entries.read(
                read.array, left, right,
                {false, false, sample.assigned(read.left.family, left) && sample.assigned(read.right.family, right)},
                reader_, report_);
    }
}

} // namespace tpc::plan
