// The method of every expectation over several Gaussians: it is split into small ones, and each of those takes the cheapest
// method that meets the tolerance.
#pragma once

#include "runtime/joint/split.hpp"
#include "runtime/points/frames.hpp"
#include "runtime/points/poles.hpp"
#include "runtime/ratios/laplace.hpp"
#include "runtime/ratios/ratio.hpp"

#include <array>
#include <mutex>
#include <unordered_map>

namespace tpc::joint {

// What one part has cost so far, by method.
struct Use {
    std::size_t evaluations = 0;
    std::size_t points = 0; // of the largest evaluation; 0: none are used
    double error = 0;       // the largest estimate, relative to the norms of both sides
    double seconds = 0;
    void add(std::size_t more_points, double more_error, double more_seconds) {
        ++evaluations;
        points = points > more_points ? points : more_points;
        error = error > more_error ? error : more_error;
        seconds += more_seconds;
    }
};

struct PartReport {
    std::vector<std::uint32_t> left, right; // the Gaussians of the whole
    bool constant = false;
    std::map<std::string, Use> methods;
};

// The value of a split from those of its parts, and its derivative along a direction from theirs (none: empty).
std::pair<double, double> combined(const Split& split, const std::vector<double>& samples, const std::vector<double>& values,
                                   const std::vector<double>& derivatives);

// What series would cost, roughly, in operations of tapes at one point (Sampling::work), and for how many parts; parts with
// a kink and no other method count as well.
struct Prospect {
    double work = 0;
    std::size_t parts = 0;
};

// How far so many expectations are divided; `work`, of which there is too little for the prospect, becomes 0.
Depth depth_for(const Prospect& prospect, std::size_t expectations, double acceptable, double& work);

// The many terms that products of few factors become when multiplied out need fewer points, but each of them is set up in
// every replicate: not worth while where a coarse error is acceptable.
bool rather_factors(std::size_t parts, std::size_t expectations, double acceptable);

// One expectation with any law. Thread-safe; results do not depend on what was asked before.
class Solver {
  public:
    // `whole` without gradients: `finish` is not wanted.
    Solver(Integrand whole, bool slopes);

    // Whether f(c x) g(c y) = c^degree f(x) g(y), as far as analysis sees.
    [[nodiscard]] bool homogeneous() const;

    // As `estimate`. Slopes of pairs that are neither covariant nor linked (nonzero entries) are not computed.
    Expectation operator()(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance, const Eigen::MatrixXd& linked,
                           const std::vector<double>& samples, const Sampling& sampling) const {
        return *solve(mean, covariance, linked, samples, sampling, true);
    }
    // Nothing where a part has no method but sampling.
    std::optional<Expectation> without_sampling(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                                                const Eigen::MatrixXd& linked, const std::vector<double>& samples,
                                                const Sampling& sampling) const {
        return solve(mean, covariance, linked, samples, sampling, false);
    }

    // The same part by part: those that have no method but sampling are left open, `in_vain` without being tried. Once one
    // is, what may be spent on others (Sampling::work) is nothing.
    struct Pieces {
        const Split* split = nullptr;
        std::vector<const Part*> parts;
        std::vector<std::optional<Expectation>> known; // by part
        Eigen::MatrixXd slopes;                        // of no part: those of fixed Gaussians; or empty
    };
    Pieces pieces(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance, const Eigen::MatrixXd& linked,
                  const std::vector<double>& samples, const Sampling& sampling, const std::vector<bool>& in_vain,
                  Depth depth) const;

    Prospect prospect(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance, const Eigen::MatrixXd& linked) const;
    // Operations at one point, with derivatives, if it is sampled.
    [[nodiscard]] double work() const;

    // Since the last report.
    [[nodiscard]] std::vector<PartReport> report() const;

  private:
    // The first replicate's way, which the others go too: nothing is tried twice in vain, nor computed twice for one law.
    struct Known {
        std::vector<double> law; // means, covariances, numbers
        double tolerance = 0, acceptable = 0;
        bool in_vain = false; // no method but sampling
        double error = 0;
        Expectation expectation;
        std::vector<std::size_t> rungs; // of a series
    };
    // Expectations of the latest laws: those of parameters alone (masks, mixture weights) are the same for all samples.
    class Recent {
      public:
        std::optional<Expectation> find(const std::vector<double>& law, double tolerance) const;
        void add(const std::vector<double>& law, double tolerance, const Expectation& expectation);

      private:
        struct Remembered {
            std::vector<double> law;
            double tolerance = 0;
            Expectation expectation;
        };
        mutable std::mutex mutex_;
        std::array<Remembered, 8> laws_;
        std::size_t next_ = 0;
    };
    struct Small {
        Part part;
        std::unique_ptr<Laplace> laplace;
        std::unique_ptr<Ratios> ratios;
        Denominators denominators;
        bool smooth = false;
        mutable Recent recent;
        mutable std::mutex mutex;
        mutable std::map<std::string, Use> uses;
        mutable std::unordered_map<std::size_t, Known> known; // by Sampling::place
        mutable Frames frames;
    };
    struct Divided {
        Split split;
        std::vector<std::unique_ptr<Small>> parts;
        std::vector<std::size_t> order; // of the parts: those of the most Gaussians, which may be in vain, first
    };
    // Gaussians that are 0 under a law (what gains and biases that begin at numbers deviate from them) are put in as that,
    // and the function may have methods that those of more Gaussians have not. Their slopes, along T, are expectations of
    // their own.
    using Zeros = std::vector<std::uint32_t>; // ascending
    struct Fixed {
        Zeros zeros;
        std::unique_ptr<Solver> solver; // null: there is no finite value
        mutable std::mutex mutex;
        mutable std::map<std::pair<std::uint32_t, std::uint32_t>, std::unique_ptr<Solver>> slopes;
    };
    Integrand whole_;
    bool slopes_;
    std::vector<bool> occurs_; // by Gaussian
    mutable std::mutex mutex_;
    mutable std::map<Zeros, std::unique_ptr<Fixed>> fixed_;
    mutable std::map<std::pair<std::vector<std::uint32_t>, Depth>, std::unique_ptr<Divided>> divided_; // by blocks

    // Null where no Gaussian that occurs is 0.
    const Fixed* fixed(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance) const;
    // Zero but for those along links of fixed Gaussians. Nothing where one has no finite integrand, or must not be sampled
    // and has no other method.
    std::optional<Eigen::MatrixXd> slopes_of_fixed(const Fixed& fixed, const Eigen::VectorXd& mean,
                                                   const Eigen::MatrixXd& covariance, const Eigen::MatrixXd& linked,
                                                   const std::vector<double>& samples, const Sampling& sampling,
                                                   bool may_sample) const;
    const Divided& divided(const std::vector<std::uint32_t>& blocks, Depth depth) const;
    // Nothing only if it must not be sampled.
    std::optional<Expectation> solve(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                                     const Eigen::MatrixXd& linked, const std::vector<double>& samples,
                                     const Sampling& sampling, bool may_sample) const;
    std::optional<Expectation> small(const Small& small, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                                     const Eigen::MatrixXd& linked, const std::vector<double>& samples,
                                     const Sampling& sampling, bool may_sample) const;
    std::optional<Known> deterministic(const Small& small, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                                       const std::vector<double>& samples, const Sampling& sampling,
                                       const std::vector<std::size_t>& rungs) const;
};

} // namespace tpc::joint
