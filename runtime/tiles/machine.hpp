// Runs operations of a plan on a tile: one left sample against a row of right samples, C and T forward. Addresses and runs
// are in machine.cpp, the kinds of operations in linear.cpp, dual.cpp and product.cpp.
#pragma once

#include "runtime/rows/rows.hpp"
#include "runtime/tiles/program.hpp"

#include <tuple>

namespace tpc::execute {

// Instances of an operation along one loop; without a slot just the one that the slots say. Where the loop is a left one,
// the right slot `also` moves with it, by one from `also_first`.
struct Run {
    std::uint32_t slot = no_slot;
    std::int64_t lower = 0, upper = 0;
    std::uint32_t also = no_slot;
    std::int64_t also_first = 0;
    // From iteration `first` to `last` alone.
    [[nodiscard]] Run piece(std::int64_t first, std::int64_t last) const {
        Run part = *this;
        part.lower = first;
        part.upper = last;
        part.also_first += first - lower;
        return part;
    }
    [[nodiscard]] std::size_t count() const {
        return slot == no_slot ? 1 : static_cast<std::size_t>(std::max<std::int64_t>(0, upper - lower + 1));
    }
};

// How an index changes from one iteration to the next.
std::int64_t step_of(const plan::Linear& linear, const Run& run);

// An element read by a row, as offsets: the first one's, and how they change along the row, along a sum, and from one row of
// a sheet to the next.
struct Spot {
    bool inside = true;
    std::ptrdiff_t element = 0, element_step = 0, element_again = 0, element_sheet = 0;
    std::ptrdiff_t entry = 0, entry_step = 0, entry_again = 0, entry_sheet = 0;
};

// Products of finite vectors that the terms of one row read: of pairs (left element, that and `apart`) or one term's own.
template <class Real> struct Gram {
    std::uint32_t left = 0, right = 0; // finite arrays
    bool shared = false;
    std::ptrdiff_t apart = 0;
    Numbers<Real> gaps; // by row: minus, then plus
    std::vector<char> done;
    [[nodiscard]] bool same(const Gram& o) const {
        return left == o.left && right == o.right && shared == o.shared && apart == o.apart;
    }
    void name(const Gram& o) { std::tie(left, right, shared, apart) = std::tie(o.left, o.right, o.shared, o.apart); }
};

// The same of one pair of elements for several left samples: what right samples are is loaded once for all of them.
template <class Real> struct GramAhead {
    std::uint32_t left = 0, right = 0; // finite arrays
    std::ptrdiff_t left_element = 0, right_element = 0;
    std::size_t left_first = 0, samples = 0, first = 0, lanes = 0;
    Numbers<Real> gaps = {}; // by left sample, rows of the workspace: minus, then plus
};

// A lane of a sample that equals the left one, before a dual kernel on C alone: T of the sum by position.
template <class Real> struct EqualLane {
    std::size_t lane = 0;
    Real apart = 0;
    std::vector<Real> tangent;
};

template <class Real> class TileMachine {
  public:
    // `bare`: with C alone. `space`: program.rows rows of program.width zeros, for one machine after the other.
    TileMachine(const TileProgram<Real>& program, Real* space, bool tangent, bool bare);

    // The samples of the next tile: right ones from `first` on, a multiple of rows::lane_step of them, within one of the
    // blocks that they are laid out in; `used` lanes are samples. Equal lanes hold the same numbers as the left sample: an
    // element with itself has no gap at all (limits.md section 8). The next `following` tiles are likely to be those of the
    // next left samples, with the same right ones or the last of these.
    void load(std::size_t left, std::size_t first, std::size_t lanes, std::size_t used, std::vector<std::size_t> equal,
              std::size_t following);
    // What an array holds counts for nothing.
    void clear(std::uint32_t array);
    std::int64_t* slots() { return slots_.data(); }
    // With C alone: whether a lane has lost digits.
    [[nodiscard]] bool close(std::size_t lane) const { return apart_[lane] < 0; }
    // Over a sheet: `run` for every iteration of `outer`.
    void run(std::uint32_t op, const Run& run, const Run& outer = {});
    // An output operation's kernels at the current instances, by lane; `ntk` null without tangents.
    void output(std::uint32_t op, Real* nngp, Real* ntk);

  private:
    const TileProgram<Real>& program_;
    const plan::Part& part_;
    const std::vector<TileArray>& arrays_;
    std::size_t width_; // of a row in the workspace
    bool tangent_, bare_;
    std::size_t left_ = 0, first_ = 0, lanes_ = 0, used_ = 0;
    std::vector<std::size_t> equal_;
    std::vector<std::int64_t> slots_;
    Run outer_; // of the sheet at hand
    Real* space_;
    std::vector<Real> zeros_, twos_;
    std::vector<Real> same_;  // by lane: 1 for samples that equal the left one
    std::vector<Real> apart_; // by lane, with C alone: see rows::value_of_sum
    std::vector<rows::Term<Real>> terms_;
    std::vector<std::int64_t> cuts_;
    std::vector<Gram<Real>> grams_;
    std::size_t grams_used_ = 0;
    std::vector<GramAhead<Real>> ahead_;
    std::size_t following_ = 0;
    std::vector<Numbers<Real>> sums_; // of one long term of a row each: C, then T
    std::vector<Real> scratch_;       // of one of them
    std::vector<Real> row_[10];       // scratch, one row each
    Numbers<Real> sum_;               // gaps and T of a sum that a series reads

    struct Entry {
        Spot left, right;
        const TileArray* array = nullptr;                      // null: not stored
        std::ptrdiff_t at = 0, step = 0, again = 0, sheet = 0; // rows
        [[nodiscard]] bool stored() const { return array != nullptr; }
    };
    Real* minus(const Entry& e) { return row(e.array->minus, e.at); }
    Real* plus(const Entry& e) { return e.array->signs ? row(e.array->plus, e.at) : nullptr; }
    Real* tangent(const Entry& e) { return e.array->moves ? row(e.array->tangent, e.at) : nullptr; }
    Real* row(std::size_t base, std::ptrdiff_t at) {
        return space_ + (static_cast<std::ptrdiff_t>(base) + at) * static_cast<std::ptrdiff_t>(width_);
    }

    void enter(const Run& run); // its first iteration
    [[nodiscard]] bool steady(std::uint32_t op, const Run& run) const;
    [[nodiscard]] Entry moved(const Entry& entry, std::size_t sheet, std::size_t position) const;
    Spot spot(const Route& route, const Run& run, std::uint32_t sum = no_slot) const;
    Entry entry(const TileRead& read, const Run& run, std::uint32_t sum = no_slot) const;
    double constant(const plan::Constant& constant) const;

    void linear(std::uint32_t index, const Run& run, Real* value, Real* tangent);
    bool contract(std::size_t positions, const rows::LinearRow<Real>& out);
    void cuts(const plan::TermOp& term, const TileTerm& own, std::size_t depth, const Run& run,
              std::vector<std::int64_t>& at);
    void cuts(const Route& route, const Run& run, std::vector<std::int64_t>& at) const;
    void collect(const plan::TermOp& term, const TileTerm& own, std::size_t depth, const Run& run, bool gap);
    bool add(const plan::TermOp& term, const TileTerm& own, const Run& run, bool gap, bool paired, std::uint32_t sum,
             std::int64_t repeats);
    bool within(const Route& route, const Run& run, std::uint32_t sum, std::int64_t repeats) const;
    void gram(const plan::TermOp& term, const Spot& left, const Spot& right, std::size_t positions, rows::Term<Real>& out);
    const GramAhead<Real>* gram_ahead(const plan::TermOp& term, const Spot& left, const Spot& right);
    rows::Moving<Real> moving(const PerSample<Real>& numbers, const Spot& spot, bool right) const;

    void dual(std::uint32_t index, const Run& run);
    void dual_of_sum(std::uint32_t index, const Entry& read, rows::LinearRow<Real>& row);
    void dual_of_values(std::uint32_t index, const Entry& read, const Entry& out, std::size_t count);
    void series(const TileDual<Real>& dual, std::ptrdiff_t left, std::ptrdiff_t right, rows::SeriesRow<Real> row) const;
    void series_of_sum(const TileDual<Real>& dual, const Entry& read, const rows::LinearRow<Real>& row);
    void dual_by_method(std::uint32_t index, const Entry& read, const Entry& out);
    void product(std::uint32_t index, const Run& run);
    bool group(const plan::GroupOp& group, const TileRead& read, Real* out, Real* tangent);
    void covariance(const Entry& read, Real* out);
    void finish(const plan::PairOp& op, const Entry& out, const Real* value);
    void settle(const plan::PairOp& op, const Entry& out, std::size_t count);
    [[nodiscard]] bool itself(std::uint32_t index, const Entry& read) const; // elements are the same, in equal samples
    std::vector<EqualLane<Real>> equal_lanes(std::uint32_t index, const Entry& read, const rows::LinearRow<Real>& row);
    void settle(const TileDual<Real>& dual, const std::vector<EqualLane<Real>>& equal, const Entry& read,
                const rows::LinearRow<Real>& row);
    void to_value(const plan::PairOp& op, const Entry& out, std::size_t count);
};

} // namespace tpc::execute
