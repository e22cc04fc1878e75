// Whom the server's half of gRPC tells of calls, with the sink's type forgotten: nghttp2's callbacks know none. Protocol layer.
#pragma once

#include <cstdint>
#include <string_view>

#include <tenon/core/code.hpp>
#include <tenon/core/status.hpp>
#include <tenon/protocol/concept.hpp>

namespace tenon::inline v0::protocol::detail {

// Holds the sink while `consume` runs, and nobody otherwise. A sink need not know streams, or hear of cancelled calls.
class grpc_listener {
 public:
  enum class items_event : std::uint8_t { item, end, broken_off, credit };

  grpc_listener() = default;
  template <class Sink>
  explicit grpc_listener(Sink& sink) noexcept
      : sink_{&sink},
        on_request_{[](void* to, const request& call) { return static_cast<Sink*>(to)->on_request(call); }},
        on_cancel_{[](void* to, std::uint64_t id) {
          if constexpr (requires { static_cast<Sink*>(to)->on_cancel(id); }) static_cast<Sink*>(to)->on_cancel(id);
        }},
        on_ping_{[](void* to, bool spoken_to, bool calls_under_way) {
          if constexpr (requires { static_cast<Sink*>(to)->on_ping(spoken_to, calls_under_way); }) return static_cast<Sink*>(to)->on_ping(spoken_to, calls_under_way);
          else return true;
        }},
        on_items_{&items<Sink>},
        caller_streams_{&asked<Sink>} {}

  bool on_request(const request& call) const { return on_request_(sink_, call); }
  void on_cancel(std::int32_t id) const {
    if (on_cancel_ != nullptr) on_cancel_(sink_, static_cast<std::uint64_t>(id));
  }
  /// The peer asked for a sign of life. False when that was once too often.
  bool on_ping(bool spoken_to, bool calls_under_way) const { return on_ping_(sink_, spoken_to, calls_under_way); }
  void on_items(std::int32_t id, items_event what, std::string_view payload, std::int64_t bytes = 0) const { on_items_(sink_, static_cast<std::uint64_t>(id), what, payload, bytes); }
  bool caller_streams(std::string_view service, std::string_view method) const { return caller_streams_(sink_, service, method); }

 private:
  template <class Sink>
  static void items(void* to, std::uint64_t id, items_event what, std::string_view payload, std::int64_t bytes) {
    if constexpr (requires(Sink& sink) { sink.on_credit(id, bytes); }) {
      auto& sink = *static_cast<Sink*>(to);
      switch (what) {
        case items_event::item: return sink.on_item(id, payload);
        case items_event::end: return sink.on_items_end(id);
        case items_event::broken_off: return sink.on_refused_item(id, status{code::internal, "the request ends within a message"});
        case items_event::credit: return sink.on_credit(id, bytes);
      }
    }
  }
  template <class Sink>
  static bool asked(void* to, std::string_view service, std::string_view method) {
    if constexpr (requires(Sink& sink) { sink.streams(service, method).client; }) return static_cast<Sink*>(to)->streams(service, method).client;
    else return false;
  }

  void* sink_ = nullptr;
  bool (*on_request_)(void*, const request&) = nullptr;
  void (*on_cancel_)(void*, std::uint64_t) = nullptr;
  bool (*on_ping_)(void*, bool, bool) = nullptr;
  void (*on_items_)(void*, std::uint64_t, items_event, std::string_view, std::int64_t) = nullptr;
  bool (*caller_streams_)(void*, std::string_view service, std::string_view method) = nullptr;
};

}  // namespace tenon::inline v0::protocol::detail
