// Sets and relations of integer points with affine constraints: the project's one interface to isl.
//
// A computation that isl cannot finish (operation limit, overflow) throws IntegerSetError; the stages that use sets turn it
// into a diagnostic.
#pragma once

#include <llvm/ADT/ArrayRef.h>
#include <llvm/ADT/SmallVector.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

struct isl_ctx;
struct isl_set;
struct isl_map;
struct isl_space;

namespace tpc::passes {

struct IntegerSetError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Map;

class Set {
  public:
    Set() = default;
    Set(std::shared_ptr<isl_ctx> context, isl_set* owned);
    Set(const Set& other);
    Set(Set&& other) noexcept;
    Set& operator=(Set other) noexcept;
    ~Set();

    [[nodiscard]] bool empty() const;
    [[nodiscard]] bool subset_of(const Set& other) const;
    [[nodiscard]] bool same_text(const Set& other) const; // the same constraints: equal, but false does not say unequal
    [[nodiscard]] Set affine_hull() const;                // the equalities that all points share
    [[nodiscard]] Set swapped(unsigned first) const;      // the first dimensions move behind the others
    [[nodiscard]] std::string text() const;
    [[nodiscard]] isl_set* copy() const;
    [[nodiscard]] const std::shared_ptr<isl_ctx>& context() const { return context_; }
    // The least or greatest value of one dimension, as a one-dimensional set; empty for an empty set.
    [[nodiscard]] Set least(unsigned dimension) const;
    [[nodiscard]] Set greatest(unsigned dimension) const;
    // Bounds of a dimension of a bounded set without parameters; lower > upper when empty.
    struct Bounds {
        std::int64_t lower = 0, upper = -1;
    };
    [[nodiscard]] Bounds bounds(unsigned dimension) const;
    // The one value of a dimension, where the constraints show it at once.
    [[nodiscard]] std::optional<std::int64_t> fixed(unsigned dimension) const;

  private:
    std::shared_ptr<isl_ctx> context_;
    isl_set* set_ = nullptr;
};

Set operator&(const Set& a, const Set& b);
Set operator|(const Set& a, const Set& b);
Set product(const Set& a, const Set& b); // concatenates the dimensions

class Map {
  public:
    Map() = default;
    Map(std::shared_ptr<isl_ctx> context, isl_map* owned);
    Map(const Map& other);
    Map(Map&& other) noexcept;
    Map& operator=(Map other) noexcept;
    ~Map();

    [[nodiscard]] bool empty() const;
    [[nodiscard]] bool subset_of(const Map& other) const;
    [[nodiscard]] Map reverse() const;
    [[nodiscard]] Set image(const Set& set) const;
    [[nodiscard]] Set domain() const;
    [[nodiscard]] Map simple_hull() const; // one conjunction of (some of) the constraints
    [[nodiscard]] std::string text() const;
    [[nodiscard]] isl_map* copy() const;
    [[nodiscard]] const std::shared_ptr<isl_ctx>& context() const { return context_; }

  private:
    std::shared_ptr<isl_ctx> context_;
    isl_map* map_ = nullptr;
};

Map operator|(const Map& a, const Map& b);
Map united(llvm::ArrayRef<Map> maps);          // of one or more
Map then(const Map& first, const Map& second); // x -> second(first(x))
Map product(const Map& a, const Map& b);       // (x, y) -> (a(x), b(y))
// The relation of `a`'s simple hull with the constraints dropped that `b` violates; `b` contains `a`.
Map widen(const Map& a, const Map& b);
Set wrapped(const Map& map);  // the pairs as points
Map identity(const Set& set); // x -> x for the points of the set

// sum coefficients * dimension + sum parameters * parameter + constant == 0
struct Equality {
    std::vector<std::int64_t> coefficients; // by dimension
    std::vector<std::int64_t> parameters;   // by position in `parameter_names`
    std::int64_t constant = 0;
    friend bool operator==(const Equality&, const Equality&) = default;
};
// The affine hull of a non-empty set; parameters in the order of `parameter_names`.
std::vector<Equality> equalities(const Set& set, const std::vector<std::string>& parameter_names);

// sum of coefficient * column + constant, == 0 or >= 0. The columns are the parameters, then the dimensions (of a map: those
// of its points, then of their images), then hidden integers of which there are some.
struct Constraint {
    llvm::SmallVector<std::pair<unsigned, std::int64_t>, 4> terms;
    std::int64_t constant = 0;
    bool equality = false;
};

// Makes sets and maps over common parameters.
class IntegerSets {
  public:
    // Sets of two makers may meet when one is made `beside` the other; parameters are the same by name then.
    explicit IntegerSets(const std::vector<std::string>& parameter_names, const IntegerSets* beside = nullptr);
    [[nodiscard]] Set set(unsigned dimensions, llvm::ArrayRef<Constraint> constraints) const;
    [[nodiscard]] Map map(unsigned from, unsigned to, unsigned hidden, llvm::ArrayRef<Constraint> constraints) const;
    [[nodiscard]] Set no_points(unsigned dimensions) const;
    [[nodiscard]] Map no_pairs(unsigned from, unsigned to) const;
    [[nodiscard]] Map identity(unsigned dimensions) const;
    // What follows may take as many operations as if nothing had been computed yet.
    void restart() const;
    // At most this many, a few seconds' worth if nothing is said, until the next restart.
    void allow(std::uint64_t operations) const;

  private:
    std::shared_ptr<isl_ctx> context_;
    std::shared_ptr<isl_space> parameters_;
};

} // namespace tpc::passes
