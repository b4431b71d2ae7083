// The entries of a kernel, in the precision that they were computed in. They are 0 until they are written, in memory that
// nobody touches before: a large kernel costs as much to clear as to compute.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <vector>

namespace tpc::execute {

class Entries {
  public:
    Entries() = default;
    Entries(std::size_t size, bool single);
    Entries(const std::vector<double>& values);
    Entries(const Entries& other);
    Entries(Entries&& other) noexcept = default;
    Entries& operator=(const Entries& other) { return *this = Entries(other); }
    Entries& operator=(Entries&& other) noexcept = default;

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] bool single() const { return single_; }
    [[nodiscard]] double operator[](std::size_t k) const {
        return single_ ? static_cast<double>(numbers<float>()[k]) : numbers<double>()[k];
    }
    // Rounded to their precision.
    void set(std::size_t k, double value);
    // `Real` is their precision.
    template <class Real> [[nodiscard]] Real* numbers() { return static_cast<Real*>(memory_.get()); }
    template <class Real> [[nodiscard]] const Real* numbers() const { return static_cast<const Real*>(memory_.get()); }
    // `run`(their numbers)
    template <class Run> decltype(auto) with_numbers(const Run& run) {
        return single_ ? run(numbers<float>()) : run(numbers<double>());
    }
    template <class Run> decltype(auto) with_numbers(const Run& run) const {
        return single_ ? run(numbers<float>()) : run(numbers<double>());
    }
    operator std::vector<double>() const;
    friend bool operator==(const Entries& a, const Entries& b);

  private:
    struct Free {
        void operator()(void* memory) const { std::free(memory); }
    };
    std::unique_ptr<void, Free> memory_;
    std::size_t size_ = 0;
    bool single_ = false;

    [[nodiscard]] std::size_t bytes() const { return size_ * (single_ ? sizeof(float) : sizeof(double)); }
};

} // namespace tpc::execute
