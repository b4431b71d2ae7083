#include "compiler/source/diagnostic.hpp"
#include "compiler/source/utf8.hpp"

#include <algorithm>
#include <limits>

namespace tpc::source {

namespace {

// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
std::size_t distance(const std::u32string& a, const std::u32string& b) {
    std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i)
        d[i][0] = i;
    for (std::size_t j = 0; j <= b.size(); ++j)
        d[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i)
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
            d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[a.size()][b.size()];
}

} // namespace

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
    const std::u32string wanted = decode_all(name);
    if (wanted.size() < 2)
        return {}; // every one-letter name is one change away from any other
    const std::size_t limit = std::min(std::max<std::size_t>(1, wanted.size() / 3), wanted.size() - 1);
    std::string best;
    std::size_t smallest = limit + 1;
    for (const std::string& candidate : candidates) {
        const std::u32string letters = decode_all(candidate);
        if (std::max(letters.size(), wanted.size()) - std::min(letters.size(), wanted.size()) >= smallest)
            continue;
        const std::size_t steps = distance(wanted, letters);
        if (steps < smallest && steps < letters.size()) {
            smallest = steps;
            best = candidate;
        }
    }
    return best;
}

} // namespace tpc::source
