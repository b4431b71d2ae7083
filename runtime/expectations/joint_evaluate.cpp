// Joint expectations of the lanes at hand, one by one or a row of them at once.
#include "runtime/expectations/joint_law.hpp"

#include <chrono>

namespace tpc::execute {
namespace {

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

// What may be spent on other methods than points, of which about so many in all replicates are needed for an error of 1 and
// a quarter of the tolerance is acceptable. What follows from sampled numbers is another law, and computed again, in each
// replicate and round.
double affordable(double work_of_point, const joint::Sampling& sampling, bool sampled_before) {
    return (sampled_before ? 0.05 : 20) / sampling.acceptable * work_of_point;
}

// A sampled expectation of samples that nearly coincide, from those of one sample each; else as it is.
template <class Real>
double apart_if_near(const JointTerm& term, const Law<Real>& law, const Side<Real>& left, const Side<Real>& right,
                     std::size_t lane, const JointCache& joints, const joint::Sampling& sampling, double value) {
    if (!term.twins || !joint::nearly_coincide(law.mean, law.covariance))
        return value;
    const auto within = [&](bool is_right, const Side<Real>& side) {
        return joints.within(is_right, term.left_elements, term.right_elements, side.first + lane * side.step);
    };
    const auto of_left = within(false, left), of_right = within(true, right);
    if (!of_left || !of_right)
        return value;
    if (left.state == right.state && left.first + lane * left.step == right.first + lane * right.step)
        return *of_left;
    JointLaw numbers;
    numbers.left_numbers = term.twins->left_numbers;
    numbers.right_numbers = term.twins->right_numbers;
    std::vector<double> values;
    for (const std::vector<Real>& number : numbers_of(numbers, left, right, lane + 1))
        values.push_back(static_cast<double>(number[lane]));
    return (*of_left + *of_right) / 2 + joint::apart(term.twins->functions, law.mean, law.covariance, values, sampling);
}

} // namespace

template <class Real>
void evaluate_joint(const JointTerm& term, const Side<Real>& left, const Side<Real>& right, const Store<Real>& store,
                    std::size_t count, JointCache& joints, const joint::Sampling& of_replicate,
                    const JointResult<Real>& result, bool sampled_before) {
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
        joint::Sampling sampling =
            term.at(joints.kept.at(of_replicate, left.first + lane * left.step, right.first + lane * right.step));
        double work = affordable(term.solver->work(), sampling, sampled_before);
        if (sampled_before && sampling.acceptable > 0)
            sampling.work = &work;
        std::atomic<bool> sampled = false;
        std::atomic<bool>* const any_sampled = std::exchange(sampling.sampled, &sampled);
        joint::Expectation e = guarded(law.mean, law.covariance,
                                       [&] { return (*term.solver)(law.mean, law.covariance, linked, values, sampling); });
        if (sampled) {
            e.value = apart_if_near(term, law, left, right, lane, joints, sampling, e.value);
            if (any_sampled != nullptr)
                *any_sampled = true;
        }
        if (!term.values.empty())
            term.values[left.first + lane * left.step] = e.value;
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

template <class Real> Eigen::MatrixXd links_or_none(const JointTerm& term, const Store<Real>& store, bool tangents) {
    return tangents ? links(term, store, 0)
                    : Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(term.left.size()),
                                            static_cast<Eigen::Index>(term.right.size()));
}

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
                    const joint::Sampling& sampling, bool tangents, const std::vector<bool>& in_vain, joint::Depth depth) {
    Piecewise result;
    Law<Real> law(term, left, right, store);
    law.read(0);
    for (const std::vector<Real>& number : numbers_of(term, left, right, 1))
        result.numbers.push_back(static_cast<double>(number[0]));
    result.linked = links_or_none(term, store, tangents);
    result.pieces = guarded(law.mean, law.covariance, [&] {
        return term.solver->pieces(law.mean, law.covariance, result.linked, result.numbers, term.at(sampling), in_vain,
                                   depth);
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
    JointRow::Sampled* together = nullptr;
    {
        const std::lock_guard lock(row.mutex);
        auto& kept = row.together[parts];
        if (!kept) {
            std::vector<joint::Placed> list;
            for (const auto& [k, part] : open)
                list.push_back(placed(row, *row.terms[k], terms[k].pieces.parts[part]));
            kept = std::make_unique<JointRow::Sampled>();
            kept->shared = joint::share(list);
        }
        together = kept.get();
    }
    const joint::Shared& shared = together->shared;
    Law<Real> law(row, left, right, store);
    law.read(0);
    std::vector<double> numbers;
    for (const std::vector<Real>& number : numbers_of(row, left, right, 1))
        numbers.push_back(static_cast<double>(number[0]));
    const std::vector<Eigen::Index> lefts(shared.left_places.begin(), shared.left_places.end());
    const std::vector<Eigen::Index> rights(shared.right_places.begin(), shared.right_places.end());
    std::vector<Eigen::Index> all = lefts;
    for (const Eigen::Index k : rights)
        all.push_back(static_cast<Eigen::Index>(row.left.size()) + k);
    const Eigen::VectorXd mean = law.mean(all);
    const Eigen::MatrixXd covariance = law.covariance(all, all);
    joint::Sampling near = sampling;
    near.frame = together->frames.at(sampling, all.size());
    const joint::SharedExpectations e = guarded(mean, covariance, [&] {
        return joint::estimate(shared, mean, covariance,
                               tangents ? Eigen::MatrixXd(links(row, store, 0)(lefts, rights)) : Eigen::MatrixXd(), numbers,
                               near);
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

std::size_t count_open(const JointRow::Open& open) {
    std::size_t count = 0;
    for (const std::vector<bool>& parts : open.parts)
        count += static_cast<std::size_t>(std::ranges::count(parts, true));
    return count;
}

// What has no method but sampling, of the parts at this depth; more is tried while work is left. Where numbers follow from
// sampled ones anyway, points replace what would be computed again in each replicate, but for what costs next to nothing.
template <class Real>
std::vector<Piecewise> without_points(const JointRow& row, const Side<Real>& left, const Side<Real>& right,
                                      const Store<Real>& store, const joint::Sampling& sampling, bool tangents,
                                      bool sampled_before, JointRow::Open& open) {
    std::vector<Piecewise> terms(row.terms.size());
    open.parts.resize(terms.size());
    for (std::size_t k = terms.size(); k-- > 0;) { // those of more steps, which may be in vain, are later ones
        std::vector<bool>& parts = open.parts[k];
        terms[k] = piecewise(*row.terms[k], left, right, store, sampling, tangents, parts, open.depth);
        parts.resize(terms[k].pieces.known.size());
        for (std::size_t part = 0; part < parts.size(); ++part)
            parts[part] = !terms[k].pieces.known[part];
    }
    const bool any = count_open(open) > 0;
    for (std::size_t k = 0; any && sampled_before && k < terms.size(); ++k)
        for (std::size_t part = 0; part < open.parts[k].size(); ++part)
            if (const joint::Part& which = *terms[k].pieces.parts[part]; which.left.size() + which.right.size() > 2) {
                open.parts[k][part] = true;
                terms[k].pieces.known[part].reset();
            }
    return terms;
}

template <class Real>
joint::Prospect prospect(const JointRow& row, const Side<Real>& left, const Side<Real>& right, const Store<Real>& store,
                         bool tangents) {
    joint::Prospect all;
    for (const JointTerm* term : row.terms) {
        Law<Real> law(*term, left, right, store);
        law.read(0);
        const joint::Prospect one = term->solver->prospect(law.mean, law.covariance, links_or_none(*term, store, tangents));
        all.parts += one.parts;
        all.work += one.work;
    }
    return all;
}

} // namespace

template <class Real>
JointRowResult<Real> evaluate_row(const JointRow& row, const Side<Real>& left, const Side<Real>& right,
                                  const Store<Real>& store, JointCache& joints, const joint::Sampling& of_replicate,
                                  bool tangents, bool& sampled_before) {
    const joint::Sampling sampling = joints.kept.at(of_replicate, left.first, right.first);
    JointRow::Open open;
    {
        const std::lock_guard lock(row.mutex);
        if (const auto found = row.sampled.find(sampling.place); found != row.sampled.end())
            open = found->second;
    }
    double work = affordable(row.work, sampling, sampled_before);
    joint::Sampling limited = sampling;
    limited.work = sampling.acceptable > 0 ? &work : nullptr;
    if (open.parts.empty())
        open.depth =
            joint::depth_for(prospect(row, left, right, store, tangents), row.terms.size(), sampling.acceptable, work);
    std::vector<Piecewise> terms = without_points(row, left, right, store, limited, tangents, sampled_before, open);
    if (open.depth == joint::Depth::terms &&
        joint::rather_factors(count_open(open), row.terms.size(), sampling.acceptable)) {
        open = {joint::Depth::factors, {}};
        work = 0;
        terms = without_points(row, left, right, store, limited, tangents, sampled_before, open);
    }
    if (count_open(open) > 0) {
        sample(row, terms, left, right, store, sampling, tangents);
        sampled_before = true;
        const std::lock_guard lock(row.mutex);
        row.sampled.try_emplace(sampling.place, std::move(open));
    }
    JointRowResult<Real> result;
    for (std::size_t k = 0; k < terms.size(); ++k) {
        const Piecewise& pieces = terms[k];
        const JointTerm& term = *row.terms[k];
        auto [value, tangent] = joint::combined(*pieces.pieces.split, pieces.numbers, pieces.values, pieces.tangents);
        if (tangents && pieces.pieces.slopes.size() > 0)
            tangent += pieces.pieces.slopes.cwiseProduct(pieces.linked).sum();
        if (std::ranges::any_of(pieces.pieces.known, [](const auto& part) { return !part; })) {
            Law<Real> law(term, left, right, store);
            law.read(0);
            value = apart_if_near(term, law, left, right, 0, joints, sampling, value);
        }
        if (!term.values.empty())
            term.values[left.first] = value;
        result.values.push_back(static_cast<Real>(value));
        if (tangents)
            result.tangents.push_back(static_cast<Real>(tangent));
    }
    return result;
}

template <class Real>
void evaluate_mean(const JointTerm& term, const Side<Real>& side, std::size_t count, JointCache& joints, Real* value) {
    evaluate_joint<Real>(term, side, side, {}, count, joints, joints.sampling.of_laws(), {value, nullptr, nullptr}, false);
}

template void evaluate_joint(const JointTerm&, const Side<double>&, const Side<double>&, const Store<double>&, std::size_t,
                             JointCache&, const joint::Sampling&, const JointResult<double>&, bool);
template void evaluate_joint(const JointTerm&, const Side<float>&, const Side<float>&, const Store<float>&, std::size_t,
                             JointCache&, const joint::Sampling&, const JointResult<float>&, bool);
template JointRowResult<double> evaluate_row(const JointRow&, const Side<double>&, const Side<double>&, const Store<double>&,
                                             JointCache&, const joint::Sampling&, bool, bool&);
template JointRowResult<float> evaluate_row(const JointRow&, const Side<float>&, const Side<float>&, const Store<float>&,
                                            JointCache&, const joint::Sampling&, bool, bool&);
template void evaluate_mean(const JointTerm&, const Side<double>&, std::size_t, JointCache&, double*);
template void evaluate_mean(const JointTerm&, const Side<float>&, std::size_t, JointCache&, float*);

} // namespace tpc::execute
