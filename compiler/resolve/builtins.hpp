// The functions that the language knows by name.
#pragma once

#include "compiler/ir/expression.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tpc::resolve {

// Number of arguments of relu, max, avg, where, identity ...; nothing for other names.
std::optional<unsigned> builtin_arity(const std::string& name);

// The coordinatewise function of that name (not avg, where, identity).
std::optional<ir::Function> function_of(const std::string& name);

std::optional<ir::Reduction> reduction_of(const std::string& name);

std::vector<std::string> builtin_names();

} // namespace tpc::resolve
