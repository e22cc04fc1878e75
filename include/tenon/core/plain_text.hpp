// Many bytes of JSON text at a time, eight or sixteen: which of them need a look of their own. Core layer; the JSON codec and the envelopes of JSON-RPC read with it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tenon::inline v0::detail {

inline constexpr std::uint64_t every_byte = 0x0101010101010101ULL;

inline std::uint64_t load_4(const char* at) noexcept {
  std::uint32_t word = 0;
  std::memcpy(&word, at, 4);
  return word;
}
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

constexpr bool is_plain(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

// Bytes that are looked at in one step: `plain` of them come before the first that is not, and where `plain` is not `size` that one, or what follows it, is looked at by itself.
class text_word {
 public:
  static constexpr std::size_t size = 8;
  explicit text_word(const char* at) noexcept : bytes_{load_8(at)} {}
  void store(char* at) const noexcept { std::memcpy(at, &bytes_, size); }
  std::size_t plain() const noexcept {
    const std::uint64_t marks = special_bytes(bytes_);
    return marks == 0 ? size : bytes_before_mark(marks);
  }

 private:
  std::uint64_t bytes_;
};

// The same for as many as there are instructions for everywhere.
#if defined(__SSE2__)
class text_block {
 public:
  static constexpr std::size_t size = 16;
  explicit text_block(const char* at) noexcept : bytes_{_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))} {}
  void store(char* at) const noexcept { _mm_storeu_si128(reinterpret_cast<__m128i*>(at), bytes_); }
  std::size_t plain() const noexcept {
    // As signed bytes, what is above 0x7F is below 0x20.
    const __m128i low = _mm_cmplt_epi8(bytes_, _mm_set1_epi8(0x20));
    const __m128i marks = _mm_or_si128(low, _mm_or_si128(_mm_cmpeq_epi8(bytes_, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes_, _mm_set1_epi8('\\'))));
    return static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(_mm_movemask_epi8(marks)) | 0x10000U));
  }

 private:
  __m128i bytes_;
};
#else
using text_block = text_word;
#endif

// The first byte from `at` on that is not plain.
inline const char* skip_plain(const char* at, const char* end) noexcept {
  while (static_cast<std::size_t>(end - at) >= text_block::size) {
    const std::size_t plain = text_block{at}.plain();
    at += plain;
    if (plain != text_block::size) {
      if constexpr (std::endian::native == std::endian::little) return at;
      break;
    }
  }
  while (at != end && is_plain(*at)) ++at;
  return at;
}

// For short texts, as names are: the last step overlaps the one before it.
inline bool is_plain_text(std::string_view text) noexcept {
  const char* at = text.data();
  const char* const end = at + text.size();
  if (text.size() < 4) {
    while (at != end && is_plain(*at)) ++at;
    return at == end;
  }
  if (text.size() < 8) return special_bytes(load_4(at) | load_4(end - 4) << 32) == 0;
  for (; end - at > 8; at += 8) {
    if (special_bytes(load_8(at)) != 0) return false;
  }
  return special_bytes(load_8(end - 8)) == 0;
}

}  // namespace tenon::inline v0::detail
