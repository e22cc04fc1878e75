// What makes payloads smaller on their way: an interface, since this layer links nothing; <tenon/zlib.hpp> has gzip. Protocol layer.
#pragma once

#include <cstddef>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/status.hpp>

namespace tenon::inline v0::protocol {

/// One way to compress, for `server_options::compression` and `client_options::compression`.
///
/// Laws    both append to `into` and touch nothing that it holds. `inflate` takes memory as it goes, never for more than `limit` bytes of result; what it has appended
///         when it fails is to be forgotten.
/// Errors  `inflate`: invalid_argument for what was not compressed this way, resource_exhausted beyond `limit`.
class compression {
 public:
  /// As HTTP, Connect and gRPC spell it, in lower case. rpcx knows `gzip` alone.
  virtual std::string_view name() const noexcept = 0;
  virtual void deflate(std::string_view from, buffer& into) const = 0;
  virtual status inflate(std::string_view from, std::size_t limit, buffer& into) const = 0;

 protected:
  ~compression() = default;
};

/// Smaller payloads are left alone, as rpcx does.
inline constexpr std::size_t smallest_to_compress = 1025;

/// As `client_options::compress_from_bytes`: nothing leaves compressed, so that any server can read it, and compressed answers are read.
inline constexpr std::size_t compress_nothing = static_cast<std::size_t>(-1);

}  // namespace tenon::inline v0::protocol
