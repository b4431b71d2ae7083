#include "cli/demand.hpp"

#include <algorithm>
#include <fstream>
#include <limits>

#include <unistd.h>

namespace tpc::cli {
namespace {

constexpr std::size_t unknown = std::numeric_limits<std::size_t>::max();

std::size_t number_in(const char* path) {
    std::ifstream file(path);
    std::size_t number = 0;
    return file >> number ? number : unknown; // "max"
}

} // namespace

std::size_t resident_memory() {
    std::ifstream file("/proc/self/statm");
    std::size_t size = 0, resident = 0;
    file >> size >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::size_t available_memory() {
    std::ifstream file("/proc/meminfo");
    std::string name, unit;
    std::size_t kilobytes = 0, available = unknown;
    while (file >> name >> kilobytes) {
        std::getline(file, unit);
        if (name == "MemAvailable:")
            available = kilobytes * 1024;
    }
    const std::size_t limit = number_in("/sys/fs/cgroup/memory.max"), used = number_in("/sys/fs/cgroup/memory.current");
    if (limit != unknown && used != unknown)
        available = std::min(available, limit > used ? limit - used : 0);
    return available;
}

} // namespace tpc::cli
