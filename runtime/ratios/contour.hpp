// Gaussians under exp(-s z'Q z) for complex s: inverse Laplace transforms, which have densities of ratios where real ones
// have moments.
#pragma once

#include "runtime/ratios/complex.hpp"

#include <vector>

namespace tpc::joint {

// Of the quadratic form q = z'Q z + c of one side.
struct Form {
    Eigen::MatrixXd quadratic;
    double offset = 0;
    bool operator==(const Form& other) const {
        return quadratic.rows() == other.quadratic.rows() && quadratic == other.quadratic && offset == other.offset;
    }
};

// 1/(2 pi i) * integral of ... ds along s = -a + i a sinh(u + i bend), by steps of u: singularities lie at -2 a and below
// and, of what densities are made of, at 0 and above. Both halves, or the upper one, of which the other is the conjugate.
struct Contour {
    std::vector<Complex> nodes, weights; // weights have exp(-s c)
};

struct Resolution {
    double step = 0.5;
    double digits = 20; // decades of e
    int order = 16;     // of Gauss rules between kinks
};

// The tilted law of all Gaussians has the covariance Y^T Y (transposed, not conjugate) and the weight `weight`, which has
// those of both contours.
struct ComplexTilt {
    Complex s, t, weight;
    Eigen::MatrixXcd Y; // rank x Gaussians
};

// Of one side, or of two: a half of the contour of the last one. A density of the ratio near the ends of its range falls
// only from 1 / `nearest` on, which is its least distance from the end.
std::vector<ComplexTilt> contour_tilts(const Eigen::MatrixXd& covariance, const Form& form, double nearest,
                                       const Resolution& resolution);
const std::vector<ComplexTilt>& contour_tilts(const Eigen::MatrixXd& covariance, Eigen::Index lefts, const Form& left,
                                              const Form& right, double nearest, const Resolution& resolution);

} // namespace tpc::joint
