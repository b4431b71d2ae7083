#include "runtime/gaussian/terms_algebra.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tpc::gaussian {
namespace {

Complex value_of(const std::vector<Complex>& poly, double z) {
    Complex value = 0;
    for (auto coefficient = poly.rbegin(); coefficient != poly.rend(); ++coefficient)
        value = value * z + *coefficient;
    return value;
}

} // namespace

Groups derivative(const Groups& groups, std::vector<Spike>& spikes) {
    Groups sum;
    for (const Group& group : groups) {
        Group term = group;
        term.poly.assign(group.poly.size() + 1, 0);
        for (std::size_t i = 0; i < group.poly.size(); ++i) {
            if (i > 0)
                term.poly[i - 1] += static_cast<double>(i) * group.poly[i];
            term.poly[i] += group.rate * group.poly[i];
            term.poly[i + 1] -= 2 * group.gauss * group.poly[i];
        }
        accumulate(sum, term);
        if (!group.jump)
            continue;
        if (group.blur == 0) { // (sign)' = 2 delta
            const double k = group.kink;
            const double weight =
                (2.0 * value_of(group.poly, k) * std::exp(group.offset - group.gauss * k * k + group.rate * k)).real();
            if (weight != 0)
                spikes.push_back({weight, k});
            continue;
        }
        // S' = 2 exp(-(z - k)^2 / (2 r)) / sqrt(2 pi r)
        const double r = group.blur;
        const double k = group.kink;
        Group bump{group.offset - k * k / (2 * r), group.gauss + 1 / (2 * r), group.rate + k / r, false, 0, 0, group.poly};
        for (Complex& coefficient : bump.poly)
            coefficient *= std::sqrt(2 / (std::numbers::pi * r));
        accumulate(sum, bump);
    }
    tidy(sum);
    // Spikes of one place that cancel (a kink made of two jumps) are none.
    std::vector<Spike> merged;
    for (const Spike& spike : spikes) {
        auto place =
            std::find_if(merged.begin(), merged.end(), [&](const Spike& other) { return other.kink == spike.kink; });
        if (place == merged.end())
            place = merged.insert(merged.end(), Spike{0, spike.kink});
        place->weight += spike.weight;
    }
    double largest = 0;
    for (const Group& group : groups)
        for (Complex coefficient : group.poly)
            largest = std::max(largest, std::abs(coefficient));
    std::erase_if(
        merged, [&](const Spike& spike) { return std::abs(spike.weight) <= 1e-14 * largest * (1 + std::abs(spike.kink)); });
    spikes = merged;
    return sum;
}

bool same(const Groups& a, const Groups& b) {
    if (a.size() != b.size())
        return false;
    return std::all_of(a.begin(), a.end(), [&](const Group& group) {
        return std::any_of(b.begin(), b.end(),
                           [&](const Group& other) { return alike(group, other) && group.poly == other.poly; });
    });
}

Groups reflect(const Groups& groups) {
    Groups reflected = groups;
    for (Group& group : reflected) {
        group.rate = -group.rate;
        group.kink = group.kink == 0 ? 0 : -group.kink;
        for (std::size_t i = group.jump ? 0 : 1; i < group.poly.size(); i += 2)
            group.poly[i] = -group.poly[i];
    }
    return reflected;
}

int parity(const Groups& groups) {
    const Groups reflected = reflect(groups);
    if (same(reflected, groups))
        return 1;
    if (same(scale(reflected, -1), groups))
        return -1;
    return 0;
}

} // namespace tpc::gaussian
