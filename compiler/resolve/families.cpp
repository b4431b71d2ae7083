// Members of inputs, parameters and value families.
#include "compiler/resolve/expressions.hpp"

#include "compiler/resolve/powers.hpp"

namespace tpc::resolve {
namespace {

bool right_count(Context& context, const std::string& name, std::size_t given, std::size_t wanted, Span span,
                 Span declared) {
    if (given == wanted) {
        return true;
    }
    if (wanted == 0) {
        context.report(Id::not_a_family, span, name, name).note(declared, fmt::format("{} is declared here", name));
        return false;
    }
    context.report(Id::index_count, span, name, wanted, wanted == 1 ? "index" : "indices", given)
        .note(declared, fmt::format("{} is declared here", name));
    return false;
}

Value input(Context& context, const Binding& binding, const std::string& name, ir::Node node) {
    const auto& input = context.program.inputs[binding.id];
    const auto prefix = binding.prefix.size(); // of an argument such as xi[t]
    const auto given = node.access.indices.size() - prefix, rank = input.axes.size() - prefix;
    const bool row = rank > 0 && given + 1 == rank;
    if (!row && given != rank) {
        context
            .report(Id::input_index_count, node.span, name, rank, rank == 1 ? "axis" : "axes",
                    rank == 0 ? "no index" : fmt::format("{} or {} indices", rank - 1, rank))
            .note(binding.span, fmt::format("{} is declared here", name));
        return bad_value(context, node.span);
    }
    node.op = row ? ir::Op::input_row : ir::Op::input;
    node.type = row ? ir::Type::finite : ir::Type::scalar;
    const auto span = node.span;
    Value made = scalar_value(context.program.exprs.add(std::move(node)), span);
    if (row) {
        made.shape = Shape::finite;
        made.size = input.axes.back();
    }
    return made;
}

Value parameter(Context& context, const Binding& binding, const std::string& name, ir::Node node) {
    const auto& parameter = context.program.parameters[binding.id];
    const auto kind = parameter.kind;
    const auto shape = kind == ir::ParameterKind::matrix   ? Shape::matrix
                       : kind == ir::ParameterKind::vector ? Shape::vector
                                                           : Shape::scalar;
    const auto prefix = binding.prefix.size();
    if (!right_count(context, name, node.access.indices.size() - prefix, parameter.family.size() - prefix, node.span,
                     binding.span)) {
        return bad_value(context, node.span, shape);
    }
    context.draws[binding.id].mentioned |= context.dead > 0;
    const auto span = node.span;
    Value made;
    if (shape == Shape::matrix) {
        made.shape = shape;
        made.matrix = binding.id;
        made.access = std::move(node.access);
        made.span = span;
        return made;
    }
    node.op = ir::Op::parameter;
    node.type = shape == Shape::vector ? ir::Type::vector : ir::Type::scalar;
    made = scalar_value(context.program.exprs.add(std::move(node)), span);
    made.shape = shape;
    return made;
}

Value read(Context& context, const Binding& binding, const std::string& name, ir::Node node) {
    const auto rank = context.program.families[binding.id].rank;
    const auto prefix = binding.prefix.size();
    const FamilyType unseen{};
    const auto& type = binding.id < context.known.size() ? context.known[binding.id] : unseen;
    if (!right_count(context, name, node.access.indices.size() - prefix, rank - prefix, node.span, binding.span)) {
        return bad_value(context, node.span, type.shape);
    }
    const auto span = node.span;
    if (type.shape == Shape::unknown) {
        if (context.anchorless.insert(binding.id).second) {
            context.unanchored.report(Id::no_value, span, name)
                .note(context.program.families[binding.id].span, fmt::format("{} is assigned here", name));
        }
        return bad_value(context, span);
    }
    node.op = ir::Op::read;
    node.type = type.shape == Shape::vector   ? ir::Type::vector
                : type.shape == Shape::finite ? ir::Type::finite
                                              : ir::Type::scalar;
    Value made = scalar_value(context.program.exprs.add(std::move(node)), span);
    made.shape = type.shape;
    made.size = type.size;
    made.readout = type.readout;
    return made;
}

} // namespace

Value element(Context& context, const Binding& binding, const std::string& name, llvm::ArrayRef<Affine> indices,
              ir::IndexMode mode, Span span) {
    ir::Node node;
    node.target = binding.id;
    node.access.indices = binding.prefix;
    node.access.indices.append(indices.begin(), indices.end());
    node.access.mode = mode;
    node.span = span;
    if (binding.kind == Kind::input) {
        return input(context, binding, name, std::move(node));
    }
    return binding.kind == Kind::parameter ? parameter(context, binding, name, std::move(node))
                                           : read(context, binding, name, std::move(node));
}

} // namespace tpc::resolve
