// What a decoder says it expected, where a constant does not do: ranges of integers and names of enumerators. Codec layer, shared by codecs; failing paths only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <tenon/reflect/enums.hpp>

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
