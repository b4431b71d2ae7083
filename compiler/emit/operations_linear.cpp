// Sums of terms: C, or its gaps without cancellation (limits.md section 8), and T.
#include "compiler/emit/operations.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tpc::emit {

using limit::PairTerm;
using plan::PairOp;
using plan::TermOp;

namespace {
std::string braced(const std::string& body) {
    return body.empty() ? body : "{\n" + body + "}\n";
}
std::string when(const std::string& condition, const std::string& body) {
    return body.empty() || condition.empty() ? braced(body) : "if (" + condition + ") " + braced(body);
}
} // namespace

std::string Operations::factor(const plan::Factor& factor, bool right_side) {
    if (!factor.array)
        return expressions_.constant(factor.constant);
    const std::string member = source_.weight(*factor.array);
    const std::string text = fmt::format("{}.{}[{}]", holder(right_side), member,
                                         scope_.offset(source_.self.coefficients[*factor.array].box, indices(factor.point)));
    if (!right_side || one_sample_)
        return text;
    right_members.emplace(member, "double");
    return text + "[lane]";
}

Operations::Weight Operations::weight(const TermOp& term) {
    return {expressions_.constant(term.scale), expressions_.constant(term.rate), factor(term.left_factor, false),
            factor(term.right_factor, true)};
}

// One for both sides: a fixed random vector, or means.
std::string Operations::constant_term(const TermOp& term, const Weight& w, const Wanted& wanted) {
    std::string one = "1.0";
    const auto times = [&](bool right_side, const std::optional<plan::Place>& place) {
        if (!place)
            return;
        const Located at = source_.locate(scope_, place->indices, place->mode, source_.self.boxes[place->family]);
        std::string mean = at.never || !source_.has_mean[place->family]
                               ? "0.0"
                               : of_family(right_side, source_.mean(place->family), place->family, at.indices);
        if (!at.inside.empty())
            mean = fmt::format("({} ? {} : 0.0)", at.inside, mean);
        one = emit::product({one, mean});
    };
    times(false, term.left_mean);
    times(true, term.right_mean);
    std::string body;
    if (const std::string C = emit::product({w.scale, w.left, w.right, one}); wanted.number && C != "0.0")
        body += fmt::format("sum{} += {};\n", one_sample_ ? "" : ".C[lane]", C);
    if (wanted.gap && w.scale != "0.0")
        body += fmt::format("add(sum.minus{0}, sum.plus{0}, {1}, {2}, {3}, {4});\n", lane_, w.scale,
                            emit::product({w.left, "over"}), emit::product({w.right, "over_right" + lane_}),
                            wanted.paired ? "0, 4" : "2, 2");
    if (const std::string rate = emit::product({w.rate, w.left, w.right});
        wanted.tangent && term.kind == PairTerm::Kind::parameter && rate != "0.0")
        body += fmt::format("sum.T[lane] += {};\n", rate);
    return each_lane(body);
}

// <x, x_> / d of two finite vectors; for the gaps |u x -+ v x_|^2 / d.
std::string Operations::gram(const TermOp& term, const Weight& w, const Wanted& wanted) {
    const plan::FiniteArray& l = source_.self.finite[term.left_finite];
    const plan::FiniteArray& r = source_.self.finite[term.right_finite];
    const Located le = source_.locate(scope_, term.left_place.indices, term.left_place.mode, l.box);
    const Located re = source_.locate(scope_, term.right_place.indices, term.right_place.mode, r.box);
    const auto row = [&](bool right_side, std::uint32_t array, const plan::FiniteArray& finite, const Located& at) {
        const std::string member = source_.finite(array);
        const std::string base = scope_.offset(finite.box, at.indices);
        const std::string offset = base == "0"          ? "k"
                                   : finite.length == 1 ? base
                                                        : fmt::format("({}) * {} + k", base, finite.length);
        if (right_side && !one_sample_)
            right_members.emplace(member, "double");
        return fmt::format("{}.{}[{}]", holder(right_side), member, offset);
    };
    const bool tangent = wanted.tangent && emit::product({w.rate, w.left, w.right}) != "0.0";
    const bool number = wanted.number || tangent;
    std::string x = le.never ? "0.0" : row(false, term.left_finite, l, le);
    std::string y = re.never ? "0.0" : row(true, term.right_finite, r, re) + lane_;
    if (!le.inside.empty() && le.inside != re.inside)
        x = fmt::format("({} ? {} : 0.0)", le.inside, x);
    if (!re.inside.empty() && le.inside != re.inside)
        y = fmt::format("({} ? {} : 0.0)", re.inside, y);
    std::string text;
    std::string inner;
    const auto accumulator = [&](const char* name) {
        text += one_sample_ ? fmt::format("double {} = 0;\n", name) : fmt::format("Row<lanes> {}{{}};\n", name);
    };
    if (number) {
        accumulator("inner");
        inner += fmt::format("inner{} += x * {};\n", lane_, y);
    }
    if (wanted.gap) {
        accumulator("down");
        accumulator("up");
        text += fmt::format("const double u = {};\n", emit::product({w.left, "over"}));
        const std::string v = emit::product({w.right, "over_right" + lane_});
        inner += fmt::format("const double y = {0} * {1}, less = u * x - y, more = u * x + y;\n", v, y);
        inner += wanted.paired ? fmt::format("down{0} += less * less;\nup{0} += more * more;\n", lane_)
                               : fmt::format("down{0} += (less * less + more * more) / 2;\nup{0} = down{0};\n", lane_);
    }
    text += fmt::format("for (int k = 0; k < {}; ++k) {{\nconst double x = {};\n{}}}\n", l.length, x, each_lane(inner));
    const std::string share = literal(1.0 / static_cast<double>(l.length));
    std::string last;
    if (wanted.number)
        last += fmt::format("sum{} += {};\n", one_sample_ ? "" : ".C[lane]",
                            emit::product({w.scale, share, w.left, w.right, "inner" + lane_}));
    if (wanted.gap) {
        last += fmt::format("sum.minus{} += {};\n", lane_, emit::product({w.scale, share, "down" + lane_}));
        last += fmt::format("sum.plus{} += {};\n", lane_, emit::product({w.scale, share, "up" + lane_}));
    }
    if (tangent)
        last += fmt::format("sum.T[lane] += {};\n", emit::product({w.rate, share, w.left, w.right, "inner" + lane_}));
    return when(le.inside == re.inside ? le.inside : "", text + each_lane(last));
}

std::string Operations::read_number(const Read& read, const TermOp& term, const Weight& w, const Wanted& wanted) {
    if (!read.stored)
        return {};
    std::string body = fmt::format("const double C = {};\n", covariance(read, "from"));
    if (wanted.number)
        body += fmt::format("sum{} += {};\n", one_sample_ ? "" : ".C[lane]", emit::product({w.scale, w.left, w.right, "C"}));
    if (wanted.tangent) {
        const std::string rate = emit::product({w.rate, w.left, w.right, "C"});
        body += "sum.T[lane] += " + (term.kind == PairTerm::Kind::matmul && rate != "0.0" ? rate + " + " : std::string()) +
                emit::product({w.scale, w.left, w.right, "from.T[lane]"}) + ";\n";
    }
    return when(read.inside(), fmt::format("const auto& from = {};\n", read.entry) + each_lane(body));
}

std::string Operations::read_gap(const Read& read, const TermOp& term, const Weight& w, const Wanted& wanted) {
    if (read.value)
        throw std::logic_error("the gaps of an entry that has none");
    const auto norm = [&](bool right_side, const Located& at, std::uint32_t family) {
        return of_family(right_side, source_.norm(family), family, at.indices);
    };
    const std::string u =
        read.left.never ? "0.0" : emit::product({w.left, "over", norm(false, read.left, read.left_family)});
    const std::string v =
        read.right.never ? "0.0" : emit::product({w.right, "over_right" + lane_, norm(true, read.right, read.right_family)});
    const auto add = [&](const std::string& a, const std::string& b, const std::string& down, const std::string& up) {
        return fmt::format("add(sum.minus{0}, sum.plus{0}, {1}, {2}, {3}, {4}, {5});\n", lane_, w.scale, a, b, down, up);
    };
    std::string both;
    if (read.stored && wanted.paired) {
        both =
            fmt::format("const double u = {}, v = {};\n", u, v) + add("u", "v", "from.minus" + lane_, "from.plus" + lane_);
        if (wanted.tangent) {
            const std::string rate = emit::product({w.rate, w.left, w.right});
            const bool weighed = term.kind == PairTerm::Kind::matmul && rate != "0.0";
            const std::string C = covariance(read, "from");
            both += "sum.T[lane] += " + (weighed ? emit::product({w.rate, w.left, w.right, C}) + " + " : std::string()) +
                    emit::product({w.scale, w.left, w.right, "from.T[lane]"}) + ";\n";
        }
        both = fmt::format("const auto& from = {};\n", read.entry) + each_lane(both);
    } else {
        both = each_lane(add(u, v, "2", "2"));
    }
    const std::string& l = read.left.inside;
    const std::string& r = read.right.inside;
    if (l == r)
        return when(l, both);
    const std::string left_alone = each_lane(add(u, "0", "2", "2"));
    const std::string right_alone = each_lane(add("0", v, "2", "2"));
    if (l.empty())
        return fmt::format("if ({}) {{\n{}}} else {{\n{}}}\n", r, both, left_alone);
    if (r.empty())
        return fmt::format("if ({}) {{\n{}}} else {{\n{}}}\n", l, both, right_alone);
    return fmt::format("if ({0} && {1}) {{\n{2}}} else if ({0}) {{\n{3}}} else if ({1}) {{\n{4}}}\n", l, r, both, left_alone,
                       right_alone);
}

std::string Operations::term(const TermOp& term, const Wanted& wanted) {
    const Weight w = weight(term);
    switch (term.kind) {
    case PairTerm::Kind::parameter:
    case PairTerm::Kind::means:
        return constant_term(term, w, wanted);
    case PairTerm::Kind::input:
        return gram(term, w, wanted);
    case PairTerm::Kind::matmul:
    case PairTerm::Kind::read:
        break;
    }
    const Read read = locate(term.entry);
    return wanted.gap ? read_gap(read, term, w, wanted) : read_number(read, term, w, wanted);
}

std::string Operations::over_sums(const TermOp& each, std::size_t depth, const Wanted& wanted) {
    if (depth < each.sums.size()) {
        const plan::LoopRange& range = each.sums[depth];
        const std::string lower = scope_.text(range.lower);
        const std::string upper = scope_.text(range.upper);
        const std::string name =
            scope_.enter(range.slot, {scope_.bounds(range.lower).least, scope_.bounds(range.upper).greatest});
        const std::string body = over_sums(each, depth + 1, wanted);
        scope_.leave(range.slot);
        return body.empty() ? body
                            : fmt::format("for (int {0} = {1}; {0} <= {2}; ++{0}) {3}", name, lower, upper, braced(body));
    }
    const auto apart = [&] { return wanted.gap ? term(each, {true, false, false, false}) : std::string(); };
    std::string condition;
    for (const plan::Guard& guard : each.guards) {
        const Truth truth = scope_.truth(guard);
        if (truth == Truth::never)
            return apart();
        if (truth == Truth::unknown)
            condition += (condition.empty() ? "" : " && ") + scope_.text(guard);
    }
    const std::string body = term(each, wanted);
    if (condition.empty())
        return body;
    const std::string otherwise = apart();
    return when(condition, body) + (otherwise.empty() ? "" : "else " + braced(otherwise));
}

// The number (and T) or the gaps (and T) of a linear operation, in `sum`.
std::string Operations::terms(const PairOp& op, const Wanted& wanted) {
    std::string text = !one_sample_ ? (wanted.gap ? "Entry<lanes> sum;\n" : "Value<lanes> sum;\n")
                       : wanted.gap ? "Gaps sum{0, 0};\n"
                                    : "double sum = 0;\n";
    for (const TermOp& each : op.terms)
        text += over_sums(each, 0, wanted);
    return text;
}

std::string Operations::linear(const PairOp& op) {
    const bool value = part_.arrays[op.array].value;
    const bool tangent = op.tangent && !one_sample_;
    if (!op.gap_linear || value)
        return terms(op, {false, true, tangent}) + written(op);
    source_.pieces.insert("add");
    const std::string a = own(false, source_.over(family_of(op.left_statement)), op);
    std::string b = own(true, source_.over(family_of(op.right_statement)), op);
    b.resize(b.size() - lane_.size());
    std::string text = fmt::format("const double over = {};\n", a);
    text += fmt::format("const {} over_right = {};\n", one_sample_ ? "double" : "Row<lanes>&", b);
    text += terms(op, {true, false, tangent});
    text += each_lane(fmt::format("settle(sum.minus{0}, sum.plus{0}, over, over_right{0});\n", lane_));
    return text + target(op) + " = sum;\n";
}

// Writes the number `sum`; its gaps where these are stored, which are exact for an element of two equal samples.
std::string Operations::written(const PairOp& op) {
    const std::string to = target(op);
    if (part_.arrays[op.array].value)
        return to + " = sum;\n";
    source_.pieces.insert("finish");
    std::string body = fmt::format("finish(to.minus{0}, to.plus{0}, sum{1}, {2}, {3});\n", lane_,
                                   one_sample_ ? "" : ".C[lane]", own(false, source_.over(family_of(op.left_statement)), op),
                                   own(true, source_.over(family_of(op.right_statement)), op));
    if (!one_sample_ && op.left_statement == op.right_statement) {
        std::string condition = "right.equal[lane]";
        bool possible = true;
        for (std::size_t d = 0; d < op.left_target.size(); ++d) {
            if (scope_.same(op.left_target[d], op.right_target[d]))
                continue;
            const plan::Guard guard{combine(op.left_target[d], -1, op.right_target[d]), ir::Relation::zero};
            possible = possible && scope_.truth(guard) != Truth::never;
            condition += " && " + scope_.text(guard);
        }
        if (possible) {
            compares = true;
            body += fmt::format("if ({}) {{ // an element with itself\nto.minus[lane] = 0;\nto.plus[lane] = 4;\n}}\n",
                                condition);
        }
    }
    std::string text = fmt::format("auto& to = {};\n", to) + each_lane(body);
    return op.tangent && !one_sample_ ? text + "to.T = sum.T;\n" : text;
}

} // namespace tpc::emit
