// nghttp2 held by the hand: one session's memory, its options, its bytes in and out. Protocol layer; the only door to nghttp2.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <nghttp2/nghttp2.h>

#include <tenon/core/buffer.hpp>

namespace tenon::inline v0::protocol::detail {

// A header field as nghttp2 takes it. The views must live until the submit call returns; nghttp2 copies them.
inline nghttp2_nv header_field(std::string_view name, std::string_view value) noexcept {
  const auto bytes = [](std::string_view text) { return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data())); };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

inline std::string_view text_of(const std::uint8_t* bytes, std::size_t count) noexcept { return {reinterpret_cast<const char*>(bytes), count}; }

// Since CVE-2023-44487 nghttp2 ends a connection for more than 1000 resets and 33 a second, however many streams end well: a busy client that gives up one call of a thousand
// would lose it. grpc_requests counts better. Older ones have no such limit, and no function for it.
template <class Option>
void lift_reset_rate_limit(Option* option) {
  if constexpr (requires { nghttp2_option_set_stream_reset_rate_limit(option, 1, 1); }) nghttp2_option_set_stream_reset_rate_limit(option, 1'000'000'000, 1'000'000'000);
}

// Owns an nghttp2 session. `owner` is what the callbacks get as user data; it must not move.
class http2_engine {
 public:
  // Which side of the connection.
  enum class side : std::uint8_t { server, client };

  // Units   windows and frames in bytes, streams in streams.
  static constexpr std::int32_t stream_window = 1024 * 1024;
  static constexpr std::int32_t connection_window = 8 * 1024 * 1024;
  static constexpr std::uint32_t most_streams = 1024;

  http2_engine(side which, void* owner, void (*fill)(nghttp2_session_callbacks*), std::size_t max_header_bytes) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_option* option = nullptr;
    if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0) {
      nghttp2_session_callbacks_del(callbacks);
      return;
    }
    fill(callbacks);
    // What a peer may make us queue and remember before the connection ends.
    nghttp2_option_set_max_outbound_ack(option, 1000);
    nghttp2_option_set_max_settings(option, 32);
    lift_reset_rate_limit(option);
    nghttp2_option_set_no_closed_streams(option, 1);
    // A stream's window opens again when what came has been read, and not when it has come.
    nghttp2_option_set_no_auto_window_update(option, 1);
    if (which == side::server) {
      nghttp2_session_server_new2(&session_, callbacks, owner, option);
    } else {
      nghttp2_option_set_peer_max_concurrent_streams(option, 100);
      nghttp2_session_client_new2(&session_, callbacks, owner, option);
    }
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    if (session_ == nullptr) return;
    const std::array<nghttp2_settings_entry, 4> settings{{
        {which == side::server ? NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS : NGHTTP2_SETTINGS_ENABLE_PUSH, which == side::server ? most_streams : 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(stream_window)},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(max_header_bytes)},
        {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 16 * 1024},
    }};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, connection_window);
  }
  http2_engine(const http2_engine&) = delete;
  http2_engine& operator=(const http2_engine&) = delete;
  ~http2_engine() { nghttp2_session_del(session_); }

  nghttp2_session* get() const noexcept { return session_; }

  /// Feeds bytes. Returns an empty text, or why nothing more can be read.
  std::string_view receive(std::string_view in) {
    if (session_ == nullptr) return "no memory for an HTTP/2 session";
    const auto taken = nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(in.data()), in.size());
    if (taken >= 0) return {};
    return nghttp2_strerror(static_cast<int>(taken));
  }

  /// Appends everything that may be sent now. Not within a callback.
  void send(buffer& out) {
    if (session_ == nullptr) return;
    out_ = &out;
    const std::uint8_t* piece = nullptr;
    for (;;) {
      const auto size = nghttp2_session_mem_send(session_, &piece);
      if (size <= 0) break;
      out.append(piece, static_cast<std::size_t>(size));
    }
    out_ = nullptr;
  }

  /// So many bytes of DATA are no matter of the connection's any more: one stream that nobody reads does not hold up the others. Each stream has its own window.
  void took(std::int32_t id, std::size_t bytes, bool read) noexcept {
    if (read) nghttp2_session_consume(session_, id, bytes);
    else nghttp2_session_consume_connection(session_, bytes);
  }
  /// So many of them have been read: the stream's window opens again by as much.
  void read(std::int32_t id, std::size_t bytes) noexcept { nghttp2_session_consume_stream(session_, id, bytes); }

  // Where `send` is writing: for the callback that writes the payload of DATA itself.
  buffer& out() const noexcept { return *out_; }
  bool sending() const noexcept { return out_ != nullptr; }

  /// Nothing is left to say or to hear.
  bool finished() const noexcept { return session_ == nullptr || (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0); }

 private:
  nghttp2_session* session_ = nullptr;
  buffer* out_ = nullptr;
};

// A free list of streams' states: a stream that ended lends its memory to the next.
template <class Stream>
class stream_pool {
 public:
  stream_pool() noexcept = default;
  stream_pool(const stream_pool&) = delete;
  stream_pool& operator=(const stream_pool&) = delete;
  ~stream_pool() {
    while (free_ != nullptr) delete take();
    while (used_ != nullptr) {
      Stream* gone = used_;
      leave(*gone);
      delete gone;
    }
  }

  Stream& make() {
    Stream* made = free_ != nullptr ? take() : new Stream;
    made->next = used_;
    made->previous = &used_;
    if (used_ != nullptr) used_->previous = &made->next;
    used_ = made;
    ++count_;
    return *made;
  }
  void give_back(Stream& ended) {
    leave(ended);
    --count_;
    if (kept_ == most_kept) {
      delete &ended;
      return;
    }
    ended.reset();
    ended.next = free_;
    free_ = &ended;
    ++kept_;
  }
  std::size_t count() const noexcept { return count_; }
  Stream* first() const noexcept { return used_; }

 private:
  static constexpr std::size_t most_kept = 128;

  Stream* take() noexcept {
    Stream* taken = free_;
    free_ = taken->next;
    if (kept_ != 0) --kept_;
    return taken;
  }
  static void leave(Stream& who) noexcept {
    *who.previous = who.next;
    if (who.next != nullptr) who.next->previous = who.previous;
    who.next = nullptr;
    who.previous = nullptr;
  }

  Stream* free_ = nullptr;
  Stream* used_ = nullptr;
  std::size_t count_ = 0;
  std::size_t kept_ = 0;
};

}  // namespace tenon::inline v0::protocol::detail
