// gzip, for whoever links zlib (the CMake target tenon::zlib): `tenon::server server{{.compression = &tenon::gzip}};`, and a client's option of the same name.
// Source: RFC 1952; zlib's manual for inflate and deflate.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/compression.hpp>

namespace tenon::inline v0 {

/// gzip by zlib: of HTTP's messages by Content-Encoding and Accept-Encoding, of gRPC's and gRPC-Web's by grpc-encoding and grpc-accept-encoding, of rpcx's by its flag.
class gzip_compression final : public protocol::compression {
 public:
  std::string_view name() const noexcept override { return "gzip"; }

  void deflate(std::string_view from, buffer& into) const override {
    z_stream work{};
    // Level 6 is zlib's own; 16 asks for gzip's frame.
    if (deflateInit2(&work, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw_no_memory();
    const std::size_t room = deflateBound(&work, static_cast<uLong>(from.size()));
    set_input(work, from);
    work.next_out = reinterpret_cast<Bytef*>(into.prepare(room));
    work.avail_out = static_cast<uInt>(room);
    ::deflate(&work, Z_FINISH);
    into.commit(room - work.avail_out);
    deflateEnd(&work);
  }

  status inflate(std::string_view from, std::size_t limit, buffer& into) const override {
    z_stream work{};
    if (inflateInit2(&work, MAX_WBITS + 16) != Z_OK) throw_no_memory();
    set_input(work, from);
    std::size_t produced = 0;
    int found = Z_OK;
    while (found == Z_OK) {
      // One byte more than the limit tells what is too large.
      const std::size_t room = (std::min)(limit + 1 - produced, (std::max)(std::size_t{4096}, (std::max)(produced, from.size() * 2)));
      if (room == 0) break;
      work.next_out = reinterpret_cast<Bytef*>(into.prepare(room));
      work.avail_out = static_cast<uInt>(room);
      found = ::inflate(&work, Z_NO_FLUSH);
      into.commit(room - work.avail_out);
      produced += room - work.avail_out;
      // A file of gzip may be several, one behind the other.
      if (found == Z_STREAM_END && work.avail_in != 0) found = inflateReset(&work);
    }
    inflateEnd(&work);
    if (produced > limit) return {code::resource_exhausted, detail::join_text({"gzip: the message inflates to more than ", detail::number_text{limit}, " bytes"})};
    if (found != Z_STREAM_END) return {code::invalid_argument, found == Z_BUF_ERROR || found == Z_OK ? "gzip: the message ends early" : "gzip: the message is not gzip, or damaged"};
    return {};
  }

 private:
  // Messages are bounded far below what a z_stream can count.
  static void set_input(z_stream& work, std::string_view from) noexcept {
    work.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(from.data()));
    work.avail_in = static_cast<uInt>(from.size());
  }
  [[noreturn]] static void throw_no_memory() {
#if defined(__cpp_exceptions)
    throw std::bad_alloc{};
#else
    std::abort();
#endif
  }
};

inline constexpr gzip_compression gzip{};

}  // namespace tenon::inline v0
