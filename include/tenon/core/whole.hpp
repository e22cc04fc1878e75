// A value that stays whole where g++ breaks the aggregate it is a member of. Core layer.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace tenon::inline v0::detail {

/// Holds a T, as a member of what users make in braces within a `co_await` expression. There g++ (12 at least) makes the members in places of their own, copies their bytes into the aggregate,
/// uses that, and destroys both. This one knows where it was made: its bytes elsewhere are looked at and copied from, and are not destroyed or moved from.
///
/// Shape   a T that points into itself, as a string of libstdc++ does, cannot be had so; a vector can.
template <class T>
class whole {
 public:
  whole() noexcept(std::is_nothrow_default_constructible_v<T>) : value_{} {}
  whole(T given) : value_{std::move(given)} {}
  whole(const whole& other) : value_(other.value_) {}
  whole(whole&& other) : value_(other.home() ? T{std::move(other.value_)} : T{other.value_}) {}
  whole& operator=(const whole& other) {
    value_ = other.value_;
    return *this;
  }
  whole& operator=(whole&& other) {
    if (other.home()) value_ = std::move(other.value_);
    else value_ = other.value_;
    return *this;
  }
  ~whole() {
    if (home()) std::destroy_at(&value_);
  }

  T& operator*() noexcept { return value_; }
  const T& operator*() const noexcept { return value_; }
  T* operator->() noexcept { return &value_; }
  const T* operator->() const noexcept { return &value_; }
  bool operator==(const whole& other) const { return value_ == other.value_; }

 private:
  bool home() const noexcept { return made_at_ == this; }

  union {
    T value_;
  };
  const whole* made_at_ = this;
};

}  // namespace tenon::inline v0::detail
