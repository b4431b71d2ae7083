#include "runtime/execute/prepared.hpp"

#include "compiler/ir/print.hpp"
#include "compiler/plan/count.hpp"
#include "runtime/rows/cost.hpp"
#include "runtime/tiles/program.hpp"

#include <fmt/format.h>

#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace tpc::execute {
namespace {

template <class Real> double seconds_of(const gaussian::Dual<Real>& dual, double largest) {
    constexpr std::size_t lanes = 16;
    const std::vector<Real> A(lanes, static_cast<Real>(0.7 * largest));
    std::vector<Real> minus(lanes), plus(lanes), low(lanes), high(lanes), slope(lanes);
    for (std::size_t i = 0; i < lanes; ++i) {
        const Real rho = static_cast<Real>(i) / lanes;
        minus[i] = 2 * A[i] * (1 - rho);
        plus[i] = 2 * A[i] * (1 + rho);
    }
    std::vector<Real> features(dual.features() * lanes);
    if (!features.empty())
        dual.prepare(0, lanes, A.data(), nullptr, features.data(), lanes);
    const gaussian::Gaussians<Real> laws{lanes, {A.data(), 1}, {A.data(), 1}, {}, {}, {minus.data(), 1}, {plus.data(), 1}};
    const auto start = std::chrono::steady_clock::now();
    dual.evaluate(laws, {{features.data(), 1}, lanes}, {{features.data(), 1}, lanes},
                  {nullptr, low.data(), high.data(), slope.data()});
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    return elapsed.count() / lanes;
}

} // namespace

template <class Real> void Laws::raise(const plan::Plan& plan, const State<Real>* left, const State<Real>* right) {
    variance.resize(plan.cross.ops.size(), 0);
    mean.resize(plan.cross.ops.size(), 0);
    for (std::size_t k = 0; k < plan.cross.ops.size(); ++k) {
        const plan::PairOp& op = plan.cross.ops[k];
        if (op.rule != limit::Rule::dual)
            continue;
        const auto raise = [&](const State<Real>& state, std::uint32_t family) {
            for (const Real value : state.second[family])
                variance[k] =
                    std::isfinite(value) ? std::max(variance[k], static_cast<double>(value)) : static_cast<double>(value);
            for (const Real value : state.means[family])
                mean[k] = std::max(mean[k], std::abs(static_cast<double>(value)));
        };
        if (left != nullptr)
            raise(*left, op.entry.left.family);
        if (right != nullptr)
            raise(*right, op.entry.right.family);
    }
}

template <class Real>
Prepared<Real>::Prepared(const plan::Plan& plan, const State<Real>& left, const State<Real>& right, const Laws& laws,
                         DualCache<Real>& duals) {
    features.resize(plan.cross.ops.size());
    for (std::size_t k = 0; k < plan.cross.ops.size(); ++k) {
        const plan::PairOp& op = plan.cross.ops[k];
        if (op.rule != limit::Rule::dual)
            continue;
        features[k].dual = &duals.find(op.left_function, op.right_function, laws.variance[k], laws.mean[k]);
        if (features[k].dual->features() == 0)
            continue;
        features[k].left = compute(features[k].dual, 0, left, op.entry.left.family);
        const bool alike = op.left_function == op.right_function;
        features[k].right = compute(features[k].dual, alike ? 0 : 1, right, op.entry.right.family);
    }
}

template <class Real>
const std::vector<Real>* Prepared<Real>::compute(const gaussian::Dual<Real>* dual, int side, const State<Real>& state,
                                                 std::uint32_t family) {
    auto& array = arrays_[{dual, side, &state, family}];
    if (array)
        return array.get();
    const std::size_t n = state.samples;
    const auto elements = static_cast<std::size_t>(state.plan->boxes[family].count());
    const std::size_t k = dual->features();
    array = std::make_unique<std::vector<Real>>(elements * k * n);
    constexpr std::size_t chunk = 64; // samples
    const std::size_t chunks = (n + chunk - 1) / chunk;
    oneapi::tbb::parallel_for(std::size_t{0}, elements * chunks, [&](std::size_t task) {
        const std::size_t e = task / chunks;
        const std::size_t first = task % chunks * chunk;
        const std::size_t count = std::min(chunk, n - first);
        const Real* second = state.second[family].data() + e * n + first;
        const Real* mean = state.means[family].empty() ? nullptr : state.means[family].data() + e * n + first;
        dual->prepare(side, count, second, mean, array->data() + e * k * n + first, n);
    });
    return array.get();
}

template <class Real>
void Prepared<Real>::report(const plan::Plan& plan, const Laws& laws, std::size_t pairs, Ledger& ledger) const {
    const ir::Program& program = plan.recursions.network.program;
    ir::PrintNames names{&program};
    names.instead = [&](ir::ExprId e) {
        return program.exprs[e].op == ir::Op::variable ? std::optional<std::string>("z") : std::nullopt;
    };
    const plan::Counts counts = plan::count_runs(plan.cross, program.symbols.size());
    const bool by_rows = fits_tiles<Real>(plan);
    const double peak = rows::peak_rate<Real>();
    for (std::size_t k = 0; k < features.size(); ++k) {
        const plan::PairOp& op = plan.cross.ops[k];
        if (features[k].dual == nullptr)
            continue;
        const auto function = [&](const std::optional<ir::ExprId>& f) {
            return f ? ir::print(names, *f) : std::string("z");
        };
        const std::string& left = program.families[op.entry.left.family].name;
        const std::string& right = program.families[op.entry.right.family].name;
        const auto row = rows::arithmetic<Real>(features[k].dual->shape());
        const double timed = by_rows && row ? *row / peak : seconds_of(*features[k].dual, laws.variance[k]);
        const auto times = static_cast<double>(counts.runs[k]);
        ledger.add({true,
                    fmt::format("E[{} . {}] of ({}, {}_), {} for each pair", function(op.left_function),
                                function(op.right_function), left, right, counts.runs[k]),
                    "", features[k].dual->method()},
                   {2, counts.runs[k],
                    features[k].dual->shape().kind == gaussian::Shape::Kind::arcsine ? 0 : features[k].dual->features(),
                    timed * times * static_cast<double>(pairs), 0, "to the tolerance", by_rows ? row.value_or(0) : 0});
    }
}

template void Laws::raise(const plan::Plan&, const State<double>*, const State<double>*);
template void Laws::raise(const plan::Plan&, const State<float>*, const State<float>*);
template class Prepared<double>;
template class Prepared<float>;

} // namespace tpc::execute
