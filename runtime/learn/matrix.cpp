#include "runtime/learn/matrix.hpp"

#include <fmt/format.h>

namespace tpc::learn {
namespace {
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
}

io::Result<Eigen::MatrixXd> to_matrix(const io::Array& array) {
    if (array.shape.empty() || array.shape.size() > 2)
        return io::Error{fmt::format("a matrix is wanted, but the shape is {}", io::show_shape(array.shape))};
    const auto rows = static_cast<Eigen::Index>(array.shape[0]);
    const auto columns = array.shape.size() == 2 ? static_cast<Eigen::Index>(array.shape[1]) : 1;
    return Eigen::MatrixXd(Eigen::Map<const RowMajor>(array.values.data(), rows, columns));
}

io::Array to_array(const Eigen::MatrixXd& matrix) {
    io::Array array{{static_cast<std::size_t>(matrix.rows()), static_cast<std::size_t>(matrix.cols())},
                    std::vector<double>(static_cast<std::size_t>(matrix.size()))};
    Eigen::Map<RowMajor>(array.values.data(), matrix.rows(), matrix.cols()) = matrix;
    return array;
}

} // namespace tpc::learn
