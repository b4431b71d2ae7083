// One operation of a plan as C++: a block that writes an entry.
#pragma once

#include "compiler/emit/expressions.hpp"

namespace tpc::emit {

// Operations stand in self(), of one sample, or among pairs of one left sample and several right ones, the lanes.
class Operations {
  public:
    Operations(Source& source, const plan::Part& part, bool one_sample, Scope& scope)
        : source_(source), part_(part), one_sample_(one_sample), scope_(scope),
          expressions_(source, recursions().network.program, scope), lane_(one_sample ? "" : "[lane]") {}

    // The block of an operation whose guards hold.
    std::string run(const plan::PairOp& op);
    // An element with itself: its norm and what follows from that.
    std::string diagonal(const plan::PairOp& op);
    // The mean of what a statement assigns.
    std::string mean(std::size_t statement);
    // The place that an operation writes, and where else that covariance is read within one sample.
    std::string target(const plan::PairOp& op);
    std::vector<std::string> mirrors(const plan::PairOp& op);

    std::map<std::string, std::string> right_members; // of right samples that blocks read, with their type for one sample
    bool compares = false;                            // blocks ask whether samples are equal

  private:
    Source& source_;
    const plan::Part& part_;
    bool one_sample_;
    Scope& scope_;
    Expressions expressions_;
    std::string lane_;

    const limit::Recursions& recursions() const { return one_sample_ ? source_.self.recursions : source_.plan.recursions; }

    // Places (operations.cpp).
    struct Read { // of an entry
        Located left, right;
        bool stored = false;
        std::string entry;  // at.x_x[...]
        bool value = false; // C alone
        std::uint32_t left_family = 0, right_family = 0;
        [[nodiscard]] std::string inside() const; // both are
    };
    Read locate(const plan::EntryRead& read, bool of_self = false, bool right_side = false);
    std::string entry(const plan::Part& part, const std::string& holder, std::uint32_t array, const std::vector<Index>& left,
                      const std::vector<Index>& right);
    std::vector<Index> indices(const std::vector<plan::Linear>& list);
    std::string holder(bool right_side) const { return one_sample_ ? "s" : right_side ? "right" : "left"; }
    std::string of_family(bool right_side, const std::string& member, std::uint32_t family, const std::vector<Index>& place);
    std::string own(bool right_side, const std::string& member, const plan::PairOp& op); // of the element written
    std::string covariance(const Read& read, const std::string& entry);
    std::string each_lane(const std::string& body) const;
    std::uint32_t family_of(std::size_t statement) const { return source_.program.statements[statement].family; }
    source::Span span_of(const plan::PairOp& op) const;

    // Linear operations (operations_linear.cpp).
    struct Wanted {
        bool gap = false, number = false, tangent = false;
        bool paired = true; // else the two sides of a term are independent
    };
    struct Weight {
        std::string scale, rate, left, right;
    };
    Weight weight(const plan::TermOp& term);
    std::string factor(const plan::Factor& factor, bool right_side);
    std::string terms(const plan::PairOp& op, const Wanted& wanted);
    std::string over_sums(const plan::TermOp& term, std::size_t depth, const Wanted& wanted);
    std::string term(const plan::TermOp& term, const Wanted& wanted);
    std::string constant_term(const plan::TermOp& term, const Weight& w, const Wanted& wanted);
    std::string gram(const plan::TermOp& term, const Weight& w, const Wanted& wanted);
    std::string read_number(const Read& read, const plan::TermOp& term, const Weight& w, const Wanted& wanted);
    std::string read_gap(const Read& read, const plan::TermOp& term, const Weight& w, const Wanted& wanted);
    std::string linear(const plan::PairOp& op);
    std::string written(const plan::PairOp& op); // from the number `sum`

    // The others (operations_dual.cpp).
    std::string product(const plan::PairOp& op);
    std::string dual(const plan::PairOp& op);
    std::string after_norm(const plan::PairOp& op);
    std::string feature(bool right_side, const Feature& feature, const std::vector<Index>& place);
    std::string function_norm(bool right_side, std::size_t function, std::uint32_t family, const std::vector<Index>& place);
    std::size_t function(const std::optional<ir::ExprId>& f, source::Span span);
    std::string linear_mean(const network::LinearTerm& term);
    std::string element_mean(std::uint32_t family, const ir::Access& access);
};

} // namespace tpc::emit
