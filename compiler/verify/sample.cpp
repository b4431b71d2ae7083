#include "compiler/verify/sample.hpp"

#include "compiler/network/form.hpp"
#include "compiler/plan/walk.hpp"

namespace tpc::plan {

using namespace ir;

SampleCheck::SampleCheck(const SelfPlan& own) : plan(own), entries(own.whole(), own, own, false) {
    for (const Box& box : plan.boxes) {
        assigned_.emplace_back(static_cast<std::size_t>(box.count()), false);
        for (Marks* marks : {&values, &means, &seconds})
            marks->add(box);
    }
    for (const CoefficientArray& array : plan.coefficients)
        coefficients.add(array.box);
    define();
}

void SampleCheck::define() {
    const bool several = std::ranges::any_of(plan.recursions.network.forms, [](const network::Form& form) {
        return form.kind == network::FormKind::general || form.kind == network::FormKind::product;
    });
    std::vector<std::int64_t> slots(program().symbols.size(), 0);
    Path path;
    walk_left(plan.part.left, slots.data(), path, false, [&](std::size_t k) {
        if (k >= program().statements.size() || !all_hold(plan, program().statements[k].domain.conditions, slots.data()))
            return;
        const Statement& statement = program().statements[k];
        Indices indices;
        for (const Affine& index : statement.indices)
            indices.push_back(value_at(plan, index, slots.data()));
        if (const auto place = place_in(plan.boxes[statement.family], indices))
            assigned_[statement.family][*place] = true;
        if (several)
            definitions_[{statement.family, {indices.begin(), indices.end()}}] = {k, slots};
    });
}

bool SampleCheck::assigned(std::uint32_t family, llvm::ArrayRef<std::int64_t> indices) const {
    if (family >= assigned_.size()) // finite vectors
        return !plan.finite_of(family) || plan.finite[*plan.finite_of(family)].input ||
               assigned(plan.finite[*plan.finite_of(family)].source, indices);
    const auto place = place_in(plan.boxes[family], indices);
    return place && assigned_[family][*place];
}

namespace {

template <class What>
void read_mark(const SampleCheck& sample, Marks& marks, std::uint32_t family, llvm::ArrayRef<std::int64_t> indices,
               const Reader& reader, Report& report, const What& what) {
    if (!sample.assigned(family, indices))
        return;
    marks.read(
        family, offset_in(sample.plan.boxes[family], indices),
        [&] { return std::pair(report.name(reader), what(report.name(family, indices))); }, report);
}

} // namespace

void SampleCheck::read_second(std::uint32_t family, llvm::ArrayRef<std::int64_t> indices, const Reader& reader,
                              Report& report) {
    if (family < plan.boxes.size()) // sums take no gaps of finite vectors
        read_mark(*this, seconds, family, indices, reader, report, [](const std::string& x) { return "E[" + x + "^2]"; });
}

void SampleCheck::read_mean(std::uint32_t family, llvm::ArrayRef<std::int64_t> indices, const Reader& reader,
                            Report& report) {
    if (plan.recursions.may_have_mean[family])
        read_mark(*this, means, family, indices, reader, report, [](const std::string& x) { return "M(" + x + ")"; });
}

void SampleCheck::read_value(std::uint32_t family, llvm::ArrayRef<std::int64_t> indices, const Reader& reader,
                             Report& report) {
    read_mark(*this, values, family, indices, reader, report, [](const std::string& x) { return x; });
}

void SampleCheck::read_numbers(ExprId e, std::int64_t* slots, const Reader& reader, Report& report) {
    const Node& node = program().exprs[e];
    Indices indices, right;
    switch (node.op) {
    case Op::read:
        if (locate(plan, node.access, plan.boxes[node.target], slots, indices))
            read_value(node.target, indices, reader, report);
        return;
    case Op::mean:
    case Op::moment: {
        const Node& a = program().exprs[node.children[0]];
        const Node& b = program().exprs[node.children.back()];
        for (const ExprId child : node.children)
            if (program().exprs[child].type == Type::scalar)
                read_numbers(child, slots, reader, report);
        if (node.op == Op::mean || a.type == Type::scalar || b.type == Type::scalar) {
            const Node& x = a.type == Type::scalar ? b : a;
            if (x.type != Type::scalar && locate(plan, x.access, plan.boxes[x.target], slots, indices))
                read_mean(x.target, indices, reader, report);
            return;
        }
        if (!locate(plan, a.access, plan.boxes[a.target], slots, indices) ||
            !locate(plan, b.access, plan.boxes[b.target], slots, right))
            return;
        for (std::uint32_t k = 0; k < plan.part.arrays.size(); ++k)
            if (plan.part.arrays[k].left == a.target && plan.part.arrays[k].right == b.target)
                return entries.read(k, indices, right,
                                    {false, false, assigned(a.target, indices) && assigned(b.target, right)}, reader,
                                    report);
        return;
    }
    case Op::reduce:
        over_ranges(plan, node.ranges, slots, [&] { read_numbers(node.children[0], slots, reader, report); });
        return;
    default:
        for (const ExprId child : node.children)
            read_numbers(child, slots, reader, report);
    }
}

// --- functions of several Gaussians

const Ingredients& SampleCheck::of_element(const ElementKey& element) {
    if (const auto found = known_.find(element); found != known_.end())
        return found->second;
    Ingredients result;
    const std::uint32_t own = plan.recursions.deviations.of[element.family];
    if (own != element.family)
        result = of_element({own, element.indices});
    else if (plan.recursions.network.gaussian[element.family])
        result.gaussians.insert(element);
    else if (const auto place = definitions_.find(element); place != definitions_.end()) {
        std::vector<std::int64_t> slots = place->second.second;
        add_ingredients(program().statements[place->second.first].value, slots, result);
    }
    return known_[element] = std::move(result);
}

void SampleCheck::add_ingredients(ExprId e, std::vector<std::int64_t>& slots, Ingredients& result) {
    const Node& node = program().exprs[e];
    if (node.type == Type::scalar) {
        if (!network::is_constant(program().exprs, e))
            result.numbers.emplace(e, slots);
        return;
    }
    if (node.op == Op::read) {
        Indices indices;
        if (!locate(plan, node.access, plan.boxes[node.target], slots.data(), indices))
            return;
        const Ingredients& own = of_element({node.target, {indices.begin(), indices.end()}});
        result.gaussians.insert(own.gaussians.begin(), own.gaussians.end());
        result.numbers.insert(own.numbers.begin(), own.numbers.end());
        return;
    }
    const auto children = [&] {
        for (const ExprId child : node.children)
            add_ingredients(child, slots, result);
    };
    if (node.op == Op::reduce)
        over_ranges(plan, node.ranges, slots.data(), children);
    else
        children();
}

Ingredients SampleCheck::ingredients(const std::vector<ElementKey>& elements) {
    Ingredients result;
    for (const ElementKey& element : elements) {
        const Ingredients& own = of_element(element);
        result.gaussians.insert(own.gaussians.begin(), own.gaussians.end());
        result.numbers.insert(own.numbers.begin(), own.numbers.end());
    }
    return result;
}

void SampleCheck::read_ingredients(const Ingredients& ingredients, const Reader& reader, Report& report) {
    for (const auto& [e, at] : ingredients.numbers) {
        std::vector<std::int64_t> slots = at;
        read_numbers(e, slots.data(), reader, report);
    }
    for (const ElementKey& x : ingredients.gaussians) {
        read_mean(x.family, x.indices, reader, report);
        for (const ElementKey& y : ingredients.gaussians)
            for (std::uint32_t k = 0; k < plan.part.arrays.size(); ++k) {
                const PairArray& array = plan.part.arrays[k];
                if (array.left == x.family && array.right == y.family && holds(array, x.indices, y.indices))
                    entries.read(k, x.indices, y.indices,
                                 {false, false, assigned(x.family, x.indices) && assigned(y.family, y.indices)}, reader,
                                 report);
            }
    }
}

} // namespace tpc::plan
