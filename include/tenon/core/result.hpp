// A value or the status that explains its absence: the shape of std::expected, which C++20 does not have. Core layer.
#pragma once

#include <concepts>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <tenon/core/fwd.hpp>
#include <tenon/core/status.hpp>

namespace tenon::inline v0 {

/// Thrown by `result::value()` when there is none: the one throw of the library, and it is the caller's choice.
class bad_result_access : public std::exception {
 public:
  explicit bad_result_access(status why) : status_{std::move(why)}, text_{status_.to_string()} {}
  const char* what() const noexcept override { return text_.c_str(); }
  const tenon::status& error() const noexcept { return status_; }

 private:
  tenon::status status_;
  std::string text_;
};

namespace detail {

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<result<T>> = true;
template <class T>
inline constexpr bool is_error = std::same_as<T, status> || std::same_as<T, code>;

// Without exceptions the access ends the program, as std::optional::value does there.
[[noreturn]] inline void throw_bad_result_access(const status& why) {
#if defined(__cpp_exceptions)
  throw bad_result_access{why};
#else
  (void)why;
  std::terminate();
#endif
}

// A success status where an error is promised is a defect of the caller, not something to hide.
inline status as_error(status why) {
  if (why.ok()) return status{code::internal, "a result was given an OK status where an error was promised"};
  return why;
}

}  // namespace detail

template <>
class result<void>;

/// A `T`, or a `status` that is not OK.
///
/// Returns `value()` throws `bad_result_access` when there is none; `*` and `->` do not check.
template <class T>
class [[nodiscard]] result {
  static_assert(std::is_object_v<T> && !std::is_array_v<T> && !std::is_const_v<T>,
                "tenon::result<T>: T must be a plain object type; for a function that returns nothing use result<void>");
  static_assert(!detail::is_error<T>, "tenon::result<T>: a status or code is the error already; for a function that gives nothing else use result<void>");
  static_assert(!detail::is_result<T>, "tenon::result<T>: a result within a result; chain functions that return results with and_then, not with transform");

 public:
  using value_type = T;
  using error_type = status;
  template <class U>
  using rebind = result<U>;

  result() requires std::default_initializable<T> : has_value_{true} { std::construct_at(std::addressof(value_)); }

  template <class U = T>
    requires(!detail::is_error<std::remove_cvref_t<U>> && !detail::is_result<std::remove_cvref_t<U>> && std::constructible_from<T, U>)
  explicit(!std::convertible_to<U, T>) result(U&& value) : has_value_{true} {
    std::construct_at(std::addressof(value_), std::forward<U>(value));
  }

  result(status why) : has_value_{false} { std::construct_at(std::addressof(error_), detail::as_error(std::move(why))); }
  result(code why) : result{status{why}} {}

  template <class U>
    requires(!std::same_as<U, T> && std::convertible_to<U, T>)
  result(result<U> other) : has_value_{other.has_value()} {
    if (has_value_) std::construct_at(std::addressof(value_), std::move(*other));
    else std::construct_at(std::addressof(error_), std::move(other).error());
  }

  result(const result& other) requires std::copy_constructible<T> : has_value_{other.has_value_} {
    if (has_value_) std::construct_at(std::addressof(value_), other.value_);
    else std::construct_at(std::addressof(error_), other.error_);
  }
  result(result&& other) noexcept(std::is_nothrow_move_constructible_v<T>) : has_value_{other.has_value_} {
    if (has_value_) std::construct_at(std::addressof(value_), std::move(other.value_));
    else std::construct_at(std::addressof(error_), std::move(other.error_));
  }
  result& operator=(const result& other) requires(std::copy_constructible<T> && std::is_move_assignable_v<T>) {
    if (this != &other) *this = result{other};
    return *this;
  }
  result& operator=(result&& other) noexcept(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>)
    requires(std::is_move_constructible_v<T> && std::is_move_assignable_v<T>)
  {
    if (this == &other) return *this;
    if (has_value_ && other.has_value_) {
      value_ = std::move(other.value_);
    } else if (!has_value_ && !other.has_value_) {
      error_ = std::move(other.error_);
    } else if (has_value_) {
      status taken = std::move(other.error_);  // `other` may live inside the value that goes
      std::destroy_at(std::addressof(value_));
      std::construct_at(std::addressof(error_), std::move(taken));
      has_value_ = false;
    } else {
      status kept = std::move(error_);
      std::destroy_at(std::addressof(error_));
      // A throwing move must leave one of the two alive.
      struct restore {
        result* self;
        status* kept;
        ~restore() {
          if (!self->has_value_) std::construct_at(std::addressof(self->error_), std::move(*kept));
        }
      } guard{this, &kept};
      std::construct_at(std::addressof(value_), std::move(other.value_));
      has_value_ = true;
    }
    return *this;
  }
  ~result() {
    if (has_value_) std::destroy_at(std::addressof(value_));
    else std::destroy_at(std::addressof(error_));
  }

  bool has_value() const noexcept { return has_value_; }
  explicit operator bool() const noexcept { return has_value_; }

  T& operator*() & noexcept { return value_; }
  const T& operator*() const& noexcept { return value_; }
  T&& operator*() && noexcept { return std::move(value_); }
  T* operator->() noexcept { return std::addressof(value_); }
  const T* operator->() const noexcept { return std::addressof(value_); }

  T& value() & { return require(), value_; }
  const T& value() const& { return require(), value_; }
  T&& value() && { return require(), std::move(value_); }

  /// The reason there is no value; must not be asked of a result that has one.
  const status& error() const& noexcept { return error_; }
  status& error() & noexcept { return error_; }
  status&& error() && noexcept { return std::move(error_); }

  /// The status either way: OK when there is a value. How policies and logs look at a result.
  status to_status() const { return has_value_ ? status{} : error_; }

  template <class U = T>
  T value_or(U&& other) const& {
    return has_value_ ? value_ : static_cast<T>(std::forward<U>(other));
  }
  template <class U = T>
  T value_or(U&& other) && {
    return has_value_ ? std::move(value_) : static_cast<T>(std::forward<U>(other));
  }

  /// `f(value)` must return a result; an error passes through untouched.
  template <class F>
  auto and_then(F&& f) && -> std::remove_cvref_t<std::invoke_result_t<F, T&&>> {
    if (has_value_) return std::forward<F>(f)(std::move(value_));
    return std::move(error_);
  }
  template <class F>
  auto and_then(F&& f) const& -> std::remove_cvref_t<std::invoke_result_t<F, const T&>> {
    if (has_value_) return std::forward<F>(f)(value_);
    return error_;
  }

  /// `f(value)` may return anything, void included.
  template <class F>
  auto transform(F&& f) && -> result<std::remove_cvref_t<std::invoke_result_t<F, T&&>>> {
    if (!has_value_) return std::move(error_);
    if constexpr (std::is_void_v<std::invoke_result_t<F, T&&>>) return std::forward<F>(f)(std::move(value_)), result<std::invoke_result_t<F, T&&>>{};
    else return std::forward<F>(f)(std::move(value_));
  }
  template <class F>
  auto transform(F&& f) const& -> result<std::remove_cvref_t<std::invoke_result_t<F, const T&>>> {
    if (!has_value_) return error_;
    if constexpr (std::is_void_v<std::invoke_result_t<F, const T&>>) return std::forward<F>(f)(value_), result<std::invoke_result_t<F, const T&>>{};
    else return std::forward<F>(f)(value_);
  }

  /// `f(error)` must return a result of the same type; a value passes through untouched.
  template <class F>
  result or_else(F&& f) && {
    return has_value_ ? std::move(*this) : result{std::forward<F>(f)(std::move(error_))};
  }
  template <class F>
  result or_else(F&& f) const& {
    return has_value_ ? *this : result{std::forward<F>(f)(error_)};
  }

  template <class... Arguments>
  T& emplace(Arguments&&... arguments) {
    *this = result{T(std::forward<Arguments>(arguments)...)};
    return value_;
  }

  friend bool operator==(const result& a, const result& b) {
    return a.has_value_ == b.has_value_ && (a.has_value_ ? a.value_ == b.value_ : a.error_ == b.error_);
  }
  /// Compares codes alone; a value counts as `code::ok`.
  friend bool operator==(const result& a, code why) noexcept { return (a.has_value_ ? code::ok : a.error_.code()) == why; }

 private:
  void require() const {
    if (!has_value_) detail::throw_bad_result_access(error_);
  }

  union {
    T value_;
    status error_;
  };
  bool has_value_;
};

/// Success without a value, or a `status` that is not OK: for functions that return nothing.
template <>
class [[nodiscard]] result<void> {
 public:
  using value_type = void;
  using error_type = status;
  template <class U>
  using rebind = result<U>;

  result() noexcept = default;
  /// Unlike `result<T>`, an OK status is success here: there is no value it could stand for.
  result(status what) noexcept : status_{std::move(what)} {}
  result(code what) noexcept : status_{what} {}

  bool has_value() const noexcept { return status_.ok(); }
  explicit operator bool() const noexcept { return status_.ok(); }
  void operator*() const noexcept {}
  void value() const {
    if (!status_.ok()) detail::throw_bad_result_access(status_);
  }

  const status& error() const& noexcept { return status_; }
  status& error() & noexcept { return status_; }
  status&& error() && noexcept { return std::move(status_); }
  status to_status() const { return status_; }

  template <class F>
  auto and_then(F&& f) const -> std::remove_cvref_t<std::invoke_result_t<F>> {
    if (has_value()) return std::forward<F>(f)();
    return status_;
  }
  template <class F>
  auto transform(F&& f) const -> result<std::remove_cvref_t<std::invoke_result_t<F>>> {
    if (!has_value()) return status_;
    if constexpr (std::is_void_v<std::invoke_result_t<F>>) return std::forward<F>(f)(), result<void>{};
    else return std::forward<F>(f)();
  }
  template <class F>
  result or_else(F&& f) const {
    return has_value() ? result{} : result{std::forward<F>(f)(status_)};
  }

  friend bool operator==(const result& a, const result& b) { return a.status_ == b.status_; }
  friend bool operator==(const result& a, code why) noexcept { return a.status_ == why; }

 private:
  status status_;
};

}  // namespace tenon::inline v0
