// Functions that are smooth on either side of 0, as elu, selu, relu(tanh(t)): a polynomial on each side.
//
// Half lines are cones, as the kink of relu is: the powers of |a| on them have one Laplace integral each (ratio.hpp), and
// what two sides need are moments of a bivariate Gaussian on quadrants, which are a short recursion. So a kink at 0 costs
// nothing, in samples that nearly coincide either.
#pragma once

#include "runtime/gaussian/univariate.hpp"
#include "runtime/ratios/tilt.hpp"

#include <array>
#include <optional>
#include <vector>

namespace tpc::joint {

struct Halves {
    std::array<std::vector<double>, 2> powers; // of |t|, where t > 0 and where t < 0; of one length, and of one constant
};

Halves constant_halves(double value);

// To `tolerance` of typical values of f and of its slope; nothing where f has other kinks, where it would take too high a
// degree, or where rounding of the powers would be seen.
std::optional<Halves> halves(const gaussian::Univariate& f, double range, double tolerance);

// E[|X|^k |Y|^l; X, Y > 0] in [k](l) of two standard Gaussians with |X - Y|^2 = minus and |X + Y|^2 = plus.
void quadrant_moments(double minus, double plus, Eigen::MatrixXd& result);

// For one pair of nodes of a Laplace transform.
class HalvesKernel {
  public:
    HalvesKernel(const Halves& left, double left_offset, const LaplaceRule& left_rule, const Halves& right,
                 double right_offset, const LaplaceRule& right_rule);
    // K of the tilted Gaussians |x| X, |y| Y of the covariance x'y, with weights of the nodes.
    Moments operator()(std::size_t i, std::size_t j, const Eigen::VectorXd& x, const Eigen::VectorXd& y, bool slopes);

  private:
    struct Side {
        Eigen::MatrixX2d powers; // over gamma(k / 2)
        double offset = 0;
        const LaplaceRule& rule;
        // By powers of |X|, for either sign: f; k times that, which is X f'; and that over |X|.
        Eigen::Matrix<double, 6, Eigen::Dynamic> values;
        Side(const Halves& halves, double c, const LaplaceRule& nodes);
        void at(std::size_t node, double variance);
    };
    Side left_, right_;
    Eigen::MatrixXd same_, opposite_; // moments
};

} // namespace tpc::joint
