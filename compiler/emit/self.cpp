#include "compiler/emit/self.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace tpc::emit {
namespace {

using network::FormKind;

class SelfPart {
  public:
    SelfPart(Source& source, const Comment& comment)
        : source_(source), part_(source.self.part), comment_(comment), scope_(source.scope()),
          operations_(source, part_, true, scope_), expressions_(source, source.program, scope_),
          walk_(source, part_, scope_) {
        diagonal_.assign(source.program.statements.size(), plan::no_array);
        for (std::uint32_t k = 0; k < part_.ops.size(); ++k)
            if (part_.ops[k].left_statement == part_.ops[k].right_statement)
                diagonal_[part_.ops[k].left_statement] = k;
    }

    std::string run() {
        return walk_.left([&](std::size_t statement, const Walk::Path& path) { return visit(statement, path); });
    }

  private:
    Source& source_;
    const plan::Part& part_;
    const Comment& comment_;
    Scope scope_;
    Operations operations_;
    Expressions expressions_;
    Walk walk_;
    std::vector<std::uint32_t> diagonal_; // by statement: the operation of its own pair

    std::string visit(std::size_t k, const Walk::Path& path) {
        const ir::Program& program = source_.program;
        if (k >= program.statements.size())
            return coefficients(k);
        const auto& involved = source_.self.recursions.involved;
        if (k >= involved.size() || !involved[k])
            return {};
        const ir::Statement& statement = program.statements[k];
        std::vector<std::string> conditions;
        for (const ir::Condition& condition : statement.domain.conditions) {
            const plan::Guard guard{source_.linear(condition.value), condition.relation};
            const Truth truth = scope_.truth(guard);
            if (truth == Truth::never)
                return {};
            if (truth == Truth::unknown)
                conditions.push_back(scope_.text(guard));
        }
        const std::string body = assigned(k, statement, path);
        if (body.empty() || conditions.empty())
            return body;
        return fmt::format("if ({}) {{\n{}}}\n", fmt::join(conditions, " && "), body);
    }

    std::string assigned(std::size_t k, const ir::Statement& statement, const Walk::Path& path) {
        const FormKind kind = source_.self.recursions.network.forms[k].kind;
        if (kind == FormKind::scalar)
            return fmt::format("s.{}[{}] = {};\n", source_.scalar(statement.family), place(statement),
                               expressions_.scalar(statement.value).text);
        if (kind == FormKind::finite)
            return finite(statement);
        std::string text = coefficients(k);
        if (source_.self.recursions.mean_needed[k])
            text += block("", operations_.mean(k));
        return text + pairs(k, statement, path);
    }

    static std::string block(const std::string& comment, const std::string& body) {
        return body.empty() ? body : comment + "{\n" + body + "}\n";
    }

    std::string place(const ir::Statement& statement) {
        std::vector<Index> indices;
        for (const ir::Affine& index : statement.indices)
            indices.push_back({source_.linear(index), scope_.text(source_.linear(index))});
        return scope_.offset(source_.self.boxes[statement.family], indices);
    }

    std::string finite(const ir::Statement& statement) {
        std::string text;
        for (std::uint32_t a = 0; a < source_.self.finite.size(); ++a) {
            const plan::FiniteArray& array = source_.self.finite[a];
            if (array.input || array.source != statement.family)
                continue;
            const std::string c = scope_.enter_own("c");
            text +=
                fmt::format("for (int {0} = 0; {0} < {1}; ++{0}) {{\ns.{2}[({3}) * {1} + {0}] = {4};\n}}\n", c, array.length,
                            source_.finite(a), place(statement), expressions_.coordinate(statement.value, c));
            scope_.leave_own(c);
        }
        return text;
    }

    std::string coefficients(std::size_t unit) {
        std::string text;
        const std::vector<std::uint32_t>& ids = source_.self.coefficients_of[unit];
        for (auto id = ids.begin(); id != ids.end(); ++id)
            if (*id != plan::no_array && std::find(ids.begin(), id, *id) == id) // terms may share one
                text += fill(*id, 0);
        return text;
    }

    std::string fill(std::uint32_t id, std::size_t depth) {
        const plan::CoefficientArray& array = source_.self.coefficients[id];
        if (depth < array.ranges.size()) {
            const plan::LoopRange& range = array.ranges[depth];
            const std::string lower = scope_.text(range.lower);
            const std::string upper = scope_.text(range.upper);
            const std::string name =
                scope_.enter(range.slot, {scope_.bounds(range.lower).least, scope_.bounds(range.upper).greatest});
            const std::string inner = fill(id, depth + 1);
            scope_.leave(range.slot);
            return fmt::format("for (int {0} = {1}; {0} <= {2}; ++{0}) {{\n{3}}}\n", name, lower, upper, inner);
        }
        std::vector<Index> indices;
        const auto append = [&](std::uint32_t slot) {
            const plan::Linear value{0, {{slot, 1}}, 1};
            indices.push_back({value, scope_.text(value)});
        };
        for (const std::uint32_t slot : array.loop_slots)
            append(slot);
        for (const plan::LoopRange& range : array.ranges)
            append(range.slot);
        return fmt::format("s.{}[{}] = {};\n", source_.weight(id), scope_.offset(array.box, indices),
                           expressions_.scalar(array.expression).text);
    }

    std::string pairs(std::size_t k, const ir::Statement& statement, const Walk::Path& path) {
        std::string text;
        if (const std::uint32_t id = diagonal_[k]; id != plan::no_array) {
            // the right indices are the left ones
            const plan::PairOp& op = part_.ops[id];
            std::vector<std::uint32_t> primed;
            for (const ir::Range& range : statement.domain.ranges) {
                const auto slot = static_cast<std::uint32_t>(range.index);
                const plan::Linear own{0, {{slot, 1}}, 1};
                primed.push_back(static_cast<std::uint32_t>(source_.self.recursions.primed(range.index)));
                scope_.enter(primed.back(), scope_.bounds(own), &own);
            }
            std::string body = operations_.diagonal(op);
            for (auto slot = primed.rbegin(); slot != primed.rend(); ++slot)
                body = scope_.with_value(*slot, body);
            body = guarded(op, block("", body));
            for (const std::uint32_t slot : primed)
                scope_.leave(slot);
            if (!body.empty())
                text += comment_(op) + body;
        }
        text += walk_.right(k, &path, [&](std::uint32_t id) {
            const plan::PairOp& op = part_.ops[id];
            std::string body = operations_.run(op);
            for (const std::string& other : operations_.mirrors(op))
                body += fmt::format("{} = {};\n", other, operations_.target(op));
            return comment_(op) + block("", body);
        });
        return text;
    }

    std::string guarded(const plan::PairOp& op, const std::string& body) {
        std::vector<std::string> conditions;
        for (const plan::Guard& guard : op.guards) {
            const plan::Guard known{scope_.resolved({guard.value.constant, guard.value.terms, 1}), guard.relation};
            const Truth truth = scope_.truth(known);
            if (truth == Truth::never)
                return {};
            if (truth == Truth::unknown)
                conditions.push_back(scope_.text(known));
        }
        return body.empty() || conditions.empty() ? body : fmt::format("if ({}) {}", fmt::join(conditions, " && "), body);
    }
};

} // namespace

std::string self_part(Source& source, const Comment& comment) {
    return SelfPart(source, comment).run();
}

} // namespace tpc::emit
