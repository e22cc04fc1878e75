// The first thing that went wrong while decoding, and the path to it, gathered while the decoder unwinds. Codec layer.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include <tenon/core/code.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>

namespace tenon::inline v0::codec {

/// Filled on the failing path only: a decoder that succeeds never touches it.
///
/// Shape   message `field "orders[3].price": expected number, found string at byte 117`; without a path `expected object, found end of input at byte 0`.
class decode_error {
 public:
  /// Records the failure; returns false so that decoders can `return error.fail(...)`. Only the first counts.
  [[gnu::cold, gnu::noinline]] bool fail(std::size_t byte, std::string_view expected, std::string_view found, code why = code::invalid_argument) {
    if (first_ == nullptr) first_.reset(new failure{.expected = std::string{expected}, .found = std::string{found}, .byte = byte, .why = why});
    return false;
  }
  /// Puts a step in front of the path; called by each level on the way out.
  [[gnu::cold, gnu::noinline]] bool at_field(std::string_view name) {
    step({name, joint()});
    return false;
  }
  [[gnu::cold, gnu::noinline]] bool at_index(std::size_t index) {
    step({"[", tenon::detail::number_text{index}, "]", joint()});
    return false;
  }

  bool failed() const noexcept { return first_ != nullptr; }
  std::string_view path() const noexcept { return first_ == nullptr ? std::string_view{} : first_->path; }

  [[gnu::cold]] status to_status() const {
    if (first_ == nullptr) return {};
    const auto& [path, expected, found, byte, why] = *first_;
    const bool anywhere = !path.empty();
    return status{why, tenon::detail::join_text({anywhere ? "field \"" : "", path, anywhere ? "\": " : "", "expected ", expected, ", found ", found, " at byte ", tenon::detail::number_text{byte}})};
  }

 private:
  struct failure {
    std::string path{};
    std::string expected;
    std::string found;
    std::size_t byte = 0;
    code why = code::invalid_argument;
  };
  // A decoder that succeeds pays one comparison for it.
  struct drop {
    [[gnu::cold, gnu::noinline]] void operator()(failure* which) const noexcept { delete which; }
  };

  std::string_view joint() const noexcept { return path().empty() || path().front() == '[' ? "" : "."; }
  void step(std::initializer_list<std::string_view> in_front) {
    if (first_ == nullptr) return;
    std::string whole = tenon::detail::join_text(in_front);
    first_->path = whole.append(first_->path);
  }

  std::unique_ptr<failure, drop> first_;
};

}  // namespace tenon::inline v0::codec
