// The names of types, read from the compiler's spelling and made alike across compilers. Reflect layer.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace tenon::inline v0 {

namespace detail {

template <class T>
consteval const char* spelled_type() {
  return __PRETTY_FUNCTION__;
}

struct type_text {
  std::array<char, 1024> text{};
  std::size_t size = 0;
};

// `[with T = ns::quote]` by g++, `[T = ns::quote]` by clang.
template <class T>
consteval std::string_view spelling_of() {
  std::string_view text = spelled_type<T>();
  text.remove_prefix(text.find("T = ") + 4);
  text.remove_suffix(1);
  return text;
}

constexpr bool skip(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix)
    return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Compilers differ in unnamed namespaces, in the function around a local type, and in the blank of `> >`: all three are
// dropped.
consteval type_text tidy(std::string_view spelled) {
  type_text tidied;
  while (!spelled.empty() && tidied.size < tidied.text.size()) {
    if (skip(spelled, "{anonymous}::") || skip(spelled, "<unnamed>::") || skip(spelled, "(anonymous namespace)::"))
      continue;
    if (spelled.size() > 3 && spelled.substr(0, 3) == ")::") {
      int depth = 1;
      while (depth > 0 && tidied.size > 0) {
        --tidied.size;
        if (tidied.text[tidied.size] == ')')
          ++depth;
        if (tidied.text[tidied.size] == '(')
          --depth;
      }
      depth = 0;
      while (tidied.size > 0 &&
             (depth > 0 || (tidied.text[tidied.size - 1] != ',' && tidied.text[tidied.size - 1] != ' ' &&
                            tidied.text[tidied.size - 1] != '<'))) {
        if (tidied.text[tidied.size - 1] == '>')
          ++depth;
        if (tidied.text[tidied.size - 1] == '<')
          --depth;
        --tidied.size;
      }
      spelled.remove_prefix(3);
      continue;
    }
    if (spelled.size() > 1 && spelled[0] == ' ' && spelled[1] == '>')
      spelled.remove_prefix(1);
    tidied.text[tidied.size++] = spelled[0];
    spelled.remove_prefix(1);
  }
  return tidied;
}

template <std::size_t Size>
struct fixed_text {
  std::array<char, Size + 1> text{};
};

template <class T>
consteval auto make_type_text() {
  constexpr type_text tidied = tidy(spelling_of<T>());
  fixed_text<tidied.size> result;
  for (std::size_t index = 0; index < tidied.size; ++index)
    result.text[index] = tidied.text[index];
  return result;
}

template <class T>
inline constexpr auto type_text_of = make_type_text<T>();

// Drops what stands before the last `::` outside the template arguments.
constexpr std::string_view unqualified(std::string_view name) {
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t index = 0; index + 1 < name.size(); ++index) {
    if (name[index] == '<' || name[index] == '(')
      ++depth;
    if (name[index] == '>' || name[index] == ')')
      --depth;
    if (depth == 0 && name[index] == ':' && name[index + 1] == ':')
      begin = index + 2;
  }
  return name.substr(begin);
}

} // namespace detail

/// The name of `T` with its namespaces, as C++ writes it: `app::page<app::quote>`.
///
/// Limits  the spelling of the standard library's own templates, and of arguments that are defaults, is the compiler's.
template <class T>
inline constexpr std::string_view qualified_type_name{detail::type_text_of<T>.text.data(),
                                                      detail::type_text_of<T>.text.size() - 1};

/// The name of `T` without namespaces; templates keep their arguments: `page<app::quote>`.
template <class T>
inline constexpr std::string_view type_name = detail::unqualified(qualified_type_name<T>);

} // namespace tenon::inline v0
