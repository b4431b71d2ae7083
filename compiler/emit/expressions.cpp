#include "compiler/emit/expressions.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tpc::emit {

using namespace ir;

Located Expressions::locate(const Access& access, const plan::Box& box) {
    std::vector<plan::Linear> indices;
    for (const Affine& index : access.indices)
        indices.push_back(source_.linear(index));
    return source_.locate(scope_, indices, access.mode, box);
}

std::string Expressions::read(const std::string& member, const Access& access, const plan::Box& box) {
    const Located place = locate(access, box);
    if (place.never)
        return "0.0";
    const std::string text = fmt::format("s.{}[{}]", member, scope_.offset(box, place.indices));
    return place.inside.empty() ? text : fmt::format("({} ? {} : 0.0)", place.inside, text);
}

std::string Expressions::input(const Node& node) {
    const Input& declared = program_.inputs[node.target];
    plan::Box box;
    for (const Affine& axis : declared.axes) {
        box.lower.push_back(1);
        box.size.push_back(source_.linear(axis)(nullptr));
    }
    return read(source_.names.of(fmt::format("input {}", node.target), declared.name), node.access, box);
}

std::string Expressions::mean(const Node& element) {
    if (!source_.has_mean[element.target])
        return "0.0";
    return read(source_.mean(element.target), element.access, source_.self.boxes[element.target]);
}

// C of two elements of the sample.
std::string Expressions::moment(const Node& a, const Node& b) {
    const Located left = locate(a.access, source_.self.boxes[a.target]);
    const Located right = locate(b.access, source_.self.boxes[b.target]);
    const auto& arrays = source_.self.part.arrays;
    const auto found = std::find_if(arrays.begin(), arrays.end(),
                                    [&](const auto& array) { return array.left == a.target && array.right == b.target; });
    if (left.never || right.never || found == arrays.end())
        return "0.0"; // independent, and one of them centred
    std::vector<Index> kept;
    for (const std::size_t d : found->kept)
        kept.push_back(d < left.indices.size() ? left.indices[d] : right.indices[d - left.indices.size()]);
    const std::string place =
        fmt::format("s.{}[{}]", source_.entries(source_.self.part, static_cast<std::uint32_t>(found - arrays.begin())),
                    scope_.offset(found->box, kept));
    std::string text = place;
    if (!found->value) {
        const auto norm = [&](const Node& node, const Located& at) {
            return fmt::format("s.{}[{}]", source_.norm(node.target),
                               scope_.offset(source_.self.boxes[node.target], at.indices));
        };
        source_.pieces.insert("moment");
        text = fmt::format("moment({}, {}, {})", place, norm(a, left), norm(b, right));
    }
    std::string inside = left.inside;
    if (!right.inside.empty() && right.inside != inside)
        inside += (inside.empty() ? "" : " && ") + right.inside;
    return inside.empty() ? text : fmt::format("({} ? {} : 0.0)", inside, text);
}

template <class Body> std::string Expressions::loops(const llvm::ArrayRef<Range> ranges, const Body& body) {
    if (ranges.empty())
        return body();
    const auto slot = static_cast<std::uint32_t>(ranges[0].index);
    const plan::Linear lower = source_.linear(ranges[0].lower);
    const plan::Linear upper = source_.linear(ranges[0].upper);
    const std::string from = scope_.text(lower);
    const std::string to = scope_.text(upper);
    const std::string name = scope_.enter(slot, {scope_.bounds(lower).least, scope_.bounds(upper).greatest});
    const std::string inner = loops(ranges.drop_front(), body);
    scope_.leave(slot);
    return fmt::format("for (int {0} = {1}; {0} <= {2}; ++{0}) {3}", name, from, to, inner);
}

Expressions::Text Expressions::reduce(const Node& node) {
    const std::string name(name_of(node.reduction));
    double points = 1;
    std::optional<double> each;
    bool fixed = node.reduction == Reduction::sum;
    for (const Range& range : node.ranges) {
        const plan::Linear lower = source_.linear(range.lower);
        const plan::Linear upper = source_.linear(range.upper);
        fixed = fixed && lower.terms.empty() && upper.terms.empty();
        if (fixed)
            points *= static_cast<double>(std::max<std::int64_t>(0, upper(nullptr) - lower(nullptr) + 1));
    }
    const std::string body = loops(node.ranges, [&] {
        const Text inner = scalar(node.children[0]);
        each = inner.value;
        return fmt::format("values.push_back({});", inner.text);
    });
    if (fixed && each) // the number of points of a mean
        return {literal(points * *each), points * *each};
    source_.pieces.insert("reductions");
    return {fmt::format("reduced::{}([&](std::vector<double>& values) {{ {} }})", name, body), {}};
}

Expressions::Text Expressions::scalar(ExprId e) {
    const Node& node = program_.exprs[e];
    const auto number = [](double value) { return Text{literal(value), value}; };
    switch (node.op) {
    case Op::number:
        return number(node.number);
    case Op::affine: { // as a number it need not divide exactly
        plan::Linear value = source_.linear(node.affine);
        const auto denominator = static_cast<double>(value.denominator);
        value.denominator = 1;
        if (value.terms.empty())
            return number(static_cast<double>(value.constant) / denominator);
        const std::string text = fmt::format("double({})", scope_.text(value));
        return {denominator == 1 ? text : fmt::format("({} / {})", text, literal(denominator)), {}};
    }
    case Op::input:
        return {input(node), {}};
    case Op::read:
        return {read(source_.scalar(node.target), node.access, source_.self.boxes[node.target]), {}};
    case Op::mean: {
        const Node& a = program_.exprs[node.children[0]];
        return a.type == Type::scalar ? scalar(node.children[0]) : Text{mean(a), {}};
    }
    case Op::moment: {
        const Node& a = program_.exprs[node.children[0]];
        const Node& b = program_.exprs[node.children[1]];
        if (a.type != Type::scalar && b.type != Type::scalar)
            return {moment(a, b), {}};
        const auto part = [&](std::size_t k) { // <c, x> / n = c avg(x)
            const Node& child = program_.exprs[node.children[k]];
            return child.type == Type::scalar ? scalar(node.children[k]).text : mean(child);
        };
        return {fmt::format("({} * {})", part(0), part(1)), {}};
    }
    case Op::gram: {
        const std::int64_t count = std::min(length(node.children[0]), length(node.children[1]));
        const std::string c = scope_.enter_own("c");
        source_.pieces.insert("reductions");
        const std::string text =
            fmt::format("reduced::sum([&](std::vector<double>& values) {{ for (int {0} = 0; {0} < {1}; ++{0}) "
                        "values.push_back({2} * {3}); }})",
                        c, count, coordinate(node.children[0], c), coordinate(node.children[1], c));
        scope_.leave_own(c);
        return {text, {}};
    }
    case Op::apply: {
        std::vector<std::string> texts;
        std::vector<double> values;
        for (const ExprId child : node.children) {
            const Text part = scalar(child);
            texts.push_back(part.text);
            if (part.value)
                values.push_back(*part.value);
        }
        if (values.size() == texts.size())
            return number(ir::evaluate(node.function, values));
        return {apply(node.function, texts, source_.functions.elementary), {}};
    }
    case Op::reduce:
        return reduce(node);
    default:
        throw Refusal("a number of the program has no value in the limit", node.span);
    }
}

std::string Expressions::constant(const plan::Constant& constant) {
    return constant.fixed ? literal(constant.value) : scalar(constant.expression).text;
}

std::int64_t Expressions::length(ExprId e) const {
    const Node& node = program_.exprs[e];
    if (node.op == Op::input_row || node.op == Op::read)
        for (const plan::FiniteArray& array : source_.self.finite)
            if (array.source == node.target && array.input == (node.op == Op::input_row))
                return array.length;
    std::int64_t most = node.type == Type::finite ? 0 : 1;
    for (const ExprId child : node.children)
        most = std::max(most, length(child));
    return most;
}

std::string Expressions::coordinate(ExprId e, const std::string& index) {
    const Node& node = program_.exprs[e];
    if (node.type != Type::finite)
        return scalar(e).text; // broadcasts
    switch (node.op) {
    case Op::input_row:
    case Op::read:
        for (std::uint32_t k = 0; k < source_.self.finite.size(); ++k) {
            const plan::FiniteArray& array = source_.self.finite[k];
            if (array.source != node.target || array.input != (node.op == Op::input_row))
                continue;
            const Located place = locate(node.access, array.box);
            if (place.never)
                return "0.0";
            const std::string text =
                fmt::format("s.{}[({}) * {} + {}]", source_.finite(k), scope_.offset(array.box, place.indices), array.length,
                            array.length == 1 ? "0" : index);
            return place.inside.empty() ? text : fmt::format("({} ? {} : 0.0)", place.inside, text);
        }
        return "0.0";
    case Op::reduce: {
        source_.pieces.insert("reductions");
        const std::string body =
            loops(node.ranges, [&] { return fmt::format("values.push_back({});", coordinate(node.children[0], index)); });
        return fmt::format("reduced::{}([&](std::vector<double>& values) {{ {} }})", name_of(node.reduction), body);
    }
    case Op::apply: {
        std::vector<std::string> texts;
        for (const ExprId child : node.children)
            texts.push_back(coordinate(child, index));
        return apply(node.function, texts, source_.functions.elementary);
    }
    default:
        throw Refusal("a finite vector of the program has no value in the limit", node.span);
    }
}

} // namespace tpc::emit
