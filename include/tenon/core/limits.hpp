// What a peer may ask of us before anything is allocated for it. Core layer; codecs, protocols, servers and clients share it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tenon::inline v0 {

/// Bounds that are checked before memory is taken.
///
/// Units   bytes, levels, entries.
struct limits {
  std::size_t max_message_bytes = 4 * 1024 * 1024;  ///< one payload, before and after inflating
  std::size_t max_nesting = 100;                    ///< arrays, maps and structs inside one another
  std::size_t max_metadata_bytes = 16 * 1024;       ///< all metadata (headers) of one message
  bool operator==(const limits&) const = default;
};

}  // namespace tenon::inline v0
