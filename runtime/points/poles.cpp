#include "runtime/points/poles.hpp"

#include "runtime/gaussian/dual.hpp"
#include "runtime/tapes/elementwise.hpp"

#include <fmt/format.h>

#include <Eigen/SVD>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace tpc::joint {
namespace {

using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

std::size_t whole_rows(Eigen::Index points) {
    return (static_cast<std::size_t>(points) + row_step - 1) / row_step * row_step;
}

// The Gaussians of a law at points of standard normal coordinates, one a column.
class Places {
  public:
    Places(const Eigen::VectorXd& mean, const Eigen::MatrixXd& root, const Eigen::MatrixXd& coordinates)
        : count(coordinates.cols()),
          gaussians(Rows::Zero(mean.size(), static_cast<Eigen::Index>(whole_rows(coordinates.cols())))) {
        gaussians.leftCols(count) = (root * coordinates).colwise() + mean;
    }
    void evaluate(TapeRun& run, std::uint32_t first) const {
        const auto stride = static_cast<std::size_t>(gaussians.cols());
        run.evaluate(gaussians.data() + first * stride, stride, static_cast<std::size_t>(count));
    }
    [[nodiscard]] Eigen::Map<const Eigen::ArrayXd> row(const TapeRun& run, NodeId id) const { return {run.row(id), count}; }

    Eigen::Index count;

  private:
    Rows gaussians;
};

struct Law {
    const Eigen::VectorXd& mean;
    const Eigen::MatrixXd& root;
    const std::vector<double>& samples;
};

// Numbers that are 0 at once where a denominator is 0, and their gradients by the coordinates of the law.
class Zeros {
  public:
    Zeros(const Denominators& denominators, std::size_t which, std::uint32_t first, const Law& law)
        : functions_(denominators.functions), which_(denominators.together[which]), first_(first), law_(law) {}

    struct At {
        Eigen::MatrixXd values;                 // numbers by points
        std::vector<Eigen::MatrixXd> gradients; // by number: coordinates by points
    };
    [[nodiscard]] At operator()(const Eigen::MatrixXd& coordinates) const {
        std::vector<NodeId> outputs;
        for (const std::size_t k : which_) {
            outputs.push_back(functions_.values[k]);
            outputs.insert(outputs.end(), functions_.gradients[k].begin(), functions_.gradients[k].end());
        }
        TapeRun run(functions_.tape, outputs, whole_rows(coordinates.cols()), law_.samples.data());
        const Places places(law_.mean, law_.root, coordinates);
        places.evaluate(run, first_);
        At result{Eigen::MatrixXd(static_cast<Eigen::Index>(which_.size()), places.count), {}};
        Eigen::MatrixXd slopes(functions_.gaussians, places.count);
        for (std::size_t k = 0; k < which_.size(); ++k) {
            result.values.row(static_cast<Eigen::Index>(k)) = places.row(run, functions_.values[which_[k]]).matrix();
            for (std::uint32_t g = 0; g < functions_.gaussians; ++g)
                slopes.row(g) = places.row(run, functions_.gradients[which_[k]][g]).matrix();
            result.gradients.emplace_back(law_.root.middleRows(first_, functions_.gaussians).transpose() * slopes);
        }
        return result;
    }

    // Coordinates of a few zeros, or of what Newton's method takes for them.
    [[nodiscard]] std::vector<Eigen::VectorXd> seek() const {
        constexpr Eigen::Index starts = 16;
        constexpr std::size_t most_zeros = 8;
        constexpr int steps = 60; // of those toward a double zero each halves the distance
        constexpr double longest_step = 2, furthest = 6;
        const auto points = pilot_points(static_cast<std::size_t>(law_.root.cols()));
        Eigen::MatrixXd at(law_.root.cols(), starts);
        for (Eigen::Index c = 0; c < at.rows(); ++c)
            for (Eigen::Index k = 0; k < starts; ++k)
                at(c, k) = (*points[static_cast<std::size_t>(c)])[static_cast<std::size_t>(k)];
        Eigen::MatrixXd jacobian(static_cast<Eigen::Index>(which_.size()), at.rows());
        for (int step = 0; step < steps; ++step) {
            const At here = (*this)(at);
            double longest = 0;
            for (Eigen::Index k = 0; k < starts; ++k) {
                for (Eigen::Index number = 0; number < jacobian.rows(); ++number)
                    jacobian.row(number) = here.gradients[static_cast<std::size_t>(number)].col(k).transpose();
                if (!jacobian.allFinite() || !here.values.col(k).allFinite())
                    continue;
                const Eigen::VectorXd along = jacobian.completeOrthogonalDecomposition().solve(here.values.col(k));
                const double length = along.norm();
                if (!(length > 0) || !std::isfinite(length))
                    continue;
                at.col(k) -= std::min(1.0, longest_step / length) * along;
                longest = std::max(longest, length);
            }
            if (longest < 1e-15)
                break;
        }
        std::vector<Eigen::VectorXd> result;
        for (Eigen::Index k = 0; k < starts && result.size() < most_zeros; ++k)
            if (at.col(k).allFinite() && at.col(k).norm() <= furthest)
                result.emplace_back(at.col(k));
        return result;
    }

    // Of the zeros about this one: the rank of the gradients near it. Of what is no zero, nothing.
    [[nodiscard]] std::optional<Eigen::Index> codimension(const Eigen::VectorXd& zero, const Eigen::MatrixXd& rays) const {
        constexpr double radius = 1e-5, near = 1e-8; // curvature counts for 1e-8, and z^2 + 1e-12 has no zero
        const double left = (*this)(zero).values.norm();
        const Eigen::VectorXd around = (*this)((radius * rays).colwise() + zero).values.colwise().norm();
        if (!(left <= 1e-3 * around.mean()))
            return std::nullopt;
        const At nearer = (*this)((near * rays).colwise() + zero);
        Eigen::MatrixXd gradients(zero.size(), static_cast<Eigen::Index>(which_.size()) * rays.cols());
        for (std::size_t k = 0; k < which_.size(); ++k)
            gradients.middleCols(static_cast<Eigen::Index>(k) * rays.cols(), rays.cols()) = nearer.gradients[k];
        for (Eigen::Index k = 0; k < gradients.cols(); ++k)
            gradients.col(k).normalize(); // zeros stay: where relu is flat
        if (!gradients.allFinite())
            return std::nullopt;
        const Eigen::Index rank = (Eigen::JacobiSVD<Eigen::MatrixXd>(gradients).singularValues().array() > 1e-6).count();
        return rank > 0 ? std::optional(rank) : std::nullopt; // 0: all about it is 0
    }

  private:
    const Functions& functions_;
    const std::vector<std::size_t>& which_;
    std::uint32_t first_;
    Law law_;
};

// Distances from a zero.
constexpr std::array<double, 3> toward_zero{1e-3, 1e-4, 1e-5};

// Powers of the distance by which an integrand grows toward a zero, between two distances each, one a row; along rays, one
// a column. What is 0 or not defined there does not grow.
using Growth = Eigen::Array<double, 2, Eigen::Dynamic>;

class Integrands {
  public:
    Integrands(const Branch& left, const Branch& right, const std::vector<Products>& products, const Law& law)
        : left_(left), right_(right), products_(products), law_(law) {
        std::set<NodeId> lefts, rights;
        for (const Products& integrand : products)
            for (const WeightedProduct& term : integrand.terms) {
                lefts.insert(term.left);
                rights.insert(term.right);
            }
        left_outputs_.assign(lefts.begin(), lefts.end());
        right_outputs_.assign(rights.begin(), rights.end());
    }

    [[nodiscard]] std::vector<Growth> growth(const Eigen::VectorXd& zero, const Eigen::MatrixXd& rays) const {
        Eigen::MatrixXd coordinates(zero.size(), static_cast<Eigen::Index>(toward_zero.size()) * rays.cols());
        for (std::size_t k = 0; k < toward_zero.size(); ++k)
            coordinates.middleCols(static_cast<Eigen::Index>(k) * rays.cols(), rays.cols()) =
                (toward_zero[k] * rays).colwise() + zero;
        const Places places(law_.mean, law_.root, coordinates);
        TapeRun left(*left_.tape, left_outputs_, whole_rows(places.count), law_.samples.data());
        TapeRun right(*right_.tape, right_outputs_, whole_rows(places.count), law_.samples.data());
        places.evaluate(left, left_.first);
        places.evaluate(right, right_.first);
        std::vector<Growth> result;
        for (const Products& integrand : products_) {
            Eigen::ArrayXd value = Eigen::ArrayXd::Zero(places.count);
            for (const WeightedProduct& term : integrand.terms)
                value += term.weight * places.row(left, term.left) * places.row(right, term.right);
            const auto at = value.abs().reshaped(rays.cols(), static_cast<Eigen::Index>(toward_zero.size()));
            Growth powers(2, rays.cols());
            for (Eigen::Index k = 0; k < 2; ++k)
                powers.row(k) = (at.col(k + 1) / at.col(k)).log10().transpose();
            result.push_back(powers.isFinite().select(powers, 0));
        }
        return result;
    }

  private:
    const Branch& left_;
    const Branch& right_;
    const std::vector<Products>& products_;
    Law law_;
    std::vector<NodeId> left_outputs_, right_outputs_;
};

Eigen::MatrixXd generic_rays(Eigen::Index rank) {
    const auto points = pilot_points(static_cast<std::size_t>(rank));
    Eigen::MatrixXd rays(rank, std::min<Eigen::Index>(rank + 7, 64));
    for (Eigen::Index c = 0; c < rank; ++c)
        for (Eigen::Index k = 0; k < rays.cols(); ++k)
            rays(c, k) = (*points[static_cast<std::size_t>(c)])[static_cast<std::size_t>(k) + 64];
    rays.colwise().normalize();
    return rays;
}

} // namespace

Products weighted(const Eigen::MatrixXd& weights, const std::vector<NodeId>& left, const std::vector<NodeId>& right) {
    Products result{{}, true};
    for (std::size_t k = 0; k < left.size(); ++k)
        for (std::size_t l = 0; l < right.size(); ++l)
            if (const double weight = weights(static_cast<Eigen::Index>(k), static_cast<Eigen::Index>(l)); weight != 0)
                result.terms.push_back({weight, left[k], right[l]});
    return result;
}

void require_integrable(const Branch& left, const Branch& right, const std::vector<Products>& integrands,
                        const Eigen::VectorXd& mean, const Eigen::MatrixXd& root, const std::vector<double>& samples) {
    if (root.cols() == 0)
        return;
    const Law law{mean, root, samples};
    const Eigen::MatrixXd rays = generic_rays(root.cols());
    const Integrands all(left, right, integrands, law);
    for (const Branch* branch : {&left, &right}) {
        const std::size_t count = branch->denominators == nullptr ? 0 : branch->denominators->together.size();
        for (std::size_t which = 0; which < count; ++which) {
            const Zeros zeros(*branch->denominators, which, branch->first, law);
            for (const Eigen::VectorXd& zero : zeros.seek()) {
                const auto codimension = zeros.codimension(zero, rays);
                if (!codimension)
                    continue;
                const auto m = static_cast<double>(*codimension);
                const std::vector<Growth> growths = all.growth(zero, rays);
                for (std::size_t k = 0; k < growths.size(); ++k) // a ray alone may be a chance
                    if (const Growth& growth = growths[k];
                        (growth.row(0) >= m - 0.02 && growth.row(1) >= m - 0.002).count() > 1)
                        throw gaussian::NoExpectation(fmt::format(
                            "an expectation over several Gaussians is infinite: toward a zero of a denominator, of "
                            "codimension "
                            "{}, {} as distance^-{:.3g}",
                            *codimension, integrands[k].of_derivatives ? "its derivatives grow" : "its function grows",
                            growth.row(1).maxCoeff()));
            }
        }
    }
}

} // namespace tpc::joint
