// The error of every call: an outcome, a sentence, and details that cost nothing until they are used. Core layer.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tenon/core/outcome.hpp>

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
  status(const status& other) : outcome_{other.outcome_}, rest_{other.rest_ ? new rest(*other.rest_) : nullptr} {}
  status& operator=(const status& other) {
    if (this != &other) *this = status{other};
    return *this;
  }
  ~status() = default;

  bool ok() const noexcept { return outcome_.ok(); }
  tenon::code code() const noexcept { return outcome_.code; }
  const std::string& message() const noexcept { return rest_ ? rest_->message : no_rest().message; }
  const std::vector<status_detail>& details() const noexcept { return rest_ ? rest_->details : no_rest().details; }

  /// The flags that policies and protocols read: `outcome::local`, `not_executed`, `pushback`, `no_retry`, `threw`.
  tenon::outcome outcome() const noexcept { return outcome_; }
  bool has(tenon::outcome::flag which) const noexcept { return outcome_.has(which); }

  status& add_flag(tenon::outcome::flag which) noexcept {
    outcome_.flags = static_cast<std::uint8_t>(outcome_.flags | which);
    return *this;
  }
  status& remove_flag(tenon::outcome::flag which) noexcept {
    outcome_.flags = static_cast<std::uint8_t>(outcome_.flags & ~which);
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

  // A status that is OK is destroyed many times per call: that is to be one comparison, and no function.
  struct drop {
    [[gnu::cold, gnu::noinline]] void operator()(rest* which) const noexcept { delete which; }
  };

  static const rest& no_rest() noexcept {
    static const rest nothing{};
    return nothing;
  }
  rest& make_rest() {
    if (!rest_) rest_.reset(new rest);
    return *rest_;
  }

  tenon::outcome outcome_{};
  std::unique_ptr<rest, drop> rest_;
};

}  // namespace tenon::inline v0
