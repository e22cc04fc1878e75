// Text that was found in a message, into the string that keeps it. Codec layer, shared by codecs.
#pragma once

#include <cstddef>
#include <string>
#include <type_traits>

namespace tenon::inline v0::codec::detail {

// Flattened: whether g++ makes calls of what a string is made and moved by changes with what else it has inlined.
[[gnu::noinline, gnu::flatten]] inline void keep_in_new_string(std::string& into, const char* from, std::size_t size) { into = std::string(from, size); }

/// As `into.assign(from, size)`; `from` is no part of `into`.
template <class Text>
void keep_text(Text& into, const char* from, std::size_t size) {
  if constexpr (std::is_same_v<Text, std::string>) {
    // libstdc++'s assign takes three times as long to find out that there is no room, as in a fresh struct's members there is none.
    if (size > into.capacity()) return keep_in_new_string(into, from, size);
  }
  into.assign(from, size);
}

}  // namespace tenon::inline v0::codec::detail
