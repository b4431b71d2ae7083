#include "cli/cells.hpp"

#include <algorithm>

namespace tpc::cli {
namespace {

using execute::Span;

Span hull(const Span& a, const Span& b) {
    if (a.count == 0 || b.count == 0)
        return a.count == 0 ? b : a;
    const std::size_t first = std::min(a.first, b.first);
    return {first, std::max(a.end(), b.end()) - first};
}

std::vector<std::pair<std::size_t, std::size_t>> pairs_of_groups(const Wanted& wanted) {
    std::vector<std::pair<std::size_t, std::size_t>> order;
    for (std::size_t i = wanted.rows.size(); i-- > 0;)
        for (std::size_t j = wanted.columns.size(); j-- > (wanted.symmetric ? i : 0);)
            order.emplace_back(i, j);
    if (wanted.symmetric)
        std::ranges::stable_partition(order, [](const auto& pair) { return pair.first == pair.second; });
    return order;
}

// The first samples of the pieces of `span`.
std::vector<std::size_t> pieces(const Span& span, std::size_t step) {
    std::vector<std::size_t> result;
    for (std::size_t first = span.first / step * step; first < span.end(); first += step)
        result.push_back(first);
    return result;
}

struct Cutter {
    const Wanted& wanted;
    std::size_t g, h; // groups
    std::vector<Cell>& cells;

    [[nodiscard]] bool triangle() const { return wanted.symmetric && g == h; }

    // What the pairs of `left` with `right` have to be computed for: themselves, and their transposes.
    void add(const Span& left, const Span& right) const {
        const Span rows = intersection(left, wanted.rows[g]), columns = intersection(right, wanted.columns[h]);
        const bool direct = rows.count > 0 && columns.count > 0;
        if (triangle() && left == right) {
            const Span both = hull(rows, columns);
            if (direct)
                cells.push_back({g, h, both, both});
            return;
        }
        Span from = direct ? rows : Span{}, to = direct ? columns : Span{};
        if (wanted.symmetric) {
            const Span other_columns = intersection(left, wanted.columns[g]);
            const Span other_rows = intersection(right, wanted.rows[h]);
            if (other_rows.count > 0 && other_columns.count > 0) {
                from = hull(from, other_columns);
                to = hull(to, other_rows);
            }
        }
        if (from.count > 0)
            cells.push_back({g, h, from, to});
    }

    void cut(const Span& left, const Span& right, std::size_t step, std::size_t below) const {
        for (const std::size_t i : pieces(left, step))
            for (const std::size_t j : pieces(right, step)) {
                if (triangle() && j < i)
                    continue;
                const Span rows = intersection({i, step}, left), columns = intersection({j, step}, right);
                if (below < step)
                    cut(rows, columns, below, below);
                else
                    add(rows, columns);
            }
    }
};

} // namespace

Grid whole_groups() {
    constexpr std::size_t all = std::size_t{1} << 62;
    return {all, all};
}

Wanted wanted_of(const Dataset& left, const Dataset* right, const Span& rows, const Span& columns) {
    const auto spans = [](const Dataset& data, const Span& chosen) {
        std::vector<Span> result;
        for (const Samples& group : data.groups)
            result.push_back(chosen_of(group, chosen));
        return result;
    };
    return {spans(left, rows), spans(right != nullptr ? *right : left, columns), right == nullptr};
}

std::vector<Cell> cells_of(const Wanted& wanted, const Grid& grid) {
    std::vector<Cell> cells;
    for (const auto& [g, h] : pairs_of_groups(wanted)) {
        const Span left = wanted.symmetric ? hull(wanted.rows[g], wanted.columns[g]) : wanted.rows[g];
        const Span right = wanted.symmetric ? hull(wanted.rows[h], wanted.columns[h]) : wanted.columns[h];
        Cutter{wanted, g, h, cells}.cut(left, right, grid.panel, grid.step);
    }
    return cells;
}

std::size_t pairs_of(const Wanted& wanted, const Cell& cell) {
    return wanted.symmetric && cell.same() ? cell.left.count * (cell.left.count + 1) / 2
                                           : cell.left.count * cell.right.count;
}

} // namespace tpc::cli
