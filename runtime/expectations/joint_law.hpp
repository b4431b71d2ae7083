// What a joint expectation reads of a pair of samples: the law of its Gaussians and the numbers of its functions.
#pragma once

#include "runtime/expectations/joint.hpp"

namespace tpc::execute {

// Covariances and means of the Gaussians of one lane, left ones first; covariances come as minus and plus.
template <class Real> class Law {
  public:
    Law(const JointLaw& term, const Side<Real>& left, const Side<Real>& right, const Store<Real>& store)
        : term_(term), left_(left), right_(right), store_(store), split_(static_cast<Eigen::Index>(term.left.size())),
          size_(split_ + static_cast<Eigen::Index>(term.right.size())), mean(size_), covariance(size_, size_) {}

    void read(std::size_t lane) {
        for (Eigen::Index k = 0; k < size_; ++k) {
            const bool is_left = k < split_;
            const Side<Real>& side = is_left ? left_ : right_;
            const GaussianElement& element = (is_left ? term_.left : term_.right)[position(k)];
            const Real* at = side.state->mean_of(element.family, element.indices);
            mean[k] = at ? static_cast<double>(side.at(at)[lane]) : 0;
        }
        const auto left = split_;
        const auto right = size_ - split_;
        for (Eigen::Index a = 0; a < left; ++a)
            for (Eigen::Index b = 0; b < left; ++b)
                covariance(a, b) = within(left_, term_.within_left[index(a, b, left)], lane);
        for (Eigen::Index a = 0; a < right; ++a)
            for (Eigen::Index b = 0; b < right; ++b)
                covariance(split_ + a, split_ + b) = within(right_, term_.within_right[index(a, b, right)], lane);
        for (Eigen::Index a = 0; a < left; ++a)
            for (Eigen::Index b = 0; b < right; ++b) {
                const JointLaw::Entry entry = term_.cross[index(a, b, right)];
                const std::size_t at = entry ? store_.at(*entry) + lane : 0;
                covariance(a, split_ + b) = entry ? static_cast<double>((store_.plus[at] - store_.minus[at]) / 4) : 0;
                covariance(split_ + b, a) = covariance(a, split_ + b);
            }
        constexpr double digits = sizeof(Real) == 4 ? 1e-4 : 1e-8;
        for (Eigen::Index k = 0; k < size_; ++k)
            if (const double variance = covariance(k, k);
                variance > 0 && std::numeric_limits<Real>::epsilon() * std::abs(mean[k]) > digits * std::sqrt(variance))
                refuse_mean<Real>();
    }

  private:
    const JointLaw& term_;
    const Side<Real>& left_;
    const Side<Real>& right_;
    const Store<Real>& store_;
    Eigen::Index split_, size_;

    [[nodiscard]] std::size_t position(Eigen::Index k) const {
        return static_cast<std::size_t>(k < split_ ? k : k - split_);
    }
    static std::size_t index(Eigen::Index a, Eigen::Index b, Eigen::Index columns) {
        return static_cast<std::size_t>(a * columns + b);
    }
    static double within(const Side<Real>& side, const JointLaw::Entry& entry, std::size_t lane) {
        if (!entry)
            return 0;
        const State<Real>& state = *side.state;
        const std::size_t at = *entry * state.samples + side.first + lane * side.step;
        return static_cast<double>((state.plus[at] - state.minus[at]) / 4);
    }

  public:
    Eigen::VectorXd mean;
    Eigen::MatrixXd covariance;
};

// What the machine reports when `compute` finds that an expectation is infinite.
template <class Compute>
auto guarded(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance, const Compute& compute) {
    if (!mean.allFinite() || !covariance.allFinite())
        throw gaussian::NoExpectation(not_finite);
    try {
        return compute();
    } catch (const gaussian::NoExpectation&) {
        throw;
    } catch (const std::domain_error& error) {
        throw MethodError(error.what());
    }
}

// Numbers of both samples by lane, left ones first.
template <class Real>
std::vector<std::vector<Real>> numbers_of(const JointLaw& term, const Side<Real>& left, const Side<Real>& right,
                                          std::size_t count) {
    std::vector<std::vector<Real>> result;
    const auto take = [&](const std::vector<SampleNumber>& numbers, const Side<Real>& side) {
        const ScalarEvaluator<Real> evaluator(*side.state, side.first, side.step == 0 ? 1 : count);
        for (const SampleNumber& number : numbers) {
            std::vector<std::int64_t> slots = number.slots;
            result.push_back(evaluator(number.expression, slots.data()));
            result.back().resize(count, result.back()[0]); // one sample for all lanes
        }
    };
    take(term.left_numbers, left);
    take(term.right_numbers, right);
    return result;
}

} // namespace tpc::execute
