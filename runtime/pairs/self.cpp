#include "runtime/pairs/self.hpp"

#include "compiler/network/form.hpp"
#include "compiler/plan/items.hpp"
#include "compiler/plan/walk.hpp"
#include "runtime/expectations/joint_loops.hpp"
#include "runtime/pairs/moments.hpp"
#include "runtime/pairs/pair.hpp"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace tpc::execute {
namespace {

using namespace ir;
using network::Base;
using network::FormKind;

template <class Real> void allocate(State<Real>& state) {
    const plan::SelfPlan& plan = *state.plan;
    const Program& program = plan.recursions.network.program;
    const std::size_t n = state.samples;
    for (const plan::FiniteArray& array : plan.finite) {
        state.finite.emplace_back(static_cast<std::size_t>(array.box.count() * array.length) * n);
        if (!array.input)
            continue;
        const std::vector<double>& values = state.data->inputs[array.source].values;
        const std::size_t row = state.finite.back().size() / std::max<std::size_t>(n, 1);
        for (std::size_t s = 0; s < n; ++s)
            for (std::size_t k = 0; k < row; ++k)
                state.finite.back()[k * n + s] = static_cast<Real>(values[s * row + k]);
    }
    for (const plan::CoefficientArray& array : plan.coefficients)
        state.coefficients.emplace_back(static_cast<std::size_t>(array.box.count()) * n);
    state.scalars.resize(program.families.size());
    state.means.resize(program.families.size());
    state.second.resize(program.families.size());
    state.norm.resize(program.families.size());
    std::vector<bool> mean(program.families.size(), false);
    for (std::size_t k = 0; k < program.statements.size(); ++k)
        if (plan.recursions.mean_needed[k])
            mean[program.statements[k].family] = true;
    for (std::size_t f = 0; f < program.families.size(); ++f) {
        const std::size_t size = static_cast<std::size_t>(plan.boxes[f].count()) * n;
        if (program.families[f].type == Type::scalar)
            state.scalars[f].resize(size);
        if (program.families[f].type == Type::vector) {
            state.second[f].resize(size);
            state.norm[f].resize(size);
        }
        if (mean[f])
            state.means[f].resize(size);
    }
    state.minus.resize(plan.whole().entries * n);
    state.plus.resize(plan.whole().entries * n);
}

// One chunk of samples through the whole program.
template <class Real> class SelfRun {
  public:
    SelfRun(State<Real>& state, DualCache<Real>& duals, JointCache& joints, std::size_t first, std::size_t count)
        : state_(state), plan_(*state.plan), program_(plan_.recursions.network.program), duals_(duals), joints_(joints),
          first_(first), count_(count),
          machine_(plan_.whole(), plan_.recursions, {&state, first, 1}, {&state, first, 1},
                   {state.minus.data(), state.plus.data(), nullptr, nullptr, state.samples, first}, count, duals, joints,
                   nullptr),
          moments_(state, plan_.whole(), first, count, duals, machine_.slots()), scalars_(state, first, count) {
        diagonal_.assign(program_.statements.size(), plan::no_array);
        joint_loops_ = joint_loops(plan_.part, plan_.recursions.network);
        machine_.set_uses(joints.uses);
        for (std::uint32_t k = 0; k < plan_.part.ops.size(); ++k)
            if (plan_.part.ops[k].left_statement == plan_.part.ops[k].right_statement)
                diagonal_[plan_.part.ops[k].left_statement] = k;
    }

    void run() {
        plan::Path path;
        walk_left(plan_.whole().left, machine_.slots(), path, false, [&](std::size_t statement) { visit(statement, path); });
    }

  private:
    State<Real>& state_;
    const plan::SelfPlan& plan_;
    const Program& program_;
    DualCache<Real>& duals_;
    JointCache& joints_;
    std::size_t first_, count_;
    PairMachine<Real> machine_;
    MomentMachine<Real> moments_;
    ScalarEvaluator<Real> scalars_;
    std::vector<JointLoop> joint_loops_; // by operation
    static constexpr std::size_t nothing = ~std::size_t{0};
    std::size_t filled_ = nothing;        // the unit whose coefficients of the instance at hand are there
    std::vector<std::uint32_t> diagonal_; // by statement: the operation of its own pair

    std::int64_t slot(Symbol symbol) { return machine_.slots()[static_cast<std::uint32_t>(symbol)]; }
    std::int64_t value(const Affine& affine) { return value_at(plan_, affine, machine_.slots()); }
    plan::Indices element(const std::vector<Affine>& indices) {
        plan::Indices result;
        for (const Affine& index : indices)
            result.push_back(value(index));
        return result;
    }

    void visit(std::size_t k, const plan::Path& path) {
        const bool involved = k < plan_.recursions.involved.size() && plan_.recursions.involved[k];
        if (k >= plan_.coefficients_of.size()) {
            sums(k);
            return;
        }
        if (k >= program_.statements.size()) {
            coefficients(k);
            return;
        }
        const Statement& statement = program_.statements[k];
        const FormKind kind = plan_.recursions.network.forms[k].kind;
        if (!involved || !all_hold(plan_, statement.domain.conditions, machine_.slots()))
            return;
        const std::size_t offset = offset_in(plan_.boxes[statement.family], element(statement.indices));
        if (kind == FormKind::scalar) {
            const std::vector<Real> values = scalars_(statement.value, machine_.slots());
            std::copy(values.begin(), values.end(), state_.scalars[statement.family].begin() + at(offset));
            return;
        }
        if (kind == FormKind::finite) {
            finite(statement, offset);
            return;
        }
        coefficients(k);
        if (plan_.recursions.mean_needed[k])
            mean(k, offset);
        pairs(k, path, offset);
    }

    // Sums that the next statement reads; they need its coefficients, which are there where its conditions hold only.
    void sums(std::size_t walk) {
        const plan::Part& part = plan_.whole();
        filled_ = nothing;
        walk_right(part.right[walk], machine_.slots(), nullptr, 0, false, [&](std::uint32_t op) {
            if (!machine_.applies(part.ops[op]))
                return;
            const std::size_t unit = part.ops[op].left_statement;
            if (filled_ != unit && std::ranges::any_of(part.ops[op].terms, [](const plan::TermOp& term) {
                    return term.left_factor.array.has_value();
                })) {
                coefficients(unit);
                filled_ = unit;
            }
            machine_.run(op, false);
        });
    }

    std::ptrdiff_t at(std::size_t offset) const { return static_cast<std::ptrdiff_t>(offset * state_.samples + first_); }

    void finite(const Statement& statement, std::size_t offset) {
        for (std::size_t a = 0; a < plan_.finite.size(); ++a) {
            if (plan_.finite[a].input || plan_.finite[a].source != statement.family)
                continue;
            const auto rows = scalars_.finite(statement.value, machine_.slots());
            const auto length = static_cast<std::size_t>(plan_.finite[a].length);
            for (std::size_t d = 0; d < std::min(length, rows.size()); ++d)
                std::copy(rows[d].begin(), rows[d].end(), state_.finite[a].begin() + at(offset * length + d));
        }
    }

    void coefficients(std::size_t unit) {
        if (std::exchange(filled_, nothing) == unit) // just now
            return;
        const std::vector<std::uint32_t>& ids = plan_.coefficients_of[unit];
        for (auto id = ids.begin(); id != ids.end(); ++id)
            if (*id != plan::no_array && std::find(ids.begin(), id, *id) == id) // terms may share one
                fill(plan_.coefficients[*id], state_.coefficients[*id], 0);
    }
    void fill(const plan::CoefficientArray& array, Numbers<Real>& values, std::size_t depth) {
        if (depth < array.ranges.size()) {
            const plan::LoopRange& range = array.ranges[depth];
            const std::int64_t upper = range.upper(machine_.slots());
            for (std::int64_t i = range.lower(machine_.slots()); i <= upper; ++i) {
                machine_.slots()[range.slot] = i;
                fill(array, values, depth + 1);
            }
            return;
        }
        plan::Indices indices;
        for (const std::uint32_t s : array.loop_slots)
            indices.push_back(machine_.slots()[s]);
        for (const plan::LoopRange& range : array.ranges)
            indices.push_back(machine_.slots()[range.slot]);
        const std::vector<Real> row = scalars_(array.expression, machine_.slots());
        std::copy(row.begin(), row.end(), values.begin() + at(offset_in(array.box, indices)));
    }

    // E[Z] of an element that is read, for the chunk; zeros when it is centred or reads zero.
    std::vector<Real> mean_of(std::uint32_t family, const Access& access) {
        plan::Indices indices;
        const plan::Box& box = plan_.boxes[family];
        for (std::size_t d = 0; d < access.indices.size(); ++d) {
            const auto index =
                ir::apply_mode(value(access.indices[d]), box.lower[d], box.lower[d] + box.size[d] - 1, access.mode);
            if (!index)
                return std::vector<Real>(count_, 0);
            indices.push_back(*index);
        }
        const Real* mean = state_.mean_of(family, indices);
        return mean ? std::vector<Real>(mean + first_, mean + first_ + count_) : std::vector<Real>(count_, 0);
    }

    void mean(std::size_t k, std::size_t offset) {
        const Statement& statement = program_.statements[k];
        const network::Form& form = plan_.recursions.network.forms[k];
        std::vector<Real> result(count_, 0);
        if (form.kind == FormKind::linear) {
            for (const network::LinearTerm& term : form.terms)
                if (term.base == Base::one || term.base == Base::read)
                    linear_mean(term, 0, result);
        } else if (plan_.recursions.joint_mean[k]) {
            const plan::Indices own = element(statement.indices);
            const JointTerm& term = joints_.find({{statement.family, {own.begin(), own.end()}}}, {}, false);
            evaluate_mean<Real>(term, {&state_, first_, 1}, count_, joints_, result.data());
        } else if (form.kind == FormKind::activation) {
            plan::Indices indices;
            const std::uint32_t family = form.reads[0].family;
            const plan::Box& box = plan_.boxes[family];
            const Access& access = form.reads[0].access;
            for (std::size_t d = 0; d < access.indices.size(); ++d) {
                const auto index =
                    ir::apply_mode(value(access.indices[d]), box.lower[d], box.lower[d] + box.size[d] - 1, access.mode);
                if (!index)
                    throw MethodError("a nonlinearity of an element outside its family");
                indices.push_back(*index);
            }
            const Real* variance = state_.second_of(family, indices) + first_;
            const std::vector<Real> mean = mean_of(family, access);
            const bool shifted = std::ranges::any_of(mean, [](Real m) { return m != Real(0); });
            duals_.expectation(form.function, count_, variance, shifted ? mean.data() : nullptr, result.data());
        } else if (form.kind == FormKind::product) {
            // of independent factors
            std::fill(result.begin(), result.end(), Real(1));
            for (const network::ElementRead& read : form.reads) {
                const std::vector<Real> factor = mean_of(read.family, read.access);
                for (std::size_t s = 0; s < count_; ++s)
                    result[s] *= factor[s];
            }
        }
        std::copy(result.begin(), result.end(), state_.means[statement.family].begin() + at(offset));
    }

    void linear_mean(const network::LinearTerm& term, std::size_t depth, std::vector<Real>& result) {
        if (depth < term.ranges.size()) {
            const Range& range = term.ranges[depth];
            const std::int64_t upper = value(range.upper);
            for (std::int64_t i = value(range.lower); i <= upper; ++i) {
                machine_.slots()[static_cast<std::uint32_t>(range.index)] = i;
                linear_mean(term, depth + 1, result);
            }
            return;
        }
        const std::vector<Real> coefficient = scalars_(term.coefficient, machine_.slots());
        const std::vector<Real> mean =
            term.base == Base::one ? std::vector<Real>(count_, 1) : mean_of(term.operand, term.access);
        for (std::size_t s = 0; s < count_; ++s)
            result[s] += coefficient[s] * mean[s];
    }

    void pairs(std::size_t k, const plan::Path& path, std::size_t offset) {
        const plan::Part& part = plan_.whole();
        const auto primed = [&](Symbol symbol) -> std::int64_t& {
            return machine_.slots()[static_cast<std::uint32_t>(plan_.recursions.primed(symbol))];
        };
        const Statement& statement = program_.statements[k];
        if (diagonal_[k] != plan::no_array) {
            for (const Range& range : statement.domain.ranges)
                primed(range.index) = slot(range.index);
            run_in_loop(diagonal_[k], path);
            if (machine_.applies(part.ops[diagonal_[k]]))
                diagonal(statement, diagonal_[k], offset);
        }
        walk_right(part.right[k], machine_.slots(), &path, 0, false, [&](std::uint32_t op) {
            if (!machine_.applies(part.ops[op]))
                return;
            run_in_loop(op, path);
            const std::size_t entry = machine_.run(op, false);
            mirror(part.ops[op], entry);
        });
    }

    // The operation's expectations with all elements up to this one at once.
    void run_in_loop(std::uint32_t op, const plan::Path& path) {
        machine_.set_loop(op, joint_loops_[op].innermost(), joint_loops_[op].last(path, machine_.slots()));
    }

    // An element with itself: its second moment.
    void diagonal(const Statement& statement, std::uint32_t op, std::size_t offset) {
        if (moments_.run(op, offset, machine_.target(plan_.whole().ops[op])))
            return;
        const std::size_t entry = machine_.run(op, true);
        Real* second = state_.second[statement.family].data() + at(offset);
        Real* norm = state_.norm[statement.family].data() + at(offset);
        const Real* plus = state_.plus.data() + at(entry);
        for (std::size_t s = 0; s < count_; ++s) {
            second[s] = plus[s] / 4;
            norm[s] = std::sqrt(second[s]);
        }
    }

    // C(y, x) = C(x, y) within one sample.
    void mirror(const plan::PairOp& op, std::size_t entry) {
        const plan::PairArray& own = plan_.part.arrays[op.array];
        for (const plan::PairArray& array : plan_.part.arrays) {
            if (array.left != own.right || array.right != own.left)
                continue;
            plan::Indices left;
            plan::Indices right;
            for (const plan::Linear& index : op.right_target)
                left.push_back(index(machine_.slots()));
            for (const plan::Linear& index : op.left_target)
                right.push_back(index(machine_.slots()));
            const std::size_t other = entry_offset(array, left, right);
            std::copy_n(state_.minus.begin() + at(entry), count_, state_.minus.begin() + at(other));
            std::copy_n(state_.plus.begin() + at(entry), count_, state_.plus.begin() + at(other));
        }
    }
};

} // namespace

// What is asked once for all samples of a chunk costs as much as some tens of them; sets of more have threads to share them.
std::size_t self_chunk(std::size_t samples) {
    constexpr std::size_t least = 16, parts = 2;
    return std::clamp(std::bit_ceil(samples) / parts, least, most_of_chunk);
}

template <class Real>
State<Real> run_self(const plan::SelfPlan& plan, const SampleSet& data, DualCache<Real>& duals, JointCache& joints,
                     std::size_t chunk, Ledger* ledger, Meter* meter) {
    State<Real> state;
    state.plan = &plan;
    state.data = &data;
    state.samples = data.samples;
    allocate(state);
    // All expectations of one sample in turn: those of one law share what belongs to it.
    chunk = has_joint(plan) ? 1 : chunk;
    oneapi::tbb::parallel_for(std::size_t{0}, (data.samples + chunk - 1) / chunk, [&](std::size_t block) {
        const std::size_t first = block * chunk;
        const std::size_t count = std::min(chunk, data.samples - first);
        SelfRun<Real>(state, duals, joints, first, count).run();
        if (meter != nullptr)
            meter->samples += count;
    });
    if (ledger != nullptr)
        joints.report(false, *ledger);
    return state;
}

std::size_t self_numbers(const plan::SelfPlan& plan) {
    std::size_t numbers = 2 * plan.whole().entries;
    for (const plan::FiniteArray& array : plan.finite)
        numbers += static_cast<std::size_t>(array.box.count() * array.length);
    for (const plan::CoefficientArray& array : plan.coefficients)
        numbers += static_cast<std::size_t>(array.box.count());
    const Program& program = plan.recursions.network.program;
    for (std::size_t f = 0; f < program.families.size(); ++f) // a scalar, or E[Z], E[Z^2] and its root
        numbers += (program.families[f].type == Type::scalar ? 1 : 3) * static_cast<std::size_t>(plan.boxes[f].count());
    return numbers;
}

template State<double> run_self(const plan::SelfPlan&, const SampleSet&, DualCache<double>&, JointCache&, std::size_t,
                                Ledger*, Meter*);
template State<float> run_self(const plan::SelfPlan&, const SampleSet&, DualCache<float>&, JointCache&, std::size_t, Ledger*,
                               Meter*);

} // namespace tpc::execute
