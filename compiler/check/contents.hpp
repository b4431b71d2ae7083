// What scalar expressions are made of, as far as it decides what an output may do with them.
#pragma once

#include "compiler/ir/program.hpp"

#include <vector>

namespace tpc::check {

// Of an expression, families that it reads included.
struct Contents {
    bool random = false; // width powers and scalar parameters: it does not converge to a number
    bool power = false;  // width powers
    bool moment = false; // averages over coordinates
    bool operator==(const Contents&) const = default;
};

// Contents of scalar expressions; families by a least fixed point over the statements. Keeps the program by reference.
class Analysis {
  public:
    explicit Analysis(const ir::Program& program);
    [[nodiscard]] Contents of(ir::ExprId id) const;
    [[nodiscard]] bool random(ir::ExprId id) const { return of(id).random; }

  private:
    const ir::Program* program_;
    std::vector<Contents> families_;
};

} // namespace tpc::check
