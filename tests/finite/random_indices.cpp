#include "tests/finite/random_indices.hpp"

#include <fmt/format.h>

#include <array>
#include <random>

namespace tpc::tests {
namespace {

using Kind = IndexFamily::Kind;

// Of loops over i, and over l or j beside it. Index modes bring all of them inside.
constexpr std::array line_indices{"i", "i+1", "i-1", "i+2", "P+1-i", "1", "2*i", "i-2"};
constexpr std::array square_indices{"j", "j-1", "i+j", "i-j", "2*j-i", "P", "j+1", "1"};
constexpr std::array layer_indices{"i", "i-l", "i+l", "P+1-i", "i-1", "i+1", "l", "2*l-i"};
constexpr std::array modes{"zero", "wrap", "clamp"};
constexpr std::array functions{"relu", "erf"}; // one for all: pairs of two take quadrature

bool two_indices(Kind kind) {
    return kind != Kind::line;
}

const char* other_index(Kind reader, unsigned form) {
    return (reader == Kind::square ? square_indices : reader == Kind::layers ? layer_indices : line_indices)[form];
}

// One that takes part in a window moves with its tap.
std::string tapped(std::string index, bool window) {
    return window ? std::move(index) + "+a" : index;
}

std::string read_text(const IndexSpec& spec, Kind reader, const IndexTerm& term) {
    const IndexFamily& family = spec.families[term.family];
    const std::string first = tapped(line_indices[term.first], term.window), second = other_index(reader, term.second);
    std::string indices = first;
    if (two_indices(family.kind))
        indices = family.kind == Kind::layers ? fmt::format("{}, {}", reader == Kind::layers ? "l-1" : "2", first)
                                              : fmt::format("{}, {}", first, family.kind == Kind::diagonal ? first : second);
    else if (two_indices(reader) && term.second % 2 == 1)
        indices = tapped(second, term.window);
    return fmt::format("x{}[{} | {}]", term.family, indices, modes[term.mode]);
}

std::string term_text(const IndexSpec& spec, Kind reader, const IndexTerm& term, double coefficient) {
    std::string value = read_text(spec, reader, term);
    if (term.form > 0)
        value = fmt::format("{} @ {}", term.window && term.matrix == 0 ? "K[a]" : fmt::format("W[{}]", term.matrix % 2 + 1),
                            value);
    if (term.window)
        value = fmt::format("sum(a in -1..1: {})", value);
    if (term.form > 1)
        value = fmt::format("{}({})", functions[spec.function], value);
    return fmt::format("{} * {}", coefficient, term.form == 1 && !term.window ? "(" + value + ")" : value);
}

std::string value_text(const IndexSpec& spec, const IndexFamily& family) {
    std::string value;
    double coefficient = 0.8;
    for (const IndexTerm& term : family.terms) {
        value += (value.empty() ? "" : " + ") + term_text(spec, family.kind, term, coefficient);
        coefficient = -0.7 * coefficient;
    }
    return value.empty() ? "U @ xi[i]" : value;
}

} // namespace

IndexSpec random_indices(std::uint64_t seed) {
    std::mt19937_64 engine(seed * 0x9e3779b97f4a7c15U + 5);
    const auto below = [&](unsigned n) { return static_cast<unsigned>(engine() % n); };
    IndexSpec spec;
    spec.families.emplace_back(); // x0[i] = U @ xi[i]
    const unsigned count = 1 + below(3);
    for (unsigned k = 1; k <= count; ++k) {
        IndexFamily family;
        family.kind = std::array{Kind::line, Kind::line, Kind::square, Kind::diagonal, Kind::layers, Kind::layers}[below(6)];
        const unsigned terms = 1 + below(3);
        for (unsigned t = 0; t < terms; ++t) {
            IndexTerm term;
            term.form = below(3);
            term.matrix = below(3);
            term.family = family.kind == Kind::layers && below(3) > 0 ? k : below(k);
            term.first = below(line_indices.size());
            term.second = below(line_indices.size());
            term.mode = below(modes.size());
            term.window = below(4) == 0;
            family.terms.push_back(term);
        }
        spec.families.push_back(std::move(family));
    }
    spec.output = below(3);
    spec.function = below(functions.size());
    return spec;
}

std::string source(const IndexSpec& spec) {
    std::string text = "program indices\ninput xi : R[P, d]\nmatrix U ~ N(0, 1/d)\nmatrix W[k in 1..2] ~ N(0, 1/n)\n"
                       "matrix K[a in -1..1] ~ N(0, 0.5/n)\nvector v[i in 1..2*P] ~ N(0, 1)\n";
    for (std::size_t k = 0; k < spec.families.size(); ++k) {
        const IndexFamily& family = spec.families[k];
        const std::string value = value_text(spec, family);
        switch (family.kind) {
        case Kind::line:
            text += fmt::format("for i in 1..P {{ x{}[i] = {} }}\n", k, value);
            break;
        case Kind::square:
            text += fmt::format("for i in 1..P, j in 1..P {{ x{}[i, j] = {} }}\n", k, value);
            break;
        case Kind::diagonal:
            text += fmt::format("for i in 2..P {{ x{}[i, i] = {} }}\n", k, value);
            break;
        case Kind::layers: // reads of itself are those of the layer before
            text += fmt::format("for i in 1..P {{ x{}[0, i] = x{}[{}] }}\n", k, k - 1,
                                spec.families[k - 1].kind == Kind::line       ? "i"
                                : spec.families[k - 1].kind == Kind::layers   ? "2, i"
                                : spec.families[k - 1].kind == Kind::diagonal ? "i, i | zero"
                                                                              : "i, i");
            text += fmt::format("for l in 1..2, i in 1..P {{ x{}[l, i] = {} }}\n", k, value);
            break;
        }
    }
    const IndexFamily& last = spec.families.back();
    const std::string read = fmt::format("x{}[{}]", spec.families.size() - 1,
                                         last.kind == Kind::line     ? "i"
                                         : last.kind == Kind::layers ? "2, i"
                                         : last.kind == Kind::square ? "i, P+1-i"
                                                                     : "i, i");
    const char* const range = last.kind == Kind::diagonal ? "i in 2..P" : "i in 1..P";
    switch (spec.output) {
    case 0:
        return text + fmt::format("output sum({}: v[i]' @ {}) / sqrt(n)\n", range, read);
    case 1:
        return text + fmt::format("output v[1]' @ sum({}: (i + 1) * {}) / sqrt(n)\n", range, read);
    default:
        return text + fmt::format("output f[{0}] = v[i]' @ {1} / sqrt(n)\n", range, read);
    }
}

IndexSpec reduced(IndexSpec spec, const std::function<bool(const IndexSpec&)>& fails) {
    for (bool smaller = true; smaller;) {
        smaller = false;
        std::vector<IndexSpec> cuts;
        if (spec.families.size() > 2) {
            cuts.push_back(spec);
            cuts.back().families.pop_back();
        }
        for (std::size_t k = 1; k < spec.families.size(); ++k)
            for (std::size_t t = 0; t < spec.families[k].terms.size(); ++t) {
                auto& terms = cuts.emplace_back(spec).families[k].terms;
                terms.erase(terms.begin() + static_cast<std::ptrdiff_t>(t));
                auto& plain = cuts.emplace_back(spec).families[k].terms[t];
                plain.window = false;
                plain.form = 0;
            }
        for (const IndexSpec& cut : cuts)
            if (source(cut) != source(spec) && fails(cut)) {
                spec = cut;
                smaller = true;
                break;
            }
    }
    return spec;
}

} // namespace tpc::tests
