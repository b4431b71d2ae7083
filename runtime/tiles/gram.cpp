// Inner products of finite vectors in a tile.
#include "runtime/tiles/machine.hpp"

#include <algorithm>

namespace tpc::execute {

// The normalised gaps of a pair of finite vectors for the left sample at hand and the next ones; null where tiles read too
// many pairs to keep them.
template <class Real>
const GramAhead<Real>* TileMachine<Real>::gram_ahead(const plan::TermOp& term, const Spot& left, const Spot& right) {
    const auto same = [&](const GramAhead<Real>& own) {
        return own.left == term.left_finite && own.right == term.right_finite && own.left_element == left.element &&
               own.right_element == right.element;
    };
    auto found = std::find_if(ahead_.begin(), ahead_.end(), same);
    if (found == ahead_.end()) {
        constexpr std::size_t most_kept = 4;
        if (ahead_.size() == most_kept)
            return nullptr;
        found = ahead_.insert(ahead_.end(), {term.left_finite, term.right_finite, left.element, right.element});
    }
    if (left_ >= found->left_first && left_ < found->left_first + found->samples && first_ >= found->first &&
        first_ + lanes_ <= found->first + found->lanes)
        return &*found;
    found->left_first = left_;
    found->samples = std::min(following_ + 1, rows::most_samples);
    found->first = first_;
    found->lanes = lanes_;
    found->gaps.resize(2 * rows::most_samples * width_);
    const PerSample<Real>& units = program_.left.unit[term.left_finite];
    const rows::Moving<Real> x = moving(units, left, false);
    const rows::Moving<Real> y = moving(program_.right.unit[term.right_finite], right, true);
    rows::GramRow<Real> products;
    products.length = static_cast<std::size_t>(program_.plan->left.finite[term.left_finite].length);
    products.lanes = lanes_;
    products.left = x.data;
    products.right = y.data;
    products.right_stride = program_.lanes;
    products.minus = found->gaps.data();
    products.plus = bare_ ? nullptr : products.minus + rows::most_samples * width_;
    products.samples = found->samples;
    products.left_sample = units.block;
    products.sample = static_cast<std::ptrdiff_t>(width_);
    rows::gram(products);
    return &*found;
}

// The normalised gaps of two finite vectors along a row. Where both move alike, terms of a window meet the same pairs again:
// these are kept by their left elements.
template <class Real>
void TileMachine<Real>::gram(const plan::TermOp& term, const Spot& left, const Spot& right, std::size_t positions,
                             rows::Term<Real>& out) {
    const PerSample<Real>& units = program_.left.unit[term.left_finite];
    const auto length = static_cast<std::size_t>(program_.plan->left.finite[term.left_finite].length);
    const std::size_t sheets = outer_.count();
    out.left_norm = moving(program_.left.length[term.left_finite], left, false);
    out.right_norm = moving(program_.right.length[term.right_finite], right, true);
    const GramAhead<Real>* const ahead = sheets * positions == 1 ? gram_ahead(term, left, right) : nullptr;
    if (ahead != nullptr) {
        const Real* const own = ahead->gaps.data() + (left_ - ahead->left_first) * width_ + (first_ - ahead->first);
        out.minus = {own, 0, 0, 0};
        if (!bare_)
            out.plus = {own + rows::most_samples * width_, 0, 0, 0};
        return;
    }
    const auto elements = static_cast<std::size_t>(program_.left.boxes.finite[term.left_finite].count());
    const bool shared = left.element_step == right.element_step && left.element_sheet == right.element_sheet &&
                        elements <= 2 * sheets * positions;
    const std::size_t size = shared ? elements : sheets * positions;
    const Gram<Real> own{term.left_finite, term.right_finite, shared, right.element - left.element, {}, {}};
    const auto used = grams_.begin() + static_cast<std::ptrdiff_t>(grams_used_);
    auto found = std::find_if(grams_.begin(), used, [&](const Gram<Real>& gram) { return shared && gram.same(own); });
    if (found == used) {
        if (used == grams_.end())
            found = grams_.insert(used, own);
        found->name(own);
        found->gaps.resize(std::max(found->gaps.size(), 2 * size * width_));
        found->done.assign(size, false);
        ++grams_used_;
    }
    const auto row = static_cast<std::ptrdiff_t>(width_);
    Real* const minus = found->gaps.data();
    Real* const plus = minus + size * width_;
    const rows::Moving<Real> x = moving(units, left, false);
    const rows::Moving<Real> y = moving(program_.right.unit[term.right_finite], right, true);
    const rows::Moving<Real> to{nullptr, shared ? left.element_step : 1, 0,
                                shared ? left.element_sheet : static_cast<std::ptrdiff_t>(positions)};
    const std::ptrdiff_t begin = shared ? left.element : 0;
    const auto count = static_cast<std::ptrdiff_t>(positions);
    for (std::ptrdiff_t sheet = 0; sheet < static_cast<std::ptrdiff_t>(sheets); ++sheet) {
        char* const done = found->done.data() + begin + sheet * to.sheet;
        for (std::ptrdiff_t first = 0, end = 0; first < count; first = end) { // what is not there yet, run by run
            const char there = done[first * to.step];
            for (end = first; end < count && done[end * to.step] == there; ++end)
                done[end * to.step] = true;
            if (there)
                continue;
            const std::ptrdiff_t at = (begin + sheet * to.sheet + first * to.step) * row;
            rows::GramRow<Real> products{static_cast<std::size_t>(end - first), length, lanes_};
            products.left = x.data + sheet * x.sheet + first * x.step;
            products.right = y.data + sheet * y.sheet + first * y.step;
            products.right_stride = program_.lanes;
            products.minus = minus + at;
            products.plus = bare_ ? nullptr : plus + at;
            products.left_step = x.step;
            products.right_step = y.step;
            products.step = to.step * row;
            rows::gram(products);
        }
    }
    out.minus = {minus + begin * row, to.step * row, 0, to.sheet * row};
    if (!bare_)
        out.plus = {plus + begin * row, to.step * row, 0, to.sheet * row};
}

template void TileMachine<double>::gram(const plan::TermOp&, const Spot&, const Spot&, std::size_t, rows::Term<double>&);
template void TileMachine<float>::gram(const plan::TermOp&, const Spot&, const Spot&, std::size_t, rows::Term<float>&);

} // namespace tpc::execute
