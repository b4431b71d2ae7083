#include "compiler/formula/print.hpp"
#include "compiler/formula/numerals.hpp"
#include "compiler/formula/text.hpp"
#include "compiler/source/columns.hpp"
#include "compiler/source/utf8.hpp"

#include <fmt/ranges.h>

namespace tpc::formula {
namespace {

using namespace ir;
using Kind = Formula::Kind;

constexpr std::size_t longest = 110;

std::string line(std::string text, const std::string& right) {
    return source::in_columns(std::move(text), right, 80, 3);
}

class TextPrinter {
  public:
    explicit TextPrinter(const limit::Recursions& recursions) : recursions_(recursions), formulas_(formulas(recursions)) {}

    std::string run() const {
        std::string text;
        text += "# C second moments, M means";
        text += recursions_.tangent ? ", T tangent kernels, D covariances of gradients (the transpose of T)\n" : "\n";
        text += deviations();
        text += "# x_[t_] belongs to the other sample; what is not listed is 0; += adds to what stands above\n";
        text += "# E[f . g](A, B, c) = E f(a) g(b), (a, b) Gaussian, variances A, B, "
                "covariance c\n";
        text += expectations();
        for (const auto& [name, function] : formulas_.functions)
            text += fmt::format("{}(z) = {}\n", name, body(function));
        text += section("self", formulas_.self, true);
        text += section("recursions", formulas_.forward, false);
        text += section("tangent", formulas_.tangent, false);
        text += section("kernels", formulas_.kernels, false);
        text += section("gradients", formulas_.backward, false);
        text += section("ntk from gradients", formulas_.ntk, false);
        return text;
    }

    std::map<std::uint32_t, std::string> covariances() const {
        std::map<std::uint32_t, std::string> made;
        for (const Line& each : formulas_.forward)
            if (each.target.kind == Kind::covariance)
                made[each.target.left->family] += written(each, false);
        for (const auto& [own, whole] : families_of_deviations(recursions_)) {
            const auto& of = recursions_.deviations.of;
            const auto named = std::find(of.begin(), of.end(), own) - of.begin(); // as in the program
            made[static_cast<std::uint32_t>(named)] += made[own];
        }
        return made;
    }

    std::vector<PrintedEquation> equations() const {
        std::vector<PrintedEquation> made;
        for (const auto& [lines, self] : {std::pair(&formulas_.self, true), std::pair(&formulas_.forward, false),
                                          std::pair(&formulas_.tangent, false), std::pair(&formulas_.kernels, false)})
            for (const Line& each : *lines) {
                PrintedEquation equation{self, {}, 0, 0, {}, written(each, self)};
                if (each.target.kind == Kind::kernel) {
                    equation.output = each.target.output;
                } else if (each.target.kind == Kind::covariance) {
                    equation.left = each.target.left->family;
                    equation.right = each.target.right->family;
                    equation.left_access = each.target.left->access;
                } else {
                    continue;
                }
                made.push_back(std::move(equation));
            }
        return made;
    }

  private:
    const limit::Recursions& recursions_;
    Formulas formulas_;

    [[nodiscard]] std::string deviations() const {
        std::vector<std::string> list;
        const auto& families = recursions_.network.program.families;
        for (const auto& [own, whole] : families_of_deviations(recursions_))
            list.push_back(fmt::format("{} without {}",
                                       whole ? families[own].name + ": " + families[*whole].name : families[own].name,
                                       mean_of(own)));
        return list.empty() ? "" : fmt::format("# C of {}\n", fmt::join(list, ", "));
    }

    [[nodiscard]] std::string mean_of(std::uint32_t family) const {
        const auto& number = recursions_.deviations.number[family];
        return number ? fmt::format("its mean {}", numeral(*number))
                      : fmt::format("M({})", recursions_.network.program.families[family].name);
    }

    // What expectations over several Gaussians are taken of.
    std::string expectations() const {
        const std::vector<std::size_t> statements = sampled_statements(recursions_);
        if (statements.empty())
            return "";
        std::string text = "# E[x y_] over all Gaussian vectors g, g_ that x and y_ are functions of:\n";
        const Program& program = recursions_.network.program;
        const PrintNames names{.program = &program};
        for (const std::size_t k : statements) {
            const Statement& statement = program.statements[k];
            std::string target = program.families[statement.family].name;
            for (std::size_t d = 0; d < statement.indices.size(); ++d)
                target += (d == 0 ? "[" : ",") + ir::print(names, statement.indices[d]) +
                          (d + 1 == statement.indices.size() ? "]" : "");
            text += fmt::format("{} = {}\n", target, ir::print(names, statement.value));
        }
        return text;
    }

    std::string body(ExprId function) const {
        PrintNames names{.program = &formulas_.program};
        names.instead = [&](ExprId id) -> std::optional<std::string> {
            const Node& node = formulas_.program.exprs[id];
            if (node.op == Op::number)
                return numeral(node.number);
            return node.op == Op::variable ? std::optional<std::string>("z") : std::nullopt;
        };
        return ir::print(names, function);
    }

    // Each term of a sum has names of its own for what it sums over. All but the first begin with their sign.
    std::vector<std::string> terms_of(const Line& each, bool one_sample) const {
        std::vector<std::string> result;
        Line part = each;
        for (const Formula& term : each.value.kind == Kind::add ? each.value.children : std::vector<Formula>{each.value}) {
            part.value = term;
            const std::string written = formula_text({formulas_, recursions_, part, one_sample}, term);
            if (result.empty())
                result.push_back(written);
            else
                result.push_back(written[0] == '-' ? "- " + written.substr(1) : "+ " + written);
        }
        return result;
    }

    std::string section(const std::string& title, const std::vector<Line>& lines, bool one_sample) const {
        if (lines.empty())
            return "";
        std::string text = "\n" + title + ":\n";
        for (const Line& each : lines)
            text += written(each, one_sample);
        return text;
    }

    std::string written(const Line& each, bool one_sample) const {
        const LineText names(formulas_, recursions_, each, one_sample);
        std::string right = domain_text(names, each.domain);
        if (each.output && formulas_.several_outputs)
            right = "for " + output_pair_text(names, *each.output) + (right.empty() ? "" : ", ") + right;
        const std::string head = fmt::format("  {} {}= ", formula_text(names, each.target), each.adds ? "+" : "");
        const std::vector<std::string> terms = terms_of(each, one_sample);
        const std::string value = fmt::format("{}", fmt::join(terms, " "));
        if (each.target.kind != Kind::kernel || source::characters(head + value) <= longest)
            return line(head + value, right);
        std::string text; // the terms of a long kernel stand below each other
        for (std::size_t k = 0; k < terms.size(); ++k)
            text += line((k == 0 ? head : std::string(source::characters(head) - 2, ' ')) + terms[k], k == 0 ? right : "");
        return text;
    }
};

} // namespace

std::string print(const limit::Recursions& recursions) {
    return TextPrinter(recursions).run();
}

std::map<std::uint32_t, std::string> print_covariances(const limit::Recursions& recursions) {
    return TextPrinter(recursions).covariances();
}

std::vector<PrintedEquation> print_equations(const limit::Recursions& recursions) {
    return TextPrinter(recursions).equations();
}

} // namespace tpc::formula
