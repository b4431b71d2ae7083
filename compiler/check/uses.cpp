#include "compiler/check/uses.hpp"

#include <algorithm>
#include <deque>

namespace tpc::check {
namespace {

using ir::Op;

class Search {
  public:
    Search(const ir::Program& p, const Bindings& b) : program_(p), bindings_(b) {
        result_.statements.resize(p.statements.size());
    }

    Reach run(const std::vector<std::vector<OutputTerm>>& terms) {
        for (std::uint32_t output = 0; output < terms.size(); ++output) {
            for (const OutputTerm& term : terms[output]) {
                Bindings inner = bindings_;
                bind(inner, term.ranges);
                if (term.kind == OutputTerm::Kind::readout)
                    scan(term.vector, {.statement = {}, .output = output}, inner);
                scan(term.coefficient, {.statement = {}, .output = output}, inner);
            }
        }
        while (!queue_.empty()) {
            const std::uint32_t statement = queue_.front();
            queue_.pop_front();
            scan(program_.statements[statement].value, {.statement = statement}, bindings_);
        }
        // Program order; outputs stand after the statements.
        const auto rank = [&](const Use& use) {
            return use.place.statement ? *use.place.statement
                                       : static_cast<std::uint32_t>(program_.statements.size()) + use.place.output;
        };
        std::stable_sort(result_.uses.begin(), result_.uses.end(), [&](const Use& a, const Use& b) {
            if (rank(a) != rank(b))
                return rank(a) < rank(b);
            return program_.exprs[a.node].span.begin < program_.exprs[b.node].span.begin;
        });
        return std::move(result_);
    }

  private:
    const ir::Program& program_;
    const Bindings& bindings_;
    Reach result_;
    std::deque<std::uint32_t> queue_;

    void scan(ir::ExprId root, Place place, const Bindings& bindings) {
        visit(program_.exprs, root, [&](ir::ExprId id, const ir::Node& node) {
            if (node.op == Op::matmul || node.op == Op::parameter || node.op == Op::width_power)
                result_.uses.push_back({id, place});
            if (node.op == Op::read)
                follow(id, node, place, bindings);
        });
    }

    void follow(ir::ExprId id, const ir::Node& node, Place place, const Bindings& bindings) {
        const bool exact = node.access.mode == ir::IndexMode::none || node.access.mode == ir::IndexMode::zero;
        for (std::uint32_t k = 0; k < program_.statements.size(); ++k) {
            const ir::Statement& statement = program_.statements[k];
            if (statement.family != node.target || result_.statements[k])
                continue;
            if (exact && provably_disjoint(program_, statement.indices, node.access.indices, bindings))
                continue;
            result_.statements[k] = Arrival{id, place};
            queue_.push_back(k);
        }
    }
};

} // namespace

Reach reach(const ir::Program& program, const std::vector<std::vector<OutputTerm>>& terms, const Bindings& bindings) {
    return Search(program, bindings).run(terms);
}

} // namespace tpc::check
