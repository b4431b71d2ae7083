#include "runtime/ratios/quotient.hpp"

#include "runtime/ratios/ratio.hpp"

#include <Eigen/Eigenvalues>

#include <cmath>

namespace tpc::joint {
namespace {

using ir::Function;
using Kind = TapeNode::Kind;

constexpr std::size_t most_terms = 16;

struct Polynomial { // constant + linear'z + z'quadratic z
    double constant = 0;
    Eigen::VectorXd linear;
    Eigen::MatrixXd quadratic;
    [[nodiscard]] bool is_constant() const { return linear.isZero(0) && quadratic.isZero(0); }
    [[nodiscard]] bool is_affine() const { return quadratic.isZero(0); }
};

// c * product of nodes to powers.
struct Product {
    double number = 1;
    std::map<NodeId, double> powers;
};

class Reader {
  public:
    Reader(const Tape& tape, std::uint32_t first, std::uint32_t count, ir::ExprTable& table)
        : tape_(tape), first_(first), count_(count), table_(table), degrees_(degrees(tape)) {}

    std::optional<std::vector<Quotient>> sum(NodeId id) {
        std::vector<std::pair<double, NodeId>> terms;
        flatten(id, 1, terms);
        std::vector<Quotient> result;
        if (terms.size() > most_terms)
            return std::nullopt;
        for (const auto& [scale, term] : terms) {
            auto quotient = one(term, scale);
            if (!quotient)
                return std::nullopt;
            result.push_back(std::move(*quotient));
        }
        return result;
    }

    std::optional<Ratio> ratio(NodeId id) {
        Ratio result;
        const auto value = scaled(id, result);
        if (!value || value->power != 0 || result.form.size() == 0 || result.quadratic.size() == 0)
            return std::nullopt;
        // r^2 = w'Q^+ w, for w in the range of Q
        const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(result.quadratic);
        const auto& values = solver.eigenvalues();
        const Eigen::VectorXd w = solver.eigenvectors().transpose() * result.form;
        double square = 0;
        for (Eigen::Index k = 0; k < w.size(); ++k) {
            if (values[k] > 1e-12 * values[values.size() - 1])
                square += w[k] * w[k] / values[k];
            else if (std::abs(w[k]) > 1e-12 * w.norm())
                return std::nullopt;
        }
        result.range = std::sqrt(square) * (1 + 1e-12);
        result.function = value->function;
        return result;
    }

  private:
    // function(t) * sqrt(z'Q z + c)^power
    struct Scaled {
        ir::ExprId function{};
        int power = 0;
    };
    std::optional<Scaled> scaled(NodeId id, Ratio& ratio) {
        const TapeNode n = node(id);
        if (n.kind == Kind::number)
            return Scaled{table_.number(n.number), 0};
        if (n.kind == Kind::sample)
            return std::nullopt;
        if (const auto& p = polynomial(id)) {
            if (p->is_constant())
                return Scaled{table_.number(p->constant), 0};
            if (p->is_affine() && p->constant == 0) {
                if (ratio.form.size() == 0)
                    ratio.form = p->linear;
                const double factor = p->linear.dot(ratio.form) / ratio.form.squaredNorm();
                if ((p->linear - factor * ratio.form).cwiseAbs().maxCoeff() > 1e-14 * p->linear.cwiseAbs().maxCoeff())
                    return std::nullopt;
                ir::Node variable;
                variable.op = ir::Op::variable;
                variable.type = ir::Type::vector;
                return Scaled{table_.apply(Function::mul, {table_.number(factor), table_.add(variable)}), 1};
            }
            if (!is_norm(*p))
                return std::nullopt;
            if (ratio.quadratic.size() == 0) {
                ratio.quadratic = p->quadratic;
                ratio.offset = p->constant;
            }
            if (p->quadratic != ratio.quadratic || p->constant != ratio.offset)
                return std::nullopt;
            return Scaled{table_.number(1), 2};
        }
        if (n.kind != Kind::apply)
            return std::nullopt;
        const auto a = scaled(n.a, ratio);
        const auto b = is_binary(n.function) && a ? scaled(n.b, ratio) : a;
        if (!a || !b)
            return std::nullopt;
        const auto with = [&](int power) {
            return Scaled{is_binary(n.function) ? table_.apply(n.function, {a->function, b->function})
                                                : table_.apply(n.function, {a->function}),
                          power};
        };
        switch (n.function) {
        case Function::mul:
            return with(a->power + b->power);
        case Function::div:
            return with(a->power - b->power);
        case Function::square:
            return with(2 * a->power);
        case Function::sqrt:
            return a->power % 2 == 0 ? std::optional(with(a->power / 2)) : std::nullopt;
        case Function::add:
        case Function::sub:
            return a->power == b->power ? std::optional(with(a->power)) : std::nullopt;
        case Function::neg:
        case Function::abs:
        case Function::relu:
            return with(a->power);
        case Function::sign:
        case Function::step:
            return with(0);
        default:
            return a->power == 0 && b->power == 0 ? std::optional(with(0)) : std::nullopt;
        }
    }

    const Tape& tape_;
    std::uint32_t first_, count_;
    ir::ExprTable& table_;
    std::vector<Degree> degrees_;
    std::map<NodeId, std::optional<Polynomial>> polynomials_;

    const TapeNode& node(NodeId id) const { return tape_.nodes()[id]; }

    void flatten(NodeId id, double scale, std::vector<std::pair<double, NodeId>>& terms) {
        const TapeNode& n = node(id);
        if (n.kind == Kind::apply) {
            switch (n.function) {
            case Function::add:
                flatten(n.a, scale, terms);
                flatten(n.b, scale, terms);
                return;
            case Function::sub:
                flatten(n.a, scale, terms);
                flatten(n.b, -scale, terms);
                return;
            case Function::neg:
                flatten(n.a, -scale, terms);
                return;
            case Function::mul:
                if (node(n.a).kind == Kind::number)
                    return flatten(n.b, scale * node(n.a).number, terms);
                if (node(n.b).kind == Kind::number)
                    return flatten(n.a, scale * node(n.b).number, terms);
                break;
            default:
                break;
            }
        }
        terms.emplace_back(scale, id);
    }

    Polynomial zero() const {
        const auto n = static_cast<Eigen::Index>(count_);
        return {0, Eigen::VectorXd::Zero(n), Eigen::MatrixXd::Zero(n, n)};
    }

    const std::optional<Polynomial>& polynomial(NodeId id) {
        const auto found = polynomials_.find(id);
        if (found != polynomials_.end())
            return found->second;
        auto made = make(id);
        return polynomials_[id] = std::move(made);
    }

    std::optional<Polynomial> make(NodeId id) {
        const TapeNode& n = node(id);
        Polynomial p = zero();
        if (n.kind == Kind::number) {
            p.constant = n.number;
            return p;
        }
        if (n.kind == Kind::gaussian) {
            p.linear[static_cast<Eigen::Index>(n.index - first_)] = 1;
            return p;
        }
        if (n.kind != Kind::apply)
            return std::nullopt;
        const auto times = [&](const Polynomial& a, const Polynomial& b) -> std::optional<Polynomial> {
            if (!a.is_affine() || !b.is_affine()) {
                if (!a.is_constant() && !b.is_constant())
                    return std::nullopt;
                const Polynomial& other = a.is_constant() ? b : a;
                const double c = (a.is_constant() ? a : b).constant;
                return Polynomial{c * other.constant, c * other.linear, c * other.quadratic};
            }
            const Eigen::MatrixXd outer = a.linear * b.linear.transpose();
            return Polynomial{a.constant * b.constant, a.constant * b.linear + b.constant * a.linear,
                              (outer + outer.transpose()) / 2};
        };
        switch (n.function) {
        case Function::neg:
        case Function::square: {
            const std::optional<Polynomial> a = polynomial(n.a);
            if (!a)
                return std::nullopt;
            if (n.function == Function::square)
                return times(*a, *a);
            return Polynomial{-a->constant, -a->linear, -a->quadratic};
        }
        case Function::add:
        case Function::sub: {
            const std::optional<Polynomial> a = polynomial(n.a);
            const std::optional<Polynomial> b = polynomial(n.b);
            if (!a || !b)
                return std::nullopt;
            const double sign = n.function == Function::add ? 1 : -1;
            return Polynomial{a->constant + sign * b->constant, a->linear + sign * b->linear,
                              a->quadratic + sign * b->quadratic};
        }
        case Function::mul: {
            const std::optional<Polynomial> a = polynomial(n.a);
            const std::optional<Polynomial> b = polynomial(n.b);
            return a && b ? times(*a, *b) : std::nullopt;
        }
        case Function::div: {
            const std::optional<Polynomial> a = polynomial(n.a);
            if (!a || node(n.b).kind != Kind::number)
                return std::nullopt;
            const double c = 1 / node(n.b).number;
            return Polynomial{c * a->constant, c * a->linear, c * a->quadratic};
        }
        default:
            return std::nullopt;
        }
    }

    void factors(NodeId id, double power, Product& product) {
        const TapeNode& n = node(id);
        if (n.kind == Kind::number) {
            product.number *= std::pow(n.number, power);
            return;
        }
        if (n.kind == Kind::apply && n.function == Function::mul) {
            factors(n.a, power, product);
            factors(n.b, power, product);
        } else if (n.kind == Kind::apply && n.function == Function::div) {
            factors(n.a, power, product);
            factors(n.b, -power, product);
        } else if (n.kind == Kind::apply && n.function == Function::sqrt) {
            factors(n.a, power / 2, product);
        } else {
            product.powers[id] += power;
        }
    }

    // The node as an expression over one affine combination of the Gaussians, which the first one met decides.
    std::optional<ir::ExprId> univariate(NodeId id, Quotient& quotient) {
        const TapeNode& n = node(id);
        if (n.kind == Kind::number)
            return table_.number(n.number);
        if (n.kind == Kind::sample)
            return std::nullopt;
        if (const auto& p = polynomial(id); p && p->is_affine()) {
            if (p->linear.isZero(0))
                return table_.number(p->constant);
            if (quotient.form.size() == 0)
                quotient.form = p->linear;
            const double ratio = p->linear.dot(quotient.form) / quotient.form.squaredNorm();
            if ((p->linear - ratio * quotient.form).cwiseAbs().maxCoeff() > 1e-14 * p->linear.cwiseAbs().maxCoeff())
                return std::nullopt;
            ir::Node variable;
            variable.op = ir::Op::variable;
            variable.type = ir::Type::vector;
            const ir::ExprId scaled = table_.apply(Function::mul, {table_.number(ratio), table_.add(variable)});
            return table_.apply(Function::add, {scaled, table_.number(p->constant)});
        }
        if (n.kind != Kind::apply)
            return std::nullopt;
        quotient.jumps = quotient.jumps || n.function == Function::sign || n.function == Function::step;
        const auto a = univariate(n.a, quotient);
        if (!a)
            return std::nullopt;
        if (!is_binary(n.function))
            return table_.apply(n.function, {*a});
        const auto b = univariate(n.b, quotient);
        return b ? std::optional(table_.apply(n.function, {*a, *b})) : std::nullopt;
    }

    std::optional<Quotient> one(NodeId id, double scale) {
        if (const auto whole = quotient_of({scale, {{id, 1}}}))
            return whole;
        Product product{scale, {}};
        factors(id, 1, product);
        return quotient_of(product);
    }

    std::optional<Quotient> quotient_of(const Product& product) {
        Quotient result;
        ir::ExprId numerator = table_.number(product.number);
        result.degree = {true, product.number == 0, 0};
        for (const auto& [id, power] : product.powers) {
            if (power == 0)
                continue;
            if (power < 0) {
                const auto& p = polynomial(id);
                const double root = -2 * power;
                if (!p || result.power != 0 || root != std::floor(root) || !is_norm(*p))
                    return std::nullopt;
                result.power = static_cast<int>(root);
                result.quadratic = p->quadratic;
                result.offset = p->constant;
                continue;
            }
            const auto factor = univariate(id, result);
            if (!factor || power != std::floor(power))
                return std::nullopt;
            for (int k = 0; k < static_cast<int>(power); ++k)
                numerator = table_.apply(Function::mul, {numerator, *factor});
            result.degree.known = result.degree.known && degrees_[id].known;
            result.degree.value += power * degrees_[id].value;
        }
        result.numerator = numerator;
        if (table_[numerator].op == ir::Op::number)
            result.constant = table_[numerator].number;
        if (result.form.size() == 0)
            result.form = zero().linear;
        return result;
    }

    // c + z'Q z with c >= 0 and Q positive semidefinite, not zero.
    static bool is_norm(const Polynomial& p) {
        if (!p.linear.isZero(0) || p.constant < 0 || p.quadratic.isZero(0))
            return false;
        const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(p.quadratic, Eigen::EigenvaluesOnly);
        const auto& values = solver.eigenvalues();
        return values[0] >= -1e-13 * values[values.size() - 1];
    }
};

} // namespace

std::optional<std::vector<Quotient>> quotients(const Tape& tape, NodeId node, std::uint32_t first, std::uint32_t count,
                                               ir::ExprTable& table) {
    return Reader(tape, first, count, table).sum(node);
}

std::optional<Ratio> ratio(const Tape& tape, NodeId node, std::uint32_t first, std::uint32_t count, ir::ExprTable& table) {
    return Reader(tape, first, count, table).ratio(node);
}

} // namespace tpc::joint
