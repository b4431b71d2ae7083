#include "runtime/finite/coordinatewise.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace tpc::finite {
namespace {

Matrix blank(const Arguments& arguments) {
    Eigen::Index rows = 1;
    for (const Matrix* a : arguments)
        rows = std::max(rows, a->rows());
    return {rows, arguments.front()->cols()};
}

template <class F> Matrix each(const Matrix& a, const F& f) {
    Matrix result(a.rows(), a.cols());
    std::transform(a.data(), a.data() + a.size(), result.data(), f);
    return result;
}

template <class F> Matrix each(const Matrix& a, const Matrix& b, const F& f) {
    Matrix result = blank({&a, &b});
    const bool row_a = a.rows() > 1, row_b = b.rows() > 1;
    for (Eigen::Index s = 0; s < result.cols(); ++s)
        for (Eigen::Index i = 0; i < result.rows(); ++i)
            result(i, s) = f(a(row_a ? i : 0, s), b(row_b ? i : 0, s));
    return result;
}

Matrix fold(ir::Function function, const Arguments& arguments) {
    Matrix result = *arguments.front();
    for (std::size_t k = 1; k < arguments.size(); ++k)
        result = apply_function(function, {&result, arguments[k]});
    return result;
}

Matrix spread(const Matrix& a, Eigen::Index rows) {
    return a.rows() == rows ? a : Matrix(a.replicate(rows, 1));
}

Matrix evaluate(const ir::ExprTable& table, ir::ExprId id, const Arguments& arguments) {
    const ir::Node& node = table[id];
    switch (node.op) {
    case ir::Op::number:
        return Matrix::Constant(1, arguments.front()->cols(), node.number);
    case ir::Op::variable:
        return *arguments[node.target];
    case ir::Op::apply: {
        std::vector<Matrix> values;
        for (ir::ExprId child : node.children)
            values.push_back(evaluate(table, child, arguments));
        Arguments pointers;
        for (const Matrix& value : values)
            pointers.push_back(&value);
        return apply_function(node.function, pointers);
    }
    default:
        throw std::logic_error("a derivative that is not coordinatewise");
    }
}

} // namespace

Matrix apply_function(ir::Function function, const Arguments& arguments) {
    const Matrix& a = *arguments.front();
    switch (function) {
    case ir::Function::neg:
        return -a;
    case ir::Function::add:
        return each(a, *arguments[1], [](double x, double y) { return x + y; });
    case ir::Function::sub:
        return each(a, *arguments[1], [](double x, double y) { return x - y; });
    case ir::Function::mul:
        return each(a, *arguments[1], [](double x, double y) { return x * y; });
    case ir::Function::div:
        return each(a, *arguments[1], [](double x, double y) { return x / y; });
    case ir::Function::relu:
        return a.cwiseMax(0.0);
    default:
        break;
    }
    if (arguments.size() == 1)
        return each(a, [&](double x) { return ir::evaluate(function, {x}); });
    return each(a, *arguments[1], [&](double x, double y) { return ir::evaluate(function, {x, y}); });
}

Matrix apply_reduction(ir::Reduction reduction, const Arguments& arguments) {
    switch (reduction) {
    case ir::Reduction::sum:
    case ir::Reduction::mean: {
        Matrix result = blank(arguments);
        result.setZero();
        for (const Matrix* a : arguments) {
            if (a->rows() == result.rows())
                result += *a;
            else
                result.rowwise() += a->row(0);
        }
        if (reduction == ir::Reduction::mean)
            result /= static_cast<double>(arguments.size());
        return result;
    }
    case ir::Reduction::max:
        return fold(ir::Function::max, arguments);
    case ir::Reduction::min:
        return fold(ir::Function::min, arguments);
    case ir::Reduction::prod:
        return fold(ir::Function::mul, arguments);
    case ir::Reduction::logsumexp: {
        const Matrix top = fold(ir::Function::max, arguments);
        Matrix total = Matrix::Zero(top.rows(), top.cols());
        for (const Matrix* a : arguments)
            total += each(*a, top, [](double x, double m) { return std::exp(x - m); });
        return top + each(total, [](double x) { return std::log(x); });
    }
    }
    throw std::logic_error("unknown reduction");
}

Matrix slope(ir::Reduction reduction, const Arguments& arguments, const Matrix& value, std::size_t k) {
    const Eigen::Index rows = value.rows(), columns = value.cols();
    switch (reduction) {
    case ir::Reduction::sum:
        return Matrix::Ones(rows, columns);
    case ir::Reduction::mean:
        return Matrix::Constant(rows, columns, 1 / static_cast<double>(arguments.size()));
    case ir::Reduction::max:
    case ir::Reduction::min: { // ties share equally
        const auto equal = [](double x, double m) { return x == m ? 1.0 : 0.0; };
        Matrix ties = Matrix::Zero(rows, columns);
        for (const Matrix* a : arguments)
            ties += each(*a, value, equal);
        return each(*arguments[k], value, equal).cwiseQuotient(ties);
    }
    case ir::Reduction::prod: { // not value / argument: an argument may be 0
        Matrix result = Matrix::Ones(rows, columns);
        for (std::size_t j = 0; j < arguments.size(); ++j)
            if (j != k)
                result = result.cwiseProduct(spread(*arguments[j], rows));
        return result;
    }
    case ir::Reduction::logsumexp:
        return each(*arguments[k], value, [](double x, double m) { return std::exp(x - m); });
    }
    throw std::logic_error("unknown reduction");
}

Matrix Slopes::operator()(ir::Function function, const Arguments& arguments, unsigned k) {
    const auto key = std::tuple(function, arguments.size(), k);
    auto found = known_.find(key);
    if (found == known_.end()) {
        llvm::SmallVector<ir::ExprId, 2> variables;
        for (std::uint32_t j = 0; j < arguments.size(); ++j) {
            ir::Node node;
            node.op = ir::Op::variable;
            node.type = ir::Type::vector;
            node.target = j;
            variables.push_back(table_.add(node));
        }
        found = known_.emplace(key, ir::derivative(table_, function, variables, k)).first;
    }
    return evaluate(table_, found->second, arguments);
}

} // namespace tpc::finite
