// The function self() of the emitted file: what pairs need of each sample.
#pragma once

#include "compiler/emit/walk.hpp"

namespace tpc::emit {

using Comment = std::function<std::string(const plan::PairOp&)>;

// Its statements, which fill the members of `s`. To be made again once all functions that pairs need are known.
std::string self_part(Source& source, const Comment& comment);

} // namespace tpc::emit
