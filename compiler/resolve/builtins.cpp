#include "compiler/resolve/builtins.hpp"

#include <map>

namespace tpc::resolve {
namespace {

const std::map<std::string, ir::Function>& functions() {
    using F = ir::Function;
    static const std::map<std::string, F> table = {{"relu", F::relu},         {"leaky_relu", F::leaky_relu},
                                                   {"abs", F::abs},           {"sign", F::sign},
                                                   {"step", F::step},         {"erf", F::erf},
                                                   {"erfc", F::erfc},         {"gelu", F::gelu},
                                                   {"tanh", F::tanh},         {"sigmoid", F::sigmoid},
                                                   {"silu", F::silu},         {"softplus", F::softplus},
                                                   {"elu", F::elu},           {"sin", F::sin},
                                                   {"cos", F::cos},           {"exp", F::exp},
                                                   {"log", F::log},           {"sqrt", F::sqrt},
                                                   {"max", F::max},           {"square", F::square},
                                                   {"hardtanh", F::hardtanh}, {"min", F::min}};
    return table;
}

const std::map<std::string, ir::Reduction>& reductions() {
    using R = ir::Reduction;
    static const std::map<std::string, R> table = {{"sum", R::sum}, {"mean", R::mean}, {"max", R::max},
                                                   {"min", R::min}, {"prod", R::prod}, {"logsumexp", R::logsumexp}};
    return table;
}

} // namespace

std::optional<ir::Function> function_of(const std::string& name) {
    const auto found = functions().find(name);
    return found == functions().end() ? std::nullopt : std::optional(found->second);
}

std::optional<ir::Reduction> reduction_of(const std::string& name) {
    const auto found = reductions().find(name);
    return found == reductions().end() ? std::nullopt : std::optional(found->second);
}

std::optional<unsigned> builtin_arity(const std::string& name) {
    if (name == "leaky_relu" || name == "max" || name == "min") {
        return 2;
    }
    if (name == "where") {
        return 3;
    }
    if (name == "avg" || name == "identity" || function_of(name)) {
        return 1;
    }
    return std::nullopt;
}

std::vector<std::string> builtin_names() {
    std::vector<std::string> names = {"avg", "where", "identity", "n"};
    for (const auto& entry : functions()) {
        names.push_back(entry.first);
    }
    for (const auto& entry : reductions()) {
        if (!functions().contains(entry.first)) {
            names.push_back(entry.first);
        }
    }
    return names;
}

} // namespace tpc::resolve
