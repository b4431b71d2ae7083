// Gaussians under exp(-s z'Q z), for the Laplace transforms of denominators:
//
//   q^(-k/2) = 1 / Gamma(k/2) * integral of s^(k/2-1) exp(-s q) ds,  q = z'Q z + c.
#pragma once

#include <Eigen/Core>

#include <vector>

namespace tpc::joint {

struct Norm { // of one side; no rows: there is none, s = 0 is the only node
    Eigen::MatrixXd quadratic;
    double offset = 0;
    double least = 1; // lowest power k
    // What is integrated beside exp(-s q) grows as s to this power, both sides of one sample together: s = t is the worst.
    double growth = 0;
    bool constant = false; // a term without the denominator: s = 0 is the first node
    [[nodiscard]] bool none() const { return quadratic.size() == 0; }
    bool operator==(const Norm& other) const {
        return quadratic.rows() == other.quadratic.rows() && quadratic == other.quadratic && offset == other.offset &&
               least == other.least && growth == other.growth && constant == other.constant;
    }
};

// A trapezoidal rule, of nodes rising.
struct LaplaceRule {
    std::vector<double> nodes;
    std::vector<double> widths; // d log s of one step; at s = 0 there is none
    // Of node i for the power k.
    [[nodiscard]] double weight(std::size_t i, double offset, int power) const;
};

// One pair of nodes: the tilted law of all Gaussians has the covariance Y'Y and the weight `weight`.
struct Tilt {
    double weight = 1;
    Eigen::MatrixXd Y; // rank x Gaussians
    // With M the blocks 2 s Q of both sides, where derivatives are wanted: M Y'Y, and M_left Y_left' Y_right M_right.
    Eigen::MatrixXd MG, MGM;
};

// K of a tilted law and its derivatives by A, B, c: the variances and the covariance of w'z on the left and v'z on the
// right.
struct Moments {
    double value = 0, by_A = 0, by_B = 0, by_c = 0;
};
// The derivative of det S^-1/2 K by each entry of the cross covariance (untilted), over det S^-1/2.
Eigen::MatrixXd cross_derivative(const Tilt& tilt, const Eigen::VectorXd& w, const Eigen::VectorXd& v,
                                 const Moments& moments);

struct Tilts {
    LaplaceRule left, right;
    std::vector<Tilt> all; // [left node][right node]
    [[nodiscard]] const Tilt& at(std::size_t i, std::size_t j) const { return all[i * right.nodes.size() + j]; }
    [[nodiscard]] bool last(std::size_t i, std::size_t j) const { return last_of(left, i) || last_of(right, j); }

  private:
    static bool last_of(const LaplaceRule& rule, std::size_t i) {
        return i + 1 == rule.nodes.size() && rule.widths.back() > 0;
    }
};

// For Gaussians of this covariance, the first `lefts` of which have the left norm. What was asked last is kept by thread:
// the entries of one pair of batches have one law. Valid until the thread's next call.
const Tilts& tilts(const Eigen::MatrixXd& covariance, Eigen::Index lefts, const Norm& left, const Norm& right,
                   double tolerance, bool derivatives);

// The largest absolute entry; 0 of no entries, as where one side has no Gaussians that vary.
double largest_entry(const Eigen::MatrixXd& matrix);

} // namespace tpc::joint
