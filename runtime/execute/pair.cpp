#include "runtime/execute/pair.hpp"

#include "runtime/execute/centre.hpp"
#include "runtime/execute/walk.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::execute {

using limit::PairTerm;

template <class Real>
PairMachine<Real>::PairMachine(const plan::Part& part, const limit::Recursions& recursions, const Side<Real>& left,
                               const Side<Real>& right, const Store<Real>& store, std::size_t count, DualCache<Real>& duals,
                               JointCache& joints, const std::vector<DualFeatures<Real>>* features)
    : part_(part), recursions_(recursions), left_(left), right_(right), store_(store), count_(count), duals_(duals),
      joints_(joints), features_(features), slots_(recursions.network.program.symbols.size(), 0) {
    for (auto* row : {&value_, &minus_, &plus_, &tangent_, &a_, &b_, &c_, &d_, &slope_, &zero_, &left_scale_, &right_scale_})
        row->assign(count, Real(0));
}

template <class Real>
typename PairMachine<Real>::Located
PairMachine<Real>::locate_in(const plan::EntryRead& read, const std::vector<plan::PairArray>& arrays,
                             const plan::SelfPlan& left, const plan::SelfPlan& right) const {
    Located located;
    located.left =
        locate(read.left.indices, read.left.mode, left.box_of(read.left.family), slots_.data(), located.left_element);
    located.right =
        locate(read.right.indices, read.right.mode, right.box_of(read.right.family), slots_.data(), located.right_element);
    if (located.left && located.right && read.array != plan::no_array) {
        located.stored = true;
        located.entry = entry_offset(arrays[read.array], located.left_element, located.right_element);
    }
    return located;
}

template <class Real>
typename PairMachine<Real>::Located PairMachine<Real>::locate_entry(const plan::EntryRead& read) const {
    return locate_in(read, part_.arrays, *left_.state->plan, *right_.state->plan);
}

template <class Real> double PairMachine<Real>::constant(const plan::Constant& c) const {
    return c.fixed ? c.value
                   : evaluate_constant(recursions_, left_.state->plan->sizes, right_.state->plan->sizes, c.expression,
                                       slots_.data());
}

template <class Real> Lanes<Real> PairMachine<Real>::factor_array(const plan::Factor& factor, const Side<Real>& side) const {
    if (!factor.array)
        return {};
    const plan::Box& box = side.state->plan->coefficients[*factor.array].box;
    Indices indices;
    for (const plan::Linear& index : factor.point)
        indices.push_back(index(slots_.data()));
    return side.at(side.state->coefficients[*factor.array].data() + offset_in(box, indices) * side.state->samples);
}

template <class Real> typename PairMachine<Real>::Weight PairMachine<Real>::weight(const plan::TermOp& term) const {
    Weight w;
    w.left_array = factor_array(term.left_factor, left_);
    w.right_array = factor_array(term.right_factor, right_);
    w.left = w.left_array.data ? Real(1) : static_cast<Real>(constant(term.left_factor.constant));
    w.right = w.right_array.data ? Real(1) : static_cast<Real>(constant(term.right_factor.constant));
    w.constant = w.left * w.right;
    return w;
}

template <class Real>
template <class Visit>
void PairMachine<Real>::over_sums(const plan::TermOp& term, std::size_t depth, const Visit& visit) {
    if (depth == term.sums.size()) {
        visit(plan::hold(term.guards, slots_.data()));
        return;
    }
    const plan::LoopRange& range = term.sums[depth];
    const std::int64_t upper = range.last(slots_.data());
    for (std::int64_t i = range.first(slots_.data()); i <= upper; ++i) {
        slots_[range.slot] = i;
        over_sums(term, depth + 1, visit);
    }
}

// <x, x_> / d of two finite vectors or, given scales, |left_scale x - right_scale x_|^2 / d and the same with a plus sign.
template <class Real>
void PairMachine<Real>::gram(const plan::TermOp& term, Real* product, Real* minus, Real* plus, const Real* left_scale,
                             const Real* right_scale) const {
    const plan::FiniteArray& left = left_.state->plan->finite[term.left_finite];
    const plan::FiniteArray& right = right_.state->plan->finite[term.right_finite];
    Indices le;
    Indices re;
    const bool has_left = locate(term.left_place.indices, term.left_place.mode, left.box, slots_.data(), le);
    const bool has_right = locate(term.right_place.indices, term.right_place.mode, right.box, slots_.data(), re);
    for (Real* row : {product, minus, plus})
        if (row != nullptr)
            std::fill(row, row + count_, Real(0));
    const auto length = static_cast<std::size_t>(left.length);
    const auto rows = [&](const Side<Real>& side, std::uint32_t array, const plan::Box& box, const Indices& element) {
        return side.at(side.state->finite[array].data() + offset_in(box, element) * length * side.state->samples);
    };
    const Lanes<Real> l = has_left ? rows(left_, term.left_finite, left.box, le) : Lanes<Real>{};
    const Lanes<Real> r = has_right ? rows(right_, term.right_finite, right.box, re) : Lanes<Real>{};
    const std::size_t ls = left_.state->samples;
    const std::size_t rs = right_.state->samples;
    const auto pass = [&](Real* out, const auto& f) {
        if (out == nullptr)
            return;
        for (std::size_t k = 0; k < length; ++k) {
            const Real* lk = has_left ? l.data + k * ls : nullptr;
            const Real* rk = has_right ? r.data + k * rs : nullptr;
            if (left_.step == 0) {
                const Real x = lk ? *lk : Real(0);
                if (rk)
                    for (std::size_t i = 0; i < count_; ++i)
                        out[i] += f(x, rk[i], i);
                else
                    for (std::size_t i = 0; i < count_; ++i)
                        out[i] += f(x, Real(0), i);
            } else {
                for (std::size_t i = 0; i < count_; ++i)
                    out[i] += f(lk ? lk[i] : Real(0), rk ? rk[i] : Real(0), i);
            }
        }
        const Real scale = Real(1) / static_cast<Real>(length);
        for (std::size_t i = 0; i < count_; ++i)
            out[i] *= scale;
    };
    const auto square = [](Real x) { return x * x; };
    pass(product, [](Real x, Real y, std::size_t) { return x * y; });
    pass(minus, [&](Real x, Real y, std::size_t i) { return square(left_scale[i] * x - right_scale[i] * y); });
    pass(plus, [&](Real x, Real y, std::size_t i) { return square(left_scale[i] * x + right_scale[i] * y); });
}

template <class Real> void PairMachine<Real>::means(const plan::TermOp& term, Real* out) const {
    std::fill(out, out + count_, Real(1));
    const auto times = [&](const plan::Place& place, const Side<Real>& side) {
        Indices element;
        const Real* mean = nullptr;
        if (locate(place.indices, place.mode, side.state->plan->boxes[place.family], slots_.data(), element))
            mean = side.state->mean_of(place.family, element);
        const Lanes<Real> lanes = mean ? side.at(mean) : Lanes<Real>{};
        for (std::size_t i = 0; i < count_; ++i)
            out[i] *= mean ? lanes[i] : Real(0);
    };
    if (term.left_mean)
        times(*term.left_mean, left_);
    if (term.right_mean)
        times(*term.right_mean, right_);
}

namespace {
template <class Real, class W> void accumulate(Real* out, const Real* x, Real scale, const W& w, std::size_t count) {
    if (w.fixed()) {
        const Real s = scale * w.constant;
        for (std::size_t i = 0; i < count; ++i)
            out[i] += s * x[i];
        return;
    }
    for (std::size_t i = 0; i < count; ++i) {
        const Real l = w.left_array.data ? w.left_array[i] : w.left;
        const Real r = w.right_array.data ? w.right_array[i] : w.right;
        out[i] += scale * (l * r) * x[i];
    }
}
} // namespace

// value_ = C, tangent_ = T of a linear operation.
template <class Real> void PairMachine<Real>::linear(const plan::PairOp& op, bool tangent) {
    std::fill(value_.begin(), value_.end(), Real(0));
    if (tangent)
        std::fill(tangent_.begin(), tangent_.end(), Real(0));
    for (const plan::TermOp& term : op.terms)
        over_sums(term, 0, [&](bool holds) {
            if (!holds)
                return;
            const Weight w = weight(term);
            const auto scale = static_cast<Real>(constant(term.scale));
            const auto rate = static_cast<Real>(constant(term.rate));
            switch (term.kind) {
            case PairTerm::Kind::parameter:
            case PairTerm::Kind::input:
            case PairTerm::Kind::means:
                if (term.kind == PairTerm::Kind::input)
                    gram(term, c_.data());
                else if (term.kind == PairTerm::Kind::means)
                    means(term, c_.data());
                else
                    std::fill(c_.begin(), c_.end(), Real(1));
                accumulate(value_.data(), c_.data(), scale, w, count_);
                if (tangent && term.kind != PairTerm::Kind::means)
                    accumulate(tangent_.data(), c_.data(), rate, w, count_);
                return;
            case PairTerm::Kind::matmul:
            case PairTerm::Kind::read:
                break;
            }
            const Located read = locate_entry(term.entry);
            if (!read.stored)
                return;
            const std::size_t at = store_.at(read.entry);
            for (std::size_t i = 0; i < count_; ++i)
                c_[i] = (store_.plus[at + i] - store_.minus[at + i]) / 4;
            accumulate(value_.data(), c_.data(), scale, w, count_);
            if (tangent) {
                if (term.kind == PairTerm::Kind::matmul && rate != Real(0))
                    accumulate(tangent_.data(), c_.data(), rate, w, count_);
                accumulate(tangent_.data(), store_.tangent + at, scale, w, count_);
            }
        });
}

// Second moments of the two elements that an operation writes.
template <class Real> std::array<Lanes<Real>, 2> PairMachine<Real>::seconds(const plan::PairOp& op) const {
    const auto second = [&](std::size_t statement, const std::vector<plan::Linear>& indices, const Side<Real>& side) {
        Indices element;
        for (const plan::Linear& index : indices)
            element.push_back(index(slots_.data()));
        return side.at(side.state->second_of(recursions_.network.program.statements[statement].family, element));
    };
    return {second(op.left_statement, op.left_target, left_), second(op.right_statement, op.right_target, right_)};
}

// minus_ and plus_ directly. With k^4 = A / B of the two sums, minus = Var(sum a_i / k - k b_i), to which a pair of terms
// a = l x, b = r x_ contributes |l r| (minus or plus of x, x_) + (|l| norm(x) / k - k |r| norm(x_))^2: nothing cancels.
template <class Real> void PairMachine<Real>::linear_gap(const plan::PairOp& op) {
    std::fill(minus_.begin(), minus_.end(), Real(0));
    std::fill(plus_.begin(), plus_.end(), Real(0));
    const std::array<Lanes<Real>, 2> target = seconds(op);
    for (std::size_t i = 0; i < count_; ++i) {
        const Real a = std::sqrt(target[0][i]);
        const Real b = std::sqrt(target[1][i]);
        left_scale_[i] = a > 0 && b > 0 ? std::sqrt(b / a) : Real(0);
        right_scale_[i] = a > 0 && b > 0 ? std::sqrt(a / b) : Real(0);
    }
    for (const plan::TermOp& term : op.terms)
        over_sums(term, 0, [&](bool holds) {
            const Weight w = weight(term);
            const auto scale = static_cast<Real>(constant(term.scale));
            if (term.kind == PairTerm::Kind::input) {
                for (std::size_t i = 0; i < count_; ++i) {
                    c_[i] = left_scale_[i] * (w.left_array.data ? w.left_array[i] : w.left);
                    d_[i] = right_scale_[i] * (w.right_array.data ? w.right_array[i] : w.right);
                }
                gram(term, nullptr, a_.data(), b_.data(), c_.data(), d_.data());
                for (std::size_t i = 0; i < count_; ++i) {
                    const Real independent = (a_[i] + b_[i]) / 2;
                    minus_[i] += scale * (holds ? a_[i] : independent);
                    plus_[i] += scale * (holds ? b_[i] : independent);
                }
                return;
            }
            const Real* minus = zero_.data();
            const Real* plus = nullptr;
            Lanes<Real> left_norm{zero_.data(), 1};
            Lanes<Real> right_norm{zero_.data(), 1};
            if (term.kind == PairTerm::Kind::parameter || term.kind == PairTerm::Kind::means) { // of norm 1
                std::fill(b_.begin(), b_.end(), holds ? Real(4) : Real(2));
                std::fill(c_.begin(), c_.end(), Real(1));
                plus = b_.data();
                if (!holds)
                    minus = plus;
                left_norm = right_norm = {c_.data(), 1};
            } else {
                const Located read = locate_entry(term.entry);
                if (read.left)
                    left_norm = left_.at(left_.state->norm_of(term.entry.left.family, read.left_element));
                if (read.right)
                    right_norm = right_.at(right_.state->norm_of(term.entry.right.family, read.right_element));
                if (read.stored && holds) {
                    minus = store_.minus + store_.at(read.entry);
                    plus = store_.plus + store_.at(read.entry);
                } else { // uncorrelated, or one of them reads zero
                    for (std::size_t i = 0; i < count_; ++i)
                        a_[i] = 2 * left_norm[i] * right_norm[i];
                    minus = plus = a_.data();
                }
            }
            if (w.fixed()) {
                const Real l = std::abs(w.left);
                const Real r = std::abs(w.right);
                if (w.constant < 0)
                    std::swap(minus, plus);
                for (std::size_t i = 0; i < count_; ++i) {
                    const Real difference = l * left_scale_[i] * left_norm[i] - r * right_scale_[i] * right_norm[i];
                    const Real apart = difference * difference;
                    minus_[i] += scale * (l * r * minus[i] + apart);
                    plus_[i] += scale * (l * r * plus[i] + apart);
                }
                return;
            }
            for (std::size_t i = 0; i < count_; ++i) {
                const Real l = w.left_array.data ? w.left_array[i] : w.left;
                const Real r = w.right_array.data ? w.right_array[i] : w.right;
                const Real difference =
                    std::abs(l) * left_scale_[i] * left_norm[i] - std::abs(r) * right_scale_[i] * right_norm[i];
                const Real apart = difference * difference;
                const Real both = l * r;
                minus_[i] += scale * (std::abs(both) * (both < 0 ? plus[i] : minus[i]) + apart);
                plus_[i] += scale * (std::abs(both) * (both < 0 ? minus[i] : plus[i]) + apart);
            }
        });
}

// minus_ and plus_ from value_ and the second moments of the two elements.
template <class Real> void PairMachine<Real>::finish_moments(const plan::PairOp& op, bool diagonal) {
    if (!diagonal && part_.arrays[op.array].value) { // C alone
        for (std::size_t i = 0; i < count_; ++i) {
            minus_[i] = -2 * value_[i];
            plus_[i] = 2 * value_[i];
        }
        return;
    }
    if (diagonal) {
        for (std::size_t i = 0; i < count_; ++i) {
            minus_[i] = 0;
            plus_[i] = 4 * std::max(value_[i], Real(0)); // what cancels may end below zero
        }
        return;
    }
    const auto [a, b] = seconds(op);
    for (std::size_t i = 0; i < count_; ++i) {
        const Real product = gaussian::root_product(a[i], b[i]);
        minus_[i] = std::max(2 * (product - value_[i]), Real(0));
        plus_[i] = std::max(2 * (product + value_[i]), Real(0));
    }
}

// Variances, means and centred gaps of the Gaussians that a dual operation reads.
template <class Real>
void PairMachine<Real>::centred(const plan::PairOp& op, const Located& read, gaussian::Gaussians<Real>& g) {
    g.count = count_;
    g.variance_a = left_.at(left_.state->second_of(op.entry.left.family, read.left_element));
    g.variance_b = right_.at(right_.state->second_of(op.entry.right.family, read.right_element));
    const Real* mean_a = left_.state->mean_of(op.entry.left.family, read.left_element);
    const Real* mean_b = right_.state->mean_of(op.entry.right.family, read.right_element);
    if (read.stored) {
        g.minus = {store_.minus + store_.at(read.entry), 1};
        g.plus = {store_.plus + store_.at(read.entry), 1};
    } else {
        for (std::size_t i = 0; i < count_; ++i)
            c_[i] = 2 * gaussian::root_product(g.variance_a[i], g.variance_b[i]);
        g.minus = g.plus = {c_.data(), 1};
    }
    if (mean_a == nullptr && mean_b == nullptr)
        return;
    g.mean_a = mean_a ? left_.at(mean_a) : Lanes<Real>{zero_.data(), 1};
    g.mean_b = mean_b ? right_.at(mean_b) : Lanes<Real>{zero_.data(), 1};
    centre(g, {a_.data(), b_.data(), c_.data(), d_.data()});
}

template <class Real>
void PairMachine<Real>::dual(const plan::PairOp& op, std::uint32_t index, bool diagonal, bool tangent, std::size_t entry) {
    const Located read = locate_entry(op.entry);
    if (!read.left || !read.right)
        throw MethodError("a nonlinearity of an element outside its family");
    gaussian::Gaussians<Real> g;
    centred(op, read, g);
    if (diagonal) {
        for (std::size_t i = 0; i < count_; ++i)
            d_[i] = 4 * g.variance_a[i];
        g.minus = {zero_.data(), 1};
        g.plus = {d_.data(), 1};
    }
    const gaussian::Dual<Real>* method = nullptr;
    typename gaussian::Dual<Real>::Features left{};
    typename gaussian::Dual<Real>::Features right{};
    if (features_ != nullptr) {
        const DualFeatures<Real>& prepared = (*features_)[index];
        method = prepared.dual;
        if (const std::size_t k = method->features()) {
            const auto at = [&](const std::vector<Real>& array, const Side<Real>& side, std::uint32_t family,
                                const Indices& element) {
                const std::size_t e = offset_in(side.state->plan->boxes[family], element);
                return typename gaussian::Dual<Real>::Features{side.at(array.data() + e * k * side.state->samples),
                                                               side.state->samples};
            };
            left = at(*prepared.left, left_, op.entry.left.family, read.left_element);
            right = at(*prepared.right, right_, op.entry.right.family, read.right_element);
        }
    } else { // self part: the regime is that of the lanes at hand
        double variance = 0;
        double mean = 0;
        for (std::size_t i = 0; i < count_; ++i) {
            variance = std::max({variance, static_cast<double>(g.variance_a[i]), static_cast<double>(g.variance_b[i])});
            if (g.mean_a.data != nullptr)
                mean =
                    std::max({mean, std::abs(static_cast<double>(g.mean_a[i])), std::abs(static_cast<double>(g.mean_b[i]))});
            if (!std::isfinite(static_cast<double>(g.variance_a[i])))
                variance = static_cast<double>(g.variance_a[i]);
        }
        method = &duals_.find(op.left_function, op.right_function, variance, mean);
        if (const std::size_t k = method->features()) {
            features_left_.resize(k * count_);
            features_right_.resize(k * count_);
            const auto dense = [&](const Lanes<Real>& lanes, std::vector<Real>& row) -> const Real* {
                if (lanes.data == nullptr || lanes.stride == 1)
                    return lanes.data;
                row.assign(count_, lanes[0]);
                return row.data();
            };
            std::vector<Real> row1, row2, row3, row4;
            method->prepare(0, count_, dense(g.variance_a, row1), dense(g.mean_a, row2), features_left_.data(), count_);
            method->prepare(1, count_, dense(g.variance_b, row3), dense(g.mean_b, row4), features_right_.data(), count_);
            left = {{features_left_.data(), 1}, count_};
            right = {{features_right_.data(), 1}, count_};
        }
    }
    const std::size_t at = store_.at(entry);
    gaussian::DualResult<Real> result{nullptr, store_.minus + at, store_.plus + at, tangent ? slope_.data() : nullptr};
    method->evaluate(g, left, right, result);
    if (!tangent)
        return;
    if (!read.stored) {
        std::fill(store_.tangent + at, store_.tangent + at + count_, Real(0));
        return;
    }
    const Real* inner = store_.tangent + store_.at(read.entry);
    for (std::size_t i = 0; i < count_; ++i)
        store_.tangent[at + i] = inner[i] * slope_[i];
}

template <class Real> std::size_t PairMachine<Real>::target(const plan::PairOp& op) const {
    Indices left;
    Indices right;
    for (const plan::Linear& index : op.left_target)
        left.push_back(index(slots_.data()));
    for (const plan::Linear& index : op.right_target)
        right.push_back(index(slots_.data()));
    return entry_offset(part_.arrays[op.array], left, right);
}

template <class Real> void PairMachine<Real>::settle_equal_lanes(const plan::PairOp& op, std::size_t entry) {
    if (equal_lanes_.empty() || op.output || op.left_statement != op.right_statement || part_.arrays[op.array].value)
        return;
    Indices element;
    for (std::size_t d = 0; d < op.left_target.size(); ++d) {
        element.push_back(op.left_target[d](slots_.data()));
        if (op.right_target[d](slots_.data()) != element.back())
            return;
    }
    const std::uint32_t family = recursions_.network.program.statements[op.left_statement].family;
    const Lanes<Real> second = left_.at(left_.state->second_of(family, element));
    for (const std::size_t lane : equal_lanes_) {
        store_.minus[store_.at(entry) + lane] = 0;
        store_.plus[store_.at(entry) + lane] = 4 * second[lane];
    }
}

template <class Real> std::size_t PairMachine<Real>::run(std::uint32_t index, bool diagonal) {
    const plan::PairOp& op = part_.ops[index];
    const std::size_t entry = target(op);
    const std::size_t at = store_.at(entry);
    const bool tangent = op.tangent && store_.tangent != nullptr;
    use_ = use(op);
    switch (op.rule) {
    case limit::Rule::dual:
        dual(op, index, diagonal, tangent, entry);
        settle_equal_lanes(op, entry);
        return entry;
    case limit::Rule::linear: {
        const bool gap = op.gap_linear && !part_.arrays[op.array].value;
        if (!gap || tangent)
            linear(op, tangent);
        if (gap)
            linear_gap(op);
        else
            finish_moments(op, diagonal);
        break;
    }
    case limit::Rule::product:
        product(op, tangent);
        finish_moments(op, diagonal);
        break;
    }
    std::copy(minus_.begin(), minus_.end(), store_.minus + at);
    std::copy(plus_.begin(), plus_.end(), store_.plus + at);
    if (tangent)
        std::copy(tangent_.begin(), tangent_.end(), store_.tangent + at);
    settle_equal_lanes(op, entry);
    return entry;
}

template <class Real>
void PairMachine<Real>::visit_reads(std::uint32_t index, const std::function<void(std::size_t, bool)>& visit) {
    const plan::PairOp& op = part_.ops[index];
    const auto entry = [&](const plan::EntryRead& read, bool law) {
        if (const Located located = locate_entry(read); located.stored)
            visit(located.entry, law);
    };
    if (op.rule == limit::Rule::dual)
        entry(op.entry, true);
    for (const plan::GroupOp& group : op.groups)
        if (group.joint && !group.left.empty() && !group.right.empty()) {
            for (const JointLaw::Entry& read : joint_term(group, op.tangent && store_.tangent != nullptr).cross)
                if (read)
                    visit(*read, true);
        } else if (group.cross) {
            entry(group.entry, false);
        }
    for (const plan::TermOp& term : op.terms)
        if (term.kind == PairTerm::Kind::matmul || term.kind == PairTerm::Kind::read)
            over_sums(term, 0, [&](bool holds) {
                if (holds)
                    entry(term.entry, false);
            });
}

template <class Real> void PairMachine<Real>::output(std::uint32_t index, Real* nngp, Real* ntk) {
    linear(part_.ops[index], ntk != nullptr);
    std::copy(value_.begin(), value_.end(), nngp);
    if (ntk != nullptr)
        std::copy(tangent_.begin(), tangent_.end(), ntk);
}

template <class Real> void PairMachine<Real>::run_backward(std::uint32_t index, Real* ntk) {
    const plan::PairOp& op = part_.ops[index];
    std::vector<Real> incoming(count_, Real(1));
    if (!op.output) {
        const Real* own = store_.adjoint + store_.at(target(op));
        std::copy(own, own + count_, incoming.begin());
    }
    if (op.rule == limit::Rule::dual) {
        const Located read = locate_entry(op.entry);
        if (!read.stored)
            return;
        // the slope again: C is stored, the operation writes the same entry anew
        std::vector<Real> saved(store_.tangent + store_.at(read.entry), store_.tangent + store_.at(read.entry) + count_);
        std::fill_n(store_.tangent + store_.at(read.entry), count_, Real(1));
        dual(op, index, false, true, target(op));
        settle_equal_lanes(op, target(op));
        std::copy(saved.begin(), saved.end(), store_.tangent + store_.at(read.entry));
        Real* inner = store_.adjoint + store_.at(read.entry);
        for (std::size_t i = 0; i < count_; ++i)
            inner[i] += incoming[i] * slope_[i];
        return;
    }
    if (op.rule == limit::Rule::product) {
        for (std::size_t k = 0; k < op.groups.size(); ++k) {
            const plan::GroupOp& group = op.groups[k];
            const bool joint = group.joint && !group.left.empty() && !group.right.empty();
            if (!group.cross && !joint)
                continue;
            std::vector<Real> others = incoming;
            for (std::size_t m = 0; m < op.groups.size(); ++m) {
                if (m == k)
                    continue;
                group_value(op.groups[m], c_.data());
                for (std::size_t i = 0; i < count_; ++i)
                    others[i] *= c_[i];
            }
            if (joint) {
                evaluate_joint(joint_term(group, true), left_, right_, store_, count_, joints_, joints_.sampling,
                               JointResult<Real>{c_.data(), nullptr, others.data()}, row_sampled_);
                continue;
            }
            const Located read = locate_entry(group.entry);
            if (!read.stored)
                continue;
            Real* inner = store_.adjoint + store_.at(read.entry);
            for (std::size_t i = 0; i < count_; ++i)
                inner[i] += others[i];
        }
        return;
    }
    for (const plan::TermOp& term : op.terms)
        over_sums(term, 0, [&](bool holds) {
            if (!holds)
                return;
            const Weight w = weight(term);
            const auto scale = static_cast<Real>(constant(term.scale));
            const auto rate = static_cast<Real>(constant(term.rate));
            if (term.kind == PairTerm::Kind::means)
                return;
            if (term.kind == PairTerm::Kind::input || term.kind == PairTerm::Kind::parameter) {
                if (term.kind == PairTerm::Kind::input)
                    gram(term, c_.data());
                else
                    std::fill(c_.begin(), c_.end(), Real(1));
                for (std::size_t i = 0; i < count_; ++i)
                    c_[i] *= incoming[i];
                accumulate(ntk, c_.data(), rate, w, count_);
                return;
            }
            const Located read = locate_entry(term.entry);
            if (!read.stored)
                return;
            const std::size_t at = store_.at(read.entry);
            if (term.kind == PairTerm::Kind::matmul) {
                for (std::size_t i = 0; i < count_; ++i)
                    c_[i] = incoming[i] * (store_.plus[at + i] - store_.minus[at + i]) / 4;
                accumulate(ntk, c_.data(), rate, w, count_);
            }
            accumulate(store_.adjoint + at, incoming.data(), scale, w, count_);
        });
}

template class PairMachine<double>;
template class PairMachine<float>;

} // namespace tpc::execute
