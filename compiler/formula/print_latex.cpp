#include "compiler/formula/latex.hpp"
#include "compiler/formula/latex_words.hpp"
#include "compiler/formula/print.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tpc::formula {
namespace {

using namespace ir;
using Kind = Formula::Kind;

class LatexPrinter {
  public:
    explicit LatexPrinter(const limit::Recursions& recursions) : recursions_(recursions), formulas_(formulas(recursions)) {}

    std::string run() const {
        std::string text = notation() + "\\begin{align*}\n";
        bool first = true;
        for (const auto& [name, function] : formulas_.functions) {
            const LineLatex names(formulas_, recursions_, {}, true);
            text += fmt::format("{}\\phi{}(z) &= {}", first ? "" : " \\\\\n",
                                name == "phi" ? "" : "_{" + name.substr(3) + "}", scalar_latex(names, function));
            first = false;
        }
        for (const std::size_t k : sampled_statements(recursions_)) {
            const Statement& statement = recursions_.network.program.statements[k];
            const limit::Element own{statement.family,
                                     {{statement.indices.begin(), statement.indices.end()}, IndexMode::none}};
            Line line;
            line.target.left = own;
            line.value.kind = Kind::scalar;
            line.value.expr = statement.value;
            const LineLatex names(formulas_, recursions_, symbols_of(formulas_.program, line), true);
            text += fmt::format("{}{} &= {}", first ? "" : " \\\\\n", element_latex(names, own),
                                scalar_latex(names, statement.value));
            first = false;
        }
        for (const auto& [lines, one_sample] : {std::pair(&formulas_.self, true), std::pair(&formulas_.forward, false),
                                                std::pair(&formulas_.tangent, false), std::pair(&formulas_.kernels, false),
                                                std::pair(&formulas_.backward, false), std::pair(&formulas_.ntk, false)}) {
            if (!first && !lines->empty())
                text += " \\\\[1ex]\n";
            bool leading = true;
            for (const Line& line : *lines) {
                text += (leading ? "" : " \\\\\n") + row(line, one_sample);
                leading = first = false;
            }
        }
        return text + "\n\\end{align*}\n";
    }

  private:
    const limit::Recursions& recursions_;
    Formulas formulas_;

    std::string notation() const {
        std::string text = "Bars mark the second sample; $\\Sigma(x, \\bar y) = \\mathbb{E}\\, Z^{x} Z^{\\bar y}$, "
                           "$M(x) = \\mathbb{E}\\, Z^{x}$, ";
        if (recursions_.tangent)
            text += "$\\Theta$ is the tangent kernel and $\\Pi$ the covariance of gradients of the coordinates "
                    "(the transposed form of the same recursion; entries not listed are 0, `$\\mathrel{+}=$' adds), "
                    "$\\mathcal{K}$ the NNGP and $\\dot{\\mathcal{K}}$ the NTK, ";
        text += deviations();
        if (!sampled_statements(recursions_).empty())
            text +=
                "$\\mathbb{E}[x\\, \\bar y]$ is over all Gaussian vectors $g, \\bar g$ that $x, \\bar y$ are functions of, ";
        return text + "$V_{f,g}(A, B, c) = \\mathbb{E}\\, f(a) g(b)$ for Gaussian $(a, b)$ with variances $A$, $B$ and "
                      "covariance $c$ "
                      "(one argument: $a = b$).\n";
    }

    [[nodiscard]] std::string deviations() const {
        std::vector<std::string> list;
        const auto& families = recursions_.network.program.families;
        for (const auto& [own, whole] : families_of_deviations(recursions_)) {
            const std::string name = latex_identifier(families[own].name);
            const auto& number = recursions_.deviations.number[own];
            list.push_back(fmt::format(
                "${}${} without {}", name, whole ? fmt::format(" is ${}$", latex_identifier(families[*whole].name)) : "",
                number ? fmt::format("its mean ${}$", latex_number(*number)) : fmt::format("$M({})$", name)));
        }
        return list.empty() ? "" : fmt::format("in $\\Sigma$ {}, ", fmt::join(list, ", "));
    }

    std::string row(const Line& line, bool one_sample) const {
        const LineLatex names(formulas_, recursions_, symbols_of(formulas_.program, line), one_sample);
        std::string right = domain_latex(names, line.domain);
        if (line.output && formulas_.several_outputs)
            right = fmt::format("\\text{{output }}{}{}{}", latex_identifier(recursions_.network.outputs[*line.output].name),
                                right.empty() ? "" : ",\\ ", right);
        std::string text = formula_latex(names, line.target) + (line.adds ? " &\\mathrel{+}= " : " &= ");
        const auto terms = line.value.kind == Kind::add ? line.value.children : std::vector<Formula>{line.value};
        Line part = line;
        for (std::size_t k = 0; k < terms.size(); ++k) {
            part.value = terms[k]; // each term has names of its own for what it sums over
            const std::string written =
                formula_latex({formulas_, recursions_, symbols_of(formulas_.program, part), one_sample}, terms[k]);
            text += k == 0 ? "" : terms.size() > 2 ? " \\\\\n&\\quad " : " ";
            text += (k == 0 || written[0] == '-' ? "" : "+ ") + written;
        }
        return text + (right.empty() ? "" : " && " + right);
    }
};

} // namespace

std::string print_latex(const limit::Recursions& recursions) {
    return LatexPrinter(recursions).run();
}

} // namespace tpc::formula
