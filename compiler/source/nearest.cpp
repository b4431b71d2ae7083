#include "compiler/source/diagnostic.hpp"
#include "compiler/source/utf8.hpp"

#include <algorithm>
#include <limits>
#include <string_view>

namespace tpc::source {

namespace {

// Costs are counted in halves: the same letter in the other case is half a change.
constexpr std::size_t change_cost = 2;
constexpr std::size_t case_cost = 1;

char32_t lower(char32_t c) {
    const bool latin = c >= U'A' && c <= U'Z';
    const bool greek = c >= 0x391 && c <= 0x3A9;
    return latin || greek ? c + 32 : c;
}

std::size_t replacing(char32_t a, char32_t b) {
    return a == b ? 0 : lower(a) == lower(b) ? case_cost : change_cost;
}

// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
std::size_t distance(const std::u32string& a, const std::u32string& b) {
    std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i)
        d[i][0] = i * change_cost;
    for (std::size_t j = 0; j <= b.size(); ++j)
        d[0][j] = j * change_cost;
    for (std::size_t i = 1; i <= a.size(); ++i)
        for (std::size_t j = 1; j <= b.size(); ++j) {
            d[i][j] = std::min(
                {d[i - 1][j] + change_cost, d[i][j - 1] + change_cost, d[i - 1][j - 1] + replacing(a[i - 1], b[j - 1])});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + change_cost);
        }
    return d[a.size()][b.size()];
}

// Neighbours on the keyboard.
bool adjacent(char32_t a, char32_t b) {
    constexpr std::u32string_view rows[] = {U"qwertyuiop", U"asdfghjkl", U"zxcvbnm"};
    const auto place = [&](char32_t c) {
        for (int row = 0; row < 3; ++row)
            if (const auto column = rows[row].find(lower(c)); column != std::u32string_view::npos)
                return std::pair(row, static_cast<int>(column));
        return std::pair(-9, -9);
    };
    const auto [row, column] = place(a);
    const auto [other_row, other_column] = place(b);
    const int right = other_column - column; // each row is shifted by half a key
    if (row < 0 || other_row < 0)
        return false;
    return row == other_row ? std::abs(right) == 1
                            : (other_row == row + 1 && (right == 0 || right == -1)) ||
                                  (other_row == row - 1 && (right == 0 || right == 1));
}

// Equal but for case and underscores: LeakyReLU is leaky_relu.
std::u32string plain(const std::u32string& name) {
    std::u32string letters;
    for (const char32_t c : name)
        if (c != U'_')
            letters += lower(c);
    return letters;
}

// A slip that leaves something of the name: of one letter, its case, a neighbour on the keyboard or a letter beside it.
bool plausible(const std::u32string& wanted, const std::u32string& candidate, std::size_t cost) {
    if (wanted.size() == 1 && candidate.size() == 1)
        return cost <= case_cost || adjacent(wanted[0], candidate[0]);
    return cost < change_cost * std::max(wanted.size(), candidate.size()) && cost < change_cost * wanted.size() + case_cost;
}

} // namespace

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
    constexpr std::size_t longest = 100;
    const std::u32string wanted = decode_all(name);
    if (wanted.empty() || wanted.size() > longest)
        return {};
    std::string best;
    std::size_t smallest = change_cost * std::max<std::size_t>(1, wanted.size() / 3) + 1;
    for (const std::string& candidate : candidates) {
        const std::u32string letters = decode_all(candidate);
        if (candidate != name && plain(letters) == plain(wanted) && case_cost < smallest) {
            smallest = case_cost;
            best = candidate;
            continue;
        }
        const std::size_t longer = std::max(letters.size(), wanted.size()),
                          shorter = std::min(letters.size(), wanted.size());
        if (change_cost * (longer - shorter) >= smallest || candidate == name)
            continue;
        const std::size_t cost = distance(wanted, letters);
        if (cost < smallest && plausible(wanted, letters, cost)) {
            smallest = cost;
            best = candidate;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
    const std::string near = nearest(name, candidates);
    return near.empty() ? near : fmt::format("; did you mean {}?", near);
}

} // namespace tpc::source
