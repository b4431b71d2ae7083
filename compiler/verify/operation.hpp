// What one operation of a plan reads and writes (verify.hpp).
#pragma once

#include "compiler/verify/sample.hpp"

namespace tpc::plan {

class OperationCheck {
  public:
    OperationCheck(const Part& part, SampleCheck& left, SampleCheck& right, Entries& entries, std::int64_t* slots,
                   Report& report)
        : part_(part), left_(left), right_(right), entries_(entries), slots_(slots), report_(report) {}

    // `diagonal`: of an element with itself.
    void reads(const PairOp& op, bool diagonal);
    void writes(const PairOp& op);

  private:
    const Part& part_;
    SampleCheck& left_;
    SampleCheck& right_;
    Entries& entries_;
    std::int64_t* slots_;
    Report& report_;
    Reader reader_;

    [[nodiscard]] SampleCheck& side(bool right) const { return right ? right_ : left_; }
    void entry(const EntryRead& read, Entries::Use use);
    void pair(std::uint32_t array, const Indices& left, const Indices& right, Entries::Use use);
    void factor(const Factor& factor, bool right);
    void mean(const Place& place, bool right);
    void second(const Place& place, bool right);
    void target_seconds(const PairOp& op);
    void finite(std::uint32_t array, const Place& place, bool right);
    void linear(const PairOp& op);
    void term(const TermOp& term, std::size_t depth, bool gaps, bool tangent);
    void group(const GroupOp& group, bool tangent);
    [[nodiscard]] std::vector<ElementKey> elements(const std::vector<Place>& places, bool right) const;
};

} // namespace tpc::plan
