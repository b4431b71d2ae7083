// Products of groups of factors: each group one mean, one covariance, or a joint expectation.
#include "compiler/plan/walk.hpp"
#include "runtime/pairs/pair.hpp"

#include <algorithm>

namespace tpc::execute {

template <class Real>
std::vector<JointElement> PairMachine<Real>::joint_elements(const std::vector<plan::Place>& places,
                                                            const Side<Real>& side) const {
    std::vector<JointElement> result;
    plan::Indices element;
    for (const plan::Place& place : places) {
        if (!locate(place.indices, place.mode, side.state->plan->boxes[place.family], slots_.data(), element))
            throw MethodError("a factor of a product reads outside its family");
        result.push_back({place.family, {element.begin(), element.end()}});
    }
    return result;
}

template <class Real> const JointTerm& PairMachine<Real>::joint_term(const plan::GroupOp& group, bool slopes) {
    return joints_.find(joint_elements(group.left, left_), joint_elements(group.right, right_), slopes);
}

// All instances of the loop at once, when the first one is asked for.
template <class Real> bool PairMachine<Real>::row_value(const plan::GroupOp& group, Real* out, Real* tangent) {
    if (row_loop_ == nullptr || count_ != 1 || group.left.empty() || group.right.empty())
        return false;
    const std::vector<JointElement> left = joint_elements(group.left, left_);
    const std::vector<JointElement> right = joint_elements(group.right, right_);
    Row& row = rows_[{&group, use_}];
    auto found = row.left == left ? std::ranges::find(row.rights, right) : row.rights.end();
    if (found == row.rights.end()) {
        row = {left, {}, {}};
        std::int64_t& slot = slots_[row_loop_->range.slot];
        const std::int64_t here = slot;
        const auto [lower, upper] = right_bounds(*row_loop_, slots_.data());
        const std::int64_t last = row_last_ ? std::min(upper, *row_last_) : upper;
        for (slot = lower; slot <= last; ++slot)
            if (applies(part_.ops[row_op_]) && use(part_.ops[row_op_]) == use_ && joint_elements(group.left, left_) == left)
                row.rights.push_back(joint_elements(group.right, right_));
        slot = here;
        found = std::ranges::find(row.rights, right);
        const JointRow* all = found != row.rights.end() ? joints_.find_row(left, row.rights, tangent != nullptr) : nullptr;
        if (all == nullptr) {
            row.rights.clear();
            return false;
        }
        row.result = evaluate_row(*all, left_, right_, store_, joints_, sampling(), tangent != nullptr, row_sampled_);
    }
    const auto k = static_cast<std::size_t>(found - row.rights.begin());
    *out = row.result.values[k];
    if (tangent != nullptr)
        *tangent = row.result.tangents[k];
    return true;
}

template <class Real> void PairMachine<Real>::group_value(const plan::GroupOp& group, Real* out, Real* tangent) {
    std::fill(out, out + count_, Real(0));
    if (tangent != nullptr)
        std::fill(tangent, tangent + count_, Real(0));
    if (group.joint) {
        const bool slopes = tangent != nullptr && !group.left.empty() && !group.right.empty();
        if (row_value(group, out, tangent))
            return;
        evaluate_joint(joint_term(group, slopes), left_, right_, store_, count_, joints_, sampling(),
                       JointResult<Real>{out, slopes ? tangent : nullptr, nullptr}, row_sampled_);
        return;
    }
    if (group.cross) {
        const Located read = locate_entry(group.entry);
        if (!read.stored)
            return;
        const std::size_t at = store_.at(read.entry);
        for (std::size_t i = 0; i < count_; ++i)
            out[i] = (store_.plus[at + i] - store_.minus[at + i]) / 4;
        if (tangent != nullptr)
            std::copy_n(store_.tangent + at, count_, tangent);
        return;
    }
    for (const auto& [right, place] : group.means) {
        const Side<Real>& side = right ? right_ : left_;
        plan::Indices element;
        if (!locate(place.indices, place.mode, side.state->plan->boxes[place.family], slots_.data(), element))
            return;
        const Real* mean = side.state->mean_of(place.family, element);
        if (mean == nullptr)
            return;
        const Lanes<Real> lanes = side.at(mean);
        for (std::size_t i = 0; i < count_; ++i)
            out[i] = lanes[i];
    }
    for (const plan::GroupOp::SelfEntry& self : group.self) {
        const Side<Real>& side = self.right ? right_ : left_;
        const Located read = locate_in(self.entry, side.state->plan->part.arrays, *side.state->plan, *side.state->plan);
        if (!read.stored)
            return;
        const Lanes<Real> minus = side.at(side.state->minus.data() + read.entry * side.state->samples);
        const Lanes<Real> plus = side.at(side.state->plus.data() + read.entry * side.state->samples);
        for (std::size_t i = 0; i < count_; ++i)
            out[i] = (plus[i] - minus[i]) / 4;
    }
}

// value_ = product of the groups' expectations; tangent_ = sum over groups with an element of each sample of T times the
// others.
template <class Real> void PairMachine<Real>::product(const plan::PairOp& op, bool tangent) {
    std::fill(value_.begin(), value_.end(), Real(1));
    std::fill(tangent_.begin(), tangent_.end(), Real(0));
    for (const plan::GroupOp& group : op.groups) {
        group_value(group, c_.data(), tangent ? d_.data() : nullptr);
        for (std::size_t i = 0; i < count_; ++i) {
            if (tangent) // product rule, as the product grows: (FG)' = F' G + F G'
                tangent_[i] = tangent_[i] * c_[i] + value_[i] * d_[i];
            value_[i] *= c_[i];
        }
    }
}

template std::vector<JointElement> PairMachine<double>::joint_elements(const std::vector<plan::Place>&,
                                                                       const Side<double>&) const;
template const JointTerm& PairMachine<double>::joint_term(const plan::GroupOp&, bool);
template void PairMachine<double>::group_value(const plan::GroupOp&, double*, double*);
template void PairMachine<double>::product(const plan::PairOp&, bool);
template std::vector<JointElement> PairMachine<float>::joint_elements(const std::vector<plan::Place>&,
                                                                      const Side<float>&) const;
template const JointTerm& PairMachine<float>::joint_term(const plan::GroupOp&, bool);
template void PairMachine<float>::group_value(const plan::GroupOp&, float*, float*);
template void PairMachine<float>::product(const plan::PairOp&, bool);

} // namespace tpc::execute
