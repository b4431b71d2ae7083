// How tightly a printed formula binds: what needs parentheses beside an operator.
#pragma once

namespace tpc::limit {

enum class Level { sum, product, atom };

} // namespace tpc::limit
