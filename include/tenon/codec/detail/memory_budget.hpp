// How much memory the elements of a message's containers may still take. Codec layer, shared by codecs; `limits::memory_for` says how much it is at first.
#pragma once

#include <cstddef>

#include <tenon/codec/decode_error.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/text.hpp>

namespace tenon::inline v0::codec::detail {

class memory_budget {
 public:
  explicit memory_budget(std::size_t bytes) noexcept : left_{bytes} {}

  /// Counts `wanted` bytes before they are taken, for what stands at `byte` of the input; false, with the error filled in, when they are too many.
  bool take(std::size_t wanted, decode_error& error, std::size_t byte) {
    if (wanted > left_) [[unlikely]] return fail(wanted, error, byte);
    left_ -= wanted;
    return true;
  }

 private:
  [[gnu::cold, gnu::noinline]] bool fail(std::size_t wanted, decode_error& error, std::size_t byte) const {
    using tenon::detail::number_text;
    return error.fail(byte, tenon::detail::join_text({"elements of at most ", number_text{left_}, " more bytes in memory"}), number_text{wanted}, code::resource_exhausted);
  }

  std::size_t left_;
};

/// What a new element takes in memory, for a format that does not say beforehand how many there are: a container that holds each in a node of its own has pointers, and
/// the allocator's own, beside it; one that holds all in a row grows by doubling. Small elements count nothing: they cannot take more than a multiple of the bytes
/// they stand in.
template <class Element, bool IsInRow>
inline constexpr std::size_t memory_of_element = sizeof(Element) <= 64 ? 0 : IsInRow ? 2 * sizeof(Element) : sizeof(Element) + 6 * sizeof(void*);

}  // namespace tenon::inline v0::codec::detail
