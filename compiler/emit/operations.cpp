#include "compiler/emit/operations.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tpc::emit {

using plan::PairOp;

std::string Operations::Read::inside() const {
    if (left.inside.empty() || left.inside == right.inside)
        return right.inside;
    return right.inside.empty() ? left.inside : left.inside + " && " + right.inside;
}

std::vector<Index> Operations::indices(const std::vector<plan::Linear>& list) {
    std::vector<Index> result;
    for (const plan::Linear& index : list)
        result.push_back({index, scope_.text(index)});
    return result;
}

std::string Operations::of_family(bool right_side, const std::string& member, std::uint32_t family,
                                  const std::vector<Index>& place) {
    const std::string text =
        fmt::format("{}.{}[{}]", holder(right_side), member, scope_.offset(source_.self.boxes[family], place));
    if (!right_side || one_sample_)
        return text;
    right_members.emplace(member, "double");
    return text + "[lane]";
}

std::string Operations::own(bool right_side, const std::string& member, const PairOp& op) {
    return of_family(right_side, member, family_of(right_side ? op.right_statement : op.left_statement),
                     indices(right_side ? op.right_target : op.left_target));
}

std::string Operations::entry(const plan::Part& part, const std::string& holder, std::uint32_t array,
                              const std::vector<Index>& left, const std::vector<Index>& right) {
    const plan::PairArray& own = part.arrays[array];
    std::vector<Index> kept;
    for (const std::size_t d : own.kept)
        kept.push_back(d < left.size() ? left[d] : right[d - left.size()]);
    return fmt::format("{}.{}[{}]", holder, source_.entries(part, array), scope_.offset(own.box, kept));
}

std::string Operations::target(const PairOp& op) {
    return entry(part_, one_sample_ ? "s" : "at", op.array, indices(op.left_target), indices(op.right_target));
}

std::vector<std::string> Operations::mirrors(const PairOp& op) {
    std::vector<std::string> result;
    const plan::PairArray& own = part_.arrays[op.array];
    for (std::uint32_t k = 0; k < part_.arrays.size(); ++k)
        if (part_.arrays[k].left == own.right && part_.arrays[k].right == own.left)
            if (const std::string other = entry(part_, "s", k, indices(op.right_target), indices(op.left_target));
                other != target(op))
                result.push_back(other);
    return result;
}

// `of_self`: two elements of one sample.
Operations::Read Operations::locate(const plan::EntryRead& read, bool of_self, bool right_side) {
    Read result;
    result.left_family = read.left.family;
    result.right_family = read.right.family;
    result.left = source_.locate(scope_, read.left.indices, read.left.mode, source_.self.box_of(read.left.family));
    result.right = source_.locate(scope_, read.right.indices, read.right.mode, source_.self.box_of(read.right.family));
    result.stored = !result.left.never && !result.right.never && read.array != plan::no_array;
    if (!result.stored)
        return result;
    const plan::Part& part = of_self ? source_.self.part : part_;
    const std::string from = of_self ? holder(right_side) : one_sample_ ? "s" : "at";
    result.entry = entry(part, from, read.array, result.left.indices, result.right.indices);
    result.value = part.arrays[read.array].value;
    if (of_self && right_side && !one_sample_) {
        right_members.emplace(source_.entries(part, read.array), result.value ? "double" : "Gaps");
        result.entry += "[lane]";
    }
    return result;
}

// One statement for each right sample.
std::string Operations::each_lane(const std::string& body) const {
    if (one_sample_ || body.empty())
        return body;
    return "for (std::size_t lane = 0; lane < lanes; ++lane) {\n" + body + "}\n";
}

// C of an entry across the samples, in a lane.
std::string Operations::covariance(const Read& read, const std::string& entry) {
    if (read.value)
        return one_sample_ ? entry : entry + ".C[lane]";
    return fmt::format("0.25 * {} * {} * ({}.plus{} - {}.minus{})",
                       of_family(false, source_.norm(read.left_family), read.left_family, read.left.indices),
                       of_family(true, source_.norm(read.right_family), read.right_family, read.right.indices), entry, lane_,
                       entry, lane_);
}

source::Span Operations::span_of(const PairOp& op) const {
    const auto& statements = source_.program.statements;
    return op.left_statement < statements.size() ? statements[op.left_statement].span
                                                 : source_.program.outputs[op.left_statement - statements.size()].span;
}

std::string Operations::run(const PairOp& op) {
    switch (op.rule) {
    case limit::Rule::linear:
        return linear(op);
    case limit::Rule::dual:
        return dual(op);
    case limit::Rule::product:
        return product(op) + written(op);
    }
    return {};
}

std::string Operations::diagonal(const PairOp& op) {
    std::string text;
    if (op.rule == limit::Rule::dual) {
        const Read read = locate(op.entry);
        text = fmt::format("const double norm = {};\n", function_norm(false, function(op.left_function, span_of(op)),
                                                                      op.entry.left.family, read.left.indices));
    } else {
        text = op.rule == limit::Rule::product ? product(op) : terms(op, {false, true, false});
        text += "const double norm = std::sqrt(std::max(sum, 0.0));\n";
    }
    return text + after_norm(op) + target(op) + (part_.arrays[op.array].value ? " = norm * norm;\n" : " = {0, 4};\n");
}

} // namespace tpc::emit
