// wslay held by the hand: one side of an open WebSocket, bytes in, messages out. Protocol layer; the only door to wslay.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <wslay/wslay.h>

#include <tenon/core/buffer.hpp>
#include <tenon/protocol/detail/websocket_frame.hpp>

namespace tenon::inline v0::protocol::detail {

/// What became of the bytes at the front.
struct websocket_step {
  enum class kind : std::uint8_t {
    starved,  ///< the frame is not complete
    frame,    ///< a frame was handled that completes no message: a ping has been answered
    message,  ///< `message()` is complete
    closed,   ///< the peer said goodbye, and has been answered
    failed,   ///< the peer broke a rule, and has been told which by `code`
  };
  kind is = kind::starved;
  std::size_t used = 0;
  std::uint16_t code = 0;
};

/// Laws    `next` takes one frame at most, so that whoever reads may stop between any two; a frame that is not complete is taken as far as it has come, its head and a
///         control frame only as a whole. Memory is taken for what has come, never for what a head announces. wslay checks masks, reserved bits, fragments, UTF-8 and
///         close codes, takes the mask off, and answers pings; frames that carry messages are written by whoever has the message, with websocket_frame.hpp.
class websocket_engine {
 public:
  /// With `masks` it is a client's side.
  ///
  /// Units   `longest` message in bytes.
  explicit websocket_engine(std::size_t longest, websocket_masks* masks = nullptr) : longest_{longest}, masks_{masks} {
    wslay_event_callbacks callbacks{};
    callbacks.recv_callback = &give;
    callbacks.send_callback = &take;
    callbacks.genmask_callback = &make_mask;
    callbacks.on_frame_recv_start_callback = &frame_begins;
    callbacks.on_frame_recv_chunk_callback = &chunk;
    callbacks.on_msg_recv_callback = &message_ends;
    const auto make = masks == nullptr ? &wslay_event_context_server_init : &wslay_event_context_client_init;
    if (make(&context_, &callbacks, this) != 0) {
      context_ = nullptr;
      return;
    }
    // Without its own memory for messages, which it would take by the length that a frame announces.
    wslay_event_config_set_no_buffering(context_, 1);
    wslay_event_config_set_max_recv_msg_length(context_, (std::max)(longest, std::size_t{125}));
  }
  websocket_engine(const websocket_engine&) = delete;
  websocket_engine& operator=(const websocket_engine&) = delete;
  ~websocket_engine() { wslay_event_context_free(context_); }

  /// Whether messages may still be sent.
  bool is_open() const noexcept { return open_; }
  /// Whether bytes of an unfinished message or frame have been taken.
  bool unfinished() const noexcept { return open_ && (left_ != 0 || in_message_); }
  std::string_view message() const noexcept { return message_.view(); }
  websocket_opcode opcode() const noexcept { return opcode_; }
  void clear_message() {
    message_.clear();
    if (message_.capacity() > kept_bytes) message_.release();
  }

  websocket_step next(std::string_view in, buffer& out) {
    if (context_ == nullptr) return fail(websocket_code::internal_error, "no memory for a WebSocket", out);
    if (left_ == 0) {
      const websocket_extent extent = measure_websocket_frame(in);
      if (extent.head == 0) return {};
      // wslay looks for UTF-8 in each piece of a close frame as if it were the whole.
      const bool is_short = extent.payload <= 125;
      if (extent.is_control() && is_short && in.size() - extent.head < extent.payload) return {};
      if (extent.opcode == static_cast<std::uint8_t>(websocket_opcode::close) && extent.payload == 1) return fail(websocket_code::protocol_error, "half a close code", out);
      left_ = extent.head + (std::min)(extent.payload, std::uint64_t{1} << 62);
    }
    const auto part = static_cast<std::size_t>((std::min)(left_, std::uint64_t{in.size()}));
    if (part == 0) return {};
    // What the callbacks append, as nothing may be thrown through wslay.
    message_.prepare(part);
    feed_ = in.substr(0, part);
    completed_ = too_big_ = false;
    const int result = wslay_event_recv(context_);
    left_ -= part;
    if (too_big_) return fail(websocket_code::too_big, "the message is too large", out);
    if (result != 0) return fail(result == WSLAY_ERR_NOMEM ? websocket_code::internal_error : websocket_code::protocol_error, "no frame of RFC 6455", out);
    if (wslay_event_want_write(context_) != 0) send(out);
    if (wslay_event_get_read_enabled(context_) == 0) return end(part);
    const auto kind = completed_ ? websocket_step::kind::message : left_ == 0 ? websocket_step::kind::frame : websocket_step::kind::starved;
    return {.is = kind, .used = part};
  }

  /// Says goodbye; nothing is sent after it. Returns false when that was said already.
  [[gnu::cold]] bool close(buffer& out, std::uint16_t code, std::string_view reason) {
    if (!open_) return false;
    open_ = false;
    append_websocket_close(out, code, reason, masks_);
    return true;
  }

 private:
  // What is kept of the memory that a large message took.
  static constexpr std::size_t kept_bytes = 64 * 1024;

  [[gnu::cold]] websocket_step fail(std::uint16_t code, std::string_view reason, buffer& out) {
    close(out, code, reason);
    return {.is = websocket_step::kind::failed, .used = 0, .code = code};
  }
  // wslay reads no more: what it had to say has been written.
  [[gnu::cold]] websocket_step end(std::size_t used) {
    open_ = false;
    if (wslay_event_get_close_received(context_) != 0) return {.is = websocket_step::kind::closed, .used = used, .code = wslay_event_get_status_code_received(context_)};
    return {.is = websocket_step::kind::failed, .used = used, .code = wslay_event_get_status_code_sent(context_)};
  }

  [[gnu::cold]] void send(buffer& out) {
    // A pong or a close frame, of which there is one at most between two frames that are read.
    out.prepare(256);
    out_ = &out;
    if (open_) wslay_event_send(context_);
    out_ = nullptr;
  }

  // --- wslay's callbacks; none of them throws

  static websocket_engine& self(void* data) noexcept { return *static_cast<websocket_engine*>(data); }

  static ssize_t give(wslay_event_context_ptr context, std::uint8_t* into, std::size_t room, int, void* data) noexcept {
    std::string_view& feed = self(data).feed_;
    if (feed.empty()) {
      wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
      return -1;
    }
    const std::size_t count = (std::min)(room, feed.size());
    std::memcpy(into, feed.data(), count);
    feed.remove_prefix(count);
    return static_cast<ssize_t>(count);
  }
  static ssize_t take(wslay_event_context_ptr, const std::uint8_t* from, std::size_t count, int, void* data) noexcept {
    self(data).out_->append(from, count);
    return static_cast<ssize_t>(count);
  }
  static int make_mask(wslay_event_context_ptr, std::uint8_t* into, std::size_t count, void* data) noexcept {
    const std::array<char, 4> key = self(data).masks_->next();
    std::memcpy(into, key.data(), (std::min)(count, key.size()));
    return 0;
  }
  static void frame_begins(wslay_event_context_ptr context, const wslay_event_on_frame_recv_start_arg* frame, void* data) noexcept {
    websocket_engine& to = self(data);
    to.in_control_ = wslay_is_ctrl_frame(frame->opcode) != 0;
    if (to.in_control_) return;
    to.in_message_ = true;
    to.too_big_ = frame->payload_length > to.longest_ - (std::min)(to.message_.size(), to.longest_);
    if (to.too_big_) wslay_event_shutdown_read(context);
  }
  static void chunk(wslay_event_context_ptr, const wslay_event_on_frame_recv_chunk_arg* piece, void* data) noexcept {
    websocket_engine& to = self(data);
    if (!to.in_control_ && !to.too_big_) to.message_.append(piece->data, piece->data_length);
  }
  static void message_ends(wslay_event_context_ptr, const wslay_event_on_msg_recv_arg* message, void* data) noexcept {
    websocket_engine& to = self(data);
    if (wslay_is_ctrl_frame(message->opcode) != 0) return;
    to.opcode_ = static_cast<websocket_opcode>(message->opcode);
    to.in_message_ = false;
    to.completed_ = true;
  }

  wslay_event_context_ptr context_ = nullptr;
  std::size_t longest_;
  websocket_masks* masks_;
  std::uint64_t left_ = 0;   // of the frame that is being read
  std::string_view feed_;    // while `next` runs
  buffer* out_ = nullptr;
  buffer message_;
  websocket_opcode opcode_ = websocket_opcode::text;
  bool open_ = true;
  bool in_message_ = false;  // between the first bytes of a message and its last
  bool in_control_ = false;
  bool completed_ = false;
  bool too_big_ = false;
};

}  // namespace tenon::inline v0::protocol::detail
