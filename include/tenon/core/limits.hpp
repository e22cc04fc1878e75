// What a peer may ask of us before anything is allocated for it. Core layer; codecs, protocols, servers and clients share it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tenon::inline v0 {

/// Bounds that are checked before memory is taken: `server_options::limits` and `client_options::limits` hold for whatever a peer sends, `decode` takes them as its last
/// argument.
///
/// Units   bytes, levels; `max_expansion` in bytes of memory per byte of message.
/// Errors  resource_exhausted beyond a number of bytes; invalid_argument, with the path, for nesting.
struct limits {
  std::size_t max_message_bytes = 4 * 1024 * 1024;  ///< one payload, before and after inflating
  std::size_t max_nesting = 100;                    ///< arrays, maps and structs inside one another
  std::size_t max_metadata_bytes = 16 * 1024;       ///< all metadata (headers) of one message
  std::size_t max_expansion = 64;                   ///< what the elements of a message's containers may take, beyond a first MiB: see `memory_for`
  bool operator==(const limits&) const = default;

  /// How many bytes the elements of all containers of a message may take together, text and binary aside. A single byte can stand for a whole record with nothing but
  /// defaults, so that the size of a message alone says little about what it becomes.
  constexpr std::size_t memory_for(std::size_t message_bytes) const noexcept { return 1024 * 1024 + max_expansion * message_bytes; }
};

}  // namespace tenon::inline v0
