// rpcx on one connection: the client's session. Protocol layer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include <tenon/core/buffer.hpp>
#include <tenon/core/bytes.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/compression.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/rpcx_extension.hpp>
#include <tenon/protocol/rpcx_frame.hpp>
#include <tenon/protocol/rpcx_status.hpp>
#include <tenon/protocol/streaming.hpp>

namespace tenon::inline v0::protocol {

/// The client's half of rpcx.
///
/// Errors  a bad magic or impossible lengths close the connection with a reason; an answer above the limit, and one that is compressed although nobody asked, fails its call: the former is
///         skipped without being stored.
class rpcx_client_session final : public client_session {
 public:
  explicit rpcx_client_session(const limits& bounds) noexcept : bounds_{bounds} {}

  mark begin_request(buffer& out, const outgoing& call) override {
    mark at = rpcx::begin_frame(out, call.one_way ? rpcx::one_way_bit : static_cast<unsigned char>(0), call.codec, call.id);
    rpcx::frames::append_block(out, call.service);
    rpcx::frames::append_block(out, call.method);
    const std::size_t block = out.size() + 4;
    std::memset(out.extend(4), 0, 4);
    if (call.timeout || call.extra != nullptr) {
      // Rounded up: a server that thinks the time is up a little late does no harm, one that thinks so too early does.
      if (call.timeout) append_timeout(out, (call.timeout->ns + 999'999) / 1'000'000);
      if (call.extra != nullptr) {
        for (const auto& [key, value] : *call.extra) rpcx::frames::append_pair(out, key, value);
        if (call.stream_credit != 0) [[unlikely]] rpcx::frames::append_number(out, rpcx::stream_key, call.stream_credit);
      }
      tenon::detail::store_big_endian_32(out.data() + block - 4, static_cast<std::uint32_t>(out.size() - block));
    }
    rpcx::begin_payload(out, at);
    return at;
  }

  void end_request(buffer& out, mark at) override {
    if (coding_ != nullptr) [[unlikely]] compress(out, at);
    rpcx::end_frame(out, at);
  }
  /// rpcx knows gzip alone: by another name nothing is compressed. Nor are items of a stream.
  void use(const compression& how, std::size_t from_bytes) override {
    coding_ = how.name() == "gzip" ? &how : nullptr;
    compress_from_ = from_bytes;
  }

  /// A heartbeat that says who is here: its echo tells whether the peer is tenon.
  void begin(buffer& out) override { rpcx::append_heartbeat(out, 0, 0, rpcx::peer_client); }
  bool write_heartbeat(buffer& out) override { return rpcx::append_heartbeat(out, 0, 0, rpcx::peer_client), true; }
  bool write_cancel(buffer& out, std::uint64_t id) override {
    if (peer_is_tenon_) rpcx::append_notice(out, rpcx::cancel_notice, id);
    return peer_is_tenon_;
  }
  [[gnu::cold]] void visit_requests(std::string_view written, request_visitor& visitor) const override {
    std::size_t end = 0;
    while (const auto length = rpcx::frame_length(written.substr(end))) {
      const std::string_view head = written.substr(end);
      if (*length > head.size()) return;
      end += static_cast<std::size_t>(*length);
      if ((static_cast<unsigned char>(head[2]) & (rpcx::response_bit | rpcx::heartbeat_bit | rpcx::one_way_bit)) == 0) visitor.request(tenon::detail::load_big_endian_64(head.data() + 4), end);
    }
  }

  /// The request that opens a stream may go to anybody; what follows waits for credit, which only tenon sends.
  bool streams() const noexcept override { return true; }
  mark begin_item(buffer& out, std::uint64_t id, serialization codec) override { return rpcx::begin_item(out, codec, id); }
  std::int64_t end_item(buffer& out, mark at, std::uint64_t) override {
    rpcx::end_frame(out, at);
    return cost_of_item(out.size() - at.payload);
  }
  void write_end(buffer& out, std::uint64_t id) override { rpcx::append_notice(out, rpcx::end_notice, id); }
  void write_credit(buffer& out, std::uint64_t id, const items_taken& taken) override { rpcx::append_credit(out, id, cost_of_items(taken)); }

  consumed consume(std::string_view in, reply_sink& sink, buffer& out) override {
    consumed done;
    reply answer;  // one for all of them: each frame fills it anew
    while (true) {
      const std::string_view rest = in.substr(done.bytes);
      if (skipping_ != 0 && !rest.empty()) {
        const auto step = static_cast<std::size_t>((std::min)(skipping_, std::uint64_t{rest.size()}));
        skipping_ -= step;
        done.bytes += step;
        continue;
      }
      if (!rest.empty() && static_cast<unsigned char>(rest[0]) != rpcx::magic) {
        return close(done, {"expected a frame with magic byte 0x08, found ", tenon::detail::number_text{static_cast<unsigned>(static_cast<unsigned char>(rest[0]))}});
      }
      const auto length = rpcx::frame_length(rest);
      if (!length) return done;
      if (*length < rpcx::smallest_frame) return close(done, {"expected an answer of at least 32 bytes, found a total of ", tenon::detail::number_text{*length}});
      if (*length > bounds_.max_message_bytes + bounds_.max_metadata_bytes) {
        refuse_oversized(rest, *length, sink, out);
        skipping_ = *length;
        continue;
      }
      if (rest.size() < *length) return done;
      const std::string_view whole{rest.data(), static_cast<std::size_t>(*length)};
      std::string_view service;
      std::string_view method;
      if (!rpcx::cut_blocks(whole, service, method, answer.metadata_block, answer.payload)) return close(done, {"expected block lengths that add up to the frame's, found others"});
      done.bytes += static_cast<std::size_t>(*length);
      const rpcx::frame_head head = rpcx::read_head(whole);
      if (head.is_response() && !head.is_heartbeat()) [[likely]] {
        answer.next = rpcx::next_sequence(in.substr(done.bytes));
        deliver(head, answer, sink);
      } else {
        take_special({head, service, method, answer.metadata_block, answer.payload}, whole, sink, out);
      }
    }
  }

 private:
  [[gnu::noinline]] void take_special(const rpcx::frame& cut, std::string_view whole, reply_sink& sink, buffer& out) {
    if (rpcx::is_notice(cut, rpcx::item_notice)) take_item(cut, sink, out);
    else take_aside(cut, whole, sink, out);
  }
  void take_item(const rpcx::frame& cut, reply_sink& sink, buffer& out) {
    if (!peer_is_tenon_) return;
    if (cut.payload.size() > bounds_.max_message_bytes) return refuse_item(cut.sequence, cut.payload.size(), sink, out);
    sink.on_item(cut.sequence, static_cast<serialization>(cut.codec), cut.payload);
  }
  // Ends the call here, and then there.
  [[gnu::cold]] void refuse_item(std::uint64_t id, std::uint64_t length, reply_sink& sink, buffer& out) const {
    rpcx::append_notice(out, rpcx::cancel_notice, id);
    sink.on_reply(reply{.id = id, .error = too_large("an item of the answer", length)});
  }
  [[gnu::cold]] status too_large(std::string_view what, std::uint64_t length) const {
    status error{code::resource_exhausted, tenon::detail::join_text({what, " has ", tenon::detail::number_text{length}, " bytes; the limit is ", tenon::detail::number_text{bounds_.max_message_bytes}})};
    return error.add_flag(outcome::local).add_flag(outcome::no_retry);
  }

  // Calls of a batch have the same time left: its text is made once for all of them.
  void append_timeout(buffer& out, std::int64_t milliseconds) {
    if (milliseconds != timeout_) {
      timeout_ = milliseconds;
      timeout_pair_.clear();
      rpcx::frames::append_number(timeout_pair_, rpcx::timeout_key, milliseconds);
    }
    out.append(timeout_pair_.view());
  }

  // Everything but an answer and its items.
  [[gnu::cold]] void take_aside(const rpcx::frame& cut, std::string_view whole, reply_sink& sink, buffer& out) {
    if (cut.is_heartbeat()) {
      if (!cut.is_response()) rpcx::append_heartbeat(out, rpcx::response_bit, cut.sequence, rpcx::peer_client);
      else if (rpcx::is_from_tenon(cut, rpcx::peer_server)) peer_is_tenon_ = true;
    } else if (peer_is_tenon_ && rpcx::is_notice(cut, rpcx::going_away_notice)) {
      sink.on_going_away(cut.sequence);
    } else if (peer_is_tenon_ && rpcx::is_notice(cut, rpcx::credit_notice)) {
      sink.on_credit(cut.sequence, rpcx::read_credit(cut));
    } else if (!cut.is_response() && !sink.on_request(whole) && !cut.is_one_way()) {
      refuse_call(cut, out);
    }
  }

  [[gnu::cold]] static void refuse_call(const rpcx::frame& cut, buffer& out) {
    mark at = rpcx::begin_frame(out, rpcx::response_bit | 1, static_cast<serialization>(cut.codec), cut.sequence);
    std::memset(out.extend(12), 0, 12);
    const std::size_t block = out.size();
    rpcx::append_status(out, status{outcome{.code = code::unimplemented, .flags = outcome::not_executed}, "this client serves nothing"});
    tenon::detail::store_big_endian_32(out.data() + block - 4, static_cast<std::uint32_t>(out.size() - block));
    rpcx::begin_payload(out, at);
    rpcx::end_frame(out, at);
  }

  [[gnu::cold]] void refuse_oversized(std::string_view head, std::uint64_t length, reply_sink& sink, buffer& out) const {
    const auto bits = static_cast<unsigned char>(head[2]);
    const std::uint64_t id = tenon::detail::load_big_endian_64(head.data() + 4);
    if ((bits & rpcx::heartbeat_bit) != 0) return;
    if ((bits & rpcx::response_bit) == 0) {
      if (peer_is_tenon_) refuse_item(id, length, sink, out);
      return;
    }
    sink.on_reply(reply{.id = id, .error = too_large("the answer", length)});
  }

  void deliver(const rpcx::frame_head& head, reply& answer, reply_sink& sink) {
    answer.id = head.sequence;
    answer.codec = static_cast<serialization>(head.codec);
    answer.read_metadata = &rpcx::read_metadata;
    if (!answer.error.ok()) [[unlikely]] answer.error = {};
    if (head.is_error()) [[unlikely]] answer.error = rpcx::read_status(answer.metadata_block);
    else if (head.is_compressed()) [[unlikely]] answer.error = inflate(head, answer.payload);
    sink.on_reply(answer);
  }

  [[gnu::cold, gnu::noinline]] void compress(buffer& out, mark at) const {
    if (out.size() - at.payload < compress_from_) return;
    buffer smaller;
    coding_->deflate(out.view(at.payload), smaller);
    if (smaller.size() >= out.size() - at.payload) return;
    out.truncate(at.payload);
    out.append(smaller.view());
    out.data()[at.start + 2] = static_cast<char>(static_cast<unsigned char>(out.data()[at.start + 2]) | rpcx::gzip_bits);
  }
  // In place of `payload` what it holds, until the next one.
  [[gnu::cold, gnu::noinline]] status inflate(const rpcx::frame_head& head, std::string_view& payload) {
    const auto fault = [](code why, std::string_view text) { return status{outcome{.code = why, .flags = outcome::local}, text}; };
    if (coding_ == nullptr) return fault(code::internal, "the answer is compressed (gzip), which this client did not ask for");
    if ((head.bits & rpcx::compression_bits) != rpcx::gzip_bits) return fault(code::internal, "the answer is compressed in a way that rpcx does not name; expected gzip");
    inflated_.clear();
    if (inflated_.capacity() > kept_bytes) inflated_.release();
    const status done = coding_->inflate(payload, bounds_.max_message_bytes, inflated_);
    payload = inflated_.view();
    if (done.ok()) return done;
    if (done.code() == code::resource_exhausted) return fault(done.code(), done.message()).add_flag(outcome::no_retry);
    return fault(code::internal, tenon::detail::join_text({"the answer cannot be read: ", done.message()}));
  }

  [[gnu::cold]] static consumed close(consumed done, std::initializer_list<std::string_view> reason) {
    done.next = consumed::state::close;
    done.reason = "rpcx: " + tenon::detail::join_text(reason);
    return done;
  }

  static constexpr std::size_t kept_bytes = 64 * 1024;

  limits bounds_;
  std::uint64_t skipping_ = 0;  // bytes of a refused answer still to be thrown away
  std::int64_t timeout_ = -1;   // milliseconds, as they stand in ...
  buffer timeout_pair_;
  const compression* coding_ = nullptr;
  std::size_t compress_from_ = smallest_to_compress;
  buffer inflated_;             // an answer that came compressed
  bool peer_is_tenon_ = false;
};

}  // namespace tenon::inline v0::protocol
