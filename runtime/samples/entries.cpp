#include "runtime/samples/entries.hpp"

#include "runtime/samples/pages.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace tpc::execute {

Entries::Entries(std::size_t size, bool single) : size_(size), single_(single) {
    if (size == 0)
        return;
    if (size > std::numeric_limits<std::size_t>::max() / sizeof(double))
        throw std::bad_array_new_length();
    memory_.reset(std::calloc(bytes(), 1)); // what is large comes from the system, cleared when it is touched
    if (memory_ == nullptr)
        throw std::bad_alloc();
    prefer_large_pages(memory_.get(), bytes());
}

Entries::Entries(const std::vector<double>& values) : Entries(values.size(), false) {
    std::copy(values.begin(), values.end(), numbers<double>());
}

Entries::Entries(const Entries& other) : Entries(other.size_, other.single_) {
    if (!empty())
        std::memcpy(memory_.get(), other.memory_.get(), bytes());
}

void Entries::set(std::size_t k, double value) {
    if (single_)
        numbers<float>()[k] = static_cast<float>(value);
    else
        numbers<double>()[k] = value;
}

Entries::operator std::vector<double>() const {
    return with_numbers([&](const auto* values) { return std::vector<double>(values, values + size_); });
}

bool operator==(const Entries& a, const Entries& b) {
    return a.size_ == b.size_ && a.with_numbers([&](const auto* x) {
        return b.with_numbers([&](const auto* y) { return std::equal(x, x + a.size_, y); });
    });
}

} // namespace tpc::execute
