#include "compiler/network/given_names.hpp"

#include "compiler/check/uses.hpp"
#include "compiler/ir/print.hpp"

#include <llvm/ADT/BitVector.h>

#include <cctype>

namespace tpc::network {
namespace {

bool in_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
}

bool mentions(std::string_view text, const std::string& name) {
    for (std::size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
        std::size_t end = at + name.size();
        if (end < text.size() && text[end] == '_')
            ++end;
        if ((at == 0 || !in_name(text[at - 1])) && (end == text.size() || !in_name(text[end])))
            return true;
    }
    return false;
}

} // namespace

std::string given_names(const Network& network, std::string_view text) {
    const ir::Program& program = network.program;
    llvm::BitVector wanted(static_cast<unsigned>(program.families.size()));
    for (std::uint32_t family = network.first_given; family < program.families.size(); ++family)
        if (mentions(text, program.families[family].name))
            wanted.set(family);
    for (bool changed = true; changed;) {
        changed = false;
        for (const ir::Statement& statement : program.statements)
            if (wanted.test(statement.family))
                check::visit(program.exprs, statement.value, [&](ir::ExprId, const ir::Node& node) {
                    if (node.op == ir::Op::read && node.target >= network.first_given && !wanted.test(node.target)) {
                        wanted.set(node.target);
                        changed = true;
                    }
                });
    }
    std::string result;
    for (const ir::Statement& statement : program.statements)
        if (wanted.test(statement.family))
            result += ir::print({.program = &program}, statement);
    return result;
}

} // namespace tpc::network
