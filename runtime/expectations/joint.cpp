#include "runtime/expectations/joint.hpp"

#include "compiler/plan/address.hpp"

#include <fmt/ranges.h>

#include <algorithm>

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

// In an order of their own, so that functions of the same Gaussians have one law; those that are linear functions of
// earlier ones are left out.
std::vector<GaussianElement> gaussians_of(const Definitions& definitions, const std::vector<JointElement>& elements) {
    joint::Tape tape;
    Unroller unroller(definitions, tape, 0, 0);
    product(unroller, tape, elements);
    std::sort(unroller.gaussians.begin(), unroller.gaussians.end());
    Basis basis;
    std::erase_if(unroller.gaussians, [&](const GaussianElement& element) {
        return basis.express(definitions.combination(element)).has_value();
    });
    return unroller.gaussians;
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
    kept.samples = lefts;
    kept.rights = rights;
    if (places > 0 && kept_bytes / places >= least_bytes)
        kept.budgets.assign(places, kept_bytes / places);
}

Joints::Joints(const plan::Plan& plan, std::size_t lefts, std::optional<std::size_t> rights)
    : left(plan.left.part, plan.left, plan.left, lefts, 0),
      cross(plan.cross, plan.left, plan.right, lefts, rights.value_or(lefts)) {
    if (rights)
        right.emplace(plan.right.part, plan.right, plan.right, *rights, 0);
    cross.left_samples = &left;
    cross.right_samples = right ? &*right : &left;
}

void Joints::start(const joint::Sampling& sampling) {
    left.sampling = cross.sampling = sampling;
    left.sampling.one_sample = true;
    if (right)
        right->sampling = left.sampling;
}

const JointTerm& JointCache::find(const std::vector<JointElement>& left, const std::vector<JointElement>& right,
                                  bool slopes) {
    const std::lock_guard lock(mutex_);
    auto& term = terms_[{left, right, slopes}];
    if (term)
        return *term;
    define();
    auto fresh = std::make_unique<JointTerm>();
    fresh->left_elements = left;
    fresh->right_elements = right;
    fresh->square = kept.rights == 0 && left == right;
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
    if (kept.rights == 0)
        fresh->values.assign(kept.samples, std::numeric_limits<double>::quiet_NaN());
    else
        fresh->twins = make_twins(left, right);
    term = std::move(fresh);
    return *term;
}

std::unique_ptr<JointTwins> JointCache::make_twins(const std::vector<JointElement>& left,
                                                   const std::vector<JointElement>& right) const {
    const auto defined = [&](const JointElement& element) {
        return left_->find(element.family, element.indices) != nullptr &&
               right_->find(element.family, element.indices) != nullptr;
    };
    if (!std::ranges::all_of(left, defined) || !std::ranges::all_of(right, defined))
        return nullptr;
    const std::vector<GaussianElement> gaussians = gaussians_of(*left_, left);
    for (const Definitions* definitions : {&*left_, &*right_})
        for (const std::vector<JointElement>* elements : {&left, &right})
            if (gaussians_of(*definitions, *elements) != gaussians)
                return nullptr;
    auto twins = std::make_unique<JointTwins>();
    joint::Twins& functions = twins->functions;
    const auto count = static_cast<std::uint32_t>(gaussians.size());
    Unroller on_left(*left_, functions.tape, 0, 0);
    on_left.number(gaussians);
    functions.left_first = product(on_left, functions.tape, left);
    functions.left_second = product(on_left, functions.tape, right);
    Unroller on_right(*right_, functions.tape, count, static_cast<std::uint32_t>(on_left.numbers.size()));
    on_right.number(gaussians);
    functions.right_first = product(on_right, functions.tape, left);
    functions.right_second = product(on_right, functions.tape, right);
    twins->left_numbers = std::move(on_left.numbers);
    twins->right_numbers = std::move(on_right.numbers);
    return twins;
}

std::optional<double> JointCache::within(bool right, const std::vector<JointElement>& first,
                                         const std::vector<JointElement>& second, std::size_t sample) const {
    const JointCache* const own = right ? right_samples : left_samples;
    if (own == nullptr)
        return std::nullopt;
    const std::lock_guard lock(own->mutex_);
    for (const bool slopes : {false, true})
        for (const auto& [a, b] : {std::pair(&first, &second), std::pair(&second, &first)})
            if (const auto found = own->terms_.find({*a, *b, slopes}); found != own->terms_.end())
                if (const double value = found->second->values[sample]; !std::isnan(value))
                    return value;
    return std::nullopt;
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

// Covariances of Gaussians of two terms; those of one term are demanded.
bool JointCache::all_known(const JointRow& row) {
    const auto within = [&](const JointTerm* term) { return term->right.size() == row.right.size(); };
    if (std::ranges::any_of(row.terms, within))
        return true;
    if (kept.rights == 0) // the self part computes them while it reads them
        return false;
    const std::lock_guard lock(known_mutex_);
    if (!right_known_)
        right_known_.emplace(*right_);
    std::set<std::pair<GaussianElement, GaussianElement>> together;
    for (const JointTerm* term : row.terms)
        for (const GaussianElement& x : term->right)
            for (const GaussianElement& y : term->right)
                together.emplace(x, y);
    for (const GaussianElement& x : row.right)
        for (const GaussianElement& y : row.right)
            if (x < y && !together.contains({x, y}) && !right_known_->known(x, y))
                return false;
    return true;
}

std::unique_ptr<JointRow> JointCache::make_row(const std::vector<JointElement>& left,
                                               const std::vector<std::vector<JointElement>>& rights, bool slopes) {
    auto row = std::make_unique<JointRow>();
    for (const std::vector<JointElement>& right : rights) {
        row->terms.push_back(&find(left, right, slopes));
        if (row->terms.back()->solver->homogeneous())
            return nullptr; // sampled on a sphere of its own
        row->right.insert(row->right.end(), row->terms.back()->right.begin(), row->terms.back()->right.end());
    }
    std::ranges::sort(row->right);
    row->right.erase(std::unique(row->right.begin(), row->right.end()), row->right.end());
    if (!all_known(*row))
        return nullptr;
    joint::Tape left_tape, right_tape;
    Unroller on_left(*left_, left_tape, 0, 0);
    on_left.number(row->terms[0]->left);
    product(on_left, left_tape, left);
    Unroller on_right(*right_, right_tape, 0, static_cast<std::uint32_t>(on_left.numbers.size()));
    on_right.number(row->right);
    for (const std::vector<JointElement>& right : rights)
        product(on_right, right_tape, right);
    const std::size_t gaussians = on_left.gaussians.size() + on_right.gaussians.size();
    row->work = static_cast<double>(3 * (left_tape.nodes().size() + right_tape.nodes().size()) + gaussians * gaussians);
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

} // namespace tpc::execute
