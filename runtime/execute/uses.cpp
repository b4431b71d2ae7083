#include "runtime/execute/uses.hpp"

#include "compiler/plan/address.hpp"
#include "compiler/plan/walk.hpp"
#include "runtime/pairs/pair.hpp"

namespace tpc::execute {
namespace {

// Backwards from the outputs.
Uses of_pairs(const plan::Plan& plan, JointCache& joints, DualCache<double>& duals, bool tangents) {
    const plan::Part& part = plan.cross;
    Uses uses(part.entries, ReadFor::none);
    State<double> left, right; // nothing of them is read but their plans
    left.plan = &plan.left;
    right.plan = &plan.right;
    double none = 0;
    const Store<double> store{nullptr, nullptr, tangents ? &none : nullptr, nullptr, 1, 0};
    PairMachine<double> machine(part, plan.recursions, {&left, 0, 0}, {&right, 0, 1}, store, 1, duals, joints, nullptr);
    plan::Path path;
    walk_left(part.left, machine.slots(), path, true, [&](std::size_t statement) {
        walk_right(part.right[statement], machine.slots(), nullptr, 0, true, [&](std::uint32_t k) {
            const plan::PairOp& op = part.ops[k];
            if (!machine.applies(op))
                return;
            const ReadFor use = op.output ? ReadFor::output : uses[machine.target(op)];
            if (use != ReadFor::none)
                machine.visit_reads(
                    k, [&](std::size_t entry, bool law) { uses[entry] = std::max(uses[entry], law ? ReadFor::law : use); });
        });
    });
    return uses;
}

// Of one sample: an element with itself is what the same sample on both sides has, all else enters laws.
Uses of_sample(const plan::SelfPlan& self, const plan::Part& cross, const Uses& of_pairs) {
    Uses uses(self.whole().entries, ReadFor::law);
    for (const plan::PairArray& own : self.part.arrays)
        for (const plan::PairArray& array : cross.arrays) {
            const bool squares = own.left == own.right && array.left == own.left && array.right == own.left;
            if (!squares || own.output || array.output || own.sums || array.sums || own.left >= self.boxes.size())
                continue;
            const plan::Box& box = self.boxes[own.left];
            for (std::int64_t k = 0; k < box.count(); ++k) {
                std::vector<std::int64_t> element(box.size.size());
                std::int64_t rest = k;
                for (std::size_t d = element.size(); d-- > 0; rest /= box.size[d])
                    element[d] = box.lower[d] + rest % box.size[d];
                if (holds(own, element, element) && holds(array, element, element) &&
                    of_pairs[entry_offset(array, element, element)] == ReadFor::output)
                    uses[entry_offset(own, element, element)] = ReadFor::output;
            }
        }
    return uses;
}

} // namespace

void find_uses(const plan::Plan& plan, Joints& joints, DualCache<double>& duals, bool tangents) {
    joints.cross.uses = of_pairs(plan, joints.cross, duals, tangents);
    joints.left.uses = of_sample(plan.left, plan.cross, joints.cross.uses);
    if (joints.right)
        joints.right->uses = of_sample(plan.right, plan.cross, joints.cross.uses);
}

} // namespace tpc::execute
