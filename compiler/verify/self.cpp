// The self part run without numbers: what runtime/pairs/self.cpp does.
#include "compiler/plan/walk.hpp"
#include "compiler/verify/operation.hpp"

namespace tpc::plan {

using namespace ir;
using network::FormKind;

class SelfCheck {
  public:
    SelfCheck(SampleCheck& sample, Report& report)
        : sample_(sample), plan_(sample.plan), part_(plan_.whole()), report_(report), slots_(part_.slots, 0),
          check_(part_, sample, sample, sample.entries, slots_.data(), report),
          diagonal_(program().statements.size(), no_array) {
        for (std::uint32_t k = 0; k < plan_.part.ops.size(); ++k)
            if (part_.ops[k].left_statement == part_.ops[k].right_statement && !part_.ops[k].output)
                diagonal_[part_.ops[k].left_statement] = k;
    }

    void run() {
        Path path;
        walk_left(part_.left, slots_.data(), path, false, [&](std::size_t k) {
            if (!report_.spent())
                visit(k, path);
        });
    }

  private:
    SampleCheck& sample_;
    const SelfPlan& plan_;
    const Part& part_;
    Report& report_;
    std::vector<std::int64_t> slots_;
    OperationCheck check_;
    std::vector<std::uint32_t> diagonal_; // by statement

    [[nodiscard]] const Program& program() const { return plan_.recursions.network.program; }

    void visit(std::size_t k, const Path& path) {
        if (k >= plan_.coefficients_of.size()) {
            walk_right(part_.right[k], slots_.data(), nullptr, 0, false, [&](std::uint32_t op) {
                if (!hold(part_.ops[op].guards, slots_.data()))
                    return;
                if (std::ranges::any_of(part_.ops[op].terms,
                                        [](const TermOp& term) { return term.left_factor.array.has_value(); }))
                    coefficients(part_.ops[op].left_statement);
                check_.reads(part_.ops[op], false);
                check_.writes(part_.ops[op]);
            });
            return;
        }
        if (k >= program().statements.size())
            return coefficients(k);
        const Statement& statement = program().statements[k];
        if (!plan_.recursions.involved[k] || !all_hold(plan_, statement.domain.conditions, slots_.data()))
            return;
        Indices element;
        for (const Affine& index : statement.indices)
            element.push_back(value_at(plan_, index, slots_.data()));
        const Reader reader{nullptr, k, slots_.data()};
        const auto place = place_in(plan_.boxes[statement.family], element);
        if (!place)
            return report_.add(Fault::outside, report_.name(reader), report_.name(statement.family, element));
        const FormKind kind = plan_.recursions.network.forms[k].kind;
        report_.spoilt = 0;
        if (kind == FormKind::scalar || kind == FormKind::finite) {
            sample_.read_numbers(statement.value, slots_.data(), reader, report_);
            sample_.values.write(statement.family, *place, report_);
            return;
        }
        coefficients(k);
        if (plan_.recursions.mean_needed[k]) {
            report_.spoilt = 0;
            mean(k, element, reader);
            sample_.means.write(statement.family, *place, report_);
        }
        pairs(k, path, *place);
    }

    void coefficients(std::size_t unit) {
        for (const std::uint32_t id : plan_.coefficients_of[unit])
            if (id != no_array)
                fill(plan_.coefficients[id], id, unit, 0);
    }
    void fill(const CoefficientArray& array, std::uint32_t id, std::size_t unit, std::size_t depth) {
        if (depth < array.ranges.size()) {
            const LoopRange& range = array.ranges[depth];
            const std::int64_t upper = range.last(slots_.data());
            for (std::int64_t i = range.first(slots_.data()); i <= upper; ++i) {
                slots_[range.slot] = i;
                fill(array, id, unit, depth + 1);
            }
            return;
        }
        report_.count();
        report_.spoilt = 0;
        Indices indices;
        for (const std::uint32_t s : array.loop_slots)
            indices.push_back(slots_[s]);
        for (const LoopRange& range : array.ranges)
            indices.push_back(slots_[range.slot]);
        const Reader reader{nullptr, unit, slots_.data()};
        sample_.read_numbers(array.expression, slots_.data(), reader, report_);
        if (const auto place = place_in(array.box, indices))
            sample_.coefficients.write(id, *place, report_);
        else
            report_.add(Fault::outside, report_.name(reader), "a factor");
    }

    void mean(std::size_t k, const Indices& element, const Reader& reader) {
        const network::Form& form = plan_.recursions.network.forms[k];
        const auto read = [&](std::uint32_t family, const Access& access) {
            Indices indices;
            if (locate(plan_, access, plan_.boxes[family], slots_.data(), indices))
                sample_.read_mean(family, indices, reader, report_);
        };
        if (form.kind == FormKind::linear) {
            for (const network::LinearTerm& term : form.terms)
                if (term.base == network::Base::one || term.base == network::Base::read)
                    over_ranges(plan_, term.ranges, slots_.data(), [&] {
                        sample_.read_numbers(term.coefficient, slots_.data(), reader, report_);
                        if (term.base == network::Base::read)
                            read(term.operand, term.access);
                    });
        } else if (plan_.recursions.joint_mean[k]) {
            const std::uint32_t family = program().statements[k].family;
            sample_.read_ingredients(sample_.ingredients({{family, {element.begin(), element.end()}}}), reader, report_);
        } else {
            for (const network::ElementRead& own : form.reads) {
                Indices indices;
                if (form.kind == FormKind::activation &&
                    locate(plan_, own.access, plan_.boxes[own.family], slots_.data(), indices))
                    sample_.read_second(own.family, indices, reader, report_);
                read(own.family, own.access);
            }
        }
    }

    void pairs(std::size_t k, const Path& path, std::size_t place) {
        const Statement& statement = program().statements[k];
        if (diagonal_[k] != no_array) {
            for (const Range& range : statement.domain.ranges)
                slots_[static_cast<std::uint32_t>(plan_.recursions.primed(range.index))] =
                    slots_[static_cast<std::uint32_t>(range.index)];
            const PairOp& op = part_.ops[diagonal_[k]];
            if (hold(op.guards, slots_.data())) {
                check_.reads(op, true);
                check_.writes(op);
                sample_.seconds.write(statement.family, place, report_);
            }
        }
        walk_right(part_.right[k], slots_.data(), &path, 0, false, [&](std::uint32_t index) {
            const PairOp& op = part_.ops[index];
            if (report_.spent() || !hold(op.guards, slots_.data()))
                return;
            check_.reads(op, false);
            check_.writes(op);
            mirror(op);
        });
    }

    // C(y, x) = C(x, y) within one sample.
    void mirror(const PairOp& op) {
        const PairArray& own = plan_.part.arrays[op.array];
        for (std::uint32_t k = 0; k < plan_.part.arrays.size(); ++k)
            if (plan_.part.arrays[k].left == own.right && plan_.part.arrays[k].right == own.left) {
                Indices left, right;
                for (const Linear& index : op.right_target)
                    left.push_back(index(slots_.data()));
                for (const Linear& index : op.left_target)
                    right.push_back(index(slots_.data()));
                sample_.entries.write(k, left, right, op.tangent, false, {&op, op.left_statement, slots_.data()}, report_);
            }
    }
};

void SampleCheck::run(Report& report) {
    SelfCheck(*this, report).run();
}

} // namespace tpc::plan
