// A plan: the recursions with sizes bound, as loops over statement pairs, buffers and operations on lanes.
//
// Lanes are samples (self part) or one left sample against a block of right samples (cross part). The order of execution is
// the program's order of left instances, and for each of them the program's order of right instances.
#pragma once

#include "compiler/limit/recursion.hpp"
#include "compiler/resolve/resolve.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

namespace tpc::plan {

// (constant + sum coefficient * slot value) / denominator; slots are symbols, axes are folded into the constant.
struct Linear {
    std::int64_t constant = 0;
    std::vector<std::pair<std::uint32_t, std::int64_t>> terms;
    std::int64_t denominator = 1;

    [[nodiscard]] std::int64_t numerator(const std::int64_t* slots) const {
        std::int64_t value = constant;
        for (const auto& [slot, coefficient] : terms)
            value += coefficient * slots[slot];
        return value;
    }
    [[nodiscard]] std::int64_t operator()(const std::int64_t* slots) const {
        return denominator == 1 ? numerator(slots) : numerator(slots) / denominator;
    }
};

struct Guard {
    Linear value;
    ir::Relation relation = ir::Relation::zero;
    [[nodiscard]] bool holds(const std::int64_t* slots) const {
        const std::int64_t v = value.numerator(slots);
        return relation == ir::Relation::zero ? v == 0 : relation == ir::Relation::non_negative ? v >= 0 : v != 0;
    }
};
inline bool hold(const std::vector<Guard>& guards, const std::int64_t* slots) {
    return std::ranges::all_of(guards, [&](const Guard& guard) { return guard.holds(slots); });
}

struct LoopRange {
    std::uint32_t slot = 0;
    Linear lower, upper;
    std::vector<Linear> lowers, uppers; // further bounds
    [[nodiscard]] std::int64_t first(const std::int64_t* slots) const {
        std::int64_t value = lower(slots);
        for (const Linear& bound : lowers)
            value = std::max(value, bound(slots));
        return value;
    }
    [[nodiscard]] std::int64_t last(const std::int64_t* slots) const {
        std::int64_t value = upper(slots);
        for (const Linear& bound : uppers)
            value = std::min(value, bound(slots));
        return value;
    }
};

// A box of indices, row-major. `lower` and `size` by dimension.
struct Box {
    std::vector<std::int64_t> lower, size;
    [[nodiscard]] std::int64_t count() const {
        std::int64_t product = 1;
        for (const std::int64_t s : size)
            product *= s;
        return product;
    }
};

// Elements of a family on one side. After the program's families come its outputs, then the finite vectors of a sample
// (SelfPlan::finite), whose products may be stored as well.
struct Place {
    std::uint32_t family = 0;
    std::vector<Linear> indices;
    ir::IndexMode mode = ir::IndexMode::none;
};

// Storage of the entries (x, y_) of two families: the left indices, then the right indices that these do not determine.
struct PairArray {
    std::uint32_t left = 0, right = 0;
    bool output = false;
    bool value = false;            // C alone: nothing needs the gaps, nor the second moments of the elements
    bool accumulated = false;      // holds nothing when a pair begins
    bool sums = false;             // not covariances of elements, but sums over the left ones (rewrite/sums.hpp)
    std::vector<std::size_t> kept; // dimensions of (left indices, right indices) that are stored
    Box box;                       // of the kept dimensions
    std::size_t offset = 0;        // first entry in the workspace, in entries
};

struct Constant { // an expression of numbers, axes and indices
    double value = 0;
    bool fixed = true;
    ir::ExprId expression{};
    bool right = false; // its symbols are the right sample's
};

// A factor that belongs to one sample: a number, or an array per sample.
struct Factor {
    std::optional<std::uint32_t> array; // coefficient array, else `constant`
    std::vector<Linear> point;          // index into the array
    Constant constant;
};

struct EntryRead {
    std::uint32_t array = 0; // PairArray; no_array when the entry is zero
    Place left, right;
};
inline constexpr std::uint32_t no_array = ~std::uint32_t{0};

struct TermOp {
    limit::PairTerm::Kind kind = limit::PairTerm::Kind::read;
    std::vector<LoopRange> sums;
    std::vector<Guard> guards; // where they do not hold its two sides are independent, which counts in a gap
    std::vector<Guard> chosen; // where they do not hold another term stands in its place (runtime/tiles/through.cpp)
    Factor left_factor, right_factor;
    Constant scale, rate;
    EntryRead entry;                                 // matmul, read
    std::optional<Place> left_mean, right_mean;      // means
    std::uint32_t left_finite = 0, right_finite = 0; // input: finite arrays
    Place left_place, right_place;                   // input: `family` is unused, the mode refers to the finite array's box
};

struct GroupOp {
    EntryRead entry;                           // one left and one right element
    std::vector<std::pair<bool, Place>> means; // (right sample?, element): one element alone
    struct SelfEntry {
        bool right = false;
        EntryRead entry; // two elements of one sample
    };
    std::vector<SelfEntry> self;
    bool cross = false;
    bool joint = false; // E of the product of these, functions of several Gaussians
    std::vector<Place> left, right;
};

struct PairOp {
    limit::Rule rule = limit::Rule::linear;
    std::size_t left_statement = 0, right_statement = 0;
    std::uint32_t array = 0;
    std::vector<Linear> left_target, right_target;
    std::vector<Guard> guards; // domains' conditions and `where`
    bool gap_linear = false;
    bool tangent = false;
    bool output = false;
    bool accumulates = false; // adds to its target (rewrite/partition.hpp)
    std::vector<TermOp> terms;
    std::optional<ir::ExprId> left_function, right_function;
    EntryRead entry; // dual: the two Gaussians
    std::vector<GroupOp> groups;
    bool needs_variances = false; // of the target elements: minus and plus come from 2 (sqrt(AB) -+ C)
};

// The program's loops, pruned to what has work. Either a loop over `children` or a statement.
struct WalkItem {
    bool loop = false;
    LoopRange range;
    std::vector<std::vector<Linear>>
        solutions; // right walks: for each operation below, values of the index when solved (else empty)
    std::vector<WalkItem> children;
    std::size_t statement = 0;
    std::vector<std::uint32_t> ops; // right walks: the operations at this statement
    std::size_t position = 0;       // among its siblings in the program
    bool fissile = false; // a loop of statements that may run one after the other, each as one row (rewrite/fissile.hpp)
    bool apart = false;   // a loop over an offset, whose iterations have nothing in common (rewrite/partition.hpp)
    std::vector<std::uint32_t> fresh; // arrays that hold nothing when an iteration begins
};

struct FiniteArray { // per sample, [element][coordinate]
    bool input = false;
    std::uint32_t source = 0; // input or family
    Box box;
    std::int64_t length = 0; // d
};

struct CoefficientArray {
    std::size_t statement = 0;
    ir::ExprId expression{};
    std::vector<LoopRange> ranges; // sums of the term, after the statement's loops
    std::vector<std::uint32_t> loop_slots;
    Box box;
};

struct Part { // self or cross
    std::vector<PairArray> arrays;
    std::size_t entries = 0;
    std::vector<PairOp> ops;
    std::vector<WalkItem> left;               // the left walk; statements with work
    std::vector<std::vector<WalkItem>> right; // by left statement
    std::size_t slots = 0;                    // symbols, and then offsets
    std::vector<std::string> offsets;         // names of the slots after the symbols
};

// What one sample needs of itself, for the sizes of the left or of the right sample set.
struct SelfPlan {
    ir::Sizes sizes;
    limit::Recursions recursions;
    std::vector<resolve::Extent> extents; // by family
    std::vector<FiniteArray> finite;
    std::vector<CoefficientArray> coefficients;
    std::vector<std::vector<std::uint32_t>> coefficients_of; // by statement (outputs after statements)
    std::vector<Box> boxes;                                  // by family: means, scalars
    Part part;
    // `part` with its sums over pairs factored (rewrite/sums.hpp): more arrays after the same ones.
    std::optional<Part> factored;
    [[nodiscard]] const Part& whole() const { return factored ? *factored : part; }
    // As a family: finite vectors, and the other way round; nothing for what is none.
    [[nodiscard]] std::uint32_t family_of(std::uint32_t finite_array) const {
        return static_cast<std::uint32_t>(boxes.size() + recursions.network.outputs.size()) + finite_array;
    }
    [[nodiscard]] std::optional<std::uint32_t> finite_of(std::uint32_t family) const {
        return family < family_of(0) ? std::nullopt : std::optional(family - family_of(0));
    }
    // Of a family or of finite vectors.
    [[nodiscard]] const Box& box_of(std::uint32_t family) const {
        const auto array = finite_of(family);
        return array ? finite[*array].box : boxes[family];
    }
    [[nodiscard]] std::size_t rank(std::uint32_t family) const {
        const bool output = family >= boxes.size() && !finite_of(family);
        return output ? recursions.network.outputs[family - boxes.size()].family.size() : box_of(family).size.size();
    }
};

struct Plan {
    limit::Recursions recursions; // sizes bound; the symbols of both sides
    SelfPlan left, right;         // equal when the sets' sizes are
    bool same_sizes = true;
    Part cross;
    std::optional<Part> factored; // `cross` for C and T forward, its sums over pairs factored (rewrite/sums.hpp)
    std::optional<Part> planes;   // that, cut into independent parts (rewrite/partition.hpp)
    [[nodiscard]] const Part& whole() const { return factored ? *factored : cross; }
    [[nodiscard]] const Part& forward() const { return planes ? *planes : whole(); }
    std::vector<Box> left_outputs, right_outputs; // by output: the indices of its family
    std::vector<std::uint32_t> output_arrays;     // by output
};

// `tpc show --stage plan`.
std::string print(const Plan& plan);

} // namespace tpc::plan
