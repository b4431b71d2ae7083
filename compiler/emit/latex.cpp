#include "compiler/emit/emit.hpp"
#include "compiler/formula/print.hpp"

#include <fmt/format.h>

namespace tpc::emit {
namespace {

// In verbatim; other characters would need fonts that a plain installation does not have.
std::string ascii(std::string_view text) {
    std::string result;
    for (std::size_t k = 0; k < text.size();) {
        const auto byte = static_cast<unsigned char>(text[k]);
        if (byte < 0x80) {
            result += text[k++];
            continue;
        }
        const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
        std::uint32_t code = byte & (0xFFU >> (length + 1));
        for (std::size_t j = 1; j < length && k + j < text.size(); ++j)
            code = code << 6U | (static_cast<unsigned char>(text[k + j]) & 0x3FU);
        result += fmt::format("<U+{:04X}>", code);
        k += length;
    }
    return result;
}

} // namespace

std::string latex(const limit::Recursions& recursions, const About& about) {
    std::string text = fmt::format("% Written by {}: the derivation of the kernels of {}.\n", about.command, about.file);
    text += "\\documentclass{article}\n"
            "\\usepackage[a4paper,landscape,margin=15mm]{geometry}\n"
            "\\usepackage{amsmath,amssymb}\n"
            "\\allowdisplaybreaks\n"
            "\\begin{document}\n"
            "\\section*{The program}\n\\begin{verbatim}\n";
    text += ascii(about.source);
    text += about.source.ends_with('\n') ? "" : "\n";
    text += "\\end{verbatim}\n\\section*{Its verdict}\n\\begin{verbatim}\n" + ascii(about.verdict);
    text += about.verdict.ends_with('\n') ? "" : "\n";
    text += "\\end{verbatim}\n\\section*{The limit kernels}\n";
    text += formula::print_latex(recursions);
    return text + "\\end{document}\n";
}

} // namespace tpc::emit
