// Joint expectations of the lanes at hand, one by one or a row of them at once.
#include "runtime/execute/joint.hpp"

#include <chrono>

namespace tpc::execute {
namespace {

// Covariances and means of the Gaussians of one lane, left ones first; second moments come as minus and plus.
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
        // From second moments; what is left of the product of means of independent Gaussians is rounding.
        constexpr double rounding = 8 * std::numeric_limits<Real>::epsilon();
        const Eigen::VectorXd norm = covariance.diagonal().cwiseAbs().cwiseSqrt();
        for (Eigen::Index a = 0; a < size_; ++a)
            for (Eigen::Index b = 0; b < size_; ++b) {
                const double product = mean[a] * mean[b];
                double& entry = covariance(a, b);
                if (product == 0 || entry == 0) // 0: not stored
                    continue;
                entry -= product;
                if (a != b && std::abs(entry) <= rounding * norm[a] * norm[b])
                    entry = 0;
            }
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
        throw MethodError("a variance is not finite: the kernel diverges");
    try {
        return compute();
    } catch (const std::domain_error& error) {
        throw MethodError(error.what());
    }
}

// T of the Gaussians of one lane, left by right ones.
template <class Real> Eigen::MatrixXd links(const JointLaw& law, const Store<Real>& store, std::size_t lane) {
    const auto rights = static_cast<Eigen::Index>(law.right.size());
    Eigen::MatrixXd result(static_cast<Eigen::Index>(law.left.size()), rights);
    for (Eigen::Index a = 0; a < result.rows(); ++a)
        for (Eigen::Index b = 0; b < rights; ++b) {
            const JointLaw::Entry entry = law.cross[static_cast<std::size_t>(a * rights + b)];
            result(a, b) = entry ? static_cast<double>(store.tangent[store.at(*entry) + lane]) : 0;
        }
    return result;
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

} // namespace

template <class Real>
void evaluate_joint(const JointTerm& term, const Side<Real>& left, const Side<Real>& right, const Store<Real>& store,
                    std::size_t count, JointCache& joints, const JointResult<Real>& result) {
    const bool slopes = result.tangent != nullptr || result.incoming != nullptr;
    const std::vector<std::vector<Real>> numbers = numbers_of(term, left, right, count);
    std::vector<double> values(numbers.size());
    Law<Real> law(term, left, right, store);
    const auto rights = static_cast<Eigen::Index>(term.right.size());
    Eigen::MatrixXd linked = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(term.left.size()), rights);
    for (std::size_t lane = 0; lane < count; ++lane) {
        law.read(lane);
        for (std::size_t k = 0; k < numbers.size(); ++k)
            values[k] = static_cast<double>(numbers[k][lane]);
        if (slopes)
            linked = links(term, store, lane);
        const joint::Sampling sampling =
            joints.kept.at(joints.sampling, left.first + lane * left.step, right.first + lane * right.step);
        const joint::Expectation e = guarded(
            law.mean, law.covariance, [&] { return (*term.solver)(law.mean, law.covariance, linked, values, sampling); });
        result.value[lane] = static_cast<Real>(e.value);
        double tangent = 0;
        for (Eigen::Index a = 0; slopes && a < linked.rows(); ++a)
            for (Eigen::Index b = 0; b < rights; ++b) {
                const JointLaw::Entry entry = term.cross[static_cast<std::size_t>(a * rights + b)];
                if (entry && result.incoming != nullptr)
                    store.adjoint[store.at(*entry) + lane] += result.incoming[lane] * static_cast<Real>(e.slopes(a, b));
                tangent += e.slopes(a, b) * linked(a, b);
            }
        if (result.tangent != nullptr)
            result.tangent[lane] = static_cast<Real>(tangent);
    }
}

namespace {

// One term of a row at the first lane.
struct Piecewise {
    joint::Solver::Pieces pieces;
    std::vector<double> numbers;
    Eigen::MatrixXd linked;
    std::vector<double> values, tangents; // by part

    void set(std::size_t part, const joint::Expectation& e, bool with_tangents) {
        values[part] = e.value;
        if (!with_tangents)
            return;
        const joint::Part& which = *pieces.parts[part];
        const std::vector<Eigen::Index> rows(which.left.begin(), which.left.end());
        const std::vector<Eigen::Index> columns(which.right.begin(), which.right.end());
        tangents[part] = e.slopes.size() == 0 ? 0 : e.slopes.cwiseProduct(linked(rows, columns)).sum();
    }
};

template <class Real>
Piecewise piecewise(const JointTerm& term, const Side<Real>& left, const Side<Real>& right, const Store<Real>& store,
                    const joint::Sampling& sampling, bool tangents, const std::vector<bool>& in_vain) {
    Piecewise result;
    Law<Real> law(term, left, right, store);
    law.read(0);
    for (const std::vector<Real>& number : numbers_of(term, left, right, 1))
        result.numbers.push_back(static_cast<double>(number[0]));
    result.linked = tangents ? links(term, store, 0)
                             : Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(term.left.size()),
                                                     static_cast<Eigen::Index>(term.right.size()));
    result.pieces = guarded(law.mean, law.covariance, [&] {
        return term.solver->pieces(law.mean, law.covariance, result.linked, result.numbers, sampling, in_vain);
    });
    result.values.resize(result.pieces.parts.size());
    result.tangents.resize(tangents ? result.pieces.parts.size() : 0);
    for (std::size_t k = 0; k < result.pieces.known.size(); ++k)
        if (result.pieces.known[k])
            result.set(k, *result.pieces.known[k], tangents);
    return result;
}

template <class T> std::uint32_t place_in(const std::vector<T>& all, const T& one) {
    return static_cast<std::uint32_t>(std::ranges::find(all, one) - all.begin());
}

// A part of a term among the Gaussians and numbers of the row.
joint::Placed placed(const JointRow& row, const JointTerm& term, const joint::Part* part) {
    joint::Placed result{part, {}, {}, {}};
    for (const std::uint32_t k : part->left)
        result.left.push_back(place_in(row.left, term.left[k]));
    for (const std::uint32_t k : part->right)
        result.right.push_back(place_in(row.right, term.right[k]));
    for (const SampleNumber& number : term.left_numbers)
        result.samples.push_back(place_in(row.left_numbers, number));
    for (const SampleNumber& number : term.right_numbers)
        result.samples.push_back(static_cast<std::uint32_t>(row.left_numbers.size()) + place_in(row.right_numbers, number));
    return result;
}

// All open parts, from one set of points.
template <class Real>
void sample(const JointRow& row, std::vector<Piecewise>& terms, const Side<Real>& left, const Side<Real>& right,
            const Store<Real>& store, const joint::Sampling& sampling, bool tangents) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::pair<std::size_t, std::size_t>> open;
    std::vector<const joint::Part*> parts;
    for (std::size_t k = 0; k < terms.size(); ++k)
        for (std::size_t part = 0; part < terms[k].pieces.parts.size(); ++part)
            if (!terms[k].pieces.known[part]) {
                open.emplace_back(k, part);
                parts.push_back(terms[k].pieces.parts[part]);
            }
    const joint::Shared* shared = nullptr;
    {
        const std::lock_guard lock(row.mutex);
        auto& kept = row.shared[parts];
        if (!kept) {
            std::vector<joint::Placed> list;
            for (const auto& [k, part] : open)
                list.push_back(placed(row, *row.terms[k], terms[k].pieces.parts[part]));
            kept = std::make_unique<joint::Shared>(joint::share(list, tangents));
        }
        shared = kept.get();
    }
    Law<Real> law(row, left, right, store);
    law.read(0);
    std::vector<double> numbers;
    for (const std::vector<Real>& number : numbers_of(row, left, right, 1))
        numbers.push_back(static_cast<double>(number[0]));
    const std::vector<Eigen::Index> lefts(shared->left_places.begin(), shared->left_places.end());
    const std::vector<Eigen::Index> rights(shared->right_places.begin(), shared->right_places.end());
    std::vector<Eigen::Index> all = lefts;
    for (const Eigen::Index k : rights)
        all.push_back(static_cast<Eigen::Index>(row.left.size()) + k);
    const Eigen::VectorXd mean = law.mean(all);
    const Eigen::MatrixXd covariance = law.covariance(all, all);
    const joint::SeveralExpectations e = guarded(mean, covariance, [&] {
        return joint::estimate(*shared, mean, covariance,
                               tangents ? Eigen::MatrixXd(links(row, store, 0)(lefts, rights)) : Eigen::MatrixXd(), numbers,
                               sampling);
    });
    for (std::size_t p = 0; p < open.size(); ++p) {
        const auto [k, part] = open[p];
        terms[k].values[part] = e.values[p];
        if (!e.tangents.empty()) // else of one side only
            terms[k].tangents[part] = e.tangents[p];
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const std::lock_guard lock(row.mutex);
    row.use.add(std::size_t{1} << sampling.log2_points, 0, seconds);
}

} // namespace

template <class Real>
JointRowResult<Real> evaluate_row(const JointRow& row, const Side<Real>& left, const Side<Real>& right,
                                  const Store<Real>& store, JointCache& joints, bool tangents, bool& sampled_before) {
    const joint::Sampling sampling = joints.kept.at(joints.sampling, left.first, right.first);
    JointRow::Open open(row.terms.size());
    {
        const std::lock_guard lock(row.mutex);
        if (const auto found = row.sampled.find(sampling.place); found != row.sampled.end())
            open = found->second;
    }
    // About so many points in all replicates are needed for an error of 1, of which a quarter of the tolerance is
    // acceptable; a coarse one leaves the methods that the default (1e-4) has. What follows from sampled numbers is another
    // law, and computed again, in each replicate and round.
    constexpr double coarsest = 2.5e-5;
    const double points = sampled_before ? 0.5 : 20;
    double work = points / std::min(sampling.acceptable, coarsest) * row.several.work();
    joint::Sampling limited = sampling;
    limited.work = sampling.acceptable > 0 ? &work : nullptr;
    std::vector<Piecewise> terms(row.terms.size());
    bool any = false;
    for (std::size_t k = row.terms.size(); k-- > 0;) { // those of more steps, which may be in vain, are later ones
        terms[k] = piecewise(*row.terms[k], left, right, store, limited, tangents, open[k]);
        open[k].resize(terms[k].pieces.known.size());
        for (std::size_t part = 0; part < open[k].size(); ++part) {
            open[k][part] = !terms[k].pieces.known[part];
            any = any || open[k][part];
        }
    }
    // With points at hand, what would be computed again in each replicate joins them, but for what costs next to nothing.
    for (std::size_t k = 0; any && sampled_before && k < terms.size(); ++k)
        for (std::size_t part = 0; part < open[k].size(); ++part)
            if (const joint::Part& which = *terms[k].pieces.parts[part]; which.left.size() + which.right.size() > 2) {
                open[k][part] = true;
                terms[k].pieces.known[part].reset();
            }
    if (any) {
        sample(row, terms, left, right, store, sampling, tangents);
        sampled_before = true;
        const std::lock_guard lock(row.mutex);
        row.sampled.try_emplace(sampling.place, std::move(open));
    }
    JointRowResult<Real> result;
    for (const Piecewise& term : terms) {
        const auto [value, tangent] = joint::combined(*term.pieces.split, term.numbers, term.values, term.tangents);
        result.values.push_back(static_cast<Real>(value));
        if (tangents)
            result.tangents.push_back(static_cast<Real>(tangent));
    }
    return result;
}

template <class Real>
void evaluate_mean(const JointTerm& term, const Side<Real>& side, std::size_t count, JointCache& joints, Real* value) {
    evaluate_joint<Real>(term, side, side, {}, count, joints, {value, nullptr, nullptr});
}

template void evaluate_joint(const JointTerm&, const Side<double>&, const Side<double>&, const Store<double>&, std::size_t,
                             JointCache&, const JointResult<double>&);
template void evaluate_joint(const JointTerm&, const Side<float>&, const Side<float>&, const Store<float>&, std::size_t,
                             JointCache&, const JointResult<float>&);
template JointRowResult<double> evaluate_row(const JointRow&, const Side<double>&, const Side<double>&, const Store<double>&,
                                             JointCache&, bool, bool&);
template JointRowResult<float> evaluate_row(const JointRow&, const Side<float>&, const Side<float>&, const Store<float>&,
                                            JointCache&, bool, bool&);
template void evaluate_mean(const JointTerm&, const Side<double>&, std::size_t, JointCache&, double*);
template void evaluate_mean(const JointTerm&, const Side<float>&, std::size_t, JointCache&, float*);

} // namespace tpc::execute
