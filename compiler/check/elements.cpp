#include "compiler/check/elements.hpp"

#include "compiler/check/contents.hpp"
#include "compiler/ir/indexing.hpp"
#include "compiler/resolve/resolve.hpp"

#include <algorithm>
#include <functional>

namespace tpc::check {
namespace {

using ir::Affine;
using ir::Op;

struct Stop {}; // the budget is spent, or the program has no such element

class ElementWalk {
  public:
    ElementWalk(const ir::Program& p, const ir::Sizes& sizes, std::size_t budget)
        : program_(p), analysis_(p), budget_(budget), extents_(resolve::extents(p, sizes)), values_(p.symbols.size(), 0) {
        for (const auto& [symbol, size] : sizes)
            set(symbol, size);
        for (std::uint32_t k = 0; k < program_.statements.size(); ++k) {
            const auto& statement = program_.statements[k];
            points(statement.domain.ranges, [&] {
                for (const ir::Condition& condition : statement.domain.conditions)
                    if (!holds(condition))
                        return;
                std::vector<std::int64_t> point;
                for (const ir::Range& range : statement.domain.ranges)
                    point.push_back(value(Affine::of(range.index)));
                elements_[{statement.family, indices(statement.indices)}] = {k, std::move(point)};
            });
        }
    }

    ElementUses run(const std::vector<std::vector<OutputTerm>>& terms) {
        for (std::size_t k = 0; k < terms.size(); ++k)
            points(program_.outputs[k].family, [&] { element(static_cast<std::uint32_t>(k), terms[k]); });
        while (!pending_.empty()) {
            const auto [statement, point] = pending_.back();
            pending_.pop_back();
            const auto& ranges = program_.statements[statement].domain.ranges;
            for (std::size_t k = 0; k < ranges.size(); ++k)
                set(ranges[k].index, point[k]);
            scan(program_.statements[statement].value);
        }
        return std::move(result_);
    }

  private:
    using Element = std::pair<std::uint32_t, Member>;
    using Instance = std::pair<std::uint32_t, Member>;

    // To say which coefficients are 0: where they take longer or lead deeper, they count as others do.
    static constexpr unsigned coefficient_budget = 1'000'000, coefficient_depth = 500;

    const ir::Program& program_;
    Analysis analysis_;
    std::size_t budget_;
    unsigned coefficient_steps_ = 0;
    std::vector<resolve::Extent> extents_;
    std::vector<std::int64_t> values_; // by symbol
    std::map<Element, Instance> elements_;
    std::map<std::uint32_t, resolve::Extent> boxes_;   // of parameters
    std::map<Element, std::optional<double>> numbers_; // elements of scalars: what indices alone make of them
    std::set<Element> seen_;
    std::vector<Instance> pending_;
    ElementUses result_;

    void spend() {
        if (budget_-- == 0)
            throw Stop{};
    }
    void set(ir::Symbol symbol, std::int64_t to) { values_[static_cast<std::uint32_t>(symbol)] = to; }
    std::int64_t value(const Affine& affine) const {
        const auto result = ir::evaluate(affine, [&](ir::Symbol s) { return values_[static_cast<std::uint32_t>(s)]; });
        if (!result)
            throw Stop{};
        return *result;
    }
    Member indices(llvm::ArrayRef<Affine> affines) const {
        Member result;
        for (const Affine& affine : affines)
            result.push_back(value(affine));
        return result;
    }
    bool holds(const ir::Condition& condition) const { return ir::holds(condition.relation, value(condition.value)); }

    void points(llvm::ArrayRef<ir::Range> ranges, const std::function<void()>& body) {
        spend();
        if (ranges.empty())
            return body();
        const std::int64_t last = value(ranges[0].upper);
        for (std::int64_t i = value(ranges[0].lower); i <= last; ++i) {
            set(ranges[0].index, i);
            points(ranges.drop_front(), body);
        }
    }

    // The tuple that an access names in a box; nothing where `zero` reads 0.
    static std::optional<Member> place(Member tuple, ir::IndexMode mode, const resolve::Extent& box) {
        if (mode == ir::IndexMode::none)
            return tuple;
        for (std::size_t k = 0; k < tuple.size(); ++k) {
            const auto index = ir::apply_mode(tuple[k], box.lower[k], box.upper[k], mode);
            if (!index)
                return std::nullopt;
            tuple[k] = *index;
        }
        return tuple;
    }

    // Around all members: bounds may use earlier indices.
    const resolve::Extent& box(std::uint32_t parameter) {
        const auto [found, fresh] = boxes_.try_emplace(parameter);
        resolve::Extent& box = found->second;
        const auto& family = program_.parameters[parameter].family;
        if (fresh)
            points(family, [&] {
                Member member;
                for (const ir::Range& range : family)
                    member.push_back(value(Affine::of(range.index)));
                if (box.lower.empty())
                    box.lower = box.upper = member;
                for (std::size_t k = 0; k < member.size(); ++k) {
                    box.lower[k] = std::min(box.lower[k], member[k]);
                    box.upper[k] = std::max(box.upper[k], member[k]);
                }
            });
        return box;
    }

    // Nothing where `zero` reads 0.
    std::optional<Member> member(std::uint32_t parameter, const ir::Access& access) {
        Member tuple = indices(access.indices);
        if (access.mode == ir::IndexMode::none || tuple.empty())
            return tuple;
        const resolve::Extent& around = box(parameter);
        return around.lower.empty() ? std::nullopt : place(std::move(tuple), access.mode, around);
    }

    void element(std::uint32_t output, const std::vector<OutputTerm>& terms) {
        bool read_out = false;
        const OutputTerm* average = nullptr;
        for (const OutputTerm& term : terms)
            points(term.ranges, [&] {
                if (number(term.coefficient, 0) == 0.0)
                    return;
                if (term.kind == OutputTerm::Kind::readout) {
                    auto read = member(term.parameter, term.member);
                    if (!read)
                        return;
                    result_.readouts[term.parameter].insert(std::move(*read));
                    read_out = true;
                    scan(term.vector);
                } else if (term.kind == OutputTerm::Kind::constant && analysis_.of(term.coefficient).moment) {
                    average = &term;
                }
                scan(term.coefficient);
            });
        if (average == nullptr || read_out)
            return;
        Member own;
        for (const ir::Range& range : program_.outputs[output].family)
            own.push_back(value(Affine::of(range.index)));
        result_.averages.try_emplace(output, std::move(own), average);
    }

    // What indices and numbers alone make of a scalar; nothing where it depends on more.
    std::optional<double> number(ir::ExprId id, unsigned depth) {
        const ir::Node& node = program_.exprs[id];
        if (++coefficient_steps_ > coefficient_budget || depth > coefficient_depth)
            return std::nullopt;
        switch (node.op) {
        case Op::number:
            return node.number;
        case Op::affine:
            return static_cast<double>(value(node.affine));
        case Op::read:
            return number_of_element(node, depth);
        case Op::reduce:
            return number_of_sum(node, depth);
        case Op::apply:
            return number_of_function(node, depth);
        default:
            return std::nullopt;
        }
    }

    std::optional<double> number_of_function(const ir::Node& node, unsigned depth) {
        const bool product = node.function == ir::Function::mul;
        llvm::SmallVector<double, 2> arguments;
        bool known = true;
        for (std::size_t k = 0; k < node.children.size(); ++k) {
            const auto argument = number(node.children[k], depth + 1);
            if (argument == 0.0 && (product || (node.function == ir::Function::div && k == 0)))
                return 0.0; // of whatever else
            known = known && argument;
            arguments.push_back(argument.value_or(0));
        }
        return known ? std::optional(ir::evaluate(node.function, arguments)) : std::nullopt;
    }

    std::optional<double> number_of_sum(const ir::Node& node, unsigned depth) {
        if (node.reduction != ir::Reduction::sum)
            return std::nullopt;
        std::optional<double> sum = 0.0;
        points(node.ranges, [&] {
            const auto term = sum ? number(node.children[0], depth + 1) : std::nullopt;
            sum = term ? std::optional(*sum + *term) : std::nullopt;
        });
        return sum;
    }

    std::optional<double> number_of_element(const ir::Node& node, unsigned depth) {
        if (node.type != ir::Type::scalar)
            return std::nullopt;
        const auto tuple = place(indices(node.access.indices), node.access.mode, extents_[node.target]);
        if (!tuple)
            return 0.0;
        const Element element{node.target, *tuple};
        if (const auto known = numbers_.find(element); known != numbers_.end())
            return known->second;
        const auto found = elements_.find(element);
        if (found == elements_.end())
            throw Stop{};
        const auto& [statement, point] = found->second;
        const auto& ranges = program_.statements[statement].domain.ranges;
        Member before; // two statements may share the indices of their loops
        for (std::size_t k = 0; k < ranges.size(); ++k) {
            before.push_back(value(Affine::of(ranges[k].index)));
            set(ranges[k].index, point[k]);
        }
        const auto result = number(program_.statements[statement].value, depth + 1);
        for (std::size_t k = 0; k < ranges.size(); ++k)
            set(ranges[k].index, before[k]);
        numbers_.emplace(element, result);
        return result;
    }

    void scan(ir::ExprId id) {
        spend();
        const ir::Node& node = program_.exprs[id];
        if (node.op == Op::parameter || node.op == Op::matmul)
            if (auto used = member(node.target, node.access))
                result_.members[id].insert(std::move(*used));
        if (node.op == Op::width_power)
            result_.members[id].insert(Member{});
        if (node.op == Op::read)
            return read(node);
        if (node.op == Op::reduce)
            return points(node.ranges, [&] { scan(node.children[0]); });
        for (const ir::ExprId child : node.children)
            scan(child);
    }

    void read(const ir::Node& node) {
        const auto tuple = place(indices(node.access.indices), node.access.mode, extents_[node.target]);
        if (!tuple)
            return;
        const Element element{node.target, *tuple};
        if (!seen_.insert(element).second)
            return;
        const auto found = elements_.find(element);
        if (found == elements_.end())
            throw Stop{};
        pending_.push_back(found->second);
    }
};

} // namespace

std::optional<ElementUses> element_uses(const ir::Program& program, const std::vector<std::vector<OutputTerm>>& terms,
                                        const ir::Sizes& sizes, std::size_t budget) {
    try {
        return ElementWalk(program, sizes, budget).run(terms);
    } catch (const Stop&) {
        return std::nullopt;
    }
}

} // namespace tpc::check
