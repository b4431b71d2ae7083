// Names that are known elsewhere: in the library that ships with the compiler, in other languages.
#pragma once

#include <string>
#include <string_view>

namespace tpc::resolve {

// What is said behind an unknown name, as in "; import "std/norm.tp" for layernorm"; empty where nothing is known of it.
std::string hint_for_name(std::string_view name);

} // namespace tpc::resolve
