#include "runtime/learn/split.hpp"

#include <limits>
#include <numeric>
#include <random>
#include <utility>

namespace tpc::learn {
namespace {

// Uniform on 0..bound-1; std::uniform_int_distribution differs from one standard library to the next.
std::uint64_t below(std::uint64_t bound, std::mt19937_64& generator) {
    const std::uint64_t usable = std::numeric_limits<std::uint64_t>::max() / bound * bound;
    std::uint64_t draw = generator();
    while (draw >= usable)
        draw = generator();
    return draw % bound;
}

Split partition(const std::vector<bool>& is_test) {
    Split split;
    for (std::size_t i = 0; i < is_test.size(); ++i)
        (is_test[i] ? split.test : split.train).push_back(static_cast<Eigen::Index>(i));
    return split;
}

} // namespace

Split split_every(Eigen::Index samples, Eigen::Index period) {
    std::vector<bool> is_test(static_cast<std::size_t>(samples));
    for (Eigen::Index i = period - 1; i < samples; i += period)
        is_test[static_cast<std::size_t>(i)] = true;
    return partition(is_test);
}

Split split_random(Eigen::Index samples, Eigen::Index tests, std::uint64_t seed) {
    const auto count = static_cast<std::size_t>(samples);
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::mt19937_64 generator(seed);
    std::vector<bool> is_test(count);
    for (std::size_t i = 0; i < static_cast<std::size_t>(tests); ++i) {
        std::swap(order[i], order[i + below(count - i, generator)]);
        is_test[order[i]] = true;
    }
    return partition(is_test);
}

} // namespace tpc::learn
