#include "runtime/points/points.hpp"

#include "runtime/tapes/elementwise.hpp"

#include <boost/random/sobol.hpp>

#include <algorithm>
#include <array>
#include <mutex>
#include <stdexcept>
#include <utility>

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

// By dimension, the point of index 2^j: every point is the exclusive or of those that its index has the bits of.
using Directions = std::array<std::uint32_t, 32>;

const std::vector<Directions>& directions() {
    static const std::vector<Directions> all = [] {
        std::vector<Directions> result(most_dimensions);
        boost::random::sobol_engine<std::uint32_t, 32> engine(most_dimensions);
        // Boost goes in the order of Gray codes, from that of 1 on, and that of 2^j has the bits j and j - 1
        for (unsigned j = 0; j < 32; ++j) {
            engine.seed((std::uint32_t{1} << j) - 1);
            for (Directions& one : result)
                one[j] = engine();
        }
        for (Directions& one : result)
            for (unsigned j = 1; j < 32; ++j)
                one[j] ^= one[j - 1];
        return result;
    }();
    return all;
}

template <class Real> Row<Real> make(std::size_t d, unsigned log2_count, std::uint32_t replicate) {
    if (replicate % replicates_of_seed == first_four) {
        Row<Real> row;
        for (std::uint32_t r = 0; r < 4; ++r) {
            const Row<Real> one = make<Real>(d, log2_count - 2, replicate - first_four + r);
            row.insert(row.end(), one.begin(), one.end());
        }
        return row;
    }
    const std::size_t count = std::size_t{1} << log2_count;
    std::vector<std::uint32_t> bits(std::max(count, row_step), 0);
    const Directions& direction = directions()[d];
    for (unsigned j = 0; j < log2_count; ++j)
        for (std::size_t i = 0; i < std::size_t{1} << j; ++i)
            bits[(std::size_t{1} << j) + i] = bits[i] ^ direction[j];
    const std::uint32_t seed = hash(replicate * 0x9e3779b9U + hash(static_cast<std::uint32_t>(d) + 1));
    for (std::uint32_t& word : bits)
        word = scramble(word, seed);
    Row<Real> row(bits.size());
    normal_quantiles(bits.data(), row.data(), row.size());
    return row;
}

// Points of the two replicates that were asked for last (those of laws may be fewer), as many coordinates as were asked for.
template <class Real> class Kept {
  public:
    std::vector<std::shared_ptr<const Row<Real>>> operator()(std::size_t dimension, unsigned log2_count,
                                                             std::uint32_t replicate) {
        if (dimension > most_dimensions)
            throw std::invalid_argument("too many dimensions");
        const std::lock_guard lock(mutex_);
        const std::pair which(log2_count, replicate);
        if (last_.which != which) {
            std::swap(last_, other_);
            if (last_.which != which)
                last_ = {which, {}};
        }
        auto& rows = last_.rows;
        while (rows.size() < dimension)
            rows.push_back(std::make_shared<Row<Real>>(make<Real>(rows.size(), log2_count, replicate)));
        return {rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(dimension)};
    }

  private:
    struct Replicate {
        std::pair<unsigned, std::uint32_t> which;
        std::vector<std::shared_ptr<const Row<Real>>> rows;
    };
    std::mutex mutex_;
    Replicate last_, other_;
};

} // namespace

template <class Real>
std::vector<std::shared_ptr<const Row<Real>>> normal_points(std::size_t dimension, unsigned log2_count,
                                                            std::uint32_t replicate) {
    static Kept<Real> kept;
    return kept(dimension, log2_count, replicate);
}

template std::vector<std::shared_ptr<const Row<double>>> normal_points(std::size_t, unsigned, std::uint32_t);
template std::vector<std::shared_ptr<const Row<float>>> normal_points(std::size_t, unsigned, std::uint32_t);

std::vector<std::shared_ptr<const NormalRow>> pilot_points(std::size_t dimension) {
    static Kept<double> kept;
    return kept(dimension, pilot_log2, first_four - 1);
}

} // namespace tpc::joint
