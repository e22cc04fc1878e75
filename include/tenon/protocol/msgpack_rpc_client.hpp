// MessagePack-RPC on one connection: the client's session. Protocol layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/msgpack_rpc_bytes.hpp>
#include <tenon/protocol/detail/msgpack_rpc_message.hpp>
#include <tenon/protocol/detail/msgpack_rpc_numbers.hpp>

namespace tenon::inline v0::protocol {

/// The client's half of MessagePack-RPC. Arguments go by position; a service without a name sends its methods' names alone, as Neovim has them.
///
/// Errors  what is no message closes the connection with a reason; an answer above the limit fails its call and is skipped without being stored. Requests of
///         the server are refused, its notifications dropped.
/// Source  MessagePack-RPC specification.
class msgpack_rpc_client_session final : public client_session {
 public:
  explicit msgpack_rpc_client_session(const limits& bounds) noexcept : bounds_{bounds}, framer_{bounds.max_message_bytes + bounds.max_metadata_bytes} {}

  mark begin_request(buffer& out, const outgoing& call) override {
    const std::size_t start = out.size();
    out.append(call.one_way ? std::string_view{"\x93\x02"} : std::string_view{"\x94\x00", 2});
    if (!call.one_way) detail::append_msgpack_number(out, numbers_.give(call.id));
    detail::append_msgpack_text(out, call.service.empty() ? call.method : std::string_view{tenon::detail::join_text({call.service, ".", call.method})});
    arguments_ = call.arguments;
    if (arguments_ == 1) detail::append_msgpack_array_head(out, 1);
    return {.start = start, .payload = out.size()};
  }

  // The codec has written what stands for the arguments in any protocol: nil for none, one as it is, several as an array or as a map by their names.
  void end_request(buffer& out, mark at) override {
    if (arguments_ == 1) return;
    detail::msgpack_cursor written{out.view(at.payload)};
    std::uint64_t count = 0;
    if (arguments_ == 0 || (arguments_ < 0 && written.is_null())) {
      out.truncate(at.payload);
      detail::append_msgpack_array_head(out, 0);
    } else if (arguments_ < 0) {
      if (written.read_array(count)) return;
      out.push_back(0);
      std::memmove(out.data() + at.payload + 1, out.data() + at.payload, out.size() - at.payload - 1);
      out.data()[at.payload] = static_cast<char>(0x91);
    } else if (written.read_map(count)) {
      drop_names(out, at.payload, count);
    }
  }

  consumed consume(std::string_view in, reply_sink& sink, buffer& out) override {
    consumed done;
    while (done.bytes != in.size()) {
      const framer::cut cut = framer_.next(in.substr(done.bytes));
      done.bytes += cut.used;
      message found;
      if (cut.is == framer::kind::starved) break;
      if (cut.is == framer::kind::skipped) continue;
      if (cut.is == framer::kind::oversized) {
        refuse_oversized(cut.bytes, sink);
        continue;
      }
      if (cut.is == framer::kind::malformed || !read_msgpack_rpc_message(cut.bytes, found)) {
        done.next = consumed::state::close;
        done.reason = "msgpack-rpc: expected [1, id, error, result], found other bytes";
        break;
      }
      if (found.is == message::kind::response) deliver(found, sink);
      else if (found.is == message::kind::request) refuse(found.id, out);
    }
    return done;
  }

  void visit_requests(std::string_view written, request_visitor& visitor) const override {
    detail::msgpack_cursor from{written};
    for (std::string_view each; from.read_value(each);) {
      message found;
      if (!read_msgpack_rpc_message(each, found) || found.is != message::kind::request) continue;
      if (const auto id = numbers_.find(found.id)) visitor.request(*id, written.size() - from.rest.size());
    }
  }

 private:
  using framer = detail::msgpack_rpc_framer;
  using message = detail::msgpack_rpc_message;

  void deliver(const message& found, reply_sink& sink) {
    const auto id = numbers_.take(found.id);
    if (!id) return;
    reply answer{.id = *id, .codec = serialization::msgpack, .payload = found.result};
    if (!found.error.empty()) [[unlikely]] answer.error = detail::read_msgpack_rpc_error(found.error);
    sink.on_reply(answer);
  }

  [[gnu::cold]] void refuse_oversized(std::string_view beginning, reply_sink& sink) {
    detail::msgpack_cursor from{beginning};
    message found;
    if (!read_msgpack_rpc_head(from, found) || found.is != message::kind::response) return;
    const auto id = numbers_.take(found.id);
    if (!id) return;
    reply answer{.id = *id, .codec = serialization::msgpack};
    answer.error = status{code::resource_exhausted, tenon::detail::join_text({"the answer exceeds the limit of ", tenon::detail::number_text{bounds_.max_message_bytes}, " bytes"})};
    answer.error.add_flag(outcome::local).add_flag(outcome::no_retry);
    sink.on_reply(answer);
  }

  // The server asks something: nothing is served on this side, and it need not wait to learn that.
  [[gnu::cold]] static void refuse(std::uint64_t id, buffer& out) {
    out.append("\x94\x01");
    detail::append_msgpack_number(out, id);
    detail::append_msgpack_text(out, "UNIMPLEMENTED: this peer serves no methods");
    out.push_back(static_cast<char>(0xC0));
  }

  // Turns the map of `count` arguments at the end of `out` into the array of its values.
  [[gnu::noinline]] static void drop_names(buffer& out, std::size_t from, std::uint64_t count) {
    buffer values;
    detail::append_msgpack_array_head(values, count);
    detail::msgpack_cursor written{out.view(from)};
    written.read_map(count);
    for (std::string_view value; count > 0 && written.read_value(value) && written.read_value(value); --count) values.append(value);
    out.truncate(from);
    out.append(values.view());
  }

  limits bounds_;
  framer framer_;
  detail::msgpack_rpc_numbers numbers_;
  int arguments_ = -1;  // of the request that is being written
};

}  // namespace tenon::inline v0::protocol
