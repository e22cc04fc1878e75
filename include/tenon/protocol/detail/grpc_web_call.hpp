// One gRPC-Web call at a time: its message out of a request's body, and its answer's body around a message, compressed where both sides say so. Protocol layer, detail of web.hpp.
// Source: grpc/grpc, PROTOCOL-WEB.md; gRPC compression.md.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/status.hpp>
#include <tenon/protocol/compression.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/grpc_coding.hpp>
#include <tenon/protocol/detail/grpc_web_text.hpp>
#include <tenon/protocol/detail/http_route.hpp>

namespace tenon::inline v0::protocol::detail {

class grpc_web_call {
 public:
  explicit grpc_web_call(std::size_t max_message_bytes) noexcept : max_message_bytes_{max_message_bytes} {}

  void use(const compression* how) { coding_.use(how); }

  /// Finds the one message: in the body, or here until `forget`, when that was base64 or compressed.
  ///
  /// Errors  `cut_grpc_web`'s and `grpc_coding::inflate`'s; `why` gets what the refusal says beside them.
  status read(const request& call, bool is_text, std::string_view& message, metadata& why) {
    bool compressed = false;
    status fault = cut_grpc_web(call.payload, is_text, decoded_, message, compressed);
    deflates_ = coding_.is_on() && coding_.taken_by(find_header(call.metadata_block, "grpc-accept-encoding"));
    if (!fault.ok() || !compressed) return fault;
    const std::string_view named = find_header(call.metadata_block, "grpc-encoding");
    fault = coding_.inflate(named.empty() ? grpc_encoding::identity : coding_.encoding_of(named), message, max_message_bytes_, "gRPC-Web: the message", message);
    if (fault.ok()) return fault;
    if (fault.code() == code::unimplemented) why.add("grpc-accept-encoding", coding_.accepted());
    return fault.add_flag(outcome::not_executed).add_flag(outcome::no_retry);
  }
  void forget() noexcept { decoded_ = {}; }

  /// The body begins at `head.payload`; what is returned has the message's place as its payload.
  static mark begin_message(buffer& out, mark head) {
    out.append(std::string_view{"\0\0\0\0\0", grpc_web_prefix});
    return {.start = head.start, .payload = out.size()};
  }
  /// The body around the message that began at `at`; `headers` gets what belongs in front of it.
  mark end_message(buffer& out, mark at, metadata& headers) const {
    const mark framed{.start = at.payload - grpc_web_prefix, .payload = at.payload};
    if (deflates_ && coding_.deflate(out, framed)) headers.add("grpc-encoding", coding_.name());
    set_grpc_web_length(out.data() + framed.start, out.size() - at.payload);
    return {.start = at.start, .payload = framed.start};
  }

 private:
  std::size_t max_message_bytes_;
  std::string decoded_;    // a body that was base64
  grpc_coding coding_;
  bool deflates_ = false;  // the answer's message may be compressed
};

}  // namespace tenon::inline v0::protocol::detail
