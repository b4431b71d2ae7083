#include "runtime/tiles/program.hpp"

#include "runtime/rows/rows.hpp"
#include "runtime/tiles/arrays.hpp"
#include "runtime/tiles/factors.hpp"
#include "runtime/tiles/features.hpp"
#include "runtime/tiles/fold.hpp"
#include "runtime/tiles/fuse.hpp"
#include "runtime/tiles/halo.hpp"
#include "runtime/tiles/route.hpp"
#include "runtime/tiles/through.hpp"

#include <algorithm>

#include <unistd.h>

namespace tpc::execute {

namespace {

using limit::PairTerm;

// What operations read of left and of right elements: norms of what they sum or multiply, inverses of what they write.
template <class Real> std::array<TileNeeds, 2> needs_of(const TileProgram<Real>& program) {
    const plan::Part& part = program.part;
    const std::size_t families = program.plan->recursions.network.program.families.size();
    const TileNeeds none{std::vector<bool>(families, false), std::vector<bool>(families, false)};
    std::array<TileNeeds, 2> needs{none, none};
    const auto mark = [&](std::vector<bool> TileNeeds::*number, std::uint32_t left, std::uint32_t right) {
        for (const auto& [side, family] : {std::pair{0u, left}, std::pair{1u, right}})
            if (family < families) // else an output's or finite vectors
                (needs[side].*number)[family] = true;
    };
    for (std::size_t k = 0; k < part.ops.size(); ++k) {
        const plan::PairOp& op = part.ops[k];
        const bool by_rows = op.rule == limit::Rule::dual && coarse(program.duals[k], program.arrays[op.array]);
        if (!op.output && (fused(op) || !exact_for_equal(program.duals[k], by_rows)))
            mark(&TileNeeds::inverse, part.arrays[op.array].left, part.arrays[op.array].right);
        if (op.rule == limit::Rule::dual && !by_rows)
            mark(&TileNeeds::norm, op.entry.left.family, op.entry.right.family);
        if (op.rule == limit::Rule::dual && program.arrays[op.array].known)
            mark(&TileNeeds::norm, part.arrays[op.array].left, part.arrays[op.array].right);
        for (const plan::TermOp& term : op.terms)
            if (term.kind == PairTerm::Kind::matmul || term.kind == PairTerm::Kind::read)
                mark(&TileNeeds::norm, term.entry.left.family, term.entry.right.family);
        for (const plan::GroupOp& group : op.groups)
            if (group.cross && group.entry.array != plan::no_array)
                mark(&TileNeeds::norm, part.arrays[group.entry.array].left, part.arrays[group.entry.array].right);
    }
    return needs;
}

constexpr std::size_t fewest_lanes = 16; // of a row of the workspace

// Rows of one array, layers folded.
std::size_t rows_of(const plan::Box& outer, const Fold& fold) {
    const auto count = static_cast<std::size_t>(outer.count());
    return fold.period == 0
               ? count
               : count / static_cast<std::size_t>(outer.size[fold.dimension]) * static_cast<std::size_t>(fold.period);
}

// As many lanes as keep the workspace in the second-level cache, blocks of nearly the same size.
template <class Real> std::size_t lanes_of(std::size_t bytes, std::size_t samples) {
    constexpr std::size_t most_lanes = 512;
    constexpr std::size_t usual_cache = std::size_t{2} << 20;
    constexpr std::size_t step = rows::lane_step<Real>;
    static const long own_cache = sysconf(_SC_LEVEL2_CACHE_SIZE);
    const std::size_t cache = own_cache > 0 ? static_cast<std::size_t>(own_cache) : usual_cache;
    const auto whole = [](std::size_t lanes) { return (lanes + step - 1) / step * step; };
    const std::size_t fitting = cache / 4 * 3 / std::max<std::size_t>(1, bytes) / step * step;
    const std::size_t most = std::clamp(fitting, fewest_lanes, most_lanes);
    const std::size_t all = std::max(samples, std::size_t{1});
    const std::size_t blocks = (all + most - 1) / most;
    return whole((all + blocks - 1) / blocks);
}

// Operations go down the rows, a vector of lanes at a time: where a row is an even number of cache lines, what they read
// lies in a half of the sets of the first-level cache, or in fewer. Short rows would grow by too much.
template <class Real> std::size_t width_of(std::size_t lanes) {
    constexpr std::size_t step = rows::lane_step<Real>; // a cache line
    return lanes >= 4 * step && lanes / step % 2 == 0 ? lanes + step : lanes;
}

// The workspace of the narrowest row.
template <class Real> std::size_t bytes_of(const plan::Plan& plan, const plan::Part& part) {
    const Halo halo = halo_of(plan, part);
    const std::vector<Fold> folds = folds_of(plan, part);
    std::size_t rows = 0;
    for (std::size_t a = 0; a < folds.size(); ++a)
        rows += 3 * rows_of(halo.arrays[a], folds[a]);
    return rows * fewest_lanes * sizeof(Real);
}

// Planes where whole arrays would not stay in the second-level cache: rows within a plane are short, often of one position.
template <class Real> const plan::Part& forward_of(const plan::Plan& plan) {
    constexpr std::size_t most_bytes = std::size_t{1} << 19;
    return plan.planes && bytes_of<Real>(plan, plan.whole()) > most_bytes ? *plan.planes : plan.whole();
}

// Whether all dual kernels are row operations from C to C, and some are faster for it: those of one piece on either side of
// 0 are where they are of sums that gaps cost as much as C.
template <class Real> bool fits_bare(const plan::Part& part, const TileProgram<Real>& program) {
    const auto long_sum = [](const plan::PairOp& op) {
        return std::any_of(op.terms.begin(), op.terms.end(), [](const plan::TermOp& term) { return !term.sums.empty(); });
    };
    const auto of_long_sum = [&](const plan::PairOp& dual) {
        return long_sum(dual) || std::any_of(part.ops.begin(), part.ops.end(), [&](const plan::PairOp& op) {
                   return !op.output && op.array == dual.entry.array && op.gap_linear && long_sum(op);
               });
    };
    bool any = false;
    for (std::size_t k = 0; k < part.ops.size(); ++k) {
        if (part.ops[k].rule != limit::Rule::dual)
            continue;
        if (!takes_values(program.duals[k]) || !program.arrays[part.ops[k].array].moves)
            return false;
        any = any || program.duals[k].shape.kind != gaussian::Shape::Kind::homogeneous || of_long_sum(part.ops[k]);
    }
    return any;
}

} // namespace

template <class Real> bool fits_tiles(const plan::Plan& plan) {
    constexpr std::size_t most_bytes = std::size_t{2} << 30; // for each thread
    for (const plan::PairOp& op : plan.whole().ops)
        for (const plan::GroupOp& group : op.groups)
            if (group.joint)
                return false;
    return tile_bytes<Real>(plan) <= most_bytes;
}

template <class Real> std::size_t tile_bytes(const plan::Plan& plan) {
    return bytes_of<Real>(plan, forward_of<Real>(plan));
}

template <class Real>
TileProgram<Real> tile_program(const plan::Plan& plan, const State<Real>& left, const State<Real>& right,
                               const std::vector<DualFeatures<Real>>& features, bool tangent) {
    TileProgram<Real> program;
    program.plan = &plan;
    const plan::Part& forward = forward_of<Real>(plan);
    program.duals.resize(forward.ops.size());
    std::vector<bool> with_sums(forward.ops.size(), false);
    for (std::size_t k = 0; k < with_sums.size(); ++k)
        if (const plan::PairOp& op = forward.ops[k]; op.rule == limit::Rule::dual) {
            program.duals[k] = tile_dual(op.entry, *features[k].dual, left, right);
            with_sums[k] = tangent && op.tangent && takes_sums(program.duals[k]) && !forward.arrays[op.array].value;
        }
    auto [part_of_tiles, factors] = factor_out(read_through(fuse(forward, with_sums)));
    program.part = std::move(part_of_tiles);
    program.factors = std::move(factors);
    const plan::Part& part = program.part;
    const Halo halo = halo_of(plan, part);
    const std::vector<Fold> folds = folds_of(plan, part);
    const auto each_dual = [&](const auto& visit) {
        for (std::size_t k = 0; k < part.ops.size(); ++k)
            if (part.ops[k].rule == limit::Rule::dual)
                visit(program.duals[k], part.ops[k].entry, features[k]);
    };
    const std::vector<bool> nonnegative = never_negative(part, program.duals, program.factors);
    const std::vector<bool> moves = moving(part);
    const std::vector<bool> values = only_values(part);
    for (std::size_t a = 0; a < part.arrays.size(); ++a) {
        TileArray tile;
        tile.known = values[a] && !part.arrays[a].value;
        tile.value = values[a] || part.arrays[a].value;
        tile.signs = !tile.value && !nonnegative[a];
        tile.moves = tangent && moves[a];
        tile.rows = rows_of(halo.arrays[a], folds[a]);
        const auto take = [&](std::size_t& offset) {
            offset = program.rows;
            program.rows += tile.rows;
        };
        take(tile.minus);
        if (tile.signs)
            take(tile.plus);
        if (tile.moves)
            take(tile.tangent);
        program.arrays.push_back(tile);
    }
    if (fits_bare(part, program))
        for (const TileArray& array : program.arrays)
            program.bare.push_back({array.minus, 0, array.tangent, array.rows, true, false, false, array.moves});
    std::size_t cached = 0; // numbers of each right sample that every tile reads
    each_dual([&](TileDual<Real>& dual, const plan::EntryRead& read, const DualFeatures<Real>&) {
        const std::size_t numbers = program.bare.empty() ? dual.method->features() : bare_numbers(dual.shape);
        cached += numbers * static_cast<std::size_t>(halo.right.families[read.right.family].count());
    });
    program.lanes = lanes_of<Real>((program.rows + cached) * sizeof(Real), right.samples);
    program.width = width_of<Real>(program.lanes);
    const auto [left_needs, right_needs] = needs_of(program);
    program.left = tile_side(left, 1, halo.left, left_needs);
    program.right = tile_side(right, program.lanes, halo.right, right_needs);
    each_dual([&](TileDual<Real>& dual, const plan::EntryRead& read, const DualFeatures<Real>& prepared) {
        if (dual.method->features() == 0)
            return;
        const std::uint32_t a = read.left.family, b = read.right.family;
        if (!program.bare.empty() && dual.shape.kind == gaussian::Shape::Kind::series) {
            dual.gaps = gaps_of(dual.shape, program.left, program.right, a, b, prepared);
            dual.bare = bare_features_of(dual, program.left, program.right, a, b, prepared);
            return;
        }
        dual.left = features_of(dual, program.left, a, *prepared.left);
        dual.right = features_of(dual, program.right, b, *prepared.right);
    });
    program.ops = routes_of(plan, part, program.factors, halo, folds);
    for (std::size_t k = 0; k < part.ops.size(); ++k)
        if (fused(part.ops[k]))
            program.ops[k].signs = !nonnegative[forward.ops[k].entry.array];
    return program;
}

template bool fits_tiles<double>(const plan::Plan&);
template bool fits_tiles<float>(const plan::Plan&);
template std::size_t tile_bytes<double>(const plan::Plan&);
template std::size_t tile_bytes<float>(const plan::Plan&);
template TileProgram<double> tile_program(const plan::Plan&, const State<double>&, const State<double>&,
                                          const std::vector<DualFeatures<double>>&, bool);
template TileProgram<float> tile_program(const plan::Plan&, const State<float>&, const State<float>&,
                                         const std::vector<DualFeatures<float>>&, bool);

} // namespace tpc::execute