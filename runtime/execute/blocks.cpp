#include "runtime/execute/blocks.hpp"

#include "runtime/execute/pair_run.hpp"
#include "runtime/pairs/self.hpp"
#include "runtime/tiles/run.hpp"

#include <algorithm>
#include <bit>

namespace tpc::execute {
namespace {

constexpr std::size_t least_panel = most_of_chunk;
constexpr std::size_t layouts = 3; // of what is known of a sample: its state, and for the rows of either side

SampleSet part_of(const SampleSet& set, const Span& span) {
    SampleSet part;
    part.samples = span.count;
    for (const Input& input : set.inputs) {
        const auto size = static_cast<std::ptrdiff_t>(input.values.size() / set.samples);
        const auto first = input.values.begin() + static_cast<std::ptrdiff_t>(span.first) * size;
        part.inputs.push_back({{first, first + static_cast<std::ptrdiff_t>(span.count) * size}});
    }
    return part;
}

} // namespace

template <class Real>
Duals<Real>::Duals(const plan::Plan& plan, const Options& options)
    : left(plan.left.recursions, options.tolerance), right(plan.right.recursions, options.tolerance),
      pairs(plan.recursions, options.tolerance) {}

template struct Duals<double>;
template struct Duals<float>;

// What all pairs of two panels share.
template <class Real> struct Blocks<Real>::Pairing {
    Prepared<Real> prepared;
    std::optional<TileProgram<Real>> tiles;
};

template <class Real>
Blocks<Real>::Blocks(const plan::Plan& plan, const SampleSet& left, const SampleSet* right, const Options& options,
                     Joints& joints, Duals<Real>& duals, const Laws* laws)
    : plan_(plan), left_set_(left), right_set_(right != nullptr ? *right : left), symmetric_(right == nullptr),
      options_(options), joints_(joints), duals_(duals), equal_(plan, left_set_, right_set_) {
    if (laws != nullptr)
        laws_ = *laws;
    choose(layouts * self_numbers(plan_.left) * sizeof(Real));
    gather_laws(panel_);
    choose(bytes_of_sample());
    pair_up({0, 1}, {0, 1});
}

template <class Real> Blocks<Real>::~Blocks() = default;

template <class Real>
std::size_t Blocks<Real>::least_memory(const plan::Plan& plan, const SampleSet& left, const SampleSet* right,
                                       std::size_t threads) {
    const auto of_panel = [](const plan::SelfPlan& side, const SampleSet& set) {
        return layouts * self_numbers(side) * sizeof(Real) * std::min(least_panel, set.samples);
    };
    const std::size_t other = right != nullptr             ? of_panel(plan.right, *right)
                              : left.samples > least_panel ? of_panel(plan.left, left)
                                                           : 0;
    return of_panel(plan.left, left) + other + (fits_tiles<Real>(plan) ? threads * tile_bytes<Real>(plan) : 0);
}

// The largest panel of which two fit the memory: all samples, or a power of two.
template <class Real> void Blocks<Real>::choose(std::size_t bytes) {
    const std::size_t samples = left_set_.samples + (symmetric_ ? 0 : right_set_.samples);
    const std::size_t largest = std::bit_ceil(std::max(left_set_.samples, right_set_.samples));
    const std::size_t fitting = options_.memory / std::max<std::size_t>(1, bytes);
    const std::size_t least = std::min(std::max(least_panel, options_.least_panel), largest);
    panel_ = samples <= fitting ? largest : std::clamp(std::bit_floor(fitting / 2), least, largest);
}

// What the state, its layouts for rows on both sides and the features of duals take.
template <class Real> std::size_t Blocks<Real>::bytes_of_sample() {
    std::size_t numbers = layouts * self_numbers(plan_.left);
    for (std::size_t k = 0; k < plan_.cross.ops.size(); ++k) {
        const plan::PairOp& op = plan_.cross.ops[k];
        if (op.rule != limit::Rule::dual)
            continue;
        const gaussian::Dual<Real>& dual =
            duals_.pairs.find(op.left_function, op.right_function, laws_.variance[k], laws_.mean[k]);
        numbers += 2 * layouts * dual.features() * static_cast<std::size_t>(plan_.left.boxes[op.entry.left.family].count());
    }
    return numbers * sizeof(Real);
}

template <class Real> std::shared_ptr<typename Blocks<Real>::Panel> Blocks<Real>::make(bool right, const Span& span) {
    const SampleSet& set = right ? right_set_ : left_set_;
    auto panel = std::make_shared<Panel>();
    panel->span = span;
    if (span.count < set.samples)
        panel->part = part_of(set, span);
    const bool as_right = right && !symmetric_;
    panel->state = run_self<Real>(as_right ? plan_.right : plan_.left, panel->part ? *panel->part : set,
                                  as_right ? duals_.right : duals_.left, as_right ? *joints_.right : joints_.left,
                                  self_chunk(set.samples), options_.ledger, options_.meter);
    return panel;
}

template <class Real> void Blocks<Real>::gather_laws(std::size_t size) {
    for (const bool right : {false, true}) {
        if (right && symmetric_)
            continue;
        const std::size_t samples = (right ? right_set_ : left_set_).samples;
        for (std::size_t first = 0; first < samples; first += size) {
            auto panel = make(right, {first, std::min(size, samples - first)});
            laws_.raise<Real>(plan_, right ? nullptr : &panel->state, right || symmetric_ ? &panel->state : nullptr);
            (right ? right_ : left_) = std::move(panel);
        }
    }
    if (symmetric_)
        right_ = left_;
}

template <class Real> void Blocks<Real>::pair_up(const Span& rows, const Span& columns) {
    const auto covering = [&](const Span& span, std::size_t samples) {
        const std::size_t first = span.first / panel_ * panel_;
        return Span{first, std::min(panel_, samples - first)};
    };
    const Span left = covering(rows, left_set_.samples), right = covering(columns, right_set_.samples);
    if (left_->span == left && right_->span == right && pairing_)
        return;
    pairing_.reset();
    if (symmetric_ && right_->span == left)
        left_ = right_;
    if (left_->span != left)
        left_ = make(false, left);
    if (symmetric_ && left_->span == right)
        right_ = left_;
    if (right_->span != right)
        right_ = make(true, right);
    pairing_ = std::unique_ptr<Pairing>(
        new Pairing{Prepared<Real>(plan_, left_->state, right_->state, laws_, duals_.pairs), std::nullopt});
    if (fits_tiles<Real>(plan_) && !(options_.ntk && options_.via == Via::D))
        pairing_->tiles = tile_program(plan_, left_->state, right_->state, pairing_->prepared.features, options_.ntk);
}

template <class Real> std::vector<Kernel> Blocks<Real>::operator()(const Span& rows, const Span& columns) {
    pair_up(rows, columns);
    const std::size_t above = left_->span.first, before = right_->span.first;
    const Window window{{rows.first - above, rows.count}, {columns.first - before, columns.count}, above, before};
    Results results(plan_, rows.count, columns.count, symmetric_ && rows == columns, options_,
                    sizeof(Real) == sizeof(float));
    if (pairing_->tiles) {
        run_tiles(*pairing_->tiles, window, equal_, options_, results);
    } else {
        run_pairs<Real>({plan_, left_->state, right_->state, pairing_->prepared, duals_.pairs, joints_.cross}, window,
                        equal_, options_, results);
        results.mirror();
    }
    return results.take();
}

template <class Real> void Blocks<Real>::report(Ledger& ledger) const {
    if (!pairing_->tiles)
        joints_.cross.report(true, ledger);
    const std::size_t n = left_set_.samples;
    pairing_->prepared.report(plan_, laws_, symmetric_ ? n * (n + 1) / 2 : n * right_set_.samples, ledger);
}

template class Blocks<double>;
template class Blocks<float>;

} // namespace tpc::execute
