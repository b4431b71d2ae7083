#include "runtime/joint/points.hpp"

#include <boost/math/special_functions/erf.hpp>
#include <boost/random/sobol.hpp>

#include <cmath>
#include <map>
#include <mutex>
#include <numbers>
#include <stdexcept>
#include <tuple>

namespace tpc::joint {
namespace {

std::uint32_t hash(std::uint32_t x) { // the finaliser of MurmurHash3
    x ^= x >> 16;
    x *= 0x85ebca6bU;
    x ^= x >> 13;
    x *= 0xc2b2ae35U;
    return x ^ (x >> 16);
}

std::uint32_t reverse_bits(std::uint32_t x) {
    x = ((x >> 1) & 0x55555555U) | ((x & 0x55555555U) << 1);
    x = ((x >> 2) & 0x33333333U) | ((x & 0x33333333U) << 2);
    x = ((x >> 4) & 0x0f0f0f0fU) | ((x & 0x0f0f0f0fU) << 4);
    x = ((x >> 8) & 0x00ff00ffU) | ((x & 0x00ff00ffU) << 8);
    return (x >> 16) | (x << 16);
}

// Each bit is flipped by a hash of the bits above it: in reversed order, multiplications by even numbers carry upwards only.
std::uint32_t scramble(std::uint32_t x, std::uint32_t seed) {
    x = reverse_bits(x);
    x ^= x * 0x3d20adeaU;
    x += seed;
    x *= (seed >> 16) | 1U;
    x ^= x * 0x05526c56U;
    x ^= x * 0x53a22864U;
    return reverse_bits(x);
}

double normal_quantile(double u) {
    return -std::numbers::sqrt2 * boost::math::erfc_inv(2 * u);
}

std::shared_ptr<const NormalPoints> make(std::size_t dimension, unsigned log2_count, std::uint32_t replicate) {
    auto points = std::make_shared<NormalPoints>();
    points->dimension = dimension;
    points->count = std::size_t{1} << log2_count;
    points->values.resize(dimension * points->count);
    if (dimension == 0)
        return points;
    boost::random::sobol_engine<std::uint32_t, 32> engine(dimension);
    for (std::size_t i = 1; i < points->count; ++i) // the engine leaves out the point 0
        for (std::size_t d = 0; d < dimension; ++d) {
            const std::uint32_t bits = engine();
            points->values[d * points->count + i] = bits;
        }
    for (std::size_t d = 0; d < dimension; ++d) {
        const std::uint32_t seed = hash(replicate * 0x9e3779b9U + hash(static_cast<std::uint32_t>(d) + 1));
        for (std::size_t i = 0; i < points->count; ++i) {
            double& value = points->values[d * points->count + i];
            const std::uint32_t bits = scramble(static_cast<std::uint32_t>(value), seed);
            value = normal_quantile((static_cast<double>(bits) + 0.5) * 0x1p-32);
        }
    }
    return points;
}

} // namespace

std::shared_ptr<const NormalPoints> normal_points(std::size_t dimension, unsigned log2_count, std::uint32_t replicate) {
    if (dimension > most_dimensions)
        throw std::invalid_argument("too many dimensions");
    static std::mutex mutex;
    static std::map<std::tuple<std::size_t, unsigned, std::uint32_t>, std::shared_ptr<const NormalPoints>> kept;
    const std::lock_guard lock(mutex);
    auto& points = kept[{dimension, log2_count, replicate}];
    if (!points) {
        // those of another round are not needed again
        std::erase_if(kept, [&](const auto& entry) { return entry.second && std::get<1>(entry.first) != log2_count; });
        points = make(dimension, log2_count, replicate);
    }
    return points;
}

} // namespace tpc::joint
