// Beast's sans-IO request parser, kept passive: it notes what a session asks about, and holds no byte itself. Protocol layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/protocol/detail/beast.hpp>

namespace tenon::inline v0::protocol::detail {

/// What one request's head says. The views lie in the bytes that the parser was given.
struct http_head {
  boost::beast::http::verb verb = boost::beast::http::verb::unknown;
  std::string_view verb_text;
  std::string_view target;
  std::string_view content_type;
  std::string_view content_encoding;
  std::string_view expect;
  std::string_view timeout;  ///< connect-timeout-ms
  bool has_timeout = false;
  bool is_http_11 = false;
  bool foreign_transfer_encoding = false;  ///< one that is not exactly `chunked`
  std::size_t hosts = 0;
};

/// One request, from its head to the end of its body.
class http_parser final : public boost::beast::http::basic_parser<true> {
 public:
  using error_code = boost::beast::error_code;

  // The session has cut the head out already and bounds it itself.
  explicit http_parser(const limits& bounds) {
    header_limit((std::numeric_limits<std::uint32_t>::max)());
    body_limit(std::uint64_t{bounds.max_message_bytes});
  }

  const http_head& head() const noexcept { return head_; }

  /// Reads one element (the head, a chunk's header, a piece of a chunk) and returns how many bytes it took.
  std::size_t read(std::string_view bytes, error_code& error) {
    piece_ = {};
    return put(boost::asio::const_buffer{bytes.data(), bytes.size()}, error);
  }
  /// The piece of the body that the last `read` found.
  std::string_view piece() const noexcept { return piece_; }

 private:
  using text = boost::beast::string_view;
  using field = boost::beast::http::field;

  static std::string_view view(text from) noexcept { return {from.data(), from.size()}; }

  void on_request_impl(boost::beast::http::verb verb, text verb_text, text target, int version, error_code&) override {
    head_.verb = verb;
    head_.verb_text = view(verb_text);
    head_.target = view(target);
    head_.is_http_11 = version >= 11;
  }

  void on_field_impl(field name, text name_text, text value, error_code&) override {
    if (is_header_done()) return;  // a trailer: nothing in it may change what has been decided
    switch (name) {
      case field::host: ++head_.hosts; break;
      case field::content_type: head_.content_type = view(value); break;
      case field::content_encoding: head_.content_encoding = view(value); break;
      case field::expect: head_.expect = view(value); break;
      case field::transfer_encoding:
        // Beast takes an unknown coding for no body at all: the bytes after the head would be read as the next request.
        if (!metadata::same_key(view(value), "chunked")) head_.foreign_transfer_encoding = true;
        break;
      case field::unknown:
        if (metadata::same_key(view(name_text), "connect-timeout-ms")) {
          head_.timeout = view(value);
          head_.has_timeout = true;
        }
        break;
      default: break;
    }
  }

  void on_chunk_header_impl(std::uint64_t, text extensions, error_code& error) override {
    // Beast lets a quoted value hold anything, line ends included: others see the next chunk begin there.
    for (const char c : extensions) {
      if (static_cast<unsigned char>(c) < 0x20 && c != '\t') error = boost::beast::http::error::bad_chunk_extension;
    }
  }

  std::size_t on_chunk_body_impl(std::uint64_t, text body, error_code&) override {
    piece_ = view(body);
    return body.size();
  }

  // A body with Content-Length is counted by the session, in place.
  std::size_t on_body_impl(text body, error_code&) override { return body.size(); }
  void on_response_impl(int, text, int, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  void on_finish_impl(error_code&) override {}

  http_head head_;
  std::string_view piece_;
};

}  // namespace tenon::inline v0::protocol::detail
