// The coordinatewise functions of a plan, and by which method the dual kernel of two of them is computed.
#pragma once

#include "compiler/ir/expression.hpp"
#include "runtime/gaussian/kinks.hpp"

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tpc::emit {

struct FunctionFacts {
    std::string name;                               // in the emitted file
    std::string about;                              // the expression, of z
    std::string value, slope;                       // bodies, of z
    std::optional<std::array<double, 4>> piecewise; // coefficients of 1, z, |z|, sign z
    std::vector<gaussian::Bend> bends;              // a kink has no width
    bool identity = false;

    [[nodiscard]] bool homogeneous() const { return piecewise && (*piecewise)[0] == 0 && (*piecewise)[3] == 0; }
};

enum class Method {
    homogeneous, // p1 z + p2 |z| on both sides, zero means
    piecewise,   // p0 + p1 z + p2 |z| + p3 sign z on both sides, zero means
    series,      // Mehler's; integrals over two variables near |rho| = 1, where two kinks or steep functions meet
};

// Hermite coefficients of a function at the Gaussians of a family.
struct Feature {
    std::size_t function = 0;
    std::uint32_t family = 0;
    auto operator<=>(const Feature&) const = default;
};

class Functions {
  public:
    // Nothing is the identity. Throws std::invalid_argument, saying why, for what is not a function of one Gaussian.
    std::size_t find(const ir::ExprTable& table, const std::optional<ir::ExprId>& function);
    [[nodiscard]] const FunctionFacts& operator[](std::size_t k) const { return list_[k]; }
    [[nodiscard]] std::size_t count() const { return list_.size(); }
    [[nodiscard]] Method method(std::size_t left, std::size_t right, bool centred) const;
    std::set<Feature> features;       // that something reads
    std::set<std::string> elementary; // functions of the prelude that bodies call

  private:
    std::vector<FunctionFacts> list_;
    std::vector<std::pair<const ir::ExprTable*, ir::ExprId>> known_;
    std::optional<std::size_t> identity_;

    FunctionFacts analyse(const ir::ExprTable& table, ir::ExprId function);
};

// A call or operator on texts. Adds what it needs of the prelude to `elementary`.
std::string apply(ir::Function function, const std::vector<std::string>& arguments, std::set<std::string>& elementary);

} // namespace tpc::emit
