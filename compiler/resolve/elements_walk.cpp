#include "compiler/resolve/elements_walk.hpp"

#include "compiler/ir/indexing.hpp"
#include "compiler/ir/reduction.hpp"

namespace tpc::resolve::elements {

Walk::Walk(const ir::Program& program, const ir::Sizes& sizes, std::uint64_t budget)
    : program_(program), values_(program.symbols.size(), 0), budget_(budget) {
    for (std::uint32_t k = 0; k < program.symbols.size(); ++k) {
        if (!program.symbols[k].axis)
            continue;
        const auto symbol = static_cast<ir::Symbol>(k);
        auto size = sizes.find(symbol);
        if (size == sizes.end() && (size = program.sizes.find(symbol)) == program.sizes.end())
            throw std::invalid_argument("axis without a size: " + program.symbols[k].name);
        values_[k] = size->second;
    }
}

double Walk::number(ir::ExprId id) {
    const ir::Node& node = program_.exprs[id];
    llvm::SmallVector<double, 2> terms;
    switch (node.op) {
    case ir::Op::number:
        return node.number;
    case ir::Op::affine: {
        double sum = static_cast<double>(node.affine.constant);
        for (const auto& [symbol, coefficient] : node.affine.terms)
            sum += static_cast<double>(coefficient) * static_cast<double>(value(symbol));
        return sum / static_cast<double>(node.affine.denominator);
    }
    case ir::Op::apply:
        for (const ir::ExprId child : node.children)
            terms.push_back(number(child));
        return ir::evaluate(node.function, terms);
    case ir::Op::reduce:
        for_each(node.ranges, node.span, [&] { terms.push_back(number(node.children[0])); });
        return ir::reduced(node.reduction, terms);
    default:
        throw std::invalid_argument("not an expression of numbers, axes and indices");
    }
}

bool Walk::holds(const ir::Condition& condition, source::Span span) const {
    return ir::holds(condition.relation, exactly(condition.value, span));
}

void target_of(const Walk& walk, const ir::Statement& statement, Index& index) {
    index.clear();
    for (const ir::Affine& position : statement.indices)
        index.push_back(walk.exactly(position, statement.target_span));
}

std::vector<Extent> extents(Walk& walk, const std::function<void(const Inexact&)>& inexact) {
    const ir::Program& program = walk.program();
    std::vector<Extent> boxes(program.families.size());
    for (std::size_t f = 0; f < boxes.size(); ++f) {
        boxes[f].lower.assign(program.families[f].rank, 1);
        boxes[f].upper.assign(program.families[f].rank, 0);
    }
    Index index;
    walk.run(
        [&](std::uint32_t number) {
            const ir::Statement& statement = program.statements[number];
            target_of(walk, statement, index);
            Extent& box = boxes[statement.family];
            const bool first = box.empty();
            for (std::size_t k = 0; k < index.size(); ++k) {
                box.lower[k] = first ? index[k] : std::min(box.lower[k], index[k]);
                box.upper[k] = first ? index[k] : std::max(box.upper[k], index[k]);
            }
        },
        inexact);
    return boxes;
}

} // namespace tpc::resolve::elements

namespace tpc::resolve {

// Throws std::length_error for programs that verify_elements calls too large.
std::vector<Extent> extents(const ir::Program& program, const ir::Sizes& sizes) {
    elements::Walk walk(program, sizes, elements::default_budget);
    try {
        return elements::extents(walk, [](const elements::Inexact&) {});
    } catch (const elements::TooLarge& error) {
        throw std::length_error(error.what);
    }
}

} // namespace tpc::resolve
