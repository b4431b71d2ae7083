// What the methods know of one activation: its values, its closed form if it has one, its kinks and jumps.
#pragma once

#include "runtime/gaussian/dual.hpp"
#include "runtime/gaussian/terms.hpp"

#include <memory>

namespace tpc::gaussian {

// An expression over `variable 0` as straight-line code over arrays. Where it leaves the exponents of double precision on
// its way, as log(erfc(z)) does, it is evaluated with more of them.
class Tape {
  public:
    Tape(const ir::ExprTable& table, ir::ExprId expression);
    void operator()(std::size_t count, const double* z, double* result) const;
    double operator()(double z) const;
    [[nodiscard]] Tape reflected() const; // of -z
    // A derivative: 0 where the inside of a chain stands still, whatever the slope of its outside (relu(z)^0.9, z < 0).
    [[nodiscard]] Tape chained() const;
    // 0 where rounding alone may have made the value: 1 / |z| - z sign(z) / z^2, the derivative of z / |z|.
    [[nodiscard]] Tape settled() const;
    [[nodiscard]] bool is_rounding(double z) const;

  private:
    struct Step {
        ir::Op op = ir::Op::number;
        ir::Function function = ir::Function::neg;
        double number = 0;
        std::size_t arguments[2] = {0, 0};
        unsigned arity = 0;
    };
    std::vector<Step> steps_;
    bool reflected_ = false, chained_ = false, settled_ = false;

    template <class Real> Real apply(const Step& step, const Real (&arguments)[2]) const;
    [[nodiscard]] double extended(double z) const;
};

// What may reach 0 without changing its sign, and its slope: z^2.
struct Touching {
    Tape value, slope;
};

struct Univariate {
    std::unique_ptr<Tape> value, slope; // phi, phi' (jumps contribute nothing)
    std::optional<Groups> groups;       // phi in closed form, then also:
    Groups slope_groups, second_groups; // phi', phi'' without spikes
    std::vector<Spike> jumps, corners;  // spikes of phi' and of (phi' without spikes)'
    int parity = 0;
    bool smooth = true;  // no jump, corner or function with a kink (a smooth result of kinked parts may count as not smooth)
    std::string culprit; // the first function that is not smooth, for messages
    std::vector<Tape> switches;     // kinks, jumps and singularities are where one of these changes its sign
    std::vector<Touching> touching; // singularities are also where one of these is 0
    std::vector<Tape> bends;        // the function bends where one of these passes 0 at a distance of order 1
};

// Nothing, with a reason, for expressions that are not functions of `variable 0` alone.
std::optional<Univariate> analyse(const Activation& activation, std::string* reason);

} // namespace tpc::gaussian
