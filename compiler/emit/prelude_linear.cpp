#include "compiler/emit/prelude_texts.hpp"

namespace tpc::emit {

const char* const inside_text =
    R"(inline bool inside(int index, int lower, int upper) { return index >= lower && index <= upper; }
)";

const char* const wrap_text = R"(inline int wrap(int index, int lower, int upper) {
    const int size = upper - lower + 1;
    return lower + ((index - lower) % size + size) % size;
}
)";

const char* const clamp_text =
    R"(inline int clamp(int index, int lower, int upper) { return index < lower ? lower : index > upper ? upper : index; }
)";

const char* const reductions_text = R"(// Of the numbers that `each` appends.
namespace reduced {
template <class Each> std::vector<double> list(const Each& each) {
    std::vector<double> values;
    each(values);
    return values;
}
template <class Each> double sum(const Each& each) {
    double total = 0;
    for (const double value : list(each))
        total += value;
    return total;
}
template <class Each> double mean(const Each& each) {
    const std::vector<double> values = list(each);
    double total = 0;
    for (const double value : values)
        total += value;
    return total / double(values.size());
}
template <class Each> double prod(const Each& each) {
    double product = 1;
    for (const double value : list(each))
        product *= value;
    return product;
}
template <class Each> double max(const Each& each) {
    const std::vector<double> values = list(each);
    return *std::max_element(values.begin(), values.end());
}
template <class Each> double min(const Each& each) {
    const std::vector<double> values = list(each);
    return *std::min_element(values.begin(), values.end());
}
template <class Each> double logsumexp(const Each& each) {
    const std::vector<double> values = list(each);
    const double greatest = *std::max_element(values.begin(), values.end());
    double total = 0;
    for (const double value : values)
        total += std::exp(value - greatest);
    return greatest + std::log(total);
}
} // namespace reduced
)";

const char* const types_text = R"(// One number for each of several right samples, which are computed side by side.
template <std::size_t lanes> using Row = std::array<double, lanes>;

// A covariance C of a and b as the gaps of its correlation to 1 and to -1,
//   minus = 2 (1 - rho),  plus = 2 (1 + rho),  C = |a| |b| (plus - minus) / 4,  |a|^2 = E[a^2]:
// for samples that nearly coincide or are nearly opposite, rho alone could not tell the angle.
struct Gaps {
    double minus = 2, plus = 2;
};

// Across two samples, with the tangent kernel T of the same coordinates.
template <std::size_t lanes> struct Entry {
    Row<lanes> minus{}, plus{}, T{};
};

// Of vectors that only outputs read: C itself.
template <std::size_t lanes> struct Value {
    Row<lanes> C{}, T{};
};
)";

const char* const moment_text = R"(inline double moment(const Gaps& gaps, double norm_a, double norm_b) {
    return 0.25 * norm_a * norm_b * (gaps.plus - gaps.minus);
}
)";

const char* const add_text =
    R"(// Adds the part that a term scale * (u a') (v b') has in the gaps of two sums of norm 1, for a', b' of norm 1 and the given
// gaps: with e = |u| - |v|, minus gains scale (|u v| minus + e^2), plus likewise. Nothing cancels.
inline void add(double& minus, double& plus, double scale, double u, double v, double down, double up) {
    const double both = u * v, size = std::abs(both), e = std::abs(u) - std::abs(v), apart = e * e;
    minus += scale * (size * (both < 0 ? up : down) + apart);
    plus += scale * (size * (both < 0 ? down : up) + apart);
}

// Vectors of norm 0 are uncorrelated.
inline void settle(double& minus, double& plus, double over_a, double over_b) {
    const bool live = over_a * over_b > 0;
    minus = live ? minus : 2;
    plus = live ? plus : 2;
}
)";

const char* const finish_text = R"(// The gaps of a covariance that is known as a number.
inline void finish(double& minus, double& plus, double C, double over_a, double over_b) {
    const double rho = C * over_a * over_b;
    minus = std::max(2 * (1 - rho), 0.0);
    plus = std::max(2 * (1 + rho), 0.0);
}
)";

} // namespace tpc::emit
