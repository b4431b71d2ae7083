#include "runtime/expectations/covariances.hpp"

#include "compiler/plan/walk.hpp"
#include "runtime/samples/state.hpp"

namespace tpc::execute {

using namespace ir;

namespace {

std::vector<std::int64_t> values_at(const plan::SelfPlan& plan, const Access& access, const std::int64_t* slots) {
    std::vector<std::int64_t> result;
    for (const Affine& index : access.indices)
        result.push_back(value_at(plan, index, slots));
    return result;
}

} // namespace

Covariances::Covariances(const Definitions& definitions) : definitions_(definitions) {
    const plan::SelfPlan& plan = definitions.plan();
    const network::Network& network = plan.recursions.network;
    std::vector<std::int64_t> slots(plan.recursions.network.program.symbols.size(), 0);
    plan::Path path;
    walk_left(plan.part.left, slots.data(), path, false, [&](std::size_t k) {
        if (k >= network.program.statements.size() || !network.gaussian[network.program.statements[k].family])
            return;
        walk_right(plan.part.right[k], slots.data(), &path, 0, false, [&](std::uint32_t which) {
            const plan::PairOp& op = plan.part.ops[which];
            const std::uint32_t right = network.program.statements[op.right_statement].family;
            if (op.output || !network.gaussian[right] ||
                !std::ranges::all_of(op.guards, [&](const plan::Guard& guard) { return guard.holds(slots.data()); }))
                return;
            GaussianElement x{network.program.statements[op.left_statement].family, {}}, y{right, {}};
            for (const plan::Linear& index : op.left_target)
                x.indices.push_back(index(slots.data()));
            for (const plan::Linear& index : op.right_target)
                y.indices.push_back(index(slots.data()));
            computed_.emplace(x, y);
            computed_.emplace(std::move(y), std::move(x));
        });
    });
}

void Covariances::add_sources(const GaussianElement& element, std::set<Member>& result) const {
    const plan::SelfPlan& plan = definitions_.plan();
    const network::Network& network = plan.recursions.network;
    const Definitions::Place* place = definitions_.find(element.family, element.indices);
    if (place == nullptr)
        throw MethodError("a vector is read where it is not defined");
    std::vector<std::int64_t> slots = place->slots;
    for (const network::LinearTerm& term : network.forms[place->statement].terms)
        over_ranges(plan, term.ranges, slots.data(), [&] {
            if (term.base == network::Base::one)
                return;
            if (term.base != network::Base::read) {
                result.emplace(term.parameter, values_at(plan, term.member, slots.data()));
                return;
            }
            plan::Indices operand;
            if (locate(plan, term.access, plan.boxes[term.operand], slots.data(), operand))
                add_sources({term.operand, {operand.begin(), operand.end()}}, result);
        });
}

bool Covariances::known(const GaussianElement& x, const GaussianElement& y) const {
    if (x == y || computed_.contains({x, y}))
        return true;
    std::set<Member> of_x, of_y;
    add_sources(x, of_x);
    add_sources(y, of_y);
    return std::ranges::none_of(of_x, [&](const Member& member) { return of_y.contains(member); });
}

} // namespace tpc::execute
