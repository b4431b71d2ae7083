// Which inner products of an expression a power of n belongs to.
#pragma once

#include "compiler/resolve/context.hpp"

namespace tpc::resolve {

// What in an expression takes a power of n up, the best last: v' @ x / n of a vector parameter v is a readout.
enum class Carrying : std::uint8_t { nothing, average, inner, name, readout };

// A product of k readouts takes up to n^(k/2); other averages, known to converge or not, take n^(1/2) in all.
struct Carrier {
    int readouts = 0;
    Carrying kind = Carrying::nothing; // of the best factor of a product, of the worst term of a sum
    bool average = false;              // holds an average somewhere
    bool origin = false;               // holds the inner product that brought the power in: decides between equals

    // The largest power of n^(1/2) for which the product need not diverge.
    [[nodiscard]] int capacity() const { return readouts > 0 ? readouts : average ? 1 : 0; }
};
Carrier carrier_of(Context& context, ExprId expr, Span origin);

// expr * n^(power/2), the power next to the inner products that carry it: (1 + avg(x)) * (v' @ x / n) * n^(1/2) gives
// (1 + avg(x)) * (v' @ x / n * n^(1/2)), and a sum is entered where all its terms carry the power.
ExprId attach(Context& context, ExprId expr, int power, Span origin);

} // namespace tpc::resolve
