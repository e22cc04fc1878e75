// Enumerators by name, read from the compiler's spelling of values. Reflect layer.
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <string_view>
#include <tenon/reflect/detail/spelling.hpp>
#include <type_traits>
#include <utility>

namespace tenon::inline v0 {

/// One enumerator: its value and its name without qualification.
template <class Enum>
struct enum_entry {
  Enum value;
  std::string_view name;
};

namespace detail {

inline constexpr int smallest_enumerator = -128;
inline constexpr int largest_enumerator = 255;

// clang 16 to 19 call it an error, which no requires-expression catches, to name a value that an unscoped enum without
// a fixed type cannot hold; later ones can be asked, other compilers take any value.
#if defined(__clang__)
#if __has_warning("-Wenum-constexpr-conversion")
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wenum-constexpr-conversion"
#endif
#endif

template <class Enum, int Value>
constexpr Enum enum_from() {
  return __builtin_bit_cast(Enum, static_cast<std::underlying_type_t<Enum>>(Value));
}

template <class Enum, int Value>
concept enum_holds = requires { typename std::integral_constant<Enum, enum_from<Enum, Value>()>; };

template <class Enum>
concept fixed_enum = requires { Enum{0}; };

// Such an enum holds a range that ends at a power of two.
template <class Enum, int Limit>
consteval int enum_limit() {
  if constexpr (Limit == 0 || Limit == -1 || enum_holds<Enum, Limit>) {
    return Limit;
  } else {
    return enum_limit<Enum, Limit / 2>();
  }
}

template <class Enum>
consteval int first_enumerator() {
  if constexpr (std::is_unsigned_v<std::underlying_type_t<Enum>>) {
    return 0;
  } else if constexpr (fixed_enum<Enum>) {
    return smallest_enumerator;
  } else {
    constexpr int limit = enum_limit<Enum, smallest_enumerator>();
    return limit == -1 && !enum_holds<Enum, -1> ? 0 : limit;
  }
}

template <class Enum>
consteval int last_enumerator() {
  using limits = std::numeric_limits<std::underlying_type_t<Enum>>;
  if constexpr (fixed_enum<Enum>) {
    return limits::digits >= 8 ? largest_enumerator : static_cast<int>((limits::max)());
  } else {
    return enum_limit<Enum, largest_enumerator>();
  }
}

// One instantiation per enum: all values are spelled in one text, `(E)-1, E::red, ...`.
template <class Enum, Enum... Values>
consteval const char* spelled_values() {
  return __PRETTY_FUNCTION__;
}

struct spelled_enumerators {
  std::array<int, static_cast<std::size_t>(largest_enumerator - smallest_enumerator + 1)> values{};
  std::array<std::string_view, static_cast<std::size_t>(largest_enumerator - smallest_enumerator + 1)> names{};
  std::size_t count = 0;
  std::size_t characters = 0;
};

// From the back: an enumerator's spelling ends with its name, that of a value without one with a digit in front of the
// word.
consteval spelled_enumerators parse_values(std::string_view text, int first, int last) {
  spelled_enumerators found;
  std::size_t end = text.size();
  for (int value = last; value >= first; --value) {
    while (!is_word_character(text[end - 1]))
      --end;
    std::size_t begin = end;
    while (is_word_character(text[begin - 1]))
      --begin;
    if (!is_digit(text[begin])) {
      found.values[found.count] = value;
      found.names[found.count++] = text.substr(begin, end - begin);
      found.characters += end - begin;
    }
    // Commas inside angle brackets or parentheses belong to the name of the enum.
    int depth = 0;
    for (; value > first && (depth > 0 || text[begin] != ','); --begin) {
      if (text[begin] == '>' || text[begin] == ')')
        ++depth;
      if (text[begin] == '<' || text[begin] == '(')
        --depth;
    }
    end = begin;
  }
  return found;
}

template <std::size_t Count, std::size_t Characters>
struct enumerator_table {
  std::array<int, Count> values{};
  std::array<std::size_t, Count + 1> begins{};
  std::array<char, Characters + 1> text{};
};

// The names are copied, in order of value, so that the compiler's long text does not reach the binary.
template <class Enum>
consteval auto make_enumerator_table() {
  constexpr int first = first_enumerator<Enum>();
  constexpr int last = last_enumerator<Enum>();
  constexpr auto found = []<int... Offset>(std::integer_sequence<int, Offset...>) {
    return parse_values(spelled_values<Enum, enum_from<Enum, first + Offset>()...>(), first, last);
  }(std::make_integer_sequence<int, last - first + 1>{});
  enumerator_table<found.count, found.characters> table;
  std::size_t used = 0;
  for (std::size_t index = 0; index < found.count; ++index) {
    table.values[index] = found.values[found.count - 1 - index];
    table.begins[index] = used;
    for (char c : found.names[found.count - 1 - index])
      table.text[used++] = c;
  }
  table.begins[found.count] = used;
  return table;
}

#if defined(__clang__)
#if __has_warning("-Wenum-constexpr-conversion")
#pragma clang diagnostic pop
#endif
#endif

template <class Enum>
inline constexpr auto enumerators = make_enumerator_table<Enum>();

template <class Enum, std::size_t... Index>
constexpr std::array<enum_entry<Enum>, sizeof...(Index)> make_enum_entries(std::index_sequence<Index...>) {
  constexpr const auto& table = enumerators<Enum>;
  return {enum_entry<Enum>{
      static_cast<Enum>(table.values[Index]),
      std::string_view(table.text.data() + table.begins[Index], table.begins[Index + 1] - table.begins[Index])}...};
}

} // namespace detail

/// All enumerators in order of value; of several with one value, the first that was declared.
///
/// Limits  values from -128 to 255, as far as the enum can hold them; others have no name here and travel as numbers.
template <class Enum>
  requires std::is_enum_v<Enum>
inline constexpr auto enum_entries =
    detail::make_enum_entries<Enum>(std::make_index_sequence<detail::enumerators<Enum>.values.size()>{});

/// Returns the name of a value, empty when no enumerator has it.
template <class Enum>
  requires std::is_enum_v<Enum>
constexpr std::string_view enum_name(Enum value) {
  for (const enum_entry<Enum>& entry : enum_entries<Enum>) {
    if (entry.value == value)
      return entry.name;
  }
  return {};
}

/// Returns the value of an enumerator by its name, nothing when there is none.
template <class Enum>
  requires std::is_enum_v<Enum>
constexpr std::optional<Enum> enum_value(std::string_view name) {
  for (const enum_entry<Enum>& entry : enum_entries<Enum>) {
    if (entry.name == name)
      return entry.value;
  }
  return std::nullopt;
}

} // namespace tenon::inline v0
