// What a regression learns, numbers or classes, and how good its predictions are.
#pragma once

#include "cli/session.hpp"
#include "runtime/io/array.hpp"
#include "runtime/learn/classification.hpp"

#include <optional>
#include <string>

namespace tpc::cli {

enum class Kind { by_values, classes, numbers };

struct Targets {
    Eigen::MatrixXd values; // samples x outputs; one-hot for classes
    std::optional<learn::Classes> classes;
};

// Samples x numbers. Throws Failure.
Eigen::MatrixXd read_targets(const std::string& path);

// By values: one column of integers with at least two different ones are classes. Throws Failure; `path` is for its text.
Targets make_targets(const Eigen::MatrixXd& values, Kind kind, const std::string& path);

struct Score {
    std::string text;
    nlohmann::ordered_json json;
    io::Array labels; // predicted, one a test sample; empty for numbers
};

// `truth` as read_targets gives it.
Score judge_predictions(const Targets& targets, const Eigen::MatrixXd& predictions,
                        const std::optional<Eigen::MatrixXd>& truth);

} // namespace tpc::cli
