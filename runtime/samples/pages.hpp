// Numbers in large pages: what tiles read of all samples is tens of megabytes, and half of the time of its first touch, and
// much of what rows wait for, would go into pages of four kilobytes. Fewer numbers begin at a cache line.
#pragma once

#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include <sys/mman.h>

namespace tpc::execute {

inline constexpr std::size_t large_page = std::size_t{2} << 20;
inline constexpr std::size_t cache_line = 64; // a vector of as many bytes across two of them is loaded twice

// Of memory that was not touched yet: the large pages within it. Advice: nothing is lost where it is not taken.
inline void prefer_large_pages(void* memory, std::size_t bytes) {
    void* begin = memory;
    if (std::align(large_page, large_page, begin, bytes) != nullptr)
        madvise(begin, bytes / large_page * large_page, MADV_HUGEPAGE);
}

template <class T> struct LargePages {
    using value_type = T;
    static constexpr std::size_t least = large_page / 2; // bytes from which on an array has pages of its own

    LargePages() = default;
    template <class U> LargePages(const LargePages<U>&) {}
    T* allocate(std::size_t count) {
        if (count > static_cast<std::size_t>(-1) / sizeof(T) - large_page)
            throw std::bad_array_new_length();
        const std::size_t bytes = count * sizeof(T);
        if (bytes < least)
            return static_cast<T*>(::operator new (bytes, std::align_val_t{cache_line}));
        const std::size_t whole = (bytes + large_page - 1) / large_page * large_page;
        void* memory = std::aligned_alloc(large_page, whole);
        if (memory == nullptr)
            throw std::bad_alloc();
        prefer_large_pages(memory, whole);
        return static_cast<T*>(memory);
    }
    void deallocate(T* memory, std::size_t count) {
        if (count * sizeof(T) < least)
            ::operator delete (memory, std::align_val_t{cache_line});
        else
            std::free(memory);
    }
    template <class U> bool operator==(const LargePages<U>&) const { return true; }
};

template <class T> using Numbers = std::vector<T, LargePages<T>>;

} // namespace tpc::execute
