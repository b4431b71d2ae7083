#include "runtime/joint/ratio_same.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tpc::joint {
namespace {

// M(a, b) = E[x^a y^b]; 0 below.
class Powers {
  public:
    // By M(a, b) = (a - 1) A M(a-2, b) + b c M(a-1, b-1).
    Powers(double A, double B, double c, Eigen::Index rows, Eigen::Index columns)
        : moments_(Eigen::MatrixXd::Zero(rows, columns)) {
        for (Eigen::Index b = 0; b < columns; ++b) {
            moments_(0, b) = b == 0 ? 1 : b % 2 == 1 ? 0 : static_cast<double>(b - 1) * B * moments_(0, b - 2);
            for (Eigen::Index a = 1; a < rows; ++a)
                moments_(a, b) =
                    static_cast<double>(a - 1) * A * (*this)(a - 2, b) + static_cast<double>(b) * c * (*this)(a - 1, b - 1);
        }
    }
    double operator()(Eigen::Index a, Eigen::Index b) const { return a < 0 || b < 0 ? 0 : moments_(a, b); }

  private:
    Eigen::MatrixXd moments_;
};

} // namespace

// The derivative of a ratio is w / sqrt(q) - t Qz / q. Under the tilted law, with p and r the covariances of Qz with x = w'z
// and y = v'z and R its own,
//   E[x^a y^b Qz]      = a p M(a-1, b) + b r M(a, b-1),
//   E[x^a y^b Qz (Qz)'] = R M(a, b) + a (a-1) p p' M(a-2, b) + a b (p r' + r p') M(a-1, b-1) + b (b-1) r r' M(a, b-2).
std::optional<SameSum> same_sum(const Ratio& left, const Ratio& right, const RatioPolynomial& polynomial,
                                const Eigen::MatrixXd& covariance, double tolerance) {
    const Eigen::MatrixXd& value = polynomial.value;
    const Eigen::MatrixXd& slope = polynomial.slope;
    const Norm norm{left.quadratic, left.offset, 1, 1.0, true};
    const Tilts& tilted = tilts(covariance, covariance.rows(), norm, {}, tolerance, false);
    const LaplaceRule& rule = tilted.left;
    const Eigen::VectorXd& w = left.form;
    const Eigen::VectorXd& v = right.form;
    Expectation sum;
    double cancelling = 0;
    sum.slopes = Eigen::MatrixXd::Zero(w.size(), v.size());
    double most = 0;
    double edge = 0;
    for (std::size_t i = 0; i < rule.nodes.size(); ++i) {
        const Tilt& tilt = tilted.at(i, 0);
        const auto note = [&](double added) {
            most = std::max(most, added);
            if (tilted.last(i, 0))
                edge = std::max(edge, added);
        };
        if (rule.nodes[i] == 0) { // of the constant alone
            sum.value += value(0, 0);
            note(std::abs(value(0, 0)));
            continue;
        }
        const Eigen::VectorXd x = tilt.Y * w;
        const Eigen::VectorXd y = tilt.Y * v;
        const Eigen::Index rows = std::max(value.rows(), slope.rows() + 2);
        const Eigen::Index columns = std::max(value.cols(), slope.cols() + 2);
        const Powers M(x.squaredNorm(), y.squaredNorm(), x.dot(y), rows, columns);
        std::vector<double> weights; // by power
        for (Eigen::Index k = 0; k < rows + columns + 4; ++k)
            weights.push_back(k == 0 ? 0 : tilt.weight * rule.weight(i, left.offset, static_cast<int>(k)));
        const auto weight = [&](Eigen::Index k) { return weights[static_cast<std::size_t>(k)]; };
        double here = 0;
        for (Eigen::Index a = 0; a < value.rows(); ++a)
            for (Eigen::Index b = 0; b < value.cols(); ++b) {
                const double term = value(a, b) * weight(a + b) * M(a, b);
                here += term;
                cancelling += std::abs(term);
            }
        sum.value += here;
        note(std::abs(here));
        double wv = 0, wp = 0, wr = 0, pv = 0, rv = 0, R = 0, pp = 0, pr = 0, rr = 0;
        for (Eigen::Index a = 0; a < slope.rows(); ++a)
            for (Eigen::Index b = 0; b < slope.cols(); ++b) {
                const double two = slope(a, b) * weight(a + b + 2);
                const double four = slope(a, b) * weight(a + b + 4);
                const double six = slope(a, b) * weight(a + b + 6);
                const auto j = static_cast<double>(a + 1);
                const auto k = static_cast<double>(b + 1);
                wv += two * M(a, b);
                wp -= four * (j - 1) * M(a - 1, b + 1);
                wr -= four * k * M(a, b);
                pv -= four * j * M(a, b);
                rv -= four * (k - 1) * M(a + 1, b - 1);
                R += six * M(a + 1, b + 1);
                pp += six * j * (j - 1) * M(a - 1, b + 1);
                pr += six * j * k * M(a, b);
                rr += six * k * (k - 1) * M(a + 1, b - 1);
            }
        const Eigen::MatrixXd QY = left.quadratic * tilt.Y.transpose();
        const Eigen::VectorXd p = QY * x;
        const Eigen::VectorXd r = QY * y;
        Eigen::MatrixXd added = R * (QY * QY.transpose());
        added.noalias() += w * (wv * v + wp * p + wr * r).transpose();
        added.noalias() += p * (pv * v + pp * p + pr * r).transpose();
        added.noalias() += r * (rv * v + pr * p + rr * r).transpose();
        sum.slopes += added;
        note(largest_entry(added));
    }
    if (edge > 100 * tolerance * most)
        return std::nullopt;
    return SameSum{std::move(sum), std::numeric_limits<double>::epsilon() * cancelling};
}

} // namespace tpc::joint
