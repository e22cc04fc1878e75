// The seventeen status codes, their names, and sets of them. Core layer; everything that can fail speaks these.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

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
