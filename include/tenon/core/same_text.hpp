// Whether two short texts are equal, without a call: names are compared in every request. Core layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace tenon::inline v0::detail {

template <class Word>
std::uint64_t differing_bits(const char* one, const char* other) noexcept {
  Word a;
  Word b;
  std::memcpy(&a, one, sizeof a);
  std::memcpy(&b, other, sizeof b);
  return a ^ b;
}

/// As `one == other`, for which g++ 12 calls two functions. Up to 16 bytes by two words that may overlap.
[[gnu::always_inline]] constexpr bool same_text(std::string_view one, std::string_view other) noexcept {
  const std::size_t size = one.size();
  if (size != other.size()) return false;
  if (std::is_constant_evaluated()) return one == other;
  const char* const a = one.data();
  const char* const b = other.data();
  if (size > 16) return std::memcmp(a, b, size) == 0;
  if (size >= 8) return (differing_bits<std::uint64_t>(a, b) | differing_bits<std::uint64_t>(a + size - 8, b + size - 8)) == 0;
  if (size >= 4) return (differing_bits<std::uint32_t>(a, b) | differing_bits<std::uint32_t>(a + size - 4, b + size - 4)) == 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

}  // namespace tenon::inline v0::detail
