#include "cli/library.hpp"

#include <filesystem>
#include <system_error>

namespace tpc::cli {

std::vector<std::string> library_folders() {
    std::error_code error;
    const auto command = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error)
        return {};
    return {(command.parent_path() / TPC_LIBRARY).lexically_normal().string()};
}

} // namespace tpc::cli
