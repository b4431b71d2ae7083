// How tightly a printed formula binds: what needs parentheses beside an operator.
#pragma once

namespace tpc::formula {

enum class Level { sum, product, atom };

} // namespace tpc::formula
