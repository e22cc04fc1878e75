// The names of a plain aggregate's members, read from the compiler's spelling of pointers to them. Reflect layer,
// detail of fields.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tenon/reflect/detail/spelling.hpp>
#include <tenon/reflect/detail/tie.hpp>
#include <utility>

namespace tenon::inline v0::detail {

// A pointer to a subobject may be a template argument only inside a class, for g++ 12 and clang 14. As `const void*` it
// is spelled without the member's type, which keeps the text short.
struct member_address {
  const void* tenon_address;
};

template <class T>
struct phantom {
  T value;
};

// An object that is declared and never defined: only its members' addresses are used, in constant evaluation, so
// nothing is linked.
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-internal"
#pragma clang diagnostic ignored "-Wundefined-var-template"
#endif

template <class T>
extern const phantom<T> phantom_object;

template <std::size_t Count>
struct address_collector {
  template <class... Members>
  constexpr std::array<member_address, Count> operator()(Members&... members) const {
    return {member_address{static_cast<const void*>(__builtin_addressof(members))}...};
  }
};

template <class T, std::size_t Count>
consteval std::array<member_address, Count> member_addresses() {
  return member_binder<Count>::apply(phantom_object<T>.value, address_collector<Count>{});
}

#if defined(__clang__)
#pragma clang diagnostic pop
#endif

// g++ writes `member_address{((const void*)(& phantom_object<T>.phantom<T>::value.T::symbol))}` for each member, clang
// 19 `member_address{&phantom_object.value.symbol}`, clang 14 the same without the class's name.
template <member_address... Addresses>
consteval const char* spelled_members() {
  return __PRETTY_FUNCTION__;
}

template <std::size_t Count>
struct spelled_names {
  std::array<std::string_view, Count> names{};
  std::size_t characters = 0;
};

// Steps back to the end of the entry before: to the brace in `}, `, which g++ may write inside a type as well, but
// never there with the address's parentheses before it and the next entry's class after it.
consteval std::size_t end_of_entry_before(const char* text, std::size_t position) {
  while (true) {
    --position;
    if (text[position] != '}' || text[position + 1] != ',')
      continue;
#if !defined(__clang__)
    const std::string_view next(text + position + 3, 7);
    if (text[position - 1] != ')' || (next != "member_" && next != "tenon::"))
      continue;
#endif
    return position;
  }
}

// From the back: a member's spelling ends with its own name, so no type in front of it has to be understood.
template <std::size_t Count>
consteval spelled_names<Count> parse_members(std::string_view spelled) {
  spelled_names<Count> parsed;
  const char* const text = spelled.data();
  std::size_t end = spelled.size();
  for (std::size_t index = Count; index-- > 0;) {
    while (!is_word_character(text[end - 1]))
      --end;
    std::size_t begin = end;
    while (is_word_character(text[begin - 1]))
      --begin;
    parsed.names[index] = {text + begin, end - begin};
    parsed.characters += end - begin;
    if (index > 0)
      end = end_of_entry_before(text, begin);
  }
  return parsed;
}

// Names are copied out of the compiler's text, which would otherwise end up in the binary, types and all.
template <std::size_t Count, std::size_t Characters>
struct name_table {
  std::array<char, Characters + 1> text{};
  std::array<std::size_t, Count + 1> begins{};

  constexpr std::string_view operator[](std::size_t index) const {
    return {text.data() + begins[index], begins[index + 1] - begins[index]};
  }
};

template <class T, std::size_t... Index>
consteval auto aggregate_names(std::index_sequence<Index...>) {
  constexpr std::size_t count = sizeof...(Index);
  if constexpr (count == 0) {
    return name_table<0, 0>{};
  } else {
    constexpr auto addresses = member_addresses<T, count>();
    constexpr auto parsed = parse_members<count>(spelled_members<addresses[Index]...>());
    name_table<count, parsed.characters> table;
    std::size_t used = 0;
    for (std::size_t index = 0; index < count; ++index) {
      table.begins[index] = used;
      for (char c : parsed.names[index])
        table.text[used++] = c;
    }
    table.begins[count] = used;
    return table;
  }
}

} // namespace tenon::inline v0::detail
