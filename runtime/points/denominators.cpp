#include "runtime/points/denominators.hpp"

#include "runtime/tapes/copy.hpp"

#include <algorithm>
#include <set>

namespace tpc::joint {
namespace {

using ir::Function;
using Kind = TapeNode::Kind;

struct Signs { // by node, as far as seen
    std::vector<bool> positive, never_negative;
};

Signs signs_of(const Tape& tape) {
    Signs signs;
    auto& [positive, never_negative] = signs;
    for (const TapeNode& node : tape.nodes()) {
        const auto both = [&](const std::vector<bool>& of) { return of[node.a] && of[node.b]; };
        bool is_positive = node.kind == Kind::number && node.number > 0;
        bool is_never_negative = node.kind == Kind::number && node.number >= 0;
        if (node.kind == Kind::apply)
            switch (node.function) {
            case Function::exp:
            case Function::erfc:
            case Function::sigmoid:
            case Function::softplus:
                is_positive = true;
                break;
            case Function::add:
                is_positive = (positive[node.a] && never_negative[node.b]) || (positive[node.b] && never_negative[node.a]);
                is_never_negative = both(never_negative);
                break;
            case Function::mul:
            case Function::div:
                is_positive = both(positive);
                is_never_negative = both(never_negative);
                break;
            case Function::sqrt:
            case Function::square:
            case Function::abs:
                is_positive = positive[node.a];
                is_never_negative = true;
                break;
            case Function::pow:
                is_positive = positive[node.a];
                is_never_negative = never_negative[node.a];
                break;
            case Function::relu:
            case Function::step:
                is_never_negative = true;
                break;
            default:
                break;
            }
        positive.push_back(is_positive);
        never_negative.push_back(is_positive || is_never_negative);
    }
    return signs;
}

const TapeNode* applied(const Tape& tape, NodeId id) {
    const TapeNode& node = tape.nodes()[id];
    return node.kind == Kind::apply ? &node : nullptr;
}

// What is 0 at once where node `id` is: all terms of a sum that are never negative.
void add_terms(const Tape& tape, const Signs& signs, NodeId id, std::vector<NodeId>& terms) {
    if (const TapeNode* node = applied(tape, id))
        switch (node->function) {
        case Function::add:
            if (signs.never_negative[node->a] && signs.never_negative[node->b]) {
                add_terms(tape, signs, node->a, terms);
                add_terms(tape, signs, node->b, terms);
                return;
            }
            break;
        case Function::neg:
        case Function::sqrt:
        case Function::square:
        case Function::abs:
        case Function::pow:
            add_terms(tape, signs, node->a, terms);
            return;
        default:
            break;
        }
    terms.push_back(id);
}

// Where node `id` is 0, those of one list are.
void add_zeros(const Tape& tape, const Signs& signs, NodeId id, std::set<std::vector<NodeId>>& zeros) {
    if (signs.positive[id])
        return;
    std::vector<NodeId> terms;
    add_terms(tape, signs, id, terms);
    const TapeNode* const node = applied(tape, terms.front());
    if (terms.size() == 1 && node != nullptr && (node->function == Function::mul || node->function == Function::div)) {
        add_zeros(tape, signs, node->a, zeros);
        if (node->function == Function::mul)
            add_zeros(tape, signs, node->b, zeros);
        return;
    }
    zeros.insert(terms);
}

} // namespace

Denominators denominators(const Tape& tape, const std::vector<NodeId>& outputs, std::uint32_t gaussians) {
    const std::vector<bool> used = needed_for(tape, outputs);
    const std::vector<bool> varies = varying(tape);
    const Signs signs = signs_of(tape);
    std::set<std::vector<NodeId>> zeros;
    for (NodeId id = 0; id < used.size(); ++id) {
        const TapeNode& node = tape.nodes()[id];
        if (!used[id] || node.kind != Kind::apply)
            continue;
        if (node.function == Function::div && varies[node.b])
            add_zeros(tape, signs, node.b, zeros);
        if (const TapeNode& power = tape.nodes()[node.b];
            node.function == Function::pow && varies[node.a] && !(power.kind == Kind::number && power.number >= 0))
            add_zeros(tape, signs, node.a, zeros);
    }
    Denominators result;
    Functions& functions = result.functions;
    functions.gaussians = gaussians;
    TapeCopy copy(tape, functions.tape, [&](std::uint32_t k) { return functions.tape.gaussian(k); });
    for (const std::vector<NodeId>& terms : zeros) {
        result.together.emplace_back();
        for (const NodeId term : terms) {
            const NodeId node = copy(term);
            const auto found = std::ranges::find(functions.values, node);
            result.together.back().push_back(static_cast<std::size_t>(found - functions.values.begin()));
            if (found == functions.values.end())
                functions.values.push_back(node);
        }
    }
    finish(functions);
    return result;
}

} // namespace tpc::joint
