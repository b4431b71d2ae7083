#include "compiler/emit/functions.hpp"

#include "compiler/emit/text.hpp"
#include "compiler/ir/print.hpp"
#include "runtime/gaussian/kinks.hpp"
#include "runtime/gaussian/methods.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>

namespace tpc::emit {

using ir::Function;

std::string apply(Function function, const std::vector<std::string>& x, std::set<std::string>& elementary) {
    const auto binary = [&](const char* sign) { return fmt::format("({} {} {})", x[0], sign, x[1]); };
    switch (function) {
    case Function::neg:
        return "(-" + x[0] + ")";
    case Function::add:
        return binary("+");
    case Function::sub:
        return binary("-");
    case Function::mul:
        return binary("*");
    case Function::div:
        return binary("/");
    case Function::erf:
    case Function::erfc:
    case Function::tanh:
    case Function::sin:
    case Function::cos:
    case Function::exp:
    case Function::log:
    case Function::sqrt:
    case Function::abs:
    case Function::pow:
        return fmt::format("std::{}({})", ir::name_of(function), fmt::join(x, ", "));
    default:
        break;
    }
    const std::string name(ir::name_of(function));
    elementary.insert(name);
    return fmt::format("elementary::{}({})", name, fmt::join(x, ", "));
}

namespace {

std::string body(const ir::ExprTable& table, ir::ExprId e, std::set<std::string>& elementary) {
    const ir::Node& node = table[e];
    switch (node.op) {
    case ir::Op::number:
        return literal(node.number);
    case ir::Op::affine:
        return literal(static_cast<double>(node.affine.constant) / static_cast<double>(node.affine.denominator));
    case ir::Op::variable:
        return "z";
    default:
        break;
    }
    std::vector<std::string> arguments;
    for (const ir::ExprId child : node.children)
        arguments.push_back(body(table, child, elementary));
    return apply(node.function, arguments, elementary);
}

// Kinks and bends at all magnitudes up to 1000: finer grids for what is near 0.
std::vector<gaussian::Bend> bends_of(const gaussian::Univariate& phi) {
    std::vector<gaussian::Bend> bends;
    for (const double far : {1.0, 10.0, 100.0, 1000.0}) {
        const gaussian::Kinks found = gaussian::find_kinks(phi, -far, far);
        for (const double kink : found.sharp)
            bends.push_back({kink, 0});
        bends.insert(bends.end(), found.bends.begin(), found.bends.end());
    }
    const auto key = [](const gaussian::Bend& bend) { return std::pair(bend.width > 0, bend.at); };
    std::sort(bends.begin(), bends.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
    const auto close = [](const gaussian::Bend& a, const gaussian::Bend& b) {
        return (a.width > 0) == (b.width > 0) && b.at - a.at <= 1e-14 * std::max(std::abs(a.at), std::abs(b.at));
    };
    bends.erase(std::unique(bends.begin(), bends.end(), close), bends.end());
    return bends;
}

std::string unwrapped(std::string text) { // ((a) + b) -> (a) + b
    if (!text.starts_with('('))
        return text;
    int depth = 0;
    for (std::size_t k = 0; k < text.size(); ++k) {
        depth += text[k] == '(' ? 1 : text[k] == ')' ? -1 : 0;
        if (depth == 0 && k + 1 < text.size())
            return text;
    }
    return text.substr(1, text.size() - 2);
}

} // namespace

FunctionFacts Functions::analyse(const ir::ExprTable& table, ir::ExprId function) {
    std::string why;
    const auto univariate = gaussian::analyse({&table, function}, &why);
    if (!univariate)
        throw std::invalid_argument(why);
    FunctionFacts facts;
    if (univariate->groups)
        facts.piecewise = gaussian::piecewise_coefficients(*univariate);
    // else products such as step(z) * step(z), whose value at 0 is not a mean of one-sided ones
    if (facts.piecewise &&
        ((*univariate->value)(0) != (*facts.piecewise)[0] || (*univariate->slope)(0) != (*facts.piecewise)[1]))
        facts.piecewise.reset();
    facts.bends = bends_of(*univariate);
    ir::ExprTable own = table;
    facts.value = unwrapped(body(own, function, elementary));
    facts.slope = unwrapped(body(own, ir::derivative(own, function, 0), elementary));
    ir::Program nothing;
    nothing.exprs = std::move(own);
    ir::PrintNames names{.program = &nothing};
    names.instead = [&](ir::ExprId id) {
        return nothing.exprs[id].op == ir::Op::variable ? std::optional<std::string>("z") : std::nullopt;
    };
    facts.about = ir::print(names, function);
    return facts;
}

std::size_t Functions::find(const ir::ExprTable& table, const std::optional<ir::ExprId>& function) {
    if (!function) {
        if (!identity_) {
            FunctionFacts facts{"identity", "z", "z", "1.0", std::array<double, 4>{0, 1, 0, 0}, {}, true};
            identity_ = list_.size();
            list_.push_back(std::move(facts));
            known_.emplace_back(nullptr, ir::ExprId{});
        }
        return *identity_;
    }
    for (std::size_t k = 0; k < known_.size(); ++k)
        if (known_[k].first == &table && ir::same(table, known_[k].second, *function))
            return k;
    FunctionFacts facts = analyse(table, *function);
    facts.name = fmt::format("phi{}", 1 + list_.size() - (identity_ ? 1 : 0));
    list_.push_back(std::move(facts));
    known_.emplace_back(&table, *function);
    return list_.size() - 1;
}

Method Functions::method(std::size_t left, std::size_t right, bool centred) const {
    const FunctionFacts& phi = list_[left];
    const FunctionFacts& psi = list_[right];
    if (centred && phi.homogeneous() && psi.homogeneous())
        return Method::homogeneous;
    if (centred && phi.piecewise && psi.piecewise)
        return Method::piecewise;
    return Method::series;
}

} // namespace tpc::emit
