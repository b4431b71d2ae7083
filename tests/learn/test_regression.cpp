#include "runtime/learn/classification.hpp"
#include "runtime/learn/matrix.hpp"
#include "runtime/learn/regression.hpp"
#include "runtime/learn/split.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace tpc::learn;
using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;

namespace {

// exp(-(i - j)^2 / 2) between points i and j: positive definite.
MatrixXd gaussian_kernel(Index rows, Index columns, double shift) {
    return MatrixXd::NullaryExpr(rows, columns, [=](Index i, Index j) {
        const double gap = static_cast<double>(i - j) + shift;
        return std::exp(-gap * gap / 2);
    });
}

std::string error_of(const MatrixXd& kernel, const MatrixXd& targets, double ridge = 0) {
    const auto fitted = fit(kernel, targets, ridge);
    return fitted ? "no error" : fitted.error().text;
}

} // namespace

TEST_CASE("predictions solve the regularised normal equations") {
    const MatrixXd kernel = gaussian_kernel(30, 30, 0), cross = gaussian_kernel(7, 30, 0.3);
    const MatrixXd targets =
        MatrixXd::NullaryExpr(30, 2, [](Index i, Index j) { return std::sin(static_cast<double>(i * (j + 1))); });
    for (const double ridge : {0.0, 0.1}) {
        const auto fitted = fit(kernel, targets, ridge);
        REQUIRE(fitted);
        const MatrixXd residual = kernel * fitted->coefficients + ridge * fitted->coefficients - targets;
        CHECK(residual.cwiseAbs().maxCoeff() < 1e-12);
        CHECK(fitted->reciprocal_condition > 1e-3);
        const auto predicted = predict(*fitted, cross);
        REQUIRE(predicted);
        CHECK((*predicted - cross * fitted->coefficients).norm() < 1e-12);
        CHECK_FALSE(predict(*fitted, cross.transpose()));
    }
    CHECK(root_mean_square_error(MatrixXd::Constant(2, 2, 3), MatrixXd::Constant(2, 2, 1)) == Approx(2));
}

TEST_CASE("a kernel that cannot be solved is refused, and the ridge it suggests helps") {
    const MatrixXd targets = MatrixXd::Ones(3, 1);
    MatrixXd repeated = gaussian_kernel(3, 3, 0) * 0.1; // 0.1 has rounding errors: Cholesky alone may let it pass
    repeated.row(2) = repeated.row(1);
    repeated.col(2) = repeated.col(1);
    CHECK_THAT(error_of(repeated, targets), Contains("not positive definite") && Contains("try a ridge of 1e-09"));
    CHECK(fit(repeated, targets, 1e-9));
    CHECK_THAT(error_of(-MatrixXd::Identity(3, 3), targets, 0.5),
               Contains("with ridge 0.5") && Contains("try a ridge of 5"));
    CHECK_THAT(error_of(MatrixXd::Zero(3, 3), targets), Contains("try a ridge of 1e-08"));

    const MatrixXd identity = MatrixXd::Identity(3, 3);
    CHECK(error_of(MatrixXd::Ones(2, 3), targets) == "the training kernel is 2 x 3, not square");
    CHECK(error_of(identity, MatrixXd::Ones(2, 1)) == "3 training samples, but targets for 2");
    CHECK(error_of(MatrixXd(0, 0), MatrixXd(0, 1)) == "no training samples");
    CHECK(error_of(identity, targets, -1) == "the ridge must be a number >= 0, not -1");
    MatrixXd broken = identity;
    broken(2, 0) = 0.5;
    CHECK_THAT(error_of(broken, targets), Contains("not symmetric: 0.5 at [2, 0], 0 at [0, 2]"));
    broken(2, 0) = std::numeric_limits<double>::quiet_NaN();
    CHECK_THAT(error_of(broken, targets), Contains("NaN"));
}

TEST_CASE("classes, one-hot targets and accuracy") {
    const std::vector<double> labels{7, -1, 3, 7};
    const auto classes = find_classes(labels);
    REQUIRE(classes);
    CHECK(classes->labels == std::vector<double>{-1, 3, 7});
    CHECK(classes->number == std::vector<Index>{2, 0, 1, 2});
    const MatrixXd targets = one_hot(classes->number, 3);
    CHECK(targets.rowwise().sum() == Eigen::VectorXd::Ones(4));
    CHECK(largest_column(targets) == classes->number);
    CHECK(largest_column(MatrixXd::Zero(2, 3)) == std::vector<Index>{0, 0});
    CHECK(accuracy(std::vector<Index>{2, 0, 1, 1}, classes->number) == 0.75);
    CHECK_FALSE(find_classes(std::vector<double>{1, 1}));
    const auto broken = find_classes(std::vector<double>{1, 0.5});
    REQUIRE_FALSE(broken);
    CHECK(broken.error().text == "class labels are integers, but sample 1 has 0.5");
}

TEST_CASE("splits are the same everywhere") {
    const Split every = split_every(7, 3);
    CHECK(every.test == std::vector<Index>{2, 5});
    CHECK(every.train == std::vector<Index>{0, 1, 3, 4, 6});
    const Split drawn = split_random(10, 3, 1);
    CHECK(drawn.test == std::vector<Index>{4, 7, 8}); // the standard fixes the generator
    CHECK(drawn.train.size() == 7);
    CHECK(split_random(100, 50, 1).test != split_random(100, 50, 2).test);
    CHECK(split_random(4, 4, 1).train.empty());
}

TEST_CASE("arrays become matrices row by row") {
    const tpc::io::Array array{{2, 3}, {1, 2, 3, 4, 5, 6}};
    const auto matrix = to_matrix(array);
    REQUIRE(matrix);
    CHECK((*matrix)(0, 2) == 3);
    CHECK((*matrix)(1, 0) == 4);
    CHECK(to_array(*matrix).values == array.values);
    CHECK(to_matrix({{2}, {1, 2}})->cols() == 1);
    CHECK_FALSE(to_matrix({{1, 1, 2}, {1, 2}}));
}
