#pragma once
// tenon 0.1.0: all of <tenon.hpp> in one file. Made by single_include/amalgamate.py from include/; change it there.
// SPDX-License-Identifier: Apache-2.0
#if defined(TENON_VERSION_MAJOR) && !defined(TENON_SINGLE_INCLUDE)
#error "tenon: single_include/tenon.hpp and the header tree are mixed in one translation unit; put only one of the two on the include path"
#endif
// A guard beside the pragma: two copies of this file may lie on one include path.
#if !defined(TENON_SINGLE_INCLUDE)
#define TENON_SINGLE_INCLUDE 1
// tenon.hpp
// tenon: write a struct, get a service, on every protocol, with its policies in the type.
// The map of the house: each line is a layer, and a layer includes only those above it here. `ls include/tenon` shows the same.

// tenon/version.hpp
// The only place of the version: CMake, the package files and single_include read it from here.
#include <string_view>

#define TENON_VERSION_MAJOR 0
#define TENON_VERSION_MINOR 1
#define TENON_VERSION_PATCH 0

namespace tenon::inline v0 {

/// The version of these headers as "major.minor.patch"; the macros TENON_VERSION_* say the same to the preprocessor.
inline constexpr std::string_view version = "0.1.0";

} // namespace tenon::inline v0

// values, errors, time, tasks

// tenon/core.hpp
// Door of the core layer: values, errors, time and tasks that everything else is made of. Includes nothing above it.

// tenon/core/asio.hpp
// The only door to asio's core: makes its coroutines visible under clang with libstdc++ before the first asio header. Core layer.

#if defined(__clang__) && !defined(ASIO_HAS_CO_AWAIT)
#if defined(ASIO_DETAIL_CONFIG_HPP)
#error "tenon: an asio header was included before tenon, and asio up to 1.22 does not see coroutines under clang; include <tenon.hpp> first, or define ASIO_HAS_CO_AWAIT and ASIO_HAS_STD_COROUTINE to 1"
#endif
#define ASIO_HAS_CO_AWAIT 1
#define ASIO_HAS_STD_COROUTINE 1
#endif

// Qt defines `emit` as nothing, and asio has a function of that name.
#pragma push_macro("emit")
#undef emit

#include <asio/any_io_executor.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/dispatch.hpp>
#include <asio/error_code.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

namespace tenon::inline v0::detail {

inline void cancel_everything(asio::cancellation_signal& signal) { signal.emit(asio::cancellation_type::all); }

}  // namespace tenon::inline v0::detail

#pragma pop_macro("emit")

// tenon/core/await_asio.hpp
// What a tenon::task may await of asio: an asio::awaitable, and any operation given the token `tenon::use_task`. Core layer.

#include <atomic>
#include <coroutine>
#include <exception>
#include <optional>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>

#include <asio/error.hpp>

// tenon/core/frame_cache.hpp
// Memory for coroutine frames and call states, kept per thread for the next one of its size. Core layer.

#include <array>
#include <cstddef>
#include <new>

namespace tenon::inline v0::detail {

// Free lists by size class. A block freed on another thread simply joins that thread's list: all blocks come from operator new.
class frame_cache {
 public:
  static constexpr std::size_t step = 64;
  static constexpr std::size_t largest = 4096;
  // Under AddressSanitizer nothing is kept: a frame that is used after its end must not look alive.
#if defined(__SANITIZE_ADDRESS__)
  static constexpr unsigned kept_per_class = 0;
#elif defined(__has_feature)
  static constexpr unsigned kept_per_class = __has_feature(address_sanitizer) ? 0 : 1024;
#else
  static constexpr unsigned kept_per_class = 1024;
#endif

  static void* allocate(std::size_t size) {
    const std::size_t which = (size + step - 1) / step;
    if (which > largest / step) [[unlikely]] return ::operator new(size);
    size_class& list = mine().classes[which];
    if (node* found = list.first; found != nullptr) [[likely]] {
      list.first = found->next;
      ++list.room;
      return found;
    }
    return ::operator new(which * step);
  }

  static void deallocate(void* block, std::size_t size) noexcept {
    const std::size_t which = (size + step - 1) / step;
    if (which <= largest / step) [[likely]] {
      lists& kept = mine();
      if (kept.classes[which].room != 0 || kept.open()) [[likely]] {
        size_class& list = kept.classes[which];
        if (list.room != 0) [[likely]] {
          list.first = ::new (block) node{list.first};
          --list.room;
          return;
        }
      }
    }
    ::operator delete(block);
  }

 private:
  struct node {
    node* next;
  };
  struct size_class {
    node* first;
    unsigned room;  // how many more may be kept
  };
  enum class state : unsigned char { fresh, open, closed };

  // All zeros at first and never destroyed, so that it can be reached while a thread's other objects are, and without a guard.
  // What has no room keeps nothing: before the first block is freed, and after the thread has ended.
  struct lists {
    std::array<size_class, largest / step + 1> classes;
    state is;

    // Gives the classes their room when the first block is freed; false when there is none to give.
    [[gnu::noinline]] bool open() noexcept {
      if (is != state::fresh || kept_per_class == 0) return false;
      is = state::open;
      for (size_class& each : classes) each.room = kept_per_class;
      at_thread_exit();
      return true;
    }
    void close() noexcept {
      is = state::closed;
      for (size_class& each : classes) {
        each.room = 0;
        while (each.first != nullptr) ::operator delete(std::exchange(each.first, each.first->next));
      }
    }
  };
  static_assert(std::is_trivially_default_constructible_v<lists> && std::is_trivially_destructible_v<lists>);

  static lists& mine() noexcept {
    static thread_local constinit lists cache{};
    return cache;
  }
  static void at_thread_exit() noexcept {
    struct closer {
      ~closer() { mine().close(); }
    };
    static thread_local closer one;
    (void)one;
  }
};

// The cache as a standard allocator: what asio keeps for an operation under way comes from it when the operation's handler says so.
template <class T>
struct frame_allocator {
  using value_type = T;
  frame_allocator() noexcept = default;
  template <class Other>
  frame_allocator(const frame_allocator<Other>&) noexcept {}
  T* allocate(std::size_t count) { return static_cast<T*>(frame_cache::allocate(count * sizeof(T))); }
  void deallocate(T* block, std::size_t count) noexcept { frame_cache::deallocate(block, count * sizeof(T)); }
  friend bool operator==(frame_allocator, frame_allocator) noexcept { return true; }
};

// A base that makes `new` and `delete` of a class use the cache.
struct from_frame_cache {
  static void* operator new(std::size_t size) { return frame_cache::allocate(size); }
  static void operator delete(void* block, std::size_t size) noexcept { frame_cache::deallocate(block, size); }
};

}  // namespace tenon::inline v0::detail

// tenon/core/result.hpp
// A value or the status that explains its absence: the shape of std::expected, which C++20 does not have. Core layer.

#include <concepts>
#include <memory>
#include <string>

// tenon/core/fwd.hpp
// Names of the core types that other layers mention before they need them. Core layer.

namespace tenon::inline v0 {

class status;
template <class T>
class result;
class context;
template <class T = void>
class task;

}  // namespace tenon::inline v0

// tenon/core/status.hpp
// The error of every call: an outcome, a sentence, and details that cost nothing until they are used. Core layer.

#include <vector>

// tenon/core/outcome.hpp
// The small half of a status: eight bytes that policies and protocols pass in a register. Core layer.

#include <cstdint>

// tenon/core/code.hpp
// The seventeen status codes, their names, and sets of them. Core layer; everything that can fail speaks these.

namespace tenon::inline v0 {

/// What became of a call, in gRPC's vocabulary and numbers.
///
/// Source  google.rpc.Code; gRPC status codes.
enum class code : std::uint8_t {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  aborted = 10,
  out_of_range = 11,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  data_loss = 15,
  unauthenticated = 16,
};

inline constexpr std::size_t code_count = 17;

namespace detail {

inline constexpr std::array<std::string_view, code_count> code_names{
    "OK",           "CANCELLED",           "UNKNOWN",           "INVALID_ARGUMENT",    "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",          "OUT_OF_RANGE",
    "UNIMPLEMENTED", "INTERNAL",           "UNAVAILABLE",       "DATA_LOSS",           "UNAUTHENTICATED"};

}  // namespace detail

/// The code's name in capitals, as gRPC prints it; `"UNKNOWN"` for a number outside the table.
constexpr std::string_view code_name(code value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return index < code_count ? detail::code_names[index] : detail::code_names[2];
}

/// The code with this name (capitals, exact); nothing when there is none.
constexpr std::optional<code> code_from_name(std::string_view name) noexcept {
  for (std::size_t i = 0; i < code_count; ++i) {
    if (detail::code_names[i] == name) return static_cast<code>(i);
  }
  return std::nullopt;
}

/// The code with this number; `unknown` outside the table, as gRPC asks of foreign numbers.
constexpr code code_from_number(std::int64_t number) noexcept {
  return number >= 0 && number < static_cast<std::int64_t>(code_count) ? static_cast<code>(number) : code::unknown;
}

/// A set of codes; structural, so that it can stand in a template argument.
struct code_set {
  std::uint32_t bits = 0;

  constexpr bool has(code value) const noexcept { return ((bits >> static_cast<unsigned>(value)) & 1U) != 0; }
  constexpr bool operator==(const code_set&) const = default;
};

/// The set that holds exactly these codes.
template <class... Codes>
constexpr code_set codes(Codes... values) noexcept {
  return {((1U << static_cast<unsigned>(values)) | ... | 0U)};
}

}  // namespace tenon::inline v0

namespace tenon::inline v0 {

/// A code plus the two facts that decide what may follow: who produced it, and whether the handler ran.
///
/// Units   `pushback_ms` in milliseconds, valid with the flag `pushback`; negative means never try again.
struct outcome {
  enum flag : std::uint8_t {
    local = 1,         ///< made by this process, not by the peer
    not_executed = 2,  ///< it is certain that no handler of the peer ran
    pushback = 4,      ///< the peer said when to come back: `pushback_ms`
    no_retry = 8,      ///< trying again cannot help
  };

  tenon::code code = tenon::code::ok;
  std::uint8_t flags = 0;
  std::uint16_t producer = 0;  ///< which policy made it; 0 when none did
  std::int32_t pushback_ms = 0;

  constexpr bool ok() const noexcept { return code == tenon::code::ok; }
  constexpr bool has(flag which) const noexcept { return (flags & which) != 0; }
  constexpr bool operator==(const outcome&) const = default;
};

static_assert(sizeof(outcome) == 8 && std::is_trivially_copyable_v<outcome>);

/// An outcome that this process made before anything left it: safe to try elsewhere at once.
constexpr outcome refused_here(code why) noexcept {
  return {.code = why, .flags = outcome::local | outcome::not_executed};
}

}  // namespace tenon::inline v0

namespace tenon::inline v0 {

/// One typed detail of a status, as google.rpc.Status carries it in an Any.
struct status_detail {
  std::string type;   ///< a type name, `pkg.Message`
  std::string value;  ///< its protobuf encoding
  bool operator==(const status_detail&) const = default;
};

/// What became of a call. Success takes no memory; a failure says what was attempted, found and expected.
///
/// Converts to any `result<T>`. 16 bytes.
class status {
 public:
  status() noexcept = default;
  status(tenon::code why) noexcept : outcome_{.code = why} {}
  /// An empty message takes no memory either.
  status(tenon::code why, std::string_view message) : status{tenon::outcome{.code = why}, message} {}
  explicit status(tenon::outcome what) noexcept : outcome_{what} {}
  status(tenon::outcome what, std::string_view message) : outcome_{what} {
    if (!message.empty()) set_message(message);
  }

  status(status&&) noexcept = default;
  status& operator=(status&&) noexcept = default;
  status(const status& other) : outcome_{other.outcome_}, rest_{other.rest_ ? std::make_unique<rest>(*other.rest_) : nullptr} {}
  status& operator=(const status& other) {
    if (this != &other) *this = status{other};
    return *this;
  }
  ~status() = default;

  bool ok() const noexcept { return outcome_.ok(); }
  tenon::code code() const noexcept { return outcome_.code; }
  const std::string& message() const noexcept { return rest_ ? rest_->message : no_rest().message; }
  const std::vector<status_detail>& details() const noexcept { return rest_ ? rest_->details : no_rest().details; }

  /// The flags that policies and protocols read: `outcome::local`, `not_executed`, `pushback`, `no_retry`.
  tenon::outcome outcome() const noexcept { return outcome_; }
  bool has(tenon::outcome::flag which) const noexcept { return outcome_.has(which); }

  status& add_flag(tenon::outcome::flag which) noexcept {
    outcome_.flags = static_cast<std::uint8_t>(outcome_.flags | which);
    return *this;
  }
  status& set_pushback(std::int32_t milliseconds) noexcept {
    outcome_.pushback_ms = milliseconds;
    return add_flag(tenon::outcome::pushback);
  }
  status& set_message(std::string_view message) {
    make_rest().message.assign(message);
    return *this;
  }
  status& add_detail(status_detail detail) {
    make_rest().details.push_back(std::move(detail));
    return *this;
  }

  /// The same status with `context` and `: ` before its message: how each layer adds what it attempted.
  [[gnu::cold]] status&& prefixed(std::string_view context) && {
    std::string text{context};
    if (!message().empty()) text.append(": ").append(message());
    make_rest().message = std::move(text);
    return std::move(*this);
  }

  /// `NOT_FOUND: text`, for logs.
  [[gnu::cold]] std::string to_string() const {
    std::string text{code_name(code())};
    if (!message().empty()) text.append(": ").append(message());
    return text;
  }

  bool operator==(const status& other) const noexcept {
    return outcome_ == other.outcome_ && message() == other.message() && details() == other.details();
  }
  /// Compares codes alone: `if (failure == code::not_found)`, whatever its message says.
  bool operator==(tenon::code why) const noexcept { return code() == why; }

 private:
  struct rest {
    std::string message;
    std::vector<status_detail> details;
  };

  static const rest& no_rest() noexcept {
    static const rest nothing{};
    return nothing;
  }
  rest& make_rest() {
    if (!rest_) rest_ = std::make_unique<rest>();
    return *rest_;
  }

  tenon::outcome outcome_{};
  std::unique_ptr<rest> rest_;
};

}  // namespace tenon::inline v0

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

// tenon/core/task.hpp
// tenon's own coroutine: eager, resumed by symmetric transfer, its frame recycled. Core layer.
// A co_spawn per call halves a server's throughput; this costs about 10 ns (shared figures in tests/bench/README.md).

namespace tenon::inline v0 {
namespace detail {

class promise_base;

// Something a task waits for that must first know the task's home: an asio::awaitable to spawn there, a call on another loop to come back from.
// A task runs before anybody can tell it its home (it is eager), so such a wait starts once the home is known.
struct wants_home {
  void (*start)(wants_home&, asio::io_context&) = nullptr;
};

template <class T>
inline constexpr bool is_asio_awaitable = false;
template <class T>
inline constexpr bool is_asio_awaitable<asio::awaitable<T>> = true;
template <class T>
class asio_awaitable_awaiter;
template <class T>
asio_awaitable_awaiter<T> awaiter_of(asio::awaitable<T>&& awaitable);  // in core/await_asio.hpp
template <class T>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<task<T>> = true;

// Stands for an awaiter that is not a temporary: g++ 12 copies an lvalue that comes out of await_transform, and would wait with the copy.
template <class Awaiter>
struct awaiter_reference {
  Awaiter& awaiter;

  decltype(auto) await_ready() { return awaiter.await_ready(); }
  template <class Promise>
  decltype(auto) await_suspend(std::coroutine_handle<Promise> self) {
    return awaiter.await_suspend(self);
  }
  decltype(auto) await_resume() { return awaiter.await_resume(); }
};

// What every task's promise shares whatever it returns.
class promise_base : public from_frame_cache {
 public:
  std::suspend_never initial_suspend() const noexcept { return {}; }

  struct final_awaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      promise_base& promise = self.promise();
      if (promise.continuation_) return promise.continuation_;
      if (promise.finished_ != nullptr) promise.finished_(promise.owner_);
      return std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };
  final_awaiter final_suspend() const noexcept { return {}; }

  void unhandled_exception() noexcept { exception_ = std::current_exception(); }

  asio::io_context* home() const noexcept { return home_; }

  /// Tells this task, and the one it is waiting for, where it lives.
  void set_home(asio::io_context& io) {
    for (promise_base* each = this; each != nullptr; each = each->child_) {
      if (each->home_ != nullptr) return;
      each->home_ = &io;
      if (wants_home* waiting = std::exchange(each->waiting_, nullptr); waiting != nullptr) return waiting->start(*waiting, io);
    }
  }
  /// Starts `what` as soon as the home is known: now, or from `set_home`.
  void when_home(wants_home& what) {
    if (home_ != nullptr) what.start(what, *home_);
    else waiting_ = &what;
  }
  void wait_for_child(promise_base& child, std::coroutine_handle<> self) {
    child.continuation_ = self;
    if (home_ != nullptr) child.set_home(*home_);
    else child_ = &child;
  }
  void child_done() noexcept { child_ = nullptr; }

  /// `finished(owner)` runs when the task ends; it may destroy the task.
  void on_finish(void (*finished)(void*) noexcept, void* owner) noexcept {
    finished_ = finished;
    owner_ = owner;
  }

  // Other layers make their types awaitable here by a member `awaiter_in_task()`; core/await_asio.hpp does asio::awaitable.
  template <class Awaitable>
  decltype(auto) await_transform(Awaitable&& awaitable) {
    using given = std::remove_cvref_t<Awaitable>;
    static_assert(!(std::is_lvalue_reference_v<Awaitable> && (is_task<given> || is_asio_awaitable<given>)),
                  "tenon::task: a coroutine gives its value once; write co_await std::move(it)");
    if constexpr (requires { std::forward<Awaitable>(awaitable).awaiter_in_task(); }) return std::forward<Awaitable>(awaitable).awaiter_in_task();
    else if constexpr (is_asio_awaitable<given>) return awaiter_of(std::move(awaitable));
    else if constexpr (std::is_lvalue_reference_v<Awaitable> && requires { awaitable.await_ready(); }) return awaiter_reference<std::remove_reference_t<Awaitable>>{awaitable};
    else return std::forward<Awaitable>(awaitable);
  }

 protected:
  void rethrow_if_failed() const {
    if (exception_) std::rethrow_exception(exception_);
  }

 private:
  std::coroutine_handle<> continuation_;
  void (*finished_)(void*) noexcept = nullptr;
  void* owner_ = nullptr;
  asio::io_context* home_ = nullptr;
  promise_base* child_ = nullptr;
  wants_home* waiting_ = nullptr;
  std::exception_ptr exception_;
};

template <class T>
class promise : public promise_base {
 public:
  task<T> get_return_object() noexcept;
  template <class U = T>
    requires std::is_convertible_v<U, T>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    rethrow_if_failed();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class promise<void> : public promise_base {
 public:
  task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const { rethrow_if_failed(); }
};

// Owns the task that is awaited: it can end neither before nor after the one that waits for it does.
template <class T>
struct task_awaiter {
  task<T> awaited;
  promise_base* waiter = nullptr;

  bool await_ready() const noexcept { return awaited.done(); }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> self) {
    static_assert(std::is_base_of_v<promise_base, Promise>,
                  "tenon::task: only another task can co_await it; from an asio::awaitable use co_await tenon::spawn(io, task, asio::use_awaitable)");
    waiter = &self.promise();
    waiter->wait_for_child(awaited.promise(), self);
  }
  T await_resume() {
    if (waiter != nullptr) waiter->child_done();
    return awaited.take();
  }
};

}  // namespace detail

/// A coroutine that starts at once and gives a `T` to whoever awaits it.
///
/// Inside it `co_await` takes tenon calls, other tasks, `asio::awaitable<T>`, and asio operations given the token `tenon::use_task`.
/// A task continues on its home: the loop that serves it, or the io_context given to `spawn`. An exception leaves through the `co_await`.
/// Destroying a task that has not ended destroys its frame, and cancels what it was waiting for.
template <class T>
class [[nodiscard]] task {
  static_assert(std::is_void_v<T> || (std::is_object_v<T> && !std::is_array_v<T> && !std::is_const_v<T>),
                "tenon::task<T>: T must be void or a plain object type; a coroutine cannot give a reference");

 public:
  using promise_type = detail::promise<T>;
  using value_type = T;

  task(task&& other) noexcept : handle_{std::exchange(other.handle_, nullptr)} {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~task() {
    if (handle_) handle_.destroy();
  }

  /// Whether it has ended; its value can be taken without waiting then. Not of a task that was moved from or awaited.
  bool done() const noexcept { return handle_.done(); }

  /// The value of a task that is done; rethrows what it threw.
  T take() { return handle_.promise().take(); }

  auto operator co_await() && noexcept { return detail::task_awaiter<T>{std::move(*this)}; }

  /// For those who run tasks: the promise, to set a home and a finish.
  promise_type& promise() const noexcept { return handle_.promise(); }

 private:
  friend promise_type;
  explicit task(std::coroutine_handle<promise_type> handle) noexcept : handle_{handle} {}
  std::coroutine_handle<promise_type> handle_;
};

namespace detail {

template <class T>
task<T> promise<T>::get_return_object() noexcept {
  return task<T>{std::coroutine_handle<promise>::from_promise(*this)};
}
inline task<void> promise<void>::get_return_object() noexcept {
  return task<void>{std::coroutine_handle<promise>::from_promise(*this)};
}

}  // namespace detail
}  // namespace tenon::inline v0

namespace tenon::inline v0 {

/// A system's or asio's error as a status: aborted operations are `cancelled`, timeouts `deadline_exceeded`, everything else `unavailable`.
inline status to_status(const std::error_code& error, std::string_view attempted) {
  if (!error) return {};
  code why = code::unavailable;
  // asio 1.22 does not map its errors to std::errc (its check for std::error_code names a macro that nothing defines).
  if (error == std::errc::operation_canceled || error == asio::error::operation_aborted) why = code::cancelled;
  else if (error == std::errc::timed_out || error == asio::error::timed_out) why = code::deadline_exceeded;
  return status{why, error.message()}.prefixed(attempted);
}

namespace detail {

// One operation under way for a suspended task. Shared with the operation's handler: whoever of the two goes last frees it.
template <class Value>
struct operation_state : from_frame_cache {
  std::coroutine_handle<> waiter;
  asio::cancellation_signal cancel;
  std::exception_ptr failure;
  std::optional<Value> value;
  bool started = false;
  bool finished = false;
  bool abandoned = false;
  // An operation may end while it is being started, on this thread or on another: whoever of the two comes second lets the task go on.
  std::atomic<bool> one_of_two{true};
};

// The task's side: destroys itself together with the frame, and cancels what is still running then.
template <class Value>
class operation_owner {
 public:
  operation_owner() : state_{new operation_state<Value>} {}
  operation_owner(operation_owner&& other) noexcept : state_{std::exchange(other.state_, nullptr)} {}
  operation_owner& operator=(operation_owner&&) = delete;
  ~operation_owner() {
    if (state_ == nullptr) return;
    if (!state_->started || state_->finished) {
      delete state_;
      return;
    }
    state_->abandoned = true;
    cancel_everything(state_->cancel);
  }
  operation_state<Value>* operator->() const noexcept { return state_; }
  operation_state<Value>* get() const noexcept { return state_; }

 private:
  operation_state<Value>* state_;
};

// The operation's side: called or dropped exactly once.
template <class Value>
class operation_handler {
 public:
  using cancellation_slot_type = asio::cancellation_slot;

  explicit operation_handler(operation_state<Value>* state) noexcept : state_{state} { state_->started = true; }
  operation_handler(operation_handler&& other) noexcept : state_{std::exchange(other.state_, nullptr)} {}
  operation_handler& operator=(operation_handler&&) = delete;
  ~operation_handler() {
    // Dropped without being called: the io_context is going away, and the task with it.
    if (state_ != nullptr) finish(nullptr);
  }

  cancellation_slot_type get_cancellation_slot() const noexcept { return state_->cancel.slot(); }

  template <class... Results>
  void operator()(Results&&... results) {
    operation_state<Value>* state = std::exchange(state_, nullptr);
    if (!state->abandoned) assign(*state, std::forward<Results>(results)...);
    finish_and_resume(state);
  }

 private:
  static void assign(operation_state<Value>& state) { state.value.emplace(); }
  template <class... Rest>
  static void assign(operation_state<Value>& state, const std::error_code& error, Rest&&... rest) {
    if (error) state.value.emplace(to_status(error, "asio operation"));
    else if constexpr (sizeof...(Rest) > 1) state.value.emplace(typename Value::value_type(std::forward<Rest>(rest)...));
    else state.value.emplace(std::forward<Rest>(rest)...);
  }
  template <class... Rest>
  static void assign(operation_state<Value>& state, std::exception_ptr failure, Rest&&... rest) {
    state.failure = std::move(failure);
    if (!state.failure) state.value.emplace(std::forward<Rest>(rest)...);
  }
  template <class First, class... Rest>
    requires(!std::is_convertible_v<First, std::error_code> && !std::is_convertible_v<First, std::exception_ptr>)
  static void assign(operation_state<Value>& state, First&& first, Rest&&... rest) {
    state.value.emplace(std::forward<First>(first), std::forward<Rest>(rest)...);
  }

  void finish(std::nullptr_t) {
    operation_state<Value>* state = std::exchange(state_, nullptr);
    if (state->abandoned) delete state;
    else state->finished = true;
  }
  static void finish_and_resume(operation_state<Value>* state) {
    if (state->abandoned) {
      delete state;
      return;
    }
    state->finished = true;
    if (state->one_of_two.exchange(true, std::memory_order_acq_rel)) state->waiter.resume();
  }

  operation_state<Value>* state_;
};

struct nothing_value {};

template <class T>
class asio_awaitable_awaiter : wants_home {
  using value = std::conditional_t<std::is_void_v<T>, nothing_value, T>;

 public:
  explicit asio_awaitable_awaiter(asio::awaitable<T>&& awaitable) : awaitable_{std::move(awaitable)} {}

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> self) {
    operation_->waiter = self;
    start = [](wants_home& base, asio::io_context& io) {
      auto& me = static_cast<asio_awaitable_awaiter&>(base);
      asio::co_spawn(io, std::move(me.awaitable_), operation_handler<value>{me.operation_.get()});
    };
    self.promise().when_home(*this);
  }
  T await_resume() {
    if (operation_->failure) std::rethrow_exception(operation_->failure);
    if constexpr (!std::is_void_v<T>) return std::move(*operation_->value);
  }

 private:
  asio::awaitable<T> awaitable_;
  operation_owner<value> operation_;
};

template <class T>
asio_awaitable_awaiter<T> awaiter_of(asio::awaitable<T>&& awaitable) {
  return asio_awaitable_awaiter<T>{std::move(awaitable)};
}

// What `co_await op(use_task)` gives: an error_code becomes a result, an exception_ptr is thrown, several values come as a tuple.
template <class... Values>
struct operation_value {
  using type = std::tuple<Values...>;
};
template <>
struct operation_value<> {
  using type = nothing_value;
};
template <class Value>
struct operation_value<Value> {
  using type = Value;
};
template <class... Values>
struct operation_value<std::error_code, Values...> {
  using type = result<std::tuple<Values...>>;
};
template <>
struct operation_value<std::error_code> {
  using type = result<void>;
};
template <class Value>
struct operation_value<std::error_code, Value> {
  using type = result<Value>;
};
template <>
struct operation_value<std::exception_ptr> : operation_value<> {};
template <class Value>
struct operation_value<std::exception_ptr, Value> : operation_value<Value> {};
template <class First, class Second, class... Rest>
struct operation_value<std::exception_ptr, First, Second, Rest...> : operation_value<First, Second, Rest...> {};

template <class Value, class Initiation, class... Arguments>
class asio_operation_awaiter {
 public:
  template <class Start, class... Given>
  explicit asio_operation_awaiter(Start&& initiation, Given&&... arguments)
      : initiation_{std::forward<Start>(initiation)}, arguments_{std::forward<Given>(arguments)...} {}

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> self) {
    operation_state<Value>* state = operation_.get();
    state->waiter = self;
    state->one_of_two.store(false, std::memory_order_relaxed);
    std::apply([this, state](auto&... arguments) { std::move(initiation_)(operation_handler<Value>{state}, std::move(arguments)...); }, arguments_);
    return !state->one_of_two.exchange(true, std::memory_order_acq_rel);
  }
  decltype(auto) await_resume() {
    if (operation_->failure) std::rethrow_exception(operation_->failure);
    if constexpr (!std::is_same_v<Value, nothing_value>) return Value(std::move(*operation_->value));
  }

 private:
  Initiation initiation_;
  std::tuple<Arguments...> arguments_;
  operation_owner<Value> operation_;
};

}  // namespace detail

/// The asio completion token for use inside a `tenon::task`: `auto n = co_await socket.async_read_some(buffer, tenon::use_task);`
///
/// Returns an error_code as `result<...>`; rethrows an exception_ptr. The operation starts when it is awaited.
struct use_task_t {
  constexpr use_task_t() noexcept = default;
};
inline constexpr use_task_t use_task{};

}  // namespace tenon::inline v0

template <class R, class... Results>
struct asio::async_result<tenon::use_task_t, R(Results...)> {
  template <class Initiation, class... Arguments>
  static auto initiate(Initiation&& initiation, tenon::use_task_t, Arguments&&... arguments) {
    using value = typename tenon::detail::operation_value<std::decay_t<Results>...>::type;
    return tenon::detail::asio_operation_awaiter<value, std::decay_t<Initiation>, std::decay_t<Arguments>...>{std::forward<Initiation>(initiation),
                                                                                                              std::forward<Arguments>(arguments)...};
  }
};

// tenon/core/buffer.hpp
// A growing run of bytes that is never zeroed: what codecs and protocols write into and sockets send from. Core layer.

#include <cstdlib>
#include <cstring>

namespace tenon::inline v0 {

/// Contiguous bytes with a cheap append. Growth doubles; memory is kept until `release`.
///
/// Units   bytes. Throws std::bad_alloc when the machine has no more. What is appended must not lie in the buffer itself: growing moves it away.
class buffer {
 public:
  buffer() noexcept = default;
  buffer(buffer&& other) noexcept
      : data_{std::exchange(other.data_, nullptr)}, size_{std::exchange(other.size_, 0)}, capacity_{std::exchange(other.capacity_, 0)} {}
  buffer& operator=(buffer&& other) noexcept {
    if (this != &other) {
      std::free(data_);
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
      capacity_ = std::exchange(other.capacity_, 0);
    }
    return *this;
  }
  buffer(const buffer&) = delete;
  buffer& operator=(const buffer&) = delete;
  ~buffer() { std::free(data_); }

  char* data() noexcept { return data_; }
  const char* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return capacity_; }
  bool empty() const noexcept { return size_ == 0; }
  std::string_view view() const noexcept { return {data_, size_}; }
  std::string_view view(std::size_t offset) const noexcept { return {data_ + offset, size_ - offset}; }

  void push_back(char byte) {
    if (size_ == capacity_) [[unlikely]] grow(1);
    data_[size_++] = byte;
  }
  void append(const void* from, std::size_t count) {
    if (capacity_ - size_ < count) [[unlikely]] grow(count);
    if (count != 0) std::memcpy(data_ + size_, from, count);
    size_ += count;
  }
  void append(std::string_view text) { append(text.data(), text.size()); }

  /// Makes room for `count` more bytes, returns where they start and counts them as written: the caller fills them all.
  char* extend(std::size_t count) {
    if (capacity_ - size_ < count) [[unlikely]] grow(count);
    char* start = data_ + size_;
    size_ += count;
    return start;
  }
  /// Makes room for `count` more bytes without counting them; `commit` counts those that were filled.
  char* prepare(std::size_t count) {
    if (capacity_ - size_ < count) [[unlikely]] grow(count);
    return data_ + size_;
  }
  void commit(std::size_t count) noexcept { size_ += count; }

  /// Forgets everything after the first `size` bytes.
  void truncate(std::size_t size) noexcept { size_ = size; }
  void clear() noexcept { size_ = 0; }
  /// Forgets the first `count` bytes by moving the rest down.
  void drop_front(std::size_t count) noexcept {
    size_ -= count;
    if (size_ != 0 && count != 0) std::memmove(data_, data_ + count, size_);
  }
  /// Gives the memory back.
  void release() noexcept { *this = buffer{}; }

  void swap(buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  [[gnu::noinline]] void grow(std::size_t count) {
    std::size_t needed = 0;
    const bool possible = !__builtin_add_overflow(size_, count, &needed);
    std::size_t capacity = capacity_ < 256 ? 512 : capacity_ * 2;
    if (capacity < needed) capacity = needed;
    void* moved = possible ? std::realloc(data_, capacity) : nullptr;
    if (moved == nullptr) {
#if defined(__cpp_exceptions)
      throw std::bad_alloc{};
#else
      std::abort();
#endif
    }
    data_ = static_cast<char*>(moved);
    capacity_ = capacity;
  }

  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace tenon::inline v0

// tenon/core/bytes.hpp
// Binary data as a field type, and big-endian numbers as every wire here spells them. Core layer.

namespace tenon::inline v0 {

/// Binary data: std::byte is data, std::uint8_t is a number.
using bytes = std::vector<std::byte>;

namespace detail {

// Shifts rather than casts: alignment and the host's byte order do not matter, and both compilers make one bswap of it.
constexpr std::uint32_t load_big_endian_32(const char* from) noexcept {
  const auto at = [from](int i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(from[i])); };
  return at(0) << 24 | at(1) << 16 | at(2) << 8 | at(3);
}
constexpr std::uint64_t load_big_endian_64(const char* from) noexcept {
  return static_cast<std::uint64_t>(load_big_endian_32(from)) << 32 | load_big_endian_32(from + 4);
}
constexpr void store_big_endian_32(char* to, std::uint32_t value) noexcept {
  to[0] = static_cast<char>(value >> 24);
  to[1] = static_cast<char>(value >> 16);
  to[2] = static_cast<char>(value >> 8);
  to[3] = static_cast<char>(value);
}
constexpr void store_big_endian_64(char* to, std::uint64_t value) noexcept {
  store_big_endian_32(to, static_cast<std::uint32_t>(value >> 32));
  store_big_endian_32(to + 4, static_cast<std::uint32_t>(value));
}

}  // namespace detail
}  // namespace tenon::inline v0

// tenon/core/cancellation.hpp
// Asking running work to stop: requested at most once, heard by everyone who listens. Core layer; one thread (one loop).

namespace tenon::inline v0 {

/// A request to stop that reaches whoever listens: a nested call, a sleeping timer, a handler that polls.
///
/// Belongs to one loop and is used on that loop's thread only.
class cancellation {
 public:
  /// One who wants to be told. Leaves by itself when destroyed.
  class listener {
   public:
    listener() noexcept = default;
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;
    /// Called once, on the loop's thread, after the listener has been taken off the list.
    virtual void cancelled() = 0;
    void leave() noexcept {
      if (previous_ != nullptr) *previous_ = next_;
      if (next_ != nullptr) next_->previous_ = previous_;
      previous_ = nullptr;
      next_ = nullptr;
    }

   protected:
    ~listener() { leave(); }

   private:
    friend class cancellation;
    listener** previous_ = nullptr;
    listener* next_ = nullptr;
  };

  cancellation() noexcept = default;
  cancellation(const cancellation&) = delete;
  cancellation& operator=(const cancellation&) = delete;
  ~cancellation() = default;

  bool requested() const noexcept { return requested_; }

  /// Tells every listener, once. Later requests change nothing. A listener may destroy the cancellation: the others are told all the same.
  void request() {
    if (std::exchange(requested_, true)) return;
    // From here on the listeners hang on this stack frame, not on the cancellation.
    list telling;
    if (list_.first != nullptr) {
      telling.first = std::exchange(list_.first, nullptr);
      telling.first->previous_ = &telling.first;
    }
    while (telling.first != nullptr) {
      listener* told = telling.first;
      told->leave();
      told->cancelled();
    }
  }

  /// Adds `who`; tells it at once when the request was made already.
  void listen(listener& who) {
    who.leave();
    if (requested_) return who.cancelled();
    who.next_ = list_.first;
    who.previous_ = &list_.first;
    if (list_.first != nullptr) list_.first->previous_ = &who.next_;
    list_.first = &who;
  }

 private:
  // Lets go of its members when it goes, be it with the cancellation or by an exception of a listener.
  struct list {
    listener* first = nullptr;
    list() noexcept = default;
    list(const list&) = delete;
    list& operator=(const list&) = delete;
    ~list() {
      while (first != nullptr) first->leave();
    }
  };

  list list_;
  bool requested_ = false;
};

}  // namespace tenon::inline v0

// tenon/core/clock.hpp
// Where time comes from: a concept, the steady clock of the machine, and a clock that tests turn by hand. Core layer.

#include <chrono>

// tenon/core/units.hpp
// Durations, ratios and rates that may stand in a template argument: std::chrono's are not structural. Core layer.

#include <compare>
#include <limits>
#include <ratio>

namespace tenon::inline v0 {
namespace detail {

inline constexpr std::int64_t most_ns = (std::numeric_limits<std::int64_t>::max)();
inline constexpr std::int64_t least_ns = (std::numeric_limits<std::int64_t>::min)();

// Time saturates everywhere: `std::chrono::hours::max()` is how people write "for ever", and must not come out negative.
constexpr std::int64_t saturated_sum(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? (b < 0 ? least_ns : most_ns) : sum;
}
constexpr std::int64_t saturated_difference(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t difference = 0;
  return __builtin_sub_overflow(a, b, &difference) ? (b < 0 ? most_ns : least_ns) : difference;
}
constexpr std::int64_t saturated_product(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? ((a < 0) != (b < 0) ? least_ns : most_ns) : product;
}

template <class Rep, class Period>
constexpr std::int64_t saturated_ns(std::chrono::duration<Rep, Period> value) noexcept {
  using factor = std::ratio_divide<Period, std::nano>;
  if constexpr (std::is_floating_point_v<Rep>) {
    if (value.count() != value.count()) return 0;  // not a number is no time at all
    const auto exact = static_cast<long double>(value.count()) * static_cast<long double>(factor::num) / static_cast<long double>(factor::den);
    if (exact >= 0x1p63L) return most_ns;
    if (exact < -0x1p63L) return least_ns;
    return static_cast<std::int64_t>(exact);
  } else if constexpr (std::is_integral_v<Rep>) {
    if constexpr (std::is_unsigned_v<Rep> && sizeof(Rep) == 8) {
      if (value.count() > static_cast<Rep>(most_ns)) return saturated_ns(std::chrono::duration<long double, Period>{value});
    }
    const auto count = static_cast<std::int64_t>(value.count());
    return saturated_sum(saturated_product(count / factor::den, factor::num), count % factor::den * factor::num / factor::den);
  } else {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(value).count();
  }
}

}  // namespace detail

/// A length of time. Structural, so `timeout<200_ms>` works; converts from and to std::chrono.
///
/// Units   nanoseconds, 64 bits signed: about 292 years; what is longer, and every sum and product beyond, saturates.
struct duration {
  std::int64_t ns = 0;

  constexpr duration() noexcept = default;
  constexpr explicit duration(std::int64_t nanoseconds) noexcept : ns{nanoseconds} {}
  template <class Rep, class Period>
  constexpr duration(std::chrono::duration<Rep, Period> value) noexcept : ns{detail::saturated_ns(value)} {}
  constexpr operator std::chrono::nanoseconds() const noexcept { return std::chrono::nanoseconds{ns}; }

  constexpr std::int64_t milliseconds() const noexcept { return ns / 1'000'000; }
  constexpr auto operator<=>(const duration&) const noexcept = default;

  friend constexpr duration operator+(duration a, duration b) noexcept { return duration{detail::saturated_sum(a.ns, b.ns)}; }
  friend constexpr duration operator-(duration a, duration b) noexcept { return duration{detail::saturated_difference(a.ns, b.ns)}; }
  friend constexpr duration operator*(duration a, std::int64_t factor) noexcept { return duration{detail::saturated_product(a.ns, factor)}; }
  friend constexpr duration operator/(duration a, std::int64_t divisor) noexcept { return duration{a.ns / divisor}; }
};

/// A point on a monotonic clock. Only differences mean anything; `never` is later than everything.
struct instant {
  std::int64_t ns = 0;

  static constexpr instant never() noexcept { return {(std::numeric_limits<std::int64_t>::max)()}; }
  constexpr auto operator<=>(const instant&) const noexcept = default;

  friend constexpr duration operator-(instant a, instant b) noexcept { return duration{detail::saturated_difference(a.ns, b.ns)}; }
  /// Saturates: a deadline of three hundred years stays in the future, and `never` stays never.
  friend constexpr instant operator+(instant a, duration b) noexcept { return a == never() ? a : instant{detail::saturated_sum(a.ns, b.ns)}; }
};

/// A ratio in parts per million: integers compare exactly and are structural on every compiler.
struct ratio {
  std::int32_t ppm = 0;
  constexpr auto operator<=>(const ratio&) const noexcept = default;
};

/// Events per length of time.
struct rate {
  std::int64_t count = 0;
  duration per{};
  constexpr bool operator==(const rate&) const noexcept = default;
};

consteval ratio percent(double value) { return {static_cast<std::int32_t>(value * 10'000 + (value < 0 ? -0.5 : 0.5))}; }
constexpr rate per_second(std::int64_t count) noexcept { return {count, std::chrono::seconds{1}}; }
constexpr rate per_minute(std::int64_t count) noexcept { return {count, std::chrono::minutes{1}}; }

/// `200_ms`, `1_s`, `5_min`: brought in by `using namespace tenon::literals`.
inline namespace literals {

consteval duration operator""_ns(unsigned long long value) { return duration{static_cast<std::int64_t>(value)}; }
consteval duration operator""_us(unsigned long long value) { return duration{static_cast<std::int64_t>(value) * 1'000}; }
consteval duration operator""_ms(unsigned long long value) { return duration{static_cast<std::int64_t>(value) * 1'000'000}; }
consteval duration operator""_s(unsigned long long value) { return duration{static_cast<std::int64_t>(value) * 1'000'000'000}; }
consteval duration operator""_min(unsigned long long value) { return duration{static_cast<std::int64_t>(value) * 60'000'000'000}; }

}  // namespace literals
}  // namespace tenon::inline v0

namespace tenon::inline v0 {

/// A source of monotonic time.
///
/// Laws    `now()` never fails and never goes backwards as seen by one thread.
/// Model   struct steady_clock { instant now() const noexcept; };
template <class T>
concept clock = requires(const T& source) {
  { source.now() } noexcept -> std::same_as<instant>;
};

/// The machine's monotonic clock.
struct steady_clock {
  instant now() const noexcept {
    return {std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count()};
  }
};

/// Told when a manual clock has moved; a loop fires its due deadlines then. Unlinks itself when destroyed.
class clock_watcher {
 public:
  clock_watcher() noexcept = default;
  clock_watcher(const clock_watcher&) = delete;
  clock_watcher& operator=(const clock_watcher&) = delete;
  virtual void clock_moved() = 0;

 protected:
  ~clock_watcher() { unlink(); }

 private:
  friend class manual_clock;
  void unlink() noexcept {
    if (previous_ != nullptr) *previous_ = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
    previous_ = nullptr;
    next_ = nullptr;
  }
  clock_watcher** previous_ = nullptr;
  clock_watcher* next_ = nullptr;
};

/// A clock that stands still until it is told to move: what tests and simulations run on. One thread.
class manual_clock {
 public:
  manual_clock() noexcept = default;
  explicit manual_clock(instant start) noexcept : now_{start} {}
  manual_clock(const manual_clock&) = delete;
  manual_clock& operator=(const manual_clock&) = delete;
  ~manual_clock() {
    while (first_ != nullptr) first_->unlink();
    while (pending_ != nullptr) pending_->unlink();
  }

  instant now() const noexcept { return now_; }

  /// Moves time forward, then tells every watcher. A watcher may move the clock again, watch, stop watching, or throw.
  void advance(duration step) { advance_to(now_ + step); }
  void advance_to(instant when) {
    if (when > now_) now_ = when;
    // The watchers yet to be told hang on `pending_`: one that is destroyed meanwhile unlinks itself from there, and an `advance` from within a watcher,
    // or one after a watcher that threw, finds the rest there.
    while (first_ != nullptr) link(pending_, *first_);
    while (pending_ != nullptr) {
      clock_watcher& next = *pending_;
      watch(next);
      next.clock_moved();
    }
  }

  void watch(clock_watcher& watcher) noexcept { link(first_, watcher); }

 private:
  static void link(clock_watcher*& list, clock_watcher& watcher) noexcept {
    watcher.unlink();
    watcher.next_ = list;
    watcher.previous_ = &list;
    if (list != nullptr) list->previous_ = &watcher.next_;
    list = &watcher;
  }

  instant now_{1};
  clock_watcher* first_ = nullptr;
  clock_watcher* pending_ = nullptr;
};

/// Any clock, held by reference: one pointer and one function, read once per batch.
class clock_ref {
 public:
  template <clock Source>
  clock_ref(const Source& source) noexcept
      : source_{&source}, now_{[](const void* self) noexcept { return static_cast<const Source*>(self)->now(); }} {}
  instant now() const noexcept { return now_(source_); }

 private:
  const void* source_;
  instant (*now_)(const void*) noexcept;
};

}  // namespace tenon::inline v0

// tenon/core/context.hpp
// What a call knows of itself: the numbers that policies read, and what a handler may ask and answer beside its value. Core layer.

// tenon/core/metadata.hpp
// Key-value pairs that travel beside a message, in both directions. Core layer.

#include <algorithm>
#include <initializer_list>

namespace tenon::inline v0 {

/// Metadata of a request or a response (HTTP headers, rpcx and gRPC metadata). Keeps order and duplicates; empty costs nothing.
///
/// Keys are kept as they were given and compared without regard to ASCII case, as HTTP and gRPC do.
class metadata {
 public:
  using value_type = std::pair<std::string, std::string>;
  using const_iterator = std::vector<value_type>::const_iterator;

  metadata() noexcept = default;
  metadata(std::initializer_list<value_type> entries) : entries_{entries} {}

  bool empty() const noexcept { return entries_.empty(); }
  std::size_t size() const noexcept { return entries_.size(); }
  const_iterator begin() const noexcept { return entries_.begin(); }
  const_iterator end() const noexcept { return entries_.end(); }

  /// The first value of `key`; nothing when there is none.
  std::optional<std::string_view> get(std::string_view key) const noexcept {
    for (const auto& [name, value] : entries_) {
      if (same_key(name, key)) return value;
    }
    return std::nullopt;
  }
  bool contains(std::string_view key) const noexcept { return get(key).has_value(); }

  /// Adds one more value, after those `key` already has.
  void add(std::string_view key, std::string_view value) { entries_.emplace_back(key, value); }
  /// Replaces all values of `key` by this one. Both may be views of what this metadata holds.
  void set(std::string_view key, std::string_view value) {
    value_type entry{key, value};
    erase(entry.first);
    entries_.push_back(std::move(entry));
  }
  void erase(std::string_view key) {
    // A copy: erasing moves the entries, and `key` may be a view of one.
    std::erase_if(entries_, [key = std::string{key}](const value_type& entry) { return same_key(entry.first, key); });
  }
  void clear() noexcept { entries_.clear(); }

  bool operator==(const metadata&) const = default;

  /// Whether two keys name the same thing: equal but for ASCII case.
  static constexpr bool same_key(std::string_view a, std::string_view b) noexcept {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [lower](char x, char y) { return lower(x) == lower(y); });
  }

 private:
  std::vector<value_type> entries_;
};

}  // namespace tenon::inline v0

namespace asio {
class io_context;
}

namespace tenon::inline v0 {

/// The facts of one call that policies decide on. Plain numbers; the driver fills them, policies never read a clock.
struct call_info {
  instant now{};                         ///< read by the driver at the edges of each attempt
  instant deadline = instant::never();   ///< when the whole call must have ended
  instant attempt_start{};
  std::uint32_t method = 0;              ///< index of the method in its service
  std::uint16_t attempt = 0;             ///< 0 is the first
  bool idempotent = false;               ///< declared with the method
};

/// A handler's view of its call: take `tenon::context&` as first parameter to get it.
///
/// Lives until the handler has answered; used on the handler's loop only.
class context {
 public:
  context() noexcept = default;
  context(const context&) = delete;
  context& operator=(const context&) = delete;

  std::string_view service() const noexcept { return service_; }
  std::string_view method() const noexcept { return method_; }
  /// The address of the caller, `tcp://127.0.0.1:53412`.
  std::string_view peer() const noexcept { return peer_; }

  /// When the caller stops waiting; `instant::never()` when it did not say.
  instant deadline() const noexcept { return info.deadline; }
  bool has_deadline() const noexcept { return info.deadline != instant::never(); }
  /// How much of the caller's patience was left when the call arrived (or was last resumed by tenon).
  duration remaining() const noexcept { return info.deadline - info.now; }

  /// Whether the caller has gone, cancelled, or run out of time.
  bool cancelled() const noexcept { return cancel.requested(); }

  const metadata& request_metadata() const noexcept { return request; }
  /// Sent back beside the answer.
  metadata& response_metadata() noexcept { return response; }

  /// The io_context this call is served on: for timers and other work of the handler. Null outside a server.
  asio::io_context* io() const noexcept { return io_; }

  // The parts, for the drivers that fill them: a context is a message between layers, not a hiding place.
  call_info info{};
  metadata request;
  metadata response;
  tenon::cancellation cancel;

  void place(std::string_view service, std::string_view method, std::string_view peer, asio::io_context* io) noexcept {
    service_ = service;
    method_ = method;
    peer_ = peer;
    io_ = io;
  }

 private:
  std::string_view service_;
  std::string_view method_;
  std::string_view peer_;
  asio::io_context* io_ = nullptr;
};

}  // namespace tenon::inline v0

// tenon/core/limits.hpp
// What a peer may ask of us before anything is allocated for it. Core layer; codecs, protocols, servers and clients share it.

namespace tenon::inline v0 {

/// Bounds that are checked before memory is taken.
///
/// Units   bytes, levels, entries.
struct limits {
  std::size_t max_message_bytes = 4 * 1024 * 1024;  ///< one payload, before and after inflating
  std::size_t max_nesting = 100;                    ///< arrays, maps and structs inside one another
  std::size_t max_metadata_bytes = 16 * 1024;       ///< all metadata (headers) of one message
  bool operator==(const limits&) const = default;
};

}  // namespace tenon::inline v0

// tenon/core/post.hpp
// Handing work to an io_context: asio::post behind one function, so that it is compiled once and not per kind of work. Core layer.

namespace tenon::inline v0::detail {

// Work of any kind: run once, or destroyed with its io_context.
class posted_work : public from_frame_cache {
 public:
  virtual ~posted_work() = default;
  virtual void run() = 0;
};

inline void post_work(asio::io_context& io, std::unique_ptr<posted_work> work) {
  asio::post(io, [work = std::move(work)] { work->run(); });
}

// `work()` is called by whoever runs `io`; never inside this call.
template <class Work>
void post(asio::io_context& io, Work work) {
  class held final : public posted_work {
   public:
    explicit held(Work&& given) : work_{std::move(given)} {}
    void run() override { work_(); }

   private:
    Work work_;
  };
  post_work(io, std::make_unique<held>(std::move(work)));
}

}  // namespace tenon::inline v0::detail

// tenon/core/spawn.hpp
// Giving a tenon::task to an io_context that runs it to its end: what asio::co_spawn is to an awaitable. Core layer.

#include <asio/executor_work_guard.hpp>

namespace tenon::inline v0 {
namespace detail {

// The tasks that were spawned on an io_context and still wait for something. When the io_context goes, they go with it, as a coroutine of asio would.
class spawned_tasks : public asio::execution_context::service {
 public:
  inline static asio::execution_context::id id;

  struct member {
    virtual ~member() = default;
    member** previous = nullptr;
    member* next = nullptr;
  };

  explicit spawned_tasks(asio::execution_context& context) : service(context) {}

  void add(member& one) noexcept {
    one.next = first_;
    one.previous = &first_;
    if (first_ != nullptr) first_->previous = &one.next;
    first_ = &one;
  }
  void remove(member& one) noexcept {
    *one.previous = one.next;
    if (one.next != nullptr) one.next->previous = one.previous;
  }

 private:
  void shutdown() noexcept override {
    while (first_ != nullptr) {
      member* one = first_;
      remove(*one);
      delete one;
    }
  }

  member* first_ = nullptr;
};

// The completion of a task that nobody waits for: what it threw leaves io.run().
struct rethrow_failure {
  void operator()(const std::exception_ptr& failure) const {
    if (failure) std::rethrow_exception(failure);
  }
};

// What stands beside an exception in `void(std::exception_ptr, T)`.
template <class T>
T beside_exception() {
  if constexpr (std::is_default_constructible_v<T>) {
    return T{};
  } else {
    static_assert(std::is_constructible_v<T, status>,
                  "tenon::spawn: the task's value has no default constructor, and the completion needs one beside an exception; return std::optional<T> or tenon::result<T>");
    return T{status{code::unknown, "the task threw an exception"}};
  }
}

// Runs a task on an io_context until it ends, then calls `handler(exception_ptr[, value])` where the handler wants to be called.
template <class T, class Handler>
class spawned final : public spawned_tasks::member, public from_frame_cache {
  static constexpr bool nobody_waits = std::is_same_v<Handler, rethrow_failure>;
  using io_executor = asio::io_context::executor_type;

 public:
  spawned(asio::io_context& io, task<T>&& what, Handler&& then)
      : io_{io}, running_{std::move(what)}, handler_{std::move(then)}, io_work_{io.get_executor()}, handler_work_{asio::get_associated_executor(handler_, io.get_executor())} {}

  static void start(std::unique_ptr<spawned> self) {
    if (self->running_.done()) return complete(std::move(self));
    spawned* one = self.release();
    asio::use_service<spawned_tasks>(one->io_).add(*one);
    one->running_.promise().on_finish(&finished, one);
    one->running_.promise().set_home(one->io_);
  }

 private:
  // The task is still under way to its final suspension: its frame is left before it is destroyed.
  static void finished(void* owner) noexcept {
    auto* one = static_cast<spawned*>(owner);
    asio::use_service<spawned_tasks>(one->io_).remove(*one);
    asio::post(one->io_, [self = std::unique_ptr<spawned>{one}]() mutable { complete(std::move(self)); });
  }

  static void complete(std::unique_ptr<spawned> self) {
    std::exception_ptr failure;
    std::optional<std::conditional_t<std::is_void_v<T>, std::nullptr_t, T>> value;
#if defined(__cpp_exceptions)
    try {
      self->take(value);
    } catch (...) {
      failure = std::current_exception();
    }
#else
    self->take(value);
#endif
    Handler then = std::move(self->handler_);
    if constexpr (nobody_waits) {
      self.reset();
      then(failure);
    } else {
      const auto work = std::move(self->handler_work_);
      self.reset();
      if constexpr (std::is_void_v<T>) {
        asio::dispatch(work.get_executor(), [then = std::move(then), failure = std::move(failure)]() mutable { std::move(then)(std::move(failure)); });
      } else {
        asio::dispatch(work.get_executor(), [then = std::move(then), failure = std::move(failure), value = value ? std::move(*value) : beside_exception<T>()]() mutable {
          std::move(then)(std::move(failure), std::move(value));
        });
      }
    }
  }

  template <class Value>
  void take(std::optional<Value>& value) {
    if constexpr (std::is_void_v<T>) running_.take();
    else value.emplace(running_.take());
  }

  asio::io_context& io_;
  task<T> running_;
  Handler handler_;
  // The two contexts are kept running meanwhile, as co_spawn does.
  asio::executor_work_guard<io_executor> io_work_;
  asio::executor_work_guard<asio::associated_executor_t<Handler, io_executor>> handler_work_;
};

template <class T, class Handler>
void spawn_on(asio::io_context& io, task<T>&& what, Handler&& then) {
  using held = spawned<T, Handler>;
  asio::post(io, [self = std::make_unique<held>(io, std::move(what), std::move(then))]() mutable { held::start(std::move(self)); });
}

}  // namespace detail

/// Lets `what` run on `io`, its home from now on. An exception that leaves it leaves `io.run()`.
///
/// One thread runs `io`: a task is not told its home in one thread while it goes on in another. A task that has not ended when `io` is destroyed is destroyed
/// with it.
template <class T>
void spawn(asio::io_context& io, task<T> what) {
  detail::spawn_on(io, std::move(what), detail::rethrow_failure{});
}

/// The same with an asio completion token of signature `void(std::exception_ptr, T)` (or `void(std::exception_ptr)`), as asio::co_spawn takes.
///
/// The completion runs where its token says (its associated executor), on `io` when it does not say.
template <class T, class Token>
auto spawn(asio::io_context& io, task<T> what, Token&& token) {
  const auto initiation = [&io](auto handler, task<T> running) { detail::spawn_on(io, std::move(running), std::move(handler)); };
  if constexpr (std::is_void_v<T>) return asio::async_initiate<Token, void(std::exception_ptr)>(initiation, token, std::move(what));
  else return asio::async_initiate<Token, void(std::exception_ptr, T)>(initiation, token, std::move(what));
}

}  // namespace tenon::inline v0
// what is known of a struct or a service at compile time

// tenon/reflect.hpp
// The door of the reflect layer: what is known at compile time of messages, enums and services.

// tenon/reflect/attributes.hpp
// Attributes: constexpr values that say more about a field, a method, a struct or a service than its type does. Reflect
// layer. A list of attributes is a hana::tuple and may hold values of any type; each layer looks for the types it
// knows.

// tenon/reflect/hana.hpp
// The only door to Boost.Hana: keeps macros that X11 and others define out of its headers. Reflect layer.

#pragma push_macro("Bool")
#pragma push_macro("None")
#pragma push_macro("check")
#undef Bool
#undef None
#undef check

#include <boost/hana/accessors.hpp>
#include <boost/hana/concept/struct.hpp>
#include <boost/hana/fwd/first.hpp>
#include <boost/hana/fwd/second.hpp>
#include <boost/hana/length.hpp>
#include <boost/hana/pair.hpp>
#include <boost/hana/string.hpp>
#include <boost/hana/tuple.hpp>

#pragma pop_macro("check")
#pragma pop_macro("None")
#pragma pop_macro("Bool")

namespace tenon::inline v0 {

struct name_attribute {
  std::string_view value;
};
struct number_attribute {
  int value;
};
struct required_attribute {};
struct idempotent_attribute {};
struct doc_attribute {
  std::string_view value;
};
template <std::size_t Count>
struct params_attribute {
  std::array<std::string_view, Count> names;
};

/// The name on the wire, where it differs from the one in C++: `(user_id, tenon::name("userId"))`.
constexpr name_attribute name(std::string_view wire_name) { return {wire_name}; }

/// The field's number, for codecs that number their fields; without it, fields count from 1 in the order of
/// declaration.
constexpr number_attribute number(int value) { return {value}; }

/// A field that must be present: decoding a message without it is an error instead of leaving the default.
inline constexpr required_attribute required{};

/// A method that may be called twice with the effect of once: policies may repeat it.
inline constexpr idempotent_attribute idempotent{};

/// A sentence for the descriptions (.proto, OpenAPI, JSON Schema).
constexpr doc_attribute doc(std::string_view text) { return {text}; }

/// The names of a method's parameters, which C++ does not tell: `(buy, tenon::params("symbol", "shares"))`.
template <class... Names>
constexpr params_attribute<sizeof...(Names)> params(const Names&... names) {
  return {{std::string_view(names)...}};
}

namespace detail {

template <class Attribute, class... Attributes>
consteval std::size_t attribute_index(const boost::hana::tuple<Attributes...>*) {
  std::size_t index = 0;
  static_cast<void>(((std::is_same_v<Attribute, Attributes> ? true : (++index, false)) || ...));
  return index;
}

// The macros write `attribute_list(a, b)`; arguments are taken by value so that literals and constants work alike.
template <class... Attributes>
constexpr boost::hana::tuple<Attributes...> attribute_list(Attributes... attributes) {
  return boost::hana::tuple<Attributes...>(attributes...);
}
constexpr boost::hana::tuple<> attribute_list() { return {}; }

} // namespace detail

/// True when the list holds a value of type `Attribute`.
template <class Attribute, class... Attributes>
constexpr bool has_attribute(const boost::hana::tuple<Attributes...>&) {
  return (std::is_same_v<Attribute, Attributes> || ...);
}

/// Finds the first attribute of type `Attribute`.
///
/// Returns a pointer into `attributes`, or nullptr when there is none.
template <class Attribute, class... Attributes>
constexpr const Attribute* find_attribute(const boost::hana::tuple<Attributes...>& attributes) {
  if constexpr ((std::is_same_v<Attribute, Attributes> || ...)) {
    constexpr std::size_t index =
        detail::attribute_index<Attribute>(static_cast<const boost::hana::tuple<Attributes...>*>(nullptr));
    return &boost::hana::at_c<index>(attributes);
  } else {
    static_cast<void>(attributes);
    return nullptr;
  }
}

namespace detail {

// By type and not by asking a pointer: g++'s undefined behaviour sanitizer does not compare addresses in constant
// expressions.
template <class... Attributes>
constexpr std::string_view name_or(const boost::hana::tuple<Attributes...>& attributes, std::string_view otherwise) {
  if constexpr ((std::is_same_v<name_attribute, Attributes> || ...)) {
    return find_attribute<name_attribute>(attributes)->value;
  } else {
    static_cast<void>(attributes);
    return otherwise;
  }
}

template <class... Attributes>
constexpr int number_or(const boost::hana::tuple<Attributes...>& attributes, int otherwise) {
  if constexpr ((std::is_same_v<number_attribute, Attributes> || ...)) {
    return find_attribute<number_attribute>(attributes)->value;
  } else {
    static_cast<void>(attributes);
    return otherwise;
  }
}

} // namespace detail

} // namespace tenon::inline v0

// tenon/reflect/enums.hpp
// Enumerators by name, read from the compiler's spelling of values. Reflect layer.

// tenon/reflect/detail/spelling.hpp
// The characters of identifiers, for reading the compiler's spelling of names. Reflect layer, detail of enums.hpp and
// fields.hpp.

namespace tenon::inline v0::detail {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Bytes of UTF-8 and the dollar count as letters: both compilers take them in identifiers.
constexpr bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

} // namespace tenon::inline v0::detail

namespace tenon::inline v0 {

/// One enumerator: its value and its name without qualification.
template <class Enum>
struct enum_entry {
  Enum value;
  std::string_view name;
};

namespace detail {

inline constexpr int smallest_enumerator = -128;
inline constexpr int largest_enumerator = 255;

// clang 16 to 19 call it an error, which no requires-expression catches, to name a value that an unscoped enum without
// a fixed type cannot hold; later ones can be asked, other compilers take any value.
#if defined(__clang__)
#if __has_warning("-Wenum-constexpr-conversion")
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wenum-constexpr-conversion"
#endif
#endif

template <class Enum, int Value>
constexpr Enum enum_from() {
  return __builtin_bit_cast(Enum, static_cast<std::underlying_type_t<Enum>>(Value));
}

template <class Enum, int Value>
concept enum_holds = requires { typename std::integral_constant<Enum, enum_from<Enum, Value>()>; };

template <class Enum>
concept fixed_enum = requires { Enum{0}; };

// Such an enum holds a range that ends at a power of two.
template <class Enum, int Limit>
consteval int enum_limit() {
  if constexpr (Limit == 0 || Limit == -1 || enum_holds<Enum, Limit>) {
    return Limit;
  } else {
    return enum_limit<Enum, Limit / 2>();
  }
}

template <class Enum>
consteval int first_enumerator() {
  if constexpr (std::is_unsigned_v<std::underlying_type_t<Enum>>) {
    return 0;
  } else if constexpr (fixed_enum<Enum>) {
    return smallest_enumerator;
  } else {
    constexpr int limit = enum_limit<Enum, smallest_enumerator>();
    return limit == -1 && !enum_holds<Enum, -1> ? 0 : limit;
  }
}

template <class Enum>
consteval int last_enumerator() {
  using limits = std::numeric_limits<std::underlying_type_t<Enum>>;
  if constexpr (fixed_enum<Enum>) {
    return limits::digits >= 8 ? largest_enumerator : static_cast<int>((limits::max)());
  } else {
    return enum_limit<Enum, largest_enumerator>();
  }
}

// One instantiation per enum: all values are spelled in one text, `(E)-1, E::red, ...`.
template <class Enum, Enum... Values>
consteval const char* spelled_values() {
  return __PRETTY_FUNCTION__;
}

struct spelled_enumerators {
  std::array<int, static_cast<std::size_t>(largest_enumerator - smallest_enumerator + 1)> values{};
  std::array<std::string_view, static_cast<std::size_t>(largest_enumerator - smallest_enumerator + 1)> names{};
  std::size_t count = 0;
  std::size_t characters = 0;
};

// From the back: an enumerator's spelling ends with its name, that of a value without one with a digit in front of the
// word.
consteval spelled_enumerators parse_values(std::string_view text, int first, int last) {
  spelled_enumerators found;
  std::size_t end = text.size();
  for (int value = last; value >= first; --value) {
    while (!is_word_character(text[end - 1]))
      --end;
    std::size_t begin = end;
    while (is_word_character(text[begin - 1]))
      --begin;
    if (!is_digit(text[begin])) {
      found.values[found.count] = value;
      found.names[found.count++] = text.substr(begin, end - begin);
      found.characters += end - begin;
    }
    // Commas inside angle brackets or parentheses belong to the name of the enum.
    int depth = 0;
    for (; value > first && (depth > 0 || text[begin] != ','); --begin) {
      if (text[begin] == '>' || text[begin] == ')')
        ++depth;
      if (text[begin] == '<' || text[begin] == '(')
        --depth;
    }
    end = begin;
  }
  return found;
}

template <std::size_t Count, std::size_t Characters>
struct enumerator_table {
  std::array<int, Count> values{};
  std::array<std::size_t, Count + 1> begins{};
  std::array<char, Characters + 1> text{};
};

// The names are copied, in order of value, so that the compiler's long text does not reach the binary.
template <class Enum>
consteval auto make_enumerator_table() {
  constexpr int first = first_enumerator<Enum>();
  constexpr int last = last_enumerator<Enum>();
  constexpr auto found = []<int... Offset>(std::integer_sequence<int, Offset...>) {
    return parse_values(spelled_values<Enum, enum_from<Enum, first + Offset>()...>(), first, last);
  }(std::make_integer_sequence<int, last - first + 1>{});
  enumerator_table<found.count, found.characters> table;
  std::size_t used = 0;
  for (std::size_t index = 0; index < found.count; ++index) {
    table.values[index] = found.values[found.count - 1 - index];
    table.begins[index] = used;
    for (char c : found.names[found.count - 1 - index])
      table.text[used++] = c;
  }
  table.begins[found.count] = used;
  return table;
}

#if defined(__clang__)
#if __has_warning("-Wenum-constexpr-conversion")
#pragma clang diagnostic pop
#endif
#endif

template <class Enum>
inline constexpr auto enumerators = make_enumerator_table<Enum>();

template <class Enum, std::size_t... Index>
constexpr std::array<enum_entry<Enum>, sizeof...(Index)> make_enum_entries(std::index_sequence<Index...>) {
  constexpr const auto& table = enumerators<Enum>;
  return {enum_entry<Enum>{
      static_cast<Enum>(table.values[Index]),
      std::string_view(table.text.data() + table.begins[Index], table.begins[Index + 1] - table.begins[Index])}...};
}

} // namespace detail

/// All enumerators in order of value; of several with one value, the first that was declared.
///
/// Limits  values from -128 to 255, as far as the enum can hold them; others have no name here and travel as numbers.
template <class Enum>
  requires std::is_enum_v<Enum>
inline constexpr auto enum_entries =
    detail::make_enum_entries<Enum>(std::make_index_sequence<detail::enumerators<Enum>.values.size()>{});

/// Returns the name of a value, empty when no enumerator has it.
template <class Enum>
  requires std::is_enum_v<Enum>
constexpr std::string_view enum_name(Enum value) {
  for (const enum_entry<Enum>& entry : enum_entries<Enum>) {
    if (entry.value == value)
      return entry.name;
  }
  return {};
}

/// Returns the value of an enumerator by its name, nothing when there is none.
template <class Enum>
  requires std::is_enum_v<Enum>
constexpr std::optional<Enum> enum_value(std::string_view name) {
  for (const enum_entry<Enum>& entry : enum_entries<Enum>) {
    if (entry.name == name)
      return entry.value;
  }
  return std::nullopt;
}

} // namespace tenon::inline v0

// tenon/reflect/fields.hpp
// The fields of a message: what is known of a struct at compile time, as a Hana tuple of (name, accessor) pairs, and
// the visiting of a value's fields. Reflect layer; codecs, schemas and descriptions are written on top of it.

// tenon/reflect/detail/record_fields.hpp
// The three sources of a record's fields behind one shape: listed by TENON_STRUCT, a Hana Struct, a plain aggregate.
// Reflect layer, detail of fields.hpp.

// tenon/reflect/detail/aggregate.hpp
// How many members a plain aggregate has, its base's included. Reflect layer, detail of fields.hpp.

// tenon/reflect/detail/tie.hpp
// A structured binding for every count of members up to 100: the one place that takes an aggregate apart. Reflect
// layer, detail of fields.hpp. The file is a table: each line binds one count and hands the members, as lvalues, to a
// visitor.

namespace tenon::inline v0::detail {

inline constexpr std::size_t max_bound_members = 100;

template <std::size_t Count>
struct member_binder;

template <>
struct member_binder<0> {
  template <class T, class Visitor>
  static constexpr decltype(auto) apply(T&, Visitor&& visit) {
    return visit();
  }
};

// g++ does not inline a call with forty references by itself, and then a visitor's state lives in memory.
#define TENON_DETAIL_BIND(count, ...)                                                                                  \
  template <>                                                                                                          \
  struct member_binder<count> {                                                                                        \
    template <class T, class Visitor>                                                                                  \
    [[gnu::always_inline]] static constexpr decltype(auto) apply(T& value, Visitor&& visit) {                          \
      auto& [__VA_ARGS__] = value;                                                                                     \
      return visit(__VA_ARGS__);                                                                                       \
    }                                                                                                                  \
  };

#define TENON_DETAIL_TEN_0 m00, m01, m02, m03, m04, m05, m06, m07, m08, m09
#define TENON_DETAIL_TEN_1 m10, m11, m12, m13, m14, m15, m16, m17, m18, m19
#define TENON_DETAIL_TEN_2 m20, m21, m22, m23, m24, m25, m26, m27, m28, m29
#define TENON_DETAIL_TEN_3 m30, m31, m32, m33, m34, m35, m36, m37, m38, m39
#define TENON_DETAIL_TEN_4 m40, m41, m42, m43, m44, m45, m46, m47, m48, m49
#define TENON_DETAIL_TEN_5 m50, m51, m52, m53, m54, m55, m56, m57, m58, m59
#define TENON_DETAIL_TEN_6 m60, m61, m62, m63, m64, m65, m66, m67, m68, m69
#define TENON_DETAIL_TEN_7 m70, m71, m72, m73, m74, m75, m76, m77, m78, m79
#define TENON_DETAIL_TEN_8 m80, m81, m82, m83, m84, m85, m86, m87, m88, m89
#define TENON_DETAIL_TEN_9 m90, m91, m92, m93, m94, m95, m96, m97, m98, m99

TENON_DETAIL_BIND(1, m00)
TENON_DETAIL_BIND(2, m00, m01)
TENON_DETAIL_BIND(3, m00, m01, m02)
TENON_DETAIL_BIND(4, m00, m01, m02, m03)
TENON_DETAIL_BIND(5, m00, m01, m02, m03, m04)
TENON_DETAIL_BIND(6, m00, m01, m02, m03, m04, m05)
TENON_DETAIL_BIND(7, m00, m01, m02, m03, m04, m05, m06)
TENON_DETAIL_BIND(8, m00, m01, m02, m03, m04, m05, m06, m07)
TENON_DETAIL_BIND(9, m00, m01, m02, m03, m04, m05, m06, m07, m08)
TENON_DETAIL_BIND(10, TENON_DETAIL_TEN_0)
TENON_DETAIL_BIND(11, TENON_DETAIL_TEN_0, m10)
TENON_DETAIL_BIND(12, TENON_DETAIL_TEN_0, m10, m11)
TENON_DETAIL_BIND(13, TENON_DETAIL_TEN_0, m10, m11, m12)
TENON_DETAIL_BIND(14, TENON_DETAIL_TEN_0, m10, m11, m12, m13)
TENON_DETAIL_BIND(15, TENON_DETAIL_TEN_0, m10, m11, m12, m13, m14)
TENON_DETAIL_BIND(16, TENON_DETAIL_TEN_0, m10, m11, m12, m13, m14, m15)
TENON_DETAIL_BIND(17, TENON_DETAIL_TEN_0, m10, m11, m12, m13, m14, m15, m16)
TENON_DETAIL_BIND(18, TENON_DETAIL_TEN_0, m10, m11, m12, m13, m14, m15, m16, m17)
TENON_DETAIL_BIND(19, TENON_DETAIL_TEN_0, m10, m11, m12, m13, m14, m15, m16, m17, m18)
TENON_DETAIL_BIND(20, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1)
TENON_DETAIL_BIND(21, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, m20)
TENON_DETAIL_BIND(22, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, m20, m21)
TENON_DETAIL_BIND(23, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, m20, m21, m22)
TENON_DETAIL_BIND(24, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, m20, m21, m22, m23)
TENON_DETAIL_BIND(25, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, m20, m21, m22, m23, m24)
TENON_DETAIL_BIND(26, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, m20, m21, m22, m23, m24, m25)
TENON_DETAIL_BIND(27, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, m20, m21, m22, m23, m24, m25, m26)
TENON_DETAIL_BIND(28, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, m20, m21, m22, m23, m24, m25, m26, m27)
TENON_DETAIL_BIND(29, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, m20, m21, m22, m23, m24, m25, m26, m27, m28)
TENON_DETAIL_BIND(30, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2)
TENON_DETAIL_BIND(31, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, m30)
TENON_DETAIL_BIND(32, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, m30, m31)
TENON_DETAIL_BIND(33, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, m30, m31, m32)
TENON_DETAIL_BIND(34, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, m30, m31, m32, m33)
TENON_DETAIL_BIND(35, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, m30, m31, m32, m33, m34)
TENON_DETAIL_BIND(36, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, m30, m31, m32, m33, m34, m35)
TENON_DETAIL_BIND(37, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, m30, m31, m32, m33, m34, m35, m36)
TENON_DETAIL_BIND(38, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, m30, m31, m32, m33, m34, m35, m36,
                  m37)
TENON_DETAIL_BIND(39, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, m30, m31, m32, m33, m34, m35, m36,
                  m37, m38)
TENON_DETAIL_BIND(40, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3)
TENON_DETAIL_BIND(41, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3, m40)
TENON_DETAIL_BIND(42, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3, m40, m41)
TENON_DETAIL_BIND(43, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3, m40, m41, m42)
TENON_DETAIL_BIND(44, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3, m40, m41, m42,
                  m43)
TENON_DETAIL_BIND(45, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3, m40, m41, m42,
                  m43, m44)
TENON_DETAIL_BIND(46, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3, m40, m41, m42,
                  m43, m44, m45)
TENON_DETAIL_BIND(47, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3, m40, m41, m42,
                  m43, m44, m45, m46)
TENON_DETAIL_BIND(48, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3, m40, m41, m42,
                  m43, m44, m45, m46, m47)
TENON_DETAIL_BIND(49, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3, m40, m41, m42,
                  m43, m44, m45, m46, m47, m48)
TENON_DETAIL_BIND(50, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4)
TENON_DETAIL_BIND(51, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, m50)
TENON_DETAIL_BIND(52, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, m50, m51)
TENON_DETAIL_BIND(53, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, m50, m51, m52)
TENON_DETAIL_BIND(54, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, m50, m51, m52, m53)
TENON_DETAIL_BIND(55, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, m50, m51, m52, m53, m54)
TENON_DETAIL_BIND(56, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, m50, m51, m52, m53, m54, m55)
TENON_DETAIL_BIND(57, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, m50, m51, m52, m53, m54, m55, m56)
TENON_DETAIL_BIND(58, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, m50, m51, m52, m53, m54, m55, m56, m57)
TENON_DETAIL_BIND(59, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, m50, m51, m52, m53, m54, m55, m56, m57, m58)
TENON_DETAIL_BIND(60, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5)
TENON_DETAIL_BIND(61, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, m60)
TENON_DETAIL_BIND(62, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, m60, m61)
TENON_DETAIL_BIND(63, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, m60, m61, m62)
TENON_DETAIL_BIND(64, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, m60, m61, m62, m63)
TENON_DETAIL_BIND(65, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, m60, m61, m62, m63, m64)
TENON_DETAIL_BIND(66, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, m60, m61, m62, m63, m64, m65)
TENON_DETAIL_BIND(67, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, m60, m61, m62, m63, m64, m65, m66)
TENON_DETAIL_BIND(68, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, m60, m61, m62, m63, m64, m65, m66, m67)
TENON_DETAIL_BIND(69, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, m60, m61, m62, m63, m64, m65, m66, m67, m68)
TENON_DETAIL_BIND(70, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6)
TENON_DETAIL_BIND(71, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, m70)
TENON_DETAIL_BIND(72, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, m70, m71)
TENON_DETAIL_BIND(73, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, m70, m71, m72)
TENON_DETAIL_BIND(74, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, m70, m71, m72, m73)
TENON_DETAIL_BIND(75, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, m70, m71, m72, m73, m74)
TENON_DETAIL_BIND(76, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, m70, m71, m72, m73, m74, m75)
TENON_DETAIL_BIND(77, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, m70, m71, m72, m73, m74, m75, m76)
TENON_DETAIL_BIND(78, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, m70, m71, m72, m73, m74, m75, m76, m77)
TENON_DETAIL_BIND(79, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, m70, m71, m72, m73, m74, m75, m76, m77,
                  m78)
TENON_DETAIL_BIND(80, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7)
TENON_DETAIL_BIND(81, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, m80)
TENON_DETAIL_BIND(82, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, m80, m81)
TENON_DETAIL_BIND(83, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, m80, m81, m82)
TENON_DETAIL_BIND(84, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, m80, m81, m82, m83)
TENON_DETAIL_BIND(85, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, m80, m81, m82, m83,
                  m84)
TENON_DETAIL_BIND(86, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, m80, m81, m82, m83,
                  m84, m85)
TENON_DETAIL_BIND(87, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, m80, m81, m82, m83,
                  m84, m85, m86)
TENON_DETAIL_BIND(88, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, m80, m81, m82, m83,
                  m84, m85, m86, m87)
TENON_DETAIL_BIND(89, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, m80, m81, m82, m83,
                  m84, m85, m86, m87, m88)
TENON_DETAIL_BIND(90, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, TENON_DETAIL_TEN_8)
TENON_DETAIL_BIND(91, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, TENON_DETAIL_TEN_8,
                  m90)
TENON_DETAIL_BIND(92, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, TENON_DETAIL_TEN_8,
                  m90, m91)
TENON_DETAIL_BIND(93, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, TENON_DETAIL_TEN_8,
                  m90, m91, m92)
TENON_DETAIL_BIND(94, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, TENON_DETAIL_TEN_8,
                  m90, m91, m92, m93)
TENON_DETAIL_BIND(95, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, TENON_DETAIL_TEN_8,
                  m90, m91, m92, m93, m94)
TENON_DETAIL_BIND(96, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, TENON_DETAIL_TEN_8,
                  m90, m91, m92, m93, m94, m95)
TENON_DETAIL_BIND(97, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, TENON_DETAIL_TEN_8,
                  m90, m91, m92, m93, m94, m95, m96)
TENON_DETAIL_BIND(98, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, TENON_DETAIL_TEN_8,
                  m90, m91, m92, m93, m94, m95, m96, m97)
TENON_DETAIL_BIND(99, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, TENON_DETAIL_TEN_8,
                  m90, m91, m92, m93, m94, m95, m96, m97, m98)
TENON_DETAIL_BIND(100, TENON_DETAIL_TEN_0, TENON_DETAIL_TEN_1, TENON_DETAIL_TEN_2, TENON_DETAIL_TEN_3,
                  TENON_DETAIL_TEN_4, TENON_DETAIL_TEN_5, TENON_DETAIL_TEN_6, TENON_DETAIL_TEN_7, TENON_DETAIL_TEN_8,
                  TENON_DETAIL_TEN_9)

#undef TENON_DETAIL_TEN_0
#undef TENON_DETAIL_TEN_1
#undef TENON_DETAIL_TEN_2
#undef TENON_DETAIL_TEN_3
#undef TENON_DETAIL_TEN_4
#undef TENON_DETAIL_TEN_5
#undef TENON_DETAIL_TEN_6
#undef TENON_DETAIL_TEN_7
#undef TENON_DETAIL_TEN_8
#undef TENON_DETAIL_TEN_9
#undef TENON_DETAIL_BIND

} // namespace tenon::inline v0::detail

namespace tenon::inline v0::detail {

template <class T>
consteval std::size_t aggregate_size();

// Converts to whatever a member wants to be initialised with. Used in unevaluated operands only; it has a body because
// clang wants one for types without linkage.
struct anything {
  template <class U>
  operator U() const noexcept {
    __builtin_unreachable();
  }
};

template <class Derived, class Base>
concept proper_base = std::is_base_of_v<Base, Derived> && !std::is_same_v<Base, Derived>;

template <class Derived>
struct any_base {
  template <class Base>
    requires proper_base<Derived, Base>
  operator Base() const noexcept {
    __builtin_unreachable();
  }
};

template <class Derived>
struct any_base_with_members {
  template <class Base>
    requires(proper_base<Derived, Base> && !std::is_empty_v<Base>)
  operator Base() const noexcept {
    __builtin_unreachable();
  }
};

template <class Derived, std::size_t Count>
struct any_base_of_at_most {
  template <class Base>
    requires(proper_base<Derived, Base> && !std::is_empty_v<Base> && std::is_aggregate_v<Base> &&
             aggregate_size<Base>() <= Count)
  operator Base() const noexcept {
    __builtin_unreachable();
  }
};

template <class Initializer>
Initializer repeat(std::size_t);

template <class T, std::size_t... Index>
consteval bool braces_take(std::index_sequence<Index...>) {
  return requires { T{repeat<anything>(Index)...}; };
}

#if defined(__cpp_aggregate_paren_init)
// Parentheses, unlike braces, do not spread over the elements of an array member.
template <class T, std::size_t... Index>
consteval bool has_no_arrays(std::index_sequence<Index...>) {
  return sizeof...(Index) < 2 || requires { T(repeat<anything>(Index)...); };
}
#else
template <class T, std::size_t... Before, std::size_t... After>
consteval bool is_one_member(std::index_sequence<Before...>, std::index_sequence<After...>) {
  return requires { T{repeat<anything>(Before)..., {}, repeat<anything>(After)...}; };
}

// An empty pair of braces takes a whole array, after which the initialisers meant for its other elements are too many.
template <class T, std::size_t... Index>
consteval bool has_no_arrays(std::index_sequence<Index...>) {
  return (
      is_one_member<T>(std::make_index_sequence<Index>{}, std::make_index_sequence<sizeof...(Index) - Index - 1>{}) &&
      ...);
}
#endif

template <class T, class Last, std::size_t... Index>
consteval bool braces_take_base(std::index_sequence<Index...>) {
  return requires { T{repeat<any_base<T>>(Index)..., Last{}}; };
}

// The largest count of initialisers in [Low, High) that T takes; T takes Low.
template <class T, std::size_t Low, std::size_t High>
consteval std::size_t initializer_count() {
  if constexpr (Low + 1 >= High) {
    return Low;
  } else {
    constexpr std::size_t middle = Low + (High - Low) / 2;
    if constexpr (braces_take<T>(std::make_index_sequence<middle>{})) {
      return initializer_count<T, middle, High>();
    } else {
      return initializer_count<T, Low, middle>();
    }
  }
}

// Most messages are small: doubling first keeps the tried packs near the answer.
template <class T, std::size_t Low = 0, std::size_t Guess = 4>
consteval std::size_t initializer_count_from() {
  constexpr std::size_t limit = max_bound_members + 2;
  if constexpr (Guess >= limit) {
    return initializer_count<T, Low, limit>();
  } else if constexpr (braces_take<T>(std::make_index_sequence<Guess>{})) {
    return initializer_count_from<T, Guess, Guess * 2>();
  } else {
    return initializer_count<T, Low, Guess>();
  }
}

// Bases are initialised before the members, one initialiser each.
template <class T, std::size_t Found = 0>
consteval std::size_t base_count() {
  if constexpr (braces_take_base<T, any_base<T>>(std::make_index_sequence<Found>{})) {
    return base_count<T, Found + 1>();
  } else {
    return Found;
  }
}

template <class T, std::size_t... Index>
consteval std::size_t bases_with_members(std::index_sequence<Index...>) {
  return (std::size_t{0} + ... +
          (braces_take_base<T, any_base_with_members<T>>(std::make_index_sequence<Index>{}) ? 1U : 0U));
}

// The size of the only base with members, which cannot be named, by asking for a base of at most so many.
template <class T, std::size_t Position, std::size_t Low = 0, std::size_t High = max_bound_members>
consteval std::size_t base_size() {
  if constexpr (Low == High) {
    return Low;
  } else {
    constexpr std::size_t middle = Low + (High - Low) / 2;
    if constexpr (braces_take_base<T, any_base_of_at_most<T, middle>>(std::make_index_sequence<Position>{})) {
      return base_size<T, Position, Low, middle>();
    } else {
      return base_size<T, Position, middle + 1, High>();
    }
  }
}

template <class T, std::size_t Position = 0>
consteval std::size_t inherited_size() {
  if constexpr (braces_take_base<T, any_base_with_members<T>>(std::make_index_sequence<Position>{})) {
    return base_size<T, Position>();
  } else {
    return inherited_size<T, Position + 1>();
  }
}

// True when T adds no members to those of its bases.
template <class T>
consteval bool adds_no_members() {
  return initializer_count_from<T>() == base_count<T>();
}

template <class T>
consteval std::size_t aggregate_size() {
  constexpr std::size_t total = initializer_count_from<T>();
  constexpr std::size_t bases = base_count<T>();
  static_assert(total <= max_bound_members, "tenon: T has more than 100 fields; list them with TENON_STRUCT");
  if constexpr (total > max_bound_members) {
    return 0;
  } else if constexpr (bases == 0) {
    constexpr bool no_arrays = has_no_arrays<T>(std::make_index_sequence<total>{});
    static_assert(no_arrays, "tenon: T has a C array among its fields; use std::array");
    return no_arrays ? total : 0;
  } else {
    constexpr std::size_t with_members = bases_with_members<T>(std::make_index_sequence<bases>{});
    constexpr bool from_one_class = with_members == 0 || (with_members == 1 && total == bases);
    static_assert(from_one_class, "tenon: T has a base with fields and fields of its own; list them with TENON_STRUCT");
    if constexpr (!from_one_class) {
      return 0;
    } else if constexpr (with_members == 0) {
      return total - bases;
    } else {
      return inherited_size<T>();
    }
  }
}

} // namespace tenon::inline v0::detail

// tenon/reflect/detail/field_names.hpp
// The names of a plain aggregate's members, read from the compiler's spelling of pointers to them. Reflect layer,
// detail of fields.hpp.

namespace tenon::inline v0::detail {

// A pointer to a subobject may be a template argument only inside a class, for g++ 12 and clang 14. As `const void*` it
// is spelled without the member's type, which keeps the text short.
struct member_address {
  const void* tenon_address;
};

template <class T>
struct phantom {
  T value;
};

// An object that is declared and never defined: only its members' addresses are used, in constant evaluation, so
// nothing is linked.
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-internal"
#pragma clang diagnostic ignored "-Wundefined-var-template"
#endif

template <class T>
extern const phantom<T> phantom_object;

template <std::size_t Count>
struct address_collector {
  template <class... Members>
  constexpr std::array<member_address, Count> operator()(Members&... members) const {
    return {member_address{static_cast<const void*>(__builtin_addressof(members))}...};
  }
};

template <class T, std::size_t Count>
consteval std::array<member_address, Count> member_addresses() {
  return member_binder<Count>::apply(phantom_object<T>.value, address_collector<Count>{});
}

#if defined(__clang__)
#pragma clang diagnostic pop
#endif

// g++ writes `member_address{((const void*)(& phantom_object<T>.phantom<T>::value.T::symbol))}` for each member, clang
// 19 `member_address{&phantom_object.value.symbol}`, clang 14 the same without the class's name.
template <member_address... Addresses>
consteval const char* spelled_members() {
  return __PRETTY_FUNCTION__;
}

template <std::size_t Count>
struct spelled_names {
  std::array<std::string_view, Count> names{};
  std::size_t characters = 0;
};

// Steps back to the end of the entry before: to the brace in `}, `, which g++ may write inside a type as well, but
// never there with the address's parentheses before it and the next entry's class after it.
consteval std::size_t end_of_entry_before(const char* text, std::size_t position) {
  while (true) {
    --position;
    if (text[position] != '}' || text[position + 1] != ',')
      continue;
#if !defined(__clang__)
    const std::string_view next(text + position + 3, 7);
    if (text[position - 1] != ')' || (next != "member_" && next != "tenon::"))
      continue;
#endif
    return position;
  }
}

// From the back: a member's spelling ends with its own name, so no type in front of it has to be understood.
template <std::size_t Count>
consteval spelled_names<Count> parse_members(std::string_view spelled) {
  spelled_names<Count> parsed;
  const char* const text = spelled.data();
  std::size_t end = spelled.size();
  for (std::size_t index = Count; index-- > 0;) {
    while (!is_word_character(text[end - 1]))
      --end;
    std::size_t begin = end;
    while (is_word_character(text[begin - 1]))
      --begin;
    parsed.names[index] = {text + begin, end - begin};
    parsed.characters += end - begin;
    if (index > 0)
      end = end_of_entry_before(text, begin);
  }
  return parsed;
}

// Names are copied out of the compiler's text, which would otherwise end up in the binary, types and all.
template <std::size_t Count, std::size_t Characters>
struct name_table {
  std::array<char, Characters + 1> text{};
  std::array<std::size_t, Count + 1> begins{};

  constexpr std::string_view operator[](std::size_t index) const {
    return {text.data() + begins[index], begins[index + 1] - begins[index]};
  }
};

template <class T, std::size_t... Index>
consteval auto aggregate_names(std::index_sequence<Index...>) {
  constexpr std::size_t count = sizeof...(Index);
  if constexpr (count == 0) {
    return name_table<0, 0>{};
  } else {
    constexpr auto addresses = member_addresses<T, count>();
    constexpr auto parsed = parse_members<count>(spelled_members<addresses[Index]...>());
    name_table<count, parsed.characters> table;
    std::size_t used = 0;
    for (std::size_t index = 0; index < count; ++index) {
      table.begins[index] = used;
      for (char c : parsed.names[index])
        table.text[used++] = c;
    }
    table.begins[count] = used;
    return table;
  }
}

} // namespace tenon::inline v0::detail

// tenon/reflect/struct.hpp
// TENON_STRUCT: the listing of a struct's fields by hand, for types that need wire names, numbers or private members.
// Reflect layer; fields.hpp reads the listing, which also makes the type a Hana Struct.

// tenon/reflect/detail/for_each_macro.hpp
// A loop for the preprocessor, and the taking apart of `item` and `(item, attributes...)`. Reflect layer, detail of
// TENON_STRUCT and TENON_SERVICE. It must stay defined where a user expands those macros, so nothing here is undefined
// again.

// TENON_DETAIL_FOR_EACH(macro, a, b, ...) is macro(a) macro(b) ...; the macro that is called must not use FOR_EACH
// itself. Eight items a step and at least 40 rescans: more than 300 items. A rescan costs the whole text again, hence
// the wide step.
#define TENON_DETAIL_FOR_EACH(macro, ...) __VA_OPT__(TENON_DETAIL_RESCAN(TENON_DETAIL_STEP1(macro, __VA_ARGS__)))

#define TENON_DETAIL_RESCAN(...) TENON_DETAIL_RESCAN3(TENON_DETAIL_RESCAN3(TENON_DETAIL_RESCAN3(__VA_ARGS__)))
#define TENON_DETAIL_RESCAN3(...) TENON_DETAIL_RESCAN2(TENON_DETAIL_RESCAN2(TENON_DETAIL_RESCAN2(__VA_ARGS__)))
#define TENON_DETAIL_RESCAN2(...) TENON_DETAIL_RESCAN1(TENON_DETAIL_RESCAN1(TENON_DETAIL_RESCAN1(__VA_ARGS__)))
#define TENON_DETAIL_RESCAN1(...) __VA_ARGS__

#define TENON_DETAIL_STEP1(macro, item, ...) macro(item) __VA_OPT__(TENON_DETAIL_STEP2(macro, __VA_ARGS__))
#define TENON_DETAIL_STEP2(macro, item, ...) macro(item) __VA_OPT__(TENON_DETAIL_STEP3(macro, __VA_ARGS__))
#define TENON_DETAIL_STEP3(macro, item, ...) macro(item) __VA_OPT__(TENON_DETAIL_STEP4(macro, __VA_ARGS__))
#define TENON_DETAIL_STEP4(macro, item, ...) macro(item) __VA_OPT__(TENON_DETAIL_STEP5(macro, __VA_ARGS__))
#define TENON_DETAIL_STEP5(macro, item, ...) macro(item) __VA_OPT__(TENON_DETAIL_STEP6(macro, __VA_ARGS__))
#define TENON_DETAIL_STEP6(macro, item, ...) macro(item) __VA_OPT__(TENON_DETAIL_STEP7(macro, __VA_ARGS__))
#define TENON_DETAIL_STEP7(macro, item, ...) macro(item) __VA_OPT__(TENON_DETAIL_STEP8(macro, __VA_ARGS__))
#define TENON_DETAIL_STEP8(macro, item, ...)                                                                           \
  macro(item) __VA_OPT__(TENON_DETAIL_AGAIN TENON_DETAIL_PARENTHESES(macro, __VA_ARGS__))
#define TENON_DETAIL_AGAIN() TENON_DETAIL_STEP1
#define TENON_DETAIL_PARENTHESES ()

#define TENON_DETAIL_JOIN(left, right) TENON_DETAIL_JOIN_TOKENS(left, right)
#define TENON_DETAIL_JOIN_TOKENS(left, right) left##right
#define TENON_DETAIL_TEXT(name) TENON_DETAIL_TEXT_OF(name)
#define TENON_DETAIL_TEXT_OF(name) #name

// 1 for `(item, ...)`, 0 for `item`.
#define TENON_DETAIL_IS_LIST(item) TENON_DETAIL_SECOND(TENON_DETAIL_IS_LIST_PROBE item, 0, )
#define TENON_DETAIL_IS_LIST_PROBE(...) unused, 1
#define TENON_DETAIL_SECOND(...) TENON_DETAIL_SECOND_OF(__VA_ARGS__)
#define TENON_DETAIL_SECOND_OF(first, second, ...) second

// The name of an item.
#define TENON_DETAIL_NAME(item) TENON_DETAIL_JOIN(TENON_DETAIL_NAME_, TENON_DETAIL_IS_LIST(item))(item)
#define TENON_DETAIL_NAME_0(item) item
#define TENON_DETAIL_NAME_1(item) TENON_DETAIL_FIRST item
#define TENON_DETAIL_FIRST(first, ...) first

// The attributes of an item, with commas between them; nothing when there are none.
#define TENON_DETAIL_ATTRIBUTES(item) TENON_DETAIL_JOIN(TENON_DETAIL_ATTRIBUTES_, TENON_DETAIL_IS_LIST(item))(item)
#define TENON_DETAIL_ATTRIBUTES_0(item)
#define TENON_DETAIL_ATTRIBUTES_1(item) TENON_DETAIL_REST item
#define TENON_DETAIL_REST(first, ...) __VA_ARGS__

/// Lists the fields of a struct, inside its body, as the last thing: private members may be named.
///
/// Shape   `TENON_STRUCT(T, a, (b, attributes...), ...)`; T itself may be `(T, attributes...)`. The listed fields, and
///         no others, make the message, in this order. T becomes a Hana Struct as well.
#define TENON_STRUCT(record, ...) TENON_DETAIL_FIELDS([[maybe_unused]] friend, tenon_fields, record, __VA_ARGS__)

/// Lists the fields of a struct from outside, in the namespace of the struct and by its unqualified name; for types one
/// may not touch.
#define TENON_STRUCT_FOR(record, ...)                                                                                  \
  TENON_DETAIL_FIELDS([[maybe_unused]], TENON_DETAIL_JOIN(tenon_fields_of_, TENON_DETAIL_NAME(record)), record,        \
                      __VA_ARGS__)

// Nothing here may ask whether the struct is complete: inside its body it is not. Everything is in functions that are
// called later.
#define TENON_DETAIL_FIELDS(specifier, declaration, record, ...)                                                       \
  struct declaration {                                                                                                 \
    using tenon_type = TENON_DETAIL_NAME(record);                                                                      \
    [[maybe_unused]] static constexpr ::std::string_view tenon_names[] = {                                             \
        TENON_DETAIL_TEXT(TENON_DETAIL_NAME(record)), TENON_DETAIL_FOR_EACH(TENON_DETAIL_FIELD_TEXT, __VA_ARGS__)};    \
    static constexpr auto tenon_attributes() {                                                                         \
      return ::tenon::detail::attribute_list(::tenon::detail::attribute_list(TENON_DETAIL_ATTRIBUTES(record))          \
                                                 TENON_DETAIL_FOR_EACH(TENON_DETAIL_FIELD_ATTRIBUTES, __VA_ARGS__));   \
    }                                                                                                                  \
    template <class TenonRecord, class TenonVisitor>                                                                   \
    [[gnu::always_inline]] static constexpr decltype(auto) tenon_apply(TenonRecord& tenon_record,                      \
                                                                       TenonVisitor&& tenon_visit) {                   \
      return ::tenon::detail::visit_rest(tenon_visit,                                                                  \
                                         tenon_record TENON_DETAIL_FOR_EACH(TENON_DETAIL_FIELD_MEMBER, __VA_ARGS__));  \
    }                                                                                                                  \
  };                                                                                                                   \
  specifier constexpr declaration tenon_declare_fields(const TENON_DETAIL_NAME(record)*) { return {}; }

#define TENON_DETAIL_FIELD_TEXT(item) TENON_DETAIL_TEXT(TENON_DETAIL_NAME(item)),
#define TENON_DETAIL_FIELD_ATTRIBUTES(item) , ::tenon::detail::attribute_list(TENON_DETAIL_ATTRIBUTES(item))
#define TENON_DETAIL_FIELD_MEMBER(item) , tenon_record.TENON_DETAIL_NAME(item)

namespace tenon::inline v0::detail {

void tenon_declare_fields(); // Ends the unqualified lookup: only argument-dependent lookup finds declarations.

template <class T>
concept declares_fields = requires(const T* record) { tenon_declare_fields(record); };

template <class T>
using fields_declaration = decltype(tenon_declare_fields(static_cast<const T*>(nullptr)));

template <class Visitor, class Record, class... Members>
[[gnu::always_inline]] constexpr decltype(auto) visit_rest(Visitor& visit, Record&, Members&... members) {
  return visit(members...);
}

} // namespace tenon::inline v0::detail

namespace tenon::inline v0::detail {

template <class T>
concept tuple_like = requires { sizeof(std::tuple_size<T>); };

template <class T>
concept iterable = requires(T& range) {
  range.begin();
  range.end();
};

template <class T>
concept plain_aggregate = std::is_aggregate_v<T> && !tuple_like<T> && !iterable<T>;

inline constexpr boost::hana::tuple<> no_attributes{};

enum class field_source { declaration, hana_struct, aggregate };

template <class T>
consteval field_source field_source_of() {
  if constexpr (declares_fields<T>) {
    return field_source::declaration;
  } else if constexpr (boost::hana::Struct<T>::value) {
    return field_source::hana_struct;
  } else {
    return field_source::aggregate;
  }
}

// What one source of fields knows of T: count, the members' names, their attributes, and how to hand the members to a
// visitor.
template <class T, field_source = field_source_of<T>()>
struct record_fields;

template <class T>
struct record_fields<T, field_source::declaration> {
  using declaration = fields_declaration<T>;
  static constexpr std::size_t count = std::size(declaration::tenon_names) - 1;
  static constexpr auto attributes = declaration::tenon_attributes();

  static consteval bool lists_all() {
    if constexpr (std::is_same_v<typename declaration::tenon_type, T>) {
      return true;
    } else if constexpr (std::is_aggregate_v<T>) {
      return adds_no_members<T>();
    } else {
      return sizeof(T) == sizeof(typename declaration::tenon_type);
    }
  }
  static_assert(lists_all(), "tenon: T has a base with fields and fields of its own; list them with TENON_STRUCT");

  static constexpr std::string_view member_name(std::size_t index) { return declaration::tenon_names[index + 1]; }

  template <std::size_t Index>
  static constexpr const auto& field_attributes() {
    return boost::hana::at_c<Index + 1>(attributes);
  }

  template <class Record, class Visitor>
  [[gnu::always_inline]] static constexpr decltype(auto) apply(Record& value, Visitor&& visit) {
    return declaration::tenon_apply(value, visit);
  }
};

template <class T>
struct record_fields<T, field_source::hana_struct> {
  static constexpr auto accessors = boost::hana::accessors<T>();
  static constexpr std::size_t count = decltype(boost::hana::length(accessors))::value;

  template <std::size_t... Index>
  static consteval std::array<std::string_view, count> names(std::index_sequence<Index...>) {
    return {std::string_view(boost::hana::first(boost::hana::at_c<Index>(accessors)).c_str())...};
  }
  static constexpr std::array<std::string_view, count> names_of_members = names(std::make_index_sequence<count>{});
  static constexpr std::string_view member_name(std::size_t index) { return names_of_members[index]; }

  template <std::size_t>
  static constexpr const boost::hana::tuple<>& field_attributes() {
    return no_attributes;
  }

  template <class Record, class Visitor, std::size_t... Index>
  [[gnu::always_inline]] static constexpr decltype(auto) apply_each(Record& value, Visitor& visit,
                                                                    std::index_sequence<Index...>) {
    static_assert(
        (std::is_lvalue_reference_v<decltype(boost::hana::second(boost::hana::at_c<Index>(accessors))(value))> && ...),
        "tenon: a Hana Struct's accessors must return references; list the fields with TENON_STRUCT_FOR");
    return visit(boost::hana::second(boost::hana::at_c<Index>(accessors))(value)...);
  }
  template <class Record, class Visitor>
  [[gnu::always_inline]] static constexpr decltype(auto) apply(Record& value, Visitor&& visit) {
    return apply_each(value, visit, std::make_index_sequence<count>{});
  }
};

template <class T>
struct record_fields<T, field_source::aggregate> {
  static constexpr std::size_t count = aggregate_size<T>();
  static constexpr auto names = aggregate_names<T>(std::make_index_sequence<count>{});
  static constexpr std::string_view member_name(std::size_t index) { return names[index]; }

  template <std::size_t>
  static constexpr const boost::hana::tuple<>& field_attributes() {
    return no_attributes;
  }

  template <class Record, class Visitor>
  [[gnu::always_inline]] static constexpr decltype(auto) apply(Record& value, Visitor&& visit) {
    return member_binder<count>::apply(value, visit);
  }
};

// References to all members, each reachable by its index through a base class: one pack per record instead of one per
// field.
template <std::size_t Index, class Member>
struct member_reference {
  Member& value;
};

template <class Indices, class... Members>
struct member_references;

template <std::size_t... Index, class... Members>
struct member_references<std::index_sequence<Index...>, Members...> : member_reference<Index, Members>... {};

template <std::size_t Index, class Member>
constexpr Member& referenced_member(const member_reference<Index, Member>& reference) {
  return reference.value;
}

struct reference_collector {
  template <class... Members>
  [[gnu::always_inline]] constexpr auto operator()(Members&... members) const {
    return member_references<std::make_index_sequence<sizeof...(Members)>, Members...>{{members}...};
  }
};

template <std::size_t Index, class Member>
std::type_identity<Member> member_type(const member_reference<Index, Member>*);

template <class T>
using references_of = decltype(record_fields<T>::apply(std::declval<T&>(), reference_collector{}));

} // namespace tenon::inline v0::detail

namespace tenon::inline v0 {

/// A type whose fields are known: the messages.
///
/// Laws    a default-constructible class that is, in this order, listed by TENON_STRUCT or TENON_STRUCT_FOR, a Hana
///         Struct, or a plain aggregate that is neither tuple-like nor a range. Aggregates take their fields from one
///         class: their own, or one base's.
/// Model   `struct quote { std::string symbol; double price = 0; };`
template <class T>
concept record = std::is_class_v<T> && std::is_default_constructible_v<T> &&
                 (detail::declares_fields<T> || boost::hana::Struct<T>::value || detail::plain_aggregate<T>);

/// How many fields the record has.
template <record T>
inline constexpr std::size_t field_count = detail::record_fields<T>::count;

/// Returns the field number `Index` of `value`, as an lvalue.
template <std::size_t Index, class Record>
[[gnu::always_inline]] constexpr auto& get_field(Record& value) {
  return detail::referenced_member<Index>(
      detail::record_fields<std::remove_const_t<Record>>::apply(value, detail::reference_collector{}));
}

namespace detail {

struct field_tag {};

} // namespace detail

/// The name half of a field's pair: what the wire calls it (`value`) and what C++ calls it (`identifier`).
template <class T, std::size_t Index>
struct field_name {
  static constexpr std::string_view identifier = detail::record_fields<T>::member_name(Index);
  static constexpr std::string_view value =
      detail::name_or(detail::record_fields<T>::template field_attributes<Index>(), identifier);
  constexpr operator std::string_view() const { return value; }
};

/// The accessor half of a field's pair: called with a record it returns the member.
template <class T, std::size_t Index>
struct field_accessor {
  constexpr auto& operator()(T& from) const { return get_field<Index>(from); }
  constexpr auto& operator()(const T& from) const { return get_field<Index>(from); }
};

/// What is known of one field: the Hana pair of its name and its accessor, and the details.
///
/// Shape   `name` on the wire, `identifier` in C++, `index` from 0, `number` from 1 or as given, `attributes`, `type`;
///         called with a record it returns the member.
template <class T, std::size_t Index>
struct field {
  using hana_tag = detail::field_tag;
  using record_type = T;
  using type =
      typename decltype(detail::member_type<Index>(static_cast<const detail::references_of<T>*>(nullptr)))::type;

  static constexpr std::size_t index = Index;
  static constexpr const auto& attributes = detail::record_fields<T>::template field_attributes<Index>();
  static constexpr std::string_view identifier = field_name<T, Index>::identifier;
  static constexpr std::string_view name = field_name<T, Index>::value;
  static constexpr int number = detail::number_or(attributes, static_cast<int>(Index) + 1);
  static constexpr bool is_required = has_attribute<required_attribute>(attributes);

  constexpr auto& operator()(T& from) const { return get_field<Index>(from); }
  constexpr auto& operator()(const T& from) const { return get_field<Index>(from); }
};

namespace detail {

template <class T, std::size_t... Index>
constexpr boost::hana::tuple<field<T, Index>...> make_fields(std::index_sequence<Index...>) {
  return {};
}

template <class T, class Visitor, class Indices>
struct field_visitor;

template <class T, class Visitor, std::size_t... Index>
struct field_visitor<T, Visitor, std::index_sequence<Index...>> {
  Visitor& visit;

  template <class... Members>
  [[gnu::always_inline]] constexpr void operator()(Members&... members) const {
    (static_cast<void>(visit(field<T, Index>{}, members)), ...);
  }
};

template <class T, class Visitor, class Indices>
struct field_tester;

template <class T, class Visitor, std::size_t... Index>
struct field_tester<T, Visitor, std::index_sequence<Index...>> {
  Visitor& visit;

  template <class... Members>
  [[gnu::always_inline]] constexpr bool operator()(Members&... members) const {
    return (static_cast<bool>(visit(field<T, Index>{}, members)) && ...);
  }
};

// What hana::accessors gives for a listed struct: hana's own algorithms on structs want hana::string keys.
template <class T, std::size_t Index, std::size_t... Character>
constexpr auto hana_key(std::index_sequence<Character...>) {
  return boost::hana::string<record_fields<T>::member_name(Index)[Character]...>{};
}

template <class T, std::size_t... Index>
constexpr auto hana_accessors(std::index_sequence<Index...>) {
  return boost::hana::make_tuple(boost::hana::make_pair(
      hana_key<T, Index>(std::make_index_sequence<record_fields<T>::member_name(Index).size()>{}),
      field_accessor<T, Index>{})...);
}

} // namespace detail

/// The fields of a record in their order: a hana::tuple of `field<T, Index>`.
template <record T>
inline constexpr auto fields_of = detail::make_fields<T>(std::make_index_sequence<field_count<T>>{});

/// Calls `visit(field, member)` for every field in order: one structured binding and one fold, which inline away.
template <class Record, class Visitor>
[[gnu::always_inline]] constexpr void for_each_field(Record&& value, Visitor&& visit) {
  using type = std::remove_cvref_t<Record>;
  using indices = std::make_index_sequence<detail::record_fields<type>::count>;
  detail::record_fields<type>::apply(value,
                                     detail::field_visitor<type, std::remove_reference_t<Visitor>, indices>{visit});
}

/// The same for a visitor that returns false to stop.
///
/// Returns true when no call returned false.
template <class Record, class Visitor>
[[gnu::always_inline]] constexpr bool for_each_field_while(Record&& value, Visitor&& visit) {
  using type = std::remove_cvref_t<Record>;
  using indices = std::make_index_sequence<detail::record_fields<type>::count>;
  return detail::record_fields<type>::apply(
      value, detail::field_tester<type, std::remove_reference_t<Visitor>, indices>{visit});
}

} // namespace tenon::inline v0

// A field is a Hana Product by its own tag: hana::pair's constructors cost more compile time than all the rest of a
// field.
template <>
struct boost::hana::first_impl<tenon::detail::field_tag> {
  template <class T, std::size_t Index>
  static constexpr auto apply(const tenon::field<T, Index>&) {
    return tenon::field_name<T, Index>{};
  }
};
template <>
struct boost::hana::second_impl<tenon::detail::field_tag> {
  template <class T, std::size_t Index>
  static constexpr auto apply(const tenon::field<T, Index>&) {
    return tenon::field_accessor<T, Index>{};
  }
};

/// Makes every struct listed by TENON_STRUCT or TENON_STRUCT_FOR a Hana Struct: hana::accessors, members, keys, at_key,
/// equal, ...
template <class Listed>
struct boost::hana::accessors_impl<Listed, boost::hana::when<tenon::detail::declares_fields<Listed>>> {
  static constexpr auto apply() {
    return tenon::detail::hana_accessors<Listed>(
        std::make_index_sequence<tenon::detail::record_fields<Listed>::count>{});
  }
};

// tenon/reflect/names.hpp
// The names of types, read from the compiler's spelling and made alike across compilers. Reflect layer.

namespace tenon::inline v0 {

namespace detail {

template <class T>
consteval const char* spelled_type() {
  return __PRETTY_FUNCTION__;
}

struct type_text {
  std::array<char, 1024> text{};
  std::size_t size = 0;
};

// `[with T = ns::quote]` by g++, `[T = ns::quote]` by clang.
template <class T>
consteval std::string_view spelling_of() {
  std::string_view text = spelled_type<T>();
  text.remove_prefix(text.find("T = ") + 4);
  text.remove_suffix(1);
  return text;
}

constexpr bool skip(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix)
    return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Compilers differ in unnamed namespaces, in the function around a local type, and in the blank of `> >`: all three are
// dropped.
consteval type_text tidy(std::string_view spelled) {
  type_text tidied;
  while (!spelled.empty() && tidied.size < tidied.text.size()) {
    if (skip(spelled, "{anonymous}::") || skip(spelled, "<unnamed>::") || skip(spelled, "(anonymous namespace)::"))
      continue;
    if (spelled.size() > 3 && spelled.substr(0, 3) == ")::") {
      int depth = 1;
      while (depth > 0 && tidied.size > 0) {
        --tidied.size;
        if (tidied.text[tidied.size] == ')')
          ++depth;
        if (tidied.text[tidied.size] == '(')
          --depth;
      }
      depth = 0;
      while (tidied.size > 0 &&
             (depth > 0 || (tidied.text[tidied.size - 1] != ',' && tidied.text[tidied.size - 1] != ' ' &&
                            tidied.text[tidied.size - 1] != '<'))) {
        if (tidied.text[tidied.size - 1] == '>')
          ++depth;
        if (tidied.text[tidied.size - 1] == '<')
          --depth;
        --tidied.size;
      }
      spelled.remove_prefix(3);
      continue;
    }
    if (spelled.size() > 1 && spelled[0] == ' ' && spelled[1] == '>')
      spelled.remove_prefix(1);
    tidied.text[tidied.size++] = spelled[0];
    spelled.remove_prefix(1);
  }
  return tidied;
}

template <std::size_t Size>
struct fixed_text {
  std::array<char, Size + 1> text{};
};

template <class T>
consteval auto make_type_text() {
  constexpr type_text tidied = tidy(spelling_of<T>());
  fixed_text<tidied.size> result;
  for (std::size_t index = 0; index < tidied.size; ++index)
    result.text[index] = tidied.text[index];
  return result;
}

template <class T>
inline constexpr auto type_text_of = make_type_text<T>();

// Drops what stands before the last `::` outside the template arguments.
constexpr std::string_view unqualified(std::string_view name) {
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t index = 0; index + 1 < name.size(); ++index) {
    if (name[index] == '<' || name[index] == '(')
      ++depth;
    if (name[index] == '>' || name[index] == ')')
      --depth;
    if (depth == 0 && name[index] == ':' && name[index + 1] == ':')
      begin = index + 2;
  }
  return name.substr(begin);
}

} // namespace detail

/// The name of `T` with its namespaces, as C++ writes it: `app::page<app::quote>`.
///
/// Limits  the spelling of the standard library's own templates, and of arguments that are defaults, is the compiler's.
template <class T>
inline constexpr std::string_view qualified_type_name{detail::type_text_of<T>.text.data(),
                                                      detail::type_text_of<T>.text.size() - 1};

/// The name of `T` without namespaces; templates keep their arguments: `page<app::quote>`.
template <class T>
inline constexpr std::string_view type_name = detail::unqualified(qualified_type_name<T>);

} // namespace tenon::inline v0

// tenon/reflect/service.hpp
// The methods of a service: what is known of a contract at compile time, as a Hana tuple, and the calling of a method
// by its name. Reflect layer; routers, clients and descriptions are written on top of it. A contract's own methods are
// never referred to, only their types are: they may stay declared and not defined.

#include <iterator>
#include <span>

// tenon/reflect/detail/signature.hpp
// What a method's type says: parameters, response, context. Reflect layer, detail of service.hpp.

namespace asio {
template <typename T, typename Executor>
class awaitable;
}

namespace tenon::inline v0 {

/// A list of types, held without their values.
template <class... Types>
struct type_list {
  static constexpr std::size_t size = sizeof...(Types);
};

namespace detail {

template <std::size_t Index, class T>
struct indexed_type {
  using type = T;
};
template <class Indices, class... Types>
struct indexed_types;
template <std::size_t... Index, class... Types>
struct indexed_types<std::index_sequence<Index...>, Types...> : indexed_type<Index, Types>... {};

template <std::size_t Index, class T>
indexed_type<Index, T> find_type(const indexed_type<Index, T>*);

template <class List>
struct indexed_list;
template <class... Types>
struct indexed_list<type_list<Types...>> : indexed_types<std::make_index_sequence<sizeof...(Types)>, Types...> {};

// The response without what a handler may wrap around it; a coroutine type is one whose parameters outlive the call
// expression.
template <class T>
struct response_of {
  using type = T;
  static constexpr bool is_coroutine = false;
};
template <class T>
struct response_of<result<T>> {
  using type = T;
  static constexpr bool is_coroutine = false;
};
template <>
struct response_of<status> {
  using type = void;
  static constexpr bool is_coroutine = false;
};
template <class T>
struct response_of<task<T>> {
  using type = typename response_of<T>::type;
  static constexpr bool is_coroutine = true;
};
template <class T, class Executor>
struct response_of<asio::awaitable<T, Executor>> {
  using type = typename response_of<T>::type;
  static constexpr bool is_coroutine = true;
};

template <bool TakesContext, class Response, class... Parameters>
struct signature_parts {
  using declared_response = Response;
  using response = typename response_of<std::remove_cvref_t<Response>>::type;
  using declared_parameters = type_list<Parameters...>;
  using parameters = type_list<std::decay_t<Parameters>...>;

  static constexpr bool takes_context = TakesContext;
  static constexpr bool is_coroutine = response_of<std::remove_cvref_t<Response>>::is_coroutine;
  static constexpr bool has_reference_parameters = (std::is_reference_v<Parameters> || ...);
  static constexpr bool has_output_parameters =
      ((std::is_lvalue_reference_v<Parameters> && !std::is_const_v<std::remove_reference_t<Parameters>>) || ...);
};

template <class Response, class... Parameters>
struct signature_of_parameters : signature_parts<false, Response, Parameters...> {};
template <class Response, class... Parameters>
struct signature_of_parameters<Response, context&, Parameters...> : signature_parts<true, Response, Parameters...> {};

template <class Function>
struct signature_of : std::false_type {};
template <class R, class... P>
struct signature_of<R(P...)> : std::true_type, signature_of_parameters<R, P...> {};
template <class R, class... P>
struct signature_of<R(P...) const> : signature_of<R(P...)> {};
template <class R, class... P>
struct signature_of<R(P...)&> : signature_of<R(P...)> {};
template <class R, class... P>
struct signature_of<R(P...) const&> : signature_of<R(P...)> {};
template <class R, class... P>
struct signature_of<R(P...) noexcept> : signature_of<R(P...)> {};
template <class R, class... P>
struct signature_of<R(P...) const noexcept> : signature_of<R(P...)> {};
template <class R, class... P>
struct signature_of<R(P...) & noexcept> : signature_of<R(P...)> {};
template <class R, class... P>
struct signature_of<R(P...) const & noexcept> : signature_of<R(P...)> {};

// The function type behind a pointer to a member function or to a static one; void for anything else.
template <class Pointer>
struct function_behind {
  using type =
      std::conditional_t<std::is_function_v<std::remove_pointer_t<Pointer>>, std::remove_pointer_t<Pointer>, void>;
};
template <class Function, class Class>
struct function_behind<Function Class::*> {
  using type = std::conditional_t<std::is_function_v<Function>, Function, void>;
};

} // namespace detail

/// The type number `Index` of a type_list.
template <std::size_t Index, class List>
using type_at =
    typename decltype(detail::find_type<Index>(static_cast<const detail::indexed_list<List>*>(nullptr)))::type;

} // namespace tenon::inline v0

/// Makes a struct a service, inside its body, as the last thing; private methods may be named.
///
/// Shape   `TENON_SERVICE(market, last, (buy, tenon::params("symbol", "shares")), ...)`; a method is listed by its name
///         or as `(name, attributes...)`, and so is the service itself: `(market, tenon::name("market.v1.Market"))`
///         gives it a package. Without it the wire knows the service by the struct's name.
#define TENON_SERVICE(service, ...) TENON_DETAIL_METHODS([[maybe_unused]] friend, tenon_methods, service, __VA_ARGS__)

/// Makes a struct a service from outside, in the namespace of the struct and by its unqualified name; for types one may
/// not touch.
#define TENON_SERVICE_FOR(service, ...)                                                                                \
  TENON_DETAIL_METHODS([[maybe_unused]], TENON_DETAIL_JOIN(tenon_methods_of_, TENON_DETAIL_NAME(service)), service,    \
                       __VA_ARGS__)

// Inside the body the struct is incomplete: everything that asks about it is a template or a function that is called
// later.
#define TENON_DETAIL_METHODS(specifier, declaration, service, ...)                                                     \
  struct declaration {                                                                                                 \
    using tenon_type = TENON_DETAIL_NAME(service);                                                                     \
    [[maybe_unused]] static constexpr ::std::string_view tenon_names[] = {                                             \
        TENON_DETAIL_TEXT(TENON_DETAIL_NAME(service)), TENON_DETAIL_FOR_EACH(TENON_DETAIL_METHOD_TEXT, __VA_ARGS__)};  \
    static constexpr auto tenon_attributes() {                                                                         \
      return ::tenon::detail::attribute_list(::tenon::detail::attribute_list(TENON_DETAIL_ATTRIBUTES(service))         \
                                                 TENON_DETAIL_FOR_EACH(TENON_DETAIL_METHOD_ATTRIBUTES, __VA_ARGS__));  \
    }                                                                                                                  \
    enum tenon_indices : ::std::size_t { TENON_DETAIL_FOR_EACH(TENON_DETAIL_METHOD_INDEX, __VA_ARGS__) };              \
    TENON_DETAIL_FOR_EACH(TENON_DETAIL_METHOD_PARTS, __VA_ARGS__)                                                      \
    using tenon_callers = ::tenon::type_list<void TENON_DETAIL_FOR_EACH(TENON_DETAIL_METHOD_CALLER, __VA_ARGS__)>;     \
    template <class TenonClient, class TenonService = tenon_type>                                                      \
    struct tenon_stubs : ::tenon::detail::no_stub TENON_DETAIL_FOR_EACH(TENON_DETAIL_METHOD_STUB, __VA_ARGS__) {};     \
  };                                                                                                                   \
  specifier constexpr declaration tenon_declare_methods(const TENON_DETAIL_NAME(service)*) { return {}; }

#define TENON_DETAIL_METHOD_TEXT(item) TENON_DETAIL_TEXT(TENON_DETAIL_NAME(item)),
#define TENON_DETAIL_METHOD_ATTRIBUTES(item) , ::tenon::detail::attribute_list(TENON_DETAIL_ATTRIBUTES(item))
#define TENON_DETAIL_METHOD_INDEX(item) TENON_DETAIL_JOIN(tenon_index_, TENON_DETAIL_NAME(item)),
#define TENON_DETAIL_METHOD_CALLER(item) , TENON_DETAIL_JOIN(tenon_method_, TENON_DETAIL_NAME(item))
#define TENON_DETAIL_METHOD_STUB(item)                                                                                 \
  , TENON_DETAIL_JOIN(tenon_stub_, TENON_DETAIL_NAME(item))<                                                           \
        TenonClient, typename ::tenon::method<                                                                         \
                         TenonService, TENON_DETAIL_JOIN(tenon_index_, TENON_DETAIL_NAME(item))>::declared_parameters>
#define TENON_DETAIL_METHOD_PARTS(item) TENON_DETAIL_METHOD_PARTS_OF(TENON_DETAIL_NAME(item))
#define TENON_DETAIL_METHOD_PARTS_OF(name) TENON_DETAIL_METHOD_PARTS_NAMED(name)

// A caller, and a stub with the method's own parameters, once as they are and once with a completion token after them.
#define TENON_DETAIL_METHOD_PARTS_NAMED(name)                                                                          \
  struct tenon_method_##name {                                                                                         \
    template <class TenonService>                                                                                      \
    static auto tenon_pointer() -> decltype(&TenonService::name);                                                      \
    template <class TenonObject, class... TenonArguments>                                                              \
    static constexpr auto tenon_call(TenonObject& tenon_object, TenonArguments&&... tenon_arguments)                   \
        -> decltype(tenon_object.name(static_cast<TenonArguments&&>(tenon_arguments)...)) {                            \
      return tenon_object.name(static_cast<TenonArguments&&>(tenon_arguments)...);                                     \
    }                                                                                                                  \
  };                                                                                                                   \
  template <class TenonClient, class TenonParameters>                                                                  \
  struct tenon_stub_##name;                                                                                            \
  template <class TenonClient, class... TenonParameters>                                                               \
  struct tenon_stub_##name<TenonClient, ::tenon::type_list<TenonParameters...>> {                                      \
    auto name(TenonParameters... tenon_arguments) const {                                                              \
      return static_cast<const TenonClient&>(*this).template invoke_method<tenon_index_##name>(                        \
          static_cast<TenonParameters&&>(tenon_arguments)...);                                                         \
    }                                                                                                                  \
    template <class TenonToken>                                                                                        \
    auto name(TenonParameters... tenon_arguments, TenonToken&& tenon_token) const {                                    \
      return static_cast<const TenonClient&>(*this).template invoke_method_with<tenon_index_##name>(                   \
          static_cast<TenonToken&&>(tenon_token), static_cast<TenonParameters&&>(tenon_arguments)...);                 \
    }                                                                                                                  \
  };

namespace tenon::inline v0 {

namespace detail {

void tenon_declare_methods(); // Ends the unqualified lookup: only argument-dependent lookup finds declarations.

template <class S>
using methods_declaration = decltype(tenon_declare_methods(static_cast<const S*>(nullptr)));

struct no_stub {};

template <class S>
struct service_methods {
  using declaration = methods_declaration<S>;
  static constexpr std::size_t count = std::size(declaration::tenon_names) - 1;
  static constexpr auto attributes = declaration::tenon_attributes();
};

// A pack of one signature, or void when the name stands for no method, or for more than one.
template <class Caller, class S>
consteval auto signature_behind() {
  if constexpr (requires { Caller::template tenon_pointer<S>(); }) {
    return type_list<typename function_behind<decltype(Caller::template tenon_pointer<S>())>::type>{};
  } else {
    return type_list<void>{};
  }
}

// Stands in for a signature that was refused, so that one mistake gives one sentence.
template <class Function>
using usable_signature =
    std::conditional_t<signature_of<Function>::value, signature_of<Function>, signature_of<void()>>;

inline constexpr std::array<std::string_view, 0> no_parameter_names{};

template <class Attribute>
inline constexpr bool is_params_attribute = false;
template <std::size_t Count>
inline constexpr bool is_params_attribute<params_attribute<Count>> = true;

template <class... Attributes>
constexpr std::span<const std::string_view> parameter_names_in(const boost::hana::tuple<Attributes...>& attributes) {
  std::span<const std::string_view> names = no_parameter_names;
  [[maybe_unused]] const auto look = [&names](const auto* attribute) {
    if constexpr (is_params_attribute<std::remove_cvref_t<decltype(*attribute)>>)
      names = attribute->names;
  };
  (look(find_attribute<Attributes>(attributes)), ...);
  return names;
}

} // namespace detail

/// A struct that says which of its methods are a service's: by TENON_SERVICE in its body or TENON_SERVICE_FOR beside
/// it.
///
/// Laws    the declaration is the struct's own; one inherited from a base does not count.
/// Model   `struct clock { int now(); TENON_SERVICE(clock, now) };`
template <class S>
concept contract = std::is_class_v<S> && requires(const S* service) { tenon_declare_methods(service); } &&
                   std::is_same_v<typename detail::methods_declaration<S>::tenon_type, S>;

/// The attributes given to the service itself.
template <contract S>
inline constexpr const auto& service_attributes = boost::hana::at_c<0>(detail::service_methods<S>::attributes);

/// The name of the service on the wire.
template <contract S>
inline constexpr std::string_view service_name =
    detail::name_or(service_attributes<S>, detail::methods_declaration<S>::tenon_names[0]);

/// How many methods the service has.
template <contract S>
inline constexpr std::size_t method_count = detail::service_methods<S>::count;

/// What is known of one method.
///
/// Shape   `name` on the wire, `identifier` in C++, `index` from 0, `attributes`, `parameter_names` (empty when not
///         given); `signature` is the member function's type, `parameters` a type_list of the decayed parameters
///         without a leading `tenon::context&`, `declared_parameters` the same as written, `response` what is left of
///         the declared one without result, task and awaitable.
template <class S, std::size_t Index>
struct method {
 private:
  using caller = type_at<Index + 1, typename detail::methods_declaration<S>::tenon_callers>;
  using parts = detail::usable_signature<type_at<0, decltype(detail::signature_behind<caller, S>())>>;

 public:
  using service_type = S;
  using signature = type_at<0, decltype(detail::signature_behind<caller, S>())>;
  static_assert(detail::signature_of<signature>::value,
                "tenon: TENON_SERVICE lists a name that is not one method; list methods that are neither overloaded "
                "nor templates, each once");

  using parameters = typename parts::parameters;
  using declared_parameters = typename parts::declared_parameters;
  using response = typename parts::response;
  using declared_response = typename parts::declared_response;

  static constexpr std::size_t index = Index;
  static constexpr const auto& attributes = boost::hana::at_c<Index + 1>(detail::service_methods<S>::attributes);
  static constexpr std::string_view identifier = detail::methods_declaration<S>::tenon_names[Index + 1];
  static constexpr std::string_view name = detail::name_or(attributes, identifier);
  static constexpr std::span<const std::string_view> parameter_names = detail::parameter_names_in(attributes);
  static constexpr bool takes_context = parts::takes_context;
  static constexpr bool is_coroutine = parts::is_coroutine;
  static constexpr bool is_idempotent = has_attribute<idempotent_attribute>(attributes);

  static_assert(!parts::has_output_parameters, "tenon: a service's method takes a reference to non-const, and nothing "
                                               "comes back through it; return the value, or a struct of values "
                                               "(tenon::context& stands first)");
  static_assert(!(parts::is_coroutine && parts::has_reference_parameters && !parts::has_output_parameters),
                "tenon: a service's method is a coroutine; take its parameters by value: a reference dies at the first "
                "suspension");
  static_assert(parameter_names.empty() || parameter_names.size() == parameters::size,
                "tenon: tenon::params gives another number of names than the method has parameters; name each one, "
                "tenon::context& aside");

  /// Calls the method of this name on any object that has one which takes these arguments; otherwise drops out of
  /// overload resolution.
  template <class Object, class... Arguments>
  static constexpr auto call(Object& object, Arguments&&... arguments)
      -> decltype(caller::tenon_call(object, static_cast<Arguments&&>(arguments)...)) {
    return caller::tenon_call(object, static_cast<Arguments&&>(arguments)...);
  }

  /// True when `call(object, arguments...)` compiles.
  template <class Object, class... Arguments>
  static constexpr bool callable_on = requires {
    typename std::type_identity<decltype(caller::tenon_call(std::declval<Object&>(), std::declval<Arguments>()...))>;
  };
};

namespace detail {

template <class S, std::size_t... Index>
consteval bool method_names_differ(std::index_sequence<Index...>) {
  const std::array<std::string_view, sizeof...(Index)> names{method<S, Index>::name...};
  for (std::size_t one = 0; one < names.size(); ++one) {
    for (std::size_t other = one + 1; other < names.size(); ++other) {
      if (names[one] == names[other])
        return false;
    }
  }
  return true;
}

template <class S, std::size_t... Index>
consteval boost::hana::tuple<method<S, Index>...> make_methods(std::index_sequence<Index...> indices) {
  static_assert(method_names_differ<S>(decltype(indices){}),
                "tenon: two methods of a service have the same name on the wire; give each its own by tenon::name");
  return {};
}

} // namespace detail

/// The methods of a service in the order of their listing: a hana::tuple of `method<S, Index>`.
template <contract S>
inline constexpr auto methods_of = detail::make_methods<S>(std::make_index_sequence<method_count<S>>{});

/// The base of a typed client: for each method a const member function with the method's own parameters, without
/// tenon::context&.
///
/// Laws    `Client` derives from it and has `invoke_method<Index>(arguments...)`, for calls without, and
///         `invoke_method_with<Index>(token, arguments...)`, for calls with a completion token as the last argument;
///         both const.
template <contract S, class Client>
using stubs_of = typename detail::methods_declaration<S>::template tenon_stubs<Client>;

} // namespace tenon::inline v0

// tenon/reflect/shape.hpp
// What a C++ type is on the wire: one classification that every codec and every schema shares. Reflect layer.

#include <variant>

// tenon/reflect/free_form.hpp
// The names of free-form field types, declared and no more: nlohmann::json, msgpack::object and object_handle. Who uses them includes their headers. Reflect layer.

#pragma push_macro("Bool")
#pragma push_macro("None")
#pragma push_macro("check")
#undef Bool
#undef None
#undef check

#include <msgpack/object_fwd_decl.hpp>
#include <msgpack/versioning.hpp>
#include <nlohmann/json_fwd.hpp>

#pragma pop_macro("check")
#pragma pop_macro("None")
#pragma pop_macro("Bool")

namespace msgpack {
MSGPACK_API_VERSION_NAMESPACE(v1) { class object_handle; }
}  // namespace msgpack

// msgpack's own forward declarations leave out the owner of an object. Its class lives in v1 whatever the version.
namespace tenon::inline v0 {

/// The kinds of values that cross the wire.
///
/// integer       plain char and every signed and unsigned width up to 64 bits.
/// text          std::string; std::string_view and const char* can be sent only.
/// binary        vector and array of std::byte; a span of const std::byte can be sent only. std::uint8_t is a number,
///               not data.
/// optional      std::optional and std::unique_ptr.
/// sequence      a container that grows: vector, deque, list, set, ... `fixed_sequence` is std::array.
/// mapping       map and unordered_map from strings, integers or enums.
/// time_point    of std::chrono::system_clock; other clocks mean nothing to another machine.
/// free_json     nlohmann::json: whatever the peer sent.
/// free_msgpack  msgpack::object_handle; a msgpack::object, which owns nothing, can be sent only.
/// null          std::monostate and std::nullptr_t.
enum class shape {
  boolean,
  integer,
  floating,
  text,
  binary,
  enumeration,
  optional,
  sequence,
  fixed_sequence,
  mapping,
  variant,
  tuple,
  duration,
  time_point,
  record,
  free_json,
  free_msgpack,
  null,
  unsupported
};

namespace detail {

template <class T, class... Candidates>
concept one_of = (std::is_same_v<T, Candidates> || ...);

template <class T>
concept wire_integer = one_of<T, char, signed char, unsigned char, short, unsigned short, int, unsigned int, long,
                              unsigned long, long long, unsigned long long>;

template <class T>
concept wire_enum = std::is_enum_v<T> && !std::is_same_v<T, std::byte>;

template <class T>
concept wire_key = wire_integer<T> || wire_enum<T> || one_of<T, std::string, std::string_view>;

template <class T>
concept map_like = iterable<T> && requires {
  typename T::key_type;
  typename T::mapped_type;
};

template <class T>
concept unique_map = map_like<T> && requires(T& map, const typename T::key_type& key) { map.try_emplace(key); };

template <class T>
concept text_like = requires { typename T::traits_type; };

template <class T>
concept growing_range = iterable<T> && !text_like<T> && !map_like<T> && requires(T& range) {
  typename T::value_type;
  range.clear();
  range.size();
};

// Types that are known by the template they come from. A partial specialisation is cheaper than a requires-expression
// per question.
template <class T>
inline constexpr shape shape_by_template = shape::unsupported;

template <class T>
inline constexpr shape shape_by_template<std::optional<T>> = shape::optional;
template <class T>
inline constexpr shape shape_by_template<std::unique_ptr<T>> =
    std::is_array_v<T> ? shape::unsupported : shape::optional;
template <class T, class Allocator>
inline constexpr shape shape_by_template<std::vector<T, Allocator>> = shape::sequence;
template <class Allocator>
inline constexpr shape shape_by_template<std::vector<std::byte, Allocator>> = shape::binary;
template <class T, std::size_t Count>
inline constexpr shape shape_by_template<std::array<T, Count>> = shape::fixed_sequence;
template <std::size_t Count>
inline constexpr shape shape_by_template<std::array<std::byte, Count>> = shape::binary;
template <>
inline constexpr shape shape_by_template<std::span<const std::byte>> = shape::binary;
template <class... Alternatives>
inline constexpr shape shape_by_template<std::variant<Alternatives...>> = shape::variant;
template <class... Elements>
inline constexpr shape shape_by_template<std::tuple<Elements...>> = shape::tuple;
template <class First, class Second>
inline constexpr shape shape_by_template<std::pair<First, Second>> = shape::tuple;
template <class Count, class Period>
inline constexpr shape shape_by_template<std::chrono::duration<Count, Period>> = shape::duration;
template <class Duration>
inline constexpr shape shape_by_template<std::chrono::time_point<std::chrono::system_clock, Duration>> =
    shape::time_point;

template <class T>
inline constexpr bool is_shared_pointer = false;
template <class T>
inline constexpr bool is_shared_pointer<std::shared_ptr<T>> = true;
template <class T>
inline constexpr bool is_shared_pointer<std::weak_ptr<T>> = true;

template <class T>
inline constexpr bool is_foreign_time_point = false;
template <class Clock, class Duration>
inline constexpr bool is_foreign_time_point<std::chrono::time_point<Clock, Duration>> =
    !std::is_same_v<Clock, std::chrono::system_clock>;

template <class T>
consteval shape shape_of_type() {
  if constexpr (std::is_same_v<T, bool>) {
    return shape::boolean;
  } else if constexpr (wire_integer<T>) {
    return shape::integer;
  } else if constexpr (one_of<T, float, double>) {
    return shape::floating;
  } else if constexpr (wire_enum<T>) {
    return shape::enumeration;
  } else if constexpr (one_of<T, std::string, std::string_view, const char*>) {
    return shape::text;
  } else if constexpr (one_of<T, std::monostate, std::nullptr_t>) {
    return shape::null;
  } else if constexpr (one_of<T, nlohmann::json, nlohmann::ordered_json>) {
    return shape::free_json;
  } else if constexpr (one_of<T, msgpack::object, msgpack::v1::object_handle>) {
    return shape::free_msgpack;
  } else if constexpr (!std::is_class_v<T>) {
    return shape::unsupported;
  } else if constexpr (shape_by_template<T> != shape::unsupported) {
    return shape_by_template<T>;
  } else if constexpr (is_shared_pointer<T> || is_foreign_time_point<T>) {
    return shape::unsupported;
  } else if constexpr (declares_fields<T>) {
    return std::is_default_constructible_v<T> ? shape::record : shape::unsupported;
  } else if constexpr (map_like<T>) {
    if constexpr (unique_map<T> && wire_key<typename T::key_type>) {
      return shape::mapping;
    } else {
      return shape::unsupported;
    }
  } else if constexpr (growing_range<T>) {
    return shape::sequence;
  } else if constexpr (record<T>) {
    return shape::record;
  } else {
    return shape::unsupported;
  }
}

} // namespace detail

/// What `T`, without its reference and const, is on the wire; `shape::unsupported` when it cannot cross.
template <class T>
inline constexpr shape shape_of = detail::shape_of_type<std::remove_cvref_t<T>>();

/// Stops the compilation with a sentence when `T` cannot cross the wire. Looks at `T` alone: codecs call it for each
/// type they meet.
template <class T>
consteval bool assert_wire_type() {
  using type = std::remove_cv_t<T>;
  static_assert(!std::is_reference_v<type>, "tenon: references cannot cross the wire; use a value");
  static_assert(!std::is_void_v<type>, "tenon: void is not a value; use std::monostate for a value that says nothing");
  static_assert(!std::is_array_v<type>,
                "tenon: C arrays cannot cross the wire; use std::array, or std::string for text");
  static_assert(!std::is_pointer_v<type> || std::is_same_v<type, const char*>,
                "tenon: raw pointers cannot cross the wire; use std::optional<T> or std::unique_ptr<T>");
  static_assert(!std::is_member_pointer_v<type> && !std::is_function_v<type>,
                "tenon: functions and member pointers cannot cross the wire; send what names them");
  static_assert(!std::is_union_v<type>,
                "tenon: unions cannot cross the wire, nothing says which member lives; use std::variant");
  static_assert(
      !std::is_same_v<type, std::byte>,
      "tenon: a single std::byte is no message; use std::uint8_t for a number, std::vector<std::byte> for data");
  static_assert(!std::is_same_v<type, long double>, "tenon: long double differs between machines; use double");
  static_assert(!detail::one_of<type, wchar_t, char8_t, char16_t, char32_t>,
                "tenon: wide characters cannot cross the wire; use char, and std::string in UTF-8");
  static_assert(!detail::is_shared_pointer<type>,
                "tenon: shared ownership cannot cross the wire; use std::unique_ptr<T> or std::optional<T>");
  static_assert(!detail::is_foreign_time_point<type>, "tenon: only system_clock's time points mean the same on another "
                                                      "machine; use std::chrono::system_clock::time_point");
  // Without the dialect's extensions the traits do not count a 128-bit integer as arithmetic, nor as anything else.
  constexpr bool is_named_by_a_trait = std::is_fundamental_v<type> || std::is_class_v<type> || std::is_union_v<type> ||
                                       std::is_enum_v<type> || std::is_pointer_v<type> ||
                                       std::is_member_pointer_v<type> || std::is_reference_v<type> ||
                                       std::is_array_v<type> || std::is_function_v<type>;
  if constexpr (std::is_integral_v<type> || !is_named_by_a_trait) {
    static_assert(sizeof(type) <= 8,
                  "tenon: integers wider than 64 bits cannot cross the wire; use two fields, or std::string");
  }
  if constexpr (std::is_class_v<type> && shape_of<type> == shape::unsupported) {
    constexpr bool is_map = detail::map_like<type>;
    constexpr bool is_text = detail::text_like<type>;
    constexpr bool is_constructible = std::is_default_constructible_v<type>;
    static_assert(
        !is_map,
        "tenon: only maps with unique keys that are strings, integers or enums cross the wire; use a vector of pairs");
    static_assert(!is_text, "tenon: wide strings cannot cross the wire; use std::string in UTF-8");
    static_assert(
        is_map || is_text || is_constructible,
        "tenon: a message must be default-constructible, so that it can be read into; give T a default constructor");
    static_assert(is_map || is_text || !is_constructible || detail::is_shared_pointer<type> ||
                      detail::is_foreign_time_point<type>,
                  "tenon: the fields of T are not known; make T an aggregate, or list its fields with TENON_STRUCT");
  }
  return true;
}

/// The same for a type that is to be read: views can be sent and not received, as they own nothing.
template <class T>
consteval bool assert_readable_type() {
  static_assert(!detail::one_of<std::remove_cv_t<T>, std::string_view, const char*>,
                "tenon: a view of text can be sent only; read into std::string");
  static_assert(!std::is_same_v<std::remove_cv_t<T>, std::span<const std::byte>>,
                "tenon: a view of bytes can be sent only; read into std::vector<std::byte>");
  static_assert(!std::is_same_v<std::remove_cv_t<T>, msgpack::object>,
                "tenon: msgpack::object owns nothing; read into msgpack::object_handle");
  return assert_wire_type<T>();
}

} // namespace tenon::inline v0
// structs to bytes and back: msgpack, json

// tenon/codec.hpp
// The codec layer's door: what a codec is, and the codecs.

// tenon/codec/arguments.hpp
// The arguments of a call as one message: what stands between a service's parameters and a codec. Codec layer.

namespace tenon::inline v0::codec {

/// The parameters of a method by reference, with their names where the contract gives them.
///
/// Shape   written: none as null; one as the bare value; several as an object by `names` when those are given, else as an array.
///         read: none from nothing, null, an empty array or an empty object; one from its bare value, or (when the value cannot be an array) from an array of one,
///         or (when it has a name and cannot be an object) from an object with that name; several from an array of that many, or from an object by `names`.
template <class Tuple>
struct arguments {
  Tuple& values;
  std::span<const std::string_view> names;
};

template <class Tuple>
arguments(Tuple&, std::span<const std::string_view>) -> arguments<Tuple>;

template <class T>
inline constexpr bool is_arguments = false;
template <class Tuple>
inline constexpr bool is_arguments<arguments<Tuple>> = true;

}  // namespace tenon::inline v0::codec

// tenon/codec/concept.hpp
// What a codec is, and the three doors to any of them: encode, decode, decode_into. Codec layer.

namespace tenon::inline v0 {

/// A wire form of values: a type with static members only.
///
/// Laws    `decode(encode(x)) == x` for every supported x; `encode` appends and never fails for a supported type; `decode` reads the whole input or
///         answers invalid_argument with a message that names path, expectation, finding and byte; it takes memory only in proportion to the input;
///         fields that are missing keep the value the object had, unknown fields are skipped.
/// Model   struct upper_hex {
///           static constexpr std::string_view name = "hex", content_type = "text/x-hex";
///           static constexpr std::uint8_t serialization = 9;   // rpcx's number for it, 0 to 15
///           template <class T> static void encode(tenon::buffer& out, const T& value);
///           template <class T> static tenon::status decode(std::string_view in, T& value, const tenon::limits& bounds);
///         };
template <class C>
concept codec_type = requires(buffer& out, std::string_view in, const int& from, int& into, const limits& bounds) {
  { C::name } -> std::convertible_to<std::string_view>;
  { C::content_type } -> std::convertible_to<std::string_view>;
  { C::serialization } -> std::convertible_to<std::uint8_t>;
  { C::template encode<int>(out, from) } -> std::same_as<void>;
  { C::template decode<int>(in, into, bounds) } -> std::same_as<status>;
};

/// The wire form of `value` as a string.
template <class Codec, class T>
std::string encode(const T& value) {
  static_assert(codec_type<Codec>, "tenon::encode: the first template argument is not a codec; write tenon::encode<tenon::codec::json>(value)");
  buffer out;
  Codec::encode(out, value);
  return std::string{out.view()};
}

/// Reads `in` into `value`, reusing the memory it has. Fields that `in` does not mention keep what they had.
///
/// Errors  invalid_argument with the path and the byte; resource_exhausted above `bounds`.
template <class Codec, class T>
status decode_into(std::string_view in, T& value, const limits& bounds = {}) {
  static_assert(codec_type<Codec>, "tenon::decode_into: the first template argument is not a codec; write tenon::decode_into<tenon::codec::json>(text, value)");
  if (in.size() > bounds.max_message_bytes) {
    return status{code::resource_exhausted, "message of " + std::to_string(in.size()) + " bytes exceeds the limit of " + std::to_string(bounds.max_message_bytes)};
  }
  return Codec::decode(in, value, bounds);
}

/// A fresh `T` read from `in`.
///
/// Errors  as `decode_into`.
template <class T, class Codec>
result<T> decode(std::string_view in, const limits& bounds = {}) {
  static_assert(codec_type<Codec>, "tenon::decode: the second template argument is not a codec; write tenon::decode<quote, tenon::codec::json>(text)");
  T value{};
  if (status read = decode_into<Codec>(in, value, bounds); !read.ok()) return read;
  return value;
}

}  // namespace tenon::inline v0

// tenon/codec/json.hpp
// Json generated from reflection: structs are written and read field by field, with no tree in between. Codec layer.

// tenon/codec/detail/json_arguments.hpp
// Reads the arguments of a call from json, in every form that callers write them. Codec layer, detail of codec/json.hpp.

// tenon/codec/detail/json_read.hpp
// Reads any value from json, straight into its fields. Codec layer, detail of codec/json.hpp.

// tenon/codec/detail/json_free.hpp
// Free-form fields in json: nlohmann::json, msgpack::object and msgpack::object_handle. Codec layer, detail of codec/json.hpp.
// All templates, and all that they touch is dependent: they are instantiated only where the user has included the library in question.

// tenon/codec/detail/json_reader.hpp
// Reads the scalars of json: text, integers, floating point. Codec layer, detail of codec/json.hpp.

#include <cfloat>
#include <charconv>
#include <cmath>

// tenon/codec/detail/expectation.hpp
// What a decoder says it expected, where a constant does not do: ranges of integers and names of enumerators. Codec layer, shared by codecs; failing paths only.

namespace tenon::inline v0::codec::detail {

/// `integer from -128 to 127`.
[[gnu::cold]] inline std::string expected_integer(std::int64_t lowest, std::uint64_t highest) {
  return "integer from " + std::to_string(lowest) + " to " + std::to_string(highest);
}

/// `one of red, green, blue`, with the first five names and an ellipsis for more.
template <class Enum>
[[gnu::cold]] std::string expected_one_of() {
  constexpr std::size_t shown = 5;
  std::string text;
  std::size_t count = 0;
  for (const auto& entry : enum_entries<Enum>) {
    if (count == shown) return text + ", ...";
    text += count == 0 ? "one of " : ", ";
    text += entry.name;
    ++count;
  }
  return count == 0 ? std::string{"integer"} : text;
}

}  // namespace tenon::inline v0::codec::detail

// tenon/codec/detail/json_scanner.hpp
// The grammar of json, and what went wrong with it: strict as RFC 8259, and no template. Codec layer, detail of codec/json.hpp.
// The place to read from travels as a `const char*` argument and result, nullptr for a failure whose reason is in `error()`: kept in the
// object, each character stored elsewhere would force it back to memory.

// tenon/codec/decode_error.hpp
// The first thing that went wrong while decoding, and the path to it, gathered while the decoder unwinds. Codec layer.

namespace tenon::inline v0::codec {

/// Filled on the failing path only: a decoder that succeeds never touches it.
///
/// Shape   message `field "orders[3].price": expected number, found string at byte 117`; without a path `expected object, found end of input at byte 0`.
class decode_error {
 public:
  /// Records the failure; returns false so that decoders can `return error.fail(...)`. Only the first counts.
  [[gnu::cold, gnu::noinline]] bool fail(std::size_t byte, std::string_view expected, std::string_view found, code why = code::invalid_argument) {
    if (expected_.empty()) {
      byte_ = byte;
      expected_.assign(expected);
      found_.assign(found);
      code_ = why;
    }
    return false;
  }
  /// Puts a step in front of the path; called by each level on the way out.
  [[gnu::cold, gnu::noinline]] bool at_field(std::string_view name) {
    const bool joins = !path_.empty() && path_.front() != '[';
    path_.insert(0, joins ? "." : "");
    path_.insert(0, name);
    return false;
  }
  [[gnu::cold, gnu::noinline]] bool at_index(std::size_t index) {
    const bool joins = !path_.empty() && path_.front() != '[';
    path_.insert(0, "[" + std::to_string(index) + (joins ? "]." : "]"));
    return false;
  }

  bool failed() const noexcept { return !expected_.empty(); }
  const std::string& path() const noexcept { return path_; }

  status to_status() const {
    if (!failed()) return {};
    std::string text = path_.empty() ? std::string{} : "field \"" + path_ + "\": ";
    text += "expected " + expected_ + ", found " + found_ + " at byte " + std::to_string(byte_);
    return status{code_, text};
  }

 private:
  std::string path_;
  std::string expected_;
  std::string found_;
  std::size_t byte_ = 0;
  code code_ = code::invalid_argument;
};

}  // namespace tenon::inline v0::codec

// tenon/codec/detail/json_text.hpp
// Eight bytes of json text at a time: which of them are not plain ASCII. Codec layer, detail of codec/json.hpp.

#include <bit>

namespace tenon::inline v0::codec::detail {

inline constexpr std::uint64_t every_byte = 0x0101010101010101ULL;

inline std::uint64_t load_8(const char* at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, 8);
  return word;
}

// The high bit of each byte that is below 0x20, a quote, a backslash, or above 0x7F. A borrow may also mark bytes after the first marked one, never before it.
constexpr std::uint64_t special_bytes(std::uint64_t word) noexcept {
  const std::uint64_t quote = word ^ (every_byte * '"');
  const std::uint64_t backslash = word ^ (every_byte * '\\');
  return ((word - every_byte * 0x20) | (quote - every_byte) | (backslash - every_byte) | word) & (every_byte * 0x80);
}

// How many bytes come before the first marked one, in the order of memory.
constexpr std::size_t bytes_before_mark(std::uint64_t marks) noexcept {
  if constexpr (std::endian::native == std::endian::little) return static_cast<std::size_t>(std::countr_zero(marks)) / 8;
  else return 0;
}

// The value of the one to seven digits at `at`, where eight bytes can be read; returns how many there were, 0 when none or more.
inline std::size_t read_few_digits(const char* at, std::uint64_t& value) noexcept {
  if constexpr (std::endian::native != std::endian::little) return 0;
  std::uint64_t digits = load_8(at) ^ (every_byte * '0');
  const std::uint64_t marks = ((digits + every_byte * 0x76) | digits) & (every_byte * 0x80);
  const std::size_t count = bytes_before_mark(marks);
  if (count == 0 || marks == 0) return 0;
  // Zeros in front, then pairs, fours and eights of digits are put together at once.
  digits <<= 64 - 8 * count;
  digits = digits * 10 + (digits >> 8);
  value = ((digits & 0x000000FF'000000FF) * 0x000F4240'00000064 + (digits >> 16 & 0x000000FF'000000FF) * 0x00002710'00000001) >> 32;
  return count;
}

constexpr bool is_plain(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

// The first byte from `at` on that is not plain.
inline const char* skip_plain(const char* at, const char* end) noexcept {
  while (end - at >= 8) {
    const std::uint64_t marks = special_bytes(load_8(at));
    if (marks != 0) {
      at += bytes_before_mark(marks);
      break;
    }
    at += 8;
  }
  while (at != end && is_plain(*at)) ++at;
  return at;
}

}  // namespace tenon::inline v0::codec::detail

// tenon/codec/detail/utf8.hpp
// Well-formed UTF-8, sequence by sequence. Codec layer, shared by the codecs whose text must be UTF-8.

namespace tenon::inline v0::codec::detail {

// The length of the well-formed sequence at `at`, or 0 when there is none: overlong forms, surrogates and what lies above U+10FFFF count as none.
// Source: Unicode, table 3-7.
constexpr std::size_t utf8_sequence(const char* at, const char* end) noexcept {
  const auto byte = [at](std::size_t i) { return static_cast<unsigned char>(at[i]); };
  const auto follows = [byte](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const auto left = static_cast<std::size_t>(end - at);
  if (left == 0) return 0;
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return left >= 2 && follows(1) ? 2 : 0;
  if (lead < 0xF0) {
    if (left < 3 || !follows(1) || !follows(2)) return 0;
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;
    if (lead == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (lead > 0xF4 || left < 4 || !follows(1) || !follows(2) || !follows(3)) return 0;
  if (lead == 0xF0 && byte(1) < 0x90) return 0;
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;
  return 4;
}

// The end of the well-formed sequences outside ASCII that begin at `at`: stops at ASCII, and at what is no UTF-8.
inline const char* skip_utf8(const char* at, const char* end) noexcept {
  if constexpr (std::endian::native == std::endian::little) {
    // Three bytes and two bytes by one load and few masks: most of the world's letters. Whatever is left is for the loop below.
    while (end - at >= 4) {
      std::uint32_t word = 0;
      std::memcpy(&word, at, 4);
      if ((word & 0x00C0C0F0U) == 0x008080E0U) {
        // Zero is an overlong form, 0x200D a surrogate.
        const std::uint32_t high = word & 0x0000200FU;
        if (high == 0 || high == 0x0000200DU) return at;
        at += 3;
      } else if ((word & 0x0000C0E0U) == 0x000080C0U && (word & 0x0000001EU) != 0) {
        at += 2;
      } else {
        const std::size_t length = (word & 0x80U) == 0 ? 0 : utf8_sequence(at, end);
        if (length == 0) return at;
        at += length;
      }
    }
  }
  while (at != end && static_cast<unsigned char>(*at) >= 0x80) {
    const std::size_t length = utf8_sequence(at, end);
    if (length == 0) break;
    at += length;
  }
  return at;
}

// Writes the UTF-8 form of a scalar value and returns the end; takes at most four bytes.
constexpr char* write_utf8(char* at, std::uint32_t point) noexcept {
  if (point < 0x80) {
    *at++ = static_cast<char>(point);
  } else if (point < 0x800) {
    *at++ = static_cast<char>(0xC0U | point >> 6);
    *at++ = static_cast<char>(0x80U | (point & 0x3FU));
  } else if (point < 0x10000) {
    *at++ = static_cast<char>(0xE0U | point >> 12);
    *at++ = static_cast<char>(0x80U | (point >> 6 & 0x3FU));
    *at++ = static_cast<char>(0x80U | (point & 0x3FU));
  } else {
    *at++ = static_cast<char>(0xF0U | point >> 18);
    *at++ = static_cast<char>(0x80U | (point >> 12 & 0x3FU));
    *at++ = static_cast<char>(0x80U | (point >> 6 & 0x3FU));
    *at++ = static_cast<char>(0x80U | (point & 0x3FU));
  }
  return at;
}

}  // namespace tenon::inline v0::codec::detail

namespace tenon::inline v0::codec::detail {

// A number as the text spells it: mantissa * 10^exponent. `dropped` says that the mantissa could not hold all digits and some were not 0;
// `whole` that there was neither a point nor an exponent.
struct json_number {
  std::uint64_t mantissa = 0;
  std::int64_t exponent = 0;
  bool negative = false;
  bool dropped = false;
  bool whole = true;
};

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

class json_scanner {
 public:
  json_scanner(std::string_view in, const limits& bounds)
      // An empty view may point nowhere, and nullptr says that reading failed.
      : begin_{in.data() == nullptr ? "" : in.data()}, end_{begin_ + in.size()}, levels_left_{bounds.max_nesting}, max_levels_{bounds.max_nesting} {}

  const char* begin() const noexcept { return begin_; }
  const char* end() const noexcept { return end_; }
  decode_error& error() noexcept { return error_; }

  const char* skip_space(const char* at) const noexcept { return at != end_ && *at > ' ' ? at : skip_more_space(at); }
  bool is_at(const char* at, char c) const noexcept { return at != end_ && *at == c; }
  bool is_at(const char* at, std::string_view text) const noexcept {
    return static_cast<std::size_t>(end_ - at) >= text.size() && std::memcmp(at, text.data(), text.size()) == 0;
  }
  bool is_null(const char* at) const noexcept { return is_at(at, "null"); }

  [[gnu::cold, gnu::noinline]] const char* fail(const char* at, std::string_view expected) { return fail(at, expected, found(at)); }
  [[gnu::cold, gnu::noinline]] const char* fail(const char* at, std::string_view expected, std::string_view what) {
    error_.fail(static_cast<std::size_t>(at - begin_), expected, what);
    return nullptr;
  }
  // The same for a whole number that does not fit, whose text says more than its kind.
  [[gnu::cold, gnu::noinline]] const char* fail_number(const char* at, const char* stop, std::string_view expected) {
    constexpr std::size_t shown = 40;
    const auto size = static_cast<std::size_t>(stop - at);
    return size <= shown ? fail(at, expected, {at, size}) : fail(at, expected, std::string{at, shown} + "...");
  }

  // The same for text that says more than its kind.
  [[gnu::cold, gnu::noinline]] const char* fail_name(const char* at, std::string_view expected, std::string_view text) {
    constexpr std::size_t shown = 40;
    return fail(at, expected, '"' + std::string{text.substr(0, shown)} + (text.size() > shown ? "...\"" : "\""));
  }
  [[gnu::cold, gnu::noinline]] bool fail_missing(const char* at, std::string_view name) {
    fail(at, "a value (it is required)", "none");
    return error_.at_field(name);
  }

  // After the value there may be white space and nothing else.
  void finish(const char* at) {
    at = skip_space(at);
    if (at == end_) return;
    const auto more = static_cast<std::size_t>(end_ - at);
    fail(at, "end of input", std::to_string(more) + (more == 1 ? " more byte" : " more bytes"));
  }

  // Each array and object stands between an `enter` and a `leave`.
  bool enter(const char* at) {
    if (levels_left_ == 0) [[unlikely]] return fail(at, "at most " + std::to_string(max_levels_) + " levels of nesting", "more") != nullptr;
    --levels_left_;
    return true;
  }
  void leave() noexcept { ++levels_left_; }

  // After an element: steps over the comma to the next one, or over `close`, which sets `closed`.
  const char* next_element(const char* at, char close, bool& closed) {
    if (end_ - at >= 2 && *at == ',' && at[1] > ' ') return at + 1;
    return find_next_element(at, close, closed);
  }
  // Opens an array or object whose bracket is at `at`; `closed` when there is nothing in it.
  const char* first_element(const char* at, char close, bool& closed) {
    if (!enter(at)) return nullptr;
    at = skip_space(at + 1);
    closed = is_at(at, close);
    return closed ? at + 1 : at;
  }
  // From after a key to its value.
  const char* read_colon(const char* at) {
    at = skip_space(at);
    if (!is_at(at, ':')) [[unlikely]] return fail(at, "':'");
    return skip_space(at + 1);
  }

  const char* read_boolean(const char* at, bool& value) {
    if (is_at(at, "true")) return value = true, at + 4;
    if (is_at(at, "false")) return value = false, at + 5;
    return fail(at, "boolean");
  }

  // The grammar of a number, and what it says.
  const char* scan_number(const char* at, json_number& number) {
    number = {};
    if (is_at(at, '-')) {
      number.negative = true;
      ++at;
    }
    if (at == end_ || !is_digit(*at)) return fail(at, "digit");
    if (*at == '0') {
      ++at;
      if (at != end_ && is_digit(*at)) return fail(at, "number without leading zeros", "digit");
    } else {
      at = scan_digits(at, number, 0);
    }
    if (is_at(at, '.')) {
      number.whole = false;
      ++at;
      if (at == end_ || !is_digit(*at)) return fail(at, "digit");
      at = scan_digits(at, number, 1);
    }
    if (is_at(at, 'e') || is_at(at, 'E')) {
      number.whole = false;
      ++at;
      const bool down = is_at(at, '-');
      if (down || is_at(at, '+')) ++at;
      if (at == end_ || !is_digit(*at)) return fail(at, "digit");
      std::int64_t exponent = 0;
      // No message is long enough to bring an exponent of more digits back into range.
      for (; at != end_ && is_digit(*at); ++at) exponent = exponent < 1'000'000'000'000 ? exponent * 10 + (*at - '0') : exponent;
      number.exponent += down ? -exponent : exponent;
    }
    return at;
  }

  // Steps over any value, as strictly as if it were wanted.
  const char* skip_value(const char* at) {
    if (at == end_) return fail(at, "value");
    switch (*at) {
      case '{':
      case '[': return skip_container(at);
      case '"': {
        bool escaped = false;
        return scan_string(at, escaped);
      }
      case 't':
      case 'f': {
        bool value = false;
        return read_boolean(at, value);
      }
      case 'n': return is_null(at) ? at + 4 : fail(at, "value");
      default: {
        json_number number;
        return *at == '-' || is_digit(*at) ? scan_number(at, number) : fail(at, "value");
      }
    }
  }

  // What stands at `at`, for an error.
  std::string found(const char* at) const {
    if (at == end_) return "end of input";
    switch (*at) {
      case '{': return "object";
      case '[': return "array";
      case '"': return "string";
      case 't': return is_at(at, "true") ? "boolean" : "character 't'";
      case 'f': return is_at(at, "false") ? "boolean" : "character 'f'";
      case 'n': return is_at(at, "null") ? "null" : "character 'n'";
      default: break;
    }
    if (*at == '-' || is_digit(*at)) return "number";
    const auto byte = static_cast<unsigned char>(*at);
    if (byte > 0x20 && byte < 0x7F) return std::string{"character '"} + *at + '\'';
    constexpr std::string_view hex = "0123456789abcdef";
    return std::string{"byte 0x"} + hex[byte >> 4] + hex[byte & 15U];
  }

 protected:
  // Returns what follows the closing quote; everything between the quotes is well-formed then.
  const char* scan_string(const char* at, bool& escaped) {
    if (!is_at(at, '"')) [[unlikely]] return fail(at, "string");
    ++at;
    for (;;) {
      at = skip_plain(at, end_);
      if (at == end_) [[unlikely]] return fail(at, "'\"' at the end of the string");
      if (*at == '"') return at + 1;
      if (*at == '\\') {
        escaped = true;
        at = scan_escape(at);
        if (at == nullptr) return nullptr;
      } else if (static_cast<unsigned char>(*at) < 0x20) {
        return fail(at, "control character written as an escape");
      } else {
        const char* const letters = at;
        at = skip_utf8(at, end_);
        if (at == letters) [[unlikely]] return fail(at, "UTF-8 text");
      }
    }
  }

  static constexpr std::uint32_t hex_digit(char c) noexcept {
    if (is_digit(c)) return static_cast<std::uint32_t>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<std::uint32_t>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') return static_cast<std::uint32_t>(c - 'A') + 10;
    return 16;
  }

 private:
  [[gnu::noinline]] const char* skip_more_space(const char* at) const noexcept {
    while (at != end_ && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
    return at;
  }

  [[gnu::noinline]] const char* find_next_element(const char* at, char close, bool& closed) {
    at = skip_space(at);
    if (is_at(at, ',')) return skip_space(at + 1);
    if (is_at(at, close)) {
      closed = true;
      return at + 1;
    }
    return fail(at, close == '}' ? "',' or '}'" : "',' or ']'");
  }

  const char* skip_container(const char* at) {
    const bool object = *at == '{';
    const char close = object ? '}' : ']';
    bool closed = false;
    at = first_element(at, close, closed);
    while (at != nullptr && !closed) {
      if (object) {
        bool escaped = false;
        at = scan_string(at, escaped);
        if (at == nullptr) return nullptr;
        at = read_colon(at);
        if (at == nullptr) return nullptr;
      }
      at = skip_value(at);
      if (at == nullptr) return nullptr;
      at = next_element(at, close, closed);
    }
    leave();
    return at;
  }

  const char* scan_escape(const char* at) {
    const char* const start = at;
    ++at;
    if (at == end_) return fail(at, "escape");
    if (*at != 'u') {
      constexpr std::string_view known = "\"\\/bfnrt";
      return known.find(*at) != std::string_view::npos ? at + 1 : fail(at, "escape");
    }
    std::uint32_t unit = 0;
    at = scan_hex(at + 1, unit);
    if (at == nullptr || unit < 0xD800 || unit > 0xDFFF) return at;
    if (unit > 0xDBFF || !is_at(at, "\\u")) return fail(start, "both halves of a surrogate pair", "one");
    at = scan_hex(at + 2, unit);
    if (at == nullptr || (unit >= 0xDC00 && unit <= 0xDFFF)) return at;
    return fail(start, "both halves of a surrogate pair", "one");
  }
  const char* scan_hex(const char* at, std::uint32_t& unit) {
    unit = 0;
    for (int i = 0; i < 4; ++i, ++at) {
      if (at == end_) return fail(at, "four hexadecimal digits");
      const std::uint32_t digit = hex_digit(*at);
      if (digit > 15) return fail(at, "four hexadecimal digits");
      unit = unit << 4 | digit;
    }
    return at;
  }
  const char* scan_digits(const char* at, json_number& number, std::int64_t after_point) const noexcept {
    for (; at != end_ && is_digit(*at); ++at) {
      const auto digit = static_cast<std::uint64_t>(*at - '0');
      std::uint64_t grown = 0;
      if (!number.dropped && !__builtin_mul_overflow(number.mantissa, std::uint64_t{10}, &grown) && !__builtin_add_overflow(grown, digit, &grown)) {
        number.mantissa = grown;
        number.exponent -= after_point;
      } else {
        number.dropped = number.dropped || digit != 0;
        number.exponent += 1 - after_point;
      }
    }
    return at;
  }

  const char* begin_;
  const char* end_;
  std::size_t levels_left_;
  std::size_t max_levels_;
  decode_error error_;
};

}  // namespace tenon::inline v0::codec::detail

namespace tenon::inline v0::codec::detail {

inline constexpr double exact_powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

class json_reader : public json_scanner {
 public:
  using json_scanner::json_scanner;

  // True while an element that a sequence had before is decoded into: fields that the input does not mention must not keep what they had.
  bool resetting() const noexcept { return resetting_; }
  void set_resetting(bool on) noexcept { resetting_ = on; }

  // A key and its colon. The view lasts until the next string with escapes is read.
  const char* read_key(const char* at, std::string_view& key) {
    at = read_string(at, key, scratch_);
    return at == nullptr ? nullptr : read_colon(at);
  }

  // The string at `at` as a view of the input, or of `storage` when it has escapes.
  const char* read_string(const char* at, std::string_view& text, std::string& storage) {
    bool escaped = false;
    const char* stop = scan_string(at, escaped);
    if (stop == nullptr) return nullptr;
    text = {at + 1, static_cast<std::size_t>(stop - at) - 2};
    if (escaped) {
      unescape(text, storage);
      text = storage;
    }
    return stop;
  }
  const char* read_text(const char* at, std::string& value) {
    std::string_view text;
    at = read_string(at, text, value);
    if (at != nullptr && text.data() != value.data()) value.assign(text);
    return at;
  }
  // The same into storage of the reader's own, for what is read out of the text at once.
  const char* read_text(const char* at, std::string_view& text) { return read_string(at, text, scratch_); }

  // An integer from `lowest` to `highest`, which include 0 for every type; what is written as `3.0` or `1e3` is one, too.
  const char* read_signed(const char* at, std::int64_t lowest, std::int64_t highest, std::int64_t& value) {
    std::uint64_t magnitude = 0;
    bool negative = false;
    const char* stop = read_magnitude(at, negative, magnitude);
    if (stop == nullptr) return fail_integer(at, lowest, static_cast<std::uint64_t>(highest));
    const std::uint64_t most = negative ? 0 - static_cast<std::uint64_t>(lowest) : static_cast<std::uint64_t>(highest);
    if (magnitude > most) [[unlikely]] return fail_integer(at, lowest, static_cast<std::uint64_t>(highest));
    value = static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
    return stop;
  }
  const char* read_unsigned(const char* at, std::uint64_t highest, std::uint64_t& value) {
    bool negative = false;
    const char* stop = read_magnitude(at, negative, value);
    if (stop == nullptr || (negative && value != 0) || value > highest) [[unlikely]] return fail_integer(at, 0, highest);
    return stop;
  }

  const char* read_floating(const char* at, double& value) { return read_any_floating(at, value); }
  const char* read_floating(const char* at, float& value) { return read_any_floating(at, value); }

 private:
  static constexpr std::uint32_t hex_unit(const char* at) noexcept {
    return hex_digit(at[0]) << 12 | hex_digit(at[1]) << 8 | hex_digit(at[2]) << 4 | hex_digit(at[3]);
  }

  // Takes text that `scan_string` has found good.
  static void unescape(std::string_view text, std::string& into) {
    into.clear();
    into.reserve(text.size());
    while (!text.empty()) {
      const std::size_t run = text.find('\\');
      into.append(text.substr(0, run));
      if (run == std::string_view::npos) return;
      const char* at = text.data() + run + 1;
      std::size_t used = run + 2;
      switch (*at) {
        case 'b': into += '\b'; break;
        case 'f': into += '\f'; break;
        case 'n': into += '\n'; break;
        case 'r': into += '\r'; break;
        case 't': into += '\t'; break;
        case 'u': {
          std::uint32_t point = hex_unit(at + 1);
          used += 4;
          if (point >= 0xD800 && point <= 0xDFFF) {
            point = 0x10000U + ((point - 0xD800U) << 10) + (hex_unit(at + 7) - 0xDC00U);
            used += 6;
          }
          char bytes[4];
          into.append(bytes, static_cast<std::size_t>(write_utf8(bytes, point) - bytes));
          break;
        }
        default: into += *at;
      }
      text.remove_prefix(used);
    }
  }

  // Digits alone, at most 18 of them, without a leading zero: what nearly every integer is. Everything else takes the long way.
  const char* read_magnitude(const char* at, bool& negative, std::uint64_t& magnitude) {
    const char* place = at;
    if (is_at(place, '-')) {
      negative = true;
      ++place;
    }
    const char* const digits = place;
    std::uint64_t value = 0;
    if (end() - place >= 8) place += read_few_digits(place, value);
    while (place != end() && is_digit(*place) && place - digits < 19) value = value * 10 + static_cast<std::uint64_t>(*place++ - '0');
    const auto count = place - digits;
    const bool more = place != end() && (*place == '.' || *place == 'e' || *place == 'E');
    if (count == 0 || count > 18 || more || (count > 1 && *digits == '0')) [[unlikely]] return read_spelled_magnitude(at, magnitude);
    magnitude = value;
    return place;
  }
  // Returns nullptr, without an error unless the grammar is at fault, for what is no integer or too large for 64 bits.
  [[gnu::noinline]] const char* read_spelled_magnitude(const char* at, std::uint64_t& magnitude) {
    if (at == end() || (*at != '-' && !is_digit(*at))) return nullptr;
    json_number number;
    const char* stop = scan_number(at, number);
    if (stop == nullptr || number.dropped) return nullptr;
    while (number.exponent < 0 && number.mantissa != 0 && number.mantissa % 10 == 0) {
      number.mantissa /= 10;
      ++number.exponent;
    }
    if (number.mantissa == 0) number.exponent = 0;
    if (number.exponent < 0 || number.exponent > 19) return nullptr;
    for (; number.exponent > 0; --number.exponent) {
      if (__builtin_mul_overflow(number.mantissa, std::uint64_t{10}, &number.mantissa)) return nullptr;
    }
    magnitude = number.mantissa;
    return stop;
  }
  [[gnu::cold, gnu::noinline]] const char* fail_integer(const char* at, std::int64_t lowest, std::uint64_t highest) {
    if (error().failed()) return nullptr;
    if (at == end() || (*at != '-' && !is_digit(*at))) return fail(at, "integer");
    json_number number;
    const char* stop = scan_number(at, number);
    if (stop == nullptr) return nullptr;
    while (number.exponent < 0 && number.mantissa != 0 && number.mantissa % 10 == 0) {
      number.mantissa /= 10;
      ++number.exponent;
    }
    return fail_number(at, stop, number.exponent < 0 && number.mantissa != 0 ? std::string{"integer"} : expected_integer(lowest, highest));
  }

  template <class Floating>
  const char* read_any_floating(const char* at, Floating& value) {
    if (at == end() || (*at != '-' && !is_digit(*at))) [[unlikely]] {
      // Json has no word for NaN; we write null for it.
      if (is_null(at)) return value = std::numeric_limits<Floating>::quiet_NaN(), at + 4;
      return fail(at, "number");
    }
    json_number number;
    const char* stop = scan_number(at, number);
    if (stop == nullptr) return nullptr;
    // Both factors are exact, so that the one rounding of the product or quotient is the right one (Clinger's fast path).
    constexpr std::uint64_t most = std::uint64_t{1} << std::numeric_limits<Floating>::digits;
    constexpr std::int64_t widest = std::is_same_v<Floating, double> ? 22 : 10;
    if (FLT_EVAL_METHOD == 0 && !number.dropped && number.mantissa <= most && number.exponent >= -widest && number.exponent <= widest) {
      const auto mantissa = static_cast<Floating>(number.mantissa);
      const std::int64_t exponent = number.exponent;
      const auto magnitude = exponent < 0 ? mantissa / static_cast<Floating>(exact_powers_of_ten[-exponent]) : mantissa * static_cast<Floating>(exact_powers_of_ten[exponent]);
      value = number.negative ? -magnitude : magnitude;
      return stop;
    }
    return read_hard_floating(at, stop, number, value);
  }
  template <class Floating>
  [[gnu::noinline]] const char* read_hard_floating(const char* at, const char* stop, const json_number& number, Floating& value) {
    const std::from_chars_result end = std::from_chars(at, stop, value);
    if (end.ec == std::errc{} && std::isfinite(value)) return stop;
    // Too small for the type is 0; too large is no number that it could hold.
    if (number.mantissa == 0 || number.exponent < 0) return value = number.negative ? -Floating{0} : Floating{0}, stop;
    return fail_number(at, stop, std::is_same_v<Floating, double> ? "number within the range of a double" : "number within the range of a float");
  }

  bool resetting_ = false;
  std::string scratch_;
};

}  // namespace tenon::inline v0::codec::detail

// tenon/codec/detail/json_writer.hpp
// Writes the scalars of json into a buffer: text with its escapes, integers, floating point. Codec layer, detail of codec/json.hpp.
// The place to write travels as a `char*` argument and result: kept in the object, each character stored would force it back to memory.

// tenon/codec/detail/base64.hpp
// Base64, the text form of binary data. Codec layer, shared by the codecs that are text.
// Source: RFC 4648, sections 4 (the alphabet written) and 5 (the URL-safe one, read as well).

namespace tenon::inline v0::codec::detail {

inline constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

inline constexpr std::uint8_t base64_none = 0xFF;

consteval std::array<std::uint8_t, 256> make_base64_digits() {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(base64_none);
  for (std::size_t i = 0; i < base64_alphabet.size(); ++i) digits[static_cast<unsigned char>(base64_alphabet[i])] = static_cast<std::uint8_t>(i);
  digits['-'] = digits['+'];
  digits['_'] = digits['/'];
  return digits;
}

inline constexpr std::array<std::uint8_t, 256> base64_digits = make_base64_digits();

constexpr std::size_t base64_size(std::size_t bytes) noexcept { return (bytes + 2) / 3 * 4; }

// Writes `base64_size(count)` characters, padded, and returns the end.
inline char* write_base64(char* at, const std::byte* data, std::size_t count) noexcept {
  const auto byte = [data](std::size_t i) { return static_cast<std::uint32_t>(data[i]); };
  const auto put = [&at](std::uint32_t group, int shift) { *at++ = base64_alphabet[group >> shift & 63U]; };
  std::size_t i = 0;
  for (; i + 3 <= count; i += 3) {
    const std::uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    put(group, 18);
    put(group, 12);
    put(group, 6);
    put(group, 0);
  }
  if (i == count) return at;
  const bool two = count - i == 2;
  const std::uint32_t group = byte(i) << 16 | (two ? byte(i + 1) << 8 : 0U);
  put(group, 18);
  put(group, 12);
  if (two) put(group, 6);
  else *at++ = '=';
  *at++ = '=';
  return at;
}

// The text without its padding, which is optional; what is wrong with the padding shows as a character outside the alphabet.
constexpr std::string_view base64_unpadded(std::string_view text) noexcept {
  if (text.size() % 4 != 0) return text;
  for (int padding = 0; padding < 2 && !text.empty() && text.back() == '='; ++padding) text.remove_suffix(1);
  return text;
}

// How many bytes an unpadded text stands for.
constexpr std::size_t base64_bytes(std::size_t unpadded_size) noexcept { return unpadded_size / 4 * 3 + unpadded_size % 4 * 3 / 4; }

// Reads an unpadded text into `base64_bytes(unpadded.size())` bytes at `into`.
// Returns how many characters were good: all of them, or where the first bad one stands.
inline std::size_t read_base64(std::string_view unpadded, std::byte* into) noexcept {
  std::uint32_t group = 0;
  int bits = 0;
  for (std::size_t i = 0; i < unpadded.size(); ++i) {
    const std::uint8_t digit = base64_digits[static_cast<unsigned char>(unpadded[i])];
    if (digit == base64_none) return i;
    group = group << 6 | digit;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      *into++ = static_cast<std::byte>(group >> bits);
    }
  }
  // One character alone holds six bits, which are no byte.
  return unpadded.size() % 4 == 1 ? unpadded.size() - 1 : unpadded.size();
}

}  // namespace tenon::inline v0::codec::detail

namespace tenon::inline v0::codec::detail {

consteval std::array<char, 200> make_digit_pairs() {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}

inline constexpr std::array<char, 200> digit_pairs = make_digit_pairs();

inline constexpr std::array<std::uint64_t, 20> powers_of_ten = [] {
  std::array<std::uint64_t, 20> powers{};
  std::uint64_t power = 1;
  for (std::uint64_t& each : powers) {
    each = power;
    power *= 10;
  }
  return powers;
}();

constexpr std::size_t decimal_digits(std::uint64_t value) noexcept {
  // 1233 / 4096 is the logarithm of 2 to the base of 10, from below: the guess is right or one too low.
  const auto guess = static_cast<std::size_t>(std::bit_width(value | 1)) * 1233 / 4096;
  return guess + ((value | 1) >= powers_of_ten[guess] ? 1U : 0U);
}

// Twenty characters at most.
inline char* write_unsigned(char* at, std::uint64_t value) noexcept {
  char* const end = at + decimal_digits(value);
  char* place = end;
  while (value >= 100) {
    place -= 2;
    std::memcpy(place, &digit_pairs[value % 100 * 2], 2);
    value /= 100;
  }
  if (value >= 10) std::memcpy(place - 2, &digit_pairs[value * 2], 2);
  else place[-1] = static_cast<char>('0' + value);
  return end;
}

inline char* write_signed(char* at, std::int64_t value) noexcept {
  auto magnitude = static_cast<std::uint64_t>(value);
  if (value < 0) {
    *at++ = '-';
    magnitude = 0 - magnitude;
  }
  return write_unsigned(at, magnitude);
}

template <class Integer>
char* write_integer(char* at, Integer value) noexcept {
  if constexpr (std::is_signed_v<Integer>) return write_signed(at, static_cast<std::int64_t>(value));
  else return write_unsigned(at, static_cast<std::uint64_t>(value));
}

inline constexpr std::size_t max_integer_size = 20;
inline constexpr std::size_t max_floating_size = 32;

// The shortest text that reads back to the same value, without an exponent where people would not write one.
template <class Floating>
char* write_shortest(char* at, Floating value) noexcept {
  const Floating magnitude = std::fabs(value);
  const bool plain = (magnitude >= Floating(1e-5) && magnitude < Floating(1e15)) || magnitude == 0;
  const std::to_chars_result end =
      plain ? std::to_chars(at, at + max_floating_size, value, std::chars_format::fixed) : std::to_chars(at, at + max_floating_size, value);
  return end.ptr;
}

// Json has no words for NaN and the infinities: null stands for them.
inline char* write_floating(char* at, float value) noexcept {
  if (!std::isfinite(value)) return static_cast<char*>(std::memcpy(at, "null", 4)) + 4;
  return write_shortest(at, value);
}

inline char* write_floating(char* at, double value) noexcept {
  if (!std::isfinite(value)) return static_cast<char*>(std::memcpy(at, "null", 4)) + 4;
  // Most doubles that people send have at most four decimals. With at most 15 digits a decimal that divides back to the value is the only one
  // as short (a double keeps 15 digits apart), and it costs two multiplications instead of the search for the shortest.
  const double magnitude = std::fabs(value);
  if (magnitude < 1e11 && (magnitude >= 1e-4 || magnitude == 0)) {
    const auto scaled = static_cast<std::uint64_t>(magnitude * 1e4 + 0.5);
    if (static_cast<double>(scaled) / 1e4 == magnitude) {
      if (std::signbit(value)) *at++ = '-';
      at = write_unsigned(at, scaled / 10'000);
      const auto decimals = static_cast<std::size_t>(scaled % 10'000);
      if (decimals == 0) return at;
      at[0] = '.';
      std::memcpy(at + 1, &digit_pairs[decimals / 100 * 2], 2);
      std::memcpy(at + 3, &digit_pairs[decimals % 100 * 2], 2);
      at += 5;
      while (at[-1] == '0') --at;
      return at;
    }
  }
  return write_shortest(at, value);
}

// The end of a buffer while it is written. What `room` granted may be written without asking again; `finish` counts it.
class json_writer {
 public:
  explicit json_writer(buffer& out) : out_{out} {}

  // Where to start writing.
  char* start() {
    char* at = out_.prepare(64);
    begin_ = at;
    end_ = out_.data() + out_.capacity();
    return at;
  }
  void finish(char* at) { out_.commit(static_cast<std::size_t>(at - begin_)); }

  // At least `count` bytes to write at the place that comes back.
  char* room(char* at, std::size_t count) {
    if (static_cast<std::size_t>(end_ - at) < count) [[unlikely]] return grow(at, count);
    return at;
  }

  char* write_text(char* at, std::string_view text) {
    at = room(at, text.size() + escape_room);
    *at++ = '"';
    at = write_escaped(at, text);
    *at++ = '"';
    return at;
  }

  char* write_binary(char* at, const std::byte* data, std::size_t count) {
    at = room(at, base64_size(count) + 2);
    *at++ = '"';
    at = write_base64(at, data, count);
    *at++ = '"';
    return at;
  }

  char* write_raw(char* at, std::string_view text) {
    at = room(at, text.size());
    std::memcpy(at, text.data(), text.size());
    return at + text.size();
  }

 private:
  // Two quotes, the longest escape, and eight bytes that are stored before it is known how many of them count.
  static constexpr std::size_t escape_room = 2 + 6 + 8;

  [[gnu::cold, gnu::noinline]] char* grow(char* at, std::size_t count) {
    finish(at);
    begin_ = out_.prepare(count);
    end_ = out_.data() + out_.capacity();
    return begin_;
  }

  // Needs room for the text and `escape_room`.
  char* write_escaped(char* at, std::string_view text) {
    const char* from = text.data();
    const char* const end = from + text.size();
    for (;;) {
      while (end - from >= 8) {
        const std::uint64_t word = load_8(from);
        std::memcpy(at, &word, 8);
        const std::uint64_t marks = special_bytes(word);
        if (marks != 0) {
          const std::size_t plain = bytes_before_mark(marks);
          from += plain;
          at += plain;
          break;
        }
        from += 8;
        at += 8;
      }
      while (from != end && is_plain(*from)) *at++ = *from++;
      if (from == end) return at;
      if (static_cast<unsigned char>(*from) >= 0x80) {
        const auto length = static_cast<std::size_t>(skip_utf8(from, end) - from);
        if (length != 0) {
          std::memcpy(at, from, length);
          from += length;
          at += length;
          continue;
        }
        // A run of bytes that are no UTF-8 becomes one U+FFFD: what is sent must be text.
        do ++from;
        while (from != end && static_cast<unsigned char>(*from) >= 0x80 && utf8_sequence(from, end) == 0);
        at = room(at, static_cast<std::size_t>(end - from) + escape_room);
        at = write_utf8(at, 0xFFFD);
      } else {
        at = room(at, static_cast<std::size_t>(end - from) + escape_room);
        at = write_escape(at, *from++);
      }
    }
  }

  static char* write_escape(char* at, char c) noexcept {
    *at++ = '\\';
    switch (c) {
      case '"': *at++ = '"'; return at;
      case '\\': *at++ = '\\'; return at;
      case '\b': *at++ = 'b'; return at;
      case '\f': *at++ = 'f'; return at;
      case '\n': *at++ = 'n'; return at;
      case '\r': *at++ = 'r'; return at;
      case '\t': *at++ = 't'; return at;
      default: {
        constexpr std::string_view hex = "0123456789abcdef";
        std::memcpy(at, "u00", 3);
        at[3] = hex[static_cast<unsigned char>(c) >> 4];
        at[4] = hex[static_cast<unsigned char>(c) & 15U];
        return at + 5;
      }
    }
  }

  buffer& out_;
  char* begin_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace tenon::inline v0::codec::detail

// tenon/codec/detail/timestamp.hpp
// Time points as text, `2026-11-20T10:26:41.123456789Z`. Codec layer, shared by the codecs that are text.
// Source: RFC 3339, section 5.6.

namespace tenon::inline v0::codec::detail {

// Seconds since 1970 and the nanoseconds after them, 0 to 999'999'999: what every wire form of a time point is made of.
struct timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  bool operator==(const timestamp&) const = default;
};

inline constexpr std::size_t max_timestamp_size = 30;

// By hand: chrono's own casts overflow for the earliest of the time points that count nanoseconds.
template <class Duration>
constexpr timestamp to_timestamp(std::chrono::time_point<std::chrono::system_clock, Duration> value) {
  using period = typename Duration::period;
  const auto count = value.time_since_epoch().count();
  if constexpr (std::is_floating_point_v<typename Duration::rep> || (period::num != 1 && period::den != 1)) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(value);
    const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(value - whole);
    return {static_cast<std::int64_t>(whole.time_since_epoch().count()), static_cast<std::uint32_t>(rest.count())};
  } else if constexpr (period::num == 1) {
    constexpr std::int64_t per_second = period::den;
    auto seconds = static_cast<std::int64_t>(count) / per_second;
    auto rest = static_cast<std::int64_t>(count) % per_second;
    if (rest < 0) {
      rest += per_second;
      --seconds;
    }
    if constexpr (per_second <= 1'000'000'000) return {seconds, static_cast<std::uint32_t>(rest * 1'000'000'000 / per_second)};
    else return {seconds, static_cast<std::uint32_t>(rest / (per_second / 1'000'000'000))};
  } else {
    std::int64_t seconds = 0;
    if (__builtin_mul_overflow(static_cast<std::int64_t>(count), static_cast<std::int64_t>(period::num), &seconds)) {
      seconds = count < 0 ? (std::numeric_limits<std::int64_t>::min)() : (std::numeric_limits<std::int64_t>::max)();
    }
    return {seconds, 0};
  }
}

// Cuts what is finer than `Duration`; false when the time point cannot hold so distant a time.
template <class Duration>
constexpr bool from_timestamp(timestamp from, std::chrono::time_point<std::chrono::system_clock, Duration>& into) {
  using rep = typename Duration::rep;
  using period = typename Duration::period;
  if constexpr (std::is_floating_point_v<rep>) {
    into = std::chrono::time_point<std::chrono::system_clock, Duration>{std::chrono::duration_cast<Duration>(
        std::chrono::duration<rep>{static_cast<rep>(from.seconds)} + std::chrono::duration<rep, std::nano>{static_cast<rep>(from.nanoseconds)})};
    return true;
  } else {
    static_assert(period::num == 1 || period::den == 1, "tenon: a time point on the wire counts whole seconds or a whole part of one; use std::chrono::sys_time<std::chrono::nanoseconds>");
    std::int64_t ticks = 0;
    if constexpr (period::num == 1) {
      // Before 1970 it counts back from the next second: the earliest time point lies within the last second that can be multiplied.
      const std::int64_t up = from.seconds < 0 ? 1 : 0;
      if (__builtin_mul_overflow(from.seconds + up, static_cast<std::int64_t>(period::den), &ticks)) return false;
      const std::int64_t rest = period::den <= 1'000'000'000 ? static_cast<std::int64_t>(from.nanoseconds) * period::den / 1'000'000'000
                                                             : static_cast<std::int64_t>(from.nanoseconds) * (period::den / 1'000'000'000);
      if (__builtin_add_overflow(ticks, rest - up * period::den, &ticks)) return false;
    } else {
      ticks = from.seconds / period::num - (from.seconds % period::num < 0 ? 1 : 0);
    }
    if (ticks < (std::numeric_limits<rep>::min)() || ticks > (std::numeric_limits<rep>::max)()) return false;
    into = std::chrono::time_point<std::chrono::system_clock, Duration>{Duration{static_cast<rep>(ticks)}};
    return true;
  }
}

// Writes at most `max_timestamp_size` characters and returns the end; the fraction is as long as it must be.
// RFC 3339 knows the years 0 to 9999 only: what lies outside is written as the nearest moment inside.
inline char* write_timestamp(char* at, timestamp value) noexcept {
  constexpr std::int64_t year_0 = -62'167'219'200;
  constexpr std::int64_t year_10000 = 253'402'300'800;
  if (value.seconds < year_0) value = {year_0, 0};
  if (value.seconds >= year_10000) value = {year_10000 - 1, 999'999'999};

  const auto put = [&at](unsigned number, int digits) {
    for (int i = digits - 1; i >= 0; --i, number /= 10) at[i] = static_cast<char>('0' + number % 10);
    at += digits;
  };
  const auto days = std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds{std::chrono::seconds{value.seconds}});
  const std::chrono::year_month_day date{days};
  const auto clock = static_cast<unsigned>(value.seconds - std::chrono::sys_seconds{days}.time_since_epoch().count());
  put(static_cast<unsigned>(static_cast<int>(date.year())), 4);
  *at++ = '-';
  put(static_cast<unsigned>(date.month()), 2);
  *at++ = '-';
  put(static_cast<unsigned>(date.day()), 2);
  *at++ = 'T';
  put(clock / 3600, 2);
  *at++ = ':';
  put(clock / 60 % 60, 2);
  *at++ = ':';
  put(clock % 60, 2);
  if (value.nanoseconds != 0) {
    *at++ = '.';
    put(value.nanoseconds, 9);
    while (at[-1] == '0') --at;
  }
  *at++ = 'Z';
  return at;
}

// False when `text` is not a date and time of RFC 3339. A leap second reads as the second after it; digits finer than a nanosecond are cut.
inline bool read_timestamp(std::string_view text, timestamp& into) noexcept {
  bool good = true;
  const auto number = [&](std::size_t digits, unsigned most) {
    unsigned value = 0;
    if (text.size() < digits) return good = false, 0U;
    for (std::size_t i = 0; i < digits; ++i) {
      const auto digit = static_cast<unsigned>(text[i]) - static_cast<unsigned>('0');
      good = good && digit <= 9;
      value = value * 10 + digit;
    }
    text.remove_prefix(digits);
    good = good && value <= most;
    return value;
  };
  const auto mark = [&](char first, char second) {
    if (text.empty() || (text.front() != first && text.front() != second)) return good = false;
    text.remove_prefix(1);
    return true;
  };

  const unsigned year = number(4, 9999);
  mark('-', '-');
  const unsigned month = number(2, 12);
  mark('-', '-');
  const unsigned day = number(2, 31);
  // RFC 3339 allows lower case, and a space for readability.
  if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  else mark('T', 't');
  const unsigned hour = number(2, 23);
  mark(':', ':');
  const unsigned minute = number(2, 59);
  mark(':', ':');
  const unsigned second = number(2, 60);

  std::uint32_t nanoseconds = 0;
  if (good && !text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    std::uint32_t unit = 100'000'000;
    bool any = false;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
      nanoseconds += static_cast<std::uint32_t>(text.front() - '0') * unit;
      unit /= 10;
      any = true;
      text.remove_prefix(1);
    }
    good = any;
  }

  std::int64_t offset = 0;
  if (good && !text.empty() && (text.front() == '+' || text.front() == '-')) {
    const bool west = text.front() == '-';
    text.remove_prefix(1);
    const unsigned hours = number(2, 23);
    mark(':', ':');
    const unsigned minutes = number(2, 59);
    offset = static_cast<std::int64_t>(hours * 3600 + minutes * 60) * (west ? -1 : 1);
  } else {
    mark('Z', 'z');
  }

  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(year)}, std::chrono::month{month}, std::chrono::day{day}};
  if (!good || !text.empty() || !date.ok()) return false;
  const auto midnight = std::chrono::sys_seconds{std::chrono::sys_days{date}}.time_since_epoch().count();
  into = {static_cast<std::int64_t>(midnight) + static_cast<std::int64_t>(hour * 3600 + minute * 60 + second) - offset, nanoseconds};
  return true;
}

}  // namespace tenon::inline v0::codec::detail

namespace tenon::inline v0::codec::detail {

// A msgpack::object with the memory it stands in: what free-form values are read into.
template <class T>
concept owning_object = requires(T& value) {
  value.zone();
  value.get().via;
};

// Writes brackets, separators and elements; `write(at, element)` writes one.
template <class Elements, class Write>
char* write_free_list(json_writer& to, char* at, char open, char close, const Elements& elements, Write write) {
  char separator = open;
  for (const auto& each : elements) {
    at = to.room(at, 1);
    *at++ = separator;
    separator = ',';
    at = write(at, each);
  }
  at = to.room(at, 2);
  if (separator == open) *at++ = open;
  *at++ = close;
  return at;
}

inline char* write_free_member(json_writer& to, char* at, std::string_view key) {
  at = to.room(to.write_text(at, key), 1);
  *at++ = ':';
  return at;
}

template <class Json>
char* write_free_json(json_writer& to, char* at, const Json& value) {
  using kind = typename Json::value_t;
  at = to.room(at, max_floating_size);
  switch (value.type()) {
    case kind::object:
      return write_free_list(to, at, '{', '}', value.template get_ref<const typename Json::object_t&>(), [&to](char* place, const auto& member) {
        return write_free_json(to, write_free_member(to, place, member.first), member.second);
      });
    case kind::array:
      return write_free_list(to, at, '[', ']', value.template get_ref<const typename Json::array_t&>(),
                             [&to](char* place, const Json& element) { return write_free_json(to, place, element); });
    case kind::string: return to.write_text(at, value.template get_ref<const typename Json::string_t&>());
    case kind::binary: {
      const auto& data = value.get_binary();
      return to.write_binary(at, reinterpret_cast<const std::byte*>(data.data()), data.size());
    }
    case kind::boolean: return to.write_raw(at, value.template get<bool>() ? "true" : "false");
    case kind::number_integer: return write_signed(at, value.template get<std::int64_t>());
    case kind::number_unsigned: return write_unsigned(at, value.template get<std::uint64_t>());
    case kind::number_float: return write_floating(at, value.template get<double>());
    case kind::null:
    case kind::discarded: break;
  }
  return to.write_raw(at, "null");
}

// Integers that fit 64 bits stay integers, everything else becomes a double, as nlohmann's own parser does.
template <class Take>
const char* read_free_number(json_reader& from, const char* at, Take take) {
  json_number number;
  const char* stop = from.scan_number(at, number);
  if (stop == nullptr) return nullptr;
  constexpr std::uint64_t lowest = std::uint64_t{1} << 63;
  if (number.whole && !number.dropped && number.exponent == 0 && (!number.negative || number.mantissa <= lowest)) {
    if (number.negative) take(static_cast<std::int64_t>(0 - number.mantissa));
    else take(number.mantissa);
    return stop;
  }
  double value = 0;
  stop = from.read_floating(at, value);
  if (stop != nullptr) take(value);
  return stop;
}

template <class Json>
const char* read_free_json(json_reader& from, const char* at, Json& value) {
  if (from.is_at(at, '{')) {
    value = Json::object();
    auto& members = value.template get_ref<typename Json::object_t&>();
    bool closed = false;
    at = from.first_element(at, '}', closed);
    while (at != nullptr && !closed) {
      std::string_view key;
      at = from.read_key(at, key);
      if (at == nullptr) return nullptr;
      typename Json::string_t name{key};
      Json& member = members[name];
      at = read_free_json(from, at, member);
      if (at == nullptr) return from.error().at_field(name), nullptr;
      at = from.next_element(at, '}', closed);
    }
    from.leave();
    return at;
  }
  if (from.is_at(at, '[')) {
    value = Json::array();
    auto& elements = value.template get_ref<typename Json::array_t&>();
    bool closed = false;
    at = from.first_element(at, ']', closed);
    while (at != nullptr && !closed) {
      at = read_free_json(from, at, elements.emplace_back());
      if (at == nullptr) return from.error().at_index(elements.size() - 1), nullptr;
      at = from.next_element(at, ']', closed);
    }
    from.leave();
    return at;
  }
  if (from.is_at(at, '"')) {
    value = typename Json::string_t{};
    return from.read_text(at, value.template get_ref<typename Json::string_t&>());
  }
  if (from.is_at(at, 't') || from.is_at(at, 'f')) {
    bool truth = false;
    at = from.read_boolean(at, truth);
    value = truth;
    return at;
  }
  if (from.is_null(at)) {
    value = nullptr;
    return at + 4;
  }
  if (at == from.end() || (*at != '-' && !is_digit(*at))) return from.fail(at, "value");
  return read_free_number(from, at, [&value](auto number) { value = number; });
}

// A range over the elements of a msgpack array or map.
template <class Element>
struct free_elements {
  const Element* first;
  std::size_t count;
  const Element* begin() const noexcept { return first; }
  const Element* end() const noexcept { return first + count; }
};
template <class Element>
free_elements(Element*, std::size_t) -> free_elements<Element>;

template <class Object>
char* write_msgpack_extension(json_writer& to, char* at, const Object& value) {
  const char* data = value.via.ext.data();
  const std::size_t size = value.via.ext.size;
  timestamp moment;
  bool known = value.via.ext.type() == -1;
  if (known && size == 4) {
    moment.seconds = tenon::detail::load_big_endian_32(data);
  } else if (known && size == 8) {
    const std::uint64_t both = tenon::detail::load_big_endian_64(data);
    moment = {static_cast<std::int64_t>(both & 0x3'FFFF'FFFFU), static_cast<std::uint32_t>(both >> 34)};
  } else if (known && size == 12) {
    moment = {static_cast<std::int64_t>(tenon::detail::load_big_endian_64(data + 4)), tenon::detail::load_big_endian_32(data)};
  } else {
    known = false;
  }
  if (!known || moment.nanoseconds > 999'999'999) return to.write_binary(at, reinterpret_cast<const std::byte*>(data), size);
  at = to.room(at, max_timestamp_size + 2);
  *at = '"';
  at = write_timestamp(at + 1, moment);
  *at = '"';
  return at + 1;
}

template <class Object>
char* write_free_msgpack(json_writer& to, char* at, const Object& value) {
  if constexpr (owning_object<const Object>) {
    return write_free_msgpack(to, at, value.get());
  } else {
    at = to.room(at, max_floating_size);
    switch (value.type) {
      case ::msgpack::type::NIL: break;
      case ::msgpack::type::BOOLEAN: return to.write_raw(at, value.via.boolean ? "true" : "false");
      case ::msgpack::type::POSITIVE_INTEGER: return write_unsigned(at, value.via.u64);
      case ::msgpack::type::NEGATIVE_INTEGER: return write_signed(at, value.via.i64);
      case ::msgpack::type::FLOAT32: return write_floating(at, static_cast<float>(value.via.f64));
      case ::msgpack::type::FLOAT64: return write_floating(at, value.via.f64);
      case ::msgpack::type::STR: return to.write_text(at, {value.via.str.ptr, value.via.str.size});
      case ::msgpack::type::BIN: return to.write_binary(at, reinterpret_cast<const std::byte*>(value.via.bin.ptr), value.via.bin.size);
      case ::msgpack::type::EXT: return write_msgpack_extension(to, at, value);
      case ::msgpack::type::ARRAY:
        return write_free_list(to, at, '[', ']', free_elements{value.via.array.ptr, value.via.array.size},
                               [&to](char* place, const Object& element) { return write_free_msgpack(to, place, element); });
      case ::msgpack::type::MAP:
        return write_free_list(to, at, '{', '}', free_elements{value.via.map.ptr, value.via.map.size}, [&to](char* place, const auto& member) {
          if (member.key.type == ::msgpack::type::STR) {
            place = write_free_member(to, place, {member.key.via.str.ptr, member.key.via.str.size});
          } else {
            // Keys of json are strings: what is none is written as the text that it would be as a value.
            buffer text;
            json_writer apart{text};
            apart.finish(write_free_msgpack(apart, apart.start(), member.key));
            std::string_view key = text.view();
            if (key.front() == '"') key = key.substr(1, key.size() - 2);
            place = write_free_member(to, place, key);
          }
          return write_free_msgpack(to, place, member.val);
        });
    }
    return to.write_raw(at, "null");
  }
}

template <class Object, class Zone>
const char* read_msgpack_object(json_reader& from, const char* at, Object& value, Zone& zone) {
  const auto keep = [&zone]<class Element>(const Element* elements, std::size_t count) {
    auto* kept = static_cast<Element*>(zone.allocate_align(count * sizeof(Element), alignof(Element)));
    std::uninitialized_copy_n(elements, count, kept);
    return kept;
  };
  const auto read_string = [&](const char* place, Object& into) {
    std::string_view text;
    place = from.read_text(place, text);
    if (place == nullptr) return place;
    into.type = ::msgpack::type::STR;
    into.via.str.size = static_cast<std::uint32_t>(text.size());
    into.via.str.ptr = keep(text.data(), text.size());
    return place;
  };
  if (from.is_at(at, '"')) return read_string(at, value);
  if (from.is_at(at, '[')) {
    std::vector<Object> elements;
    bool closed = false;
    at = from.first_element(at, ']', closed);
    while (at != nullptr && !closed) {
      at = read_msgpack_object(from, at, elements.emplace_back(), zone);
      if (at == nullptr) return from.error().at_index(elements.size() - 1), nullptr;
      at = from.next_element(at, ']', closed);
    }
    from.leave();
    value.type = ::msgpack::type::ARRAY;
    value.via.array.size = static_cast<std::uint32_t>(elements.size());
    value.via.array.ptr = keep(elements.data(), elements.size());
    return at;
  }
  if (from.is_at(at, '{')) {
    using member = std::remove_pointer_t<decltype(value.via.map.ptr)>;
    std::vector<member> members;
    bool closed = false;
    at = from.first_element(at, '}', closed);
    while (at != nullptr && !closed) {
      member& each = members.emplace_back();
      at = read_string(at, each.key);
      if (at != nullptr) at = from.read_colon(at);
      if (at == nullptr) return nullptr;
      at = read_msgpack_object(from, at, each.val, zone);
      if (at == nullptr) return from.error().at_field({each.key.via.str.ptr, each.key.via.str.size}), nullptr;
      at = from.next_element(at, '}', closed);
    }
    from.leave();
    value.type = ::msgpack::type::MAP;
    value.via.map.size = static_cast<std::uint32_t>(members.size());
    value.via.map.ptr = keep(members.data(), members.size());
    return at;
  }
  if (from.is_at(at, 't') || from.is_at(at, 'f')) {
    bool truth = false;
    at = from.read_boolean(at, truth);
    value = Object{truth};
    return at;
  }
  if (from.is_null(at)) {
    value = Object{};
    return at + 4;
  }
  if (at == from.end() || (*at != '-' && !is_digit(*at))) return from.fail(at, "value");
  return read_free_number(from, at, [&value](auto number) { value = Object{number}; });
}

template <owning_object Handle>
const char* read_free_msgpack(json_reader& from, const char* at, Handle& value) {
  using zone = typename std::remove_reference_t<decltype(value.zone())>::element_type;
  auto memory = std::make_unique<zone>();
  std::remove_cvref_t<decltype(value.get())> object;
  at = read_msgpack_object(from, at, object, *memory);
  if (at != nullptr) value = Handle{object, std::move(memory)};
  return at;
}

}  // namespace tenon::inline v0::codec::detail

// tenon/codec/detail/json_read_container.hpp
// Reads sequences, arrays, tuples, mappings and optional values from json. Codec layer, detail of codec/json.hpp.

// tenon/codec/detail/json_read_scalar.hpp
// Reads what json spells as one token: integers, enums, time points, binary data. Codec layer, detail of codec/json.hpp.

namespace tenon::inline v0::codec::detail {

template <class Integer>
const char* read_json_integer(json_reader& from, const char* at, Integer& value) {
  using bounds = std::numeric_limits<Integer>;
  if constexpr (std::is_signed_v<Integer>) {
    std::int64_t number = 0;
    at = from.read_signed(at, (bounds::min)(), (bounds::max)(), number);
    if (at != nullptr) value = static_cast<Integer>(number);
  } else {
    std::uint64_t number = 0;
    at = from.read_unsigned(at, (bounds::max)(), number);
    if (at != nullptr) value = static_cast<Integer>(number);
  }
  return at;
}

template <class Enum>
const char* read_json_enum(json_reader& from, const char* at, Enum& value) {
  if (!from.is_at(at, '"')) {
    if (at == from.end() || (*at != '-' && !is_digit(*at))) return from.fail(at, expected_one_of<Enum>());
    std::underlying_type_t<Enum> number{};
    at = read_json_integer(from, at, number);
    if (at != nullptr) value = static_cast<Enum>(number);
    return at;
  }
  std::string_view name;
  const char* stop = from.read_text(at, name);
  if (stop == nullptr) return nullptr;
  const std::optional<Enum> known = enum_value<Enum>(name);
  if (!known) return from.fail_name(at, expected_one_of<Enum>(), name);
  value = *known;
  return stop;
}

template <class TimePoint>
const char* read_json_time_point(json_reader& from, const char* at, TimePoint& value) {
  std::string_view text;
  const char* stop = from.read_text(at, text);
  if (stop == nullptr) return nullptr;
  timestamp moment;
  if (!read_timestamp(text, moment)) return from.fail_name(at, "date and time like 2026-11-20T10:26:41Z", text);
  if (!from_timestamp(moment, value)) {
    // Go sends the first of January of the year 1 for a time that was never set.
    constexpr timestamp go_zero{-62'135'596'800, 0};
    if (moment != go_zero) return from.fail_name(at, "date within the range of the time point", text);
    value = TimePoint{};
  }
  return stop;
}

template <class Bytes>
const char* read_json_binary(json_reader& from, const char* at, Bytes& value) {
  if constexpr (requires { value.clear(); }) {
    if (from.is_null(at)) {
      value.clear();
      return at + 4;
    }
  }
  std::string_view text;
  const char* stop = from.read_text(at, text);
  if (stop == nullptr) return nullptr;
  text = base64_unpadded(text);
  const std::size_t size = base64_bytes(text.size());
  if constexpr (requires { value.resize(size); }) {
    value.resize(size);
  } else if (size != value.size()) {
    return from.fail(at, std::to_string(value.size()) + " bytes of binary", std::to_string(size));
  }
  if (read_base64(text, value.data()) != text.size()) return from.fail(at, "base64 text", "other characters");
  return stop;
}

}  // namespace tenon::inline v0::codec::detail

// tenon/codec/detail/variant_form.hpp
// How a variant crosses the wire: bare when the wire shows which alternative it is, else as an object of one entry `{"name": value}`.
// Codec layer, shared by the codecs that describe themselves.

namespace tenon::inline v0::codec::detail {

// What the wire itself tells apart, as bits of a set.
enum wire_kind : unsigned { null_kind = 1, boolean_kind = 2, number_kind = 4, text_kind = 8, binary_kind = 16, array_kind = 32, object_kind = 64, any_kind = 127 };

template <class T>
struct pointed_to;
template <class T>
struct pointed_to<std::optional<T>> {
  using type = T;
};
template <class T>
struct pointed_to<std::unique_ptr<T>> {
  using type = std::remove_const_t<T>;
};

template <class Variant, bool HasBinary>
struct variant_kinds;

// The kinds that a `T` is written as. `HasBinary` is false for a codec that writes binary data as text.
template <class T, bool HasBinary>
constexpr unsigned wire_kinds() {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::boolean) return boolean_kind;
  else if constexpr (form == shape::integer || form == shape::duration) return number_kind;
  // A codec without words for NaN writes null for it.
  else if constexpr (form == shape::floating) return number_kind;
  else if constexpr (form == shape::text) return text_kind;
  else if constexpr (form == shape::time_point) return text_kind;
  else if constexpr (form == shape::binary) return HasBinary ? binary_kind : text_kind;
  else if constexpr (form == shape::enumeration) return text_kind | number_kind;
  else if constexpr (form == shape::optional) return null_kind | wire_kinds<typename pointed_to<T>::type, HasBinary>();
  else if constexpr (form == shape::sequence || form == shape::fixed_sequence || form == shape::tuple) return array_kind;
  else if constexpr (form == shape::mapping || form == shape::record) return object_kind;
  else if constexpr (form == shape::null) return null_kind;
  else if constexpr (form == shape::variant) return variant_kinds<T, HasBinary>::value;
  else return any_kind;
}

template <class... Alternatives, bool HasBinary>
struct variant_kinds<std::variant<Alternatives...>, HasBinary> {
  static constexpr std::array<unsigned, sizeof...(Alternatives)> of{wire_kinds<Alternatives, HasBinary>()...};
  static constexpr bool differ = [] {
    unsigned seen = 0;
    for (const unsigned each : of) {
      if ((seen & each) != 0) return false;
      seen |= each;
    }
    return true;
  }();
  static constexpr unsigned value = differ ? (wire_kinds<Alternatives, HasBinary>() | ...) : static_cast<unsigned>(object_kind);
};

// Whether the variant is written bare.
template <class Variant, bool HasBinary>
inline constexpr bool tells_by_kind = variant_kinds<Variant, HasBinary>::differ;

template <class T>
constexpr std::string_view integer_name() {
  constexpr bool is_signed = std::is_signed_v<T>;
  if constexpr (sizeof(T) == 1) return is_signed ? "int8" : "uint8";
  else if constexpr (sizeof(T) == 2) return is_signed ? "int16" : "uint16";
  else if constexpr (sizeof(T) == 4) return is_signed ? "int32" : "uint32";
  else return is_signed ? "int64" : "uint64";
}

// The name of an alternative on the wire: the same on every platform for the types that C++ spells in several ways.
template <class T>
constexpr std::string_view make_alternative_name() {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::boolean) return "boolean";
  else if constexpr (form == shape::integer) return integer_name<T>();
  else if constexpr (std::is_same_v<T, float>) return "float";
  else if constexpr (form == shape::floating) return "double";
  else if constexpr (form == shape::text) return "string";
  else if constexpr (form == shape::binary) return "binary";
  else if constexpr (form == shape::time_point) return "time_point";
  else if constexpr (form == shape::null) return "null";
  else if constexpr (form == shape::optional) return make_alternative_name<typename pointed_to<T>::type>();
  else return type_name<T>;
}

template <class T>
inline constexpr std::string_view alternative_name = make_alternative_name<T>();

template <class Variant>
struct alternative_names;

template <class... Alternatives>
struct alternative_names<std::variant<Alternatives...>> {
  static constexpr std::size_t count = sizeof...(Alternatives);
  static constexpr std::array<std::string_view, count> value{alternative_name<Alternatives>...};
  static constexpr bool differ = [] {
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (value[i] == value[j]) return false;
      }
    }
    return true;
  }();
  static_assert(differ, "tenon: two alternatives of a variant have the same name on the wire, so that nothing tells them apart; wrap one of them in a struct");
};

}  // namespace tenon::inline v0::codec::detail

namespace tenon::inline v0::codec::detail {

template <class T>
const char* read_json(json_reader& from, const char* at, T& value);

// Reads the elements of an array: `read(at, index)` reads one and returns nullptr for a failure.
template <class Read>
const char* read_json_elements(json_reader& from, const char* at, std::size_t& count, Read read) {
  bool closed = false;
  at = from.first_element(at, ']', closed);
  while (at != nullptr && !closed) {
    at = read(at, count);
    if (at == nullptr) [[unlikely]] return from.error().at_index(count), nullptr;
    ++count;
    at = from.next_element(at, ']', closed);
  }
  from.leave();
  return at;
}

template <class Sequence>
const char* read_json_sequence(json_reader& from, const char* at, Sequence& values) {
  using element = typename Sequence::value_type;
  if (!from.is_at(at, '[')) {
    if (!from.is_null(at)) return from.fail(at, "array");
    values.clear();
    return at + 4;
  }
  std::size_t count = 0;
  if constexpr (std::is_same_v<element, bool> || !requires { values.emplace_back(); }) {
    // A set, or a vector whose elements are bits: an element is read apart and put in.
    values.clear();
    return read_json_elements(from, at, count, [&](const char* place, std::size_t) {
      element each{};
      place = read_json(from, place, each);
      if (place != nullptr) {
        if constexpr (requires { values.push_back(std::move(each)); }) values.push_back(std::move(each));
        else values.insert(std::move(each));
      }
      return place;
    });
  } else {
    const bool outer = from.resetting();
    const std::size_t had = values.size();
    auto next = values.begin();
    at = read_json_elements(from, at, count, [&](const char* place, std::size_t index) {
      from.set_resetting(index < had);
      if (index >= had) return read_json(from, place, values.emplace_back());
      return read_json(from, place, *next++);
    });
    from.set_resetting(outer);
    if (at != nullptr && count < had) values.erase(next, values.end());
    return at;
  }
}

template <class Array>
const char* read_json_array(json_reader& from, const char* at, Array& values) {
  if (!from.is_at(at, '[')) return from.fail(at, "array");
  std::size_t count = 0;
  const char* stop = read_json_elements(from, at, count, [&](const char* place, std::size_t index) {
    return index < values.size() ? read_json(from, place, values[index]) : from.skip_value(place);
  });
  if (stop == nullptr || count == values.size()) return stop;
  return from.fail(at, "array of " + std::to_string(values.size()) + " elements", "array of " + std::to_string(count) + " elements");
}

// Reads the array at `at` into the elements of a tuple; `count` is how many there were.
template <class Tuple>
const char* read_json_elements_into(json_reader& from, const char* at, Tuple& values, std::size_t& count) {
  return read_json_elements(from, at, count, [&](const char* place, std::size_t index) {
    if (index >= std::tuple_size_v<Tuple>) return from.skip_value(place);
    return std::apply(
        [&](auto&... each) {
          std::size_t turn = 0;
          static_cast<void>(((turn++ == index ? (place = read_json(from, place, each), true) : false) || ...));
          return place;
        },
        values);
  });
}

template <class Tuple>
const char* read_json_tuple(json_reader& from, const char* at, Tuple& values) {
  if (!from.is_at(at, '[')) return from.fail(at, "array");
  constexpr std::size_t expected = std::tuple_size_v<Tuple>;
  std::size_t count = 0;
  const char* stop = read_json_elements_into(from, at, values, count);
  if (stop == nullptr || count == expected) return stop;
  return from.fail(at, "array of " + std::to_string(expected) + " elements", "array of " + std::to_string(count) + " elements");
}

// A key of a mapping from its text; false when it is none.
template <class Key>
const char* read_json_map_key(json_reader& from, const char* at, Key& key) {
  constexpr shape form = shape_of<Key>;
  if constexpr (form == shape::text) {
    at = from.read_text(at, key);
    return at == nullptr ? nullptr : from.read_colon(at);
  } else {
    std::string_view text;
    const char* stop = from.read_key(at, text);
    if (stop == nullptr) return nullptr;
    if constexpr (form == shape::enumeration) {
      if (const std::optional<Key> known = enum_value<Key>(text)) {
        key = *known;
        return stop;
      }
    }
    // The number within the quotes is read by a reader of its own: its errors are told in terms of the key.
    json_reader digits{text, limits{}};
    bool good = false;
    if constexpr (form == shape::enumeration) {
      std::underlying_type_t<Key> number{};
      good = read_json_integer(digits, digits.begin(), number) == digits.end();
      if (good) key = static_cast<Key>(number);
    } else {
      good = read_json_integer(digits, digits.begin(), key) == digits.end();
    }
    if (good) return stop;
    if constexpr (form == shape::enumeration) return from.fail_name(at, "key that is " + expected_one_of<Key>(), text);
    else return from.fail_name(at, "key that is an " + expected_integer((std::numeric_limits<Key>::min)(), (std::numeric_limits<Key>::max)()), text);
  }
}

template <class Map>
const char* read_json_mapping(json_reader& from, const char* at, Map& values) {
  values.clear();
  if (!from.is_at(at, '{')) return from.is_null(at) ? at + 4 : from.fail(at, "object");
  bool closed = false;
  at = from.first_element(at, '}', closed);
  while (at != nullptr && !closed) {
    typename Map::key_type key{};
    at = read_json_map_key(from, at, key);
    if (at == nullptr) return nullptr;
    const auto [place, is_new] = values.try_emplace(std::move(key));
    if (!is_new) place->second = typename Map::mapped_type{};
    at = read_json(from, at, place->second);
    if (at == nullptr) [[unlikely]] {
      if constexpr (shape_of<typename Map::key_type> == shape::text) from.error().at_field(place->first);
      else if constexpr (shape_of<typename Map::key_type> == shape::integer) from.error().at_field(std::to_string(place->first));
      else from.error().at_field(enum_name(place->first));
      return nullptr;
    }
    at = from.next_element(at, '}', closed);
  }
  from.leave();
  return at;
}

template <class T>
const char* read_json_optional(json_reader& from, const char* at, T& value) {
  if (from.is_null(at)) {
    value.reset();
    return at + 4;
  }
  if (!value) {
    if constexpr (requires { value.emplace(); }) value.emplace();
    else value = std::make_unique<typename pointed_to<T>::type>();
  }
  return read_json(from, at, *value);
}

}  // namespace tenon::inline v0::codec::detail

// tenon/codec/detail/json_read_record.hpp
// Reads records from json objects. Codec layer, detail of codec/json.hpp.

// tenon/codec/detail/json_record.hpp
// What json knows of a type before it runs: the most bytes a value takes, and a record's keys as they are written. Codec layer, detail of codec/json.hpp.

namespace tenon::inline v0::codec::detail {

template <class Enum>
consteval std::size_t longest_enum_name() {
  std::size_t longest = 0;
  for (const auto& entry : enum_entries<Enum>) longest = entry.name.size() > longest ? entry.name.size() : longest;
  return longest;
}

// The most bytes that a `T` takes; 0 when that hangs on the value, whose writer asks for room itself.
template <class T>
consteval std::size_t fixed_size() {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::boolean) return 5;
  else if constexpr (form == shape::null) return 4;
  else if constexpr (form == shape::integer) return max_integer_size;
  else if constexpr (form == shape::floating || form == shape::duration) return max_floating_size;
  else if constexpr (form == shape::time_point) return max_timestamp_size + 2;
  else if constexpr (form == shape::enumeration) return longest_enum_name<T>() + 2 > max_integer_size ? longest_enum_name<T>() + 2 : max_integer_size;
  else return 0;
}

// The size of `name` as json text, without quotes.
constexpr std::size_t escaped_size(std::string_view name) {
  std::size_t size = 0;
  for (const char c : name) size += c == '"' || c == '\\' ? 2U : static_cast<unsigned char>(c) < 0x20 ? 6U : 1U;
  return size;
}

// Every key of a record as it is written, one after the other: `{"symbol":` `,"price":`. Written with one copy each, and read by one
// comparison each when they come in order.
template <std::size_t Count, std::size_t Size>
struct record_keys {
  std::array<char, Size> text{};
  std::array<std::size_t, Count + 1> begins{};
  // The room for field i and all that follow it up to and with the first key whose value asks for room itself; 0 when an earlier field asked.
  std::array<std::size_t, Count + 1> rooms{};

  consteval record_keys(std::array<std::string_view, Count> names, std::array<std::size_t, Count> sizes) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::size_t used = 0;
    for (std::size_t i = 0; i < Count; ++i) {
      begins[i] = used;
      text[used++] = i == 0 ? '{' : ',';
      text[used++] = '"';
      for (const char c : names[i]) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20) {
          for (const char each : std::string_view{"\\u00"}) text[used++] = each;
          text[used++] = hex[byte >> 4];
          text[used++] = hex[byte & 15U];
        } else {
          if (c == '"' || c == '\\') text[used++] = '\\';
          text[used++] = c;
        }
      }
      text[used++] = '"';
      text[used++] = ':';
    }
    begins[Count] = used;
    // From the back: the closing brace belongs to the last run.
    std::size_t run = 1;
    for (std::size_t i = Count; i > 0; --i) {
      const std::size_t key = begins[i] - begins[i - 1];
      if (sizes[i - 1] == 0) {
        rooms[i] = run;
        run = key;
      } else {
        run += key + sizes[i - 1];
      }
    }
    rooms[0] = run;
  }
};

template <class... Fields>
consteval auto make_record_keys(const boost::hana::tuple<Fields...>*) {
  constexpr std::size_t size = ((escaped_size(Fields::name) + 4) + ... + 0);
  return record_keys<sizeof...(Fields), size>{std::array<std::string_view, sizeof...(Fields)>{std::string_view{Fields::name}...},
                                              std::array<std::size_t, sizeof...(Fields)>{fixed_size<typename Fields::type>()...}};
}

template <class T>
inline constexpr auto record_keys_of = make_record_keys(&fields_of<T>);

}  // namespace tenon::inline v0::codec::detail

// tenon/codec/detail/member_lookup.hpp
// Finds a record's field by its wire name: the expected one first, else through a hash table made at compile time. Codec layer, shared by codecs.

namespace tenon::inline v0::codec::detail {

/// The names of a record's fields and where each is found; points into tables with static storage.
///
/// Shape   `places` is an open hash table of indices with a power of two of entries, at least half of them empty (`no_place`).
struct member_index {
  static constexpr std::uint8_t no_place = 255;

  const std::string_view* names = nullptr;
  const std::uint8_t* places = nullptr;
  std::size_t count = 0;
  std::size_t place_mask = 0;

  // Reads at most eight bytes, whatever the length: names of one record rarely agree in length, start and end.
  static constexpr std::uint32_t hash(std::string_view name) noexcept {
    const std::size_t size = name.size();
    std::uint32_t front = 0;
    std::uint32_t back = 0;
    if (size >= 4) {
      front = load_4(name.data());
      back = load_4(name.data() + size - 4);
    } else if (size != 0) {
      front = static_cast<unsigned char>(name[0]);
      back = static_cast<std::uint32_t>(static_cast<unsigned char>(name[size / 2])) << 8 | static_cast<unsigned char>(name[size - 1]);
    }
    const std::uint64_t mixed = ((static_cast<std::uint64_t>(front) << 32 | back) + size) * 0x9E37'79B9'7F4A'7C15U;
    return static_cast<std::uint32_t>(mixed >> 40);
  }

  /// The index of the field called `name`; `count` when there is none. `expected` is tried first, as messages mostly come in order.
  constexpr std::size_t find(std::string_view name, std::size_t expected) const noexcept {
    if (expected < count && names[expected] == name) return expected;
    if (count == 0) return count;
    for (std::size_t place = hash(name) & place_mask;; place = (place + 1) & place_mask) {
      const std::size_t index = places[place];
      if (index == no_place) return count;
      if (names[index] == name) return index;
    }
  }

 private:
  static constexpr std::uint32_t load_4(const char* from) noexcept {
    if (std::is_constant_evaluated() || std::endian::native != std::endian::little) {
      std::uint32_t value = 0;
      for (int i = 0; i < 4; ++i) value |= static_cast<std::uint32_t>(static_cast<unsigned char>(from[i])) << (8 * i);
      return value;
    }
    std::uint32_t value = 0;
    std::memcpy(&value, from, 4);
    return value;
  }
};

template <std::size_t Count>
struct member_tables {
  static_assert(Count < member_index::no_place, "tenon: a record has at most 254 fields; group some of them into a struct of their own");

  std::array<std::string_view, Count> names{};
  std::array<std::uint8_t, std::bit_ceil(2 * Count + 1)> places{};

  consteval explicit member_tables(std::array<std::string_view, Count> all_names) : names{all_names} {
    for (std::uint8_t& place : places) place = member_index::no_place;
    for (std::size_t index = 0; index < Count; ++index) {
      std::size_t place = member_index::hash(names[index]) & (places.size() - 1);
      while (places[place] != member_index::no_place) place = (place + 1) & (places.size() - 1);
      places[place] = static_cast<std::uint8_t>(index);
    }
  }
};

template <class... Fields>
consteval auto make_member_tables(const boost::hana::tuple<Fields...>&) {
  return member_tables<sizeof...(Fields)>{std::array<std::string_view, sizeof...(Fields)>{std::string_view{Fields::name}...}};
}

template <class T>
inline constexpr auto member_tables_of = make_member_tables(fields_of<T>);

/// The index of T's field names.
template <class T>
inline constexpr member_index member_index_of{member_tables_of<T>.names.data(), member_tables_of<T>.places.data(), member_tables_of<T>.names.size(),
                                              member_tables_of<T>.places.size() - 1};

/// The index of T's field with the wire name `name`; `field_count<T>` when there is none.
template <class T>
constexpr std::size_t find_member(std::string_view name, std::size_t expected_next) noexcept {
  return member_index_of<T>.find(name, expected_next);
}

}  // namespace tenon::inline v0::codec::detail

namespace tenon::inline v0::codec::detail {

template <class T>
const char* read_json(json_reader& from, const char* at, T& value);

template <std::size_t Count>
using field_set = std::array<std::uint64_t, (Count + 63) / 64>;

template <std::size_t Count>
constexpr bool has_field(const field_set<Count>& seen, std::size_t index) noexcept {
  return (seen[index / 64] >> (index % 64) & 1U) != 0;
}

template <class T>
inline constexpr bool has_required_fields = []<class... Fields>(const boost::hana::tuple<Fields...>*) { return (Fields::is_required || ...); }(&fields_of<T>);

// For a record that was reused: what the input did not mention must not keep what an earlier message left there.
template <class T>
[[gnu::cold, gnu::noinline]] void reset_unseen(T& value, const field_set<field_count<T>>& seen) {
  T fresh{};
  for_each_field(value, [&](auto each, auto& member) {
    if (!has_field<field_count<T>>(seen, decltype(each)::index)) member = std::move(get_field<decltype(each)::index>(fresh));
  });
}

template <class T, class... Fields>
bool require_fields(json_reader& from, const char* at, const field_set<field_count<T>>& seen, const boost::hana::tuple<Fields...>*) {
  return ((!Fields::is_required || has_field<field_count<T>>(seen, Fields::index) || from.fail_missing(at, Fields::name)) && ...);
}

// A key as we would write it, ready to be compared with sixteen bytes of input at once; what is longer has its rest in `text`.
struct expected_key {
  std::uint64_t front = 0;
  std::uint64_t front_mask = 0;
  std::uint64_t back = 0;
  std::uint64_t back_mask = 0;
  std::size_t size = 0;
  const char* text = nullptr;

  constexpr expected_key() = default;
  constexpr expected_key(const char* key, std::size_t key_size) : size{key_size}, text{key} {
    std::array<char, 8> bytes[2]{};
    std::array<char, 8> mask[2]{};
    for (std::size_t i = 0; i < 16 && i < key_size; ++i) {
      bytes[i / 8][i % 8] = key[i];
      mask[i / 8][i % 8] = static_cast<char>(0xFF);
    }
    front = std::bit_cast<std::uint64_t>(bytes[0]);
    back = std::bit_cast<std::uint64_t>(bytes[1]);
    front_mask = std::bit_cast<std::uint64_t>(mask[0]);
    back_mask = std::bit_cast<std::uint64_t>(mask[1]);
  }

  // False as well when the input ends before it can be told.
  bool is_at(const char* at, const char* end) const noexcept {
    const auto left = static_cast<std::size_t>(end - at);
    if (left < 16 || left < size) return false;
    if ((((load_8(at) ^ front) & front_mask) | ((load_8(at + 8) ^ back) & back_mask)) != 0) return false;
    return size <= 16 || std::memcmp(at + 16, text + 16, size - 16) == 0;
  }
};

using member_reader = const char* (*)(json_reader& from, const char* at, void* member);

template <class T>
const char* read_json_member(json_reader& from, const char* at, void* member) {
  return read_json(from, at, *static_cast<T*>(member));
}

// All that reading a record needs to know of its type, so that the reading itself is one function for all of them: unrolled over the fields
// it is larger, slower to compile, and no faster.
struct record_plan {
  const member_index* names;
  const expected_key* keys;
  const member_reader* readers;
};

template <class T, std::size_t... Index>
constexpr std::array<expected_key, sizeof...(Index)> make_expected_keys(std::index_sequence<Index...>) {
  constexpr const auto& keys = record_keys_of<T>;
  // Without the brace or comma in front.
  return {expected_key{keys.text.data() + keys.begins[Index] + 1, keys.begins[Index + 1] - keys.begins[Index] - 1}...};
}

template <class... Fields>
constexpr std::array<member_reader, sizeof...(Fields)> make_member_readers(const boost::hana::tuple<Fields...>*) {
  return {&read_json_member<typename Fields::type>...};
}

template <class T>
inline constexpr auto expected_keys_of = make_expected_keys<T>(std::make_index_sequence<field_count<T>>{});
template <class T>
inline constexpr auto member_readers_of = make_member_readers(&fields_of<T>);
template <class T>
inline constexpr record_plan record_plan_of{&member_index_of<T>, expected_keys_of<T>.data(), member_readers_of<T>.data()};

// Reads the object at `at` into `members`, which point to the fields in their order; marks in `seen` those that were there.
inline const char* read_json_members(json_reader& from, const char* at, const record_plan& plan, void* const* members, std::uint64_t* seen) {
  const member_index& names = *plan.names;
  bool closed = false;
  at = from.first_element(at, '}', closed);
  std::size_t next = 0;
  while (at != nullptr && !closed) {
    // Messages mostly come in the order of the fields: one comparison with the key as we would write it then stands for parsing it.
    std::size_t index = next;
    if (next < names.count && plan.keys[next].is_at(at, from.end())) {
      at = from.skip_space(at + plan.keys[next].size);
    } else {
      std::string_view key;
      at = from.read_key(at, key);
      if (at == nullptr) return nullptr;
      index = names.find(key, next);
      if (index == names.count) {
        at = from.skip_value(at);
        if (at == nullptr) return from.error().at_field(key), nullptr;
        at = from.next_element(at, '}', closed);
        continue;
      }
    }
    at = plan.readers[index](from, at, members[index]);
    if (at == nullptr) [[unlikely]] return from.error().at_field(names.names[index]), nullptr;
    seen[index / 64] |= std::uint64_t{1} << (index % 64);
    next = index + 1;
    at = from.next_element(at, '}', closed);
  }
  from.leave();
  return at;
}

template <class T>
const char* read_json_record(json_reader& from, const char* at, T& value) {
  field_set<field_count<T>> seen{};
  const char* const start = at;
  if (!from.is_at(at, '{')) [[unlikely]] {
    if (!from.is_null(at)) return from.fail(at, "object");
    at += 4;
  } else {
    std::array<void*, field_count<T>> members;
    for_each_field(value, [&members](auto each, auto& member) { members[decltype(each)::index] = static_cast<void*>(std::addressof(member)); });
    at = read_json_members(from, at, record_plan_of<T>, members.data(), seen.data());
    if (at == nullptr) return nullptr;
  }
  if constexpr (has_required_fields<T>) {
    if (!require_fields<T>(from, start, seen, &fields_of<T>)) return nullptr;
  }
  if (from.resetting()) reset_unseen(value, seen);
  return at;
}

}  // namespace tenon::inline v0::codec::detail

// tenon/codec/detail/json_read_variant.hpp
// Reads variants from json, by the kind of the value or by the name of the alternative. Codec layer, detail of codec/json.hpp.

namespace tenon::inline v0::codec::detail {

template <class T>
const char* read_json(json_reader& from, const char* at, T& value);

// The kind of what stands at `at`; 0 for what begins no value.
inline unsigned json_kind(const json_reader& from, const char* at) {
  if (at == from.end()) return 0;
  switch (*at) {
    case '{': return object_kind;
    case '[': return array_kind;
    case '"': return text_kind;
    case 't':
    case 'f': return boolean_kind;
    case 'n': return null_kind;
    default: return *at == '-' || is_digit(*at) ? static_cast<unsigned>(number_kind) : 0U;
  }
}

template <class... Alternatives>
const char* read_json_alternative(json_reader& from, const char* at, std::variant<Alternatives...>& value, std::size_t index) {
  [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    const auto read = [&]<std::size_t Which>(std::integral_constant<std::size_t, Which>) {
      // The alternative it has already keeps its memory.
      if (value.index() != Which) value.template emplace<Which>();
      at = read_json(from, at, *std::get_if<Which>(&value));
      return true;
    };
    static_cast<void>(((index == Index && read(std::integral_constant<std::size_t, Index>{})) || ...));
  }(std::index_sequence_for<Alternatives...>{});
  return at;
}

inline std::string expected_kinds(unsigned kinds) {
  constexpr std::string_view names[] = {"null", "boolean", "number", "string", "binary", "array", "object"};
  std::string text;
  for (std::size_t i = 0; i < std::size(names); ++i) {
    if ((kinds >> i & 1U) == 0) continue;
    if (!text.empty()) text += " or ";
    text += names[i];
  }
  return text;
}

template <class... Alternatives>
const char* read_json_variant(json_reader& from, const char* at, std::variant<Alternatives...>& value) {
  using variant = std::variant<Alternatives...>;
  using kinds = variant_kinds<variant, false>;
  if constexpr (kinds::differ) {
    unsigned kind = json_kind(from, at);
    // A NaN is written as null.
    if (kind == null_kind && (kinds::value & null_kind) == 0 && ((shape_of<Alternatives> == shape::floating) || ...)) kind = number_kind;
    for (std::size_t i = 0; i < kinds::of.size(); ++i) {
      if ((kinds::of[i] & kind) != 0) return read_json_alternative(from, at, value, i);
    }
    return from.fail(at, expected_kinds(kinds::value));
  } else {
    using names = alternative_names<variant>;
    if (!from.is_at(at, '{')) return from.fail(at, "object that names the alternative");
    bool closed = false;
    const char* const start = at;
    at = from.first_element(at, '}', closed);
    if (at == nullptr) return nullptr;
    if (closed) return from.fail(start, "object that names the alternative", "empty object");
    const char* const key_start = at;
    std::string_view key;
    at = from.read_key(at, key);
    if (at == nullptr) return nullptr;
    for (std::size_t i = 0; i < names::count; ++i) {
      if (names::value[i] != key) continue;
      at = read_json_alternative(from, at, value, i);
      if (at == nullptr) return from.error().at_field(names::value[i]), nullptr;
      const char* const rest = at;
      at = from.next_element(at, '}', closed);
      if (at == nullptr) return nullptr;
      if (!closed) return from.fail(rest, "one alternative", "several");
      from.leave();
      return at;
    }
    std::string expected = "one of ";
    for (std::size_t i = 0; i < names::count; ++i) expected.append(i == 0 ? "" : ", ").append(names::value[i]);
    return from.fail_name(key_start, expected, key);
  }
}

}  // namespace tenon::inline v0::codec::detail

namespace tenon::inline v0::codec::detail {

template <class T>
const char* read_json(json_reader& from, const char* at, T& value) {
  constexpr shape form = owning_object<T> ? shape::free_msgpack : shape_of<T>;
  if constexpr (form == shape::free_msgpack) {
    static_assert(owning_object<T>, "tenon: msgpack::object owns nothing; read into msgpack::object_handle");
    if constexpr (owning_object<T>) return read_free_msgpack(from, at, value);
    else return nullptr;
  } else if constexpr (!assert_readable_type<T>()) {
    return nullptr;
  } else if constexpr (form == shape::boolean) {
    return from.read_boolean(at, value);
  } else if constexpr (form == shape::null) {
    return from.is_null(at) ? at + 4 : from.fail(at, "null");
  } else if constexpr (form == shape::integer) {
    return read_json_integer(from, at, value);
  } else if constexpr (form == shape::floating) {
    return from.read_floating(at, value);
  } else if constexpr (form == shape::text && std::is_same_v<T, std::string>) {
    return from.read_text(at, value);
  } else if constexpr (form == shape::binary && requires { value.data()[0] = std::byte{}; }) {
    return read_json_binary(from, at, value);
  } else if constexpr (form == shape::enumeration) {
    return read_json_enum(from, at, value);
  } else if constexpr (form == shape::duration) {
    typename T::rep count{};
    if constexpr (std::is_floating_point_v<typename T::rep>) {
      double number = 0;
      at = from.read_floating(at, number);
      count = static_cast<typename T::rep>(number);
    } else {
      at = read_json_integer(from, at, count);
    }
    if (at != nullptr) value = T{count};
    return at;
  } else if constexpr (form == shape::time_point) {
    return read_json_time_point(from, at, value);
  } else if constexpr (form == shape::optional) {
    return read_json_optional(from, at, value);
  } else if constexpr (form == shape::sequence) {
    return read_json_sequence(from, at, value);
  } else if constexpr (form == shape::fixed_sequence) {
    return read_json_array(from, at, value);
  } else if constexpr (form == shape::mapping) {
    return read_json_mapping(from, at, value);
  } else if constexpr (form == shape::tuple) {
    return read_json_tuple(from, at, value);
  } else if constexpr (form == shape::variant) {
    return read_json_variant(from, at, value);
  } else if constexpr (form == shape::record) {
    return read_json_record(from, at, value);
  } else if constexpr (form == shape::free_json) {
    return read_free_json(from, at, value);
  } else {
    return nullptr;
  }
}

}  // namespace tenon::inline v0::codec::detail

namespace tenon::inline v0::codec::detail {

inline const char* read_no_json_arguments(json_reader& from, const char* at) {
  if (at == from.end()) return at;
  if (from.is_null(at)) return at + 4;
  if (from.is_at(at, '[') || from.is_at(at, '{')) {
    const char* inside = from.skip_space(at + 1);
    if (from.is_at(inside, *at == '[' ? ']' : '}')) return inside + 1;
  }
  return from.fail(at, "no arguments");
}

[[gnu::cold]] inline const char* fail_argument_count(json_reader& from, const char* at, std::size_t expected, std::size_t found) {
  return from.fail(at, std::to_string(expected) + (expected == 1 ? " argument" : " arguments"), std::to_string(found));
}

// The step of an error's path for one argument: its name, or its position when it has none.
[[gnu::cold]] inline const char* fail_at_argument(json_reader& from, std::span<const std::string_view> names, std::size_t index) {
  if (index < names.size()) return from.error().at_field(names[index]), nullptr;
  from.error().at_index(index);
  return from.error().at_field("arguments"), nullptr;
}

template <class Tuple>
const char* read_json_argument(json_reader& from, const char* at, const arguments<Tuple>& call, std::size_t index) {
  const char* stop = nullptr;
  std::apply(
      [&](auto&... each) {
        std::size_t turn = 0;
        static_cast<void>(((turn++ == index ? (stop = read_json(from, at, each), true) : false) || ...));
      },
      call.values);
  return stop == nullptr ? fail_at_argument(from, call.names, index) : stop;
}

template <class Tuple>
const char* read_positional_json_arguments(json_reader& from, const char* at, const arguments<Tuple>& call) {
  constexpr std::size_t expected = std::tuple_size_v<Tuple>;
  const char* const start = at;
  std::size_t count = 0;
  bool closed = false;
  at = from.first_element(at, ']', closed);
  while (at != nullptr && !closed) {
    at = count < expected ? read_json_argument(from, at, call, count) : from.skip_value(at);
    if (at == nullptr) return nullptr;
    ++count;
    at = from.next_element(at, ']', closed);
  }
  from.leave();
  return at == nullptr || count == expected ? at : fail_argument_count(from, start, expected, count);
}

template <class Tuple>
const char* read_named_json_arguments(json_reader& from, const char* at, const arguments<Tuple>& call) {
  constexpr std::size_t expected = std::tuple_size_v<Tuple>;
  const char* const start = at;
  std::array<bool, expected> seen{};
  bool closed = false;
  at = from.first_element(at, '}', closed);
  while (at != nullptr && !closed) {
    std::string_view key;
    at = from.read_key(at, key);
    if (at == nullptr) return nullptr;
    std::size_t index = 0;
    while (index < expected && call.names[index] != key) ++index;
    if (index < expected) {
      seen[index] = true;
      at = read_json_argument(from, at, call, index);
    } else {
      at = from.skip_value(at);
      if (at == nullptr) from.error().at_field(key);
    }
    if (at == nullptr) return nullptr;
    at = from.next_element(at, '}', closed);
  }
  from.leave();
  if (at == nullptr) return nullptr;
  const bool complete = [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    return ((seen[Index] || shape_of<std::tuple_element_t<Index, Tuple>> == shape::optional || from.fail_missing(start, call.names[Index])) && ...);
  }(std::make_index_sequence<expected>{});
  return complete ? at : nullptr;
}

template <class Tuple>
const char* read_json_arguments(json_reader& from, const char* at, const arguments<Tuple>& call) {
  constexpr std::size_t expected = std::tuple_size_v<Tuple>;
  const bool named = call.names.size() == expected;
  if constexpr (expected == 0) {
    return read_no_json_arguments(from, at);
  } else if constexpr (expected == 1) {
    using parameter = std::tuple_element_t<0, Tuple>;
    constexpr unsigned kinds = wire_kinds<parameter, false>();
    // A value that cannot be an array or an object may be wrapped in one.
    if ((kinds & array_kind) == 0 && from.is_at(at, '[')) return read_positional_json_arguments(from, at, call);
    if ((kinds & object_kind) == 0 && named && from.is_at(at, '{')) return read_named_json_arguments(from, at, call);
    const char* stop = read_json(from, at, std::get<0>(call.values));
    // Within a struct the path begins with its fields, which are what the caller wrote.
    if (stop == nullptr && named && (kinds & object_kind) == 0) from.error().at_field(call.names[0]);
    return stop;
  } else {
    if (from.is_at(at, '[')) return read_positional_json_arguments(from, at, call);
    if (named && from.is_at(at, '{')) return read_named_json_arguments(from, at, call);
    return from.fail(at, named ? "object or array of arguments" : "array of arguments");
  }
}

}  // namespace tenon::inline v0::codec::detail

// tenon/codec/detail/json_write.hpp
// Writes any value as json, straight from its fields. Codec layer, detail of codec/json.hpp.

namespace tenon::inline v0::codec::detail {

template <class T>
char* write_json(json_writer& to, char* at, const T& value);

// The same for a value that stands alone: types of fixed size rely on room that was asked for.
template <class T>
char* write_json_with_room(json_writer& to, char* at, const T& value) {
  if constexpr (constexpr std::size_t size = fixed_size<T>(); size != 0) at = to.room(at, size);
  return write_json(to, at, value);
}

inline char* put(json_writer& to, char* at, char c) {
  at = to.room(at, 1);
  *at = c;
  return at + 1;
}

inline char* copy(char* at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

template <class T>
char* write_json_record(json_writer& to, char* at, const T& value) {
  if constexpr (field_count<T> == 0) {
    return to.write_raw(at, "{}");
  } else {
    constexpr const auto& keys = record_keys_of<T>;
    at = to.room(at, keys.rooms[0]);
    for_each_field(value, [&](auto each, const auto& member) {
      constexpr std::size_t index = decltype(each)::index;
      constexpr std::size_t size = keys.begins[index + 1] - keys.begins[index];
      std::memcpy(at, keys.text.data() + keys.begins[index], size);
      at = write_json(to, at + size, member);
      if constexpr (keys.rooms[index + 1] != 0) at = to.room(at, keys.rooms[index + 1]);
    });
    *at = '}';
    return at + 1;
  }
}

template <class Range>
char* write_json_sequence(json_writer& to, char* at, const Range& values) {
  using element = typename Range::value_type;
  constexpr std::size_t size = fixed_size<element>();
  char separator = '[';
  for (const auto& each : values) {
    at = to.room(at, 1 + size);
    *at++ = separator;
    separator = ',';
    // Not `each` itself: std::vector<bool> gives a proxy.
    if constexpr (std::is_same_v<element, bool>) at = write_json<bool>(to, at, each);
    else at = write_json(to, at, each);
  }
  if (separator == '[') at = put(to, at, '[');
  return put(to, at, ']');
}

template <class Key>
char* write_json_key(json_writer& to, char* at, const Key& key) {
  constexpr shape form = shape_of<Key>;
  if constexpr (form == shape::text) {
    return to.write_text(at, key);
  } else if constexpr (form == shape::enumeration) {
    if (const std::string_view name = enum_name(key); !name.empty()) return to.write_text(at, name);
    return write_json_key(to, at, static_cast<std::underlying_type_t<Key>>(key));
  } else {
    at = to.room(at, max_integer_size + 2);
    *at = '"';
    at = write_integer(at + 1, key);
    *at = '"';
    return at + 1;
  }
}

template <class Map>
char* write_json_mapping(json_writer& to, char* at, const Map& values) {
  char separator = '{';
  for (const auto& [key, value] : values) {
    at = put(to, at, separator);
    separator = ',';
    at = write_json_key(to, at, key);
    at = put(to, at, ':');
    at = write_json_with_room(to, at, value);
  }
  if (separator == '{') at = put(to, at, '{');
  return put(to, at, '}');
}

template <class Tuple>
char* write_json_tuple(json_writer& to, char* at, const Tuple& values) {
  at = put(to, at, '[');
  std::apply(
      [&](const auto&... each) {
        std::size_t index = 0;
        ((at = index++ == 0 ? at : put(to, at, ','), at = write_json_with_room(to, at, each)), ...);
      },
      values);
  return put(to, at, ']');
}

template <class... Alternatives>
char* write_json_variant(json_writer& to, char* at, const std::variant<Alternatives...>& value) {
  using variant = std::variant<Alternatives...>;
  // A variant that an exception left without a value is written as null.
  if (value.valueless_by_exception()) return to.write_raw(at, "null");
  if constexpr (!tells_by_kind<variant, false>) {
    at = put(to, at, '{');
    at = to.write_text(at, alternative_names<variant>::value[value.index()]);
    at = put(to, at, ':');
  }
  [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    static_cast<void>(((value.index() == Index ? (at = write_json_with_room(to, at, *std::get_if<Index>(&value)), true) : false) || ...));
  }(std::index_sequence_for<Alternatives...>{});
  if constexpr (!tells_by_kind<variant, false>) at = put(to, at, '}');
  return at;
}

template <class Tuple>
char* write_json_arguments(json_writer& to, char* at, const arguments<Tuple>& call) {
  constexpr std::size_t count = std::tuple_size_v<Tuple>;
  if constexpr (count == 0) {
    return to.write_raw(at, "null");
  } else if constexpr (count == 1) {
    return write_json_with_room(to, at, std::get<0>(call.values));
  } else {
    if (call.names.size() != count) return write_json_tuple(to, at, call.values);
    std::apply(
        [&](const auto&... each) {
          std::size_t index = 0;
          ((at = put(to, at, index == 0 ? '{' : ','), at = to.write_text(at, call.names[index++]), at = put(to, at, ':'), at = write_json_with_room(to, at, each)), ...);
        },
        call.values);
    return put(to, at, '}');
  }
}

template <class T>
char* write_json(json_writer& to, char* at, const T& value) {
  constexpr shape form = owning_object<const T> ? shape::free_msgpack : shape_of<T>;
  if constexpr (is_arguments<T>) {
    return write_json_arguments(to, at, value);
  } else if constexpr (form == shape::free_msgpack) {
    return write_free_msgpack(to, at, value);
  } else if constexpr (!assert_wire_type<T>()) {
    return at;
  } else if constexpr (form == shape::boolean) {
    return value ? copy(at, "true") : copy(at, "false");
  } else if constexpr (form == shape::null) {
    return copy(at, "null");
  } else if constexpr (form == shape::integer) {
    return write_integer(at, value);
  } else if constexpr (form == shape::floating) {
    return write_floating(at, value);
  } else if constexpr (form == shape::text) {
    if constexpr (std::is_pointer_v<T>) return to.write_text(at, value == nullptr ? std::string_view{} : std::string_view{value});
    else return to.write_text(at, value);
  } else if constexpr (form == shape::binary) {
    return to.write_binary(at, value.data(), value.size());
  } else if constexpr (form == shape::enumeration) {
    const std::string_view name = enum_name(value);
    if (name.empty()) return write_integer(at, static_cast<std::underlying_type_t<T>>(value));
    *at = '"';
    at = copy(at + 1, name);
    *at = '"';
    return at + 1;
  } else if constexpr (form == shape::duration) {
    if constexpr (std::is_floating_point_v<typename T::rep>) return write_floating(at, static_cast<double>(value.count()));
    else return write_integer(at, value.count());
  } else if constexpr (form == shape::time_point) {
    *at = '"';
    at = write_timestamp(at + 1, to_timestamp(value));
    *at = '"';
    return at + 1;
  } else if constexpr (form == shape::optional) {
    if (!value) return to.write_raw(at, "null");
    return write_json_with_room(to, at, *value);
  } else if constexpr (form == shape::sequence || form == shape::fixed_sequence) {
    return write_json_sequence(to, at, value);
  } else if constexpr (form == shape::mapping) {
    return write_json_mapping(to, at, value);
  } else if constexpr (form == shape::tuple) {
    return write_json_tuple(to, at, value);
  } else if constexpr (form == shape::variant) {
    return write_json_variant(to, at, value);
  } else if constexpr (form == shape::record) {
    return write_json_record(to, at, value);
  } else if constexpr (form == shape::free_json) {
    return write_free_json(to, at, value);
  } else {
    return at;
  }
}

}  // namespace tenon::inline v0::codec::detail

namespace tenon::inline v0::codec {

/// Json, strictly as RFC 8259 has it, compact, in the order of the fields.
///
/// Shape   structs and maps are objects; sequences, arrays, tuples and pairs arrays; enums their names; binary base64; time points RFC 3339; durations the
///         count of their own unit; optional and unique_ptr the value or null; variants the bare value when its kind tells the alternative, else
///         `{"name": value}`. NaN and the infinities are written as null, and null is read as NaN; text that is no UTF-8 is written with U+FFFD.
/// Reads   unknown fields are skipped, of duplicate keys the last counts, null leaves a struct as it is and empties a container; `3.0` is an integer;
///         base64 may be URL-safe or unpadded. A struct in an element that a container had before starts from its defaults.
/// Errors  invalid_argument, as in `field "orders[3].price": expected number, found string at byte 117`.
/// Source  RFC 8259, RFC 3339, RFC 4648.
struct json {
  static constexpr std::string_view name = "json";
  static constexpr std::string_view content_type = "application/json";
  static constexpr std::uint8_t serialization = 1;

  /// Appends the encoded `value`, or the `arguments` of a call, to `out`.
  template <class T>
  static void encode(buffer& out, const T& value) {
    detail::json_writer to{out};
    to.finish(detail::write_json_with_room(to, to.start(), value));
  }

  /// Reads the whole of `in` into `value`, or into what the `arguments` of a call refer to.
  template <class T>
  static status decode(std::string_view in, T& value, const limits& bounds = {}) {
    detail::json_reader from{in, bounds};
    const char* at = from.skip_space(from.begin());
    if constexpr (is_arguments<std::remove_const_t<T>>) at = detail::read_json_arguments(from, at, value);
    else at = detail::read_json(from, at, value);
    if (at != nullptr) from.finish(at);
    return from.error().to_status();
  }
};

}  // namespace tenon::inline v0::codec

// tenon/codec/msgpack.hpp
// The MessagePack codec: rpcx's default. Codec layer. The encoders and decoders are made from what reflect knows of a type; no tree is built in between.

// tenon/codec/detail/msgpack_arguments.hpp
// A call's arguments in MessagePack, in every form that arguments.hpp names. Codec layer, part of msgpack.hpp.

// tenon/codec/detail/msgpack_read.hpp
// Reads MessagePack straight into C++ values, reusing the memory they have. Codec layer, part of msgpack.hpp.

// tenon/codec/detail/msgpack_free.hpp
// Free-form fields in MessagePack: nlohmann::json, msgpack::object and msgpack::object_handle, whatever the peer sent. Codec layer, part of msgpack.hpp.
// Neither library is included here: the templates are instantiated only where a message has such a field, and there its author included the header.

// tenon/codec/detail/msgpack_put.hpp
// Writes MessagePack's tokens at a place that has room for them. Knows nothing of C++ types. Codec layer, part of msgpack.hpp.

// tenon/codec/detail/msgpack_reader.hpp
// Reads MessagePack's tokens out of a run of bytes: heads, numbers, raw bytes, skipping. Knows nothing of C++ types. Codec layer, part of msgpack.hpp.

namespace tenon::inline v0::codec::detail {

/// The first bytes of the format, by its own names.
///
/// Source  MessagePack specification, Overview of formats.
namespace msgpack_head {
enum : unsigned char {
  fixmap = 0x80, fixarray = 0x90, fixstr = 0xa0, null_value = 0xc0, never_used = 0xc1, false_value = 0xc2, true_value = 0xc3,
  bin8 = 0xc4, bin16 = 0xc5, bin32 = 0xc6, ext8 = 0xc7, ext16 = 0xc8, ext32 = 0xc9, float32 = 0xca, float64 = 0xcb,
  uint8 = 0xcc, uint16 = 0xcd, uint32 = 0xce, uint64 = 0xcf, int8 = 0xd0, int16 = 0xd1, int32 = 0xd2, int64 = 0xd3,
  fixext1 = 0xd4, fixext2 = 0xd5, fixext4 = 0xd6, fixext8 = 0xd7, fixext16 = 0xd8, str8 = 0xd9, str16 = 0xda, str32 = 0xdb,
  array16 = 0xdc, array32 = 0xdd, map16 = 0xde, map32 = 0xdf, negative_fixint = 0xe0
};
}  // namespace msgpack_head

/// What a token is, read off its first byte.
enum class msgpack_kind : unsigned char { null, boolean, integer, number, string, binary, array, object, extension, invalid };

/// An integer of any width and sign: two's complement, with the sign beside it.
struct msgpack_integer {
  std::uint64_t bits = 0;
  bool negative = false;
};

/// A number as it stands: `is_integer` says which member counts.
struct msgpack_number {
  msgpack_integer integer;
  double floating = 0;
  bool is_integer = true;
};

struct msgpack_extension {
  int type = 0;
  std::string_view data;
};

/// The input and the state of one decoding. Every function takes the place to read at and returns the place after, or nullptr once `error` is filled:
/// the place then lives in a register, not in memory.
class msgpack_reader {
 public:
  msgpack_reader(std::string_view in, const limits& bounds) noexcept
      : begin{in.data()}, end{in.data() + in.size()}, levels_left{bounds.max_nesting}, max_nesting{bounds.max_nesting} {}

  const char* const begin;
  const char* const end;
  std::size_t levels_left;
  const std::size_t max_nesting;
  bool resets_missing = false;  ///< within an element that held something before: fields the input does not mention go back to their defaults
  decode_error error;

  static unsigned char byte_at(const char* at) noexcept { return static_cast<unsigned char>(*at); }
  std::size_t left(const char* at) const noexcept { return static_cast<std::size_t>(end - at); }

  static msgpack_kind kind(unsigned char head) noexcept {
    using namespace msgpack_head;
    if (head < fixmap || head >= negative_fixint) return msgpack_kind::integer;
    if (head < fixarray) return msgpack_kind::object;
    if (head < fixstr) return msgpack_kind::array;
    if (head < msgpack_head::null_value) return msgpack_kind::string;
    using enum msgpack_kind;
    static constexpr msgpack_kind kinds[] = {null,      invalid,   boolean,   boolean,   binary,    binary,    binary, extension,
                                             extension, extension, number,    number,    integer,   integer,   integer, integer,
                                             integer,   integer,   integer,   integer,   extension, extension, extension, extension,
                                             extension, string,    string,    string,    array,     array,     object, object};
    return kinds[head - null_value];
  }

  /// What stands at `at`, in words.
  [[gnu::cold, gnu::noinline]] std::string describe(const char* at) const {
    if (at == end) return "end of input";
    constexpr std::string_view names[] = {"null", "boolean", "integer", "number", "string", "binary", "array", "object", "extension"};
    const msgpack_kind found = kind(byte_at(at));
    return found == msgpack_kind::invalid ? "the unused byte 0xc1" : std::string{names[static_cast<std::size_t>(found)]};
  }
  [[gnu::cold, gnu::noinline]] const char* fail(const char* at, std::string_view expected) { return fail(at, expected, describe(at)); }
  [[gnu::cold, gnu::noinline]] const char* fail(const char* at, std::string_view expected, std::string_view found) {
    error.fail(static_cast<std::size_t>(at - begin), expected, found);
    return nullptr;
  }
  [[gnu::cold, gnu::noinline]] const char* fail_truncated(const char* at, std::string_view of, std::uint64_t size, std::size_t found) {
    return fail(at, std::string{of} + " of " + std::to_string(size) + " bytes", std::to_string(found) + " before the end of input");
  }
  [[gnu::cold, gnu::noinline]] const char* fail_at_field(std::string_view name) {
    error.at_field(name);
    return nullptr;
  }
  [[gnu::cold, gnu::noinline]] const char* fail_at_index(std::size_t index) {
    error.at_index(index);
    return nullptr;
  }

  /// Counts one level of nesting; pair with `leave`.
  bool enter(const char* at) {
    if (levels_left == 0) [[unlikely]] return fail_nesting(at);
    --levels_left;
    return true;
  }
  void leave() noexcept { ++levels_left; }

  /// Any integer or floating number.
  const char* read_number(const char* at, msgpack_number& out, std::string_view expected) {
    using namespace msgpack_head;
    if (at == end) [[unlikely]] return fail(at, expected);
    const unsigned char head = byte_at(at);
    if (head < fixmap) {
      out.integer = {head, false};
      return at + 1;
    }
    if (head >= negative_fixint) {
      out.integer = sign_extended(static_cast<signed char>(head));
      return at + 1;
    }
    if (head < float32 || head > int64) [[unlikely]] return fail(at, expected);
    constexpr unsigned char sizes[] = {4, 8, 1, 2, 4, 8, 1, 2, 4, 8};
    const std::size_t size = sizes[head - float32];
    if (left(at) <= size) [[unlikely]] return fail_truncated(at, "number", size, left(at) - 1);
    const char* data = at + 1;
    switch (head) {
      case float32:
        out.floating = static_cast<double>(std::bit_cast<float>(load_32(data)));
        out.is_integer = false;
        break;
      case float64:
        out.floating = std::bit_cast<double>(load_64(data));
        out.is_integer = false;
        break;
      case uint8: out.integer = {byte_at(data), false}; break;
      case uint16: out.integer = {load_16(data), false}; break;
      case uint32: out.integer = {load_32(data), false}; break;
      case uint64: out.integer = {load_64(data), false}; break;
      case int8: out.integer = sign_extended(static_cast<signed char>(*data)); break;
      case int16: out.integer = sign_extended(static_cast<std::int16_t>(load_16(data))); break;
      case int32: out.integer = sign_extended(static_cast<std::int32_t>(load_32(data))); break;
      default: out.integer = sign_extended(static_cast<std::int64_t>(load_64(data))); break;
    }
    return data + size;
  }

  /// An integer that is followed by enough input to load it in one go, without a branch on its width; nullptr, with no error recorded, when it is not one of those.
  const char* read_wide_integer(const char* at, msgpack_integer& out) const noexcept {
    using namespace msgpack_head;
    if (left(at) < 9) return nullptr;
    const unsigned index = byte_at(at) - unsigned{uint8};
    if (index > unsigned{int64} - unsigned{uint8}) return nullptr;
    const unsigned size = 1U << (index & 3U);
    const unsigned shift = 64 - 8 * size;
    const std::uint64_t loaded = load_64(at + 1);
    const bool is_signed = index >= 4;
    out.bits = is_signed ? static_cast<std::uint64_t>(static_cast<std::int64_t>(loaded) >> shift) : loaded >> shift;
    out.negative = is_signed && static_cast<std::int64_t>(loaded) < 0;
    return at + 1 + size;
  }

  /// Any integer, or a floating number that is exactly one.
  [[gnu::noinline]] const char* read_integer(const char* at, msgpack_integer& out) {
    msgpack_number number;
    const char* next = read_number(at, number, "integer");
    if (next == nullptr) return nullptr;
    if (!number.is_integer) {
      const double value = number.floating;
      constexpr double two_to_the_63 = 9223372036854775808.0;
      if (value >= 0 && value < 2 * two_to_the_63) {
        number.integer = {static_cast<std::uint64_t>(value), false};
        if (static_cast<double>(number.integer.bits) != value) return fail(at, "integer", std::to_string(value));
      } else if (value < 0 && value >= -two_to_the_63) {
        number.integer = {static_cast<std::uint64_t>(static_cast<std::int64_t>(value)), true};
        if (static_cast<double>(static_cast<std::int64_t>(value)) != value) return fail(at, "integer", std::to_string(value));
      } else {
        return fail(at, "integer", std::to_string(value));
      }
    }
    out = number.integer;
    return next;
  }

  /// The bytes of a string or a binary: writers older than the format's bin know only one of them.
  const char* read_raw(const char* at, std::string_view& out, std::string_view expected) {
    using namespace msgpack_head;
    if (left(at) >= 2) [[likely]] {
      const unsigned char head = byte_at(at);
      const bool is_short = (head & 0xe0U) == fixstr;
      if (is_short || head == str8) {
        const char* const data = at + (is_short ? 1 : 2);
        const std::size_t size = is_short ? head & 0x1fU : byte_at(at + 1);
        if (size <= left(data)) [[likely]] {
          out = {data, size};
          return data + size;
        }
      }
    }
    return read_any_raw(at, out, expected);
  }

  /// The count of an array. Every element takes a byte at least, so what the count allows to allocate is bounded by the input.
  const char* read_array_head(const char* at, std::size_t& count, std::string_view expected) {
    using namespace msgpack_head;
    return read_container_head(at, count, expected, fixarray, array16, 1);
  }
  /// The count of a map's entries; the same bound with two bytes an entry.
  const char* read_map_head(const char* at, std::size_t& count, std::string_view expected) {
    using namespace msgpack_head;
    return read_container_head(at, count, expected, fixmap, map16, 2);
  }

  const char* read_extension(const char* at, msgpack_extension& out, std::string_view expected) {
    using namespace msgpack_head;
    if (at == end) [[unlikely]] return fail(at, expected);
    const unsigned char head = byte_at(at);
    const char* data = at + 1;
    std::size_t size = 0;
    if (head >= fixext1 && head <= fixext16) {
      size = std::size_t{1} << (head - fixext1);
    } else if (head >= ext8 && head <= ext32) {
      const std::size_t width = std::size_t{1} << (head - ext8);
      if (left(at) <= width) return fail_truncated(at, "length", width, left(at) - 1);
      size = load_size(data, width);
      data += width;
    } else {
      return fail(at, expected);
    }
    if (left(data) <= size) return fail_truncated(at, "extension", std::uint64_t{size} + 1, left(data));
    out.type = static_cast<signed char>(*data);
    out.data = {data + 1, size};
    return data + 1 + size;
  }

  /// Passes over one value of any kind, within the limit of nesting.
  [[gnu::noinline]] const char* skip(const char* at) {
    if (at == end) [[unlikely]] return fail(at, "value");
    switch (kind(byte_at(at))) {
      case msgpack_kind::null:
      case msgpack_kind::boolean: return at + 1;
      case msgpack_kind::integer:
      case msgpack_kind::number: {
        msgpack_number ignored;
        return read_number(at, ignored, "number");
      }
      case msgpack_kind::string:
      case msgpack_kind::binary: {
        std::string_view ignored;
        return read_raw(at, ignored, "string");
      }
      case msgpack_kind::extension: {
        msgpack_extension ignored;
        return read_extension(at, ignored, "extension");
      }
      case msgpack_kind::array: {
        std::size_t count = 0;
        const char* next = read_array_head(at, count, "array");
        return skip_items(at, next, count);
      }
      case msgpack_kind::object: {
        std::size_t count = 0;
        const char* next = read_map_head(at, count, "object");
        return skip_items(at, next, 2 * count);
      }
      case msgpack_kind::invalid: break;
    }
    return fail(at, "value");
  }

 private:
  [[gnu::cold, gnu::noinline]] bool fail_nesting(const char* at) {
    return fail(at, "at most " + std::to_string(max_nesting) + " levels of nesting", "one more") != nullptr;
  }

  static std::uint16_t load_16(const char* from) noexcept { return static_cast<std::uint16_t>(byte_at(from) << 8 | byte_at(from + 1)); }
  static std::uint32_t load_32(const char* from) noexcept { return tenon::detail::load_big_endian_32(from); }
  static std::uint64_t load_64(const char* from) noexcept { return tenon::detail::load_big_endian_64(from); }
  static std::size_t load_size(const char* from, std::size_t width) noexcept {
    return width == 1 ? byte_at(from) : width == 2 ? load_16(from) : load_32(from);
  }
  static msgpack_integer sign_extended(std::int64_t value) noexcept { return {static_cast<std::uint64_t>(value), value < 0}; }

  [[gnu::noinline]] const char* read_any_raw(const char* at, std::string_view& out, std::string_view expected) {
    using namespace msgpack_head;
    if (at == end) return fail(at, expected);
    const unsigned char head = byte_at(at);
    std::size_t size = 0;
    const char* data = at + 1;
    if ((head & 0xe0U) == fixstr) {
      size = head & 0x1fU;
    } else {
      const std::size_t width = head == str8 || head == bin8 ? 1 : head == str16 || head == bin16 ? 2 : head == str32 || head == bin32 ? 4 : 0;
      if (width == 0) return fail(at, expected);
      if (left(at) <= width) return fail_truncated(at, "length", width, left(at) - 1);
      size = load_size(data, width);
      data += width;
    }
    if (size > left(data)) return fail_truncated(at, expected, size, left(data));
    out = {data, size};
    return data + size;
  }

  const char* read_container_head(const char* at, std::size_t& count, std::string_view expected, unsigned char fix, unsigned char wide, std::size_t least) {
    if (at == end) [[unlikely]] return fail(at, expected);
    const unsigned char head = byte_at(at);
    const char* data = at + 1;
    if ((head & 0xf0U) == fix) {
      count = head & 0x0fU;
    } else {
      if (head != wide && head != wide + 1) [[unlikely]] return fail(at, expected);
      const std::size_t width = head == wide ? 2 : 4;
      if (left(at) <= width) [[unlikely]] return fail_truncated(at, "length", width, left(at) - 1);
      count = load_size(data, width);
      data += width;
    }
    if (count > left(data) / least) [[unlikely]] return fail_count(at, count, left(data));
    return data;
  }
  [[gnu::cold, gnu::noinline]] const char* fail_count(const char* at, std::size_t count, std::size_t bytes_left) {
    return fail(at, "container of " + std::to_string(count) + " elements", std::to_string(bytes_left) + " bytes before the end of input");
  }

  const char* skip_items(const char* at, const char* next, std::size_t count) {
    if (next == nullptr || !enter(at)) return nullptr;
    for (; count != 0 && next != nullptr; --count) next = skip(next);
    leave();
    return next;
  }
};

}  // namespace tenon::inline v0::codec::detail

namespace tenon::inline v0::codec::detail {

/// Every function writes at `at`, where the caller has made room, and returns the place after: no check and no growth in between.
namespace msgpack_put {

inline constexpr std::size_t largest_head = 5;
inline constexpr std::size_t largest_number = 9;
inline constexpr std::size_t largest_timestamp = 15;

inline char* byte(char* at, unsigned value) noexcept {
  *at = static_cast<char>(value);
  return at + 1;
}
inline char* copy(char* at, const void* from, std::size_t size) noexcept {
  if (size != 0) std::memcpy(at, from, size);
  return at + size;
}
// g++ 12 does not make one instruction of shifts and stores of single bytes once they are inlined; of these it does.
inline char* big_endian_16(char* at, unsigned value) noexcept {
  auto number = static_cast<std::uint16_t>(value);
  if constexpr (std::endian::native == std::endian::little) number = __builtin_bswap16(number);
  return copy(at, &number, sizeof number);
}
inline char* big_endian_32(char* at, std::uint32_t value) noexcept {
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap32(value);
  return copy(at, &value, sizeof value);
}
inline char* big_endian_64(char* at, std::uint64_t value) noexcept {
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  return copy(at, &value, sizeof value);
}

/// The compact form: the shortest that holds the value. Always needs room for the largest: eight bytes are stored, of which some are written over.
inline char* positive(char* at, std::uint64_t value) noexcept {
  if (value < 0x80) return byte(at, static_cast<unsigned>(value));
  // No branches: sizes of numbers are hard to predict. The table holds the logarithm of the width for each count of whole bytes below the highest bit.
  const unsigned logarithm = 0x3333'2210U >> (4 * ((63 - static_cast<unsigned>(std::countl_zero(value))) / 8)) & 3U;
  const unsigned size = 1U << logarithm;
  big_endian_64(byte(at, msgpack_head::uint8 + logarithm), value << (64 - 8 * size));
  return at + 1 + size;
}
inline char* negative(char* at, std::int64_t value) noexcept {
  if (value >= -0x20) return byte(at, static_cast<unsigned char>(value));
  const unsigned width = value >= -0x80 ? 0 : value >= -0x8000 ? 1 : value >= -0x8000'0000LL ? 2 : 3;
  const unsigned size = 1U << width;
  big_endian_64(byte(at, msgpack_head::int8 + width), static_cast<std::uint64_t>(value) << (64 - 8 * size));
  return at + 1 + size;
}
template <class Integer>
char* integer(char* at, Integer value) noexcept {
  if constexpr (std::is_signed_v<Integer>) {
    if (value < 0) return negative(at, value);
  }
  return positive(at, static_cast<std::uint64_t>(value));
}

inline char* floating(char* at, float value) noexcept { return big_endian_32(byte(at, msgpack_head::float32), std::bit_cast<std::uint32_t>(value)); }
inline char* floating(char* at, double value) noexcept { return big_endian_64(byte(at, msgpack_head::float64), std::bit_cast<std::uint64_t>(value)); }
inline char* boolean(char* at, bool value) noexcept { return byte(at, value ? msgpack_head::true_value : msgpack_head::false_value); }
inline char* null(char* at) noexcept { return byte(at, msgpack_head::null_value); }

// Sizes of 2^32 and more have no form; such a value could not pass any limit on messages either.
inline char* wide_head(char* at, unsigned head_8, unsigned head_16, std::size_t size) noexcept {
  if (size <= 0xff && head_8 != 0) return byte(byte(at, head_8), static_cast<unsigned>(size));
  if (size <= 0xffff) return big_endian_16(byte(at, head_16), static_cast<unsigned>(size));
  return big_endian_32(byte(at, head_16 + 1), static_cast<std::uint32_t>(size));
}
inline char* text_head(char* at, std::size_t size) noexcept {
  if (size < 0x20) return byte(at, msgpack_head::fixstr | static_cast<unsigned>(size));
  return wide_head(at, msgpack_head::str8, msgpack_head::str16, size);
}
inline char* text(char* at, std::string_view value) noexcept { return copy(text_head(at, value.size()), value.data(), value.size()); }
inline char* binary(char* at, const void* data, std::size_t size) noexcept {
  return copy(wide_head(at, msgpack_head::bin8, msgpack_head::bin16, size), data, size);
}
inline char* array_head(char* at, std::size_t count) noexcept {
  if (count < 0x10) return byte(at, msgpack_head::fixarray | static_cast<unsigned>(count));
  return wide_head(at, 0, msgpack_head::array16, count);
}
inline char* map_head(char* at, std::size_t count) noexcept {
  if (count < 0x10) return byte(at, msgpack_head::fixmap | static_cast<unsigned>(count));
  return wide_head(at, 0, msgpack_head::map16, count);
}
inline char* extension(char* at, int type, const void* data, std::size_t size) noexcept {
  if (size != 0 && size <= 16 && std::has_single_bit(size)) {
    at = byte(at, msgpack_head::fixext1 + static_cast<unsigned>(std::countr_zero(size)));
  } else {
    at = size <= 0xff ? byte(byte(at, msgpack_head::ext8), static_cast<unsigned>(size)) : wide_head(at, 0, msgpack_head::ext16, size);
  }
  return copy(byte(at, static_cast<unsigned char>(type)), data, size);
}

/// The shortest of the three forms of a timestamp.
///
/// Source  MessagePack specification, Timestamp extension type.
inline char* timestamp(char* at, std::int64_t seconds, std::uint32_t nanoseconds) noexcept {
  const auto unsigned_seconds = static_cast<std::uint64_t>(seconds);
  if (unsigned_seconds >> 34 != 0) {
    at = byte(byte(byte(at, msgpack_head::ext8), 12), 0xff);
    return big_endian_64(big_endian_32(at, nanoseconds), unsigned_seconds);
  }
  if (nanoseconds == 0 && unsigned_seconds >> 32 == 0) {
    return big_endian_32(byte(byte(at, msgpack_head::fixext4), 0xff), static_cast<std::uint32_t>(unsigned_seconds));
  }
  return big_endian_64(byte(byte(at, msgpack_head::fixext8), 0xff), static_cast<std::uint64_t>(nanoseconds) << 34 | unsigned_seconds);
}

}  // namespace msgpack_put
}  // namespace tenon::inline v0::codec::detail

namespace tenon::inline v0::codec::detail {

// Room for a scalar, filled by `put(at)`.
template <class Put>
void msgpack_write_scalar(buffer& out, std::size_t room, Put put) {
  char* const start = out.prepare(room);
  out.commit(static_cast<std::size_t>(put(start) - start));
}

template <class Json>
void msgpack_write_json(buffer& out, const Json& value) {
  using kind = typename Json::value_t;
  const auto scalar = [&out](std::size_t room, auto put) { msgpack_write_scalar(out, room, put); };
  switch (value.type()) {
    case kind::boolean:
      return scalar(1, [&](char* at) { return msgpack_put::boolean(at, value.template get<bool>()); });
    case kind::number_integer:
      return scalar(msgpack_put::largest_number, [&](char* at) { return msgpack_put::integer(at, value.template get<std::int64_t>()); });
    case kind::number_unsigned:
      return scalar(msgpack_put::largest_number, [&](char* at) { return msgpack_put::positive(at, value.template get<std::uint64_t>()); });
    case kind::number_float:
      return scalar(msgpack_put::largest_number, [&](char* at) { return msgpack_put::floating(at, value.template get<double>()); });
    case kind::string: {
      const std::string_view text = value.template get_ref<const std::string&>();
      return scalar(msgpack_put::largest_head + text.size(), [text](char* at) { return msgpack_put::text(at, text); });
    }
    case kind::binary: {
      const auto& binary = value.get_binary();
      const bool is_extension = binary.has_subtype() && binary.subtype() <= 0xff;
      return scalar(msgpack_put::largest_head + 1 + binary.size(), [&binary, is_extension](char* at) {
        if (!is_extension) return msgpack_put::binary(at, binary.data(), binary.size());
        return msgpack_put::extension(at, static_cast<signed char>(binary.subtype()), binary.data(), binary.size());
      });
    }
    case kind::array:
      scalar(msgpack_put::largest_head, [&](char* at) { return msgpack_put::array_head(at, value.size()); });
      for (const Json& element : value) msgpack_write_json(out, element);
      return;
    case kind::object:
      scalar(msgpack_put::largest_head, [&](char* at) { return msgpack_put::map_head(at, value.size()); });
      for (auto entry = value.begin(); entry != value.end(); ++entry) {
        const std::string_view key = entry.key();
        scalar(msgpack_put::largest_head + key.size(), [key](char* at) { return msgpack_put::text(at, key); });
        msgpack_write_json(out, entry.value());
      }
      return;
    default: out.push_back(static_cast<char>(msgpack_head::null_value));
  }
}

// JSON's objects have keys of text only; integers are spelled out, as the json codec does with them.
inline const char* msgpack_read_json_key(msgpack_reader& in, const char* at, std::string& key) {
  if (at != in.end && msgpack_reader::kind(msgpack_reader::byte_at(at)) == msgpack_kind::integer) {
    msgpack_integer number;
    at = in.read_integer(at, number);
    if (at != nullptr) key = number.negative ? std::to_string(static_cast<std::int64_t>(number.bits)) : std::to_string(number.bits);
    return at;
  }
  std::string_view text;
  at = in.read_raw(at, text, "string");
  if (at != nullptr) key.assign(text);
  return at;
}

template <class Json>
const char* msgpack_read_json(msgpack_reader& in, const char* at, Json& value) {
  if (at == in.end) return in.fail(at, "value");
  switch (msgpack_reader::kind(msgpack_reader::byte_at(at))) {
    case msgpack_kind::null: value = nullptr; return at + 1;
    case msgpack_kind::boolean: value = msgpack_reader::byte_at(at) == msgpack_head::true_value; return at + 1;
    case msgpack_kind::integer:
    case msgpack_kind::number: {
      msgpack_number number;
      at = in.read_number(at, number, "number");
      if (at == nullptr) return nullptr;
      if (!number.is_integer) value = number.floating;
      else if (number.integer.negative) value = static_cast<std::int64_t>(number.integer.bits);
      else value = number.integer.bits;
      return at;
    }
    case msgpack_kind::string: {
      std::string_view text;
      at = in.read_raw(at, text, "string");
      if (at != nullptr) value = std::string{text};
      return at;
    }
    case msgpack_kind::binary:
    case msgpack_kind::extension: {
      msgpack_extension found;
      const bool is_extension = msgpack_reader::kind(msgpack_reader::byte_at(at)) == msgpack_kind::extension;
      at = is_extension ? in.read_extension(at, found, "extension") : in.read_raw(at, found.data, "binary");
      if (at == nullptr) return nullptr;
      typename Json::binary_t::container_type binary(found.data.begin(), found.data.end());
      value = is_extension ? Json::binary(std::move(binary), static_cast<unsigned char>(found.type)) : Json::binary(std::move(binary));
      return at;
    }
    case msgpack_kind::array: {
      std::size_t count = 0;
      const char* next = in.read_array_head(at, count, "array");
      if (next == nullptr || !in.enter(at)) return nullptr;
      value = Json::array();
      for (std::size_t i = 0; i < count; ++i) {
        value.push_back(Json{});
        next = msgpack_read_json(in, next, value.back());
        if (next == nullptr) return in.fail_at_index(i);
      }
      in.leave();
      return next;
    }
    case msgpack_kind::object: {
      std::size_t count = 0;
      const char* next = in.read_map_head(at, count, "object");
      if (next == nullptr || !in.enter(at)) return nullptr;
      value = Json::object();
      std::string key;
      for (std::size_t i = 0; i < count; ++i) {
        next = msgpack_read_json_key(in, next, key);
        if (next == nullptr) return nullptr;
        next = msgpack_read_json(in, next, value[key]);
        if (next == nullptr) return in.fail_at_field(key);
      }
      in.leave();
      return next;
    }
    case msgpack_kind::invalid: break;
  }
  return in.fail(at, "value");
}

template <class Object>
void msgpack_write_object(buffer& out, const Object& value) {
  if constexpr (requires { value.zone(); }) {
    msgpack_write_object(out, value.get());
  } else {
    using kind = decltype(value.type);
    const auto scalar = [&out](std::size_t room, auto put) { msgpack_write_scalar(out, room, put); };
    switch (value.type) {
      case kind::BOOLEAN: return scalar(1, [&](char* at) { return msgpack_put::boolean(at, value.via.boolean); });
      case kind::POSITIVE_INTEGER: return scalar(msgpack_put::largest_number, [&](char* at) { return msgpack_put::positive(at, value.via.u64); });
      case kind::NEGATIVE_INTEGER: return scalar(msgpack_put::largest_number, [&](char* at) { return msgpack_put::integer(at, value.via.i64); });
      case kind::FLOAT32: return scalar(msgpack_put::largest_number, [&](char* at) { return msgpack_put::floating(at, static_cast<float>(value.via.f64)); });
      case kind::FLOAT64: return scalar(msgpack_put::largest_number, [&](char* at) { return msgpack_put::floating(at, value.via.f64); });
      case kind::STR:
        return scalar(msgpack_put::largest_head + value.via.str.size, [&](char* at) { return msgpack_put::text(at, {value.via.str.ptr, value.via.str.size}); });
      case kind::BIN:
        return scalar(msgpack_put::largest_head + value.via.bin.size, [&](char* at) { return msgpack_put::binary(at, value.via.bin.ptr, value.via.bin.size); });
      case kind::EXT:
        return scalar(msgpack_put::largest_head + 1 + value.via.ext.size,
                      [&](char* at) { return msgpack_put::extension(at, value.via.ext.type(), value.via.ext.data(), value.via.ext.size); });
      case kind::ARRAY:
        scalar(msgpack_put::largest_head, [&](char* at) { return msgpack_put::array_head(at, value.via.array.size); });
        for (std::size_t i = 0; i < value.via.array.size; ++i) msgpack_write_object(out, value.via.array.ptr[i]);
        return;
      case kind::MAP:
        scalar(msgpack_put::largest_head, [&](char* at) { return msgpack_put::map_head(at, value.via.map.size); });
        for (std::size_t i = 0; i < value.via.map.size; ++i) {
          msgpack_write_object(out, value.via.map.ptr[i].key);
          msgpack_write_object(out, value.via.map.ptr[i].val);
        }
        return;
      default: out.push_back(static_cast<char>(msgpack_head::null_value));
    }
  }
}

// msgpack-c parses once our own reader has passed over the value: well-formed, within the limits, so that it neither throws nor allocates for what is not there.
template <class Handle>
const char* msgpack_read_object(msgpack_reader& in, const char* at, Handle& value) {
  const char* const next = in.skip(at);
  if (next != nullptr) unpack(value, at, static_cast<std::size_t>(next - at));
  return next;
}

}  // namespace tenon::inline v0::codec::detail

// tenon/codec/detail/msgpack_read_container.hpp
// Reads MessagePack into containers, tuples, optionals and variants. Codec layer, part of msgpack.hpp.

// tenon/codec/detail/msgpack_read_scalar.hpp
// Reads MessagePack's scalars, text and binary into C++ values. Codec layer, part of msgpack.hpp.

namespace tenon::inline v0::codec::detail {

[[gnu::cold, gnu::noinline]] inline const char* msgpack_fail_range(msgpack_reader& in, const char* at, msgpack_integer found, std::int64_t lowest, std::uint64_t highest) {
  return in.fail(at, expected_integer(lowest, highest),
                 found.negative ? std::to_string(static_cast<std::int64_t>(found.bits)) : std::to_string(found.bits));
}

template <class Integer>
const char* msgpack_read_integer(msgpack_reader& in, const char* at, Integer& value) {
  using bounds = std::numeric_limits<Integer>;
  if (at != in.end && msgpack_reader::byte_at(at) < msgpack_head::fixmap) {
    value = static_cast<Integer>(*at);
    return at + 1;
  }
  msgpack_integer found;
  const char* next = in.read_wide_integer(at, found);
  if (next == nullptr) {
    next = in.read_integer(at, found);
    if (next == nullptr) [[unlikely]] return nullptr;
  }
  constexpr auto lowest = static_cast<std::int64_t>((bounds::min)());
  constexpr auto highest = static_cast<std::uint64_t>((bounds::max)());
  const bool fits = found.negative ? static_cast<std::int64_t>(found.bits) >= lowest : found.bits <= highest;
  if (!fits) [[unlikely]] return msgpack_fail_range(in, at, found, lowest, highest);
  value = static_cast<Integer>(found.bits);
  return next;
}

template <class Floating>
const char* msgpack_read_floating(msgpack_reader& in, const char* at, Floating& value) {
  if (in.left(at) > sizeof(Floating)) [[likely]] {
    if constexpr (sizeof(Floating) == 8) {
      if (msgpack_reader::byte_at(at) == msgpack_head::float64) {
        value = std::bit_cast<double>(tenon::detail::load_big_endian_64(at + 1));
        return at + 9;
      }
    } else if (msgpack_reader::byte_at(at) == msgpack_head::float32) {
      value = std::bit_cast<float>(tenon::detail::load_big_endian_32(at + 1));
      return at + 5;
    }
  }
  msgpack_number found;
  const char* const next = in.read_number(at, found, "number");
  if (next == nullptr) [[unlikely]] return nullptr;
  if (found.is_integer) {
    value = found.integer.negative ? static_cast<Floating>(static_cast<std::int64_t>(found.integer.bits)) : static_cast<Floating>(found.integer.bits);
    return next;
  }
  if constexpr (sizeof(Floating) < sizeof(double)) {
    constexpr double largest = static_cast<double>((std::numeric_limits<Floating>::max)());
    const bool is_finite = found.floating - found.floating == 0;
    if (is_finite && (found.floating > largest || found.floating < -largest)) return in.fail(at, "number that a float can hold", std::to_string(found.floating));
  }
  value = static_cast<Floating>(found.floating);
  return next;
}

// An enum that is `bool` underneath is read as the number it is.
template <class Enum>
using enum_number = std::conditional_t<std::is_same_v<std::underlying_type_t<Enum>, bool>, unsigned char, std::underlying_type_t<Enum>>;

template <class Enum>
const char* msgpack_read_enum(msgpack_reader& in, const char* at, Enum& value) {
  if (at != in.end) {
    const msgpack_kind found = msgpack_reader::kind(msgpack_reader::byte_at(at));
    if (found == msgpack_kind::string || found == msgpack_kind::binary) {
      std::string_view name;
      const char* const next = in.read_raw(at, name, "string");
      if (next == nullptr) return nullptr;
      const auto named = enum_value<Enum>(name);
      if (!named) return in.fail(at, expected_one_of<Enum>(), "\"" + std::string{name.substr(0, 64)} + "\"");
      value = *named;
      return next;
    }
  }
  enum_number<Enum> number{};
  at = msgpack_read_integer(in, at, number);
  if (at != nullptr) value = static_cast<Enum>(number);
  return at;
}

template <class T>
const char* msgpack_read_binary(msgpack_reader& in, const char* at, T& value) {
  std::string_view found;
  const char* const start = at;
  if constexpr (requires { value.clear(); }) {
    if (at != in.end && msgpack_reader::byte_at(at) == msgpack_head::null_value) {
      value.clear();
      return at + 1;
    }
  }
  at = in.read_raw(at, found, "binary");
  if (at == nullptr) [[unlikely]] return nullptr;
  const auto* const data = reinterpret_cast<const std::byte*>(found.data());
  if constexpr (requires { value.assign(data, data); }) {
    value.assign(data, data + found.size());
  } else {
    if (found.size() != value.size()) return in.fail(start, "binary of " + std::to_string(value.size()) + " bytes", std::to_string(found.size()) + " bytes");
    if (!found.empty()) std::memcpy(value.data(), data, found.size());
  }
  return at;
}

// Splits a timestamp of any of the three forms; the place after it, or nullptr.
inline const char* msgpack_read_timestamp(msgpack_reader& in, const char* at, timestamp& out) {
  msgpack_extension found;
  const char* const next = in.read_extension(at, found, "timestamp");
  if (next == nullptr) return nullptr;
  if (found.type != -1) return in.fail(at, "timestamp", "extension of type " + std::to_string(found.type));
  const char* const data = found.data.data();
  if (found.data.size() == 4) {
    out = {tenon::detail::load_big_endian_32(data), 0};
  } else if (found.data.size() == 8) {
    const std::uint64_t both = tenon::detail::load_big_endian_64(data);
    out = {static_cast<std::int64_t>(both & 0x3'ffff'ffffU), static_cast<std::uint32_t>(both >> 34)};
  } else if (found.data.size() == 12) {
    out = {static_cast<std::int64_t>(tenon::detail::load_big_endian_64(data + 4)), tenon::detail::load_big_endian_32(data)};
  } else {
    return in.fail(at, "timestamp of 4, 8 or 12 bytes", std::to_string(found.data.size()) + " bytes");
  }
  if (out.nanoseconds > 999'999'999) return in.fail(at, "nanoseconds up to 999999999", std::to_string(out.nanoseconds));
  return next;
}

template <class Time>
const char* msgpack_read_time(msgpack_reader& in, const char* at, Time& value) {
  timestamp found;
  const char* const next = msgpack_read_timestamp(in, at, found);
  if (next == nullptr || from_timestamp(found, value)) return next;
  // Go writes its unset time, the first second of year 1, for every field that was never set.
  constexpr timestamp unset_in_go{-62'135'596'800, 0};
  if (found != unset_in_go) return in.fail(at, "timestamp that the time point can hold", std::to_string(found.seconds) + " seconds");
  value = Time{};
  return next;
}

}  // namespace tenon::inline v0::codec::detail

// tenon/codec/detail/msgpack_write.hpp
// Writes C++ values as MessagePack: what is flat goes out in one piece with room made once, the rest piece by piece. Codec layer, part of msgpack.hpp.

// tenon/codec/detail/fold_fields.hpp
// Visits a record's fields with a state that is handed along by value. Codec layer, shared by codecs.

namespace tenon::inline v0::codec::detail {

template <class T, class State, class Visitor, class Indices>
struct field_folder;

// The state is a local of the one function that holds the whole fold: the place that is read or written stays in a register even where the compiler keeps that
// function out of line. A state captured by the visitor would go through memory at every field.
template <class T, class State, class Visitor, std::size_t... Index>
struct field_folder<T, State, Visitor, std::index_sequence<Index...>> {
  const State& initial;
  const Visitor& visit;

  template <class... Members>
  [[gnu::always_inline]] constexpr State operator()(Members&... members) const {
    State state = initial;
    static_cast<void>((visit(state, field<T, Index>{}, members) && ...));
    return state;
  }
};

/// Calls `visit(state, field, member)` for every field in order until one returns false; returns the state. The visitor should be forced inline.
template <class Record, class State, class Visitor>
[[gnu::always_inline]] constexpr State fold_fields(Record& value, const State& initial, const Visitor& visit) {
  using type = std::remove_const_t<Record>;
  return tenon::detail::record_fields<type>::apply(value, field_folder<type, State, Visitor, std::make_index_sequence<field_count<type>>>{initial, visit});
}

}  // namespace tenon::inline v0::codec::detail

namespace tenon::inline v0::codec::detail {

// Appends any value. The functions below call one another through this door.
template <class T>
void msgpack_write(buffer& out, const T& value);

// How many bytes a value of type T takes at most, when its type says so; 0 when that hangs on the value.
template <class T>
consteval std::size_t msgpack_largest() {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::boolean || form == shape::null) {
    return 1;
  } else if constexpr (form == shape::floating) {
    return 1 + sizeof(T);
  } else if constexpr (form == shape::integer || form == shape::enumeration) {
    return msgpack_put::largest_number;
  } else if constexpr (form == shape::duration) {
    return msgpack_largest<typename T::rep>();
  } else if constexpr (form == shape::time_point) {
    return msgpack_put::largest_timestamp;
  } else {
    return 0;
  }
}

// A wire name together with its head, ready to be copied.
template <std::size_t Size>
consteval auto msgpack_name(std::string_view name) {
  constexpr std::size_t head = Size < 0x20 ? 1 : Size <= 0xff ? 2 : 3;
  static_assert(Size <= 0xffff);
  std::array<char, head + Size> bytes{};
  if constexpr (head == 1) {
    bytes[0] = static_cast<char>(msgpack_head::fixstr | Size);
  } else if constexpr (head == 2) {
    bytes[0] = static_cast<char>(msgpack_head::str8);
    bytes[1] = static_cast<char>(Size);
  } else {
    bytes[0] = static_cast<char>(msgpack_head::str16);
    bytes[1] = static_cast<char>(Size >> 8);
    bytes[2] = static_cast<char>(Size);
  }
  for (std::size_t i = 0; i < Size; ++i) bytes[head + i] = name[i];
  return bytes;
}
template <class Field>
inline constexpr auto msgpack_field_name = msgpack_name<Field::name.size()>(Field::name);

// Small arrays only: their elements are written one after the other without a check in between.
template <class T>
consteval bool msgpack_is_flat();
template <class... Fields>
consteval bool msgpack_all_flat(const boost::hana::tuple<Fields...>&) {
  return (msgpack_is_flat<typename Fields::type>() && ...);
}
template <class Tuple, std::size_t... Index>
consteval bool msgpack_all_flat(std::index_sequence<Index...>) {
  return (msgpack_is_flat<std::remove_cvref_t<std::tuple_element_t<Index, Tuple>>>() && ...);
}
template <class T>
inline constexpr bool is_unique_pointer = false;
template <class T>
inline constexpr bool is_unique_pointer<std::unique_ptr<T>> = true;

// A flat value's size is known without following pointers other than its strings', so that room for all of it is made at once.
template <class T>
consteval bool msgpack_is_flat() {
  constexpr shape form = shape_of<T>;
  if constexpr (msgpack_largest<T>() != 0 || form == shape::text || form == shape::binary) {
    return true;
  } else if constexpr (form == shape::optional && !is_unique_pointer<T>) {
    return msgpack_is_flat<typename T::value_type>();
  } else if constexpr (form == shape::record) {
    return msgpack_all_flat(fields_of<T>);
  } else if constexpr (form == shape::tuple) {
    return msgpack_all_flat<T>(std::make_index_sequence<std::tuple_size_v<T>>{});
  } else if constexpr (form == shape::fixed_sequence) {
    return std::tuple_size_v<T> <= 16 && msgpack_is_flat<typename T::value_type>();
  } else {
    return false;
  }
}

template <class... Fields>
consteval std::size_t msgpack_names_size(const boost::hana::tuple<Fields...>&) {
  return (msgpack_put::largest_head + ... + msgpack_field_name<Fields>.size());
}

inline std::string_view msgpack_text(std::string_view value) noexcept { return value; }
inline std::string_view msgpack_text(const char* value) noexcept { return value == nullptr ? std::string_view{} : std::string_view{value}; }

// The room that `value`, which is flat, takes at most.
template <class T>
[[gnu::always_inline]] inline std::size_t msgpack_room(const T& value) {
  constexpr shape form = shape_of<T>;
  if constexpr (msgpack_largest<T>() != 0) {
    static_cast<void>(value);
    return msgpack_largest<T>();
  } else if constexpr (form == shape::text) {
    return msgpack_put::largest_head + msgpack_text(value).size();
  } else if constexpr (form == shape::binary) {
    return msgpack_put::largest_head + value.size();
  } else if constexpr (form == shape::optional) {
    return value ? detail::msgpack_room(*value) : 1;
  } else if constexpr (form == shape::record) {
    return fold_fields(value, msgpack_names_size(fields_of<T>), [](std::size_t& room, auto, const auto& member) __attribute__((always_inline)) {
      room += detail::msgpack_room(member);
      return true;
    });
  } else if constexpr (form == shape::tuple) {
    return std::apply([](const auto&... elements) { return (msgpack_put::largest_head + ... + detail::msgpack_room(elements)); }, value);
  } else {
    std::size_t room = msgpack_put::largest_head;
    for (const auto& element : value) room += detail::msgpack_room(element);
    return room;
  }
}

// Writes a flat value where `msgpack_room` made room.
template <class T>
[[gnu::always_inline]] inline char* msgpack_put_value(char* at, const T& value) {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::boolean) {
    return msgpack_put::boolean(at, value);
  } else if constexpr (form == shape::integer) {
    return msgpack_put::integer(at, value);
  } else if constexpr (form == shape::floating) {
    return msgpack_put::floating(at, value);
  } else if constexpr (form == shape::null) {
    static_cast<void>(value);
    return msgpack_put::null(at);
  } else if constexpr (form == shape::enumeration) {
    return msgpack_put::integer(at, static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (form == shape::duration) {
    return detail::msgpack_put_value(at, value.count());
  } else if constexpr (form == shape::time_point) {
    const timestamp time = to_timestamp(value);
    return msgpack_put::timestamp(at, time.seconds, time.nanoseconds);
  } else if constexpr (form == shape::text) {
    return msgpack_put::text(at, msgpack_text(value));
  } else if constexpr (form == shape::binary) {
    return msgpack_put::binary(at, value.data(), value.size());
  } else if constexpr (form == shape::optional) {
    return value ? detail::msgpack_put_value(at, *value) : msgpack_put::null(at);
  } else if constexpr (form == shape::record) {
    return fold_fields(value, msgpack_put::map_head(at, field_count<T>), [](char*& next, auto each, const auto& member) __attribute__((always_inline)) {
      constexpr const auto& name = msgpack_field_name<decltype(each)>;
      next = detail::msgpack_put_value(msgpack_put::copy(next, name.data(), name.size()), member);
      return true;
    });
  } else if constexpr (form == shape::tuple) {
    at = msgpack_put::array_head(at, std::tuple_size_v<T>);
    std::apply([&at](const auto&... elements) { ((at = detail::msgpack_put_value(at, elements)), ...); }, value);
    return at;
  } else {
    at = msgpack_put::array_head(at, value.size());
    for (const auto& element : value) at = detail::msgpack_put_value(at, element);
    return at;
  }
}

inline void msgpack_write_null(buffer& out) { out.push_back(static_cast<char>(msgpack_head::null_value)); }
inline void msgpack_write_array_head(buffer& out, std::size_t count) {
  char* start = out.prepare(msgpack_put::largest_head);
  out.commit(static_cast<std::size_t>(msgpack_put::array_head(start, count) - start));
}
inline void msgpack_write_map_head(buffer& out, std::size_t count) {
  char* start = out.prepare(msgpack_put::largest_head);
  out.commit(static_cast<std::size_t>(msgpack_put::map_head(start, count) - start));
}

// A record with members that are not flat: names and flat members go out in runs between those.
struct msgpack_run {
  buffer* out;
  std::size_t room;
  char* start;
  char* at;

  void commit() const noexcept { out->commit(static_cast<std::size_t>(at - start)); }
};

template <class T>
void msgpack_write_record(buffer& out, const T& value) {
  const std::size_t room =
      fold_fields(value, msgpack_names_size(fields_of<T>), [](std::size_t& sum, auto, const auto& member) __attribute__((always_inline)) {
        if constexpr (msgpack_is_flat<std::remove_cvref_t<decltype(member)>>()) sum += detail::msgpack_room(member);
        return true;
      });
  char* const start = out.prepare(room);
  const msgpack_run initial{&out, room, start, msgpack_put::map_head(start, field_count<T>)};
  const msgpack_run last = fold_fields(value, initial, [](msgpack_run& run, auto each, const auto& member) __attribute__((always_inline)) {
    constexpr const auto& name = msgpack_field_name<decltype(each)>;
    run.at = msgpack_put::copy(run.at, name.data(), name.size());
    if constexpr (msgpack_is_flat<std::remove_cvref_t<decltype(member)>>()) {
      run.at = detail::msgpack_put_value(run.at, member);
    } else {
      run.commit();
      detail::msgpack_write(*run.out, member);
      run.start = run.out->prepare(run.room);
      run.at = run.start;
    }
    return true;
  });
  last.commit();
}

template <class T>
void msgpack_write_sequence(buffer& out, const T& value) {
  using element_type = typename T::value_type;
  constexpr std::size_t largest = msgpack_largest<element_type>();
  std::size_t left = static_cast<std::size_t>(value.size());
  msgpack_write_array_head(out, left);
  if constexpr (largest != 0) {
    // Room is made for some hundred numbers at a time: one check for many, and never nine bytes for each of a million small ones.
    constexpr std::size_t chunk = 256;
    auto next = value.begin();
    while (left != 0) {
      const std::size_t count = left < chunk ? left : chunk;
      char* const start = out.prepare(count * largest);
      char* at = start;
      for (std::size_t i = 0; i < count; ++i, ++next) at = detail::msgpack_put_value<element_type>(at, *next);
      out.commit(static_cast<std::size_t>(at - start));
      left -= count;
    }
  } else {
    for (const element_type& element : value) detail::msgpack_write(out, element);
  }
}

template <class T, std::size_t... Index>
void msgpack_write_variant(buffer& out, const T& value, std::index_sequence<Index...>) {
  const auto write = [&out](const auto& alternative) {
    using type = std::remove_cvref_t<decltype(alternative)>;
    if constexpr (!tells_by_kind<T, true>) {
      msgpack_write_map_head(out, 1);
      detail::msgpack_write(out, std::string_view{alternative_name<type>});
    }
    detail::msgpack_write(out, alternative);
  };
  if (!((value.index() == Index ? (write(*std::get_if<Index>(&value)), true) : false) || ...)) msgpack_write_null(out);
}

template <class T>
void msgpack_write(buffer& out, const T& value) {
  static_assert(assert_wire_type<T>());
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::free_json) {
    msgpack_write_json(out, value);
  } else if constexpr (form == shape::free_msgpack) {
    msgpack_write_object(out, value);
  } else if constexpr (msgpack_is_flat<T>()) {
    char* const start = out.prepare(detail::msgpack_room(value));
    out.commit(static_cast<std::size_t>(detail::msgpack_put_value(start, value) - start));
  } else if constexpr (form == shape::record) {
    detail::msgpack_write_record(out, value);
  } else if constexpr (form == shape::optional) {
    if (value) detail::msgpack_write(out, *value);
    else msgpack_write_null(out);
  } else if constexpr (form == shape::sequence) {
    detail::msgpack_write_sequence(out, value);
  } else if constexpr (form == shape::fixed_sequence) {
    msgpack_write_array_head(out, value.size());
    for (const auto& element : value) detail::msgpack_write(out, element);
  } else if constexpr (form == shape::tuple) {
    msgpack_write_array_head(out, std::tuple_size_v<T>);
    std::apply([&out](const auto&... elements) { (detail::msgpack_write(out, elements), ...); }, value);
  } else if constexpr (form == shape::mapping) {
    msgpack_write_map_head(out, static_cast<std::size_t>(value.size()));
    for (const auto& [key, mapped] : value) {
      detail::msgpack_write(out, key);
      detail::msgpack_write(out, mapped);
    }
  } else if constexpr (form == shape::variant) {
    detail::msgpack_write_variant(out, value, std::make_index_sequence<std::variant_size_v<T>>{});
  }
}

}  // namespace tenon::inline v0::codec::detail

namespace tenon::inline v0::codec::detail {

// Reads any value; nullptr once in.error is filled. The functions below call one another through this door.
template <class T>
const char* msgpack_read(msgpack_reader& in, const char* at, T& value);

// How many elements to make room for: all, unless a short input claims many large ones; then the container grows as they really come.
template <class Element>
std::size_t msgpack_reserve(const msgpack_reader& in, const char* at, std::size_t count) {
  const std::size_t proportionate = (16 * in.left(at) + 4096) / sizeof(Element);
  return count < proportionate ? count : proportionate;
}

template <class T>
const char* msgpack_read_sequence(msgpack_reader& in, const char* at, T& value) {
  using element_type = typename T::value_type;
  if (at != in.end && msgpack_reader::byte_at(at) == msgpack_head::null_value) {
    value.clear();
    return at + 1;
  }
  std::size_t count = 0;
  const char* const start = at;
  at = in.read_array_head(at, count, "array");
  if (at == nullptr || !in.enter(start)) [[unlikely]] return nullptr;
  if constexpr (requires { typename T::key_type; }) {
    value.clear();
    if constexpr (requires { value.reserve(count); }) value.reserve(msgpack_reserve<element_type>(in, at, count));
    for (std::size_t i = 0; i < count; ++i) {
      element_type element{};
      at = detail::msgpack_read(in, at, element);
      if (at == nullptr) [[unlikely]] return in.fail_at_index(i);
      value.insert(std::move(element));
    }
  } else if constexpr (std::is_same_v<element_type, bool>) {
    value.clear();
    if constexpr (requires { value.reserve(count); }) value.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      bool element = false;
      at = detail::msgpack_read(in, at, element);
      if (at == nullptr) [[unlikely]] return in.fail_at_index(i);
      value.push_back(element);
    }
  } else {
    std::size_t i = 0;
    const bool resets_outside = in.resets_missing;
    in.resets_missing = true;
    auto existing = value.begin();
    for (; existing != value.end() && i < count; ++existing, ++i) {
      at = detail::msgpack_read(in, at, *existing);
      if (at == nullptr) [[unlikely]] return in.fail_at_index(i);
    }
    in.resets_missing = resets_outside;
    if (existing != value.end()) value.erase(existing, value.end());
    if (i < count) {
      if constexpr (requires { value.reserve(count); }) value.reserve(i + msgpack_reserve<element_type>(in, at, count - i));
      for (; i < count; ++i) {
        at = detail::msgpack_read(in, at, value.emplace_back());
        if (at == nullptr) [[unlikely]] return in.fail_at_index(i);
      }
    }
  }
  in.leave();
  return at;
}

[[gnu::cold, gnu::noinline]] inline const char* msgpack_fail_count(msgpack_reader& in, const char* at, std::size_t expected, std::size_t found) {
  return in.fail(at, "array of " + std::to_string(expected) + " elements", "array of " + std::to_string(found) + " elements");
}

template <class T>
const char* msgpack_read_fixed(msgpack_reader& in, const char* at, T& value) {
  std::size_t count = 0;
  const char* const start = at;
  at = in.read_array_head(at, count, "array");
  if (at == nullptr || !in.enter(start)) [[unlikely]] return nullptr;
  if constexpr (shape_of<T> == shape::tuple) {
    if (count != std::tuple_size_v<T>) return msgpack_fail_count(in, start, std::tuple_size_v<T>, count);
    std::size_t index = 0;
    const auto read = [&](auto& element) {
      at = detail::msgpack_read(in, at, element);
      if (at == nullptr) return in.fail_at_index(index) != nullptr;
      ++index;
      return true;
    };
    if (!std::apply([&read](auto&... elements) { return (read(elements) && ...); }, value)) return nullptr;
  } else {
    if (count != value.size()) return msgpack_fail_count(in, start, value.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      at = detail::msgpack_read(in, at, value[i]);
      if (at == nullptr) [[unlikely]] return in.fail_at_index(i);
    }
  }
  in.leave();
  return at;
}

// Keys of numbers may come spelled out, as formats whose keys are text have them.
template <class Key>
const char* msgpack_read_key(msgpack_reader& in, const char* at, Key& key) {
  if constexpr (shape_of<Key> != shape::text) {
    const msgpack_kind found = at == in.end ? msgpack_kind::null : msgpack_reader::kind(msgpack_reader::byte_at(at));
    if (found == msgpack_kind::string || found == msgpack_kind::binary) {
      std::string_view text;
      const char* const next = in.read_raw(at, text, "string");
      if (next == nullptr) return nullptr;
      if constexpr (shape_of<Key> == shape::enumeration) {
        if (const auto named = enum_value<Key>(text)) {
          key = *named;
          return next;
        }
        enum_number<Key> number{};
        const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (problem != std::errc{} || end != text.data() + text.size()) return in.fail(at, expected_one_of<Key>(), "\"" + std::string{text.substr(0, 64)} + "\"");
        key = static_cast<Key>(number);
      } else {
        const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), key);
        if (problem != std::errc{} || end != text.data() + text.size()) {
          using bounds = std::numeric_limits<Key>;
          return in.fail(at, expected_integer(static_cast<std::int64_t>((bounds::min)()), static_cast<std::uint64_t>((bounds::max)())),
                         "\"" + std::string{text.substr(0, 64)} + "\"");
        }
      }
      return next;
    }
  }
  return detail::msgpack_read(in, at, key);
}

// The key as a step of the path.
template <class Key>
[[gnu::cold]] std::string msgpack_key_text(const Key& key) {
  if constexpr (shape_of<Key> == shape::text) return std::string{key};
  else if constexpr (shape_of<Key> == shape::enumeration) return std::to_string(static_cast<enum_number<Key>>(key));
  else return std::to_string(key);
}

template <class T>
const char* msgpack_read_mapping(msgpack_reader& in, const char* at, T& value) {
  value.clear();
  if (at != in.end && msgpack_reader::byte_at(at) == msgpack_head::null_value) return at + 1;
  std::size_t count = 0;
  const char* const start = at;
  at = in.read_map_head(at, count, "object");
  if (at == nullptr || !in.enter(start)) [[unlikely]] return nullptr;
  if constexpr (requires { value.reserve(count); }) value.reserve(msgpack_reserve<typename T::value_type>(in, at, count));
  for (std::size_t i = 0; i < count; ++i) {
    typename T::key_type key{};
    at = detail::msgpack_read_key(in, at, key);
    if (at == nullptr) [[unlikely]] return nullptr;
    const auto [entry, is_new] = value.try_emplace(std::move(key));
    if (!is_new) entry->second = typename T::mapped_type{};
    at = detail::msgpack_read(in, at, entry->second);
    if (at == nullptr) [[unlikely]] return in.fail_at_field(msgpack_key_text(entry->first));
  }
  in.leave();
  return at;
}

// What the token at hand may be, as the set of kinds that tells alternatives apart. A timestamp is text to other formats.
inline unsigned msgpack_wire_kind(unsigned char head) noexcept {
  switch (msgpack_reader::kind(head)) {
    case msgpack_kind::null: return null_kind;
    case msgpack_kind::boolean: return boolean_kind;
    case msgpack_kind::integer:
    case msgpack_kind::number: return number_kind;
    case msgpack_kind::string:
    case msgpack_kind::extension: return text_kind;
    case msgpack_kind::binary: return binary_kind;
    case msgpack_kind::array: return array_kind;
    case msgpack_kind::object: return object_kind;
    default: return 0;
  }
}

template <std::size_t Index, class T>
const char* msgpack_read_alternative(msgpack_reader& in, const char* at, T& value) {
  if (value.index() != Index) value.template emplace<Index>();
  return detail::msgpack_read(in, at, *std::get_if<Index>(&value));
}

template <class T, std::size_t... Index>
const char* msgpack_read_variant(msgpack_reader& in, const char* at, T& value, std::index_sequence<Index...>) {
  using reader = const char* (*)(msgpack_reader&, const char*, T&);
  static constexpr reader readers[] = {&msgpack_read_alternative<Index, T>...};
  constexpr std::size_t count = sizeof...(Index);
  if constexpr (tells_by_kind<T, true>) {
    if (at == in.end) return in.fail(at, "value");
    static constexpr unsigned kinds[] = {wire_kinds<std::variant_alternative_t<Index, T>, true>()...};
    unsigned found = msgpack_wire_kind(msgpack_reader::byte_at(at));
    // Writers older than the format's bin send binary as text.
    for (int attempt = 0; attempt < 2; ++attempt) {
      for (std::size_t i = 0; i < count; ++i) {
        if ((kinds[i] & found) != 0) return readers[i](in, at, value);
      }
      found = found == text_kind ? unsigned{binary_kind} : found == binary_kind ? unsigned{text_kind} : 0U;
    }
    return in.fail(at, "one of the alternatives of a variant");
  } else {
    using names = alternative_names<T>;
    static_assert(names::differ);
    std::size_t entries = 0;
    const char* next = in.read_map_head(at, entries, "object of one entry");
    if (next == nullptr || !in.enter(at)) return nullptr;
    if (entries != 1) return in.fail(at, "object of one entry", "object of " + std::to_string(entries) + " entries");
    const char* const key = next;
    std::string_view name;
    next = in.read_raw(next, name, "string");
    if (next == nullptr) return nullptr;
    for (std::size_t i = 0; i < count; ++i) {
      if (names::value[i] != name) continue;
      next = readers[i](in, next, value);
      if (next == nullptr) return in.fail_at_field(name);
      in.leave();
      return next;
    }
    std::string expected;
    for (const std::string_view each : names::value) expected.append(expected.empty() ? "one of " : ", ").append(each);
    return in.fail(key, expected, "\"" + std::string{name.substr(0, 64)} + "\"");
  }
}

template <class T>
const char* msgpack_read_optional(msgpack_reader& in, const char* at, T& value) {
  if (at != in.end && msgpack_reader::byte_at(at) == msgpack_head::null_value) {
    value.reset();
    return at + 1;
  }
  if (!value) {
    if constexpr (is_unique_pointer<T>) value = std::make_unique<typename T::element_type>();
    else value.emplace();
  }
  return detail::msgpack_read(in, at, *value);
}

}  // namespace tenon::inline v0::codec::detail

// tenon/codec/detail/msgpack_read_record.hpp
// Reads MessagePack's maps and arrays into records: the expected field first, the others through a table. Codec layer, part of msgpack.hpp.

namespace tenon::inline v0::codec::detail {

// Reads any value; nullptr once in.error is filled. The functions below call one another through this door.
template <class T>
const char* msgpack_read(msgpack_reader& in, const char* at, T& value);

// What the slow path and the resetting know of a record's members: functions by type, not by member.
struct msgpack_member {
  const char* (*read)(msgpack_reader& in, const char* at, void* member);
  void (*take)(void* member, void* from);
  int number;
  bool is_required;
};

template <class Member>
const char* msgpack_read_member(msgpack_reader& in, const char* at, void* member) {
  return detail::msgpack_read(in, at, *static_cast<Member*>(member));
}
template <class Member>
void msgpack_take_member(void* member, void* from) {
  *static_cast<Member*>(member) = std::move(*static_cast<Member*>(from));
}
template <class... Fields>
consteval auto msgpack_make_members(const boost::hana::tuple<Fields...>&) {
  return std::array<msgpack_member, sizeof...(Fields)>{
      msgpack_member{&msgpack_read_member<typename Fields::type>, &msgpack_take_member<typename Fields::type>, Fields::number, Fields::is_required}...};
}
template <class T>
inline constexpr auto msgpack_members_of = msgpack_make_members(fields_of<T>);

// A record under way: its members, and which of them the input has mentioned. Not templated, and not touched when all fields come in order.
class msgpack_record_rest {
 public:
  msgpack_record_rest(const member_index& names, const msgpack_member* members, void* const* places, std::uint64_t* seen) noexcept
      : names_{names}, members_{members}, places_{places}, seen_{seen} {}

  // Entries in any order, from wherever the fast path stopped.
  const char* read_entries(msgpack_reader& in, const char* at, std::size_t count, std::size_t expected) {
    for (; count != 0; --count) {
      std::size_t index = names_.count;
      at = read_key(in, at, index, expected);
      if (at == nullptr) return nullptr;
      if (index == names_.count) {
        at = in.skip(at);
        if (at == nullptr) return nullptr;
      } else {
        at = read_at(in, at, index);
        if (at == nullptr) return nullptr;
        expected = index + 1;
      }
    }
    return at;
  }

  // By position: what is missing at the end stays as it is, what is too much is skipped.
  const char* read_positions(msgpack_reader& in, const char* at, std::size_t count) {
    for (std::size_t index = 0; index < count; ++index) {
      at = index < names_.count ? read_at(in, at, index) : in.skip(at);
      if (at == nullptr) return nullptr;
    }
    return at;
  }

  // The first required field that was not mentioned; the count when there is none.
  std::size_t missing_required() const noexcept {
    std::size_t index = 0;
    while (index < names_.count && (!members_[index].is_required || has_seen(index))) ++index;
    return index;
  }
  // Moves the members of a fresh object over those that were not mentioned.
  void take_unseen(void* const* from) const {
    for (std::size_t index = 0; index < names_.count; ++index) {
      if (!has_seen(index)) members_[index].take(places_[index], from[index]);
    }
  }

 private:
  bool has_seen(std::size_t index) const noexcept { return (seen_[index / 64] >> (index % 64) & 1U) != 0; }

  const char* read_at(msgpack_reader& in, const char* at, std::size_t index) {
    seen_[index / 64] |= std::uint64_t{1} << (index % 64);
    at = members_[index].read(in, at, places_[index]);
    return at == nullptr ? in.fail_at_field(names_.names[index]) : at;
  }

  // Keys are names, as text or as binary, or field numbers; whatever else is a key names no field of ours.
  const char* read_key(msgpack_reader& in, const char* at, std::size_t& index, std::size_t expected) const {
    const msgpack_kind found = at == in.end ? msgpack_kind::string : msgpack_reader::kind(msgpack_reader::byte_at(at));
    if (found == msgpack_kind::string || found == msgpack_kind::binary) {
      std::string_view name;
      at = in.read_raw(at, name, "string");
      if (at != nullptr) index = names_.find(name, expected);
      return at;
    }
    if (found != msgpack_kind::integer) return in.skip(at);
    msgpack_integer number;
    at = in.read_integer(at, number);
    if (at == nullptr || number.negative) return at;
    for (index = 0; index < names_.count && static_cast<std::uint64_t>(members_[index].number) != number.bits;) ++index;
    return at;
  }

  const member_index& names_;
  const msgpack_member* members_;
  void* const* places_;
  std::uint64_t* seen_;
};

// Out of line, as g++ 12 warns of a dangling pointer where it is inlined for a local object that lives as long as the places do.
template <class T>
[[gnu::noinline]] std::array<void*, field_count<T>> msgpack_places(T& value) {
  std::array<void*, field_count<T>> places{};
  for_each_field(value, [&places](auto field, auto& member) { places[decltype(field)::index] = std::addressof(member); });
  return places;
}

template <class T>
inline constexpr bool has_required_field = false;
template <class... Fields>
inline constexpr bool has_required_field<boost::hana::tuple<Fields...>> = (Fields::is_required || ...);

// Whether the bytes at `at` are those of `name`. g++ calls memcmp for most lengths; loads that overlap are a few instructions.
template <std::size_t Size>
[[gnu::always_inline]] inline bool msgpack_starts_with(const char* at, const std::array<char, Size>& name) noexcept {
  const auto differ = [at, &name]<class Word>(std::size_t offset, Word left, Word right) {
    std::memcpy(&left, at + offset, sizeof left);
    std::memcpy(&right, name.data() + offset, sizeof right);
    return static_cast<std::uint64_t>(left ^ right);
  };
  if constexpr (Size > 16) {
    return std::memcmp(at, name.data(), Size) == 0;
  } else if constexpr (Size >= 8) {
    return (differ(0, std::uint64_t{}, std::uint64_t{}) | differ(Size - 8, std::uint64_t{}, std::uint64_t{})) == 0;
  } else if constexpr (Size >= 4) {
    return (differ(0, std::uint32_t{}, std::uint32_t{}) | differ(Size - 4, std::uint32_t{}, std::uint32_t{})) == 0;
  } else {
    for (std::size_t i = 0; i < Size; ++i) {
      if (at[i] != name[i]) return false;
    }
    return true;
  }
}

// Where the reading of a record's entries stands.
template <std::size_t Words>
struct msgpack_record_state {
  msgpack_reader* in;
  const char* at;
  std::size_t left;                          // entries that are still to be read
  std::array<std::uint64_t, Words> seen{};  // a bit for each field that the input mentions

  void mark(std::size_t index) noexcept { seen[index / 64] |= std::uint64_t{1} << (index % 64); }
  // The field after the last one seen.
  std::size_t expected() const noexcept {
    for (std::size_t word = Words; word-- > 0;) {
      if (seen[word] != 0) return 64 * word + static_cast<std::size_t>(std::bit_width(seen[word]));
    }
    return 0;
  }
};

template <class T, class State>
[[gnu::noinline]] const char* msgpack_read_record_slowly(State state, T& value, bool by_position) {
  msgpack_reader& in = *state.in;
  const auto places = msgpack_places(value);
  msgpack_record_rest rest{member_index_of<T>, msgpack_members_of<T>.data(), places.data(), state.seen.data()};
  const char* const next = by_position ? rest.read_positions(in, state.at, state.left) : rest.read_entries(in, state.at, state.left, state.expected());
  if (next == nullptr) return nullptr;
  if constexpr (has_required_field<std::remove_cvref_t<decltype(fields_of<T>)>>) {
    const std::size_t missing = rest.missing_required();
    if (missing != field_count<T>) {
      in.fail(next, "a value (it is required)", "none");
      return in.fail_at_field(member_index_of<T>.names[missing]);
    }
  }
  if (in.resets_missing) {
    T fresh{};
    const auto fresh_places = msgpack_places(fresh);
    rest.take_unseen(fresh_places.data());
  }
  return next;
}

template <class T>
const char* msgpack_read_record(msgpack_reader& in, const char* at, T& value) {
  constexpr std::size_t total = field_count<T>;
  using state_type = msgpack_record_state<total / 64 + 1>;
  const char* const start = at;
  std::size_t count = 0;
  bool by_position = false;
  const unsigned char head = at == in.end ? static_cast<unsigned char>(msgpack_head::never_used) : msgpack_reader::byte_at(at);
  if (head == msgpack_head::null_value) {
    ++at;
  } else if (msgpack_reader::kind(head) == msgpack_kind::array) {
    at = in.read_array_head(at, count, "object");
    by_position = true;
  } else {
    at = in.read_map_head(at, count, "object");
  }
  if (at == nullptr || !in.enter(start)) [[unlikely]] return nullptr;
  state_type state{&in, at, count};
  if (!by_position) {
    // Fields that come in order, with any of them left out, are found by comparing with the expected name: a few instructions each.
    state = fold_fields(value, state, [](state_type& now, auto each, auto& member) __attribute__((always_inline)) {
      using field_type = decltype(each);
      constexpr const auto& name = msgpack_field_name<field_type>;
      if (now.left == 0) return false;
      if (now.in->left(now.at) < name.size() || !msgpack_starts_with(now.at, name)) return true;
      now.at = detail::msgpack_read(*now.in, now.at + name.size(), member);
      if (now.at == nullptr) [[unlikely]] {
        now.in->fail_at_field(field_type::name);
        return false;
      }
      --now.left;
      now.mark(field_type::index);
      return true;
    });
    if (state.at == nullptr) [[unlikely]] return nullptr;
  }
  constexpr bool has_required = has_required_field<std::remove_cvref_t<decltype(fields_of<T>)>>;
  const bool is_complete = state.left == 0 && count == total;
  if (state.left != 0 || ((has_required || in.resets_missing) && !is_complete)) {
    state.at = detail::msgpack_read_record_slowly(state, value, by_position);
    if (state.at == nullptr) return nullptr;
  }
  in.leave();
  return state.at;
}

}  // namespace tenon::inline v0::codec::detail

namespace tenon::inline v0::codec::detail {

template <class T>
const char* msgpack_read(msgpack_reader& in, const char* at, T& value) {
  static_assert(assert_readable_type<T>());
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::boolean) {
    if (at == in.end || (msgpack_reader::byte_at(at) | 1U) != msgpack_head::true_value) [[unlikely]] return in.fail(at, "boolean");
    value = msgpack_reader::byte_at(at) == msgpack_head::true_value;
    return at + 1;
  } else if constexpr (form == shape::integer) {
    return detail::msgpack_read_integer(in, at, value);
  } else if constexpr (form == shape::floating) {
    return detail::msgpack_read_floating(in, at, value);
  } else if constexpr (form == shape::text) {
    std::string_view found;
    at = in.read_raw(at, found, "string");
    if (at != nullptr) [[likely]] value.assign(found.data(), found.size());
    return at;
  } else if constexpr (form == shape::binary) {
    return detail::msgpack_read_binary(in, at, value);
  } else if constexpr (form == shape::enumeration) {
    return detail::msgpack_read_enum(in, at, value);
  } else if constexpr (form == shape::duration) {
    typename T::rep count{};
    at = detail::msgpack_read(in, at, count);
    if (at != nullptr) value = T{count};
    return at;
  } else if constexpr (form == shape::time_point) {
    return detail::msgpack_read_time(in, at, value);
  } else if constexpr (form == shape::null) {
    static_cast<void>(value);
    if (at == in.end || msgpack_reader::byte_at(at) != msgpack_head::null_value) return in.fail(at, "null");
    return at + 1;
  } else if constexpr (form == shape::record) {
    return detail::msgpack_read_record(in, at, value);
  } else if constexpr (form == shape::optional) {
    return detail::msgpack_read_optional(in, at, value);
  } else if constexpr (form == shape::sequence) {
    return detail::msgpack_read_sequence(in, at, value);
  } else if constexpr (form == shape::fixed_sequence || form == shape::tuple) {
    return detail::msgpack_read_fixed(in, at, value);
  } else if constexpr (form == shape::mapping) {
    return detail::msgpack_read_mapping(in, at, value);
  } else if constexpr (form == shape::variant) {
    return detail::msgpack_read_variant(in, at, value, std::make_index_sequence<std::variant_size_v<T>>{});
  } else if constexpr (form == shape::free_json) {
    return detail::msgpack_read_json(in, at, value);
  } else if constexpr (form == shape::free_msgpack) {
    return detail::msgpack_read_object(in, at, value);
  } else {
    return nullptr;
  }
}

}  // namespace tenon::inline v0::codec::detail

namespace tenon::inline v0::codec::detail {

template <std::size_t Index, class Tuple>
using argument_type = std::remove_cvref_t<std::tuple_element_t<Index, Tuple>>;

template <class Tuple, std::size_t... Index>
void msgpack_write_arguments(buffer& out, const Tuple& values, std::span<const std::string_view> names, std::index_sequence<Index...>) {
  constexpr std::size_t count = sizeof...(Index);
  if constexpr (count == 0) {
    static_cast<void>(values);
    static_cast<void>(names);
    msgpack_write_null(out);
  } else if constexpr (count == 1) {
    static_cast<void>(names);
    detail::msgpack_write(out, std::get<0>(values));
  } else if (names.size() == count) {
    msgpack_write_map_head(out, count);
    ((detail::msgpack_write(out, names[Index]), detail::msgpack_write(out, std::get<Index>(values))), ...);
  } else {
    msgpack_write_array_head(out, count);
    (detail::msgpack_write(out, std::get<Index>(values)), ...);
  }
}

[[gnu::cold, gnu::noinline]] inline const char* msgpack_fail_at_argument(msgpack_reader& in, std::span<const std::string_view> names, std::size_t index) {
  if (index < names.size()) return in.fail_at_field(names[index]);
  in.error.at_index(index);
  return in.fail_at_field("arguments");
}

// Several arguments, or the one that stands in an array or an object: by position, or by name where names are known.
class msgpack_argument_rest {
 public:
  using reader = const char* (*)(msgpack_reader& in, const char* at, void* argument);

  msgpack_argument_rest(std::span<const std::string_view> names, const reader* readers, const bool* may_be_missing, void* const* places, std::size_t count) noexcept
      : names_{names}, readers_{readers}, may_be_missing_{may_be_missing}, places_{places}, count_{count} {}

  const char* read_array(msgpack_reader& in, const char* at) const {
    std::size_t found = 0;
    const char* next = in.read_array_head(at, found, "array");
    if (next == nullptr || !in.enter(at)) return nullptr;
    if (found != count_) return in.fail(at, plural(count_), std::to_string(found));
    for (std::size_t i = 0; i < count_; ++i) {
      next = readers_[i](in, next, places_[i]);
      if (next == nullptr) return msgpack_fail_at_argument(in, names_, i);
    }
    in.leave();
    return next;
  }

  const char* read_object(msgpack_reader& in, const char* at) const {
    std::size_t entries = 0;
    const char* next = in.read_map_head(at, entries, "object");
    if (next == nullptr || !in.enter(at)) return nullptr;
    std::uint64_t seen = 0;
    for (; entries != 0; --entries) {
      std::string_view name;
      next = in.read_raw(next, name, "string");
      if (next == nullptr) return nullptr;
      std::size_t index = 0;
      while (index < count_ && names_[index] != name) ++index;
      if (index == count_) {
        next = in.skip(next);
        if (next == nullptr) return nullptr;
        continue;
      }
      seen |= std::uint64_t{1} << index;
      next = readers_[index](in, next, places_[index]);
      if (next == nullptr) return in.fail_at_field(name);
    }
    for (std::size_t i = 0; i < count_; ++i) {
      if (may_be_missing_[i] || (seen >> i & 1U) != 0) continue;
      in.fail(next, "a value (it is required)", "none");
      return in.fail_at_field(names_[i]);
    }
    in.leave();
    return next;
  }

  static std::string plural(std::size_t count) { return count == 1 ? "1 argument" : std::to_string(count) + " arguments"; }

 private:
  std::span<const std::string_view> names_;
  const reader* readers_;
  const bool* may_be_missing_;
  void* const* places_;
  std::size_t count_;
};

// Nothing, in any of its spellings.
inline const char* msgpack_read_no_arguments(msgpack_reader& in, const char* at) {
  if (at == in.end) return at;
  const unsigned char head = msgpack_reader::byte_at(at);
  if (head == msgpack_head::null_value || head == msgpack_head::fixarray || head == msgpack_head::fixmap) return at + 1;
  return in.fail(at, "no arguments");
}

// The kinds of a record's first field: what a record that came as an array would start with.
template <class First, class... Rest>
consteval unsigned msgpack_first_kinds(const boost::hana::tuple<First, Rest...>&) {
  return wire_kinds<typename First::type, true>();
}
consteval unsigned msgpack_first_kinds(const boost::hana::tuple<>&) { return 0; }

// Whether the array at `at` is a list of one argument, not the argument itself. Only records leave a doubt, as they may come as arrays by position:
// an array of one object or array is taken for the list, unless the record's first field could look so.
template <class T>
bool msgpack_is_list_of_one(const msgpack_reader& in, const char* at) {
  if constexpr ((wire_kinds<T, true>() & array_kind) != 0) {
    return false;
  } else if constexpr (shape_of<T> == shape::record) {
    if (msgpack_reader::byte_at(at) != (msgpack_head::fixarray | 1U) || in.left(at) < 2) return false;
    const unsigned element = msgpack_wire_kind(msgpack_reader::byte_at(at + 1));
    return (element & (object_kind | array_kind)) != 0 && (element & msgpack_first_kinds(fields_of<T>)) == 0;
  } else {
    return true;
  }
}

template <class Tuple, std::size_t... Index>
const char* msgpack_read_arguments(msgpack_reader& in, const char* at, Tuple& values, std::span<const std::string_view> names, std::index_sequence<Index...>) {
  constexpr std::size_t count = sizeof...(Index);
  static_assert(count <= 64, "tenon: a method has at most 64 parameters; group them into a struct");
  if constexpr (count == 0) {
    static_cast<void>(values);
    static_cast<void>(names);
    return msgpack_read_no_arguments(in, at);
  } else {
    static constexpr msgpack_argument_rest::reader readers[] = {&msgpack_read_member<argument_type<Index, Tuple>>...};
    static constexpr bool may_be_missing[] = {shape_of<argument_type<Index, Tuple>> == shape::optional...};
    void* const places[] = {std::addressof(std::get<Index>(values))...};
    const msgpack_argument_rest rest{names, readers, may_be_missing, places, count};
    const msgpack_kind found = at == in.end ? msgpack_kind::invalid : msgpack_reader::kind(msgpack_reader::byte_at(at));
    if constexpr (count == 1) {
      using type = argument_type<0, Tuple>;
      if (found == msgpack_kind::array && msgpack_is_list_of_one<type>(in, at)) return rest.read_array(in, at);
      if constexpr ((wire_kinds<type, true>() & object_kind) == 0) {
        if (found == msgpack_kind::object && names.size() == count) return rest.read_object(in, at);
      }
      at = detail::msgpack_read(in, at, std::get<0>(values));
      if (at == nullptr && in.error.path().empty() && names.size() == count) return in.fail_at_field(names[0]);
      return at;
    } else {
      if (found == msgpack_kind::object && names.size() == count) return rest.read_object(in, at);
      if (found != msgpack_kind::array) return in.fail(at, msgpack_argument_rest::plural(count));
      return rest.read_array(in, at);
    }
  }
}

}  // namespace tenon::inline v0::codec::detail

namespace tenon::inline v0::codec {

/// MessagePack.
///
/// Shape   written: records as maps by field name in the order of declaration; integers in the shortest form, float as float 32, double as float 64; enums as
///         numbers; binary as bin; durations as counts of their own period; system_clock times as timestamps (extension -1); variants bare when the first byte
///         tells the alternative, else as a map of one entry `{name: value}`; empty optionals as nil.
///         read: also records as arrays by position, and keys that are field numbers; numbers of any width, floating ones for integers when exact; str and bin for
///         either; enums by name; nil as the empty container, as an empty optional, and as a record that keeps what it had. Extra fields are skipped; a
///         key that comes twice counts the second time. Text is taken as it is: MessagePack lets str carry any bytes.
/// Errors  invalid_argument with path, expectation, finding and byte: `field "orders[3].price": expected number, found string at byte 117`.
/// Source  MessagePack specification; the encoder of github.com/vmihailenco/msgpack v5 as rpcx uses it.
struct msgpack {
  static constexpr std::string_view name = "msgpack";
  static constexpr std::string_view content_type = "application/msgpack";
  static constexpr std::uint8_t serialization = 3;

  /// Appends the encoded `value`, or the `arguments` of a call, to `out`.
  template <class T>
  static void encode(buffer& out, const T& value) {
    if constexpr (is_arguments<T>) {
      using tuple = std::remove_const_t<std::remove_reference_t<decltype(value.values)>>;
      detail::msgpack_write_arguments(out, value.values, value.names, std::make_index_sequence<std::tuple_size_v<tuple>>{});
    } else {
      detail::msgpack_write(out, value);
    }
  }

  /// Reads the whole of `in` into `value`, reusing its memory. The elements of sequences are new values even where their memory is reused: fields that the input does
  /// not mention have their defaults there; elsewhere they keep what they had.
  template <class T>
  static status decode(std::string_view in, T& value, const limits& bounds) {
    detail::msgpack_reader reader{in, bounds};
    const char* end = nullptr;
    if constexpr (is_arguments<T>) {
      using tuple = std::remove_const_t<std::remove_reference_t<decltype(value.values)>>;
      end = detail::msgpack_read_arguments(reader, reader.begin, value.values, value.names, std::make_index_sequence<std::tuple_size_v<tuple>>{});
    } else {
      end = detail::msgpack_read(reader, reader.begin, value);
    }
    if (end == nullptr) [[unlikely]] return reader.error.to_status();
    if (end != reader.end) [[unlikely]] return surplus(reader, end);
    return {};
  }

 private:
  [[gnu::cold, gnu::noinline]] static status surplus(detail::msgpack_reader& reader, const char* end) {
    reader.fail(end, "end of input", std::to_string(reader.left(end)) + " more bytes");
    return reader.error.to_status();
  }
};

}  // namespace tenon::inline v0::codec
// what stands around a call: timeout, and your own

// tenon/policy.hpp
// Door of the policy layer: what a policy is, how policies compose, and the policies themselves.

// tenon/policy/concept.hpp
// What a policy is: a stateless type with options, state and two or three functions that the stack inlines. Policy layer.

namespace tenon::inline v0::policy {

/// How a policy takes part in a call.
enum class kind : std::uint8_t {
  hook,  ///< decides before (`admit`) and learns after (`observe`)
  loop,  ///< decides whether there is another attempt (`decide`); at most one per stack
};

/// Whose state a policy keeps: the client's (or the served service's), or each endpoint's.
enum class scope : std::uint8_t { client, endpoint };

/// No state at all.
struct none {};

/// What a policy may leave out, by deriving from this.
struct base {
  using state = none;       ///< lives as long as the client, the endpoint or the served service; one per loop
  using call_state = none;  ///< lives as long as one call
  static constexpr policy::kind what = policy::kind::hook;
  static constexpr policy::scope where = policy::scope::client;
};

/// A loop policy's answer.
struct decision {
  bool again = false;
  duration delay{};
};

/// A policy that stands around a call or an attempt.
///
/// Laws    every `admit` that answers OK is followed by exactly one `observe` of the same call state, whatever happens in between: an answer, a refusal further in, an
///         exception, a cancel. `admit` that refuses is not observed. Neither reads a clock, blocks, or allocates on the success path.
/// Model   struct at_most_one : tenon::policy::base {
///           static constexpr std::string_view name = "at_most_one";
///           struct options {};  static constexpr options defaults{};
///           struct state { int running = 0; };
///           static tenon::outcome admit(state& s, const options&, tenon::policy::none&, tenon::call_info&) noexcept {
///             if (s.running == 1) return tenon::refused_here(tenon::code::resource_exhausted);
///             ++s.running; return {};
///           }
///           static void observe(state& s, const options&, tenon::policy::none&, tenon::call_info&, tenon::outcome) noexcept { --s.running; }
///         };
template <class P>
concept hook = P::what == kind::hook && requires(typename P::state& state, const typename P::options& options, typename P::call_state& call, call_info& info, outcome result) {
  { P::name } -> std::convertible_to<std::string_view>;
  { P::defaults } -> std::convertible_to<typename P::options>;
  { P::admit(state, options, call, info) } noexcept -> std::same_as<outcome>;
  { P::observe(state, options, call, info, result) } noexcept -> std::same_as<void>;
};

/// A policy that may ask for another attempt.
///
/// Laws    `decide` is asked once per attempt that was admitted to the loop, with its result; `again` starts one more attempt after `delay`.
template <class P>
concept loop = P::what == kind::loop && requires(typename P::state& state, const typename P::options& options, typename P::call_state& call, call_info& info, outcome result) {
  { P::name } -> std::convertible_to<std::string_view>;
  { P::defaults } -> std::convertible_to<typename P::options>;
  { P::decide(state, options, call, info, result) } noexcept -> std::same_as<decision>;
};

template <class P>
concept any = requires { typename P::options; { P::what } -> std::convertible_to<kind>; } && (hook<P> || loop<P>);

}  // namespace tenon::inline v0::policy

// tenon/policy/select.hpp
// Codecs and policies stand in one parameter list, in any order: this picks them apart. Policy layer.

// tenon/policy/stack.hpp
// Policies composed: the fold that a driver runs around each call and each attempt, outermost first. Policy layer.

namespace tenon::inline v0::policy {

/// Policies in order, outermost first. An empty stack compiles to nothing.
///
/// A driver runs `admit_call`; then per attempt `admit_attempt`, the attempt, `observe_attempt`, `decide`; at the end `observe_call`. Policies before the loop policy see
/// the call, those after it see each attempt; without a loop policy everything sees the call, which is its own only attempt.
template <any... Policies>
struct stack {
  static constexpr std::size_t size = sizeof...(Policies);
  template <std::size_t I>
  using at = std::tuple_element_t<I, std::tuple<Policies...>>;

 private:
  static constexpr std::size_t loops = (std::size_t{0} + ... + (Policies::what == kind::loop ? 1U : 0U));
  static constexpr std::size_t find_loop() {
    std::size_t position = 0;
    std::size_t found = size;
    ((Policies::what == kind::loop ? void(found = position++) : void(++position)), ...);
    return found;
  }
  static constexpr bool endpoint_policies_are_inside() {
    std::size_t position = 0;
    bool good = true;
    ((Policies::where == scope::endpoint && position < find_loop() && loops == 1 ? void((good = false, ++position)) : void(++position)), ...);
    return good;
  }
  static_assert(loops <= 1, "tenon: two policies of one client want to repeat the call; keep one retry");
  static_assert(endpoint_policies_are_inside(), "tenon: a policy that keeps state per endpoint stands outside retry; write it after retry, so that it sees each attempt");

 public:
  static constexpr bool has_loop = loops == 1;
  static constexpr std::size_t loop_position = find_loop();
  static constexpr std::size_t call_end = has_loop ? loop_position : size;       // [0, call_end) see the call
  static constexpr std::size_t attempt_begin = has_loop ? loop_position + 1 : size;  // [attempt_begin, size) see each attempt

  using config = std::tuple<typename Policies::options...>;
  static constexpr config defaults() { return {Policies::defaults...}; }
  using call_states = std::tuple<typename Policies::call_state...>;
  using client_states = std::tuple<std::conditional_t<Policies::where == scope::client, typename Policies::state, none>...>;
  using endpoint_states = std::tuple<std::conditional_t<Policies::where == scope::endpoint, typename Policies::state, none>...>;

  /// One call's way through the stack: references only.
  struct view {
    client_states& client;
    endpoint_states& endpoint;
    const config& options;
    call_states& calls;
    call_info& info;

    template <std::size_t I>
    [[gnu::always_inline]] auto& state() const noexcept {
      if constexpr (at<I>::where == scope::client) return std::get<I>(client);
      else return std::get<I>(endpoint);
    }
  };

  [[gnu::always_inline]] static outcome admit_call(const view& call) noexcept { return admit<0, call_end>(call); }
  [[gnu::always_inline]] static void observe_call(const view& call, outcome result) noexcept { observe<0, call_end>(call, result); }
  [[gnu::always_inline]] static outcome admit_attempt(const view& call) noexcept { return admit<attempt_begin, size>(call); }
  [[gnu::always_inline]] static void observe_attempt(const view& call, outcome result) noexcept { observe<attempt_begin, size>(call, result); }
  [[gnu::always_inline]] static decision decide(const view& call, outcome result) noexcept {
    if constexpr (has_loop) {
      constexpr std::size_t l = loop_position;
      return at<l>::decide(call.template state<l>(), std::get<l>(call.options), std::get<l>(call.calls), call.info, result);
    } else {
      return {};
    }
  }

  /// The name of the policy that made `result`; empty when none of these did.
  static constexpr std::string_view producer(outcome result) noexcept {
    std::string_view name;
    std::uint16_t position = 0;
    ((++position == result.producer ? void(name = Policies::name) : void()), ...);
    return name;
  }

 private:
  template <std::size_t Begin, std::size_t End>
  [[gnu::always_inline]] static outcome admit(const view& call) noexcept {
    if constexpr (Begin == End) {
      return {};
    } else {
      outcome result = at<Begin>::admit(call.template state<Begin>(), std::get<Begin>(call.options), std::get<Begin>(call.calls), call.info);
      if (!result.ok()) [[unlikely]] {
        if (result.producer == 0) result.producer = static_cast<std::uint16_t>(Begin + 1);
        return result;
      }
      result = admit<Begin + 1, End>(call);
      // Refused further in: this one was admitted, so it learns how it ended.
      if (!result.ok()) [[unlikely]] observe_one<Begin>(call, result);
      return result;
    }
  }

  template <std::size_t Begin, std::size_t End>
  [[gnu::always_inline]] static void observe(const view& call, outcome result) noexcept {
    if constexpr (Begin != End) {
      observe_one<End - 1>(call, result);
      observe<Begin, End - 1>(call, result);
    }
  }

  template <std::size_t I>
  [[gnu::always_inline]] static void observe_one(const view& call, outcome result) noexcept {
    at<I>::observe(call.template state<I>(), std::get<I>(call.options), std::get<I>(call.calls), call.info, result);
  }
};

}  // namespace tenon::inline v0::policy

namespace tenon::inline v0::policy {

namespace detail {

template <class Tuple>
struct as_stack;
template <class... Policies>
struct as_stack<std::tuple<Policies...>> {
  using type = stack<Policies...>;
};

template <class T>
using kept_if_policy = std::conditional_t<any<T>, std::tuple<T>, std::tuple<>>;

}  // namespace detail

/// The policies among `Parameters`, in their order, as a stack.
template <class... Parameters>
using stack_of = typename detail::as_stack<decltype(std::tuple_cat(std::declval<detail::kept_if_policy<Parameters>>()...))>::type;

}  // namespace tenon::inline v0::policy

// tenon/policy/timeout.hpp
// The time a call may take. Policy layer.

namespace tenon::inline v0 {

struct timeout_options {
  duration total = std::chrono::seconds{1};  ///< for the whole call, retries and waiting included
  bool operator==(const timeout_options&) const = default;
};

/// Ends a call that takes longer: on a client by a local deadline that also travels to the server, on a server by a budget for the handler.
///
/// Shape   `timeout<200_ms>` or `timeout<timeout_options{.total = 200_ms}>`.
/// Errors  deadline_exceeded; with `not_executed` when there was no time left to begin with.
template <auto Options = timeout_options{}>
struct timeout : policy::base {
  static_assert(std::is_same_v<std::remove_cv_t<decltype(Options)>, duration> || std::is_same_v<std::remove_cv_t<decltype(Options)>, timeout_options>,
                "tenon::timeout: the argument is neither a duration nor timeout_options; write timeout<200_ms> with using namespace tenon::literals");

  static constexpr std::string_view name = "timeout";
  using options = timeout_options;
  static constexpr options defaults = [] {
    if constexpr (std::is_same_v<std::remove_cv_t<decltype(Options)>, timeout_options>) return Options;
    else return timeout_options{.total = Options};
  }();
  static_assert(defaults.total > duration{}, "tenon::timeout: the time is zero or less, so that every call would be refused; write a time above zero");

  [[gnu::always_inline]] static outcome admit(policy::none&, const options& chosen, policy::none&, call_info& info) noexcept {
    info.deadline = (std::min)(info.deadline, info.now + chosen.total);
    if (info.deadline <= info.now) [[unlikely]] return refused_here(code::deadline_exceeded);
    return {};
  }
  [[gnu::always_inline]] static void observe(policy::none&, const options&, policy::none&, call_info&, outcome) noexcept {}
};

}  // namespace tenon::inline v0
// bytes to calls and back: rpcx, JSON over HTTP

// tenon/protocol.hpp
// Door of the protocol layer: wire protocols as bytes in, events out. No sockets, no clocks.

// tenon/protocol/concept.hpp
// What a wire protocol is to tenon: bytes in, calls out, answers in, bytes out. No socket, no clock. Protocol layer.

namespace tenon::inline v0::protocol {

/// The codec a message is in, by rpcx's number for it: codecs carry the same number as `Codec::serialization`.
enum class serialization : std::uint8_t { raw = 0, json = 1, protobuf = 2, msgpack = 3 };

/// Where an answer goes: copied from the request, kept while a handler runs.
struct reply_address {
  std::uint64_t id = 0;           ///< what the protocol correlates by; unused by protocols that answer in order
  serialization codec = serialization::raw;
  bool one_way = false;           ///< nothing is ever sent
};

/// Reads metadata out of the protocol's own spelling of it, when somebody asks.
using metadata_reader = void (*)(std::string_view block, metadata& into);

/// One request as it stands in the read buffer: the views die when `on_request` returns.
struct request {
  std::string_view service{};
  std::string_view method{};
  std::string_view payload{};
  reply_address address{};
  std::optional<duration> timeout{};  ///< what was left of the caller's time when it sent this
  std::string_view metadata_block{};
  metadata_reader read_metadata = nullptr;
};

/// One answer as it stands in the read buffer of a client.
struct reply {
  std::uint64_t id = 0;
  serialization codec = serialization::raw;
  std::string_view payload{};
  status error{};  ///< OK when the payload is the value
  std::string_view metadata_block{};
  metadata_reader read_metadata = nullptr;
};

/// What a client wants written in front of a payload.
struct outgoing {
  std::uint64_t id = 0;
  std::string_view service{};
  std::string_view method{};
  serialization codec = serialization::msgpack;
  bool one_way = false;
  std::optional<duration> timeout{};
  const metadata* extra = nullptr;
};

/// A message being written: where it starts, and where its payload does.
struct mark {
  std::size_t start = 0;
  std::size_t payload = 0;
};

/// What became of the bytes that a session was fed.
struct consumed {
  enum class state : std::uint8_t {
    more,   ///< everything complete was handled; feed the rest again when more has come
    wait,   ///< a request is being answered and this protocol answers in order, or the sink is full: feed the rest again later
    close,  ///< nothing more can be read here; send what was written, then close. `reason` says why
  };
  std::size_t bytes = 0;       ///< handled, and not to be fed again
  state next = state::more;
  std::string reason{};        ///< with `close`: for the log
};

/// Whether the first bytes of a connection are this protocol's.
enum class sniffed : std::uint8_t { no, yes, need_more };

/// Takes the requests that a server session cuts out of the bytes.
///
/// Returns `on_request`: true when the answer is already written (or none is due); false when it comes later.
///         `full`: true when so much waits to be sent that nothing more should be read; asked before each message.
template <class T>
concept request_sink = requires(T& sink, const request& call) {
  { sink.on_request(call) } -> std::same_as<bool>;
  { sink.full() } -> std::convertible_to<bool>;
};

/// The server's half of a protocol on one connection.
///
/// Laws    `recognise` never says yes to bytes of another registered protocol. `consume` hands each complete request to the sink exactly once, in order, however the
///         bytes are cut; it holds no more than one unfinished header; it may write answers of its own to `out` (heartbeats, refusals). After `begin_reply` the payload is
///         appended to `out` and `end_reply` completes the message; nothing else is written to `out` between the two. `out` may be moved or grown at any time.
/// Model   struct line_session {   // "service method payload\n" -> "payload\n"
///           static constexpr std::string_view name = "line";  static constexpr bool answers_in_any_order = false;
///           static sniffed recognise(std::string_view first);
///           explicit line_session(const limits&);
///           template <request_sink Sink> consumed consume(std::string_view in, Sink& sink, buffer& out);
///           mark begin_reply(buffer& out, const reply_address&);
///           void end_reply(buffer& out, mark, const reply_address&, const metadata& extra);
///           void write_error(buffer& out, const reply_address&, const status&, const metadata& extra);
///           bool closing() const;     // close once everything written has been sent
///           bool unfinished() const;  // holds a part of a message whose bytes have left the read buffer
///         };
template <class T>
concept server_session = requires(T& session, std::string_view in, buffer& out, const reply_address& address, mark at, const status& error, const metadata& extra) {
  { T::name } -> std::convertible_to<std::string_view>;
  { T::answers_in_any_order } -> std::convertible_to<bool>;
  { T::recognise(in) } -> std::same_as<sniffed>;
  { session.begin_reply(out, address) } -> std::same_as<mark>;
  { session.end_reply(out, at, address, extra) } -> std::same_as<void>;
  { session.write_error(out, address, error, extra) } -> std::same_as<void>;
  { session.closing() } -> std::same_as<bool>;
  { session.unfinished() } -> std::same_as<bool>;
};

/// Takes what a client session reads.
class reply_sink {
 public:
  virtual void on_reply(const reply& answer) = 0;

 protected:
  ~reply_sink() = default;
};

/// The client's half of a protocol on one connection: chosen by the URL at run time, hence virtual; called once per message.
///
/// Laws    as `server_session`; ids are the caller's, unique among the pending calls of the connection.
class client_session {
 public:
  virtual ~client_session() = default;
  virtual mark begin_request(buffer& out, const outgoing& call) = 0;
  virtual void end_request(buffer& out, mark at) = 0;
  virtual consumed consume(std::string_view in, reply_sink& sink) = 0;
};

}  // namespace tenon::inline v0::protocol

// tenon/protocol/http1.hpp
// JSON (or MessagePack) over HTTP/1.1, the server's half: what curl speaks. Protocol layer; models `server_session`.
// http_head and http_chunks cut the bytes; this file decides what is kept, handed on in place, or refused.

// tenon/core/text.hpp
// Sentences put together from pieces, out of line: errors are rare, and std::string's operators would be compiled into every place that makes one. Core layer.

namespace tenon::inline v0::detail {

[[gnu::cold, gnu::noinline]] inline std::string join_text(std::initializer_list<std::string_view> pieces) {
  std::size_t size = 0;
  for (const std::string_view piece : pieces) size += piece.size();
  std::string text;
  text.reserve(size);
  for (const std::string_view piece : pieces) text.append(piece);
  return text;
}

// A number as a piece: `join_text({"found ", number_text{count}})`.
class number_text {
 public:
  template <class Integer>
  explicit number_text(Integer value) noexcept {
    if constexpr (std::is_signed_v<Integer>) write(value);
    else write_unsigned(value);
  }
  operator std::string_view() const noexcept { return {digits_.data(), size_}; }

 private:
  [[gnu::cold, gnu::noinline]] void write(std::int64_t value) noexcept {
    size_ = static_cast<std::size_t>(std::to_chars(digits_.data(), digits_.data() + digits_.size(), value).ptr - digits_.data());
  }
  [[gnu::cold, gnu::noinline]] void write_unsigned(std::uint64_t value) noexcept {
    size_ = static_cast<std::size_t>(std::to_chars(digits_.data(), digits_.data() + digits_.size(), value).ptr - digits_.data());
  }

  std::array<char, 20> digits_;
  std::size_t size_;
};

}  // namespace tenon::inline v0::detail

// tenon/protocol/detail/http_answer.hpp
// Writing HTTP/1.1 answers: a head whose length is filled in afterwards, and errors with their body. Protocol layer.

// tenon/protocol/detail/http_headers.hpp
// Metadata as HTTP header lines, both ways. Protocol layer; shared by what speaks HTTP/1.1.

// tenon/protocol/detail/http_text.hpp
// The small vocabulary of HTTP's grammar: tokens, blanks, quoted strings, names in either case. Protocol layer; for all that speaks HTTP.

namespace tenon::inline v0::protocol::detail {

constexpr char to_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

constexpr std::string_view trim_blanks(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// The digit's value; negative when it is none.
constexpr int hex_digit(char c) noexcept {
  const char low = to_lower(c);
  return c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// Whether `text`, which has no control bytes, is `lower` in either case: the bit that tells a letter's two cases apart turns
// nothing but a control byte into one of the digits and marks that names have beside letters.
constexpr bool is_named(std::string_view text, std::string_view lower) noexcept {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

// RFC 9110 5.6.2.
inline constexpr std::array<bool, 256> token_bytes = [] {
  std::array<bool, 256> found{};
  constexpr std::string_view all = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (const char c : all) found[static_cast<unsigned char>(c)] = true;
  return found;
}();

// How long the token at the front of `text` is.
constexpr std::size_t token_size(std::string_view text) noexcept {
  std::size_t size = 0;
  while (size < text.size() && token_bytes[static_cast<unsigned char>(text[size])]) ++size;
  return size;
}

constexpr bool is_token(std::string_view name) noexcept { return !name.empty() && token_size(name) == name.size(); }

// How long the quoted string at the front of `text` is, its quotes included; 0 when there is none. RFC 9110 5.6.4.
constexpr std::size_t quoted_size(std::string_view text) noexcept {
  if (text.empty() || text.front() != '"') return 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\' && ++i == text.size()) return 0;
    if ((static_cast<unsigned char>(text[i]) < 0x20 && text[i] != '\t') || text[i] == 0x7f) return 0;
  }
  return 0;
}

// Where the first byte at or after `from` stands that is below `lowest` or DEL; the size when there is none.
inline std::size_t find_below(std::string_view text, std::size_t from, char lowest) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  const std::uint64_t lows = ones * static_cast<unsigned char>(lowest);
  // Eight bytes at a time: taking `lowest` from each sets the top bit of those that were less, wherever they stand.
  for (; text.size() - from >= sizeof ones; from += sizeof ones) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, text.data() + from, sizeof eight);
    const std::uint64_t from_delete = eight ^ (ones * 0x7f);
    if ((((eight - lows) & ~eight) | ((from_delete - ones) & ~from_delete)) & (ones << 7)) break;
  }
  for (; from < text.size(); ++from) {
    if (static_cast<unsigned char>(text[from]) < static_cast<unsigned char>(lowest) || text[from] == 0x7f) break;
  }
  return from;
}

}  // namespace tenon::inline v0::protocol::detail

namespace tenon::inline v0::protocol::detail {

// Names that describe the message or the hop rather than the call: never metadata, and never a handler's to set.
// Connect reserves the whole prefix `connect-`.
inline bool is_framing_header(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 15> names{
      "accept-encoding", "connection",   "content-encoding", "content-length", "content-type",
      "expect",          "host",         "http2-settings",   "keep-alive",     "proxy-connection",
      "te",              "trailer",      "transfer-encoding", "upgrade",       "content-range"};
  constexpr std::string_view reserved = "connect-";
  if (is_named(name.substr(0, reserved.size()), reserved)) return true;
  for (const std::string_view each : names) {
    if (is_named(name, each)) return true;
  }
  return false;
}

// The block has passed the parser, so that every line has a name and a colon and none is folded.
inline void read_http_metadata(std::string_view block, metadata& into) {
  std::string name;
  while (!block.empty()) {
    const std::size_t end = block.find("\r\n");
    const std::string_view line = block.substr(0, end);
    block.remove_prefix(end == std::string_view::npos ? block.size() : end + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    name.assign(line.substr(0, colon));
    for (char& c : name) c = to_lower(c);
    if (!is_framing_header(name)) into.add(name, trim_blanks(line.substr(colon + 1)));
  }
}

// A value loses its control bytes and a name that is no token loses its line: no metadata can end a header or the head.
[[gnu::cold]] inline void append_header(buffer& out, std::string_view name, std::string_view value) {
  if (!is_token(name) || is_framing_header(name)) return;
  for (const char c : name) out.push_back(to_lower(c));
  out.append(": ");
  for (const char c : value) {
    if ((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) || c == '\t') out.push_back(c);
  }
  out.append("\r\n");
}

[[gnu::cold]] inline void append_headers(buffer& out, const metadata& extra) {
  for (const auto& [name, value] : extra) append_header(out, name, value);
}

inline void append_decimal(buffer& out, std::size_t value) {
  std::array<char, 20> digits;
  std::size_t at = digits.size();
  do {
    digits[--at] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  out.append(digits.data() + at, digits.size() - at);
}

}  // namespace tenon::inline v0::protocol::detail

// tenon/protocol/detail/http_json.hpp
// The JSON of an error, written by hand: this layer knows no codec, and an error must not depend on one. Protocol layer.

// tenon/protocol/http_status.hpp
// Status codes as HTTP spells them: the numbers both ways, and Connect's lower-case names. Protocol layer; all JSON over HTTP.

namespace tenon::inline v0::protocol {
namespace detail {

struct http_code_row {
  std::string_view name;
  int status;
};

inline constexpr std::array<http_code_row, code_count> http_code_rows{{
    {"ok", 200},
    {"canceled", 499},
    {"unknown", 500},
    {"invalid_argument", 400},
    {"deadline_exceeded", 504},
    {"not_found", 404},
    {"already_exists", 409},
    {"permission_denied", 403},
    {"resource_exhausted", 429},
    {"failed_precondition", 400},
    {"aborted", 409},
    {"out_of_range", 400},
    {"unimplemented", 501},
    {"internal", 500},
    {"unavailable", 503},
    {"data_loss", 500},
    {"unauthenticated", 401},
}};

}  // namespace detail

/// The HTTP status that answers with this code; 500 for a number outside the table.
///
/// Source  Connect protocol, error codes.
constexpr int http_status_of(code value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return index < code_count ? detail::http_code_rows[index].status : 500;
}

/// The HTTP status that answers with this outcome: the code's, except that a method nobody serves is a path that does not exist.
///
/// Returns 404 for `unimplemented` with the flag `not_executed`; 501 stays for a handler that says so itself.
constexpr int http_status_of(outcome what) noexcept {
  if (what.code == code::unimplemented && what.has(outcome::not_executed)) return 404;
  return http_status_of(what.code);
}

/// The code for an HTTP status whose body names none. Not the inverse: 400, 409 and 500 stand for several codes.
///
/// 413 is `resource_exhausted`; whoever reads it adds `no_retry`, since the same message stays too big.
constexpr code code_from_http_status(int status) noexcept {
  if (status >= 200 && status < 300) return code::ok;
  switch (status) {
    case 400:
    case 415:
    case 422: return code::invalid_argument;
    case 401: return code::unauthenticated;
    case 403: return code::permission_denied;
    case 404:
    case 410: return code::not_found;
    case 405:
    case 501: return code::unimplemented;
    case 408:
    case 504: return code::deadline_exceeded;
    case 409: return code::aborted;
    case 412:
    case 428: return code::failed_precondition;
    case 413:
    case 429: return code::resource_exhausted;
    case 416: return code::out_of_range;
    case 425:
    case 502:
    case 503: return code::unavailable;
    case 499: return code::cancelled;
    case 500: return code::internal;
    default: return code::unknown;
  }
}

/// The code's name as Connect spells it in JSON: lower case, and `canceled` with one l.
constexpr std::string_view http_code_name(code value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return detail::http_code_rows[index < code_count ? index : 2].name;
}

/// The code with this name (Connect's spelling, exact); nothing when there is none.
constexpr std::optional<code> code_from_http_name(std::string_view name) noexcept {
  for (std::size_t i = 0; i < code_count; ++i) {
    if (detail::http_code_rows[i].name == name) return static_cast<code>(i);
  }
  return std::nullopt;
}

/// The words after the number in a status line, for the statuses that tenon sends; empty for others, which HTTP allows.
constexpr std::string_view http_reason(int status) noexcept {
  switch (status) {
    case 200: return "OK";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return {};
  }
}

}  // namespace tenon::inline v0::protocol

namespace tenon::inline v0::protocol::detail {

// How long the well-formed UTF-8 sequence at the front of `text` is; 0 when there is none.
// Source: Unicode 15, table 3-7. Overlong forms, surrogates and numbers above 10FFFF have no row there.
constexpr std::size_t utf8_length(std::string_view text) noexcept {
  const auto at = [text](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(text[i])); };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() < length) return 0;
  const unsigned lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (at(1) < lowest || at(1) > highest) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((at(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

// Messages quote what peers sent: bytes that are not UTF-8 become U+FFFD, so that the answer always parses.
[[gnu::cold]] inline void append_json_string(buffer& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  out.push_back('"');
  while (!text.empty()) {
    const char c = text.front();
    const auto byte = static_cast<unsigned char>(c);
    std::size_t length = 1;
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20) {
      out.append("\\u00");
      out.push_back(digits[byte >> 4]);
      out.push_back(digits[byte & 15]);
    } else if ((length = utf8_length(text)) != 0) {
      out.append(text.data(), length);
    } else {
      out.append("\\ufffd");
      length = 1;
    }
    text.remove_prefix(length);
  }
  out.push_back('"');
}

// Connect wants the standard alphabet without padding.
[[gnu::cold]] inline void append_base64(buffer& out, std::string_view data) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < data.size(); i += 3) {
    const std::size_t count = data.size() - i < 3 ? data.size() - i : 3;
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < count ? static_cast<unsigned>(static_cast<unsigned char>(data[i + k])) : 0U);
    }
    for (std::size_t k = 0; k <= count; ++k) out.push_back(alphabet[(group >> (18 - 6 * k)) & 63]);
  }
}

[[gnu::cold]] inline void append_json_error(buffer& out, const status& error) {
  out.append(R"({"code":)");
  append_json_string(out, http_code_name(error.code()));
  if (!error.message().empty()) {
    out.append(R"(,"message":)");
    append_json_string(out, error.message());
  }
  if (!error.details().empty()) {
    out.append(R"(,"details":)");
    char before = '[';
    for (const status_detail& detail : error.details()) {
      out.push_back(before);
      out.append(R"({"type":)");
      append_json_string(out, detail.type);
      out.append(R"(,"value":")");
      append_base64(out, detail.value);
      out.append(R"("})");
      before = ',';
    }
    out.push_back(']');
  }
  out.push_back('}');
}

}  // namespace tenon::inline v0::protocol::detail

namespace tenon::inline v0::protocol::detail {

// Blanks in front of a value mean nothing (RFC 9112 5): the number is filled in once the payload stands behind it.
inline constexpr std::string_view blank_length = "Content-Length:             \r\n\r\n";
inline constexpr std::size_t after_length = 4;

inline void append_status_line(buffer& out, int status) {
  if (status == 200) return out.append("HTTP/1.1 200 OK\r\n");
  out.append("HTTP/1.1 ");
  append_decimal(out, static_cast<std::size_t>(status));
  out.push_back(' ');
  out.append(http_reason(status));
  out.append("\r\n");
}

inline void append_content_type(buffer& out, std::string_view type) {
  out.append("Content-Type: ");
  out.append(type);
  out.append("\r\n");
}

inline void patch_length(buffer& out, std::size_t payload) noexcept {
  std::size_t length = out.size() - payload;
  char* digit = out.data() + payload - after_length;
  do {
    *--digit = static_cast<char>('0' + length % 10);
    length /= 10;
  } while (length != 0);
}

// Puts headers at the end of a head that is complete: the payload moves, which is why answers rarely carry metadata.
[[gnu::cold]] inline void insert_headers(buffer& out, mark at, const metadata& extra) {
  buffer lines;
  append_headers(lines, extra);
  if (lines.empty()) return;
  const std::size_t position = at.payload - 2;
  const std::size_t behind = out.size() - position;
  out.extend(lines.size());
  char* const place = out.data() + position;
  std::memmove(place + lines.size(), place, behind);
  std::memcpy(place, lines.data(), lines.size());
}

// RFC 9110 10.2.3 has whole seconds: rounded up, so that nobody returns too early. A negative pushback means never.
[[gnu::cold]] inline void append_pushback(buffer& out, std::int32_t milliseconds) {
  if (milliseconds < 0) return out.append("retry-after-ms: -1\r\n");
  const auto wait = static_cast<std::size_t>(milliseconds);
  out.append("Retry-After: ");
  append_decimal(out, (wait + 999) / 1000);
  out.append("\r\nretry-after-ms: ");
  append_decimal(out, wait);
  out.append("\r\n");
}

/// What an error's head says beyond the error itself.
struct http_answer_head {
  int http_status = 500;
  std::string_view connection{};  ///< whole header lines, as is `more`
  std::string_view more{};
  bool with_body = true;          ///< false for HEAD, whose head describes the body that is not sent
};

[[gnu::cold]] inline void append_error_answer(buffer& out, const http_answer_head& head, const status& error, const metadata& extra) {
  append_status_line(out, head.http_status);
  append_content_type(out, "application/json");
  out.append(head.connection);
  out.append(head.more);
  if (error.has(outcome::pushback)) append_pushback(out, error.outcome().pushback_ms);
  // RFC 9110 15.5.2: a 401 names at least one way to authenticate.
  if (head.http_status == 401 && !extra.contains("www-authenticate")) out.append("WWW-Authenticate: Bearer\r\n");
  append_headers(out, extra);
  out.append(blank_length);
  const std::size_t payload = out.size();
  append_json_error(out, error);
  patch_length(out, payload);
  if (!head.with_body) out.truncate(payload);
}

}  // namespace tenon::inline v0::protocol::detail

// tenon/protocol/detail/http_chunks.hpp
// A chunked body, decoded in place and strictly by RFC 9112 7.1: pieces out, nothing stored. Protocol layer.

// tenon/protocol/detail/http_head.hpp
// A request's head, cut in place and strictly by RFC 9112: views into the bytes, no memory, no table of names. Protocol layer.

namespace tenon::inline v0::protocol::detail {

/// RFC 9110's methods and PATCH.
enum class http_verb : std::uint8_t { post, get, head, put, delete_, options, patch, connect, trace, unknown };

// In the order of `http_verb`, each with the space that ends it.
inline constexpr std::array<std::string_view, 9> http_verbs{"POST ",    "GET ",   "HEAD ",    "PUT ",  "DELETE ",
                                                            "OPTIONS ", "PATCH ", "CONNECT ", "TRACE "};

/// What one request's head says. The views lie in the bytes that it was cut from.
struct http_head {
  http_verb verb = http_verb::unknown;
  bool is_http_11 = false;
  bool closes = false;      ///< `Connection` lists close,
  bool persists = false;    ///< keep-alive,
  bool upgrades = false;    ///< or upgrade
  bool has_length = false;
  bool has_timeout = false;
  bool chunked = false;
  bool foreign_coding = false;  ///< a Transfer-Encoding that is not exactly `chunked`
  std::size_t hosts = 0;
  std::size_t fields_at = 0;    ///< where the first field starts
  std::uint64_t length = 0;     ///< Content-Length
  std::string_view verb_text{};
  std::string_view target{};
  std::string_view content_type{};
  std::string_view content_encoding{};
  std::string_view expect{};
  std::string_view timeout{};   ///< connect-timeout-ms

  bool keeps_alive() const noexcept { return !closes && (is_http_11 || persists); }
  bool has_body() const noexcept { return chunked || length != 0; }
};

struct http_field {
  std::string_view name{};
  std::string_view value{};
};

inline constexpr std::size_t bare_line_feed = std::string_view::npos;

// How long the line at the front of `bytes` is, CR LF included; 0 while it has no end, `bare_line_feed` when LF alone ends it:
// RFC 9112 2.2 lets readers differ there. `seen` keeps how far has been looked, so that a line that comes slowly costs no more.
inline std::size_t find_line(std::string_view bytes, std::size_t& seen) noexcept {
  const std::size_t end = bytes.find('\n', seen);
  if (end == std::string_view::npos) {
    seen = bytes.size();
    return 0;
  }
  if (end == 0 || bytes[end - 1] != '\r') return bare_line_feed;
  seen = 0;
  return end + 1;
}

// Each function below returns what is wrong, as a sentence; nothing when all is well.

// Takes the request line off the front of `block`.
inline std::string_view cut_request_line(std::string_view& block, http_head& head) noexcept {
  const std::size_t verb_size = token_size(block);
  if (verb_size == 0 || block[verb_size] != ' ') return "the request line has no method; expected a token and one space";
  for (std::size_t i = 0; i < http_verbs.size(); ++i) {
    if (http_verbs[i] != block.substr(0, verb_size + 1)) continue;
    head.verb = static_cast<http_verb>(i);
    break;
  }
  const std::size_t target_end = find_below(block, verb_size + 1, '!');
  if (target_end == verb_size + 1 || block[target_end] != ' ') {
    return "the request line has no target; expected METHOD /<service>/<method> HTTP/1.1";
  }
  const std::string_view version = block.substr(target_end + 1, std::string_view{"HTTP/1.1\r\n"}.size());
  head.is_http_11 = version == "HTTP/1.1\r\n";
  if (!head.is_http_11 && version != "HTTP/1.0\r\n") return "the request line does not end in HTTP/1.1 or HTTP/1.0 after one space";
  head.verb_text = block.substr(0, verb_size);
  head.target = block.substr(verb_size + 1, target_end - verb_size - 1);
  head.fields_at = target_end + 1 + version.size();
  block.remove_prefix(head.fields_at);
  return {};
}

// Takes one field off the front of `block`, which ends in CR LF.
inline std::string_view cut_field(std::string_view& block, http_field& field) noexcept {
  const std::size_t colon = token_size(block);
  if (colon == 0 || block[colon] != ':') {
    // RFC 9112 5.2 lets a server join folded lines; others would read them as two headers.
    return is_blank(block[0]) ? "a header is folded over two lines; expected one" : "a header's name is no token with a colon right after it";
  }
  std::size_t end = colon;
  do end = find_below(block, end + 1, ' ');
  while (block[end] == '\t');
  if (block.substr(end, 2) != "\r\n") return "a header's value holds a control byte";
  field.name = block.substr(0, colon);
  field.value = trim_blanks(block.substr(colon + 1, end - colon - 1));
  block.remove_prefix(end + 2);
  return {};
}

inline std::string_view note_length(std::string_view value, http_head& head) noexcept {
  // RFC 9112 6.3 lets equal lengths pass as one; who sends several has been tampered with.
  if (head.has_length) return "several Content-Length headers; expected one";
  head.has_length = true;
  bool is_number = !value.empty();
  for (const char c : value) {
    is_number = is_number && c >= '0' && c <= '9' && !__builtin_mul_overflow(head.length, 10U, &head.length) &&
                !__builtin_add_overflow(head.length, static_cast<unsigned>(c - '0'), &head.length);
  }
  return is_number ? std::string_view{} : "Content-Length is no decimal number below 2^64";
}

inline std::string_view note_coding(std::string_view value, http_head& head) noexcept {
  if (!is_named(value, "chunked")) {
    head.foreign_coding = true;
  } else if (head.chunked) {
    return "Transfer-Encoding says chunked twice; expected once";
  } else {
    head.chunked = true;
  }
  return {};
}

inline std::string_view note_connection(std::string_view list, http_head& head) noexcept {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view option = trim_blanks(list.substr(0, comma));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    if (!option.empty() && !is_token(option)) return "Connection lists something else than tokens";
    head.closes = head.closes || is_named(option, "close");
    head.persists = head.persists || is_named(option, "keep-alive");
    head.upgrades = head.upgrades || is_named(option, "upgrade");
  }
  return {};
}

// The names that a session asks about all differ in length.
inline std::string_view note_field(const http_field& field, http_head& head) noexcept {
  const auto is = [&field](std::string_view name) { return is_named(field.name, name); };
  switch (field.name.size()) {
    case 4: head.hosts += is("host"); break;
    case 6: if (is("expect")) head.expect = field.value; break;
    case 10: if (is("connection")) return note_connection(field.value, head); break;
    case 12: if (is("content-type")) head.content_type = field.value; break;
    case 14: if (is("content-length")) return note_length(field.value, head); break;
    case 16: if (is("content-encoding")) head.content_encoding = field.value; break;
    case 17: if (is("transfer-encoding")) return note_coding(field.value, head); break;
    case 18:
      if (!is("connect-timeout-ms")) break;
      head.timeout = field.value;
      head.has_timeout = true;
      break;
    default: break;
  }
  return {};
}

/// Reads a whole head, its empty line included. Returns what is wrong with it; nothing when `head` has been filled in.
inline std::string_view cut_head(std::string_view block, http_head& head) noexcept {
  std::string_view fault = cut_request_line(block, head);
  http_field field;
  while (fault.empty() && block != "\r\n") {
    fault = cut_field(block, field);
    if (fault.empty()) fault = note_field(field, head);
  }
  // RFC 9112 6.1: what is sent with both was framed by two minds.
  if (fault.empty() && head.has_length && (head.chunked || head.foreign_coding)) {
    return "Content-Length and Transfer-Encoding together; expected one of them";
  }
  return fault;
}

}  // namespace tenon::inline v0::protocol::detail

namespace tenon::inline v0::protocol::detail {

// Whether `text` is what may stand between a chunk's size and the end of its line: *( BWS ";" BWS name [ BWS "=" BWS value ] ).
// Nothing is done with it, but what other readers might not skip is refused.
[[gnu::cold]] inline bool are_chunk_extensions(std::string_view text) noexcept {
  const auto skip = [&text](char c) {
    const std::size_t at = (std::min)(text.find_first_not_of(" \t"), text.size());
    if (at == text.size() || text[at] != c) return false;
    text.remove_prefix(at + 1);
    text.remove_prefix((std::min)(text.find_first_not_of(" \t"), text.size()));
    return true;
  };
  const auto skip_token = [&text] {
    const std::size_t size = token_size(text);
    text.remove_prefix(size);
    return size != 0;
  };
  while (!text.empty()) {
    if (!skip(';') || !skip_token()) return false;
    if (!skip('=') || skip_token()) continue;
    const std::size_t size = quoted_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

/// What one step through a chunked body found.
struct http_chunk_step {
  enum class state : std::uint8_t { starved, moved, complete, too_large, faulty };
  state is = state::moved;
  std::size_t bytes = 0;         ///< taken off the front
  std::string_view data{};       ///< of the body
  std::string_view fault{};      ///< with `faulty`: the sentence
};

/// A chunked body, from behind the head to behind its trailers.
///
/// Laws    each byte is looked at once, however the body is cut; an unfinished line is left where it is and has to be shown again.
class http_chunks {
 public:
  void restart() noexcept { *this = {}; }

  /// Takes one element off the front of `bytes`: a chunk's size line, a piece of its data, the end of that, a trailer.
  http_chunk_step read(std::string_view bytes, const limits& bounds) noexcept {
    switch (phase_) {
      case phase::data: return read_data(bytes);
      case phase::data_end: return read_data_end(bytes);
      default: return read_line(bytes, bounds);
    }
  }

 private:
  enum class phase : std::uint8_t { size, data, data_end, trailers };
  using state = http_chunk_step::state;

  static http_chunk_step faulty(std::string_view sentence) noexcept { return {.is = state::faulty, .fault = sentence}; }

  http_chunk_step read_data(std::string_view bytes) noexcept {
    if (bytes.empty()) return {.is = state::starved};
    const std::string_view data = bytes.substr(0, left_);
    left_ -= data.size();
    if (left_ == 0) phase_ = phase::data_end;
    return {.bytes = data.size(), .data = data};
  }

  http_chunk_step read_data_end(std::string_view bytes) noexcept {
    if (bytes.size() < 2) return {.is = state::starved};
    if (bytes.substr(0, 2) != "\r\n") return faulty("a chunk is longer than its size says");
    phase_ = phase::size;
    return {.bytes = 2};
  }

  // A size line may be as long as a whole header section, and all trailers together as well.
  http_chunk_step read_line(std::string_view bytes, const limits& bounds) noexcept {
    const std::size_t room = bounds.max_metadata_bytes - trailer_bytes_;
    const std::size_t size = find_line(bytes.substr(0, room), seen_);
    if (size == bare_line_feed) return faulty("a line of a chunked body ends in LF alone; expected CR LF");
    if (size == 0) {
      if (bytes.size() < room) return {.is = state::starved};
      return faulty("a chunk's extensions or the trailers are longer than a header section may be");
    }
    const std::string_view line = bytes.substr(0, size);
    http_chunk_step done = phase_ == phase::size ? read_size(line.substr(0, size - 2), bounds) : read_trailer(line);
    done.bytes = size;
    return done;
  }

  http_chunk_step read_size(std::string_view line, const limits& bounds) noexcept {
    std::uint64_t size = 0;
    std::size_t digits = 0;
    for (; digits < line.size() && digits <= 16; ++digits) {
      const int digit = hex_digit(line[digits]);
      if (digit < 0) break;
      size = size << 4 | static_cast<std::uint64_t>(digit);
    }
    if (digits == 0 || digits > 16) return faulty("a chunk does not start with its size; expected one to sixteen hexadecimal digits");
    if (digits != line.size() && !are_chunk_extensions(line.substr(digits))) {
      return faulty("a chunk's size is not followed by extensions or the end of its line");
    }
    if (size > bounds.max_message_bytes - total_) return {.is = state::too_large};
    left_ = static_cast<std::size_t>(size);
    total_ += left_;
    phase_ = size == 0 ? phase::trailers : phase::data;
    return {};
  }

  // Trailers are read past: nothing in them may change what has been decided.
  http_chunk_step read_trailer(std::string_view line) noexcept {
    if (line == "\r\n") return {.is = state::complete};
    trailer_bytes_ += line.size();
    http_field field;
    const std::string_view fault = cut_field(line, field);
    if (!fault.empty()) return faulty(fault);
    if (is_named(field.name, "content-length") || is_named(field.name, "transfer-encoding")) {
      return faulty("a trailer says where a body ends; expected that of the head alone");
    }
    return {};
  }

  std::size_t left_ = 0;           // of the chunk's data
  std::size_t total_ = 0;          // of all chunks' data, as their sizes say
  std::size_t seen_ = 0;           // of an unfinished line
  std::size_t trailer_bytes_ = 0;
  phase phase_ = phase::size;
};

}  // namespace tenon::inline v0::protocol::detail

// tenon/protocol/detail/http_route.hpp
// What a request's head asks for: a method of a service with a codec, or a refusal with its HTTP status. Protocol layer.

namespace tenon::inline v0::protocol::detail {

/// Where a request goes. `service` and `method` lie in the head, or in `unescaped` when the path had percent signs.
struct http_route {
  std::string_view service;
  std::string_view method;
  std::string_view content_type = "application/json";  ///< the answer's; a literal
  serialization codec = serialization::json;
  std::optional<duration> timeout;
};

/// Why a request goes nowhere.
struct http_refusal {
  int http_status = 0;
  code why = code::ok;           ///< OK with 204
  std::string message{};
  std::string_view more_head{};  ///< whole header lines
  bool close = false;            ///< the bytes that follow cannot be trusted to be a request
};

// Fills in `refusal`, out of line and for size: requests are rarely refused. False, so that a decision ends in it.
[[gnu::cold, gnu::noinline]] inline bool refuse(http_refusal& refusal, int http_status, code why, std::initializer_list<std::string_view> message) {
  refusal.http_status = http_status;
  refusal.why = why;
  refusal.message = tenon::detail::join_text(message);
  return false;
}

// A long target is the sender's to know: the answer quotes its beginning.
[[gnu::cold, gnu::noinline]] inline bool refuse_quoting(http_refusal& refusal, int http_status, code why, std::string_view before,
                                                        std::string_view found, std::string_view after) {
  constexpr std::size_t longest = 200;
  return refuse(refusal, http_status, why, {before, "\"", found.substr(0, longest), found.size() > longest ? "...\"" : "\"", after});
}

// False when a percent sign is not followed by two hexadecimal digits.
[[gnu::cold]] inline bool unescape(std::string_view from, std::string& into) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] != '%') {
      into.push_back(from[i]);
      continue;
    }
    if (from.size() - i < 3) return false;
    const int high = hex_digit(from[i + 1]);
    const int low = hex_digit(from[i + 2]);
    if (high < 0 || low < 0) return false;
    into.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

// The path of an origin-form or absolute-form target; RFC 9112 3.2.2 asks servers to take both.
inline std::string_view path_of(std::string_view target) noexcept {
  for (const std::string_view scheme : {std::string_view{"http://"}, std::string_view{"https://"}}) {
    if (!is_named(target.substr(0, scheme.size()), scheme)) continue;
    const std::size_t slash = target.find_first_of("/?", scheme.size());
    target = slash == std::string_view::npos ? std::string_view{} : target.substr(slash);
    break;
  }
  return target.substr(0, target.find('?'));
}

// Each decision below is false when it has filled in `refusal`.

// Splits `/service/method`, then unescapes: an escaped slash belongs to the name that holds it.
inline bool route_path(std::string_view target, http_route& route, std::string& unescaped, http_refusal& refusal) {
  const std::string_view path = path_of(target);
  const std::size_t slash = path.find('/', 1);
  if (path.size() < 2 || path.front() != '/' || slash == std::string_view::npos || slash == 1 || slash + 1 == path.size() ||
      path.find('/', slash + 1) != std::string_view::npos) {
    return refuse_quoting(refusal, 404, code::unimplemented, "no method at ", path, "; expected /<service>/<method>");
  }
  route.service = path.substr(1, slash - 1);
  route.method = path.substr(slash + 1);
  unescaped.clear();
  if (path.find('%') == std::string_view::npos) return true;
  const bool service_is_fine = unescape(route.service, unescaped);
  const std::size_t middle = unescaped.size();
  if (!service_is_fine || !unescape(route.method, unescaped)) {
    return refuse_quoting(refusal, 400, code::invalid_argument, "path ", path, ": expected two hexadecimal digits after each percent sign");
  }
  route.service = std::string_view{unescaped}.substr(0, middle);
  route.method = std::string_view{unescaped}.substr(middle);
  return true;
}

inline bool route_codec(const http_head& head, http_route& route, http_refusal& refusal) {
  const std::string_view type = trim_blanks(head.content_type.substr(0, head.content_type.find(';')));
  const auto is = [type](std::string_view name) { return is_named(type, name); };
  if (type.empty() || is("application/json") || is("text/plain") || is("application/x-www-form-urlencoded")) {
    // The last is what `curl -d` says of every body.
    route.content_type = "application/json";
    route.codec = serialization::json;
  } else if (is("application/msgpack")) {
    route.content_type = "application/msgpack";
    route.codec = serialization::msgpack;
  } else if (is("application/x-msgpack")) {
    route.content_type = "application/x-msgpack";
    route.codec = serialization::msgpack;
  } else if (is("application/proto")) {
    route.content_type = "application/proto";
    route.codec = serialization::protobuf;
  } else {
    refusal.more_head = "Accept: application/json, application/msgpack, application/x-msgpack, application/proto\r\n";
    return refuse_quoting(refusal, 415, code::invalid_argument, "content type ", type,
                          " is not read here; expected application/json, application/msgpack, application/x-msgpack or application/proto");
  }
  if (!head.content_encoding.empty() && !is_named(head.content_encoding, "identity")) {
    // Connect wants this code, and hence 501, where plain HTTP would say 415.
    refusal.more_head = "Accept-Encoding: identity\r\n";
    return refuse_quoting(refusal, 501, code::unimplemented, "content encoding ", head.content_encoding, " is not read here; expected identity");
  }
  return true;
}

inline bool route_timeout(const http_head& head, http_route& route, http_refusal& refusal) {
  route.timeout.reset();
  if (!head.has_timeout) return true;
  std::int64_t milliseconds = 0;
  bool is_number = !head.timeout.empty() && head.timeout.size() <= 10;
  for (const char c : head.timeout.substr(0, 10)) {
    is_number = is_number && c >= '0' && c <= '9';
    milliseconds = milliseconds * 10 + (c - '0');
  }
  if (!is_number) {
    return refuse_quoting(refusal, 400, code::invalid_argument, "connect-timeout-ms: found ", head.timeout, ", expected one to ten digits");
  }
  route.timeout = duration{milliseconds * 1'000'000};
  return true;
}

// Requests whose end, or whose meaning, two readers could see differently. RFC 9112 3.2 and 6.1; RFC 9110 10.1.1.
inline bool trust(const http_head& head, http_refusal& refusal) {
  refusal.close = true;
  if (head.foreign_coding) return refuse(refusal, 501, code::unimplemented, {"the transfer encoding is not read here; expected chunked alone"});
  if (head.chunked && !head.is_http_11) {
    return refuse(refusal, 400, code::invalid_argument, {"HTTP/1.0 has no chunked bodies; expected Content-Length"});
  }
  if (head.hosts > 1 || (head.is_http_11 && head.hosts == 0)) {
    return refuse(refusal, 400, code::invalid_argument, {"found ", head.hosts == 0 ? "no Host header" : "several Host headers", "; expected one"});
  }
  refusal.close = false;
  if (head.is_http_11 && !head.expect.empty() && !is_named(head.expect, "100-continue")) {
    return refuse_quoting(refusal, 417, code::invalid_argument, "expectation ", head.expect, " cannot be met; expected 100-continue");
  }
  return true;
}

// What is asked by another method than POST.
[[gnu::cold]] inline bool refuse_verb(const http_head& head, http_route& route, std::string& unescaped, http_refusal& refusal) {
  if (head.verb == http_verb::options) {
    refusal.more_head = "Allow: OPTIONS, POST\r\n";
    return refuse(refusal, 204, code::ok, {});
  }
  if (head.verb == http_verb::unknown) {
    return refuse_quoting(refusal, 501, code::unimplemented, "HTTP method ", head.verb_text, " is not known here; expected POST");
  }
  // What leaves HTTP/1.1 on this connection is decided before anything is asked of the path.
  if (head.verb == http_verb::connect) {
    refusal.close = true;
    refusal.more_head = "Allow: POST\r\n";
    return refuse(refusal, 405, code::unimplemented, {"CONNECT is not served here; expected POST"});
  }
  // An offer to upgrade a call may be ignored (RFC 9110 7.8): only GET comes for nothing else.
  if (head.verb == http_verb::get && head.upgrades) {
    return refuse(refusal, 501, code::unimplemented, {"no other protocol is served here to upgrade to; expected POST"});
  }
  if (!route_path(head.target, route, unescaped, refusal)) return false;
  refusal.more_head = "Allow: POST\r\n";
  return refuse_quoting(refusal, 405, code::unimplemented, "methods are called by POST, found ", head.verb_text, "");
}

/// Decides where a complete head leads: true when `route` has been filled in, false when `refusal` has.
inline bool route_request(const http_head& head, http_route& route, std::string& unescaped, http_refusal& refusal) {
  if (!trust(head, refusal)) return false;
  if (head.verb != http_verb::post) return refuse_verb(head, route, unescaped, refusal);
  return route_path(head.target, route, unescaped, refusal) && route_codec(head, route, refusal) && route_timeout(head, route, refusal);
}

}  // namespace tenon::inline v0::protocol::detail

namespace tenon::inline v0::protocol {

/// Calls as `POST /<service>/<method>`, answered in order with the message or with `{"code","message","details"}`.
///
/// Shape   the body is the message in the codec that Content-Type names; JSON where it names none, text/plain, or curl's form type.
///         A code is spelled as Connect spells it (`not_found`, `canceled`) and mapped to its HTTP status: see `http_status_of`.
///         Request headers are the metadata, names in lower case; metadata of an answer becomes headers.
/// Units   `connect-timeout-ms` in milliseconds; `Retry-After` in seconds, rounded up, and `retry-after-ms`, negative for never.
/// Errors  400, 404, 405, 413, 415, 417, 431 and 501 are answered here; the connection stays where the next request's start is certain.
/// Source  RFC 9110, RFC 9112; Connect protocol, unary calls.
class http1_session {
 public:
  static constexpr std::string_view name = "http1";
  static constexpr bool answers_in_any_order = false;

  explicit http1_session(const limits& bounds) : bounds_{bounds} {}
  http1_session(const http1_session&) = delete;
  http1_session& operator=(const http1_session&) = delete;

  /// Whether `first` starts with a request line: one of RFC 9110's methods or PATCH, then a space.
  static sniffed recognise(std::string_view first) noexcept {
    sniffed found = sniffed::no;
    for (const std::string_view verb : detail::http_verbs) {
      if (first.substr(0, verb.size()) == verb) return sniffed::yes;
      if (verb.substr(0, first.size()) == first) found = sniffed::need_more;
    }
    return found;
  }

  /// Hands the complete requests in `in` to the sink, one at a time: `wait` until each is answered.
  template <request_sink Sink>
  consumed consume(std::string_view in, Sink& sink, buffer& out) {
    consumed done;
    request call;
    while (true) {
      if (sink.full()) {
        done.next = consumed::state::wait;
        break;
      }
      if (!advance(in, out, done, call)) break;
      waiting_ = true;
      const bool answered = sink.on_request(call);
      retire();
      if (answered && waiting_) settle();
    }
    return done;
  }

  mark begin_reply(buffer& out, const reply_address&) {
    const std::size_t start = out.size();
    detail::append_status_line(out, 200);
    detail::append_content_type(out, route_.content_type);
    out.append(connection_lines());
    out.append(detail::blank_length);
    return {.start = start, .payload = out.size()};
  }

  void end_reply(buffer& out, mark at, const reply_address&, const metadata& extra) {
    detail::patch_length(out, at.payload);
    if (!extra.empty()) detail::insert_headers(out, at, extra);
    settle();
  }

  void write_error(buffer& out, const reply_address&, const status& error, const metadata& extra) {
    const detail::http_answer_head head{.http_status = http_status_of(error.outcome()), .connection = connection_lines()};
    detail::append_error_answer(out, head, error, extra);
    settle();
  }

  /// Whether everything asked of this connection has been answered and no more will be.
  bool closing() const noexcept { return closing_; }

  /// Whether a request's body is half here. Its bytes have left the read buffer: whoever times unfinished messages asks this too.
  bool unfinished() const noexcept { return phase_ != phase::head; }

 private:
  enum class phase : std::uint8_t { head, counted, chunked };
  enum class step : std::uint8_t { starved, moved, complete };

  // What a session keeps of the memory that a large request took.
  static constexpr std::size_t kept_bytes = 64 * 1024;

  bool advance(std::string_view in, buffer& out, consumed& done, request& call) {
    while (!waiting_ && !closing_) {
      const step result = phase_ == phase::head      ? read_head(in, out, done.bytes)
                          : phase_ == phase::counted ? read_counted(in, done.bytes)
                                                     : read_chunks(in, out, done.bytes);
      if (result == step::starved) {
        keep_unfinished();
        return false;
      }
      if (result != step::complete) continue;
      if (!discarding_) {
        fill(call);
        return true;
      }
      retire();
    }
    if (waiting_) {
      done.next = consumed::state::wait;
      return false;
    }
    // A client that asked to be closed has done nothing wrong: `closing` says enough, and there is no reason to log.
    done.bytes = in.size();
    done.next = reason_.empty() ? consumed::state::more : consumed::state::close;
    done.reason = reason_;
    return false;
  }

  step read_head(std::string_view in, buffer& out, std::size_t& used) {
    // RFC 9112 2.2: empty lines in front of a request are to be ignored.
    while (in.substr(used, 2) == "\r\n") used += 2;
    const std::string_view rest = in.substr(used);
    if (rest.empty() || rest == "\r") return step::starved;
    const std::size_t size = find_head(rest, out);
    if (size == 0) return closing_ ? step::moved : step::starved;

    head_ = rest.substr(0, size);
    used += size;
    detail::http_head head;
    const std::string_view fault = detail::cut_head(head_, head);
    to_head_ = head.verb == detail::http_verb::head;
    if (!fault.empty()) return abandon(fault, out);
    if (head.length > bounds_.max_message_bytes) return abandon_large(out);
    fields_at_ = head.fields_at;
    keeps_alive_ = head.keeps_alive();
    is_http_11_ = head.is_http_11;
    const bool expects = is_http_11_ && !head.expect.empty() && head.has_body();

    detail::http_refusal refusal;
    if (!detail::route_request(head, route_, unescaped_, refusal)) {
      // Whether a refused client still sends the body it was holding back is its choice: nobody can tell what follows.
      // Where the connection ends anyway the body is not read either, and `close` lets the answer arrive in spite of it.
      refusal.close = refusal.close || expects || (head.has_body() && !keeps_alive_);
      answer_refusal(refusal, out);
      if (closing_) return step::moved;
      discarding_ = true;
    } else if (expects && used == in.size()) {
      out.append("HTTP/1.1 100 Continue\r\n\r\n");
    }
    if (!head.has_body()) return step::complete;
    phase_ = head.chunked ? phase::chunked : phase::counted;
    left_ = static_cast<std::size_t>(head.length);
    chunks_.restart();
    return step::moved;
  }

  // Returns how long the head is; 0 when it is not complete, or cannot be.
  std::size_t find_head(std::string_view rest, buffer& out) {
    const std::string_view window = rest.substr(0, bounds_.max_metadata_bytes);
    while (const std::size_t size = detail::find_line(window.substr(line_), scanned_)) {
      if (size == detail::bare_line_feed) {
        fail(400, code::invalid_argument, {"a header line ends in LF alone; expected CR LF"}, out);
        return 0;
      }
      line_ += size;
      if (size == 2) return line_;
    }
    if (window.size() == bounds_.max_metadata_bytes) {
      fail(431, code::resource_exhausted, {"the header section exceeds ", tenon::detail::number_text{bounds_.max_metadata_bytes}, " bytes"}, out);
    }
    return 0;
  }

  step read_counted(std::string_view in, std::size_t& used) {
    const std::size_t size = (std::min)(left_, in.size() - used);
    gather(in.substr(used, size));
    used += size;
    left_ -= size;
    return left_ == 0 ? step::complete : step::starved;
  }

  step read_chunks(std::string_view in, buffer& out, std::size_t& used) {
    using state = detail::http_chunk_step::state;
    for (;;) {
      const detail::http_chunk_step found = chunks_.read(in.substr(used), bounds_);
      used += found.bytes;
      gather(found.data);
      switch (found.is) {
        case state::moved: break;
        case state::starved: return step::starved;
        case state::complete: return step::complete;
        case state::too_large: return abandon_large(out);
        case state::faulty: return abandon(found.fault, out);
      }
    }
  }

  // A body that lies in one piece is handed on where it lies; from its second piece on it is gathered, as it comes and never
  // by the length it claims.
  void gather(std::string_view bytes) {
    if (discarding_ || bytes.empty()) return;
    if (piece_.empty() && body_.empty()) {
      piece_ = bytes;
      return;
    }
    body_.append(std::exchange(piece_, {}));
    body_.append(bytes);
  }

  // The read buffer is about to move on: what the unfinished request still needs of it is copied.
  void keep_unfinished() {
    if (phase_ == phase::head || discarding_) return;
    body_.append(std::exchange(piece_, {}));
    if (head_.data() == kept_head_.data()) return;
    kept_head_.assign(head_);
    if (unescaped_.empty()) {
      const auto move = [this](std::string_view& view) {
        view = std::string_view{kept_head_}.substr(static_cast<std::size_t>(view.data() - head_.data()), view.size());
      };
      move(route_.service);
      move(route_.method);
    }
    head_ = kept_head_;
  }

  void fill(request& call) {
    call.service = route_.service;
    call.method = route_.method;
    call.payload = body_.empty() ? piece_ : body_.view();
    call.address = {.id = 0, .codec = route_.codec, .one_way = false};
    call.timeout = route_.timeout;
    call.metadata_block = head_.substr(fields_at_);
    call.read_metadata = &detail::read_http_metadata;
  }

  // Forgets a request that was handed on or thrown away; `route_` and the connection's state serve its answer still.
  void retire() {
    phase_ = phase::head;
    discarding_ = false;
    to_head_ = false;
    scanned_ = line_ = 0;
    head_ = {};
    piece_ = {};
    body_.clear();
    if (body_.capacity() > kept_bytes) body_.release();
  }

  // A request has been answered.
  void settle() {
    waiting_ = false;
    closing_ = !keeps_alive_;
  }

  std::string_view connection_lines() const noexcept {
    if (!keeps_alive_) return "Connection: close\r\n";
    return is_http_11_ ? std::string_view{} : "Connection: keep-alive\r\n";
  }

  [[gnu::cold, gnu::noinline]] void answer_refusal(const detail::http_refusal& refusal, buffer& out) {
    if (refusal.close) {
      keeps_alive_ = false;
      reason_ = refusal.message;
    }
    if (refusal.http_status == 204) {
      detail::append_status_line(out, 204);
      out.append(connection_lines());
      out.append(refusal.more_head);
      out.append("\r\n");
    } else {
      const detail::http_answer_head head{.http_status = refusal.http_status,
                                          .connection = connection_lines(),
                                          .more = refusal.more_head,
                                          .with_body = !to_head_};
      detail::append_error_answer(out, head, {refusal.why, refusal.message}, {});
    }
    settle();
  }

  [[gnu::cold, gnu::noinline]] void fail(int http_status, code why, std::initializer_list<std::string_view> message, buffer& out) {
    detail::http_refusal refusal;
    refusal.close = true;
    detail::refuse(refusal, http_status, why, message);
    answer_refusal(refusal, out);
  }

  // The end of this request is unknown.
  [[gnu::cold, gnu::noinline]] step abandon(std::string_view fault, buffer& out) {
    if (!discarding_) {
      fail(400, code::invalid_argument, {"the request cannot be read: ", fault}, out);
    } else {
      reason_ = fault;
      closing_ = true;
    }
    return step::moved;
  }

  [[gnu::cold, gnu::noinline]] step abandon_large(buffer& out) {
    const tenon::detail::number_text limit{bounds_.max_message_bytes};
    if (discarding_) return abandon("the body of a refused request exceeds the limit", out);
    fail(413, code::resource_exhausted, {"the body exceeds ", limit, " bytes"}, out);
    return step::moved;
  }

  limits bounds_;
  detail::http_route route_;
  std::string_view head_;       // in the read buffer while `consume` runs, afterwards in `kept_head_`
  std::string_view piece_;      // of the body, in the read buffer; only while `consume` runs
  std::string kept_head_;
  std::string unescaped_;       // service and method, when the path had percent signs
  std::string reason_;
  buffer body_;
  detail::http_chunks chunks_;
  std::size_t line_ = 0;        // of an unfinished head: where its last line starts,
  std::size_t scanned_ = 0;     // and how much of that has been looked at
  std::size_t fields_at_ = 0;   // where the head's request line ends
  std::size_t left_ = 0;        // of a counted body
  phase phase_ = phase::head;
  bool discarding_ = false;     // refused already: the body is read past
  bool to_head_ = false;        // what is refused is HEAD: its answer has no body
  bool keeps_alive_ = true;
  bool is_http_11_ = true;
  bool waiting_ = false;
  bool closing_ = false;
};

}  // namespace tenon::inline v0::protocol

// tenon/protocol/rpcx.hpp
// rpcx on one connection: the server's session. Heartbeats are echoed here, requests go to the sink. Protocol layer.

// tenon/protocol/rpcx_frame.hpp
// rpcx frames as bytes: the 12-byte header, the four blocks, the metadata block. Protocol layer; both halves of rpcx stand on it.

namespace tenon::inline v0::protocol::rpcx {

inline constexpr unsigned char magic = 0x08;
inline constexpr std::size_t header_bytes = 12;
/// Header, total, and the lengths of four blocks: no frame is shorter.
inline constexpr std::size_t smallest_frame = header_bytes + 4 + 16;

inline constexpr unsigned char response_bit = 0x80;
inline constexpr unsigned char heartbeat_bit = 0x40;
inline constexpr unsigned char one_way_bit = 0x20;
inline constexpr unsigned char compression_bits = 0x1C;
inline constexpr unsigned char status_bits = 0x03;

inline constexpr std::string_view error_key = "__rpcx_error__";
inline constexpr std::string_view timeout_key = "__ServerTimeout";
inline constexpr std::string_view code_key = "tenon-code";
inline constexpr std::string_view pushback_key = "tenon-pushback-ms";
inline constexpr std::string_view not_executed_key = "tenon-not-executed";

/// One frame in place: views into the bytes it was cut from.
///
/// Source  rpcx protocol, message layout (smallnest/rpcx protocol/message.go).
struct frame {
  unsigned char bits = 0;
  unsigned char codec = 0;
  std::uint64_t sequence = 0;
  std::string_view service;
  std::string_view method;
  std::string_view metadata_block;
  std::string_view payload;

  bool is_response() const noexcept { return (bits & response_bit) != 0; }
  bool is_heartbeat() const noexcept { return (bits & heartbeat_bit) != 0; }
  bool is_one_way() const noexcept { return (bits & one_way_bit) != 0; }
  bool is_compressed() const noexcept { return (bits & compression_bits) != 0; }
  bool is_error() const noexcept { return (bits & status_bits) == 1; }
};

/// What the first bytes of a frame say of its size.
///
/// Returns nothing when fewer than 16 bytes are there; else the length of the whole frame, header included.
inline std::optional<std::uint64_t> frame_length(std::string_view in) noexcept {
  if (in.size() < header_bytes + 4) return std::nullopt;
  return std::uint64_t{header_bytes} + 4 + tenon::detail::load_big_endian_32(in.data() + header_bytes);
}

/// Cuts one complete frame into its parts.
///
/// Errors  nullopt when the four block lengths do not add up to the frame's.
inline std::optional<frame> cut_frame(std::string_view whole) noexcept {
  frame cut;
  cut.bits = static_cast<unsigned char>(whole[2]);
  cut.codec = static_cast<unsigned char>(whole[3]) >> 4;
  cut.sequence = tenon::detail::load_big_endian_64(whole.data() + 4);
  std::string_view rest = whole.substr(header_bytes + 4);
  for (std::string_view* block : {&cut.service, &cut.method, &cut.metadata_block, &cut.payload}) {
    if (rest.size() < 4) return std::nullopt;
    const std::uint32_t length = tenon::detail::load_big_endian_32(rest.data());
    if (rest.size() - 4 < length) return std::nullopt;
    *block = rest.substr(4, length);
    rest.remove_prefix(4 + std::size_t{length});
  }
  if (!rest.empty()) return std::nullopt;
  return cut;
}

/// Walks a metadata block; `each(key, value)` per pair.
///
/// Returns false when the lengths in the block do not add up.
template <class F>
bool for_each_metadata(std::string_view block, F&& each) {
  const auto take = [&block](std::string_view& text) {
    if (block.size() < 4) return false;
    const std::uint32_t length = tenon::detail::load_big_endian_32(block.data());
    if (block.size() - 4 < length) return false;
    text = block.substr(4, length);
    block.remove_prefix(4 + std::size_t{length});
    return true;
  };
  while (!block.empty()) {
    std::string_view key;
    std::string_view value;
    if (!take(key) || !take(value)) return false;
    each(key, value);
  }
  return true;
}

/// The pairs that are the user's: everything but the keys by which rpcx and tenon talk to themselves.
inline void read_metadata(std::string_view block, metadata& into) {
  for_each_metadata(block, [&into](std::string_view key, std::string_view value) {
    if (key != timeout_key && key != error_key && key != code_key && key != pushback_key && key != not_executed_key) into.add(key, value);
  });
}

namespace frames {

inline void append_block(buffer& out, std::string_view bytes) {
  char* to = out.extend(4 + bytes.size());
  tenon::detail::store_big_endian_32(to, static_cast<std::uint32_t>(bytes.size()));
  if (!bytes.empty()) std::memcpy(to + 4, bytes.data(), bytes.size());
}
inline void append_pair(buffer& out, std::string_view key, std::string_view value) {
  append_block(out, key);
  append_block(out, value);
}
inline void append_number(buffer& out, std::string_view key, std::int64_t number) {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  append_pair(out, key, {text.data(), static_cast<std::size_t>(end - text.data())});
}

inline std::optional<std::int64_t> parse_number(std::string_view text) noexcept {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace frames

/// Writes a header and room for the total; `end_frame` fills the total and the payload's length in.
inline mark begin_frame(buffer& out, unsigned char bits, serialization codec, std::uint64_t sequence) {
  const std::size_t start = out.size();
  char* to = out.extend(header_bytes + 4);
  to[0] = static_cast<char>(magic);
  to[1] = 0;
  to[2] = static_cast<char>(bits);
  to[3] = static_cast<char>(static_cast<unsigned char>(codec) << 4);
  tenon::detail::store_big_endian_64(to + 4, sequence);
  return {start, 0};
}

/// Opens the payload block: what is appended from here to `end_frame` is the payload.
inline void begin_payload(buffer& out, mark& at) {
  out.extend(4);
  at.payload = out.size();
}
inline void end_frame(buffer& out, mark at) noexcept {
  tenon::detail::store_big_endian_32(out.data() + at.payload - 4, static_cast<std::uint32_t>(out.size() - at.payload));
  tenon::detail::store_big_endian_32(out.data() + at.start + header_bytes, static_cast<std::uint32_t>(out.size() - at.start - header_bytes - 4));
}

}  // namespace tenon::inline v0::protocol::rpcx

// tenon/protocol/rpcx_status.hpp
// How a status crosses an rpcx link: one bit, a text, and metadata that only tenon peers read. Protocol layer.

namespace tenon::inline v0::protocol::rpcx {

/// Writes a status as metadata: the text any rpcx client shows, `CODE: message`, and the exact code beside it. A text without a code reads as UNKNOWN,
/// so that code needs none: a plain error of a handler arrives word for word.
[[gnu::cold]] inline void append_status(buffer& out, const status& error) {
  const bool plain = error.code() == code::unknown && !error.message().empty() && !code_from_name(error.message().substr(0, error.message().find(": ")));
  frames::append_pair(out, error_key, plain ? error.message() : error.to_string());
  frames::append_pair(out, code_key, code_name(error.code()));
  if (error.has(outcome::pushback)) frames::append_number(out, pushback_key, error.outcome().pushback_ms);
  if (error.has(outcome::not_executed)) frames::append_pair(out, not_executed_key, "1");
}

/// Reads the status of an error response; foreign servers send only a text.
///
/// Source  the texts of smallnest/rpcx server/server.go for what a Go server says of itself.
[[gnu::cold]] inline status read_status(std::string_view metadata_block) {
  std::string_view text;
  std::optional<code> exact;
  outcome found;
  for_each_metadata(metadata_block, [&](std::string_view key, std::string_view value) {
    if (key == error_key) {
      text = value;
    } else if (key == code_key) {
      exact = code_from_name(value);
    } else if (key == pushback_key) {
      if (const auto milliseconds = frames::parse_number(value)) {
        constexpr std::int64_t longest = (std::numeric_limits<std::int32_t>::max)();
        found.pushback_ms = static_cast<std::int32_t>(std::clamp<std::int64_t>(*milliseconds, -1, longest));
        found.flags |= outcome::pushback;
      }
    } else if (key == not_executed_key) {
      found.flags |= outcome::not_executed;
    }
  });
  if (const std::size_t colon = text.find(": "); colon != std::string_view::npos) {
    if (const auto named = code_from_name(text.substr(0, colon))) {
      if (!exact) exact = named;
      if (*exact == *named) text.remove_prefix(colon + 2);
    }
  } else if (exact && text == code_name(*exact)) {
    text = {};
  }
  if (!exact) {
    if (text.starts_with("rpcx: can't find service") || text.starts_with("rpcx: can't find method")) {
      exact = code::unimplemented;
      found.flags |= outcome::not_executed;
    } else if (text.find("request reached rate limit") != std::string_view::npos) {
      exact = code::resource_exhausted;
      found.flags |= outcome::not_executed;
    } else if (text == "context deadline exceeded") {
      exact = code::deadline_exceeded;
    } else if (text == "context canceled") {
      exact = code::cancelled;
    } else if (text.find("http: Server closed") != std::string_view::npos) {
      exact = code::unavailable;
      found.flags |= outcome::not_executed;
    }
  }
  if (!exact && text.empty()) text = "the peer answered with an error and no text";
  found.code = exact.value_or(code::unknown);
  // An error frame whose code says OK is a lie of the peer; it must not become a success without a value.
  if (found.code == code::ok) found.code = code::unknown;
  return status{found, text};
}

}  // namespace tenon::inline v0::protocol::rpcx

namespace tenon::inline v0::protocol {

/// The server's half of rpcx. Requests may be answered in any order.
///
/// Errors  a bad magic, impossible lengths or a metadata block that does not add up close the connection, since the next frame cannot be found;
///         a frame, payload or metadata above its limit is answered with resource_exhausted, a frame that cannot be held at all is skipped without being stored;
///         a compressed payload is answered with unimplemented.
/// Source  rpcx protocol; frames written down byte by byte in tests/protocol/rpcx.cpp.
class rpcx_session {
 public:
  static constexpr std::string_view name = "rpcx";
  static constexpr bool answers_in_any_order = true;

  static sniffed recognise(std::string_view first) noexcept {
    if (first.empty()) return sniffed::need_more;
    return static_cast<unsigned char>(first[0]) == rpcx::magic ? sniffed::yes : sniffed::no;
  }

  explicit rpcx_session(const limits& bounds) noexcept : bounds_{bounds} {}

  template <request_sink Sink>
  consumed consume(std::string_view in, Sink& sink, buffer& out) {
    consumed done;
    while (true) {
      const std::string_view rest = in.substr(done.bytes);
      if (skipping_ != 0) {
        const std::size_t step = static_cast<std::size_t>((std::min)(skipping_, std::uint64_t{rest.size()}));
        skipping_ -= step;
        done.bytes += step;
        if (skipping_ != 0) return done;
        continue;
      }
      if (rest.empty()) return done;
      if (sink.full()) {
        done.next = consumed::state::wait;
        return done;
      }
      if (static_cast<unsigned char>(rest[0]) != rpcx::magic) {
        return close(done, {"expected a frame with magic byte 0x08, found ", tenon::detail::number_text{static_cast<unsigned>(static_cast<unsigned char>(rest[0]))}});
      }
      const auto length = rpcx::frame_length(rest);
      if (!length) return done;
      if (*length < rpcx::smallest_frame) {
        return close(done, {"expected a frame of at least 32 bytes, found a total of ", tenon::detail::number_text{*length}});
      }
      if (*length > bounds_.max_message_bytes + bounds_.max_metadata_bytes) {
        refuse_oversized(rest, *length, out);
        skipping_ = *length;
        continue;
      }
      if (rest.size() < *length) return done;
      const auto cut = rpcx::cut_frame(rest.substr(0, static_cast<std::size_t>(*length)));
      if (!cut) return close(done, {"expected block lengths that add up to the frame's, found others"});
      if (!handle(*cut, rest.substr(0, static_cast<std::size_t>(*length)), sink, out)) {
        return close(done, {"expected metadata pairs that add up to their block, found others"});
      }
      done.bytes += static_cast<std::size_t>(*length);
    }
  }

  mark begin_reply(buffer& out, const reply_address& to) {
    mark at = rpcx::begin_frame(out, rpcx::response_bit, to.codec, to.id);
    // Clients match by sequence alone: path, method and metadata may all be empty.
    std::memset(out.extend(12), 0, 12);
    rpcx::begin_payload(out, at);
    return at;
  }

  void end_reply(buffer& out, mark at, const reply_address&, const metadata& extra) {
    if (!extra.empty()) [[unlikely]] insert_metadata(out, at, extra);
    rpcx::end_frame(out, at);
  }

  [[gnu::cold]] void write_error(buffer& out, const reply_address& to, const status& error, const metadata& extra) {
    mark at = rpcx::begin_frame(out, rpcx::response_bit | 1, to.codec, to.id);
    std::memset(out.extend(12), 0, 12);
    const std::size_t block = out.size();
    rpcx::append_status(out, error);
    for (const auto& [key, value] : extra) rpcx::frames::append_pair(out, key, value);
    tenon::detail::store_big_endian_32(out.data() + block - 4, static_cast<std::uint32_t>(out.size() - block));
    rpcx::begin_payload(out, at);
    rpcx::end_frame(out, at);
  }

  bool closing() const noexcept { return false; }
  bool unfinished() const noexcept { return skipping_ != 0; }

 private:
  [[gnu::cold]] static consumed close(consumed done, std::initializer_list<std::string_view> reason) {
    done.next = consumed::state::close;
    done.reason = "rpcx: " + tenon::detail::join_text(reason);
    return done;
  }

  // Returns false when the metadata does not add up.
  template <class Sink>
  bool handle(const rpcx::frame& cut, std::string_view whole, Sink& sink, buffer& out) {
    if (cut.is_response()) return true;  // Nothing was asked of this peer: a late answer is dropped.
    if (cut.is_heartbeat()) {
      const std::size_t start = out.size();
      out.append(whole);
      out.data()[start + 2] = static_cast<char>(static_cast<unsigned char>(out.data()[start + 2]) | rpcx::response_bit);
      return true;
    }
    request call{.service = cut.service,
                 .method = cut.method,
                 .payload = cut.payload,
                 .address = {cut.sequence, static_cast<serialization>(cut.codec), cut.is_one_way()},
                 .timeout = std::nullopt,
                 .metadata_block = cut.metadata_block,
                 .read_metadata = &rpcx::read_metadata};
    if (!cut.metadata_block.empty()) {
      const bool sound = rpcx::for_each_metadata(cut.metadata_block, [&call](std::string_view key, std::string_view value) {
        if (key != rpcx::timeout_key) return;
        // Go's client truncates, so zero and below mean that the time is up; a text that is no number is ignored, as Go's server does.
        if (const auto milliseconds = rpcx::frames::parse_number(value)) {
          call.timeout = std::chrono::milliseconds{std::clamp<std::int64_t>(*milliseconds, 0, 1'000'000'000'000)};
        }
      });
      if (!sound) return false;
    }
    if (cut.metadata_block.size() > bounds_.max_metadata_bytes) [[unlikely]] {
      return refuse(call.address, too_large("metadata", cut.metadata_block.size(), bounds_.max_metadata_bytes), out), true;
    }
    if (cut.is_compressed()) [[unlikely]] {
      return refuse(call.address, status{code::unimplemented, "compressed payloads (gzip) are not supported here; send this call uncompressed"}, out), true;
    }
    if (cut.payload.size() > bounds_.max_message_bytes) [[unlikely]] {
      return refuse(call.address, too_large("message", cut.payload.size(), bounds_.max_message_bytes), out), true;
    }
    sink.on_request(call);
    return true;
  }

  [[gnu::cold]] void refuse(const reply_address& to, status error, buffer& out) {
    error.add_flag(outcome::not_executed).add_flag(outcome::no_retry);
    if (!to.one_way) write_error(out, to, error, {});
  }

  [[gnu::cold]] void refuse_oversized(std::string_view head, std::uint64_t length, buffer& out) {
    const auto bits = static_cast<unsigned char>(head[2]);
    if ((bits & (rpcx::response_bit | rpcx::heartbeat_bit)) != 0) return;
    const reply_address to{tenon::detail::load_big_endian_64(head.data() + 4), static_cast<serialization>(static_cast<unsigned char>(head[3]) >> 4), (bits & rpcx::one_way_bit) != 0};
    refuse(to, too_large("message", length, bounds_.max_message_bytes), out);
  }

  [[gnu::cold]] static status too_large(std::string_view what, std::uint64_t size, std::size_t limit) {
    return status{code::resource_exhausted, tenon::detail::join_text({what, " of ", tenon::detail::number_text{size}, " bytes exceeds the limit of ", tenon::detail::number_text{limit}})};
  }

  // Rare: the handler set response metadata, and its place is in front of the payload that is already written.
  [[gnu::cold]] static void insert_metadata(buffer& out, mark& at, const metadata& extra) {
    const std::string payload{out.view(at.payload)};
    out.truncate(at.payload - 8);
    out.extend(4);
    const std::size_t block = out.size();
    for (const auto& [key, value] : extra) rpcx::frames::append_pair(out, key, value);
    tenon::detail::store_big_endian_32(out.data() + block - 4, static_cast<std::uint32_t>(out.size() - block));
    rpcx::begin_payload(out, at);
    out.append(payload);
  }

  limits bounds_;
  std::uint64_t skipping_ = 0;  // bytes of a refused frame still to be thrown away
};

static_assert(server_session<rpcx_session>);

}  // namespace tenon::inline v0::protocol

// tenon/protocol/rpcx_client.hpp
// rpcx on one connection: the client's session. Protocol layer.

namespace tenon::inline v0::protocol {

/// The client's half of rpcx.
///
/// Errors  a bad magic or impossible lengths close the connection with a reason; a compressed answer, and one above the limit, fails its call: the latter is
///         skipped without being stored.
class rpcx_client_session final : public client_session {
 public:
  explicit rpcx_client_session(const limits& bounds) noexcept : bounds_{bounds} {}

  mark begin_request(buffer& out, const outgoing& call) override {
    mark at = rpcx::begin_frame(out, call.one_way ? rpcx::one_way_bit : static_cast<unsigned char>(0), call.codec, call.id);
    rpcx::frames::append_block(out, call.service);
    rpcx::frames::append_block(out, call.method);
    const std::size_t block = out.size() + 4;
    std::memset(out.extend(4), 0, 4);
    if (call.timeout || (call.extra != nullptr && !call.extra->empty())) {
      // Rounded up: a server that thinks the time is up a little late does no harm, one that thinks so too early does.
      if (call.timeout) rpcx::frames::append_number(out, rpcx::timeout_key, (call.timeout->ns + 999'999) / 1'000'000);
      if (call.extra != nullptr) {
        for (const auto& [key, value] : *call.extra) rpcx::frames::append_pair(out, key, value);
      }
      tenon::detail::store_big_endian_32(out.data() + block - 4, static_cast<std::uint32_t>(out.size() - block));
    }
    rpcx::begin_payload(out, at);
    return at;
  }

  void end_request(buffer& out, mark at) override { rpcx::end_frame(out, at); }

  consumed consume(std::string_view in, reply_sink& sink) override {
    consumed done;
    while (true) {
      const std::string_view rest = in.substr(done.bytes);
      if (skipping_ != 0 && !rest.empty()) {
        const auto step = static_cast<std::size_t>((std::min)(skipping_, std::uint64_t{rest.size()}));
        skipping_ -= step;
        done.bytes += step;
        continue;
      }
      if (!rest.empty() && static_cast<unsigned char>(rest[0]) != rpcx::magic) {
        return close(done, {"expected a frame with magic byte 0x08, found ", tenon::detail::number_text{static_cast<unsigned>(static_cast<unsigned char>(rest[0]))}});
      }
      const auto length = rpcx::frame_length(rest);
      if (!length) return done;
      if (*length < rpcx::smallest_frame) return close(done, {"expected an answer of at least 32 bytes, found a total of ", tenon::detail::number_text{*length}});
      if (*length > bounds_.max_message_bytes + bounds_.max_metadata_bytes) {
        refuse_oversized(rest, *length, sink);
        skipping_ = *length;
        continue;
      }
      if (rest.size() < *length) return done;
      const auto cut = rpcx::cut_frame(rest.substr(0, static_cast<std::size_t>(*length)));
      if (!cut) return close(done, {"expected block lengths that add up to the frame's, found others"});
      done.bytes += static_cast<std::size_t>(*length);
      // A request frame from a server is a push; calls are answered by response frames only.
      if (!cut->is_response() || cut->is_heartbeat()) continue;
      deliver(*cut, sink);
    }
  }

 private:
  [[gnu::cold]] void refuse_oversized(std::string_view head, std::uint64_t length, reply_sink& sink) const {
    const auto bits = static_cast<unsigned char>(head[2]);
    if ((bits & rpcx::response_bit) == 0 || (bits & rpcx::heartbeat_bit) != 0) return;
    reply answer{.id = tenon::detail::load_big_endian_64(head.data() + 4)};
    answer.error = status{code::resource_exhausted, tenon::detail::join_text({"the answer has ", tenon::detail::number_text{length}, " bytes; the limit is ", tenon::detail::number_text{bounds_.max_message_bytes}})};
    answer.error.add_flag(outcome::local).add_flag(outcome::no_retry);
    sink.on_reply(answer);
  }

  static void deliver(const rpcx::frame& cut, reply_sink& sink) {
    reply answer{.id = cut.sequence,
                 .codec = static_cast<serialization>(cut.codec),
                 .payload = cut.payload,
                 .error = {},
                 .metadata_block = cut.metadata_block,
                 .read_metadata = &rpcx::read_metadata};
    if (cut.is_error()) [[unlikely]] answer.error = rpcx::read_status(cut.metadata_block);
    else if (cut.is_compressed()) [[unlikely]] answer.error = status{outcome{.code = code::internal, .flags = outcome::local}, "the answer is compressed (gzip), which this client did not ask for"};
    sink.on_reply(answer);
  }

  [[gnu::cold]] static consumed close(consumed done, std::initializer_list<std::string_view> reason) {
    done.next = consumed::state::close;
    done.reason = "rpcx: " + tenon::detail::join_text(reason);
    return done;
  }

  limits bounds_;
  std::uint64_t skipping_ = 0;  // bytes of a refused answer still to be thrown away
};

}  // namespace tenon::inline v0::protocol
// sockets, memory, deadlines

// tenon/net.hpp
// Door of the net layer: the only place that touches a socket or arms a timer.

// tenon/net/connector.hpp
// Opening a connection: what a client needs of a transport, and how it is done over sockets. Net layer.

#include <asio/ip/tcp.hpp>

// tenon/net/endpoint.hpp
// Where a service is: a URL taken apart. Net layer.

namespace tenon::inline v0 {

/// An address one can listen on or connect to.
///
/// Shape   `tcp://host:port`, `tcp://[::1]:port`, `unix:///path` (a leading `@` makes it abstract on Linux). `rpcx://` means tcp.
class endpoint {
 public:
  enum class kind : std::uint8_t { tcp, local };

  endpoint() = default;

  /// Errors  invalid_argument naming what was expected.
  [[gnu::cold]] static result<endpoint> parse(std::string_view url) {
    const auto refuse = [url](std::string_view expected) {
      return status{code::invalid_argument, detail::join_text({"address \"", url, "\": expected ", expected})};
    };
    const std::size_t mark = url.find("://");
    if (mark == std::string_view::npos) return refuse("tcp://host:port or unix:///path");
    const std::string_view scheme = url.substr(0, mark);
    std::string_view rest = url.substr(mark + 3);
    endpoint parsed;
    if (scheme == "unix") {
      if (rest.empty()) return refuse("a path after unix://");
      if (rest.size() > 107) return refuse("a socket path of at most 107 bytes");
      parsed.kind_ = kind::local;
      parsed.host_ = rest;
      return parsed;
    }
    if (scheme != "tcp" && scheme != "rpcx") return refuse("one of the schemes tcp, rpcx, unix");
    if (rest.ends_with('/')) rest.remove_suffix(1);
    const std::size_t colon = rest.rfind(':');
    if (colon == std::string_view::npos || rest.find(']', colon) != std::string_view::npos) return refuse("a port after the host, tcp://host:port");
    std::string_view host = rest.substr(0, colon);
    const std::string_view port = rest.substr(colon + 1);
    const bool brackets = host.starts_with('[') && host.ends_with(']');
    if (brackets) host = host.substr(1, host.size() - 2);
    if (brackets != (host.find(':') != std::string_view::npos)) return refuse("an IPv6 host in brackets, and no other, tcp://[::1]:port");
    if (host.find_first_of("[]/@?# ") != std::string_view::npos) return refuse("a host name or a numeric address, tcp://host:port");
    unsigned number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (port.empty() || error != std::errc{} || end != port.data() + port.size() || number > 65535) return refuse("a port from 0 to 65535");
    parsed.host_ = host;
    parsed.port_ = static_cast<std::uint16_t>(number);
    return parsed;
  }

  static endpoint tcp(std::string host, std::uint16_t port) {
    endpoint made;
    made.host_ = std::move(host);
    made.port_ = port;
    return made;
  }

  static endpoint local(std::string path) {
    endpoint made;
    made.kind_ = kind::local;
    made.host_ = std::move(path);
    return made;
  }

  bool is_local() const noexcept { return kind_ == kind::local; }
  /// The host as written, without brackets; empty means every interface (listening) or this machine (connecting).
  const std::string& host() const noexcept { return host_; }
  /// The path of a local socket.
  const std::string& path() const noexcept { return host_; }
  std::uint16_t port() const noexcept { return port_; }

  [[gnu::cold]] std::string url() const {
    if (is_local()) return detail::join_text({"unix://", host_});
    const bool brackets = host_.find(':') != std::string::npos;
    return detail::join_text({"tcp://", brackets ? "[" : "", host_, brackets ? "]:" : ":", detail::number_text{port_}});
  }

  bool operator==(const endpoint&) const = default;

 private:
  kind kind_ = kind::tcp;
  std::uint16_t port_ = 0;
  std::string host_;
};

}  // namespace tenon::inline v0

// tenon/net/socket_address.hpp
// An endpoint as the system's socket address and back, for tcp and local sockets alike. Net layer.
// One socket type for all of them: asio's per-protocol sockets, acceptors and connects cost a hello server more than a second to compile.

#include <arpa/inet.h>
#include <asio/generic/stream_protocol.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace tenon::inline v0::net {

using socket_address = asio::generic::stream_protocol::endpoint;
using socket = asio::basic_stream_socket<asio::generic::stream_protocol, asio::io_context::executor_type>;

namespace detail {

/// The address of a numeric host and port; nothing when the host is a name.
[[gnu::cold]] inline std::optional<socket_address> numeric_address(const std::string& host, std::uint16_t port) {
  ::sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) return socket_address{&four, sizeof(four), IPPROTO_TCP};
  ::sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  if (::inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) == 1) return socket_address{&six, sizeof(six), IPPROTO_TCP};
  return std::nullopt;
}

/// The address of a local socket; a leading `@` makes it abstract, which Linux spells with a leading zero byte.
[[gnu::cold]] inline socket_address local_address(const std::string& path) {
  ::sockaddr_un local{};
  local.sun_family = AF_UNIX;
  // endpoint::parse admits only what fits; of what was put together otherwise the system says that it knows no such address.
  if (path.size() >= sizeof(local.sun_path)) return {};
  std::memcpy(local.sun_path, path.data(), path.size());
  if (path.starts_with('@')) local.sun_path[0] = '\0';
  const std::size_t ending = path.starts_with('@') ? 0 : 1;
  return {&local, offsetof(::sockaddr_un, sun_path) + path.size() + ending, 0};
}

/// What a socket address is as an endpoint; `unix://` without a path for local peers, which have no name of their own.
[[gnu::cold]] inline endpoint endpoint_of(const socket_address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.data()->sa_family == AF_INET) {
    ::sockaddr_in four{};
    std::memcpy(&four, address.data(), sizeof(four));
    ::inet_ntop(AF_INET, &four.sin_addr, text.data(), text.size());
    return endpoint::tcp(text.data(), ntohs(four.sin_port));
  }
  if (address.data()->sa_family == AF_INET6) {
    ::sockaddr_in6 six{};
    std::memcpy(&six, address.data(), sizeof(six));
    ::inet_ntop(AF_INET6, &six.sin6_addr, text.data(), text.size());
    return endpoint::tcp(text.data(), ntohs(six.sin6_port));
  }
  return endpoint::local({});
}

}  // namespace detail
}  // namespace tenon::inline v0::net

// tenon/net/socket_stream.hpp
// A stream over a tcp or local socket. Net layer.

#include <asio/buffer.hpp>
#include <asio/write.hpp>

// tenon/net/stream.hpp
// A two-way run of bytes, whatever carries it: sockets, memory, later TLS. Net layer; the one virtual interface of the I/O path, called once per batch.

namespace tenon::inline v0::net {

/// Who uses a stream: told when an operation has ended. A stream keeps its user alive while an operation is under way.
class stream_user {
 public:
  /// `count` bytes were read into the space given to `read_some`; with an error, none will come any more.
  virtual void read_done(const std::error_code& error, std::size_t count) = 0;
  /// Everything given to `write_all` has been taken, or the stream has failed.
  virtual void write_done(const std::error_code& error) = 0;

  virtual void retain() noexcept = 0;
  virtual void release() noexcept = 0;

 protected:
  ~stream_user() = default;
};

/// One connection's bytes.
///
/// Laws    at most one read and one write are under way; each ends exactly once, never inside the call that started it; after `close` they end with an error;
///         destroying a stream with operations under way is sound: its user is told of an error, or released without being told.
class stream {
 public:
  virtual ~stream() = default;
  virtual void read_some(char* into, std::size_t space, stream_user& user) = 0;
  virtual void write_all(const char* from, std::size_t count, stream_user& user) = 0;
  /// Says that nothing more will be written; reading goes on.
  virtual void end_writing() noexcept = 0;
  /// Ends both directions. Idempotent.
  virtual void close() noexcept = 0;
  /// The other side's address as a URL.
  virtual std::string peer() const = 0;
};

/// Keeps a stream_user alive in the handler of an operation.
class user_reference {
 public:
  explicit user_reference(stream_user& user) noexcept : user_{&user} { user.retain(); }
  user_reference(user_reference&& other) noexcept : user_{other.user_} { other.user_ = nullptr; }
  user_reference(const user_reference& other) noexcept : user_{other.user_} {
    if (user_ != nullptr) user_->retain();
  }
  user_reference& operator=(const user_reference&) = delete;
  ~user_reference() {
    if (user_ != nullptr) user_->release();
  }
  stream_user* operator->() const noexcept { return user_; }

 private:
  stream_user* user_;
};

}  // namespace tenon::inline v0::net

namespace tenon::inline v0::net {

/// A stream over any stream socket.
class socket_stream final : public stream {
 public:
  socket_stream(socket connected, std::string peer) : socket_{std::move(connected)}, peer_{std::move(peer)} {}

  void read_some(char* into, std::size_t space, stream_user& user) override {
    socket_.async_read_some(asio::buffer(into, space), read_handler{{user_reference{user}}});
  }
  void write_all(const char* from, std::size_t count, stream_user& user) override {
    asio::async_write(socket_, asio::buffer(from, count), write_handler{{user_reference{user}}});
  }
  void end_writing() noexcept override {
    std::error_code ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  }
  void close() noexcept override {
    std::error_code ignored;
    socket_.shutdown(asio::socket_base::shutdown_both, ignored);
    socket_.close(ignored);
  }
  std::string peer() const override { return peer_; }

 private:
  // asio's own recycling keeps two blocks a thread and drops one that is too small: with many connections the sizes of reads and writes alternate there.
  struct recycled {
    using allocator_type = tenon::detail::frame_allocator<char>;
    allocator_type get_allocator() const noexcept { return {}; }
    user_reference held;
  };
  struct read_handler : recycled {
    void operator()(const std::error_code& error, std::size_t count) const { held->read_done(error, count); }
  };
  struct write_handler : recycled {
    void operator()(const std::error_code& error, std::size_t) const { held->write_done(error); }
  };

  socket socket_;
  std::string peer_;
};

/// A connected socket as a stream that sends small messages at once.
[[gnu::cold]] inline std::unique_ptr<stream> make_stream(socket connected) {
  std::error_code ignored;
  // Local sockets refuse it, and do not need it.
  connected.set_option(asio::ip::tcp::no_delay{true}, ignored);
  std::error_code nameless;
  const socket_address address = connected.remote_endpoint(nameless);
  std::string peer = nameless ? std::string{"unknown"} : detail::endpoint_of(address).url();
  return std::make_unique<socket_stream>(std::move(connected), std::move(peer));
}

}  // namespace tenon::inline v0::net

namespace tenon::inline v0::net {

/// Opens one stream at a time.
class connector {
 public:
  /// Told once: a stream, or why there is none.
  class waiter {
   public:
    virtual void connected(std::unique_ptr<stream> opened) = 0;
    virtual void connect_failed(const std::error_code& error) = 0;

   protected:
    ~waiter() = default;
  };

  virtual ~connector() = default;
  /// Ends exactly once, never inside this call, unless `cancel` comes first.
  virtual void connect(waiter& who) = 0;
  virtual void cancel() noexcept = 0;
  /// The address that is tried, for messages.
  virtual std::string url() const = 0;
};

/// Connects to a tcp or local address; names are resolved at each attempt, and every address they have is tried in turn.
class socket_connector final : public connector {
 public:
  socket_connector(asio::io_context& io, endpoint where) : io_{io}, where_{std::move(where)} {}
  ~socket_connector() override { cancel(); }

  [[gnu::cold]] void connect(waiter& who) override {
    cancel();
    state_ = std::make_shared<state>(io_, where_, who);
    if (where_.is_local()) return try_address(state_, detail::local_address(where_.path()));
    const std::string host = where_.host().empty() ? "localhost" : where_.host();
    // A numeric address needs no resolver, and so no resolver thread.
    if (const auto address = detail::numeric_address(host, where_.port())) return try_address(state_, *address);
    state_->resolver.async_resolve(host, std::to_string(where_.port()), [self = state_](const std::error_code& error, resolved found) {
      if (self->who == nullptr) return;
      if (error) return self->fail(error);
      self->found = std::move(found);
      self->next = self->found.begin();
      try_next(self, asio::error::host_not_found);
    });
  }
  [[gnu::cold]] void cancel() noexcept override {
    if (state_ == nullptr) return;
    state_->who = nullptr;
    std::error_code ignored;
    state_->resolver.cancel();
    if (state_->trying) state_->trying->close(ignored);
    state_ = nullptr;
  }
  std::string url() const override { return where_.url(); }

 private:
  using resolved = asio::ip::basic_resolver_results<asio::ip::tcp>;

  // One attempt. Outlives the connector while an operation is under way; what ends late finds `who` empty and says nothing to the attempt after it.
  struct state {
    state(asio::io_context& on, const endpoint& address, waiter& waiting) : io{on}, where{address}, who{&waiting}, resolver{on.get_executor()} {}
    asio::io_context& io;
    endpoint where;
    waiter* who;
    asio::ip::basic_resolver<asio::ip::tcp, asio::io_context::executor_type> resolver;
    std::optional<socket> trying;
    resolved found;
    resolved::const_iterator next;

    void fail(const std::error_code& error) {
      if (waiter* told = std::exchange(who, nullptr); told != nullptr) told->connect_failed(error);
    }
  };
  using shared = std::shared_ptr<state>;

  [[gnu::cold]] static void try_next(const shared& self, const std::error_code& last) {
    if (self->next == self->found.end()) return self->fail(last);
    const asio::ip::tcp::endpoint address = (self->next++)->endpoint();
    try_address(self, {address.data(), address.size(), IPPROTO_TCP});
  }

  [[gnu::cold]] static void try_address(const shared& self, const socket_address& address) {
    self->trying.emplace(self->io);
    self->trying->async_connect(address, [self](const std::error_code& error) {
      if (self->who == nullptr) return;
      if (error) return try_next(self, error);
      waiter* told = std::exchange(self->who, nullptr);
      told->connected(make_stream(std::move(*self->trying)));
    });
  }

  asio::io_context& io_;
  endpoint where_;
  shared state_;
};

}  // namespace tenon::inline v0::net

// tenon/net/listener.hpp
// Listening on tcp and local addresses, handing each accepted stream to a loop in turn. Net layer.

#include <cerrno>

#include <asio/basic_socket_acceptor.hpp>
#include <sys/stat.h>
#include <unistd.h>

// tenon/net/loop.hpp
// One io_context's time: its clock, read once per batch, and its wheel of deadlines. Net layer.

#include <asio/basic_waitable_timer.hpp>

// tenon/net/timer_wheel.hpp
// All deadlines of a loop in one hierarchical wheel: O(1) to arm and to disarm, no timer per call. Net layer.

namespace tenon::inline v0::net {

namespace detail {

// A member of a circular list; a slot of the wheel is the list's head. Taking oneself out needs no head.
struct timer_link {
  timer_link() noexcept : before_{this}, after_{this} {}
  timer_link(const timer_link&) = delete;
  timer_link& operator=(const timer_link&) = delete;

  bool alone() const noexcept { return after_ == this; }
  void unlink() noexcept {
    before_->after_ = after_;
    after_->before_ = before_;
    before_ = after_ = this;
  }
  void append(timer_link& what) noexcept {
    what.before_ = before_;
    what.after_ = this;
    before_->after_ = &what;
    before_ = &what;
  }

  timer_link* before_;
  timer_link* after_;
};

}  // namespace detail

/// Something that happens at an instant unless it is disarmed first. Lives inside what it wakes; disarms itself when destroyed.
class timer : private detail::timer_link {
 public:
  /// Called once, on the loop's thread, after the timer has left the wheel; may arm it again or destroy it.
  virtual void expired() = 0;

  bool armed() const noexcept { return !alone(); }
  void disarm() noexcept { unlink(); }

 protected:
  timer() noexcept = default;
  ~timer() { unlink(); }

 private:
  friend class timer_wheel;
  std::uint64_t tick_ = 0;
};

/// Four levels of 64 slots at one millisecond: 64 ms, 4 s, 4.4 min, 4.7 h; later timers wait in the last level and are placed anew as it turns.
///
/// Laws    a timer never fires before its instant, and fires in the first `advance` that is a tick past it; timers of one tick armed at one level fire in order.
class timer_wheel {
 public:
  static constexpr std::int64_t tick_ns = 1'000'000;

  explicit timer_wheel(instant start) noexcept : origin_{start} {}
  timer_wheel(const timer_wheel&) = delete;
  timer_wheel& operator=(const timer_wheel&) = delete;
  ~timer_wheel() {
    for (auto& level : slots_) {
      for (auto& slot : level) {
        while (!slot.alone()) slot.after_->unlink();
      }
    }
  }

  /// Arms `what` for `when`, from now on the only instant it has. `never()` disarms.
  void arm(timer& what, instant when) noexcept {
    what.unlink();
    if (when == instant::never()) return;
    const std::int64_t distance = (when - origin_).ns;
    const std::uint64_t tick = distance <= 0 ? 0 : static_cast<std::uint64_t>((distance - 1) / tick_ns + 1);
    what.tick_ = (std::max)(tick, now_ + 1);
    place(what);
  }

  /// Fires everything that is due at `now`. A timer may advance the wheel further from within, or throw.
  void advance(instant now) {
    const std::int64_t distance = (now - origin_).ns;
    if (distance < 0) return;
    const std::uint64_t target = static_cast<std::uint64_t>(distance / tick_ns);
    while (now_ < target) {
      const std::uint64_t next = next_tick();
      if (next > target) {
        now_ = target;
        return;
      }
      now_ = next;
      bring_down();
      fire();
    }
  }

  /// When `advance` should next be called; `never()` when nothing is armed. May be early, when a level has to be turned.
  instant next() noexcept {
    const std::uint64_t tick = next_tick();
    return tick == none ? instant::never() : origin_ + duration{static_cast<std::int64_t>(tick) * tick_ns};
  }

 private:
  static constexpr unsigned levels = 4;
  static constexpr unsigned digit = 6;
  static constexpr std::uint64_t slots_per_level = 1U << digit;
  static constexpr std::uint64_t none = ~std::uint64_t{0};

  static constexpr std::size_t slot_of(std::uint64_t tick, unsigned level) noexcept { return (tick >> (digit * level)) & (slots_per_level - 1); }

  void place(timer& what) noexcept {
    // A timer beyond the horizon waits at its edge; turning the last level places it anew.
    const std::uint64_t tick = (std::min)(what.tick_, now_ + (std::uint64_t{1} << (digit * levels)) - 1);
    // Its level is the highest digit in which it differs from now: there it lies ahead in the current turn.
    const std::uint64_t difference = tick ^ now_;
    const unsigned level = difference == 0 ? 0 : (std::min)(levels - 1, static_cast<unsigned>(std::bit_width(difference) - 1) / digit);
    const std::size_t slot = slot_of(tick, level);
    slots_[level][slot].append(what);
    occupied_[level] |= std::uint64_t{1} << slot;
  }

  // The first tick at which a slot falls due or has to be brought down. Clears marks of slots that emptied by disarming.
  std::uint64_t next_tick() noexcept {
    std::uint64_t best = none;
    for (unsigned level = 0; level < levels; ++level) {
      const std::size_t here = slot_of(now_, level);
      const std::uint64_t unit = std::uint64_t{1} << (digit * level);
      const std::uint64_t turn = now_ & ~(unit * slots_per_level - 1);
      while (occupied_[level] != 0) {
        const std::uint64_t ahead = here + 1 < slots_per_level ? occupied_[level] & (~std::uint64_t{0} << (here + 1)) : 0;
        const auto slot = static_cast<std::size_t>(std::countr_zero(ahead != 0 ? ahead : occupied_[level]));
        if (slots_[level][slot].alone()) {
          occupied_[level] &= ~(std::uint64_t{1} << slot);
          continue;
        }
        best = (std::min)(best, turn + slot * unit + (slot <= here ? unit * slots_per_level : 0));
        break;
      }
    }
    return best;
  }

  // Spreads the higher slots that begin at this tick over the levels below.
  void bring_down() noexcept {
    for (unsigned level = levels - 1; level > 0; --level) {
      if ((now_ & ((std::uint64_t{1} << (digit * level)) - 1)) != 0) continue;
      detail::timer_link moved;
      splice(slots_[level][slot_of(now_, level)], moved);
      while (!moved.alone()) {
        timer& each = static_cast<timer&>(*moved.after_);
        each.unlink();
        place(each);
      }
    }
  }

  // What is left when a timer throws waits for the next tick.
  struct due_timers {
    explicit due_timers(timer_wheel& from) noexcept : wheel{from} { splice(from.slots_[0][slot_of(from.now_, 0)], head); }
    due_timers(const due_timers&) = delete;
    due_timers& operator=(const due_timers&) = delete;
    ~due_timers() {
      while (!head.alone()) {
        timer& each = take();
        each.tick_ = wheel.now_ + 1;
        wheel.place(each);
      }
    }
    timer& take() noexcept {
      timer& each = static_cast<timer&>(*head.after_);
      each.unlink();
      return each;
    }
    timer_wheel& wheel;
    detail::timer_link head;
  };

  void fire() {
    due_timers due{*this};
    while (!due.head.alone()) due.take().expired();
  }

  static void splice(detail::timer_link& from, detail::timer_link& to) noexcept {
    if (from.alone()) return;
    to.after_ = from.after_;
    to.before_ = from.before_;
    to.after_->before_ = &to;
    to.before_->after_ = &to;
    from.before_ = from.after_ = &from;
  }

  instant origin_;
  std::uint64_t now_ = 0;
  std::array<std::uint64_t, levels> occupied_{};
  std::array<std::array<detail::timer_link, slots_per_level>, levels> slots_;
};

}  // namespace tenon::inline v0::net

namespace tenon::inline v0::net {

/// What every connection and call on one io_context shares. Used on the thread that runs the io_context.
///
/// There is one per io_context, found by `loop::of(io)`: asio keeps it as a service, so that a client and a server on one io_context share one wheel.
class loop : public asio::execution_context::service, private clock_watcher {
 public:
  inline static asio::execution_context::id id;

  explicit loop(asio::execution_context& context)
      : service(context), io_{static_cast<asio::io_context&>(context)}, clock_{steady_}, wheel_{std::in_place, clock_.now()}, now_{clock_.now()}, alarm_{std::in_place, io_} {}

  static loop& of(asio::io_context& io) { return asio::use_service<loop>(io); }

  asio::io_context& io() const noexcept { return io_; }
  bool on_this_thread() const noexcept { return io_.get_executor().running_in_this_thread(); }

  /// Runs this loop on a clock that is turned by hand: nothing fires unless the clock moves. Before anything else uses the loop.
  void use(manual_clock& by_hand) {
    alarm_.reset();
    clock_ = by_hand;
    wheel_.emplace(by_hand.now());
    now_ = by_hand.now();
    by_hand.watch(*this);
  }

  /// The time of the current batch: a plain load.
  instant now() const noexcept { return now_; }
  /// Reads the clock: at the start of each batch, and before work that no batch carries.
  instant refresh() noexcept { return now_ = clock_.now(); }

  /// The io_context waits for what is armed: `io.run()` returns only when nothing is, and `rest()` has said so.
  void arm(timer& what, instant when) {
    wheel_->arm(what, when);
    if (alarm_ && what.armed() && when < alarm_at_) set_alarm();
  }

  /// When nothing is armed, lets go of the io_context: the alarm of a deadline that was disarmed would keep `run()` waiting for it.
  void rest() {
    if (!alarm_ || wheel_->next() != instant::never()) return;
    alarm_at_ = instant::never();
    alarm_->cancel();
  }

 private:
  void shutdown() noexcept override { alarm_.reset(); }

  void clock_moved() override { fire(); }

  void fire() {
    refresh();
    wheel_->advance(now_);
  }

  // The one timer of the loop. It is never cancelled for a deadline that was met: it finds nothing due and sleeps on.
  void set_alarm() {
    const instant next = wheel_->next();
    // Deadlines within one tick share one alarm: setting it costs a system call.
    if (next == alarm_at_) return;
    alarm_at_ = next;
    alarm_->expires_at(std::chrono::steady_clock::time_point{std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::nanoseconds{next.ns})});
    alarm_->async_wait([this](const std::error_code& error) {
      if (error) return;
      alarm_at_ = instant::never();
      const set_again after{*this};
      fire();
    });
  }

  // A timer that throws leaves io.run(); the others are still to come.
  struct set_again {
    explicit set_again(loop& which) noexcept : self{which} {}
    set_again(const set_again&) = delete;
    set_again& operator=(const set_again&) = delete;
    ~set_again() {
      if (self.alarm_ && self.alarm_at_ == instant::never()) self.set_alarm();
    }
    loop& self;
  };

  asio::io_context& io_;
  steady_clock steady_;
  clock_ref clock_;
  std::optional<timer_wheel> wheel_;
  instant now_;
  instant alarm_at_ = instant::never();
  // Not asio::steady_timer, which erases the type of its executor at half a second of compile time.
  using alarm_timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, asio::io_context::executor_type>;
  std::optional<alarm_timer> alarm_;
};

}  // namespace tenon::inline v0::net

namespace tenon::inline v0::net {

/// Takes accepted streams; says on which io_context the next one shall live.
class accept_sink {
 public:
  virtual asio::io_context& next_io() = 0;
  /// On the listener's thread; `on` is the io_context that `next_io` gave.
  virtual void accepted(asio::io_context& on, std::unique_ptr<stream> opened) = 0;

 protected:
  ~accept_sink() = default;
};

/// An open listening address.
class listener {
 public:
  virtual ~listener() = default;
  /// Starts accepting. The sink must outlive the io_context's handlers.
  virtual void start(accept_sink& sink) = 0;
  /// Stops accepting; connections that were accepted live on.
  virtual void close() noexcept = 0;
  virtual endpoint address() const = 0;
};

namespace detail {

class socket_listener final : public listener {
 public:
  socket_listener(asio::io_context& io, endpoint where) : state_{std::make_shared<state>(io, std::move(where))} {}
  ~socket_listener() override { close(); }

  [[gnu::cold]] status open(const socket_address& address) {
    std::error_code error;
    acceptor& door = state_->door;
    if (door.open(address.protocol(), error); error) return failed(error);
    // A restarted server gets its port back while old connections linger in TIME_WAIT.
    if (!state_->where.is_local()) door.set_option(asio::socket_base::reuse_address{true}, error);
    if (door.bind(address, error); error) return failed(error);
    if (door.listen(asio::socket_base::max_listen_connections, error); error) return failed(error);
    if (!state_->where.is_local()) state_->where = endpoint::tcp(state_->where.host(), endpoint_of(door.local_endpoint(error)).port());
    return {};
  }

  [[gnu::cold]] void start(accept_sink& sink) override {
    state_->sink = &sink;
    accept(state_);
  }
  [[gnu::cold]] void close() noexcept override {
    if (!state_->door.is_open()) return;
    std::error_code ignored;
    state_->door.close(ignored);
    if (state_->where.is_local() && !state_->where.path().starts_with('@')) ::unlink(state_->where.path().c_str());
  }
  endpoint address() const override { return state_->where; }

 private:
  using acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol, asio::io_context::executor_type>;

  // Outlives the listener while an accept is under way; also the timer that waits out a shortage of descriptors.
  struct state final : timer {
    state(asio::io_context& on, endpoint address) : io{on}, where{std::move(address)}, door{on} {}
    asio::io_context& io;
    endpoint where;
    acceptor door;
    accept_sink* sink = nullptr;
    std::weak_ptr<state> self;
    void expired() override {
      if (const auto held = self.lock(); held && held->door.is_open()) accept(held);
    }
  };

  [[gnu::cold]] status failed(const std::error_code& error) {
    std::error_code ignored;
    state_->door.close(ignored);
    return status{code::unavailable, tenon::detail::join_text({"listen ", state_->where.url(), ": ", error.message()})};
  }

  [[gnu::cold]] static void accept(const std::shared_ptr<state>& self) {
    asio::io_context& on = self->sink->next_io();
    self->door.async_accept(on, [self, &on](const std::error_code& error, socket opened) {
      if (!self->door.is_open()) return;
      if (!error) {
        self->sink->accepted(on, make_stream(std::move(opened)));
      } else if (error.value() == EMFILE || error.value() == ENFILE || error.value() == ENOBUFS || error.value() == ENOMEM) {
        // Out of descriptors: trying again at once would spin; the backlog keeps the callers meanwhile.
        loop& mine = loop::of(self->io);
        self->self = self;
        mine.arm(*self, mine.refresh() + std::chrono::milliseconds{100});
        return;
      }
      accept(self);
    });
  }

  std::shared_ptr<state> state_;
};

// A socket file whose server has died refuses connections and blocks the name: only such a one is removed. A plain file refuses them as well, and stays.
[[gnu::cold]] inline void remove_stale_socket(const std::string& path) {
  struct ::stat found {};
  if (path.starts_with('@') || ::lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return;
  const socket_address address = local_address(path);
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return;
  const bool refused = ::connect(probe, address.data(), static_cast<::socklen_t>(address.size())) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  if (refused) ::unlink(path.c_str());
}

}  // namespace detail

/// Opens a listening socket.
///
/// Errors  invalid_argument when the host is neither numeric nor `localhost` nor empty; unavailable with the system's reason (`address already in use`).
[[gnu::cold]] inline result<std::unique_ptr<listener>> listen_on(asio::io_context& io, const endpoint& where) {
  std::optional<socket_address> address;
  if (where.is_local()) {
    detail::remove_stale_socket(where.path());
    address = detail::local_address(where.path());
  } else if (where.host().empty()) {
    address = detail::numeric_address("0.0.0.0", where.port());
  } else {
    address = detail::numeric_address(where.host() == "localhost" ? "127.0.0.1" : where.host(), where.port());
  }
  if (!address) {
    return status{code::invalid_argument,
                  tenon::detail::join_text({"listen ", where.url(), ": expected a numeric address, localhost, or nothing for every interface"})};
  }
  auto opened = std::make_unique<detail::socket_listener>(io, where);
  if (status ready = opened->open(*address); !ready.ok()) return ready;
  return std::unique_ptr<listener>{std::move(opened)};
}

}  // namespace tenon::inline v0::net

// tenon/net/memory.hpp
// A transport inside one process: named listeners and byte pipes, for tests, simulations and embedding. Net layer.

#include <map>

namespace tenon::inline v0::net {

namespace detail {

class memory_stream;

// The bytes on their way in one direction, with the read that waits for them and the write that waits for room.
struct memory_pipe {
  static constexpr std::size_t room = 256 * 1024;

  buffer held;
  bool closed = false;
  char* into = nullptr;
  std::size_t space = 0;
  std::shared_ptr<user_reference> reader;
  const char* from = nullptr;
  std::size_t left = 0;
  std::shared_ptr<user_reference> writer;

  // Moves what can be moved and ends what has ended; completions are posted, as a stream promises.
  void pump(asio::io_context& io) {
    while (writer != nullptr && left != 0 && held.size() < room && !closed) {
      const std::size_t step = (std::min)(left, room - held.size());
      held.append(from, step);
      from += step;
      left -= step;
      if (reader != nullptr) deliver(io);
    }
    if (writer != nullptr && (left == 0 || closed)) {
      const std::error_code error = left == 0 ? std::error_code{} : asio::error::make_error_code(asio::error::broken_pipe);
      tenon::detail::post(io, [held_user = std::exchange(writer, nullptr), error] { (*held_user)->write_done(error); });
    }
    if (reader != nullptr && (!held.empty() || closed)) deliver(io);
  }

 private:
  void deliver(asio::io_context& io) {
    const std::size_t count = (std::min)(space, held.size());
    if (count != 0) std::memcpy(into, held.data(), count);
    held.drop_front(count);
    const std::error_code error = count != 0 || space == 0 ? std::error_code{} : asio::error::make_error_code(asio::error::eof);
    tenon::detail::post(io, [held_user = std::exchange(reader, nullptr), error, count] { (*held_user)->read_done(error, count); });
  }
};

// One end of two pipes. Both ends live on one io_context.
class memory_stream final : public stream {
 public:
  memory_stream(asio::io_context& io, std::shared_ptr<memory_pipe> in, std::shared_ptr<memory_pipe> out, std::string peer)
      : io_{io}, in_{std::move(in)}, out_{std::move(out)}, peer_{std::move(peer)} {}
  ~memory_stream() override {
    in_->reader.reset();
    out_->writer.reset();
    close();
  }

  void read_some(char* into, std::size_t space, stream_user& user) override {
    in_->into = into;
    in_->space = space;
    in_->reader = std::make_shared<user_reference>(user);
    in_->pump(io_);
  }
  void write_all(const char* from, std::size_t count, stream_user& user) override {
    out_->from = from;
    out_->left = count;
    out_->writer = std::make_shared<user_reference>(user);
    out_->pump(io_);
  }
  void end_writing() noexcept override {
    out_->closed = true;
    out_->pump(io_);
  }
  void close() noexcept override {
    in_->held.clear();  // What has not been read by now never will be.
    for (memory_pipe* pipe : {in_.get(), out_.get()}) {
      pipe->closed = true;
      pipe->pump(io_);
    }
  }
  std::string peer() const override { return peer_; }

 private:
  asio::io_context& io_;
  std::shared_ptr<memory_pipe> in_;
  std::shared_ptr<memory_pipe> out_;
  std::string peer_;
};

}  // namespace detail

/// A network of named listeners inside one process, on one io_context: no socket, no port, nothing global.
///
/// Model   tenon::net::memory_network wire{io};  server.listen(wire, "a");  tenon::client<market> m{io, wire.connector_to("a")};
class memory_network {
 public:
  explicit memory_network(asio::io_context& io) : state_{std::make_shared<state>(io)} {}

  asio::io_context& io() const noexcept { return state_->io; }

  /// Opens the name; already_exists when it is taken.
  result<std::unique_ptr<listener>> listen(std::string name) {
    if (state_->open.contains(name)) return status{code::already_exists, "listen memory://" + name + ": the name is taken"};
    return std::unique_ptr<listener>{std::make_unique<memory_listener>(state_, std::move(name))};
  }
  std::unique_ptr<connector> connector_to(std::string name) { return std::make_unique<memory_connector>(state_, std::move(name)); }

 private:
  class memory_listener;
  struct state {
    explicit state(asio::io_context& on) : io{on} {}
    asio::io_context& io;
    std::map<std::string, accept_sink*> open;
  };

  class memory_listener final : public listener {
   public:
    memory_listener(std::shared_ptr<state> network, std::string name) : network_{std::move(network)}, name_{std::move(name)} { network_->open[name_] = nullptr; }
    ~memory_listener() override { close(); }
    void start(accept_sink& sink) override { network_->open[name_] = &sink; }
    void close() noexcept override {
      if (!std::exchange(closed_, true)) network_->open.erase(name_);
    }
    endpoint address() const override { return endpoint::tcp("memory." + name_, 0); }

   private:
    std::shared_ptr<state> network_;
    std::string name_;
    bool closed_ = false;
  };

  class memory_connector final : public connector {
   public:
    memory_connector(std::shared_ptr<state> network, std::string name) : network_{std::move(network)}, name_{std::move(name)} {}
    ~memory_connector() override { cancel(); }
    void connect(waiter& who) override {
      waiting_ = std::make_shared<waiter*>(&who);
      tenon::detail::post(network_->io, [network = network_, name = name_, waiting = waiting_] {
        waiter* told = std::exchange(*waiting, nullptr);
        if (told == nullptr) return;
        const auto found = network->open.find(name);
        if (found == network->open.end() || found->second == nullptr) return told->connect_failed(asio::error::connection_refused);
        const auto there = std::make_shared<detail::memory_pipe>();
        const auto back = std::make_shared<detail::memory_pipe>();
        found->second->accepted(network->io, std::make_unique<detail::memory_stream>(network->io, there, back, "memory://"));
        told->connected(std::make_unique<detail::memory_stream>(network->io, back, there, "memory://" + name));
      });
    }
    void cancel() noexcept override {
      if (waiting_) *waiting_ = nullptr;
    }
    std::string url() const override { return "memory://" + name_; }

   private:
    std::shared_ptr<state> network_;
    std::string name_;
    std::shared_ptr<waiter*> waiting_;
  };

  std::shared_ptr<state> state_;
};

}  // namespace tenon::inline v0::net
// from a wire name to a handler

// tenon/service.hpp
// Door of the service layer: routing a call by its names and serving it with an object's method.

// tenon/service/exchange.hpp
// One call on its way between a connection and a handler: what both sides of the router pass to each other. Service layer.

namespace tenon::inline v0::service {

class pending;

/// Where the answers of handlers that take their time go: the connection the call came by.
class answer_sink {
 public:
  /// The handler has ended, on its loop's thread. Writes the answer if anybody still wants it, and disposes of the call.
  virtual void finished(pending& call) = 0;

 protected:
  ~answer_sink() = default;
};

/// A call whose handler is a coroutine that has not ended.
class pending : public tenon::detail::from_frame_cache {
 public:
  /// Something the sink keeps beside the call: its deadline's timer.
  struct attachment : tenon::detail::from_frame_cache {
    virtual ~attachment() = default;
  };

  pending() = default;
  pending(const pending&) = delete;
  pending& operator=(const pending&) = delete;
  virtual ~pending() { leave(); }

  /// Appends the handler's value to `out`, or says why there is none. Once, after the handler has ended.
  virtual status write_value(buffer& out) = 0;
  /// The sink is ready for the answer: lets the handler go on. It may end at once.
  virtual void go_on() = 0;
  /// Nobody wants the call any more: destroys it, or lets it destroy itself when its handler ends. The sink is not told again.
  virtual void dispose() noexcept = 0;

  protocol::reply_address address;
  tenon::context context;
  std::unique_ptr<attachment> watch;
  bool answered = false;  ///< nobody waits any more: the deadline has passed, or the caller is gone

  // The sink's list of its open calls.
  void join(pending*& first) noexcept {
    next_ = first;
    previous_ = &first;
    if (first != nullptr) first->previous_ = &next_;
    first = this;
  }
  void leave() noexcept {
    if (previous_ != nullptr) *previous_ = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
    previous_ = nullptr;
    next_ = nullptr;
  }
  pending* next() const noexcept { return next_; }

 private:
  pending** previous_ = nullptr;
  pending* next_ = nullptr;
};

/// What became of a call when the router gives it back.
enum class disposition : std::uint8_t {
  answered,  ///< the value has been appended to `exchange::out`
  refused,   ///< `exchange::error` says why; what was appended is to be forgotten
  pending,   ///< `exchange::under_way` is the sink's from now on: it forgets what was appended, lists the call, lets it `go_on`, and disposes of it in the end
};

/// One request, with everything a handler may need of the connection. Lives on the connection's stack.
struct exchange {
  const protocol::request& call;
  buffer& out;
  const limits& bounds;
  answer_sink& sink;
  asio::io_context* io = nullptr;
  std::string_view peer;
  instant now{};
  instant deadline = instant::never();
  status error{};
  metadata response{};
  pending* under_way = nullptr;

  disposition refuse(status why) {
    error = std::move(why);
    return disposition::refused;
  }
};

}  // namespace tenon::inline v0::service

// tenon/service/guarded.hpp
// User code may throw; nothing that is thrown passes this line. Service layer.

namespace tenon::inline v0::service {

#if defined(__cpp_exceptions)
/// The status of an exception that is being handled: UNKNOWN with its text, as gRPC has it.
[[gnu::cold]] inline status status_of_exception(std::string_view attempted) noexcept {
  try {
    throw;
  } catch (const std::exception& thrown) {
    return status{code::unknown, thrown.what()}.prefixed(attempted);
  } catch (...) {
    return status{code::unknown, "something that is no std::exception"}.prefixed(attempted);
  }
}
#endif

/// Runs `work`, which returns a status, and turns what it throws into one.
template <class Work>
status guarded(std::string_view attempted, Work&& work) {
#if defined(__cpp_exceptions)
  try {
    return work();
  } catch (...) {
    return status_of_exception(attempted);
  }
#else
  (void)attempted;
  return work();
#endif
}

}  // namespace tenon::inline v0::service

// tenon/service/handler.hpp
// One method of one object as a handler: what it takes, what it gives, and how it is called. Service layer.

namespace tenon::inline v0::service {

namespace detail {

template <class List>
struct parameters_tuple;
template <class... Types>
struct parameters_tuple<type_list<Types...>> {
  using type = std::tuple<Types...>;
};

// `market.buy`, joined by the compiler: it stands in front of every message about the method.
template <class S, std::size_t Index>
constexpr auto join_names() {
  constexpr std::string_view service = service_name<S>;
  constexpr std::string_view name = method<S, Index>::name;
  std::array<char, service.size() + 1 + name.size()> text{};
  for (std::size_t i = 0; i < service.size(); ++i) text[i] = service[i];
  text[service.size()] = '.';
  for (std::size_t i = 0; i < name.size(); ++i) text[service.size() + 1 + i] = name[i];
  return text;
}
template <class S, std::size_t Index>
inline constexpr auto joined_names = join_names<S, Index>();

}  // namespace detail

/// `service.method`, as messages and logs name it.
template <class S, std::size_t Index>
inline constexpr std::string_view full_name{detail::joined_names<S, Index>.data(), detail::joined_names<S, Index>.size()};

/// Whether an object of type `Implementation` has a method that can stand for method `Index` of contract `S`, and whether it takes a context.
template <class S, class Implementation, std::size_t Index>
struct handler_fit {
  using values = typename detail::parameters_tuple<typename method<S, Index>::parameters>::type;

 private:
  template <std::size_t... V>
  static consteval bool wants_context(std::index_sequence<V...>) {
    return method<S, Index>::template callable_on<Implementation, tenon::context&, std::tuple_element_t<V, values>...>;
  }
  template <std::size_t... V>
  static consteval bool fits_without(std::index_sequence<V...>) {
    return method<S, Index>::template callable_on<Implementation, std::tuple_element_t<V, values>...>;
  }
  using positions = std::make_index_sequence<std::tuple_size_v<values>>;

 public:
  static constexpr bool takes_context = wants_context(positions{});
  static constexpr bool fits = takes_context || fits_without(positions{});
};

namespace detail {

template <class S, class Implementation, std::size_t... Index>
consteval bool every_method_fits(std::index_sequence<Index...>) {
  return (handler_fit<S, Implementation, Index>::fits && ...);
}

}  // namespace detail

/// Whether an object of type `Implementation` can serve contract `S`.
template <class S, class Implementation>
inline constexpr bool fits_contract = detail::every_method_fits<S, Implementation>(std::make_index_sequence<method_count<S>>{});

/// Method `Index` of contract `S` on an object of type `Implementation`, whose own signature counts: it may take a context or return a task where the contract does not.
template <class S, class Implementation, std::size_t Index>
struct handler : handler_fit<S, Implementation, Index> {
  using handler_fit<S, Implementation, Index>::takes_context;
  using typename handler_fit<S, Implementation, Index>::values;

  /// `context` is looked at only when the method takes one.
  static decltype(auto) call(Implementation& object, [[maybe_unused]] tenon::context* context, values& arguments) {
    return std::apply(
        [&](auto&... each) -> decltype(auto) {
          if constexpr (takes_context) return method<S, Index>::call(object, *context, std::move(each)...);
          else return method<S, Index>::call(object, std::move(each)...);
        },
        arguments);
  }

  using returned = decltype(call(std::declval<Implementation&>(), nullptr, std::declval<values&>()));
};

/// What a handler's return type holds, and in what kind of coroutine, if any.
template <class Returned>
struct handler_return {
  using given = Returned;
  static constexpr bool in_task = false;
  static constexpr bool in_awaitable = false;
};
template <class T>
struct handler_return<task<T>> : handler_return<T> {
  static constexpr bool in_task = true;
};
template <class T>
struct handler_return<asio::awaitable<T>> : handler_return<T> {
  static constexpr bool in_awaitable = true;
};

/// Appends what a handler gave; its status when it gave none.
template <class Codec, class Given>
status write_given(buffer& out, Given&& given) {
  using plain = std::remove_cvref_t<Given>;
  if constexpr (std::is_same_v<plain, result<void>> || std::is_same_v<plain, status>) {
    status said = [&given] {
      if constexpr (std::is_same_v<plain, status>) return std::forward<Given>(given);
      else return std::forward<Given>(given).error();
    }();
    if (said.ok()) Codec::encode(out, nullptr);
    return said;
  } else if constexpr (tenon::detail::is_result<plain>) {
    if (!given) [[unlikely]] return std::forward<Given>(given).error();
    Codec::encode(out, *given);
    return {};
  } else {
    Codec::encode(out, given);
    return {};
  }
}

}  // namespace tenon::inline v0::service

// tenon/service/method_table.hpp
// Finding a method by its wire name: a perfect hash built by the compiler. Service layer.

namespace tenon::inline v0::service {

namespace detail {

// Eight bytes at a time, at compile time and at run time alike.
constexpr std::uint64_t hash_name(std::string_view name) noexcept {
  constexpr std::uint64_t multiplier = 0x9E3779B97F4A7C15;
  std::uint64_t hash = name.size() * multiplier;
  while (!name.empty()) {
    std::uint64_t word = 0;
    const std::size_t step = name.size() < 8 ? name.size() : 8;
    // The compiler's bytes and the machine's words agree on little-endian machines only; others spell the word out at run time as well.
    if (std::is_constant_evaluated() || step < 8 || std::endian::native != std::endian::little) {
      for (std::size_t i = 0; i < step; ++i) word |= static_cast<std::uint64_t>(static_cast<unsigned char>(name[i])) << (8 * i);
    } else {
      std::memcpy(&word, name.data(), 8);
    }
    hash = (hash ^ word) * multiplier;
    hash ^= hash >> 32;
    name.remove_prefix(step);
  }
  return hash;
}

}  // namespace detail

/// Names to indexes in one probe: buckets with displacements, every slot decided when the program is compiled.
///
/// Returns the index of the name, or `Count` when it is none of them.
template <std::size_t Count>
class method_table {
  static constexpr std::size_t round_up(std::size_t n) {
    std::size_t power = 1;
    while (power < n) power *= 2;
    return power;
  }
  static constexpr std::size_t places = round_up(Count < 2 ? 2 : Count * 2);
  static constexpr std::size_t buckets = places / 2;

 public:
  /// The names must differ; two equal ones do not compile.
  constexpr explicit method_table(const std::array<std::string_view, Count>& names) : names_{names} {
    slots_.fill(static_cast<std::uint16_t>(Count));
    std::array<std::uint64_t, Count> hashes{};
    std::array<std::size_t, buckets> load{};
    for (std::size_t i = 0; i < Count; ++i) {
      hashes[i] = detail::hash_name(names[i]);
      ++load[bucket_of(hashes[i])];
      for (std::size_t other = 0; other < i; ++other) {
        if (hashes[other] == hashes[i]) two_methods_have_one_wire_name();
      }
    }
    // The fullest buckets first, while there is room to choose from.
    for (std::size_t size = Count; size > 0; --size) {
      for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
        if (load[bucket] == size) place(bucket, hashes);
      }
    }
  }

  constexpr std::size_t find(std::string_view name) const noexcept {
    const std::uint64_t hash = detail::hash_name(name);
    const std::size_t index = slots_[slot_of(hash, displacements_[bucket_of(hash)])];
    return index < Count && names_[index] == name ? index : Count;
  }

 private:
  static constexpr std::size_t bucket_of(std::uint64_t hash) noexcept { return (hash >> 48) & (buckets - 1); }
  static constexpr std::size_t slot_of(std::uint64_t hash, std::uint32_t displacement) noexcept {
    return ((hash ^ (displacement * std::uint64_t{0x9E3779B97F4A7C15})) * 0xD6E8FEB86659FD93 >> 40) & (places - 1);
  }

  constexpr void place(std::size_t bucket, const std::array<std::uint64_t, Count>& hashes) {
    for (std::uint32_t displacement = 0;; ++displacement) {
      const auto before = slots_;
      bool fits = true;
      for (std::size_t i = 0; i < Count && fits; ++i) {
        if (bucket_of(hashes[i]) != bucket) continue;
        std::uint16_t& slot = slots_[slot_of(hashes[i], displacement)];
        fits = slot == Count;
        if (fits) slot = static_cast<std::uint16_t>(i);
      }
      if (fits) {
        displacements_[bucket] = static_cast<std::uint16_t>(displacement);
        return;
      }
      slots_ = before;
      if (displacement == 0xFFFF) two_methods_have_one_wire_name();
    }
  }
  // Not constexpr on purpose: reaching it while compiling is the error message.
  static void two_methods_have_one_wire_name() {}

  std::array<std::string_view, Count> names_;
  std::array<std::uint16_t, places> slots_{};
  std::array<std::uint16_t, buckets> displacements_{};
};

}  // namespace tenon::inline v0::service

// tenon/service/router.hpp
// From a service's and a method's wire name to the one function that serves it. Service layer.

namespace tenon::inline v0::service {

/// A served object with its methods, everything about its type erased but one function pointer per method.
class instance {
 public:
  using invoke_function = disposition (*)(instance& self, exchange& call);

  virtual ~instance() = default;
  virtual std::string_view name() const noexcept = 0;
  virtual std::span<const std::string_view> methods() const noexcept = 0;
  /// The function that serves `method`; null when there is none.
  virtual invoke_function find(std::string_view method) const noexcept = 0;
};

/// The services of one loop.
class router {
 public:
  /// Errors  already_exists when a service of this name is served already.
  [[gnu::cold]] status add(std::unique_ptr<instance> served) {
    for (const auto& each : services_) {
      if (each->name() == served->name()) return status{code::already_exists, tenon::detail::join_text({"service \"", served->name(), "\" is served already"})};
    }
    services_.push_back(std::move(served));
    return {};
  }

  disposition route(exchange& call) {
    if (last_ == nullptr || last_->name() != call.call.service) [[unlikely]] {
      last_ = find(call.call.service);
      if (last_ == nullptr) return call.refuse(unknown_service(call.call.service));
    }
    const instance::invoke_function invoke = last_->find(call.call.method);
    if (invoke == nullptr) [[unlikely]] return call.refuse(unknown_method(*last_, call.call.method));
    return invoke(*last_, call);
  }

  std::span<const std::unique_ptr<instance>> services() const noexcept { return services_; }

 private:
  instance* find(std::string_view name) const noexcept {
    for (const auto& each : services_) {
      if (each->name() == name) return each.get();
    }
    return nullptr;
  }

  // What a peer sent is quoted, cut short: names can be as long as a message.
  [[gnu::cold]] static status not_here(std::initializer_list<std::string_view> before, std::string_view name, std::string_view after, const std::string& known) {
    const std::string_view shown = name.substr(0, 80);
    status error{code::unimplemented,
                 tenon::detail::join_text({tenon::detail::join_text(before), "\"", shown, shown.size() < name.size() ? "...\"" : "\"", after, known.empty() ? " none" : known})};
    error.add_flag(outcome::not_executed);
    return error;
  }
  [[gnu::cold]] status unknown_service(std::string_view name) const {
    std::string known;
    for (const auto& each : services_) known.append(" ").append(each->name());
    return not_here({"unknown service "}, name, "; served here:", known);
  }
  [[gnu::cold]] static status unknown_method(const instance& served, std::string_view name) {
    std::string known;
    std::size_t left = 20;
    for (const std::string_view each : served.methods()) {
      known.append(" ").append(left == 0 ? "..." : each);
      if (left-- == 0) break;
    }
    return not_here({served.name(), " has no method "}, name, "; it has:", known);
  }

  std::vector<std::unique_ptr<instance>> services_;
  instance* last_ = nullptr;  // most connections talk to one service
};

}  // namespace tenon::inline v0::service

// tenon/service/running.hpp
// A coroutine handler between its start and its answer. Service layer.

namespace tenon::inline v0::service {

/// Keeps what the coroutine may use (its context, its arguments, the object) and what its answer needs, in one recycled block.
template <class S, class Implementation, class Guard, std::size_t Index, class Codec>
class running final : public pending {
  using handled = handler<S, Implementation, Index>;
  using coroutine = typename handled::returned;
  using kind = handler_return<coroutine>;
  using given = typename kind::given;

 public:
  running(std::shared_ptr<Implementation> object, Guard& guard, const exchange& call, const call_info& info, const typename Guard::call_state& state)
      : object_{std::move(object)}, guard_{&guard}, state_{state}, sink_{&call.sink}, peer_{call.peer} {
    address = call.call.address;
    context.info = info;
    context.place(service_name<S>, method<S, Index>::name, peer_, call.io);
    if (!call.call.metadata_block.empty() && call.call.read_metadata != nullptr) call.call.read_metadata(call.call.metadata_block, context.request);
  }
  ~running() override {
    // The frame goes first: it may use the context.
    task_.reset();
  }

  /// Starts the handler with `arguments`. Returns true when it has ended already, without ever waiting.
  bool begin() {
    if constexpr (kind::in_task) {
      task_.emplace(handled::call(*object_, &context, arguments));
      if (task_->done()) return true;
      task_->promise().on_finish([](void* self) noexcept { static_cast<running*>(self)->end(); }, this);
      return false;
    } else {
      // In two steps: a handler that throws before it is a coroutine must not take the call with it.
      coroutine started = handled::call(*object_, &context, arguments);
      // It owns the call from here on; without the memory for that there would be two owners, so running out of it here ends the program.
      [&]() noexcept { asio::co_spawn(*context.io(), std::move(started), completion{std::unique_ptr<running>{this}}); }();
      return false;
    }
  }

  // Here rather than on the stack: an implementation that is not the contract itself may take them by reference.
  typename handled::values arguments{};

  // Told its home only now: what it waits for may end at once then, and so may the task.
  void go_on() override {
    if constexpr (kind::in_task) task_->promise().set_home(*context.io());
  }

  status write_value(buffer& out) override {
    status ended = guarded(full_name<S, Index>, [&]() -> status {
      if constexpr (kind::in_task) {
        if constexpr (std::is_void_v<given>) {
          task_->take();
          Codec::encode(out, nullptr);
          return {};
        } else {
          return write_given<Codec>(out, task_->take());
        }
      } else {
#if defined(__cpp_exceptions)
        if (failure_) std::rethrow_exception(failure_);
#endif
        return write_given<Codec>(out, std::move(*value_));
      }
    });
    observe(ended.outcome());
    return ended;
  }

  // An awaitable's frame cannot be destroyed from here: its completion owns the call, and goes together with the frame. It is asked to end.
  void dispose() noexcept override {
    sink_ = nullptr;
    const bool under_way = !observed_;
    if (under_way) observe(outcome{.code = code::cancelled, .flags = outcome::local});
    if constexpr (kind::in_task) delete this;
    else if (under_way) context.cancel.request();
  }

 private:
  // The completion of co_spawn: called or dropped exactly once.
  struct completion {
    std::unique_ptr<running> self;
    void operator()(std::exception_ptr failure) const { end(std::move(failure)); }
    template <class Value>
    void operator()(std::exception_ptr failure, Value&& value) const {
      end(std::move(failure), std::forward<Value>(value));
    }
    template <class... Value>
    void end(std::exception_ptr failure, Value&&... value) const {
      self->failure_ = std::move(failure);
      if (!self->failure_) self->value_.emplace(std::forward<Value>(value)...);
      self->end();
    }
  };

  void end() noexcept {
    if (sink_ != nullptr) sink_->finished(*this);
  }
  void observe(outcome result) noexcept {
    observed_ = true;
    guard_->observe(state_, context.info, result);
  }

  std::shared_ptr<Implementation> object_;
  Guard* guard_;
  typename Guard::call_state state_;
  answer_sink* sink_;
  // The connection's own text is enough for a task, which goes before the connection does; an awaitable may outlive it.
  std::conditional_t<kind::in_task, std::string_view, std::string> peer_;
  bool observed_ = false;
  std::optional<std::conditional_t<kind::in_task, coroutine, std::nullptr_t>> task_;
  std::optional<std::conditional_t<std::is_void_v<given>, std::nullptr_t, given>> value_;
  std::exception_ptr failure_;
};

}  // namespace tenon::inline v0::service

// tenon/service/served.hpp
// An object that is served: for each method of its contract one function from bytes to bytes. Service layer.
// This is the whole of a call on the server: codec, admission, arguments, handler, answer, in that order and in one place.

namespace tenon::inline v0::service {

/// What stands in front of the handlers of one served object: its policies.
///
/// Laws    as `policy::hook`: each admitted call is observed exactly once.
struct no_guard {
  struct call_state {};
  outcome admit(call_state&, call_info&) noexcept { return {}; }
  void observe(call_state&, call_info&, outcome) noexcept {}
  std::string_view producer(outcome) const noexcept { return {}; }
};

/// The codecs a service speaks.
template <codec_type... Codecs>
struct codecs {};

namespace detail {

// Calls `f` with the codec of this number; false when the service does not speak it.
template <class F, class... Codecs>
bool with_codec(codecs<Codecs...>, protocol::serialization wanted, F&& f) {
  return ((static_cast<std::uint8_t>(wanted) == Codecs::serialization && (f(std::type_identity<Codecs>{}), true)) || ...);
}

[[gnu::cold]] inline void say_where(status& read, std::string_view method) {
  read.set_message(tenon::detail::join_text({method, ": request ", read.message()}));
  read.add_flag(outcome::not_executed);
}

template <class... Codecs>
[[gnu::cold]] std::string names_of(codecs<Codecs...>) {
  std::string text;
  ((text.append(text.empty() ? "" : ", ").append(Codecs::name)), ...);
  return text;
}

template <class S, std::size_t... I>
constexpr auto names_of_methods(std::index_sequence<I...>) {
  return std::array<std::string_view, sizeof...(I)>{method<S, I>::name...};
}
template <class S>
inline constexpr auto method_names = names_of_methods<S>(std::make_index_sequence<method_count<S>>{});
template <class S>
inline constexpr method_table<method_count<S>> methods_by_name{method_names<S>};

}  // namespace detail

/// One served object of contract `S`, on one loop.
template <class S, class Implementation, class Guard, class Codecs>
class served final : public instance {
 public:
  served(std::shared_ptr<Implementation> object, Guard guard) : object_{std::move(object)}, guard_{std::move(guard)} {}

  std::string_view name() const noexcept override { return service_name<S>; }
  std::span<const std::string_view> methods() const noexcept override { return detail::method_names<S>; }
  invoke_function find(std::string_view method) const noexcept override {
    static constexpr auto functions = make_functions(std::make_index_sequence<method_count<S>>{});
    const std::size_t index = detail::methods_by_name<S>.find(method);
    return index < functions.size() ? functions[index] : nullptr;
  }

 private:
  template <std::size_t... I>
  static constexpr auto make_functions(std::index_sequence<I...>) {
    return std::array<invoke_function, sizeof...(I)>{&served::template invoke<I>...};
  }

  template <std::size_t I>
  static disposition invoke(instance& self, exchange& call) {
    auto& me = static_cast<served&>(self);
    disposition became = disposition::refused;
    const bool spoken = detail::with_codec(Codecs{}, call.call.address.codec, [&](auto codec) { became = me.template run<I, typename decltype(codec)::type>(call); });
    if (!spoken) [[unlikely]] {
      return refuse_codec(call, full_name<S, I>);
    }
    return became;
  }

  [[gnu::cold]] static disposition refuse_codec(exchange& call, std::string_view method) {
    const auto found = static_cast<unsigned>(call.call.address.codec);
    return call.refuse(status{code::unimplemented, tenon::detail::join_text({method, ": serialization ", tenon::detail::number_text{found},
                                                                             " is not spoken here; expected one of: ", detail::names_of(Codecs{})})});
  }

  template <std::size_t I, class Codec>
  disposition run(exchange& call) {
    using kind = handler_return<typename handler<S, Implementation, I>::returned>;
    call_info info{.now = call.now, .deadline = call.deadline, .attempt_start = call.now, .method = I, .idempotent = method<S, I>::is_idempotent};
    typename Guard::call_state state{};
    if (const outcome admitted = guard_.admit(state, info); !admitted.ok()) [[unlikely]] return call.refuse(refusal(admitted, full_name<S, I>));
    if constexpr (kind::in_task || kind::in_awaitable) return start<I, Codec>(call, info, state);
    else return answer<I, Codec>(call, info, state);
  }

  // A plain handler: everything happens here and now.
  template <std::size_t I, class Codec>
  disposition answer(exchange& call, call_info& info, typename Guard::call_state& state) {
    using handled = handler<S, Implementation, I>;
    status ended = guarded(full_name<S, I>, [&]() -> status {
      typename handled::values arguments{};
      if (status read = read_arguments<I, Codec>(call, arguments); !read.ok()) [[unlikely]] return read;
      if constexpr (handled::takes_context) {
        tenon::context context;
        context.info = info;
        context.place(call.call.service, call.call.method, call.peer, call.io);
        if (!call.call.metadata_block.empty() && call.call.read_metadata != nullptr) call.call.read_metadata(call.call.metadata_block, context.request);
        status done = call_and_write<I, Codec>(call.out, &context, arguments);
        call.response = std::move(context.response);
        return done;
      } else {
        return call_and_write<I, Codec>(call.out, nullptr, arguments);
      }
    });
    guard_.observe(state, info, ended.outcome());
    if (ended.ok()) [[likely]] return disposition::answered;
    return call.refuse(std::move(ended));
  }

  template <std::size_t I, class Codec>
  status call_and_write(buffer& out, tenon::context* context, typename handler<S, Implementation, I>::values& arguments) {
    using handled = handler<S, Implementation, I>;
    if constexpr (std::is_void_v<typename handled::returned>) {
      handled::call(*object_, context, arguments);
      Codec::encode(out, nullptr);
      return {};
    } else {
      return write_given<Codec>(out, handled::call(*object_, context, arguments));
    }
  }

  // A coroutine handler: started here, answered when it ends.
  template <std::size_t I, class Codec>
  disposition start(exchange& call, call_info& info, typename Guard::call_state& state) {
    using run_type = running<S, Implementation, Guard, I, Codec>;
    auto started = std::make_unique<run_type>(object_, guard_, call, info, state);
    bool done = false;
    status ended = guarded(full_name<S, I>, [&]() -> status {
      if (status read = read_arguments<I, Codec>(call, started->arguments); !read.ok()) [[unlikely]] return read;
      done = started->begin();
      return {};
    });
    if (ended.ok() && !done) {
      call.under_way = started.release();
      return disposition::pending;
    }
    // It ended without ever waiting: answered like a plain handler. One that threw before it was a coroutine, or had no arguments, gave nothing.
    if (ended.ok()) ended = started->write_value(call.out);
    else guard_.observe(state, info, ended.outcome());
    call.response = std::move(started->context.response);
    if (ended.ok()) return disposition::answered;
    return call.refuse(std::move(ended));
  }

  template <std::size_t I, class Codec>
  static status read_arguments(const exchange& call, typename handler<S, Implementation, I>::values& arguments) {
    codec::arguments<typename handler<S, Implementation, I>::values> all{arguments, method<S, I>::parameter_names};
    status read = Codec::decode(call.call.payload, all, call.bounds);
    if (!read.ok()) [[unlikely]] detail::say_where(read, full_name<S, I>);
    return read;
  }

  [[gnu::cold]] status refusal(outcome refused, std::string_view method) const {
    const std::string_view by = guard_.producer(refused);
    return status{refused, tenon::detail::join_text({method, refused.code == code::deadline_exceeded ? ": the time was up" : ": refused", " before the handler ran",
                                                     by.empty() ? "" : " (", by, by.empty() ? "" : ")"})};
  }

  std::shared_ptr<Implementation> object_;
  Guard guard_;
};

}  // namespace tenon::inline v0::service
// calling

// tenon/client.hpp
// Door of the client layer: channels, calls and the typed client.

// tenon/client/attempts.hpp
// A call's way through its policies: admission, one or more attempts, the end. Client layer; the client's driver of the policy stack.
// Compiled once per client and not per method: a method adds the reading of its answer, nothing else.

// tenon/client/call_state.hpp
// A call as the client's loop holds it: what the channel sees, and where the result waits for whoever takes it. Client layer.

namespace tenon::inline v0::detail {

class channel;

// What the channel knows of a call. Two own it: the caller's handle, and until it has ended the loop. Its timer is its deadline.
class call_base : public from_frame_cache, public net::timer {
 public:
  call_base(const call_base&) = delete;
  call_base& operator=(const call_base&) = delete;

  /// Starts or restarts it; on the loop's thread.
  virtual void start() = 0;
  /// The answer of the attempt that is under way.
  virtual void replied(const protocol::reply& answer) = 0;
  /// The attempt that is under way ends without an answer.
  virtual void failed(status why) = 0;
  /// Ends the whole call, whatever it is at.
  virtual void cancelled(status why) = 0;

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    // The last owner need not write what nobody will read: nobody else is left who could retain.
    if (references_.load(std::memory_order_acquire) == 1 || references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
  channel& via() const noexcept { return channel_; }
  bool done() const noexcept { return phase_.load(std::memory_order_acquire) == phase::done; }

 protected:
  enum class phase : std::uint32_t { open, listened, done };

  explicit call_base(channel& via) noexcept;
  virtual ~call_base();

  channel& channel_;
  std::atomic<phase> phase_{phase::open};

 private:
  friend class channel;
  std::atomic<std::uint32_t> references_{2};  // the caller's, and the loop's until the call has ended
  // The channel's: where this call stands there.
  enum class place : std::uint8_t { nowhere, waiting, sent, parked };
  place place_ = place::nowhere;
  std::uint32_t slot_ = 0;  // sent: its slot; waiting: for which attempt to connect
  call_base* next_ = nullptr;
  call_base** previous_ = nullptr;
};

// Keeps one of a call's references.
template <class State>
class call_reference {
 public:
  call_reference() noexcept = default;
  explicit call_reference(State* adopted) noexcept : state_{adopted} {}
  call_reference(call_reference&& other) noexcept : state_{std::exchange(other.state_, nullptr)} {}
  call_reference& operator=(call_reference&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~call_reference() {
    if (state_ != nullptr) state_->release();
  }
  State* operator->() const noexcept { return state_; }
  State* get() const noexcept { return state_; }
  explicit operator bool() const noexcept { return state_ != nullptr; }

 private:
  State* state_ = nullptr;
};

template <class T>
class call_state;

// Who takes the result: told once, on the loop's thread.
template <class T>
class consumer {
 public:
  virtual void completed(call_state<T>& state) = 0;

 protected:
  ~consumer() = default;
};

// The typed half: the result, and the one who waits for it.
template <class T>
class call_state : public call_base {
 public:
  /// False when the result is there already; the consumer is not told then.
  bool listen(consumer<T>& who) noexcept {
    consumer_ = &who;
    phase expected = phase::open;
    return phase_.compare_exchange_strong(expected, phase::listened, std::memory_order_acq_rel);
  }
  /// The consumer goes before the result came; on the loop's thread.
  void unlisten() noexcept {
    phase expected = phase::listened;
    phase_.compare_exchange_strong(expected, phase::open, std::memory_order_acq_rel);
  }
  void block() const noexcept { phase_.wait(phase::open, std::memory_order_acquire); }
  result<T> take() { return std::move(*value_); }

 protected:
  using call_base::call_base;

  /// Where an answer is read into: a value as it was made.
  auto& fresh_value()
    requires(!std::is_void_v<T>)
  {
    return *value_.emplace();
  }

  /// The one end of every call: OK keeps the value that was read, or a default one when none was.
  void complete(status why) {
    if (!why.ok()) [[unlikely]] value_.emplace(std::move(why));
    else if (!value_) [[unlikely]] value_.emplace(default_value());
    disarm();
    // Once somebody listens nobody else changes the phase, and nobody blocks: no exchange, no waking.
    if (phase_.load(std::memory_order_acquire) == phase::listened) phase_.store(phase::done, std::memory_order_release);
    else if (phase_.exchange(phase::done, std::memory_order_acq_rel) != phase::listened) return phase_.notify_all();
    consumer_->completed(*this);
  }

 private:
  static result<T> default_value() {
    if constexpr (std::is_void_v<T>) return {};
    else return T{};
  }

  std::optional<result<T>> value_;
  consumer<T>* consumer_ = nullptr;
};

}  // namespace tenon::inline v0::detail

// tenon/client/channel.hpp
// One multiplexed connection of a client: connects when needed, matches answers to calls, sends what a batch produced at once. Client layer.
// Long because it is one state machine: where a call stands, and what ends it, is decided by the connection's state.

#include <mutex>

// tenon/client/link.hpp
// One connection of a client while it stands: reads answers, sends requests, both a batch at a time. Client layer.

namespace tenon::inline v0::detail {

// Who owns a link: told of answers, and once of its end. Not told anything after `link::drop`.
class link_owner : public protocol::reply_sink {
 public:
  virtual void link_lost(const std::string& why) = 0;
  /// Around each batch of answers, always both: what is sent meanwhile leaves together, and the owner stays alive.
  virtual void batch_begins() = 0;
  virtual void batch_ended() noexcept = 0;

 protected:
  ~link_owner() = default;
};

// Used on the loop's thread. Lives until its last operation has ended, which may be after its owner has dropped it.
class link final : private net::stream_user {
 public:
  link(net::loop& loop, std::unique_ptr<net::stream> stream, std::unique_ptr<protocol::client_session> session, link_owner& owner)
      : loop_{loop}, stream_{std::move(stream)}, session_{std::move(session)}, owner_{&owner} {}
  link(const link&) = delete;
  link& operator=(const link&) = delete;

  void start() { read(); }

  /// Writes one request behind those that wait to be sent; `write_payload(buffer&)` appends its payload.
  template <class WritePayload>
  void write(const protocol::outgoing& head, WritePayload&& write_payload) {
    const protocol::mark at = session_->begin_request(out_, head);
    write_payload(out_);
    session_->end_request(out_, at);
  }

  /// Sends what is written, unless a write is under way: that one's end sends it.
  void flush() {
    if (writing_ || out_.empty() || owner_ == nullptr) return;
    writing_ = true;
    sending_.swap(out_);
    stream_->write_all(sending_.data(), sending_.size(), *this);
  }
  std::size_t unsent_bytes() const noexcept { return out_.size(); }

  /// Closes; the owner hears nothing any more, and gives up its reference.
  void drop() noexcept {
    owner_ = nullptr;
    stream_->close();
    release();
  }

 private:
  static constexpr std::size_t smallest_read = 2 * 1024;
  static constexpr std::size_t largest_read = 64 * 1024;
  static constexpr std::size_t kept_buffer = 256 * 1024;

  ~link() = default;
  void retain() noexcept override { ++references_; }
  void release() noexcept override {
    if (--references_ == 0) delete this;
  }

  void read() {
    // Room grows with what has arrived, never with what a header announces.
    read_space_ = (std::max)(read_size_, (std::min)(in_.size(), largest_read));
    stream_->read_some(in_.prepare(read_space_), read_space_, *this);
  }

  void read_done(const std::error_code& error, std::size_t count) override {
    if (owner_ == nullptr) return;
    if (error) return owner_->link_lost(error.message());
    in_.commit(count);
    if (count == read_space_) read_size_ = (std::min)(read_size_ * 2, largest_read);
    loop_.refresh();
    link_owner& told = *owner_;
    told.batch_begins();
    const protocol::consumed done = session_->consume(in_.view(), told);
    // A caller may have closed the client in the middle of the batch.
    const bool dropped = owner_ == nullptr;
    told.batch_ended();
    if (dropped) return;
    in_.drop_front(done.bytes);
    if (done.next == protocol::consumed::state::close) return owner_->link_lost(done.reason);
    if (in_.empty() && in_.capacity() > kept_buffer) in_.release();
    flush();
    read();
  }

  void write_done(const std::error_code& error) override {
    writing_ = false;
    if (owner_ == nullptr) return;
    if (error) return owner_->link_lost(error.message());
    sending_.clear();
    if (sending_.capacity() > kept_buffer) sending_.release();
    flush();
  }

  net::loop& loop_;
  std::unique_ptr<net::stream> stream_;
  std::unique_ptr<protocol::client_session> session_;
  link_owner* owner_;
  buffer in_;
  buffer out_;
  buffer sending_;
  std::size_t read_size_ = smallest_read;
  std::size_t read_space_ = 0;
  std::size_t references_ = 1;
  bool writing_ = false;
};

}  // namespace tenon::inline v0::detail

// tenon/client/options.hpp
// What a client, or one call of it, may be told. Client layer.

namespace tenon::inline v0 {

class context;

/// Units   `max_pending_calls` in calls under way per connection, sent and waiting to be sent; `max_unsent_bytes` in bytes of requests that the peer does
///         not take. Beyond either a call ends at once with resource_exhausted.
struct client_options {
  tenon::limits limits{};
  std::size_t max_pending_calls = 100'000;
  std::size_t max_unsent_bytes = 64 * 1024 * 1024;
  duration connect_timeout = std::chrono::seconds{5};
};

/// For one call: `m.with({.timeout = 50_ms}).last("ACME")`.
struct call_options {
  std::optional<duration> timeout{};           ///< beside what policies say: the shorter one counts
  tenon::metadata metadata{};                  ///< sent with the request
  tenon::metadata* response_metadata = nullptr;  ///< filled with the answer's, if any; must outlive the call
  bool one_way = false;                        ///< no answer is awaited: the call ends, with a default value, when it has been handed to the connection
  const context* parent = nullptr;             ///< a handler's context: the call inherits its deadline; read while the call is made
};

}  // namespace tenon::inline v0

namespace tenon::inline v0::detail {

// Laws    every call that is submitted ends exactly once: by its answer, its deadline, a cancel, the loss of the link, or the end of the channel.
//         Everything but `submit_from_elsewhere` and `cancel` happens on the loop's thread.
class channel final : private net::connector::waiter, private link_owner {
 public:
  enum class state : std::uint8_t { idle, connecting, ready, closed };

  channel(asio::io_context& io, std::unique_ptr<net::connector> to, const client_options& options)
      : loop_{net::loop::of(io)}, connector_{std::move(to)}, options_{options}, connect_watch_{*this} {}
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;

  net::loop& loop() const noexcept { return loop_; }
  const client_options& options() const noexcept { return options_; }
  state current() const noexcept { return state_; }
  bool ready() const noexcept { return state_ == state::ready; }
  bool open() const noexcept { return state_ != state::closed; }
  std::string url() const { return connector_ ? connector_->url() : std::string{}; }
  /// Answers that came when nobody waited for them any more.
  std::uint64_t late_replies() const noexcept { return late_replies_; }

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  /// The time for a call that starts now.
  instant now() noexcept { return batching_ ? loop_.now() : loop_.refresh(); }

  /// From any thread: the loop starts the call soon, together with whatever else has been submitted by then.
  void submit_from_elsewhere(call_base& call) {
    post({&call, false});
  }
  /// From any thread: ends the call with `cancelled` unless it has ended.
  void cancel(call_base& call) {
    if (loop_.on_this_thread()) return end(call, cancelled_here());
    post({&call, true});
  }

  /// Sends one attempt; `write_payload(buffer&)` appends its payload. The call must be ready() or wait by `queue`.
  template <class WritePayload>
  void send(call_base& call, protocol::outgoing& head, WritePayload&& write_payload) {
    if (!head.one_way) head.id = take_slot(call);
    link_->write(head, std::forward<WritePayload>(write_payload));
    if (!batching_) link_->flush();
  }

  /// Lets the call wait for the connection, which is made if need be; `call.start()` is called when it stands.
  void queue(call_base& call) {
    if (!refusal_.ok()) return call.failed(refusal_);
    if (state_ == state::closed) return call.failed(status{refused_here(code::unavailable), "the client is closed"});
    if (full()) return call.failed(too_many());
    if (state_ == state::idle) connect();
    call.place_ = call_base::place::waiting;
    call.slot_ = attempt_;
    call.previous_ = last_waiting_;
    *last_waiting_ = &call;
    last_waiting_ = &call.next_;
    ++waiting_count_;
  }
  /// Whether one more call would be more than the options allow.
  bool full() const noexcept {
    return waiting_count_ + sent_count_ >= options_.max_pending_calls || (link_ != nullptr && link_->unsent_bytes() >= options_.max_unsent_bytes);
  }
  [[gnu::cold]] status too_many() const {
    return status{refused_here(code::resource_exhausted), join_text({"too many calls under way on ", url(), "; ", number_text{options_.max_pending_calls}, " calls and ",
                                                                     number_text{options_.max_unsent_bytes}, " unsent bytes are allowed"})};
  }

  /// Keeps a call that is between two attempts, so that the end of the channel ends it too. It withdraws before it goes on.
  void park(call_base& call) noexcept {
    call.place_ = call_base::place::parked;
    call.previous_ = &first_parked_;
    call.next_ = first_parked_;
    if (first_parked_ != nullptr) first_parked_->previous_ = &call.next_;
    first_parked_ = &call;
  }

  /// There is no address: every call fails with this. Before the first call.
  void refuse_all(status why) {
    refusal_ = std::move(why);
    refusal_.add_flag(outcome::local).add_flag(outcome::not_executed).add_flag(outcome::no_retry);
  }

  /// The call leaves the channel, whatever it was at: a later answer to it is dropped. True when it was here.
  bool withdraw(call_base& call) noexcept {
    switch (std::exchange(call.place_, call_base::place::nowhere)) {
      case call_base::place::nowhere: return false;
      case call_base::place::waiting: leave_queue(call); break;
      case call_base::place::sent: free_slot(call.slot_); break;
      case call_base::place::parked: unlink(call); break;
    }
    return true;
  }

  /// Ends every call, whatever it is at, and the connection. Nothing is tried again. Idempotent.
  void close(const status& why) {
    if (state_ == state::closed) return;
    retain();
    const bool was_connecting = std::exchange(state_, state::closed) == state::connecting;
    connect_watch_.disarm();
    if (connector_) connector_->cancel();
    drop_link();
    for (std::size_t index = 0; index < slots_.size(); ++index) {
      if (call_base* call = slots_[index].call; call != nullptr) end(*call, why);
    }
    while (first_waiting_ != nullptr) end(*first_waiting_, why);
    while (first_parked_ != nullptr) end(*first_parked_, why);
    for (const posted& each : take_inbox(true)) {
      end(*each.call, why);
      each.call->release();
    }
    connector_.reset();
    loop_.rest();
    if (was_connecting) release();
    release();
  }

  /// User code runs in the middle of a batch; what it throws must not tear the batch: it leaves io.run() a moment later.
  template <class F>
  void guard_user_code(F&& f) {
#if defined(__cpp_exceptions)
    // What is run may end this channel.
    asio::io_context& io = loop_.io();
    try {
      f();
    } catch (...) {
      detail::post(io, [thrown = std::current_exception()] { std::rethrow_exception(thrown); });
    }
#else
    f();
#endif
  }

 private:
  struct posted {
    call_base* call;
    bool cancel;
  };
  struct slot {
    call_base* call = nullptr;
    std::uint32_t generation = 0;
    std::uint32_t next_free = 0;
  };
  static constexpr std::uint32_t no_slot = 0xFFFFFFFF;

  // Closed by then: whoever made it closes it.
  ~channel() = default;

  static status cancelled_here() { return status{outcome{.code = code::cancelled, .flags = outcome::local}, "the call was cancelled by its caller"}; }

  void end(call_base& call, status why) {
    withdraw(call);
    if (call.done()) return;
    guard_user_code([&] { call.cancelled(std::move(why)); });
  }

  void post(posted what) {
    {
      const std::lock_guard guard{inbox_mutex_};
      // A channel that is closed has ended its calls.
      if (inbox_closed_) return;
      what.call->retain();
      inbox_.push_back(what);
      if (inbox_.size() > 1) return;
    }
    wake();
  }
  void wake() {
    retain();
    detail::post(loop_.io(), [self = std::unique_ptr<channel, releaser>{this}] {
      self->loop_.refresh();
      self->batching_ = true;
      for (const posted& each : self->take_inbox(false)) {
        if (each.cancel) self->end(*each.call, cancelled_here());
        else if (!each.call->done()) self->guard_user_code([&each] { each.call->start(); });
        each.call->release();
      }
      self->batching_ = false;
      if (self->link_ != nullptr) self->link_->flush();
    });
  }
  std::vector<posted> take_inbox(bool last) {
    const std::lock_guard guard{inbox_mutex_};
    inbox_closed_ = last;
    return std::exchange(inbox_, {});
  }
  struct releaser {
    void operator()(channel* held) const noexcept { held->release(); }
  };

  // --- the table of calls that wait for an answer: the id's low half is the place, its high half tells this use of the place from the last

  std::uint64_t take_slot(call_base& call) {
    if (first_free_ == no_slot) {
      slots_.push_back({nullptr, 1, no_slot});
      first_free_ = static_cast<std::uint32_t>(slots_.size() - 1);
    }
    const std::uint32_t index = first_free_;
    slot& taken = slots_[index];
    first_free_ = taken.next_free;
    taken.call = &call;
    call.place_ = call_base::place::sent;
    call.slot_ = index;
    ++sent_count_;
    return static_cast<std::uint64_t>(taken.generation) << 32 | index;
  }

  void free_slot(std::uint32_t index) noexcept {
    slot& freed = slots_[index];
    freed.call = nullptr;
    ++freed.generation;
    freed.next_free = first_free_;
    first_free_ = index;
    --sent_count_;
  }

  static void unlink(call_base& call) noexcept {
    *call.previous_ = call.next_;
    if (call.next_ != nullptr) call.next_->previous_ = call.previous_;
    call.next_ = nullptr;
    call.previous_ = nullptr;
  }
  void leave_queue(call_base& call) noexcept {
    if (call.next_ == nullptr) last_waiting_ = call.previous_;
    unlink(call);
    --waiting_count_;
  }

  // --- connecting

  // Ends an attempt to connect that takes too long.
  struct connect_watch final : net::timer {
    explicit connect_watch(channel& owner) : self{owner} {}
    void expired() override {
      self.connector_->cancel();
      self.connect_failed(std::make_error_code(std::errc::timed_out));
    }
    channel& self;
  };

  void connect() {
    state_ = state::connecting;
    ++attempt_;
    retain();
    loop_.arm(connect_watch_, loop_.refresh() + options_.connect_timeout);
    connector_->connect(*this);
  }

  void connected(std::unique_ptr<net::stream> opened) override {
    connect_watch_.disarm();
    link_ = new link{loop_, std::move(opened), std::make_unique<protocol::rpcx_client_session>(options_.limits), *this};
    state_ = state::ready;
    loop_.refresh();
    batching_ = true;
    link_->start();
    // In the order in which they came; a call that is started may queue others behind.
    while (first_waiting_ != nullptr && state_ == state::ready) {
      call_base& next = *first_waiting_;
      withdraw(next);
      guard_user_code([&] { next.start(); });
    }
    batching_ = false;
    if (link_ != nullptr) link_->flush();
    release();
  }

  void connect_failed(const std::error_code& error) override {
    connect_watch_.disarm();
    state_ = state::idle;
    const status why{refused_here(code::unavailable), join_text({"connect ", url(), ": ", error.message()})};
    // Those that waited for this attempt; callers may try again at once, and queue behind them for the next.
    const std::uint32_t attempt = attempt_;
    while (first_waiting_ != nullptr && first_waiting_->slot_ == attempt) fail(*first_waiting_, why);
    release();
  }

  // --- the link

  void batch_begins() override {
    retain();
    batching_ = true;
  }
  void batch_ended() noexcept override {
    batching_ = false;
    release();
  }

  void on_reply(const protocol::reply& answer) override {
    const auto index = static_cast<std::uint32_t>(answer.id);
    const auto generation = static_cast<std::uint32_t>(answer.id >> 32);
    if (state_ != state::ready || index >= slots_.size() || slots_[index].generation != generation || slots_[index].call == nullptr) {
      ++late_replies_;
      return;
    }
    call_base& call = *slots_[index].call;
    withdraw(call);
    guard_user_code([&] { call.replied(answer); });
  }

  void link_lost(const std::string& why) override {
    batching_ = false;
    drop_link();
    state_ = state::idle;
    const status lost{outcome{.code = code::unavailable, .flags = outcome::local}, join_text({"the connection to ", url(), " was lost: ", why})};
    // Only calls that were sent are here: those that callers start meanwhile wait for the next connection.
    retain();
    for (std::size_t index = 0; index < slots_.size(); ++index) {
      if (call_base* call = slots_[index].call; call != nullptr) fail(*call, lost);
    }
    release();
  }

  void drop_link() noexcept {
    if (link* dropped = std::exchange(link_, nullptr); dropped != nullptr) dropped->drop();
  }

  void fail(call_base& call, const status& why) {
    withdraw(call);
    guard_user_code([&] { call.failed(why); });
  }

  net::loop& loop_;
  std::unique_ptr<net::connector> connector_;
  client_options options_;
  state state_ = state::idle;
  status refusal_;
  link* link_ = nullptr;
  bool batching_ = false;
  std::vector<slot> slots_;
  std::uint32_t first_free_ = no_slot;
  std::size_t sent_count_ = 0;
  call_base* first_waiting_ = nullptr;
  call_base** last_waiting_ = &first_waiting_;
  std::size_t waiting_count_ = 0;
  std::uint32_t attempt_ = 0;  // to connect
  call_base* first_parked_ = nullptr;
  std::uint64_t late_replies_ = 0;
  connect_watch connect_watch_;
  std::atomic<std::uint32_t> references_{1};
  std::mutex inbox_mutex_;
  std::vector<posted> inbox_;
  bool inbox_closed_ = false;
};

inline net::loop& loop_of(const call_base& call) noexcept { return call.via().loop(); }
inline asio::io_context& io_of(const call_base& call) noexcept { return call.via().loop().io(); }

// A reference to a call by which others may cancel it.
class shared_call {
 public:
  explicit shared_call(call_base& call) noexcept : call_{&call} { call.retain(); }
  shared_call(const shared_call& other) noexcept : call_{other.call_} { call_->retain(); }
  shared_call& operator=(const shared_call&) = delete;
  ~shared_call() { call_->release(); }
  void cancel() const {
    if (!call_->done()) call_->via().cancel(*call_);
  }

 private:
  call_base* call_;
};

// Nobody will take the result any more.
inline void abandon(call_base& call) noexcept { shared_call{call}.cancel(); }

inline call_base::call_base(channel& via) noexcept : channel_{via} { via.retain(); }
inline call_base::~call_base() { channel_.release(); }

}  // namespace tenon::inline v0::detail

namespace tenon::inline v0::detail {

// What all calls of one client share: the channel, and the policies' state. On the loop's thread.
template <class Stack>
struct client_core {
  explicit client_core(channel& owned) noexcept : via{owned} {}
  client_core(const client_core&) = delete;
  client_core& operator=(const client_core&) = delete;
  /// By then the calls have ended, or end here: their policies' state is about to go.
  ~client_core() {
    via.close(status{outcome{.code = code::unavailable, .flags = outcome::local}, "the client was closed"});
    via.release();
  }

  channel& via;
  [[no_unique_address]] typename Stack::client_states client{};
  [[no_unique_address]] typename Stack::endpoint_states endpoint{};
  typename Stack::config options = Stack::defaults();
};

// What a call is about, in static storage.
struct called_method {
  std::string_view service;
  std::string_view name;
  std::uint32_t index = 0;
  bool idempotent = false;
  protocol::serialization codec{};
};

template <class Stack>
class attempts {
 public:
  attempts(const attempts&) = delete;
  attempts& operator=(const attempts&) = delete;

  /// Where the request is kept when it cannot be written to the connection at once, or may be sent again.
  buffer& request() noexcept { return request_; }

  /// Starts with the arguments at hand: they are encoded straight into the connection's buffer. Only when the channel is ready.
  template <class WritePayload>
  void start_with(WritePayload&& write_payload) {
    if (admit_call() && admit_attempt()) send(std::forward<WritePayload>(write_payload));
  }

 protected:
  attempts(call_base& self, client_core<Stack>& core, const called_method& method, const call_options* chosen) : self_{self}, core_{core}, method_{method} {
    info_.method = method.index;
    info_.idempotent = method.idempotent;
    if (chosen == nullptr) return;
    options_ = std::make_unique<call_options>(*chosen);
    // Now, in the caller's thread: the parent may be gone when the loop starts the call.
    if (chosen->parent != nullptr) info_.deadline = chosen->parent->deadline();
  }
  ~attempts() = default;

  /// Reads the value out of an answer that is no error, and keeps it.
  virtual status read_answer(const protocol::reply& answer) = 0;
  /// The one end: with the value that is kept, or with the reason there is none.
  virtual void end(status why) = 0;

  void go() {
    info_.now = via().now();
    if (!admitted_ && !admit_call()) return;
    if (!attempting_ && !admit_attempt()) return;
    if (!via().ready()) return via().queue(self_);
    send([this](buffer& out) { out.append(request_.view()); });
  }

  void answered(const protocol::reply& answer) {
    if (options_) [[unlikely]] take_metadata(answer);
    if (!answer.error.ok()) [[unlikely]] return attempt_ended(answer.error);
    if (answer.codec != method_.codec) [[unlikely]] return attempt_ended(wrong_codec(answer.codec));
    // What the value's own code throws must not lose the call.
    if (const status read = service::guarded("exception", [&] { return read_answer(answer); }); !read.ok()) [[unlikely]] {
      return attempt_ended(status{code::internal, join_text({method_.service, ".", method_.name, ": response ", read.message()})});
    }
    succeed();
  }

  [[gnu::cold]] void attempt_failed(status why) { attempt_ended(about(std::move(why))); }

  // The whole call ends from outside, not by its attempt: what was admitted learns of it, and nothing is tried again.
  [[gnu::cold]] void give_up(status why) {
    if (self_.done()) return;
    via().withdraw(self_);
    info_.now = via().now();
    why = about(std::move(why));
    if (std::exchange(attempting_, false)) Stack::observe_attempt(view(), why.outcome());
    if (std::exchange(admitted_, false)) Stack::observe_call(view(), why.outcome());
    finish(std::move(why));
  }
  [[gnu::cold]] void time_is_up() {
    via().guard_user_code([this] { give_up(status{outcome{.code = code::deadline_exceeded, .flags = outcome::local}, "no answer in time"}); });
  }

 private:
  channel& via() const noexcept { return core_.via; }
  typename Stack::view view() noexcept { return {core_.client, core_.endpoint, core_.options, states_, info_}; }

  bool admit_call() {
    info_.now = via().now();
    if (options_ && options_->timeout) [[unlikely]] info_.deadline = (std::min)(info_.deadline, info_.now + *options_->timeout);
    outcome admitted = Stack::admit_call(view());
    if (admitted.ok() && info_.deadline <= info_.now) [[unlikely]] {
      admitted = refused_here(code::deadline_exceeded);
      Stack::observe_call(view(), admitted);
    }
    if (!admitted.ok()) [[unlikely]] {
      finish(refusal(admitted));
      return false;
    }
    admitted_ = true;
    if (info_.deadline != instant::never()) via().loop().arm(self_, info_.deadline);
    return true;
  }

  bool admit_attempt() {
    info_.attempt_start = info_.now;
    if (const outcome admitted = Stack::admit_attempt(view()); !admitted.ok()) [[unlikely]] {
      decide(refusal(admitted));
      return false;
    }
    attempting_ = true;
    return true;
  }

  template <class WritePayload>
  void send(WritePayload&& write_payload) {
    if (via().full()) [[unlikely]] return attempt_ended(about(via().too_many()));
    protocol::outgoing head{.service = method_.service, .method = method_.name, .codec = method_.codec};
    if (info_.deadline != instant::never()) head.timeout = info_.deadline - info_.now;
    if (options_) [[unlikely]] {
      head.one_way = options_->one_way;
      if (!options_->metadata.empty()) head.extra = &options_->metadata;
    }
    via().send(self_, head, std::forward<WritePayload>(write_payload));
    if (head.one_way) [[unlikely]] succeed();
  }

  void succeed() {
    info_.now = via().now();
    Stack::observe_attempt(view(), {});
    (void)Stack::decide(view(), {});
    Stack::observe_call(view(), {});
    admitted_ = attempting_ = false;
    finish({});
  }

  [[gnu::cold]] void attempt_ended(status why) {
    info_.now = via().now();
    if (std::exchange(attempting_, false)) Stack::observe_attempt(view(), why.outcome());
    decide(std::move(why));
  }

  // After an attempt: another one, or the end.
  [[gnu::cold]] void decide(status why) {
    const policy::decision then = Stack::decide(view(), why.outcome());
    if constexpr (Stack::has_loop) {
      if (then.again && via().open() && info_.now + then.delay < info_.deadline) {
        ++info_.attempt;
        pause_.owner = this;
        via().loop().arm(pause_, info_.now + then.delay);
        via().park(self_);
        return;
      }
    }
    Stack::observe_call(view(), why.outcome());
    admitted_ = false;
    finish(std::move(why));
  }

  void finish(status why) {
    if constexpr (Stack::has_loop) pause_.disarm();
    end(std::move(why));
  }

  [[gnu::cold]] void take_metadata(const protocol::reply& answer) {
    if (options_->response_metadata != nullptr && answer.read_metadata != nullptr) answer.read_metadata(answer.metadata_block, *options_->response_metadata);
  }

  // `market.buy: ...`, in front of every message about the call.
  [[gnu::cold]] status about(status why) const {
    why.set_message(join_text({method_.service, ".", method_.name, why.message().empty() ? "" : ": ", why.message()}));
    return why;
  }
  [[gnu::cold]] status refusal(outcome refused) const {
    const std::string_view by = Stack::producer(refused);
    return about(status{refused, join_text({refused.code == code::deadline_exceeded ? "the time was up" : "refused", " before the call was sent",
                                            by.empty() ? "" : " (", by, by.empty() ? "" : ")"})});
  }
  [[gnu::cold]] status wrong_codec(protocol::serialization found) const {
    return about(status{code::internal, join_text({"the answer is in serialization ", number_text{static_cast<unsigned>(found)}, ", expected ",
                                                   number_text{static_cast<unsigned>(method_.codec)}})});
  }

  // Waits out the time between two attempts.
  struct pause final : net::timer {
    attempts* owner = nullptr;
    void expired() override {
      owner->via().withdraw(owner->self_);
      owner->via().guard_user_code([this] { owner->go(); });
    }
  };
  struct no_pause {};

  call_base& self_;
  client_core<Stack>& core_;
  const called_method& method_;
  call_info info_{};
  [[no_unique_address]] typename Stack::call_states states_{};
  std::unique_ptr<call_options> options_;
  buffer request_;
  [[no_unique_address]] std::conditional_t<Stack::has_loop, pause, no_pause> pause_;
  bool admitted_ = false;
  bool attempting_ = false;
};

}  // namespace tenon::inline v0::detail

// tenon/client/call.hpp
// What a client's method returns: a call under way, to be waited for, awaited, or given a callback. Client layer.

#include <asio/use_awaitable.hpp>

namespace tenon::inline v0 {
namespace detail {

// The value type by which asio's coroutines know a tenon call: `awaitable<awaited<T>>` is specialised below.
template <class T>
struct awaited {};

// Calls a completion handler, on the executor it asks for.
template <class T, class Handler>
class handler_consumer final : public consumer<T>, public from_frame_cache {
 public:
  handler_consumer(Handler handler, asio::io_context& io) : handler_{std::move(handler)}, work_{asio::prefer(asio::get_associated_executor(handler_, io.get_executor()), asio::execution::outstanding_work.tracked)} {}

  void completed(call_state<T>& state) override { run(std::unique_ptr<handler_consumer>{this}, state.take()); }

  static void run(std::unique_ptr<handler_consumer> self, result<T> value) {
    auto executor = std::move(self->work_);
    Handler handler = std::move(self->handler_);
    self.reset();
    asio::dispatch(executor, [handler = std::move(handler), value = std::move(value)]() mutable {
      // Here, where its owner may use it as well: what it holds would outlive the call.
      asio::get_associated_cancellation_slot(handler).clear();
      std::move(handler)(std::move(value));
    });
  }

  Handler& handler() noexcept { return handler_; }

 private:
  Handler handler_;
  std::decay_t<decltype(asio::prefer(asio::get_associated_executor(std::declval<Handler&>(), std::declval<asio::io_context&>().get_executor()), asio::execution::outstanding_work.tracked))> work_;
};

// Gives the result of `state` to a completion handler, now or when it comes.
template <class T, class Handler>
void deliver_to(call_reference<call_state<T>> state, asio::io_context& io, Handler&& handler) {
  using handler_type = std::decay_t<Handler>;
  auto slot = asio::get_associated_cancellation_slot(handler);
  auto taker = std::make_unique<handler_consumer<T, handler_type>>(std::forward<Handler>(handler), io);
  if (slot.is_connected()) {
    slot.assign([watched = shared_call{*state.get()}](asio::cancellation_type) { watched.cancel(); });
  }
  if (state->listen(*taker)) {
    taker.release();
    return;
  }
  // There already: a completion handler still must not run inside the call that started it.
  detail::post(io, [taker = std::move(taker), state = std::move(state)]() mutable { handler_consumer<T, handler_type>::run(std::move(taker), state->take()); });
}

// Calls what `then` was given, on the client's loop and in the middle of the batch: it has no executor of its own to ask, as a completion handler has.
template <class T, class F>
class function_consumer final : public consumer<T>, public from_frame_cache {
 public:
  explicit function_consumer(F f) : f_{std::move(f)} {}

  void completed(call_state<T>& state) override {
    std::unique_ptr<function_consumer> self{this};
    if (loop_of(state).on_this_thread()) [[likely]] return void(f_(state.take()));
    detail::post(io_of(state), [self = std::move(self), value = state.take()]() mutable { self->f_(std::move(value)); });
  }

 private:
  F f_;
};

// Brings the news of a call's end from its loop to the home of the task that waits: the task may be gone by then, and only its home knows.
template <class T>
class mailbox final : public consumer<T>, public from_frame_cache {
 public:
  mailbox(asio::io_context& home, std::coroutine_handle<> waiter) noexcept : home_{home}, waiter_{waiter} {}
  /// On the home's thread: the task does not wait any more. Afterwards nobody touches the home, which may go: a post that is being made has returned.
  void forget() noexcept {
    waiter_ = nullptr;
    stage expected = stage::waiting;
    if (!stage_.compare_exchange_strong(expected, stage::settled, std::memory_order_acq_rel)) stage_.wait(stage::posting, std::memory_order_acquire);
    release();
  }
  /// The result was there already.
  void deliver() {
    detail::post(home_, [self = std::unique_ptr<mailbox, releaser>{this}] {
      if (self->waiter_) self->waiter_.resume();
    });
  }

 private:
  enum class stage : std::uint32_t { waiting, posting, settled };
  struct releaser {
    void operator()(mailbox* held) const noexcept { held->release(); }
  };

  void completed(call_state<T>&) override {
    stage expected = stage::waiting;
    if (!stage_.compare_exchange_strong(expected, stage::posting, std::memory_order_acq_rel)) return release();
    references_.fetch_add(1, std::memory_order_relaxed);
    deliver();
    stage_.store(stage::settled, std::memory_order_release);
    stage_.notify_all();
    release();
  }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  asio::io_context& home_;
  std::coroutine_handle<> waiter_;
  std::atomic<stage> stage_{stage::waiting};
  std::atomic<int> references_{2};  // the waiting task's, and the call's
};

// Waits for a call inside a tenon::task. A task continues at home: on the client's own loop that is in the middle of the batch, so that its next calls leave with it.
template <class T>
class call_awaiter final : consumer<T>, wants_home {
 public:
  explicit call_awaiter(call_reference<call_state<T>> state) noexcept : state_{std::move(state)} {}
  call_awaiter(call_awaiter&&) = delete;
  ~call_awaiter() {
    if (mailbox_ != nullptr) mailbox_->forget();
    if (!state_ || state_->done()) return;
    if (mailbox_ == nullptr) state_->unlisten();
    abandon(*state_.get());
  }

  bool await_ready() const noexcept { return state_->done(); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> self) {
    waiter_ = self;
    if (asio::io_context* home = self.promise().home(); home == &io_of(*state_.get())) return state_->listen(*this);
    // On another loop, or nobody knows yet: where to come back to depends on it.
    start = [](wants_home& base, asio::io_context& home) { static_cast<call_awaiter&>(base).listen_from(home); };
    self.promise().when_home(*this);
    return true;
  }
  result<T> await_resume() { return state_->take(); }

 private:
  void listen_from(asio::io_context& home) {
    if (&home == &io_of(*state_.get())) {
      if (!state_->listen(*this)) waiter_.resume();
      return;
    }
    mailbox_ = new mailbox<T>{home, waiter_};
    if (!state_->listen(*mailbox_)) mailbox_->deliver();
  }
  void completed(call_state<T>&) override { waiter_.resume(); }

  call_reference<call_state<T>> state_;
  std::coroutine_handle<> waiter_;
  mailbox<T>* mailbox_ = nullptr;
};

}  // namespace detail
}  // namespace tenon::inline v0

// How an asio coroutine awaits a tenon call: its await_transform takes awaitable<T> and what derives from it, and nothing else.
// The coroutine frame that asio wants is made only when the call is awaited there, so other callers do not pay for it.
template <class T>
class asio::awaitable<tenon::detail::awaited<T>, asio::any_io_executor> {
 public:
  using value_type = tenon::result<T>;
  using executor_type = asio::any_io_executor;

  awaitable(awaitable&&) noexcept = default;
  awaitable& operator=(awaitable&&) noexcept = default;

  bool await_ready() const noexcept { return false; }
  template <class Handle>
  void await_suspend(Handle handle) {
    inner_ = wait(std::move(state_));
    inner_.await_suspend(handle);
  }
  tenon::result<T> await_resume() { return inner_.await_resume(); }

 protected:
  explicit awaitable(tenon::detail::call_reference<tenon::detail::call_state<T>> state) noexcept : state_{std::move(state)} {}

  tenon::detail::call_reference<tenon::detail::call_state<T>> state_;

 private:
  static asio::awaitable<tenon::result<T>> wait(tenon::detail::call_reference<tenon::detail::call_state<T>> state) {
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(tenon::result<T>)>(
        [](auto handler, tenon::detail::call_reference<tenon::detail::call_state<T>> started) {
          asio::io_context& io = tenon::detail::io_of(*started.get());
          tenon::detail::deliver_to<T>(std::move(started), io, std::move(handler));
        },
        asio::use_awaitable, std::move(state));
  }

  asio::awaitable<tenon::result<T>> inner_;
};

namespace tenon::inline v0 {

/// A call under way. Take its result in one of these ways, once:
/// `.get()` blocks; `co_await` works in a `tenon::task` and in an `asio::awaitable`; `.then(f)` calls `f(result<T>)` on the client's loop.
///
/// Destroying a call whose result was not taken cancels it.
template <class T>
class [[nodiscard]] call : public asio::awaitable<detail::awaited<T>, asio::any_io_executor> {
  using base = asio::awaitable<detail::awaited<T>, asio::any_io_executor>;

 public:
  using value_type = T;

  explicit call(detail::call_reference<detail::call_state<T>> state) noexcept : base{std::move(state)} {}
  call(call&&) noexcept = default;
  call& operator=(call&& other) noexcept {
    if (this == &other) return *this;
    const call replaced{std::move(*this)};
    base::operator=(std::move(other));
    return *this;
  }
  ~call() {
    if (this->state_ && !this->state_->done()) detail::abandon(*this->state_.get());
  }

  /// Whether the result is there.
  bool done() const noexcept { return this->state_->done(); }

  /// Blocks until the result is there.
  ///
  /// Errors  failed_precondition on the client's own loop, where waiting would wait for ever.
  result<T> get() {
    detail::call_state<T>& state = *this->state_.get();
    if (!state.done()) {
      if (detail::loop_of(state).on_this_thread()) {
        return status{code::failed_precondition, "get() on the thread that would have to bring the answer waits for ever; co_await the call, or give it then()"};
      }
      state.block();
    }
    return state.take();
  }

  /// Calls `f(result<T>)` when the result is there, on the client's loop.
  template <class F>
  void then(F f) {
    static_assert(std::is_invocable_v<F&, result<T>>, "tenon::call::then: the function does not take the result; write .then([](tenon::result<T> r) { ... })");
    asio::io_context& io = detail::io_of(*this->state_.get());
    detail::call_reference<detail::call_state<T>> state = std::move(this->state_);
    auto taker = std::make_unique<detail::function_consumer<T, F>>(std::move(f));
    if (state->listen(*taker)) return void(taker.release());
    // There already: the function still must not run inside the call that started it.
    detail::post(io, [taker = std::move(taker), state = std::move(state)]() mutable { taker.release()->completed(*state.get()); });
  }

  /// Asks the call to end with `cancelled`; it may still end otherwise. From any thread.
  void cancel() { detail::shared_call{*this->state_.get()}.cancel(); }

  /// For tenon::task.
  detail::call_awaiter<T> awaiter_in_task() && { return detail::call_awaiter<T>{std::move(this->state_)}; }
};

}  // namespace tenon::inline v0

// tenon/client/client.hpp
// The typed client: a service's methods as member functions of a connection. Client layer; the door people type.

#include <thread>

// tenon/client/typed_call.hpp
// One call of one method: what only it knows, the reading and the keeping of its answer. Client layer.

namespace tenon::inline v0::detail {

template <class S, std::size_t Index, class Codec>
inline constexpr called_method method_to_call{service_name<S>, method<S, Index>::name, static_cast<std::uint32_t>(Index), method<S, Index>::is_idempotent,
                                              static_cast<protocol::serialization>(Codec::serialization)};

template <class S, std::size_t Index, class Codec, class Stack>
class typed_call final : public call_state<typename method<S, Index>::response>, public attempts<Stack> {
  using response = typename method<S, Index>::response;
  using base = call_state<response>;
  using driver = attempts<Stack>;

 public:
  typed_call(client_core<Stack>& core, const call_options* chosen) : base{core.via}, driver{*this, core, method_to_call<S, Index, Codec>, chosen} {}

  void start() override { driver::go(); }
  void replied(const protocol::reply& answer) override { driver::answered(answer); }
  void failed(status why) override { driver::attempt_failed(std::move(why)); }
  void cancelled(status why) override { driver::give_up(std::move(why)); }

 private:
  void expired() override { driver::time_is_up(); }

  status read_answer(const protocol::reply& answer) override {
    if constexpr (std::is_void_v<response>) {
      return {};
    } else {
      return Codec::decode(answer.payload, this->fresh_value(), this->channel_.options().limits);
    }
  }
  void end(status why) override {
    // The loop's reference, given up even when the callback throws.
    const call_reference<typed_call> held{this};
    this->complete(std::move(why));
  }
};

}  // namespace tenon::inline v0::detail

namespace tenon::inline v0 {

namespace detail {

// Refuses every attempt to connect with a reason: what a client made from an unreadable URL has.
class no_connector final : public net::connector {
 public:
  explicit no_connector(status why) : why_{std::move(why)} {}
  void connect(waiter&) override {}
  void cancel() noexcept override {}
  std::string url() const override { return why_.message(); }

 private:
  status why_;
};

// A thread that runs one io_context for one client.
class background_loop {
 public:
  background_loop() : work_{io_.get_executor()}, thread_{[this] { io_.run(); }} {}
  ~background_loop() {
    work_.reset();
    thread_.join();
  }
  asio::io_context& io() noexcept { return io_; }

 private:
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

template <class... Parameters>
struct client_codec {
  using type = codec::msgpack;
};
template <class First, class... Rest>
struct client_codec<First, Rest...> {
  using type = typename std::conditional_t<codec_type<First>, std::type_identity<First>, client_codec<Rest...>>::type;
};

// How a client's method starts its call; shared by a client and by what its `with` gives.
template <class S, class Codec, class Stack>
struct starter {
  template <std::size_t Index>
  using response = typename method<S, Index>::response;

  template <std::size_t Index, class... Arguments>
  static call_reference<call_state<response<Index>>> start(client_core<Stack>& core, const call_options* chosen, const Arguments&... arguments) {
    auto* state = new typed_call<S, Index, Codec, Stack>{core, chosen};
    call_reference<call_state<response<Index>>> held{state};
    const std::tuple<const Arguments&...> values{arguments...};
    const auto write_payload = [&values](buffer& out) {
      const codec::arguments<const std::tuple<const Arguments&...>> all{values, method<S, Index>::parameter_names};
      Codec::encode(out, all);
    };
    channel& via = core.via;
    const bool here = via.loop().on_this_thread();
    if (here && via.ready() && !Stack::has_loop) {
      state->start_with(write_payload);
      return held;
    }
    write_payload(state->request());
    if (here) state->start();
    else via.submit_from_elsewhere(*state);
    return held;
  }

  static const call_options* address_of(const call_options& chosen) noexcept { return &chosen; }
  static const call_options* address_of(std::nullptr_t) noexcept { return nullptr; }

  // `chosen` is call_options, or nullptr for none. By value: a token may keep the initiation and run it later.
  template <std::size_t Index, class Options, class Token, class... Arguments>
  static auto start_with_token(client_core<Stack>& core, Options chosen, Token&& token, Arguments&&... arguments) {
    return asio::async_initiate<Token, void(result<response<Index>>)>(
        [&core, chosen = std::move(chosen)](auto handler, auto&&... given) {
          deliver_to<response<Index>>(start<Index>(core, address_of(chosen), given...), core.via.loop().io(), std::move(handler));
        },
        token, std::forward<Arguments>(arguments)...);
  }
};

}  // namespace detail

/// A client for one call with options of its own: `m.with({.timeout = 50_ms}).last("ACME")`. Used at once, not kept.
template <class S, class Codec, class Stack>
class client_with_options : public stubs_of<S, client_with_options<S, Codec, Stack>> {
 public:
  client_with_options(detail::client_core<Stack>& core, call_options options) : core_{core}, options_{std::move(options)} {}

  template <std::size_t Index, class... Arguments>
  call<typename method<S, Index>::response> invoke_method(const Arguments&... arguments) const {
    return call<typename method<S, Index>::response>{detail::starter<S, Codec, Stack>::template start<Index>(core_, &options_, arguments...)};
  }
  template <std::size_t Index, class Token, class... Arguments>
  auto invoke_method_with(Token&& token, Arguments&&... arguments) const {
    return detail::starter<S, Codec, Stack>::template start_with_token<Index>(core_, options_, std::forward<Token>(token), std::forward<Arguments>(arguments)...);
  }

 private:
  detail::client_core<Stack>& core_;
  call_options options_;
};

/// The methods of service `S`, called at an address. `Parameters`: at most one codec (msgpack when there is none) and any policies, outermost first, in any order.
///
/// Each method returns a `call<T>`, or takes an asio completion token of signature `void(tenon::result<T>)` as last argument. Connects at the first call; a lost
/// connection fails the calls under way and is made anew at the next. May be called from any thread. Destroying it ends its calls.
///
/// Shape   `client<market> m{"tcp://127.0.0.1:9000"}` has a background thread; `client<market> m{io, "tcp://..."}` uses the caller's io_context, which one
///         thread runs. What a callback throws leaves the run of that io_context, on a background thread it ends the program.
/// Errors  a URL that cannot be read makes every call fail with invalid_argument.
template <class S, class... Parameters>
class client : public stubs_of<S, client<S, Parameters...>> {
  static_assert(contract<S>, "tenon::client: the first argument is no service; write TENON_SERVICE in the struct, or TENON_SERVICE_FOR beside it");
  static_assert(((policy::any<Parameters> || codec_type<Parameters>)&&...), "tenon::client: a template argument is neither a policy nor a codec");
  static_assert((std::size_t{0} + ... + (codec_type<Parameters> ? 1U : 0U)) <= 1, "tenon::client: two codecs; a client speaks one");

  using codec_used = typename detail::client_codec<Parameters...>::type;
  using stack = policy::stack_of<Parameters...>;
  using core_type = detail::client_core<stack>;
  using starter = detail::starter<S, codec_used, stack>;

 public:
  explicit client(std::string_view url, client_options options = {}) : background_{std::make_unique<detail::background_loop>()} {
    open(background_->io(), url, options);
  }
  client(asio::io_context& io, std::string_view url, client_options options = {}) { open(io, url, options); }
  /// Over any transport: `client<market> m{io, network.connector_to("a")}`.
  client(asio::io_context& io, std::unique_ptr<net::connector> to, client_options options = {}) { open(io, std::move(to), options); }

  client(client&&) noexcept = default;
  client& operator=(client&& other) noexcept {
    if (this != &other) {
      shut();
      background_ = std::move(other.background_);
      core_ = std::move(other.core_);
    }
    return *this;
  }
  ~client() { shut(); }

  /// The same methods for one call with options of its own.
  client_with_options<S, codec_used, stack> with(call_options options) const { return {*core_, std::move(options)}; }

  // What the methods that TENON_SERVICE makes call.
  template <std::size_t Index, class... Arguments>
  call<typename method<S, Index>::response> invoke_method(const Arguments&... arguments) const {
    return call<typename method<S, Index>::response>{starter::template start<Index>(*core_, nullptr, arguments...)};
  }
  template <std::size_t Index, class Token, class... Arguments>
  auto invoke_method_with(Token&& token, Arguments&&... arguments) const {
    return starter::template start_with_token<Index>(*core_, nullptr, std::forward<Token>(token), std::forward<Arguments>(arguments)...);
  }

 private:
  void open(asio::io_context& io, std::string_view url, const client_options& options) {
    result<endpoint> where = endpoint::parse(url);
    if (where) return open(io, std::make_unique<net::socket_connector>(io, std::move(*where)), options);
    open(io, std::make_unique<detail::no_connector>(where.error()), options);
    core_->via.refuse_all(std::move(where).error());
  }
  void open(asio::io_context& io, std::unique_ptr<net::connector> to, const client_options& options) {
    core_ = std::make_unique<core_type>(*new detail::channel{io, std::move(to), options});
  }

  void shut() noexcept {
    if (core_ == nullptr) return;
    detail::channel& via = core_->via;
    const status why{outcome{.code = code::unavailable, .flags = outcome::local}, "the client was closed"};
    if (via.loop().on_this_thread()) {
      via.close(why);
      core_.reset();
      // The loop's own thread cannot wait for itself: another one takes the loop down.
      if (background_) std::thread{[held = std::move(background_)] {}}.detach();
    } else {
      detail::post(via.loop().io(), [core = std::move(core_), why] { core->via.close(why); });
      background_.reset();
    }
  }

  std::unique_ptr<detail::background_loop> background_;
  std::unique_ptr<core_type> core_;
};

}  // namespace tenon::inline v0
// serving

// tenon/server.hpp
// Door of the server layer: connections, loops and the server itself.

// tenon/server/connection.hpp
// One accepted connection: reads a batch, hands each request through the router, sends all answers of the batch at once. Server layer.
// Long because it is one state machine: reading, serving, late answers, writing and the end decide on the same few flags.

// tenon/server/serving.hpp
// What the connections of one loop share: services, limits, and the list of themselves. Server layer.

// tenon/server/options.hpp
// What a server may be told when it is made. Server layer.

namespace tenon::inline v0 {

/// Units   `max_write_buffer_bytes` in bytes per connection; `drain` is how long `stop` waits for handlers that are under way.
struct server_options {
  unsigned loops = 1;                                      ///< threads, each with its own io_context; connections are dealt out in turn
  tenon::limits limits{};                                  ///< what a peer may ask for
  std::size_t max_write_buffer_bytes = 4 * 1024 * 1024;    ///< above it a connection is not read until its peer has read
  std::size_t max_pending_calls = 10'000;                  ///< coroutine handlers under way per connection
  duration message_timeout = std::chrono::seconds{30};     ///< from the first byte of a message to its last
  duration drain = std::chrono::seconds{5};
  void (*log)(std::string_view line) = nullptr;            ///< told why connections were closed; from any loop's thread
};

}  // namespace tenon::inline v0

namespace tenon::inline v0 {
namespace detail {

class serving;

// A connection as its loop sees it, whatever it speaks.
class served_connection {
 public:
  served_connection() = default;
  served_connection(const served_connection&) = delete;
  served_connection& operator=(const served_connection&) = delete;

  /// The loop is draining: what is under way is answered, new requests are refused, then it closes.
  virtual void drain() = 0;
  /// Closes now, and forgets every handler that is under way; the loop's services may be gone afterwards.
  virtual void tear_down() noexcept = 0;

  void leave() noexcept {
    if (previous_ != nullptr) *previous_ = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
    previous_ = nullptr;
    next_ = nullptr;
  }

 protected:
  ~served_connection() { leave(); }

 private:
  friend class serving;
  served_connection** previous_ = nullptr;
  served_connection* next_ = nullptr;
};

// One loop's part of a server.
class serving {
 public:
  serving(asio::io_context& on, const server_options& options) : io{on}, loop{net::loop::of(on)}, chosen{options} {}
  serving(const serving&) = delete;
  serving& operator=(const serving&) = delete;
  ~serving() { tear_down(); }

  void add(served_connection& who) noexcept {
    who.next_ = first_;
    who.previous_ = &first_;
    if (first_ != nullptr) first_->previous_ = &who.next_;
    first_ = &who;
    ++connections;
  }
  void remove(served_connection& who) {
    who.leave();
    --connections;
    if (draining && connections == 0) drained();
  }

  /// Asks every connection to finish; calls `drained` when none is left, at the latest after `options.drain`.
  void start_drain() {
    if (draining) return;
    draining = true;
    // Draining a connection may close it, and take others along: the list is walked from its head, each moved to a list of those already asked.
    served_connection* pending = first_;
    first_ = nullptr;
    if (pending != nullptr) pending->previous_ = &pending;
    while (pending != nullptr) {
      served_connection* next = pending;
      next->leave();
      --connections;
      add(*next);
      next->drain();
    }
    if (connections == 0) return drained();
    give_up_.owner = this;
    loop.arm(give_up_, loop.refresh() + chosen.drain);
  }

  void tear_down() noexcept {
    while (first_ != nullptr) {
      served_connection* each = first_;
      each->leave();
      each->tear_down();
    }
    connections = 0;
  }

  void log(std::string_view peer, std::string_view why) const {
    if (chosen.log == nullptr) return;
    std::string line{peer};
    line.append(": ").append(why);
    chosen.log(line);
  }

  asio::io_context& io;
  net::loop& loop;
  service::router router;
  const server_options& chosen;
  std::size_t connections = 0;
  bool draining = false;
  void (*on_drained)(void* owner) = nullptr;
  void* owner = nullptr;

 private:
  struct timeout final : net::timer {
    serving* owner = nullptr;
    void expired() override {
      owner->tear_down();
      owner->drained();
    }
  };

  void drained() {
    give_up_.disarm();
    loop.rest();
    if (const auto told = std::exchange(on_drained, nullptr); told != nullptr) told(owner);
  }

  served_connection* first_ = nullptr;
  timeout give_up_;
};

}  // namespace detail
}  // namespace tenon::inline v0

namespace tenon::inline v0::detail {

/// The driver of one connection. Which of `Protocols` it speaks is told by its first bytes.
///
/// Laws    everything happens on the loop's thread; one read and one write under way at most; it lives until both have ended and every handler it started has.
template <protocol::server_session... Protocols>
class connection final : public served_connection, private net::stream_user, private service::answer_sink {
 public:
  static void start(serving& home, std::unique_ptr<net::stream> stream) {
    auto* made = new connection{home, std::move(stream)};
    home.add(*made);
    made->read();
  }

  void drain() override {
    if (!batching_ && finished_everything()) close();
  }

  void tear_down() noexcept override {
    // Until the end of this function by the list's reference, or by one of its own when the list has let go already.
    if (std::exchange(left_, true)) retain();
    closed_ = true;
    patience_.disarm();
    while (first_call_ != nullptr) forget(*first_call_);
    // Closed, not destroyed: a write that was cut in two may still come back to its socket.
    stream_->close();
    release();
  }

 private:
  using session = std::variant<std::monostate, Protocols...>;
  static constexpr std::size_t smallest_read = 2 * 1024;
  static constexpr std::size_t largest_read = 64 * 1024;
  static constexpr std::size_t kept_buffer = 256 * 1024;

  connection(serving& home, std::unique_ptr<net::stream> stream) : home_{home}, stream_{std::move(stream)}, peer_{stream_->peer()}, patience_{*this} {
    retain();  // the list's reference
  }
  ~connection() = default;

  void retain() noexcept override { ++references_; }
  // Not inlined: g++ 12 cannot see that the reference before the last keeps the object, and warns of a use after free.
  [[gnu::noinline]] void release() noexcept override {
    if (--references_ == 0) delete this;
  }

  // --- reading

  void read() {
    if (reading_ || closed_ || (stopping_ && !lingering_) || full()) return;
    // While a protocol that answers in order is busy, reading on is how we learn that the caller has gone.
    if (in_order_ && in_.size() >= largest_read) return;
    reading_ = true;
    // Room grows with what has arrived, never with what a header announces.
    read_space_ = (std::max)(read_size_, (std::min)(in_.size(), largest_read));
    stream_->read_some(in_.prepare(read_space_), read_space_, *this);
  }

  void read_done(const std::error_code& error, std::size_t count) override {
    reading_ = false;
    if (closed_) return;
    if (error) return close();
    if (!lingering_) in_.commit(count);
    drop_taken();
    if (lingering_) return read();
    if (count == read_space_) read_size_ = (std::min)(read_size_ * 2, largest_read);
    home_.loop.refresh();
    process();
  }

  // Takes everything out of the read buffer that can be taken, then sends what that gave.
  void process() {
    batching_ = true;
    held_back_ = false;
    served_any_ = false;
    while (!closed_ && !in_order_ && !stopping_ && taken_ != in_.size()) {
      if (session_.index() == 0 && !recognise()) break;
      const protocol::consumed done = with_session([this](auto& spoken) {
        sink<std::remove_cvref_t<decltype(spoken)>> requests{*this, spoken};
        return spoken.consume(in_.view(taken_), requests, out_);
      });
      if (closed_) break;
      taken_ += done.bytes;
      if (done.next == protocol::consumed::state::close) {
        hang_up(done.reason);
        break;
      }
      if (done.next != protocol::consumed::state::wait || in_order_) break;
      // The answer came while the session was still on its way out; or the peer asks faster than it reads.
      flush();
      held_back_ = full();
      if (held_back_) break;
    }
    batching_ = false;
    if (closed_) return;
    drop_taken();
    const bool unfinished = taken_ != in_.size() || with_session([](const auto& spoken) { return spoken.unfinished(); });
    // Each message has its own time, so one that was complete gives the next a new start.
    if (!unfinished || in_order_ || held_back_) patience_.disarm();
    else if (!patience_.armed() || served_any_) home_.loop.arm(patience_, home_.loop.now() + home_.chosen.message_timeout);
    flush();
    if (with_session([](const auto& spoken) { return spoken.closing(); })) stopping_ = true;
    if (finished_everything()) return end();
    read();
  }

  // The bytes that were handled stay where they are while a read is under way: it writes behind them.
  void drop_taken() noexcept {
    if (reading_) return;
    in_.drop_front(std::exchange(taken_, 0));
    if (in_.empty() && in_.capacity() > kept_buffer) in_.release();
  }

  // Nothing more can be understood here. What was written is sent first.
  void hang_up(std::string_view why) {
    home_.log(peer_, why);
    stopping_ = true;
    linger_ = true;
    taken_ = in_.size();
  }

  // Everything has been answered and sent. After a refusal the peer may still be sending: closing at once would reset the connection and destroy the
  // answer on its way, so its bytes are read and thrown away for a moment.
  void end() {
    if (!linger_) return close();
    if (std::exchange(lingering_, true)) return;
    stream_->end_writing();
    home_.loop.arm(patience_, home_.loop.refresh() + std::chrono::seconds{1});
    read();
  }

  // How long an unfinished message, or a peer that was refused, is waited for.
  struct patience final : net::timer {
    explicit patience(connection& owner) : self{owner} {}
    void expired() override {
      if (!self.lingering_) self.home_.log(self.peer_, "an unfinished message did not arrive in time");
      self.close();
    }
    connection& self;
  };

  // Finds out what the peer speaks. False when more bytes are needed, or when it is nothing we know.
  bool recognise() {
    bool undecided = false;
    const auto ask = [&](auto protocol) {
      using candidate = typename decltype(protocol)::type;
      const protocol::sniffed answer = candidate::recognise(in_.view(taken_));
      if (answer == protocol::sniffed::need_more) undecided = true;
      if (answer == protocol::sniffed::yes) session_.template emplace<candidate>(home_.chosen.limits);
      return answer == protocol::sniffed::yes;
    };
    if ((ask(std::type_identity<Protocols>{}) || ...)) return true;
    if (!undecided) hang_up(unrecognised());
    return false;
  }
  [[gnu::cold]] std::string unrecognised() const {
    const auto first = static_cast<unsigned>(static_cast<unsigned char>(in_.view(taken_).front()));
    std::string text = join_text({"the first byte is ", number_text{first}, "; expected the beginning of one of:"});
    (text.append(" ").append(Protocols::name), ...);
    return text;
  }

  template <class F>
  auto with_session(F&& f) -> decltype(f(std::declval<std::tuple_element_t<0, std::tuple<Protocols...>>&>())) {
    using answer = decltype(f(std::declval<std::tuple_element_t<0, std::tuple<Protocols...>>&>()));
    if constexpr (std::is_void_v<answer>) {
      ((std::holds_alternative<Protocols>(session_) ? void(f(*std::get_if<Protocols>(&session_))) : void()), ...);
    } else {
      answer given{};
      ((std::holds_alternative<Protocols>(session_) ? void(given = f(*std::get_if<Protocols>(&session_))) : void()), ...);
      return given;
    }
  }

  // --- requests

  template <class Session>
  struct sink {
    connection& self;
    Session& spoken;
    bool on_request(const protocol::request& call) { return self.serve(spoken, call); }
    bool full() const noexcept { return self.full(); }
  };

  template <class Session>
  bool serve(Session& spoken, const protocol::request& call) {
    served_any_ = true;
    const std::size_t start = out_.size();
    const instant now = home_.loop.now();
    service::exchange exchange{.call = call, .out = out_, .bounds = home_.chosen.limits, .sink = *this, .io = &home_.io, .peer = peer_, .now = now};
    if (call.timeout) exchange.deadline = now + *call.timeout;
    protocol::mark at{};
    if (!call.address.one_way) at = spoken.begin_reply(out_, call.address);
    reply_is_open_ = true;
    const service::disposition became = admissible(exchange) ? home_.router.route(exchange) : service::disposition::refused;
    reply_is_open_ = false;
    if (became == service::disposition::answered && !call.address.one_way) [[likely]] {
      spoken.end_reply(out_, at, call.address, exchange.response);
      if (!aside_.empty()) [[unlikely]] append_aside();
      return true;
    }
    out_.truncate(start);
    if (!aside_.empty()) [[unlikely]] append_aside();
    if (became == service::disposition::pending) {
      // Protocols that answer in order wait; the others go on.
      in_order_ = !Session::answers_in_any_order;
      keep(*exchange.under_way);
      exchange.under_way->go_on();
      return !in_order_;
    }
    if (became == service::disposition::refused && !call.address.one_way) spoken.write_error(out_, call.address, exchange.error, exchange.response);
    return true;
  }

  bool admissible(service::exchange& exchange) const {
    const auto refuse = [&exchange](code why, std::string_view text) {
      exchange.error = status{refused_here(why), text};
      return false;
    };
    if (stopping_ || home_.draining) return refuse(code::unavailable, "the server is stopping");
    if (exchange.deadline <= exchange.now) return refuse(code::deadline_exceeded, "the caller's time was up when the call arrived");
    if (open_calls_ >= home_.chosen.max_pending_calls) return refuse(code::resource_exhausted, "too many calls under way on this connection");
    return true;
  }

  // --- answers that come later

  // The deadline of one call that is under way.
  struct deadline_watch final : service::pending::attachment, net::timer {
    deadline_watch(connection& owner, service::pending& call) : self{owner}, watched{call} {}
    void expired() override { self.expire(watched); }
    connection& self;
    service::pending& watched;
  };

  void keep(service::pending& call) {
    retain();
    ++open_calls_;
    call.join(first_call_);
    if (call.context.has_deadline()) {
      auto watch = std::make_unique<deadline_watch>(*this, call);
      home_.loop.arm(*watch, call.context.deadline());
      call.watch = std::move(watch);
    }
  }

  void finished(service::pending& call) override {
    if (!closed_ && !call.answered) {
      answer(call);
    } else {
      buffer nobody;
      (void)call.write_value(nobody);
    }
    const bool resume = !call.answered && in_order_;
    forget_and_continue(call, resume);
  }

  void answer(service::pending& call) {
    if (call.address.one_way) {
      buffer nobody;
      (void)call.write_value(nobody);
      return;
    }
    with_session([&](auto& spoken) {
      buffer& out = current_out();
      const std::size_t start = out.size();
      const protocol::mark at = spoken.begin_reply(out, call.address);
      if (const status error = call.write_value(out); error.ok()) {
        spoken.end_reply(out, at, call.address, call.context.response);
      } else {
        out.truncate(start);
        spoken.write_error(out, call.address, error, call.context.response);
      }
    });
  }

  // A handler that runs now may end others, by an event they wait for: their answers must not land inside the one that is being written.
  buffer& current_out() noexcept { return reply_is_open_ ? aside_ : out_; }
  void append_aside() {
    out_.append(aside_.view());
    aside_.clear();
  }

  void expire(service::pending& call) {
    call.answered = true;
    if (!call.address.one_way) {
      const status error{outcome{.code = code::deadline_exceeded, .flags = 0},
                         join_text({call.context.service(), ".", call.context.method(), ": the caller's time was up while the handler ran"})};
      with_session([&](auto& spoken) { spoken.write_error(current_out(), call.address, error, call.context.response); });
    }
    retain();
    const bool resume = std::exchange(in_order_, false);
    // Last: the handler may end, and the call with it, inside the request to stop.
    call.context.cancel.request();
    settle(resume);
    release();
  }

  void forget_and_continue(service::pending& call, bool resume) {
    retain();
    if (resume) in_order_ = false;
    forget(call);
    settle(resume);
    release();
  }

  void forget(service::pending& call) noexcept {
    call.leave();
    --open_calls_;
    call.dispose();
    leave_when_done();
    release();
  }

  // After an answer that came outside a batch: send it, and go on reading where an in-order protocol had stopped.
  void settle(bool resume) {
    if (closed_ || batching_) return;
    if (resume) return process();
    flush();
    if (finished_everything()) end();
  }

  // --- writing

  void flush() {
    if (writing_ || out_.empty()) return;
    writing_ = true;
    sending_.swap(out_);
    stream_->write_all(sending_.data(), sending_.size(), *this);
  }

  void write_done(const std::error_code& error) override {
    writing_ = false;
    if (closed_) return;
    if (error) return close();
    if (sending_.capacity() > kept_buffer) sending_.release();
    sending_.clear();
    flush();
    if (held_back_) return process();
    if (finished_everything()) return end();
    read();
  }

  bool full() const noexcept { return out_.size() > home_.chosen.max_write_buffer_bytes; }
  bool finished_everything() const noexcept { return !closed_ && (stopping_ || home_.draining) && open_calls_ == 0 && !writing_ && out_.empty(); }

  // --- the end

  void close() {
    if (std::exchange(closed_, true)) return;
    retain();
    patience_.disarm();
    stream_->close();
    // Each request to stop may end its call at once: the walk starts over from those not asked yet.
    for (service::pending* each = first_call_; each != nullptr; each = first_unasked()) {
      each->answered = true;
      each->watch.reset();
      each->context.cancel.request();
    }
    leave_when_done();
    release();
  }
  // A closed connection stays on the loop's list while handlers it started still run.
  void leave_when_done() {
    if (!closed_ || open_calls_ != 0 || left_) return;
    left_ = true;
    home_.remove(*this);
    release();
  }
  service::pending* first_unasked() const noexcept {
    for (service::pending* each = first_call_; each != nullptr; each = each->next()) {
      if (!each->context.cancelled()) return each;
    }
    return nullptr;
  }

  serving& home_;
  std::unique_ptr<net::stream> stream_;
  std::string peer_;
  session session_;
  buffer in_;
  buffer out_;
  buffer aside_;  // answers that came while another was being written
  buffer sending_;
  service::pending* first_call_ = nullptr;
  std::size_t taken_ = 0;  // bytes at the front of `in_` that were handled
  std::size_t open_calls_ = 0;
  std::size_t references_ = 0;
  std::size_t read_size_ = smallest_read;
  std::size_t read_space_ = 0;
  bool reading_ = false;
  bool writing_ = false;
  bool batching_ = false;
  bool in_order_ = false;  // a call is under way on a protocol that answers in order: nothing is read meanwhile
  bool stopping_ = false;  // no more requests; closes when everything has been answered and sent
  bool held_back_ = false;      // requests wait in `in_` until the peer has read answers
  bool served_any_ = false;     // in this batch
  bool reply_is_open_ = false;  // between `begin_reply` and `end_reply` of the call that is being served
  bool linger_ = false;
  bool lingering_ = false;
  bool closed_ = false;
  bool left_ = false;
  patience patience_;
};

}  // namespace tenon::inline v0::detail

// tenon/server/definition.hpp
// What `server::serve` makes of its argument and its template parameters: one served object per loop. Server layer.

#include <functional>

namespace tenon::inline v0 {
namespace detail {

// The policies of one served object, as the service layer wants them.
template <class Stack>
class stack_guard {
 public:
  using call_state = typename Stack::call_states;
  outcome admit(call_state& state, call_info& info) noexcept { return Stack::admit_call(view(state, info)); }
  void observe(call_state& state, call_info& info, outcome result) noexcept { Stack::observe_call(view(state, info), result); }
  std::string_view producer(outcome result) const noexcept { return Stack::producer(result); }

 private:
  typename Stack::view view(call_state& state, call_info& info) noexcept { return {client_, endpoint_, options_, state, info}; }
  [[no_unique_address]] typename Stack::client_states client_{};
  [[no_unique_address]] typename Stack::endpoint_states endpoint_{};
  typename Stack::config options_ = Stack::defaults();
};

template <class T>
struct implementation_behind {
  using type = T;
};
template <class T>
struct implementation_behind<std::shared_ptr<T>> {
  using type = T;
};
template <class T>
struct implementation_behind<std::reference_wrapper<T>> {
  using type = T;
};

// What `serve` was given is an object, a shared_ptr, a std::ref, or a function that makes one object per loop.
template <class Given>
consteval auto implementation_of() {
  using plain = std::decay_t<Given>;
  if constexpr (std::is_invocable_v<plain&>) return std::type_identity<typename implementation_behind<std::decay_t<std::invoke_result_t<plain&>>>::type>{};
  else return std::type_identity<typename implementation_behind<plain>::type>{};
}
template <class Given>
using implementation = typename decltype(implementation_of<Given>())::type;

template <class T>
std::shared_ptr<T> hold(std::shared_ptr<T> object) {
  return object;
}
template <class T>
std::shared_ptr<T> hold(std::reference_wrapper<T> object) {
  return {std::shared_ptr<T>{}, &object.get()};
}
template <class T>
std::shared_ptr<T> hold(T&& object) {
  return std::make_shared<std::decay_t<T>>(std::forward<T>(object));
}

template <class T>
using kept_if_codec = std::conditional_t<codec_type<T>, std::tuple<T>, std::tuple<>>;
template <class Tuple>
struct as_codecs;
template <class... Given>
struct as_codecs<std::tuple<Given...>> {
  using type = service::codecs<Given..., codec::msgpack, codec::json>;
};
// The codecs among the parameters, then those every server speaks.
template <class... Parameters>
using codecs_of = typename as_codecs<decltype(std::tuple_cat(std::declval<kept_if_codec<Parameters>>()...))>::type;

template <class... Parameters>
struct serve_parameters {
  using contract_given = void;
  using stack = policy::stack_of<Parameters...>;
  using codecs = codecs_of<Parameters...>;
  static constexpr bool known = ((policy::any<Parameters> || codec_type<Parameters>)&&...);
};
template <class First, class... Rest>
  requires contract<First>
struct serve_parameters<First, Rest...> : serve_parameters<Rest...> {
  using contract_given = First;
};

// A service that was given to `serve`, made once per loop.
template <class S, class Given, class Stack, class Codecs>
class definition_of {
 public:
  explicit definition_of(Given given) : given_{std::move(given)} {
    if constexpr (!std::is_invocable_v<Given&>) object_ = hold(std::move(given_));
  }
  std::unique_ptr<service::instance> make() {
    using served = service::served<S, implementation<Given>, stack_guard<Stack>, Codecs>;
    if constexpr (std::is_invocable_v<Given&>) return std::make_unique<served>(hold(given_()), stack_guard<Stack>{});
    else return std::make_unique<served>(object_, stack_guard<Stack>{});
  }

 private:
  Given given_;
  std::shared_ptr<implementation<Given>> object_;
};

}  // namespace detail
}  // namespace tenon::inline v0

// tenon/server/server.hpp
// The server: services, addresses and loops put together. Server layer; the door people type.

#include <cstdio>

namespace tenon::inline v0 {

/// The protocols a server speaks on its ports, in the order in which they are asked whose the first bytes are.
template <protocol::server_session... Sessions>
struct protocols {};

using default_protocols = protocols<protocol::rpcx_session, protocol::http1_session>;

/// An address a server listens on, or why it does not.
class bound {
 public:
  bound(endpoint where) : where_{std::move(where)} {}
  bound(status why) : why_{std::move(why)} {}

  explicit operator bool() const noexcept { return why_.ok(); }
  const status& error() const noexcept { return why_; }
  const endpoint& address() const noexcept { return where_; }
  /// The port, chosen by the system when 0 was asked for; 0 when not listening.
  std::uint16_t port() const noexcept { return where_.port(); }
  std::string url() const { return where_.url(); }

 private:
  endpoint where_;
  status why_;
};

/// Serves any number of services on any number of addresses, every protocol on each.
///
/// Set it up (`serve`, `listen`), then `run`, or `start` and later `stop`. Errors of the set-up are kept, told on stderr, and returned by `start` and `run`.
/// A handler may stop its server, and must not destroy it.
template <class Protocols = default_protocols>
class server {
 public:
  server() : server{server_options{}} {}
  /// With threads and io_contexts of its own, `options.loops` of them.
  explicit server(server_options options) : options_{options} {
    const unsigned count = options_.loops == 0 ? 1 : options_.loops;
    for (unsigned i = 0; i < count; ++i) workers_.push_back(std::make_unique<worker>(std::make_unique<asio::io_context>(1), options_));
  }
  /// On a caller's io_context, which one thread runs; it must outlive the server. `start` returns at once, and so does `stop`. Destroy the server on that
  /// thread, or when the io_context does not run.
  explicit server(asio::io_context& io, server_options options = {}) : options_{options}, owns_loops_{false} {
    workers_.push_back(std::make_unique<worker>(io, options_));
  }
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server() {
    stop();
    for (auto& each : workers_) {
      if (each->thread.joinable()) each->thread.join();
    }
    for (auto& each : listeners_) each->close();
    for (auto& each : workers_) each->serving.tear_down();
  }

  /// Serves `object`. Among the parameters, in any order: policies, which stand around every handler, outermost first, and codecs beside msgpack and json.
  /// A contract may stand first: then `object` is any object whose methods fit it. With several loops plain handlers run concurrently, one call per loop;
  /// give a function instead of an object and each loop has its own.
  ///
  /// Errors  already_exists for a second service of one name; failed_precondition after `start`.
  template <class... Parameters, class Object>
  status serve(Object&& object) {
    using parameters = detail::serve_parameters<Parameters...>;
    using implementation = detail::implementation<Object>;
    static_assert(parameters::known, "tenon::server::serve: a template argument is neither a policy nor a codec; a contract may stand first only");
    static_assert(!parameters::stack::has_loop, "tenon::server::serve: retry belongs to the client; a server answers once");
    constexpr bool has_contract = !std::is_void_v<typename parameters::contract_given>;
    static_assert(has_contract || contract<implementation>,
                  "tenon::server::serve: the object's type is no service; write TENON_SERVICE in it, or name a contract first: server.serve<market>(object)");
    if constexpr (has_contract || contract<implementation>) {
      using service_type = std::conditional_t<has_contract, typename parameters::contract_given, implementation>;
      constexpr bool fits = service::fits_contract<service_type, implementation>;
      static_assert(fits, "tenon::server::serve: the object has no method that fits the contract's; give it one of the same name that takes the same parameters");
      if (begun()) return refuse(status{code::failed_precondition, "serve after start; serve everything first"});
      if constexpr (fits) {
        detail::definition_of<service_type, std::decay_t<Object>, typename parameters::stack, typename parameters::codecs> made{std::forward<Object>(object)};
        for (auto& each : workers_) {
          if (status added = each->serving.router.add(made.make()); !added.ok()) return refuse(std::move(added));
        }
      }
    }
    return {};
  }

  /// Listens on an address; port 0 lets the system choose.
  ///
  /// Errors  invalid_argument for an address that cannot be read; unavailable with the system's reason; failed_precondition after `start`.
  bound listen(std::string_view url) {
    if (begun()) return refuse(status{code::failed_precondition, "listen after start; listen everywhere first"});
    result<endpoint> where = endpoint::parse(url);
    if (!where) return refuse(std::move(where).error().prefixed("listen"));
    return keep(net::listen_on(workers_.front()->io, *where));
  }
  /// Listens on a name of a network in memory, which must be on this server's io_context.
  bound listen(net::memory_network& network, std::string name) {
    if (begun()) return refuse(status{code::failed_precondition, "listen after start; listen everywhere first"});
    return keep(network.listen(std::move(name)));
  }

  /// Starts serving in the background. Returns why it cannot. A server that was stopped does not start again.
  status start() {
    begin(workers_.size());
    return setup_error_;
  }

  /// Serves until `stop`, the first loop on this thread. Returns why it could not.
  status run() {
    if (begin(workers_.size() - 1) && owns_loops_) workers_.front()->run(running_);
    if (owns_loops_) wait();
    return setup_error_;
  }

  /// Stops accepting, lets what is under way end (at most `options.drain`), closes, and ends the server's own loops with whatever else was posted to them.
  /// Waits for that, unless it is called from one of those loops. May be called from any thread, more than once, and before `run`.
  void stop() {
    {
      const std::lock_guard guard{mutex_};
      if (std::exchange(phase_, phase::stopping) == phase::serving) {
        post_while_alive(*workers_.front(), [this] {
          for (auto& each : listeners_) each->close();
        });
        for (auto& each : workers_) {
          post_while_alive(*each, [worker = each.get()] { worker->serving.start_drain(); });
        }
      }
    }
    for (auto& each : workers_) {
      if (!owns_loops_ || each->io.get_executor().running_in_this_thread()) return;
    }
    wait();
  }

  /// The io_context of the first loop: for timers and clients that live beside the handlers.
  asio::io_context& io() noexcept { return workers_.front()->io; }

 private:
  template <class List>
  struct connection_for;
  template <class... Sessions>
  struct connection_for<protocols<Sessions...>> {
    using type = detail::connection<Sessions...>;
  };
  using connection_type = typename connection_for<Protocols>::type;

  struct worker {
    worker(std::unique_ptr<asio::io_context> own, const server_options& options) : owned{std::move(own)}, io{*owned}, serving{io, options} {}
    worker(asio::io_context& borrowed, const server_options& options) : io{borrowed}, serving{io, options} {}

    // Whatever ends it: `running` counts it out.
    void run(std::atomic<std::size_t>& running) {
      struct count_out {
        std::atomic<std::size_t>& running;
        ~count_out() {
          running.fetch_sub(1, std::memory_order_acq_rel);
          running.notify_all();
        }
      };
      const count_out at_end{running};
      io.run();
    }

    std::unique_ptr<asio::io_context> owned;
    asio::io_context& io;
    detail::serving serving;
    std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
    std::thread thread;
  };

  struct acceptor final : net::accept_sink {
    explicit acceptor(server& owner) : self{owner} {}
    asio::io_context& next_io() override {
      worker& chosen = *self.workers_[next++ % self.workers_.size()];
      return chosen.io;
    }
    void accepted(asio::io_context& on, std::unique_ptr<net::stream> opened) override {
      for (auto& each : self.workers_) {
        if (&each->io != &on) continue;
        if (each == self.workers_.front()) return begin(*each, std::move(opened));
        detail::post(on, [this, worker = each.get(), opened = std::move(opened)]() mutable { begin(*worker, std::move(opened)); });
        return;
      }
    }
    void begin(worker& on, std::unique_ptr<net::stream> opened) {
      if (!on.serving.draining) connection_type::start(on.serving, std::move(opened));
    }
    server& self;
    std::size_t next = 0;
  };

  enum class phase : std::uint8_t { set_up, serving, stopping };

  bool begun() {
    const std::lock_guard guard{mutex_};
    return phase_ != phase::set_up;
  }

  // The last `threads` loops run in threads of their own. False when there is nothing to begin.
  bool begin(std::size_t threads) {
    const std::lock_guard guard{mutex_};
    if (!setup_error_.ok() || phase_ != phase::set_up) return false;
    phase_ = phase::serving;
    // One listener's callbacks run on the first loop's thread.
    post_while_alive(*workers_.front(), [this] {
      for (auto& each : listeners_) each->start(acceptor_);
    });
    if (!owns_loops_) return true;
    running_ = undrained_ = workers_.size();
    for (auto& each : workers_) {
      each->work.emplace(each->io.get_executor());
      each->serving.owner = this;
      each->serving.on_drained = [](void* self) { static_cast<server*>(self)->drained(); };
    }
    for (std::size_t i = workers_.size() - threads; i < workers_.size(); ++i) {
      workers_[i]->thread = std::thread{[this, worker = workers_[i].get()] { worker->run(running_); }};
    }
    return true;
  }

  // One loop has drained. None ends before the last: handlers there may still need what lives here.
  void drained() {
    if (undrained_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    for (auto& each : workers_) each->io.stop();
  }

  void wait() {
    for (std::size_t left; (left = running_.load(std::memory_order_acquire)) != 0;) running_.wait(left, std::memory_order_acquire);
  }

  // A caller's io_context may run its handlers after the server has gone.
  template <class Work>
  void post_while_alive(worker& on, Work work) {
    asio::post(on.io, [alive = std::weak_ptr<bool>{alive_}, work = std::move(work)] {
      if (!alive.expired()) work();
    });
  }

  bound keep(result<std::unique_ptr<net::listener>> opened) {
    if (!opened) return refuse(std::move(opened).error());
    listeners_.push_back(std::move(*opened));
    return listeners_.back()->address();
  }

  status refuse(status why) {
    const std::string line = "tenon::server: " + why.message() + "\n";
    std::fputs(line.c_str(), stderr);
    if (setup_error_.ok()) setup_error_ = why;
    return why;
  }

  server_options options_;
  bool owns_loops_ = true;
  phase phase_ = phase::set_up;
  status setup_error_;
  std::mutex mutex_;
  std::atomic<std::size_t> running_{0};    // loops that this server runs
  std::atomic<std::size_t> undrained_{0};  // those of them that still have calls or connections
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  acceptor acceptor_{*this};
  std::vector<std::unique_ptr<worker>> workers_;
  std::vector<std::unique_ptr<net::listener>> listeners_;
};

server() -> server<>;
server(server_options) -> server<>;

}  // namespace tenon::inline v0

#endif
