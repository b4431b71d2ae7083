#include "compiler/ir/reduction.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tpc::ir {

double reduced(Reduction reduction, llvm::ArrayRef<double> terms) {
    double total = reduction == Reduction::prod ? 1 : 0;
    switch (reduction) {
    case Reduction::sum:
    case Reduction::mean:
        for (const double term : terms)
            total += term;
        return reduction == Reduction::sum ? total : total / static_cast<double>(terms.size());
    case Reduction::prod:
        for (const double term : terms)
            total *= term;
        return total;
    case Reduction::max:
    case Reduction::min:
    case Reduction::logsumexp:
        break;
    }
    if (terms.empty())
        return std::numeric_limits<double>::quiet_NaN();
    if (reduction == Reduction::min)
        return *std::min_element(terms.begin(), terms.end());
    const double largest = *std::max_element(terms.begin(), terms.end());
    if (reduction == Reduction::max)
        return largest;
    for (const double term : terms)
        total += std::exp(term - largest);
    return largest + std::log(total);
}

} // namespace tpc::ir
