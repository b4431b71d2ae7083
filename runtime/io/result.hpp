// A value, or one line that says what went wrong.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace tpc::io {

// One line in the user's terms, without a full stop: "X.npy: no such file".
struct Error {
    std::string text;
};

// The success of something that has no value to give.
struct Done {};

template <class T> class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const { return state_.index() == 0; }
    // Only where the result holds a value.
    T& operator*() & { return std::get<0>(state_); }
    const T& operator*() const& { return std::get<0>(state_); }
    T&& operator*() && { return std::get<0>(std::move(state_)); }
    T* operator->() { return &std::get<0>(state_); }
    const T* operator->() const { return &std::get<0>(state_); }
    // Only where it holds none.
    [[nodiscard]] const Error& error() const { return std::get<1>(state_); }

  private:
    std::variant<T, Error> state_;
};

} // namespace tpc::io
