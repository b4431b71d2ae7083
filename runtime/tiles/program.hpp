// What the cross part of a plan needs, beyond itself, to run on tiles: where entries live, which covariances cannot be
// negative, and which loops an operation can run as one row.
#pragma once

#include "runtime/samples/duals.hpp"
#include "runtime/tiles/side.hpp"

#include <oneapi/tbb/task_arena.h>

#include <functional>
#include <memory>
#include <mutex>

namespace tpc::execute {

inline constexpr std::uint32_t no_slot = ~std::uint32_t{0};

// Rows of lanes by array; offsets and strides count rows.
struct TileArray {
    std::size_t minus = 0, plus = 0, tangent = 0;
    std::size_t rows = 0; // of each of these
    bool value = false;   // C itself in `minus`
    bool known = false;   // so are the second moments of the elements, although
    bool signs = false;   // C may be negative: `plus` is there
    bool moves = false;   // T is not 0: `tangent` is there
};

template <class Real> struct Sides { PerSample<Real> left, right; };
// What is made when it is asked for first, by whichever thread.
template <class T> class Later {
  public:
    explicit Later(std::function<T()> make) : make_(std::move(make)) {}
    const T& operator()() const {
        std::call_once(once_, [&] { // whose thread must not take up a task that waits for the same
            oneapi::tbb::this_task_arena::isolate([&] { made_ = make_(); });
        });
        return made_;
    }

  private:
    std::function<T()> make_;
    mutable std::once_flag once_;
    mutable T made_;
};

// The dual kernel of an operation and what it needs of the samples.
template <class Real> struct TileDual {
    const gaussian::Dual<Real>* method = nullptr;
    gaussian::Shape shape; // what it is, for the coarse row operations
    // By element: the method's features; for a series values over norms, slopes, squares.
    PerSample<Real> left, right;
    // Of a series beside tiles on C alone, where few pairs read those, in rows of lane_step; and rows::SeriesNumbers.
    std::shared_ptr<const Later<Sides<Real>>> gaps;
    Sides<Real> bare;
};

// Whether a row operation computes it.
template <class Real> bool coarse(const TileDual<Real>& dual, const TileArray& target) {
    return (!target.value || target.known) && dual.shape.kind != gaussian::Shape::Kind::other;
}
// Whether row operations take sums to C alone. In single precision that is only for kinks, whose least gap is larger there.
template <class Real> bool takes_values(const TileDual<Real>& dual) {
    using Kind = gaussian::Shape::Kind;
    if (dual.shape.kind == Kind::homogeneous)
        return true;
    const bool smooth_arcsine = dual.shape.kind == Kind::arcsine && dual.shape.blur != 0;
    return sizeof(Real) == 8 && (smooth_arcsine || (dual.shape.kind == Kind::series && !dual.shape.reach.empty()));
}
// Whether a row operation computes it together with a sum, C and T.
template <class Real> bool takes_sums(const TileDual<Real>& dual) {
    using Kind = gaussian::Shape::Kind;
    return dual.shape.kind == Kind::homogeneous || dual.shape.kind == Kind::arcsine || takes_values(dual);
}
// Whether an element with itself in equal samples comes out without any gap as it went in.
template <class Real> bool exact_for_equal(const TileDual<Real>& dual, bool by_rows) {
    using Kind = gaussian::Shape::Kind;
    return by_rows && (dual.shape.kind == Kind::homogeneous || dual.shape.kind == Kind::series);
}

// An affine function of the slots.
struct Address {
    std::ptrdiff_t base = 0;
    llvm::SmallVector<std::pair<std::uint32_t, std::ptrdiff_t>, 4> factors;
    void add(const plan::Linear& index, std::ptrdiff_t stride);
    [[nodiscard]] std::ptrdiff_t operator()(const std::int64_t* slots) const {
        std::ptrdiff_t value = base;
        for (const auto& [slot, factor] : factors)
            value += factor * slots[slot];
        return value;
    }
    [[nodiscard]] std::ptrdiff_t factor(std::uint32_t slot) const {
        for (const auto& [own, factor] : factors)
            if (own == slot)
                return factor;
        return 0;
    }
};

// One side of a read: how its indices, each within [lower, lower + size), become offsets.
struct Route {
    struct Dimension {
        const plan::Linear* index = nullptr;
        std::int64_t lower = 0, size = 0;
        std::ptrdiff_t element = 0; // stride among the samples' numbers
        std::ptrdiff_t entry = 0;   // stride among the rows of the array
        std::int64_t period = 0;    // of the array's layers; 0: all are kept
    };
    llvm::SmallVector<Dimension, 4> dimensions;
    std::ptrdiff_t base = 0; // of the element's offset
    ir::IndexMode mode = ir::IndexMode::none;
    // Where no index can leave its range: both offsets at once, but for the layers that are folded.
    bool straight = true;
    Address element_at, entry_at;
    llvm::SmallVector<Dimension, 1> folded;
    [[nodiscard]] bool straight_along(std::uint32_t slot) const;
};
struct TileRead {
    Route left, right;
    std::uint32_t array = plan::no_array;
    std::ptrdiff_t base = 0; // of the entry's offset
};
struct TileTerm {
    plan::Constant scale, rate, left, right; // numbers where they depend on no index
    TileRead entry;                          // or the finite vectors that are read
    Route left_factor, right_factor;         // coefficient arrays
    Route left_mean, right_mean;
    bool repeats = false; // its innermost sum changes nothing but addresses
};
// Coefficient arrays that a whole sum is multiplied by, of either side.
struct SumFactors {
    std::optional<plan::Factor> left, right;
    [[nodiscard]] bool any() const { return left || right; }
};
struct TileOp {
    std::vector<std::uint32_t> alone; // slots that must not vary along a row
    TileRead target, read;            // what it writes; what a dual reads
    bool signs = false;               // a dual kernel of its own sum: C of that may be negative
    std::vector<TileTerm> terms;
    Route left_factor, right_factor; // of `SumFactors`
    std::vector<TileRead> groups;    // those across the samples
    std::vector<bool> straight;      // by slot: addresses are affine in it, for linear operations and duals
};

template <class Real> struct TileProgram {
    const plan::Plan* plan = nullptr;
    plan::Part part; // its forward part, sums and dual kernels in one where there are rows for that
    TileSide<Real> left, right;
    std::vector<TileArray> arrays;
    std::size_t rows = 0; // of the workspace
    // The same of C alone, in half the time, for pairs of samples that turn out to be far enough apart everywhere
    // (rows::least_apart), in the same workspace: C in place of `minus`. Empty: there are dual kernels that need gaps.
    std::vector<TileArray> bare;
    std::size_t lanes = 1; // of a row of the workspace, and of the right samples that lie side by side
    std::size_t width = 1; // from one row of the workspace to the next
    std::vector<TileOp> ops;
    std::vector<SumFactors> factors;   // by operation
    std::vector<TileDual<Real>> duals; // by operation
};

// Tiles run T forward and have no expectations over several Gaussians; the workspace of the narrowest row must be bearable.
template <class Real> bool fits_tiles(const plan::Plan& plan);
template <class Real> std::size_t tile_bytes(const plan::Plan& plan); // that workspace

// `features` of the duals by operation, for all samples.
template <class Real>
TileProgram<Real> tile_program(const plan::Plan& plan, const State<Real>& left, const State<Real>& right,
                               const std::vector<DualFeatures<Real>>& features, bool tangent);

} // namespace tpc::execute
