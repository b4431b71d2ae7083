// Nonlinearities, products of independent groups, and means.
#include "compiler/emit/operations.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tpc::emit {

using plan::PairOp;

namespace {
std::string piecewise_literal(const FunctionFacts& facts) {
    const auto& p = *facts.piecewise;
    return fmt::format("Piecewise{{{}, {}, {}, {}}}", literal(p[0]), literal(p[1]), literal(p[2]), literal(p[3]));
}
} // namespace

std::size_t Operations::function(const std::optional<ir::ExprId>& f, source::Span span) {
    try {
        return source_.functions.find(source_.program.exprs, f);
    } catch (const std::invalid_argument& why) {
        throw Refusal(why.what(), span);
    }
}

std::string Operations::feature(bool right_side, const Feature& feature, const std::vector<Index>& place) {
    source_.pieces.insert("features");
    const std::string member = source_.feature(feature);
    if (right_side && !one_sample_)
        right_members.emplace(member, "Series");
    return fmt::format("{}.{}[{}]", holder(right_side), member, scope_.offset(source_.self.boxes[feature.family], place));
}

// E[f^2]^1/2 of the Gaussian element.
std::string Operations::function_norm(bool right_side, std::size_t f, std::uint32_t family,
                                      const std::vector<Index>& place) {
    const FunctionFacts& facts = source_.functions[f];
    const bool centred = !source_.has_mean[family];
    if (centred && facts.homogeneous()) {
        const auto& p = *facts.piecewise;
        return emit::product(
            {literal(std::sqrt(p[1] * p[1] + p[2] * p[2])), of_family(right_side, source_.norm(family), family, place)});
    }
    if (centred && facts.piecewise) {
        source_.pieces.insert("piecewise");
        return fmt::format("norm_of({}, {})", piecewise_literal(facts),
                           of_family(right_side, source_.norm(family), family, place));
    }
    return feature(right_side, {f, family}, place) + (right_side ? ".norm" + lane_ : ".norm[0]");
}

// The norm of an element and what is computed from it.
std::string Operations::after_norm(const PairOp& op) {
    const std::uint32_t family = family_of(op.left_statement);
    std::string text = fmt::format("{} = norm;\n{} = norm > 0 ? 1 / norm : 0;\n", own(false, source_.norm(family), op),
                                   own(false, source_.over(family), op));
    const std::set<Feature> features = source_.functions.features;
    for (const Feature& each : features) {
        if (each.family != family)
            continue;
        const FunctionFacts& facts = source_.functions[each.function];
        const std::string mean = source_.has_mean[family] ? own(false, source_.mean(family), op) : "";
        text += fmt::format("{0} = hermite({1}, {1}_slope, {1}_bends, norm * norm, {2});\n",
                            feature(false, each, indices(op.left_target)), facts.name, mean.empty() ? "0.0" : mean);
    }
    return text;
}

std::string Operations::dual(const PairOp& op) {
    const std::size_t f = function(op.left_function, span_of(op));
    const std::size_t g = function(op.right_function, span_of(op));
    const Read read = locate(op.entry);
    const std::uint32_t a = op.entry.left.family;
    const std::uint32_t b = op.entry.right.family;
    const bool centred = !source_.has_mean[a] && !source_.has_mean[b];
    const Method method = source_.functions.method(f, g, centred);
    const bool value = part_.arrays[op.array].value;
    const bool tangent = op.tangent && !one_sample_;
    const FunctionFacts facts = source_.functions[f];
    const FunctionFacts other = source_.functions[g];
    std::string text;
    if (read.stored)
        text += fmt::format("const auto& from = {};\n", read.entry);
    const std::string gaps = read.stored ? fmt::format("from.minus{0}, from.plus{0}", lane_) : "2, 2";
    const auto norm = [&](bool right_side) {
        return right_side ? of_family(true, source_.norm(b), b, read.right.indices)
                          : of_family(false, source_.norm(a), a, read.left.indices);
    };
    std::string call;
    std::string result = "dual";
    std::string lane_of_result;
    if (method == Method::homogeneous) {
        source_.pieces.insert("homogeneous");
        const auto& p = *facts.piecewise;
        const auto& q = *other.piecewise;
        call = f == g ? fmt::format("homogeneous({}, {}, {})", gaps, literal(p[1]), literal(p[2]))
                      : fmt::format("homogeneous({}, {}, {}, {}, {})", gaps, literal(p[1]), literal(p[2]), literal(q[1]),
                                    literal(q[2]));
    } else if (method == Method::piecewise) {
        source_.pieces.insert("piecewise");
        call = fmt::format("piecewise({}, {}, {}, {}, {})", gaps, norm(false), norm(true), piecewise_literal(facts),
                           piecewise_literal(other));
    } else {
        const char* width = one_sample_ ? "1" : "lanes";
        text += fmt::format("std::array<Correlation, {}> rho;\n", width);
        text += each_lane(fmt::format("rho{} = correlate({});\n", one_sample_ ? "[0]" : lane_, gaps));
        const std::string x = feature(false, {f, a}, read.left.indices);
        source_.pieces.insert("quadrature");
        text += fmt::format("Row<{0}> minus, plus, slope;\nmehler({1}, {2}, rho, minus, plus, slope);\n", width, x,
                            feature(true, {g, b}, read.right.indices));
        const auto side = [&](bool right_side, const FunctionFacts& own, const std::string& series) {
            const std::uint32_t family = right_side ? b : a;
            const std::string mean = source_.has_mean[family]
                                         ? of_family(right_side, source_.mean(family), family,
                                                     right_side ? read.right.indices : read.left.indices)
                                         : "0.0";
            return fmt::format("Side<decltype({0}), decltype({0}_slope)>{{{0}, {0}_slope, {0}_bends, {1}, "
                               "gaussian({2}, {3})}}",
                               own.name, series, norm(right_side), mean);
        };
        std::string y = feature(false, {g, b}, read.right.indices);
        if (!one_sample_) // the sample's own: right ones are not side by side here
            y.replace(0, std::string_view("left.").size(), "right.samples[lane]->");
        result = "";
        lane_of_result = one_sample_ ? "[0]" : lane_;
        text += each_lane(fmt::format("if (beyond({0}, {1}, rho{2})) {{\nconst Dual dual = quadrature({3}, {4}, rho{2});\n"
                                      "minus{2} = dual.minus;\nplus{2} = dual.plus;\nslope{2} = dual.slope;\n}}\n",
                                      x, y, lane_of_result, side(false, facts, x), side(true, other, y)));
    }
    const auto part = [&](const char* name) { return result.empty() ? name + lane_of_result : result + "." + name; };
    std::string body;
    if (!call.empty())
        body += fmt::format("const Dual dual = {};\n", call);
    if (value)
        body += fmt::format("to{} = 0.25 * {} * {} * ({} - {});\n", one_sample_ ? "" : ".C[lane]",
                            function_norm(false, f, a, read.left.indices), function_norm(true, g, b, read.right.indices),
                            part("plus"), part("minus"));
    else if (one_sample_)
        body += fmt::format("to = {{{}, {}}};\n", part("minus"), part("plus"));
    else
        body += fmt::format("to.minus[lane] = {};\nto.plus[lane] = {};\n", part("minus"), part("plus"));
    if (tangent)
        body += read.stored ? fmt::format("to.T[lane] = from.T[lane] * {};\n", part("slope")) : "to.T[lane] = 0;\n";
    return text + fmt::format("auto& to = {};\n", target(op)) + each_lane(body);
}

// sum = product of the groups' expectations; T the sum over groups of T times the others.
std::string Operations::product(const PairOp& op) {
    const bool tangent = op.tangent && !one_sample_;
    std::string body = "double value = 1;\n";
    if (tangent)
        body += "double tangent = 0;\n";
    for (const plan::GroupOp& group : op.groups) {
        if (group.joint)
            throw Refusal("an expectation over several Gaussians at once", span_of(op));
        std::string factor = "0.0";
        std::string slope;
        std::string inside;
        if (group.cross) {
            const Read read = locate(group.entry);
            inside = read.inside();
            if (read.stored) {
                factor = covariance(read, read.entry);
                slope = read.entry + ".T[lane]";
            }
        }
        for (const auto& [is_right, place] : group.means) {
            const Located at = source_.locate(scope_, place.indices, place.mode, source_.self.boxes[place.family]);
            inside = at.inside;
            if (!at.never && source_.has_mean[place.family])
                factor = of_family(is_right, source_.mean(place.family), place.family, at.indices);
        }
        for (const plan::GroupOp::SelfEntry& self : group.self) {
            const Read read = locate(self.entry, true, self.right);
            inside = read.inside();
            if (!read.stored)
                continue;
            source_.pieces.insert("moment");
            const auto norm = [&](std::uint32_t family, const Located& at) {
                return of_family(self.right, source_.norm(family), family, at.indices);
            };
            factor = read.value ? read.entry
                                : fmt::format("moment({}, {}, {})", read.entry, norm(read.left_family, read.left),
                                              norm(read.right_family, read.right));
        }
        if (!inside.empty())
            factor = fmt::format("({} ? {} : 0.0)", inside, factor);
        if (!inside.empty() && !slope.empty())
            slope = fmt::format("({} ? {} : 0.0)", inside, slope);
        body += fmt::format("{{\nconst double factor = {};\n", factor);
        if (tangent) // (F G)' = F' G + F G'
            body +=
                slope.empty() ? "tangent *= factor;\n" : fmt::format("tangent = tangent * factor + value * {};\n", slope);
        body += "value *= factor;\n}\n";
    }
    if (one_sample_)
        return "double sum = 0;\n{\n" + body + "sum = value;\n}\n";
    body += "sum.C[lane] = value;\n";
    if (tangent)
        body += "sum.T[lane] = tangent;\n";
    return "Value<lanes> sum;\n" + each_lane(body);
}

std::string Operations::element_mean(std::uint32_t family, const ir::Access& access) {
    if (!source_.has_mean[family])
        return "0.0";
    std::vector<plan::Linear> list;
    for (const ir::Affine& index : access.indices)
        list.push_back(source_.linear(index));
    const Located at = source_.locate(scope_, list, access.mode, source_.self.boxes[family]);
    if (at.never)
        return "0.0";
    const std::string text = of_family(false, source_.mean(family), family, at.indices);
    return at.inside.empty() ? text : fmt::format("({} ? {} : 0.0)", at.inside, text);
}

std::string Operations::linear_mean(const network::LinearTerm& term) {
    std::string open;
    std::vector<std::uint32_t> slots;
    for (const ir::Range& range : term.ranges) {
        const plan::Linear lower = source_.linear(range.lower);
        const plan::Linear upper = source_.linear(range.upper);
        const std::string from = scope_.text(lower);
        const std::string to = scope_.text(upper);
        slots.push_back(static_cast<std::uint32_t>(range.index));
        const std::string name = scope_.enter(slots.back(), {scope_.bounds(lower).least, scope_.bounds(upper).greatest});
        open += fmt::format("for (int {0} = {1}; {0} <= {2}; ++{0}) {{\n", name, from, to);
    }
    const std::string mean = term.base == network::Base::one ? "1.0" : element_mean(term.operand, term.access);
    const std::string text =
        open + fmt::format("mean += {};\n", emit::product({expressions_.scalar(term.coefficient).text, mean}));
    std::string close;
    for (auto slot = slots.rbegin(); slot != slots.rend(); ++slot) {
        scope_.leave(*slot);
        close += "}\n";
    }
    return text + close;
}

std::string Operations::mean(std::size_t k) {
    const ir::Statement& statement = source_.program.statements[k];
    const network::Form& form = source_.self.recursions.network.forms[k];
    if (source_.self.recursions.joint_mean[k])
        throw Refusal("the mean of a function of several Gaussians", statement.span);
    std::vector<plan::Linear> list;
    for (const ir::Affine& index : statement.indices)
        list.push_back(source_.linear(index));
    const std::string to = of_family(false, source_.mean(statement.family), statement.family, indices(list));
    if (form.kind == network::FormKind::linear) {
        std::string text = "double mean = 0;\n";
        for (const network::LinearTerm& term : form.terms)
            if (term.base == network::Base::one || term.base == network::Base::read)
                text += linear_mean(term);
        return text + to + " = mean;\n";
    }
    if (form.kind == network::FormKind::product) {
        std::vector<std::string> factors; // independent
        for (const network::ElementRead& read : form.reads)
            factors.push_back(element_mean(read.family, read.access));
        return to + " = " + emit::product(factors) + ";\n";
    }
    if (form.kind != network::FormKind::activation)
        return {};
    const std::size_t f = function(form.function, statement.span);
    const std::uint32_t family = form.reads[0].family;
    std::vector<plan::Linear> access;
    for (const ir::Affine& index : form.reads[0].access.indices)
        access.push_back(source_.linear(index));
    const std::vector<Index> place =
        source_.locate(scope_, access, form.reads[0].access.mode, source_.self.boxes[family]).indices;
    if (!source_.has_mean[family] && source_.functions[f].piecewise) {
        source_.pieces.insert("piecewise");
        return fmt::format("{} = mean_of({}, {});\n", to, piecewise_literal(source_.functions[f]),
                           of_family(false, source_.norm(family), family, place));
    }
    const std::string at = feature(false, {f, family}, place);
    return fmt::format("{0} = {1}.value[0][0] * {1}.norm[0];\n", to, at);
}

} // namespace tpc::emit
