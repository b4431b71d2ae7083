#include "compiler/emit/parts.hpp"
#include "compiler/emit/prelude.hpp"
#include "compiler/emit/self.hpp"
#include "compiler/formula/print.hpp"

#include <fmt/format.h>

namespace tpc::emit {
namespace {

// The equations of the print that an operation evaluates: those of its pair of families and, where they are several, of
// elements of its form (x[1] is not x[l]).
class Equations {
  public:
    Equations(const Source& source, const limit::Recursions& recursions)
        : source_(source), list_(formula::print_equations(recursions)) {}

    std::string operator()(const plan::PairOp& op, bool self) const {
        const std::size_t statements = source_.program.statements.size();
        std::string all;
        std::string alike;
        for (const formula::PrintedEquation& each : list_) {
            if (op.output) {
                if (each.output == op.left_statement - statements)
                    all += each.text;
                continue;
            }
            const ir::Statement& left = source_.program.statements[op.left_statement];
            const ir::Statement& right = source_.program.statements[op.right_statement];
            if (each.output || each.self != self || each.left != left.family || each.right != right.family)
                continue;
            all += each.text;
            if (same_form(left.indices, each.left_access))
                alike += each.text;
        }
        return tidy(alike.empty() ? all : alike);
    }

  private:
    const Source& source_;
    std::vector<formula::PrintedEquation> list_;

    static bool same_form(const std::vector<ir::Affine>& a, const ir::Access& b) {
        if (a.size() != b.indices.size())
            return false;
        for (std::size_t d = 0; d < a.size(); ++d)
            if (a[d].constant != b.indices[d].constant || a[d].terms.size() != b.indices[d].terms.size())
                return false;
        return true;
    }

    // One blank, and the domain behind a few.
    static std::string tidy(const std::string& text) {
        std::string result;
        bool blank = true;
        for (std::size_t k = 0; k < text.size(); ++k) {
            const bool space = text[k] == ' ';
            if (space && blank)
                continue;
            const bool gap = space && k + 1 < text.size() && text[k + 1] == ' ';
            result += gap ? std::string("    ") : std::string(1, text[k]);
            blank = space || text[k] == '\n';
        }
        return commented(result);
    }
};

void write_pairs(Parts& parts, const Equations& equations) {
    Source& source = parts.source;
    Scope scope = source.scope();
    const plan::Part& part = source.plan.whole();
    Operations operations(source, part, false, scope);
    Walk walk(source, part, scope);
    parts.pairs = walk.left([&](std::size_t statement, const Walk::Path&) {
        return walk.right(statement, nullptr, [&](std::uint32_t k) {
            const std::string body = operations.run(part.ops[k]);
            const bool hoisted = k >= source.plan.cross.ops.size();
            return (hoisted ? "// what is the same for all right elements of the next equation\n"
                            : equations(part.ops[k], false)) +
                   "{\n" + body + "}\n";
        });
    });
    parts.right_members = operations.right_members;
    parts.compares = operations.compares;
}

constexpr const char* headers = "#include <algorithm>\n#include <array>\n#include <cmath>\n#include <cstddef>\n"
                                "#include <limits>\n#include <stdexcept>\n#include <vector>\n\n";

std::string file(const plan::Plan& plan, const limit::Recursions& recursions, const About& about) {
    Source source(plan);
    source.pieces = {"types"};
    const Equations equations(source, recursions);
    Parts parts{source, {}, {}, {}, false};
    write_pairs(parts, equations);
    const Comment comment = [&](const plan::PairOp& op) { return equations(op, true); };
    self_part(source, comment);
    parts.self = self_part(source, comment); // all functions are known now
    const std::string own = functions(parts) + structs(parts) + evaluation(parts) + interface(parts);
    std::set<std::string> called;
    for (const std::string& each : source.functions.elementary)
        if (own.find("elementary::" + each + "(") != std::string::npos)
            called.insert(each);
    return opening(parts, recursions, about) + headers + "namespace " + parts.name() + " {\n\n" + elementary(called) +
           prelude(source.pieces) + indented(own) + "} // namespace " + parts.name() + "\n";
}

} // namespace

std::optional<std::string> cpp(const plan::Plan& plan, const limit::Recursions& recursions, const About& about,
                               source::Diagnostics& diagnostics) {
    try {
        return file(plan, recursions, about);
    } catch (const Refusal& refusal) {
        diagnostics.report(source::Id::not_supported, refusal.span,
                           fmt::format("writing {} as a source file", refusal.what()));
        return std::nullopt;
    }
}

} // namespace tpc::emit
