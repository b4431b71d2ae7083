#include "compiler/verify/verify.hpp"
#include "compiler/bind/output_indices.hpp"

#include "compiler/plan/walk.hpp"
#include "compiler/verify/operation.hpp"

namespace tpc::plan {

namespace {

// One loop for each statement of a fissile one: the other order in which rows may run.
std::vector<WalkItem> apart(const std::vector<WalkItem>& items) {
    const auto with = [](const WalkItem& loop, std::vector<WalkItem> children) {
        WalkItem result = loop;
        result.children = std::move(children);
        return result;
    };
    std::vector<WalkItem> result;
    for (const WalkItem& item : items) {
        if (!item.loop) {
            result.push_back(item);
            continue;
        }
        std::vector<WalkItem> children = apart(item.children);
        if (!item.fissile) {
            result.push_back(with(item, std::move(children)));
            continue;
        }
        for (WalkItem& child : children) {
            result.push_back(with(item, {std::move(child)}));
            result.back().solutions.assign(1, {}); // the whole range: guards leave the same instances
        }
    }
    return result;
}

bool fissile_below(const WalkItem& item) {
    return item.fissile || std::ranges::any_of(item.children, fissile_below);
}

Part apart(const Part& part) {
    Part result = part;
    result.left = apart(part.left);
    for (std::vector<WalkItem>& items : result.right)
        items = apart(items);
    return result;
}

class CrossCheck {
  public:
    CrossCheck(const Plan& plan, const Part& part, bool planes, SampleCheck& left, SampleCheck& right, Report& report)
        : plan_(plan), part_(part), report_(report), slots_(part.slots, 0), entries_(part, plan.left, plan.right, planes),
          check_(part, left, right, entries_, slots_.data(), report) {
        for (std::size_t o = 0; o < plan.left_outputs.size(); ++o)
            outputs_.emplace_back(static_cast<std::size_t>(plan.left_outputs[o].count() * plan.right_outputs[o].count()),
                                  false);
    }

    void run() {
        walk(part_.left);
        if (!report_.spent())
            outputs();
    }

  private:
    const Plan& plan_;
    const Part& part_;
    Report& report_;
    std::vector<std::int64_t> slots_;
    Entries entries_;
    OperationCheck check_;
    std::vector<std::vector<bool>> outputs_; // by output: left place * right places + right place

    void walk(const std::vector<WalkItem>& items) {
        for (const WalkItem& item : items) {
            if (!item.loop) {
                walk_right(part_.right[item.statement], slots_.data(), nullptr, 0, false, [&](std::uint32_t op) {
                    if (!report_.spent() && hold(part_.ops[op].guards, slots_.data()))
                        operation(part_.ops[op]);
                });
                continue;
            }
            const std::int64_t last = item.range.last(slots_.data());
            for (std::int64_t i = item.range.first(slots_.data()); i <= last && !report_.spent(); ++i) {
                slots_[item.range.slot] = i;
                for (const std::uint32_t array : item.fresh)
                    entries_.clear(array);
                walk(item.children);
            }
        }
    }

    void operation(const PairOp& op) {
        check_.reads(op, false);
        if (!op.output)
            return check_.writes(op);
        report_.reach(report_.spoilt);
        const std::size_t output = op.left_statement - plan_.recursions.network.program.statements.size();
        Indices left, right;
        for (const Linear& index : op.left_target)
            left.push_back(index(slots_.data()));
        for (const Linear& index : op.right_target)
            right.push_back(index(slots_.data()));
        const auto l = place_in(plan_.left_outputs[output], left), r = place_in(plan_.right_outputs[output], right);
        if (!l || !r)
            return report_.add(Fault::outside, "an output", report_.pair(part_.arrays[op.array], left, right));
        auto place = outputs_[output][*l * static_cast<std::size_t>(plan_.right_outputs[output].count()) + *r];
        if (place)
            report_.add(Fault::twice, "an output", report_.pair(part_.arrays[op.array], left, right));
        place = true;
    }

    void outputs() {
        const network::Network& network = plan_.recursions.network;
        const auto left = output_indices(network, plan_.left.sizes), right = output_indices(network, plan_.right.sizes);
        for (std::size_t o = 0; o < left.size(); ++o)
            for (const std::size_t l : left[o].places)
                for (const std::size_t r : right[o].places)
                    if (!outputs_[o][l * static_cast<std::size_t>(plan_.right_outputs[o].count()) + r])
                        return report_.add(Fault::unmade, "the plan", "output " + network.outputs[o].name);
    }
};

} // namespace

std::vector<Finding> verify(const Plan& plan, std::uint64_t most) {
    Report report(plan.recursions, most);
    SampleCheck left(plan.left);
    report.start("self");
    left.run(report);
    std::optional<SampleCheck> other;
    if (!plan.same_sizes && !report.spent()) {
        other.emplace(plan.right);
        report.start("self, right sample");
        other->run(report);
    }
    SampleCheck& right = other ? *other : left;
    const auto cross = [&](const Part& part, const char* name, bool planes) {
        const auto in_order = [&](const Part& order) {
            if (report.spent())
                return;
            report.start(name);
            CrossCheck(plan, order, planes, left, right, report).run();
        };
        in_order(part);
        if (std::ranges::any_of(part.left, fissile_below) ||
            std::ranges::any_of(part.right, [](const auto& items) { return std::ranges::any_of(items, fissile_below); }))
            in_order(apart(part));
    };
    cross(plan.cross, "cross", false);
    if (plan.factored)
        cross(*plan.factored, "factored", false);
    if (plan.planes)
        cross(*plan.planes, "planes", true);
    return report.findings();
}

} // namespace tpc::plan
