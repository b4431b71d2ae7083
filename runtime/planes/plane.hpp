// Functions of two standard normal coordinates, integrated along lines that are split where the functions are not smooth.
#pragma once

#include "runtime/points/expectation.hpp"
#include "runtime/tapes/sharpness.hpp"

#include <optional>

namespace tpc::joint {

using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Gauss's rule on -1..1 that panels have, and what tells whether a function is a polynomial there: of its last coefficients.
struct PanelRule {
    static constexpr Eigen::Index count = 16, last = 3;
    Eigen::VectorXd nodes, weights;
    Eigen::MatrixXd highest; // coefficients of the last polynomials of Legendre by values
    static const PanelRule& instance();
};

// What quadrature on one line sees.
struct LinePoints {
    std::vector<double> places;
    std::vector<double> weights; // of a plain integral
    std::vector<double> values;  // outputs of one point after the other
};

struct LineRules {
    double extent = 0;
    double width = 2; // of panels, at most
    // What panels miss of f sqrt(density), relative to the norms.
    double tolerance = 0;
    std::size_t most_points = 0;
    bool squares = false; // of f^2 density as well: a singularity of f may have no square
};

class Plane {
  public:
    // Outputs at mean + root (u, w), root of two columns. Kinks, jumps and singularities of an integrand's functions are
    // where one of its switches changes its sign.
    Plane(const Integrand& integrand, std::vector<NodeId> outputs, Eigen::VectorXd mean, Eigen::MatrixXd root,
          const std::vector<double>& samples);

    [[nodiscard]] std::size_t outputs() const { return outputs_.size(); }
    [[nodiscard]] std::size_t operations() const { return tape_.nodes().size(); }
    [[nodiscard]] bool flat() const { return flat_; } // nothing depends on w
    [[nodiscard]] std::size_t points() const { return points_; }
    // Of the outputs, roughly: sqrt(E[f^2]).
    [[nodiscard]] const Eigen::VectorXd& norms() const { return norms_; }

    // Beyond it, f^2 times the density is below `negligible` of its peak; nothing where it is not, or is no number.
    std::optional<double> extent(double negligible);

    // Whether something narrow may hide from Gauss's rule between these lines. After `extent`.
    [[nodiscard]] bool hides_between(double low, double high) const;

    // Signs of all switches at w = -reach, then the switches in the order in which they change on the line u.
    std::vector<int> signature(double u, double reach);

    // Points on lines; false where there is no end to it.
    bool lines(const Eigen::VectorXd& u, const LineRules& rules, std::vector<LinePoints>& result);

  private:
    static constexpr std::size_t block = 256;
    Tape tape_;
    std::vector<NodeId> outputs_, switches_;
    Eigen::VectorXd mean_, norms_;
    Eigen::MatrixXd root_;
    bool flat_ = true;
    std::vector<NodeId> functions_; // without their derivatives, which vary where these do
    const std::vector<double>& samples_;
    std::optional<Sharpness> sharpness_; // of functions that bend sharply anywhere
    std::size_t points_ = 0;
    std::vector<TapeRun> runs_; // of the outputs, of the switches
    Rows gaussians_;

    struct Crossing {
        double at = 0;
        int which = 0;
    };
    struct Bracket {
        double low = 0, high = 0, at_low = 0, at_high = 0;
        int which = 0;
    };
    void find_sharpness(double extent);
    void add_squares(double spacing);
    bool hides_on(double u, double low, double high) const;
    // At most `block` points.
    const TapeRun& run(bool switches, const double* u, const double* w, std::size_t count);
    void brackets(double u, double low, double high, int steps, int depth, std::optional<int> only,
                  std::vector<Bracket>& result, std::vector<int>* signs);
    std::vector<Crossing> crossings(double u, double reach, std::vector<int>* signs = nullptr);
};

inline double reach_of(double u, double extent) {
    return std::sqrt(std::max(extent * extent - u * u, 1.0));
}

} // namespace tpc::joint
