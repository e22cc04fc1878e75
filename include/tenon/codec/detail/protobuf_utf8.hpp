// Whether a text is UTF-8, sixteen bytes at a time. Codec layer, part of protobuf.hpp; utf8.hpp decides one sequence at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <tenon/core/utf8.hpp>

namespace tenon::inline v0::codec::detail {

using protobuf_lanes [[gnu::vector_size(16)]] = unsigned char;
using protobuf_halves [[gnu::vector_size(16)]] = unsigned long long;

[[gnu::always_inline]] inline protobuf_lanes protobuf_load(const char* from) noexcept {
  protobuf_lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}
[[gnu::always_inline]] inline bool protobuf_any(protobuf_lanes lanes) noexcept {
  const auto halves = reinterpret_cast<protobuf_halves>(lanes);
  return (halves[0] | halves[1]) != 0;
}

// The first byte that begins no well-formed sequence, or `end`.
inline const char* protobuf_skip_utf8(const char* at, const char* end) noexcept {
  while (at != end) {
    if (static_cast<unsigned char>(*at) < 0x80) {
      ++at;
      continue;
    }
    const char* const next = tenon::detail::skip_utf8(at, end);
    if (next == at) return at;
    at = next;
  }
  return at;
}

// The bytes at `at`, judged by the three before them; every lane that is set is an error. Source: Unicode, table 3-7, read as conditions on neighbours.
[[gnu::always_inline]] inline protobuf_lanes protobuf_judge(protobuf_lanes here, protobuf_lanes before, protobuf_lanes second_before, protobuf_lanes third_before) noexcept {
  const auto is = [](auto condition) __attribute__((always_inline)) { return reinterpret_cast<protobuf_lanes>(condition); };
  const protobuf_lanes must_follow = is(before >= 0xC0) | is(second_before >= 0xE0) | is(third_before >= 0xF0);
  const protobuf_lanes follows = is((here & 0xC0) == 0x80);
  const protobuf_lanes narrow = (is(before == 0xE0) & is(here < 0xA0)) | (is(before == 0xED) & is(here > 0x9F)) | (is(before == 0xF0) & is(here < 0x90)) |
                                (is(before == 0xF4) & is(here > 0x8F));
  const protobuf_lanes never = is((here & 0xFE) == 0xC0) | is(here > 0xF4);
  return (must_follow ^ follows) | narrow | never;
}

[[gnu::noinline]] inline bool protobuf_is_utf8_throughout(const char* at, std::size_t size) noexcept {
  const char* const end = at + size;
  if (size < 16) return protobuf_skip_utf8(at, end) == end;
  const char* const last_block = end - 16;
  protobuf_lanes high = protobuf_load(last_block);
  for (const char* block = at; block < last_block; block += 16) high |= protobuf_load(block);
  if (!protobuf_any(high & 0x80)) return true;

  // Text of three-byte letters alone, as Chinese and Japanese have it, five letters at a time; letters with a lead of E0 or ED need a closer look.
  if (static_cast<unsigned char>(*at) >= 0xE1 && size % 3 == 0 && size >= 18) {
    constexpr protobuf_lanes mask{0xF0, 0xC0, 0xC0, 0xF0, 0xC0, 0xC0, 0xF0, 0xC0, 0xC0, 0xF0, 0xC0, 0xC0, 0xF0, 0xC0, 0xC0, 0};
    constexpr protobuf_lanes form{0xE0, 0x80, 0x80, 0xE0, 0x80, 0x80, 0xE0, 0x80, 0x80, 0xE0, 0x80, 0x80, 0xE0, 0x80, 0x80, 0};
    protobuf_lanes wrong{};
    const auto look = [&](const char* letters) __attribute__((always_inline)) {
      const protobuf_lanes lanes = protobuf_load(letters);
      wrong |= ((lanes & mask) ^ form) | reinterpret_cast<protobuf_lanes>(lanes == 0xE0) | reinterpret_cast<protobuf_lanes>(lanes == 0xED);
    };
    const char* letters = at;
    for (; end - letters >= 18; letters += 15) look(letters);
    look(end - 18);
    if (!protobuf_any(wrong)) {
      const char* const rest = end - 3;
      return static_cast<unsigned char>(rest[0]) - 0xE1U < 0xCU && (rest[1] & 0xC0) == 0x80 && (rest[2] & 0xC0) == 0x80;
    }
  }

  // The first three bytes have fewer before them: a block that begins with three zeros stands for it.
  const protobuf_lanes zero{};
  const protobuf_lanes first = protobuf_load(at);
  const protobuf_lanes before = __builtin_shufflevector(zero, first, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
  const protobuf_lanes second = __builtin_shufflevector(zero, first, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
  const protobuf_lanes third = __builtin_shufflevector(zero, first, 0, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28);
  protobuf_lanes wrong = protobuf_judge(first, before, second, third);
  const auto look = [&](const char* block) __attribute__((always_inline)) {
    wrong |= protobuf_judge(protobuf_load(block), protobuf_load(block - 1), protobuf_load(block - 2), protobuf_load(block - 3));
  };
  for (const char* block = at + 16; block < last_block; block += 16) look(block);
  if (last_block >= at + 3) look(last_block);
  else if (protobuf_skip_utf8(at, end) != end) return false;
  if (protobuf_any(wrong)) return false;
  // Nothing may be cut off at the end.
  const auto byte = [end](std::ptrdiff_t back) { return static_cast<unsigned char>(end[-back]); };
  return byte(1) < 0xC0 && byte(2) < 0xE0 && byte(3) < 0xF0;
}

/// Whether all of a text is UTF-8. Short ASCII takes no call.
[[gnu::always_inline]] inline bool protobuf_is_utf8(const char* at, std::size_t size) noexcept {
  constexpr std::uint64_t high = 0x8080'8080'8080'8080U;
  const auto load = [at](std::size_t offset) __attribute__((always_inline)) {
    std::uint64_t word = 0;
    std::memcpy(&word, at + offset, sizeof word);
    return word;
  };
  if (size >= 8 && size <= 32) {
    std::uint64_t all = load(0) | load(size - 8);
    if (size > 16) all |= load(8) | load(size - 16);
    if ((all & high) == 0) return true;
  }
  return protobuf_is_utf8_throughout(at, size);
}

}  // namespace tenon::inline v0::codec::detail
