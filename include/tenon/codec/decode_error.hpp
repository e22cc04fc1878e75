// The first thing that went wrong while decoding, and the path to it, gathered while the decoder unwinds. Codec layer.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <tenon/core/status.hpp>

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
