// Answers of HTTP/1.1 that come in items: server-sent events, and Connect's enveloped messages. Protocol layer, detail of web.hpp.
// Source: HTML Living Standard, 9.2 (server-sent events); Connect protocol, streaming RPCs; RFC 9112 7.1 (chunks).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <tenon/core/base64.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/http_answer.hpp>
#include <tenon/protocol/detail/http_headers.hpp>
#include <tenon/protocol/detail/http_json.hpp>
#include <tenon/protocol/detail/http_text.hpp>

namespace tenon::inline v0::protocol::detail {

inline constexpr std::string_view event_stream = "text/event-stream";

// What stands in front of a message of Connect's streams: flags and a length, as gRPC has them.
inline constexpr std::size_t connect_envelope = 5;
inline constexpr char connect_compressed = 1;
inline constexpr char connect_end = 2;

inline void set_connect_length(char* envelope, std::size_t size) noexcept {
  for (std::size_t i = connect_envelope - 1; i != 0; --i, size >>= 8) envelope[i] = static_cast<char>(size & 0xFF);
}

/// Cuts a whole body into its messages, and hands each to `each`. Not OK when the body is no row of plain messages.
template <class Each>
status cut_connect_messages(std::string_view body, Each&& each) {
  const auto refuse = [](code why, std::string_view text) {
    status error{why, text};
    error.add_flag(outcome::not_executed).add_flag(outcome::no_retry);
    return error;
  };
  while (!body.empty()) {
    std::size_t size = 0;
    for (const char c : body.substr(1, 4)) size = size << 8 | static_cast<unsigned char>(c);
    if (body.size() < connect_envelope || body.size() - connect_envelope < size) return refuse(code::invalid_argument, "Connect: a message is shorter than its envelope says");
    if (body.front() == connect_compressed) return refuse(code::unimplemented, "Connect: a message is compressed; expected identity");
    if (body.front() != 0) return refuse(code::invalid_argument, "Connect: the flags of an envelope are unknown");
    each(body.substr(connect_envelope, size));
    body.remove_prefix(connect_envelope + size);
  }
  return {};
}

/// What an answer looks like from its first item to its end. Nothing leaves before the first item, so that what fails until then is answered as any call is.
///
/// Laws    `begin_item` changes nothing: what it appends may be taken away again. `Head(buffer&)` appends an answer's whole head.
class http_streamed {
 public:
  enum class form : std::uint8_t { events, connect };

  /// A new answer. Without chunks it ends with the connection.
  void restart(form as, bool in_chunks) noexcept {
    form_ = as;
    in_chunks_ = in_chunks;
    begun_ = false;
    announced_ = 0;
  }
  bool begun() const noexcept { return begun_; }
  bool as_events() const noexcept { return form_ == form::events; }

  template <class Head>
  mark begin_item(buffer& out, Head&& append_head) {
    const std::size_t start = out.size();
    if (!begun_) append_head(out);
    begin_chunk(out);
    if (as_events()) out.append("data: ");
    else out.append(std::string_view{"\0\0\0\0\0", connect_envelope});
    return {.start = start, .payload = out.size()};
  }
  void end_item(buffer& out, mark at, const metadata& extra) {
    if (as_events()) out.append("\n\n");
    else set_connect_length(out.data() + at.payload - connect_envelope, out.size() - at.payload);
    const std::size_t inside = at.payload - (as_events() ? std::string_view{"data: "}.size() : connect_envelope);
    end_chunk(out, inside);
    if (begun_) return;
    begun_ = true;
    if (!extra.empty()) announce(out, {.start = at.start, .payload = inside - (in_chunks_ ? chunk_head.size() : 0)}, extra);
  }

  /// The end of the whole answer; `error` is OK when all went well.
  template <class Head>
  void end(buffer& out, const status& error, const metadata& extra, Head&& append_head) {
    if (!begun_) append_head(out);
    begin_chunk(out);
    const std::size_t inside = out.size();
    if (as_events()) {
      out.append("event: end\ndata: ");
      if (error.ok()) out.append("{}");
      else append_json_error(out, error);
      out.append("\n\n");
    } else {
      out.append(std::string_view{"\2\0\0\0\0", connect_envelope});
      append_end_of_stream(out, error, extra);
      set_connect_length(out.data() + inside, out.size() - inside - connect_envelope);
    }
    end_chunk(out, inside);
    if (in_chunks_) out.append("0\r\n\r\n");
  }

 private:
  static constexpr std::string_view chunk_head = "00000000\r\n";
  static constexpr std::string_view trailing = "trailer-";

  static bool is_trailing(std::string_view name) noexcept { return metadata::same_key(name.substr(0, trailing.size()), trailing); }

  // Zeros in front of a chunk's size mean nothing: the number is filled in once the chunk stands behind it.
  void begin_chunk(buffer& out) const {
    if (in_chunks_) out.append(chunk_head);
  }
  void end_chunk(buffer& out, std::size_t inside) const {
    if (!in_chunks_) return;
    constexpr std::string_view digits = "0123456789abcdef";
    char* place = out.data() + inside - 2;
    for (std::size_t size = out.size() - inside; size != 0; size >>= 4) *--place = digits[size & 15];
    out.append("\r\n");
  }

  // Metadata that was set before the first item belongs into the head.
  [[gnu::cold]] void announce(buffer& out, mark at, const metadata& extra) {
    metadata leading;
    for (const auto& [name, value] : extra) {
      if (!is_trailing(name)) leading.add(name, value);
    }
    announced_ = leading.size();
    insert_headers(out, at, leading);
  }

  // Connect's EndStreamResponse: the error, and what metadata has not travelled yet.
  [[gnu::cold]] void append_end_of_stream(buffer& out, const status& error, const metadata& extra) const {
    out.push_back('{');
    if (!error.ok()) {
      out.append(R"("error":)");
      append_json_error(out, error);
    }
    metadata left;
    std::size_t position = 0;
    for (const auto& [name, value] : extra) {
      const bool trails = is_trailing(name);
      if (!trails && position++ < announced_) continue;
      const std::string_view key = trails ? std::string_view{name}.substr(trailing.size()) : std::string_view{name};
      if (is_token(key) && !is_framing_header(key)) left.add(key, is_binary_header(key) ? tenon::detail::to_base64(value) : std::string{value});
    }
    if (!left.empty()) {
      if (!error.ok()) out.push_back(',');
      out.append(R"("metadata":)");
      append_lists(out, left);
    }
    out.push_back('}');
  }
  [[gnu::cold]] static void append_lists(buffer& out, const metadata& all) {
    char before = '{';
    for (auto each = all.begin(); each != all.end(); ++each) {
      const auto same = [&](const metadata::value_type& other) { return metadata::same_key(other.first, each->first); };
      bool repeats = false;
      for (auto earlier = all.begin(); earlier != each; ++earlier) repeats = repeats || same(*earlier);
      if (repeats) continue;
      out.push_back(before);
      append_json_string(out, each->first);
      before = '[';
      out.push_back(':');
      for (auto later = each; later != all.end(); ++later) {
        if (!same(*later)) continue;
        out.push_back(before);
        append_json_string(out, later->second);
        before = ',';
      }
      out.push_back(']');
    }
    out.push_back('}');
  }

  form form_ = form::events;
  bool in_chunks_ = true;
  bool begun_ = false;
  std::size_t announced_ = 0;  // how many pairs of metadata stand in the head
};

}  // namespace tenon::inline v0::protocol::detail
