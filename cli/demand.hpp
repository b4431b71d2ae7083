// What a computation takes of the machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace tpc::cli {

std::size_t resident_memory();  // bytes that this process holds
std::size_t available_memory(); // bytes that it could hold more, of the machine's and of its control group's

} // namespace tpc::cli
