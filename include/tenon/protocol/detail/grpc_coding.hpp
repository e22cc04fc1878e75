// gRPC's compression of messages: which codings are spoken, and one message made smaller or whole again. Protocol layer; shared by both halves of gRPC and by gRPC-Web.
// Source: gRPC compression.md, PROTOCOL-HTTP2.md (Message-Encoding, Message-Accept-Encoding, Compressed-Flag).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/compression.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/http_coding.hpp>

namespace tenon::inline v0::protocol::detail {

// What a peer's `grpc-encoding` names: nothing that compresses, what is spoken here, or something else.
enum class grpc_encoding : std::uint8_t { identity, spoken, foreign };

// One way to compress beside identity, or none: of a session, for all its streams.
class grpc_coding {
 public:
  void use(const compression* how, std::size_t from_bytes = smallest_to_compress) {
    how_ = how;
    from_bytes_ = from_bytes;
    accepted_.assign("identity");
    if (how != nullptr) accepted_.append(",").append(how->name());
  }

  bool is_on() const noexcept { return how_ != nullptr; }
  /// Whether anything leaves compressed: a peer may refuse a stream for an encoding that it is told of and does not read.
  bool compresses() const noexcept { return how_ != nullptr && from_bytes_ != compress_nothing; }
  /// Only while it is on.
  std::string_view name() const noexcept { return how_->name(); }
  /// For `grpc-accept-encoding`.
  std::string_view accepted() const noexcept { return accepted_; }

  grpc_encoding encoding_of(std::string_view value) const noexcept {
    if (value == "identity") return grpc_encoding::identity;
    return how_ != nullptr && value == how_->name() ? grpc_encoding::spoken : grpc_encoding::foreign;
  }
  /// Whether a peer with this `grpc-accept-encoding` may be sent compressed messages.
  bool taken_by(std::string_view accept_encoding) const noexcept { return how_ != nullptr && accepts_coding(accept_encoding, how_->name()); }

  /// Compresses the message at the end of `out`, with its prefix's flag. False when it stays as it is: it is small, or would not become smaller.
  [[gnu::cold, gnu::noinline]] bool deflate(buffer& out, mark at) const {
    if (!compress_payload(out, at, *how_, from_bytes_)) return false;
    out.data()[at.start] = 1;
    return true;
  }

  /// The message that a compressed `payload` holds; `plain` lies here until the next one. `what` names it in errors.
  ///
  /// Errors  internal where `encoding` is identity or the bytes are damaged; unimplemented where it is foreign; resource_exhausted beyond `limit`.
  [[gnu::cold, gnu::noinline]] status inflate(grpc_encoding encoding, std::string_view payload, std::size_t limit, std::string_view what, std::string_view& plain) {
    if (encoding != grpc_encoding::spoken) return unreadable(encoding, what);
    inflated_.clear();
    if (inflated_.capacity() > kept_bytes) inflated_.release();
    const status done = how_->inflate(payload, limit, inflated_);
    plain = inflated_.view();
    if (done.ok() || done.code() == code::resource_exhausted) return done;
    return {code::internal, tenon::detail::join_text({what, " cannot be read: ", done.message()})};
  }
  status unreadable(grpc_encoding encoding, std::string_view what) const {
    if (encoding == grpc_encoding::identity) return {code::internal, tenon::detail::join_text({what, " is marked as compressed, and grpc-encoding names no compression"})};
    return {code::unimplemented, tenon::detail::join_text({what, " is compressed in a way that is not read here; expected ", accepted_})};
  }

 private:
  static constexpr std::size_t kept_bytes = 64 * 1024;

  const compression* how_ = nullptr;
  std::size_t from_bytes_ = smallest_to_compress;
  std::string accepted_{"identity"};
  buffer inflated_;
};

}  // namespace tenon::inline v0::protocol::detail
