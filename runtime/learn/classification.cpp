#include "runtime/learn/classification.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tpc::learn {

using Eigen::Index;

io::Result<Classes> find_classes(std::span<const double> labels) {
    for (std::size_t i = 0; i < labels.size(); ++i)
        if (labels[i] != std::round(labels[i]))
            return io::Error{fmt::format("class labels are integers, but sample {} has {:g}", i, labels[i])};
    Classes classes;
    classes.labels.assign(labels.begin(), labels.end());
    std::sort(classes.labels.begin(), classes.labels.end());
    classes.labels.erase(std::unique(classes.labels.begin(), classes.labels.end()), classes.labels.end());
    if (classes.labels.size() < 2)
        return io::Error{"classification needs samples of two classes at least"};
    for (const double label : labels)
        classes.number.push_back(std::lower_bound(classes.labels.begin(), classes.labels.end(), label) -
                                 classes.labels.begin());
    return classes;
}

Eigen::MatrixXd one_hot(std::span<const Index> number, Index count) {
    Eigen::MatrixXd targets = Eigen::MatrixXd::Zero(static_cast<Index>(number.size()), count);
    for (std::size_t i = 0; i < number.size(); ++i)
        targets(static_cast<Index>(i), number[i]) = 1;
    return targets;
}

std::vector<Index> largest_column(const Eigen::MatrixXd& scores) {
    std::vector<Index> columns(static_cast<std::size_t>(scores.rows()));
    for (Index i = 0; i < scores.rows(); ++i)
        for (Index j = 1; j < scores.cols(); ++j)
            if (Index& best = columns[static_cast<std::size_t>(i)]; scores(i, j) > scores(i, best))
                best = j;
    return columns;
}

double accuracy(std::span<const Index> predicted, std::span<const Index> truth) {
    std::size_t equal = 0;
    for (std::size_t i = 0; i < truth.size(); ++i)
        equal += predicted[i] == truth[i];
    return truth.empty() ? 0 : static_cast<double>(equal) / static_cast<double>(truth.size());
}

} // namespace tpc::learn
