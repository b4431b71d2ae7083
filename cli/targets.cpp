#include "cli/targets.hpp"

#include "runtime/io/npy.hpp"
#include "runtime/learn/matrix.hpp"
#include "runtime/learn/regression.hpp"

#include <span>

namespace tpc::cli {
namespace {

Score score_classes(const Targets& targets, const Eigen::MatrixXd& predictions,
                    const std::optional<Eigen::MatrixXd>& truth) {
    Score score;
    for (const Eigen::Index column : learn::largest_column(predictions))
        score.labels.values.push_back(targets.classes->labels[static_cast<std::size_t>(column)]);
    score.labels.shape = {score.labels.values.size()};
    score.text = fmt::format("{} test samples, {} classes learnt from {}", predictions.rows(),
                             targets.classes->labels.size(), targets.values.rows());
    score.json = {
        {"train", targets.values.rows()}, {"test", predictions.rows()}, {"classes", targets.classes->labels.size()}};
    if (!truth)
        return score;
    std::size_t right = 0;
    for (std::size_t k = 0; k < score.labels.values.size(); ++k)
        right += score.labels.values[k] == (*truth)(static_cast<Eigen::Index>(k), 0) ? 1 : 0;
    const double accuracy = static_cast<double>(right) / static_cast<double>(predictions.rows());
    score.text = fmt::format("accuracy {:.2f} % ({} of {} test samples, {} classes learnt from {})", 100 * accuracy, right,
                             predictions.rows(), targets.classes->labels.size(), targets.values.rows());
    score.json["accuracy"] = accuracy;
    return score;
}

} // namespace

Eigen::MatrixXd read_targets(const std::string& path) {
    const auto array = io::read_npy(path);
    if (!array)
        throw Failure{data_error, array.error().text};
    auto matrix = learn::to_matrix(*array);
    if (!matrix)
        throw Failure{data_error, fmt::format("{}: {}", path, matrix.error().text)};
    return std::move(*matrix);
}

void require_samples(const Eigen::MatrixXd& targets, const std::string& path, std::size_t samples, const char* set) {
    if (static_cast<std::size_t>(targets.rows()) != samples)
        throw Failure{data_error, fmt::format("{} holds {} targets for {} {}", path, targets.rows(), samples, set)};
}

Targets make_targets(const Eigen::MatrixXd& values, const TargetOptions& options) {
    if (options.regress || (!options.classify && values.cols() != 1))
        return {values, std::nullopt};
    if (values.cols() != 1)
        throw Failure{data_error, fmt::format("{}: classes are one integer a sample, not {}", options.file, values.cols())};
    auto classes = learn::find_classes(std::span(values.data(), static_cast<std::size_t>(values.size())));
    if (!classes && !options.classify)
        return {values, std::nullopt};
    if (!classes)
        throw Failure{data_error, fmt::format("{}: {}", options.file, classes.error().text)};
    const auto count = static_cast<Eigen::Index>(classes->labels.size());
    return {learn::one_hot(classes->number, count), std::move(*classes)};
}

Score judge_predictions(const Targets& targets, const Eigen::MatrixXd& predictions,
                        const std::optional<Eigen::MatrixXd>& truth) {
    if (targets.classes)
        return score_classes(targets, predictions, truth);
    Score score;
    score.text = fmt::format("{} test samples, learnt from {}", predictions.rows(), targets.values.rows());
    score.json = {{"train", targets.values.rows()}, {"test", predictions.rows()}};
    if (truth) {
        const double error = learn::root_mean_square_error(predictions, *truth);
        score.text = fmt::format("root mean square error {:.6g} ({})", error, score.text);
        score.json["rmse"] = error;
    }
    return score;
}

} // namespace tpc::cli
