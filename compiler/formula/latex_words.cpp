#include "compiler/formula/latex_words.hpp"

#include "compiler/formula/numerals.hpp"

#include <fmt/format.h>

#include <cctype>
#include <map>
#include <set>

namespace tpc::formula {

std::string latex_identifier(const std::string& name) {
    static const std::map<std::string, std::string> greek = {
        {"α", "\\alpha"},  {"β", "\\beta"},  {"γ", "\\gamma"}, {"δ", "\\delta"},  {"ε", "\\varepsilon"}, {"ζ", "\\zeta"},
        {"η", "\\eta"},    {"θ", "\\theta"}, {"κ", "\\kappa"}, {"λ", "\\lambda"}, {"μ", "\\mu"},         {"ν", "\\nu"},
        {"ξ", "\\xi"},     {"π", "\\pi"},    {"ρ", "\\rho"},   {"σ", "\\sigma"},  {"τ", "\\tau"},        {"φ", "\\varphi"},
        {"χ", "\\chi"},    {"ψ", "\\psi"},   {"ω", "\\omega"}, {"Γ", "\\Gamma"},  {"Δ", "\\Delta"},      {"Θ", "\\Theta"},
        {"Λ", "\\Lambda"}, {"Ξ", "\\Xi"},    {"Π", "\\Pi"},    {"Σ", "\\Sigma"},  {"Φ", "\\Phi"},        {"Ψ", "\\Psi"},
        {"Ω", "\\Omega"},
    };
    static const std::set<std::string> latin_greek = {"xi",    "phi",   "psi",    "eta",   "mu",    "nu",
                                                      "rho",   "tau",   "sigma",  "alpha", "beta",  "gamma",
                                                      "delta", "theta", "lambda", "omega", "kappa", "zeta"};
    std::size_t digits = name.size();
    while (digits > 0 && std::isdigit(static_cast<unsigned char>(name[digits - 1])))
        --digits;
    const std::string stem = name.substr(0, digits);
    std::string text;
    if (const auto found = greek.find(stem); found != greek.end()) {
        text = found->second;
    } else if (latin_greek.contains(stem)) {
        text = "\\" + stem;
    } else if (stem.size() == 1) {
        text = stem;
    } else {
        for (const char c : stem)
            text += c == '_' ? std::string("\\_") : std::string(1, c);
        text = "\\mathrm{" + text + "}";
    }
    return digits == name.size() ? text : fmt::format("{}^{{({})}}", text, name.substr(digits));
}

std::string latex_number(double value) {
    if (const auto exact = fraction(value))
        return fmt::format("{}\\tfrac{{{}}}{{{}}}", exact->first < 0 ? "-" : "", std::abs(exact->first), exact->second);
    std::string text = numeral(value);
    if (const auto e = text.find('e'); e != std::string::npos)
        text = fmt::format("{} \\cdot 10^{{{}}}", text.substr(0, e), std::stoi(text.substr(e + 1)));
    return text;
}

std::string latex_operator(std::string_view name) {
    static const std::set<std::string_view> known = {"tanh", "sin", "cos", "exp", "log", "max", "min"};
    return known.contains(name) ? "\\" + std::string(name) : "\\operatorname{" + std::string(name) + "}";
}

} // namespace tpc::formula
