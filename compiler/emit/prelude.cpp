#include "compiler/emit/prelude.hpp"

#include "compiler/emit/prelude_texts.hpp"
#include "compiler/emit/text.hpp"
#include "runtime/gaussian/correlation.hpp"

#include <boost/math/quadrature/gauss.hpp>

#include <fmt/format.h>

#include <functional>
#include <map>

namespace tpc::emit {
namespace {

template <class Array> std::string row(const char* name, const Array& values) {
    std::string text = fmt::format("constexpr double {}[] = {{", name);
    std::size_t length = 200; // begin on a new line
    for (const double value : values) {
        const std::string item = literal(value);
        if (length + item.size() > 110) {
            text += "\n    ";
            length = 4;
        } else {
            text += ' ';
        }
        text += item + ",";
        length += item.size() + 2;
    }
    return text + "\n};\n";
}

std::string angle_tables() {
    const auto& polynomials = gaussian::AnglePolynomials<double>::instance();
    return row("angle_terms", polynomials.angle) + row("lens_terms", polynomials.lens);
}

std::string gauss_tables() {
    using Rule = boost::math::quadrature::gauss<double, 20>;
    return row("gauss_nodes", Rule::abscissa()) + row("gauss_weights", Rule::weights());
}

struct Piece {
    const char* name;
    std::set<std::string> needs;
    std::function<std::string()> text;
};

const std::vector<Piece>& list() {
    const auto fixed = [](const char* text) { return [text] { return std::string(text); }; };
    static const std::vector<Piece> pieces{
        {"inside", {}, fixed(inside_text)},
        {"wrap", {}, fixed(wrap_text)},
        {"clamp", {}, fixed(clamp_text)},
        {"reductions", {}, fixed(reductions_text)},
        {"types", {}, fixed(types_text)},
        {"moment", {"types"}, fixed(moment_text)},
        {"add", {"types"}, fixed(add_text)},
        {"finish", {"types"}, fixed(finish_text)},
        {"correlation", {"types"}, fixed(correlation_text)},
        {"angle", {}, [] { return angle_tables() + angle_text; }},
        {"homogeneous", {"angle", "correlation"}, fixed(homogeneous_text)},
        {"piecewise", {"angle", "correlation", "moment"}, fixed(piecewise_text)},
        {"features", {"types"}, [] { return gauss_tables() + features_text; }},
        {"series", {"features", "correlation"}, fixed(series_text)},
        {"quadrature", {"features", "series", "correlation"}, fixed(quadrature_text)},
    };
    return pieces;
}

const std::map<std::string, const char*>& functions() {
    static const std::map<std::string, const char*> bodies{
        {"relu", "(double x) { return x > 0 ? x : x < 0 ? 0 : x; }"},
        {"leaky_relu", "(double x, double a) { return x > 0 ? x : a * x; }"},
        {"sign", "(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }"},
        {"step", "(double x) { return x > 0 ? 1 : x < 0 ? 0 : x == 0 ? 0.5 : x; }"},
        {"gelu", "(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }"},
        {"sigmoid", "(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }"},
        {"softplus", "(double x) { return (x > 0 ? x : 0) + std::log1p(std::exp(-std::abs(x))); }"},
        {"silu", "(double x) { return x >= 0 ? x / (1 + std::exp(-x)) : x * std::exp(x) / (1 + std::exp(x)); }"},
        {"elu", "(double x) { return x > 0 ? x : std::expm1(x); }"},
        {"square", "(double x) { return x * x; }"},
        {"hardtanh", "(double x) { return x > 1 ? 1 : x < -1 ? -1 : x; }"},
        {"max", "(double x, double y) { return x < y ? y : x; }"},
        {"min", "(double x, double y) { return y < x ? y : x; }"},
    };
    return bodies;
}

} // namespace

std::string prelude(const std::set<std::string>& wanted) {
    std::set<std::string> all = wanted;
    for (auto piece = list().rbegin(); piece != list().rend(); ++piece)
        if (all.contains(piece->name))
            all.insert(piece->needs.begin(), piece->needs.end());
    std::string text;
    for (const Piece& piece : list())
        if (all.contains(piece.name))
            text += piece.text() + "\n";
    return text;
}

std::string elementary(const std::set<std::string>& wanted) {
    if (wanted.empty())
        return "";
    std::string text = "namespace elementary {\n";
    for (const std::string& name : wanted)
        text += fmt::format("inline double {}{}\n", name, functions().at(name));
    return text + "} // namespace elementary\n\n";
}

} // namespace tpc::emit
