// Sentences put together from pieces, out of line: errors are rare, and std::string's operators would be compiled into every place that makes one. Core layer.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

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
