// Scalar expressions of one sample as C++.
#pragma once

#include "compiler/emit/source.hpp"

namespace tpc::emit {

class Expressions {
  public:
    // `program`: the one whose table the expressions are of.
    Expressions(Source& source, const ir::Program& program, Scope& scope)
        : source_(source), program_(program), scope_(scope) {}

    // A number; with a value when it is one at these sizes.
    struct Text {
        std::string text;
        std::optional<double> value;
    };
    Text scalar(ir::ExprId e);
    std::string constant(const plan::Constant& constant);

    // Coordinate `index` of a finite vector, and how many it has.
    std::string coordinate(ir::ExprId e, const std::string& index);
    std::int64_t length(ir::ExprId e) const;

  private:
    Source& source_;
    const ir::Program& program_;
    Scope& scope_;

    Located locate(const ir::Access& access, const plan::Box& box);
    // member[offset], 0 outside.
    std::string read(const std::string& member, const ir::Access& access, const plan::Box& box);
    std::string mean(const ir::Node& read);
    std::string moment(const ir::Node& a, const ir::Node& b);
    std::string input(const ir::Node& node);
    Text reduce(const ir::Node& node);
    template <class Body> std::string loops(const llvm::ArrayRef<ir::Range> ranges, const Body& body);
};

} // namespace tpc::emit
