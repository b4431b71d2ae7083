#include "runtime/tapes/copy.hpp"

namespace tpc::joint {

NodeId TapeCopy::operator()(NodeId id) {
    if (const auto found = done_.find(id); found != done_.end())
        return found->second;
    const TapeNode node = from_.nodes()[id];
    NodeId result = 0;
    switch (node.kind) {
    case TapeNode::Kind::number:
        result = to_.number(node.number);
        break;
    case TapeNode::Kind::sample:
        result = sample_(node.index);
        break;
    case TapeNode::Kind::gaussian:
        result = gaussian_(node.index);
        break;
    case TapeNode::Kind::apply:
        if (ir::is_binary(node.function)) {
            const NodeId a = (*this)(node.a);
            result = to_.apply(node.function, a, (*this)(node.b));
        } else {
            result = to_.apply(node.function, (*this)(node.a));
        }
        break;
    }
    done_[id] = result;
    return result;
}

} // namespace tpc::joint
