// Finding a method by its wire name: a perfect hash built by the compiler. Service layer.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include <tenon/core/same_text.hpp>

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
    return index < Count && tenon::detail::same_text(names_[index], name) ? index : Count;
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
