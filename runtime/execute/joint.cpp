#include "runtime/execute/joint.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <limits>

namespace tpc::execute {

using joint::NodeId;

namespace {

constexpr std::size_t kept_bytes = std::size_t{256} << 20; // of all samples, or pairs, together
constexpr std::size_t least_bytes = 1000;                  // for each, or it is not worth while

NodeId product(Unroller& unroller, joint::Tape& tape, const std::vector<JointElement>& elements) {
    NodeId result = tape.number(1);
    for (const JointElement& element : elements)
        result = tape.apply(ir::Function::mul, result, unroller.element(element.family, element.indices));
    return result;
}

// In an order of their own, so that functions of the same Gaussians have one law.
std::vector<GaussianElement> gaussians_of(const Definitions& definitions, const std::vector<JointElement>& elements) {
    joint::Tape tape;
    Unroller unroller(definitions, tape, 0, 0);
    product(unroller, tape, elements);
    std::sort(unroller.gaussians.begin(), unroller.gaussians.end());
    return unroller.gaussians;
}

// Dependent Gaussians are demanded, so what lies outside the stored box is independent of each other.
bool holds(const plan::PairArray& array, const std::vector<std::int64_t>& left, const std::vector<std::int64_t>& right) {
    for (std::size_t k = 0; k < array.kept.size(); ++k) {
        const std::size_t d = array.kept[k];
        const std::int64_t index = (d < left.size() ? left[d] : right[d - left.size()]) - array.box.lower[k];
        if (index < 0 || index >= array.box.size[k])
            return false;
    }
    return true;
}

std::vector<JointLaw::Entry> entries(const std::vector<plan::PairArray>& arrays, const std::vector<GaussianElement>& left,
                                     const std::vector<GaussianElement>& right) {
    std::vector<JointLaw::Entry> result;
    for (const GaussianElement& x : left)
        for (const GaussianElement& y : right) {
            JointLaw::Entry entry;
            for (const plan::PairArray& array : arrays)
                if (array.left == x.family && array.right == y.family && holds(array, x.indices, y.indices))
                    entry = entry_offset(array, x.indices, y.indices);
            result.push_back(entry);
        }
    return result;
}

} // namespace

std::optional<std::int64_t> JointLoop::last(const Path& path, const std::int64_t* slots) const {
    for (std::size_t d = 0; d < loops.size(); ++d) {
        if (d >= path.size() || loops[d]->position != path[d].position)
            return std::nullopt;
        if (d + 1 == loops.size())
            return path[d].iteration;
        if (slots[loops[d]->range.slot] != path[d].iteration)
            return std::nullopt;
    }
    return std::nullopt;
}

namespace {

void find_joint_loops(const plan::Part& part, const limit::Network& network, const std::vector<plan::WalkItem>& items,
                      std::vector<const plan::WalkItem*>& around, std::vector<JointLoop>& result) {
    const auto gaussian = [&](std::size_t statement) {
        return network.gaussian[network.program.statements[statement].family];
    };
    for (const plan::WalkItem& item : items) {
        if (!item.loop)
            continue;
        around.push_back(&item);
        find_joint_loops(part, network, item.children, around, result);
        bool independent = true;
        for (const plan::WalkItem& child : item.children) {
            independent = independent && !child.loop;
            for (const std::uint32_t k : child.ops) {
                const plan::PairOp& op = part.ops[k];
                independent = independent && (op.output || !gaussian(op.left_statement) || !gaussian(op.right_statement));
            }
        }
        for (const plan::WalkItem& child : item.children)
            for (const std::uint32_t k : child.ops)
                result[k].loops = independent ? around : std::vector<const plan::WalkItem*>();
        around.pop_back();
    }
}

} // namespace

std::vector<JointLoop> joint_loops(const plan::Part& part, const limit::Network& network) {
    std::vector<JointLoop> result(part.ops.size());
    std::vector<const plan::WalkItem*> around;
    for (const std::vector<plan::WalkItem>& items : part.right)
        find_joint_loops(part, network, items, around, result);
    return result;
}

bool has_joint(const plan::Part& part) {
    return std::ranges::any_of(part.ops, [](const plan::PairOp& op) {
        return std::ranges::any_of(op.groups, [](const plan::GroupOp& group) { return group.joint; });
    });
}

bool has_joint(const plan::SelfPlan& self) {
    return has_joint(self.part) || std::ranges::any_of(self.recursions.joint_mean, [](bool joint) { return joint; });
}

JointCache::JointCache(const plan::Part& part, const plan::SelfPlan& left, const plan::SelfPlan& right, std::size_t lefts,
                       std::size_t rights)
    : part_(part), left_plan_(left), right_plan_(right) {
    const std::size_t places = lefts * std::max<std::size_t>(rights, 1);
    kept.rights = rights;
    if (places > 0 && kept_bytes / places >= least_bytes)
        kept.budgets.assign(places, kept_bytes / places);
}

Joints::Joints(const plan::Plan& plan, std::size_t lefts, std::optional<std::size_t> rights)
    : left(plan.left.part, plan.left, plan.left, lefts, 0),
      cross(plan.cross, plan.left, plan.right, lefts, rights.value_or(lefts)) {
    if (rights)
        right.emplace(plan.right.part, plan.right, plan.right, *rights, 0);
}

void Joints::start(const joint::Sampling& sampling) {
    left.sampling = cross.sampling = sampling;
    if (right)
        right->sampling = sampling;
}

const JointTerm& JointCache::find(const std::vector<JointElement>& left, const std::vector<JointElement>& right,
                                  bool slopes) {
    const std::lock_guard lock(mutex_);
    auto& term = terms_[{left, right, slopes}];
    if (term)
        return *term;
    define();
    auto fresh = std::make_unique<JointTerm>();
    joint::Integrand integrand;
    Unroller on_left(*left_, integrand.tape, 0, 0);
    on_left.number(gaussians_of(*left_, left));
    integrand.left = product(on_left, integrand.tape, left);
    integrand.left_gaussians = static_cast<std::uint32_t>(on_left.gaussians.size());
    Unroller on_right(*right_, integrand.tape, integrand.left_gaussians, static_cast<std::uint32_t>(on_left.numbers.size()));
    on_right.number(gaussians_of(*right_, right));
    integrand.right = product(on_right, integrand.tape, right);
    integrand.right_gaussians = static_cast<std::uint32_t>(on_right.gaussians.size());
    fresh->solver = std::make_unique<joint::Solver>(std::move(integrand), slopes);
    fresh->left = std::move(on_left.gaussians);
    fresh->right = std::move(on_right.gaussians);
    fresh->left_numbers = std::move(on_left.numbers);
    fresh->right_numbers = std::move(on_right.numbers);
    locate(*fresh);
    term = std::move(fresh);
    return *term;
}

void JointCache::define() {
    if (left_)
        return;
    left_.emplace(left_plan_);
    right_.emplace(right_plan_);
}

void JointCache::locate(JointLaw& law) const {
    law.within_left = entries(left_plan_.part.arrays, law.left, law.left);
    law.within_right = entries(right_plan_.part.arrays, law.right, law.right);
    law.cross = entries(part_.arrays, law.left, law.right);
}

std::unique_ptr<JointRow> JointCache::make_row(const std::vector<JointElement>& left,
                                               const std::vector<std::vector<JointElement>>& rights, bool slopes) {
    auto row = std::make_unique<JointRow>();
    for (const std::vector<JointElement>& right : rights) {
        row->terms.push_back(&find(left, right, slopes));
        if (row->terms.back()->solver->homogeneous())
            return nullptr; // sampled on a sphere of its own
        if (row->terms.back()->right.size() > row->right.size())
            row->right = row->terms.back()->right;
    }
    const auto inside = [&](const GaussianElement& element) { return std::ranges::binary_search(row->right, element); };
    for (const JointTerm* term : row->terms)
        if (!std::ranges::all_of(term->right, inside))
            return nullptr;
    joint::Several& several = row->several;
    Unroller on_left(*left_, several.left_tape, 0, 0);
    on_left.number(row->terms[0]->left);
    several.left = product(on_left, several.left_tape, left);
    several.left_gaussians = static_cast<std::uint32_t>(on_left.gaussians.size());
    Unroller on_right(*right_, several.right_tape, 0, static_cast<std::uint32_t>(on_left.numbers.size()));
    on_right.number(row->right);
    for (const std::vector<JointElement>& right : rights)
        several.right.push_back(product(on_right, several.right_tape, right));
    several.right_gaussians = static_cast<std::uint32_t>(on_right.gaussians.size());
    joint::finish(several);
    row->left = std::move(on_left.gaussians);
    row->left_numbers = std::move(on_left.numbers);
    row->right_numbers = std::move(on_right.numbers);
    locate(*row);
    return row;
}

const JointRow* JointCache::find_row(const std::vector<JointElement>& left,
                                     const std::vector<std::vector<JointElement>>& rights, bool slopes) {
    const std::tuple key{left, rights, slopes};
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = rows_.find(key); found != rows_.end())
            return found->second.get();
    }
    auto row = make_row(left, rights, slopes);
    const std::lock_guard lock(mutex_);
    return rows_.try_emplace(key, std::move(row)).first->second.get();
}

void JointCache::report(bool pair, Ledger& ledger) const {
    const ir::Program& program = left_plan_.recursions.network.program;
    const auto name = [&](std::uint32_t family, const std::vector<std::int64_t>& indices, bool right) {
        const char* prime = !right ? "" : "_";
        return fmt::format("{}{}{}", program.families[family].name, prime,
                           indices.empty() ? "" : fmt::format("[{}]", fmt::join(indices, ",")));
    };
    const std::lock_guard lock(mutex_);
    for (const auto& [key, term] : terms_) {
        const auto& [left, right, slopes] = key;
        std::vector<std::string> factors;
        for (const JointElement& element : left)
            factors.push_back(name(element.family, element.indices, false));
        for (const JointElement& element : right)
            factors.push_back(name(element.family, element.indices, pair));
        const std::string what = fmt::format("E[{}]{}", fmt::join(factors, " "), slopes ? " and derivatives" : "");
        for (const joint::PartReport& part : term->solver->report()) {
            std::vector<std::string> gaussians;
            for (const std::uint32_t k : part.left)
                gaussians.push_back(name(term->left[k].family, term->left[k].indices, false));
            for (const std::uint32_t k : part.right)
                gaussians.push_back(name(term->right[k].family, term->right[k].indices, pair));
            for (const auto& [method, use] : part.methods)
                ledger.add({pair, what, fmt::format("{}", fmt::join(gaussians, ", ")), method},
                           {gaussians.size(), use.evaluations, use.points, use.seconds, use.error, ""});
        }
    }
    for (const auto& [key, row] : rows_) {
        if (!row)
            continue;
        const std::lock_guard own(row->mutex);
        if (row->use.evaluations == 0)
            continue;
        const auto& [left, rights, slopes] = key;
        std::vector<std::string> factors, products;
        for (const JointElement& element : left)
            factors.push_back(name(element.family, element.indices, false));
        for (const std::vector<JointElement>& right : rights) {
            std::vector<std::string> elements;
            for (const JointElement& element : right)
                elements.push_back(name(element.family, element.indices, pair));
            products.push_back(fmt::format("{}", fmt::join(elements, " ")));
        }
        std::vector<std::string> gaussians;
        for (const GaussianElement& element : row->left)
            gaussians.push_back(name(element.family, element.indices, false));
        for (const GaussianElement& element : row->right)
            gaussians.push_back(name(element.family, element.indices, pair));
        const joint::Use use = std::exchange(row->use, {});
        ledger.add({pair,
                    fmt::format("E[{} ({})]{}", fmt::join(factors, " "), fmt::join(products, ", "),
                                slopes ? " and derivatives" : ""),
                    fmt::format("{}", fmt::join(gaussians, ", ")), "scrambled Sobol points"},
                   {gaussians.size(), use.evaluations, use.points, use.seconds, use.error, ""});
    }
}

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

// Nothing where some term must be sampled.
template <class Real>
std::optional<JointRowResult<Real>> without_sampling(const JointRow& row, const Side<Real>& left, const Side<Real>& right,
                                                     const Store<Real>& store, const joint::Sampling& sampling,
                                                     bool tangents) {
    JointRowResult<Real> result;
    result.values.resize(row.terms.size());
    result.tangents.resize(tangents ? row.terms.size() : 0);
    for (std::size_t k = row.terms.size(); k-- > 0;) { // those of more steps, which may be in vain, are later ones
        const JointTerm& term = *row.terms[k];
        Law<Real> law(term, left, right, store);
        law.read(0);
        std::vector<double> values;
        for (const std::vector<Real>& number : numbers_of(term, left, right, 1))
            values.push_back(static_cast<double>(number[0]));
        const Eigen::MatrixXd linked = tangents ? links(term, store, 0)
                                                : Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(term.left.size()),
                                                                        static_cast<Eigen::Index>(term.right.size()));
        const auto e = guarded(law.mean, law.covariance, [&] {
            return term.solver->without_sampling(law.mean, law.covariance, linked, values, sampling);
        });
        if (!e)
            return std::nullopt;
        result.values[k] = static_cast<Real>(e->value);
        if (tangents)
            result.tangents[k] = static_cast<Real>(e->slopes.cwiseProduct(linked).sum());
    }
    return result;
}

} // namespace

template <class Real>
JointRowResult<Real> evaluate_row(const JointRow& row, const Side<Real>& left, const Side<Real>& right,
                                  const Store<Real>& store, JointCache& joints, bool tangents, bool& sampled_before) {
    const joint::Sampling sampling = joints.kept.at(joints.sampling, left.first, right.first);
    const auto sampled = [&] {
        const std::lock_guard lock(row.mutex);
        return row.sampled.contains(sampling.place);
    };
    if (!sampled()) {
        // About so many points in all replicates are needed for an error of 1, of which a quarter of the tolerance is
        // acceptable; a coarse one leaves the methods that the default (1e-4) has. What follows from sampled numbers is
        // another law, and computed again, in each replicate and round.
        constexpr double coarsest = 2.5e-5;
        const double points = sampled_before ? 0.5 : 20;
        double work = points / std::min(sampling.acceptable, coarsest) * row.several.work();
        joint::Sampling limited = sampling;
        limited.work = sampling.acceptable > 0 ? &work : nullptr;
        if (auto result = without_sampling(row, left, right, store, limited, tangents))
            return *std::move(result);
        const std::lock_guard lock(row.mutex);
        row.sampled.insert(sampling.place);
    }
    sampled_before = true;
    const auto start = std::chrono::steady_clock::now();
    Law<Real> law(row, left, right, store);
    law.read(0);
    std::vector<double> values;
    for (const std::vector<Real>& number : numbers_of(row, left, right, 1))
        values.push_back(static_cast<double>(number[0]));
    const joint::SeveralExpectations e = guarded(law.mean, law.covariance, [&] {
        return joint::estimate(row.several, law.mean, law.covariance, tangents ? links(row, store, 0) : Eigen::MatrixXd(),
                               values, sampling);
    });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const std::lock_guard lock(row.mutex);
    row.use.add(std::size_t{1} << sampling.log2_points, 0, seconds);
    return {{e.values.begin(), e.values.end()}, {e.tangents.begin(), e.tangents.end()}};
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
