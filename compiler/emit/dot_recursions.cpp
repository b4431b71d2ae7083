#include "compiler/emit/dot.hpp"

#include "compiler/emit/digraph.hpp"
#include "compiler/formula/formula.hpp"
#include "compiler/formula/print.hpp"

#include <fmt/format.h>
#include <llvm/ADT/StringRef.h>

namespace tpc::emit {
namespace {

using limit::Element;
using limit::Equation;
using limit::PairTerm;

constexpr const char* one_sample = "within a sample";

class RecursionGraph {
  public:
    explicit RecursionGraph(const limit::Recursions& recursions)
        : recursions_(recursions), program_(recursions.network.program) {}

    std::string text() {
        for (const formula::PrintedEquation& equation : formula::print_equations(recursions_)) {
            const std::string line = llvm::StringRef(equation.text).trim().str();
            if (equation.output)
                graph_.node(output_id(*equation.output), line, Digraph::Shape::rounded);
            else if (line.starts_with("C(")) // T follows the same reads
                graph_.node(id(equation.left, equation.right, equation.self), spaced(line), Digraph::Shape::box,
                            equation.self ? one_sample : "");
        }
        for (const Equation& equation : recursions_.self)
            add_reads(equation, true);
        for (const Equation& equation : recursions_.cross)
            add_reads(equation, false);
        return graph_.text(program_.name);
    }

  private:
    const limit::Recursions& recursions_;
    const ir::Program& program_;
    Digraph graph_;

    static std::string output_id(std::size_t output) { return fmt::format("kernel {}", output); }
    std::string id(std::uint32_t left, std::uint32_t right, bool self) const {
        return fmt::format("C({}, {}{})", program_.families[left].name, program_.families[right].name, self ? "" : "_");
    }

    // The domain stands two blanks behind the equation.
    static std::string spaced(const std::string& line) {
        const std::size_t from = line.find("   ");
        return from == std::string::npos ? line
                                         : line.substr(0, from) + "  " + llvm::StringRef(line).substr(from).ltrim().str();
    }

    void add_reads(const Equation& equation, bool self) {
        const std::size_t statements = program_.statements.size();
        const std::string to = equation.left_statement >= statements
                                   ? output_id(equation.left_statement - statements)
                                   : id(program_.statements[equation.left_statement].family,
                                        program_.statements[equation.right_statement].family, self);
        switch (equation.rule) {
        case limit::Rule::linear:
            for (const PairTerm& term : equation.terms)
                add_term(to, term, self);
            break;
        case limit::Rule::dual:
            read(to, equation.left, equation.right, self, "E");
            if (!self) {
                read(to, equation.left, equation.left, true, "E");
                read(to, equation.right, equation.right, true, "E");
            }
            break;
        case limit::Rule::product:
            for (const limit::GroupRead& group : equation.groups)
                add_group(to, group, self);
        }
    }

    void add_term(const std::string& to, const PairTerm& term, bool self) {
        if (term.kind == PairTerm::Kind::input) {
            const std::string inner = fmt::format("inner products for {}", program_.parameters[term.parameter].name);
            graph_.node(inner + (self ? " (self)" : ""), inner, Digraph::Shape::plain, self ? one_sample : "");
            graph_.edge(inner + (self ? " (self)" : ""), to);
        } else if (term.left && term.right && term.kind != PairTerm::Kind::means) {
            const bool matrix = term.kind == PairTerm::Kind::matmul;
            read(to, *term.left, *term.right, self, matrix ? program_.parameters[term.parameter].name : "");
        }
    }

    // Of functions of several Gaussians: the covariances of all of them.
    void add_group(const std::string& to, const limit::GroupRead& group, bool self) {
        if (!group.joint) {
            if (group.left.size() + group.right.size() == 2)
                read(to, group.left.empty() ? group.right[0] : group.left[0],
                     group.right.empty() ? group.left[1] : group.right.back(), self || !group.is_cross(), "");
            return;
        }
        std::set<std::uint32_t> left, right;
        for (const Element& element : group.left)
            add_gaussians(element.family, left);
        for (const Element& element : group.right)
            add_gaussians(element.family, right);
        std::set<std::uint32_t> all = left;
        all.insert(right.begin(), right.end());
        for (const std::uint32_t x : all)
            for (const std::uint32_t y : all) {
                graph_.edge(id(x, y, true), to, "E");
                if (!self && left.contains(x) && right.contains(y))
                    graph_.edge(id(x, y, false), to, "E");
            }
    }

    void add_gaussians(std::uint32_t family, std::set<std::uint32_t>& found) const {
        std::set<std::uint32_t> seen;
        std::vector<std::uint32_t> open{family};
        while (!open.empty()) {
            const std::uint32_t next = open.back();
            open.pop_back();
            if (!seen.insert(next).second)
                continue;
            if (recursions_.network.gaussian[next]) {
                found.insert(recursions_.deviations.of[next]);
                continue;
            }
            for (std::size_t s = 0; s < program_.statements.size(); ++s) {
                if (program_.statements[s].family != next)
                    continue;
                for (const network::ElementRead& read : recursions_.network.forms[s].reads)
                    open.push_back(read.family);
                for (const network::LinearTerm& term : recursions_.network.forms[s].terms)
                    if (term.base == network::Base::read)
                        open.push_back(term.operand);
            }
        }
    }

    void read(const std::string& to, const Element& left, const Element& right, bool self, const std::string& label) {
        graph_.edge(id(left.family, right.family, self), to, label);
    }
};

} // namespace

std::string dot(const limit::Recursions& recursions) {
    return RecursionGraph(recursions).text();
}

} // namespace tpc::emit
