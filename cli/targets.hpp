// What a regression learns, numbers or classes, and how good its predictions are.
#pragma once

#include "cli/session.hpp"
#include "runtime/io/array.hpp"
#include "runtime/learn/classification.hpp"

#include <optional>
#include <string>

namespace tpc::cli {

struct TargetOptions {
    std::string file;
    bool classify = false, regress = false; // neither: by values, one column of integers with two different ones are classes
};

struct Targets {
    Eigen::MatrixXd values; // samples x outputs; one-hot for classes
    std::optional<learn::Classes> classes;
};

// Samples x numbers. Throws Failure.
Eigen::MatrixXd read_targets(const std::string& path);

// Throws Failure where there are not as many targets as samples of the `set`.
void require_samples(const Eigen::MatrixXd& targets, const std::string& path, std::size_t samples, const char* set);

// Throws Failure.
Targets make_targets(const Eigen::MatrixXd& values, const TargetOptions& options);

struct Score {
    std::string text;
    nlohmann::ordered_json json;
    io::Array labels; // predicted, one a test sample; empty for numbers
};

// `truth` as read_targets gives it.
Score judge_predictions(const Targets& targets, const Eigen::MatrixXd& predictions,
                        const std::optional<Eigen::MatrixXd>& truth);

} // namespace tpc::cli
