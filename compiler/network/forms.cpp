#include "compiler/network/forms.hpp"

#include "compiler/network/form.hpp"

#include <functional>

namespace tpc::network {

using namespace ir;

std::vector<Form> forms_of(Program& program) {
    std::vector<Form> forms;
    for (const Statement& statement : std::vector<Statement>(program.statements))
        forms.push_back(form_of(program, statement));
    return forms;
}

std::vector<bool> gaussian_families(const Program& program, const std::vector<Form>& forms) {
    std::vector<bool> gaussian;
    for (const Family& family : program.families)
        gaussian.push_back(family.type == Type::vector);
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t k = 0; k < forms.size(); ++k) {
            const std::uint32_t family = program.statements[k].family;
            bool holds = forms[k].kind == FormKind::linear;
            for (const LinearTerm& term : forms[k].terms)
                holds = holds && (term.base != Base::read || gaussian[term.operand]);
            if (gaussian[family] && !holds) {
                gaussian[family] = false;
                changed = true;
            }
        }
    }
    return gaussian;
}

std::vector<bool> statements_to_split(const Program& program, const std::vector<Form>& forms) {
    const std::vector<bool> gaussian = gaussian_families(program, forms);
    std::vector<bool> split;
    for (std::size_t k = 0; k < forms.size(); ++k) {
        bool atoms = false;
        bool reads = !gaussian[program.statements[k].family];
        for (const LinearTerm& term : forms[k].terms) {
            atoms = atoms || term.base == Base::matmul || term.base == Base::input || term.base == Base::parameter;
            reads = reads || term.base == Base::read;
        }
        split.push_back(forms[k].kind == FormKind::linear && atoms && reads);
    }
    return split;
}

void number_in_order(Program& program) {
    std::vector<Statement> ordered;
    const std::function<void(std::vector<Item>&)> visit = [&](std::vector<Item>& items) {
        for (Item& item : items) {
            if (auto* loop = std::get_if<Loop>(&item.node)) {
                visit(loop->body);
                continue;
            }
            auto& index = std::get<std::uint32_t>(item.node);
            ordered.push_back(program.statements[index]);
            index = static_cast<std::uint32_t>(ordered.size() - 1);
        }
    };
    visit(program.body);
    program.statements = std::move(ordered);
}

void compose_activations(Program& program, std::vector<Form>& forms) {
    const auto only_statement = [&](std::uint32_t family) -> std::optional<std::size_t> {
        std::optional<std::size_t> found;
        for (std::size_t k = 0; k < program.statements.size(); ++k) {
            if (program.statements[k].family != family)
                continue;
            if (found)
                return std::nullopt;
            found = k;
        }
        return found;
    };
    // Statements stand in program order of their operands, so one pass reads through chains of any length.
    for (Form& form : forms) {
        for (std::size_t depth = 0; form.kind == FormKind::activation && depth < forms.size(); ++depth) {
            const ElementRead outer = form.reads[0];
            const auto source = only_statement(outer.family);
            if (!source || forms[*source].kind != FormKind::activation || outer.access.mode != IndexMode::none)
                break;
            const Statement inner = program.statements[*source];
            std::vector<std::pair<Symbol, Affine>> values;
            for (std::size_t d = 0; d < inner.indices.size(); ++d)
                for (const Range& range : inner.domain.ranges)
                    if (inner.indices[d] == Affine::of(range.index))
                        values.emplace_back(range.index, outer.access.indices[d]);
            if (values.size() != inner.domain.ranges.size())
                break;
            ElementRead read = forms[*source].reads[0];
            for (Affine& index : read.access.indices)
                index = substitute(index, [&](Symbol symbol) -> std::optional<Affine> {
                    for (const auto& [from, to] : values)
                        if (from == symbol)
                            return to;
                    return std::nullopt;
                });
            const ExprId argument = forms[*source].function;
            form.function = rewrite(program.exprs, form.function, [&](ExprId id) -> std::optional<ExprId> {
                return program.exprs[id].op == Op::variable ? std::optional(argument) : std::nullopt;
            });
            form.reads = {read};
        }
    }
}

} // namespace tpc::network
