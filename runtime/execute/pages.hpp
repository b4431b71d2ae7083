// Numbers in large pages: what tiles read of all samples is tens of megabytes, and half of the time of its first touch, and
// much of what rows wait for, would go into pages of four kilobytes.
#pragma once

#include <cstdlib>
#include <new>
#include <vector>

#include <sys/mman.h>

namespace tpc::execute {

template <class T> struct LargePages {
    using value_type = T;
    static constexpr std::size_t page = std::size_t{2} << 20;
    static constexpr std::size_t least = page / 2; // bytes from which on an array has pages of its own

    LargePages() = default;
    template <class U> LargePages(const LargePages<U>&) {}
    T* allocate(std::size_t count) {
        if (count > static_cast<std::size_t>(-1) / sizeof(T) - page)
            throw std::bad_array_new_length();
        const std::size_t bytes = count * sizeof(T);
        if (bytes < least)
            return std::allocator<T>().allocate(count);
        const std::size_t whole = (bytes + page - 1) / page * page;
        void* memory = std::aligned_alloc(page, whole);
        if (memory == nullptr)
            throw std::bad_alloc();
        madvise(memory, whole, MADV_HUGEPAGE); // advice: nothing is lost where it is not taken
        return static_cast<T*>(memory);
    }
    void deallocate(T* memory, std::size_t count) {
        if (count * sizeof(T) < least)
            std::allocator<T>().deallocate(memory, count);
        else
            std::free(memory);
    }
    template <class U> bool operator==(const LargePages<U>&) const { return true; }
};

template <class T> using Numbers = std::vector<T, LargePages<T>>;

} // namespace tpc::execute
