// From nghttp2's C callbacks to members of whoever holds the session, by their names: what an owner has no member for is not asked for. Protocol layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <nghttp2/nghttp2.h>

#include <tenon/protocol/detail/http2_engine.hpp>

namespace tenon::inline v0::protocol::detail {

/// Sets the callbacks for an `Owner` that is nghttp2's user data and whose streams' states are `Owner::stream`.
///
/// Members  header(frame, field, value), chunk(id, bytes), stream_closed(id, error), write_data(head, size, stream): always;
///          began(frame), frame_ended(frame), frame_sent(frame), not_sent(frame): where there are such. Each returns nghttp2's number, 0 for good.
template <class Owner>
void set_http2_events(nghttp2_session_callbacks* to) {
  nghttp2_session_callbacks_set_on_header_callback(to, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* field, std::size_t field_size,
                                                          const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    return static_cast<Owner*>(user)->header(*frame, text_of(field, field_size), text_of(value, value_size));
  });
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(to, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size, void* user) {
    return static_cast<Owner*>(user)->chunk(id, text_of(data, size));
  });
  nghttp2_session_callbacks_set_on_stream_close_callback(
      to, [](nghttp2_session*, std::int32_t id, std::uint32_t error, void* user) { return static_cast<Owner*>(user)->stream_closed(id, error); });
  nghttp2_session_callbacks_set_send_data_callback(to, [](nghttp2_session*, nghttp2_frame*, const std::uint8_t* head, std::size_t size, nghttp2_data_source* source, void* user) {
    return static_cast<Owner*>(user)->write_data(head, size, *static_cast<typename Owner::stream*>(source->ptr));
  });
  if constexpr (requires { &Owner::began; }) {
    nghttp2_session_callbacks_set_on_begin_headers_callback(to, [](nghttp2_session*, const nghttp2_frame* frame, void* user) { return static_cast<Owner*>(user)->began(*frame); });
  }
  if constexpr (requires { &Owner::frame_ended; }) {
    nghttp2_session_callbacks_set_on_frame_recv_callback(to, [](nghttp2_session*, const nghttp2_frame* frame, void* user) { return static_cast<Owner*>(user)->frame_ended(*frame); });
  }
  if constexpr (requires { &Owner::frame_sent; }) {
    nghttp2_session_callbacks_set_on_frame_send_callback(to, [](nghttp2_session*, const nghttp2_frame* frame, void* user) { return static_cast<Owner*>(user)->frame_sent(*frame); });
  }
  if constexpr (requires { &Owner::not_sent; }) {
    nghttp2_session_callbacks_set_on_frame_not_send_callback(
        to, [](nghttp2_session*, const nghttp2_frame* frame, int, void* user) { return static_cast<Owner*>(user)->not_sent(*frame); });
  }
}

}  // namespace tenon::inline v0::protocol::detail
