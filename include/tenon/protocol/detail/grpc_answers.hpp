// gRPC's answers as HTTP/2 carries them: headers, messages, trailers; or trailers alone. Protocol layer; the outgoing half of grpc_session.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tenon/core/buffer.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/status.hpp>
#include <tenon/protocol/detail/grpc_coding.hpp>
#include <tenon/protocol/detail/grpc_server_stream.hpp>
#include <tenon/protocol/detail/grpc_status.hpp>
#include <tenon/protocol/detail/grpc_text.hpp>
#include <tenon/protocol/detail/http2_engine.hpp>

namespace tenon::inline v0::protocol::detail {

// Writes the answers of one connection's streams. A stream that is answered takes no second answer: the callers look first.
class grpc_answers {
 public:
  using stream = grpc_server_stream;

  // A pointer, since the engine is made after whoever hears its events.
  grpc_answers(http2_engine* engine, const grpc_coding& coding) noexcept : engine_{*engine}, coding_{coding} {}
  grpc_answers(const grpc_answers&) = delete;
  grpc_answers& operator=(const grpc_answers&) = delete;

  /// The one message that `to.reply` holds. What the handler set travels as headers; what it named `trailer-...`, as Connect spells it, behind the message, without that prefix.
  void respond(stream& to, const metadata& extra) {
    to.answered = true;
    to.stop_sender = !to.ended;
    for (const auto& [key, value] : extra) {
      if (is_trailer(key)) to.trailers.add(key, value);
    }
    begin_head(to, extra, to.reply.data()[0] != 0);
    submit(to, [](nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t room, std::uint32_t* flags, nghttp2_data_source* source, void*) {
      auto& of = *static_cast<stream*>(source->ptr);
      return of.answers->read_reply(of, room, *flags);
    });
  }

  /// The first item of an answer: headers in front of it, and as many messages as windows let through.
  void begin_items(stream& of, const metadata& extra) {
    of.streaming = true;
    of.announced = extra.size();
    begin_head(of, extra, of.deflates);
    submit(of, [](nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t room, std::uint32_t* flags, nghttp2_data_source* source, void*) {
      auto& with = *static_cast<stream*>(source->ptr);
      return with.answers->read_items(with, room, *flags);
    });
  }
  /// No item follows: the status, once everything before it has left.
  void end_items(stream& of, const status& why, const metadata& extra) {
    of.stop_sender = !of.ended;
    if (!of.streaming) return refuse(of, why, extra);
    of.answered = true;
    of.ending = why;
    std::size_t place = 0;
    for (const auto& [key, value] : extra) {
      if (is_trailer(key) || place >= of.announced) of.trailers.add(key, value);
      ++place;
    }
    nghttp2_session_resume_data(engine_.get(), of.id);
  }

  /// Trailers alone.
  void refuse(stream& to, const status& why, const metadata& extra) {
    to.answered = true;
    if (!to.ended) to.stop_sender = true;
    fields_.clear();
    coded_.clear();
    fields_.push_back(header_field(":status", "200"));
    fields_.push_back(header_field("content-type", grpc_content_type(to.codec)));
    add_ending(why);
    add_grpc_metadata(fields_, coded_, extra, metadata_part::both);
    nghttp2_submit_response(engine_.get(), to.id, fields_.data(), fields_.size(), nullptr);
  }
  /// What is not gRPC has no trailers, and a text that people can read. Its bytes wait in `to.reply`.
  [[gnu::cold]] void refuse_as_http(stream& to) {
    to.answered = true;
    to.stop_sender = !to.ended;
    to.reply.append(to.is_post ? "expected a content-type of application/grpc\n" : "expected POST, with a content-type of application/grpc\n");
    fields_.clear();
    fields_.push_back(header_field(":status", to.is_post ? "415" : "405"));
    fields_.push_back(header_field("content-type", "text/plain"));
    submit(to, [](nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t room, std::uint32_t* flags, nghttp2_data_source* source, void*) {
      const auto& of = *static_cast<stream*>(source->ptr);
      const std::size_t left = of.reply.size() - of.sent;
      *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
      if (left <= room) *flags |= NGHTTP2_DATA_FLAG_EOF;
      return static_cast<ssize_t>((std::min)(left, room));
    });
  }

  /// The payload of a DATA frame, behind its head.
  int write_data(const std::uint8_t* head, std::size_t size, stream& of) {
    buffer& out = engine_.out();
    out.append(head, 9);
    if (of.streaming) {
      out.append(of.outbox.view().substr(0, size));
      of.outbox.took(size);
      any_left_ = true;
      return 0;
    }
    out.append(of.reply.data() + of.sent, size);
    of.sent += size;
    return 0;
  }
  /// Whether items have left since this was asked: their writers have not been told.
  bool any_left() noexcept { return std::exchange(any_left_, false); }

 private:
  void begin_head(const stream& to, const metadata& extra, bool compressed) {
    fields_.clear();
    coded_.clear();
    fields_.push_back(header_field(":status", "200"));
    fields_.push_back(header_field("content-type", grpc_content_type(to.codec)));
    if (coding_.is_on()) [[unlikely]] fields_.push_back(header_field("grpc-accept-encoding", coding_.accepted()));
    if (compressed) [[unlikely]] fields_.push_back(header_field("grpc-encoding", coding_.name()));
    add_grpc_metadata(fields_, coded_, extra, metadata_part::headers);
  }
  void submit(stream& to, nghttp2_data_source_read_callback read) {
    nghttp2_data_provider body{};
    body.source.ptr = &to;
    body.read_callback = read;
    nghttp2_submit_response(engine_.get(), to.id, fields_.data(), fields_.size(), &body);
  }

  ssize_t read_reply(stream& of, std::size_t room, std::uint32_t& flags) {
    const std::size_t left = of.reply.size() - of.sent;
    const std::size_t size = (std::min)(left, room);
    flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (size == left) {
      flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
      fields_.clear();
      coded_.clear();
      fields_.push_back(header_field("grpc-status", "0"));
      if (!of.trailers.empty()) [[unlikely]] add_grpc_metadata(fields_, coded_, of.trailers, metadata_part::trailers);
      nghttp2_submit_trailer(engine_.get(), of.id, fields_.data(), fields_.size());
    }
    return static_cast<ssize_t>(size);
  }
  ssize_t read_items(stream& of, std::size_t room, std::uint32_t& flags) {
    const std::size_t left = of.outbox.size();
    if (left == 0 && !of.answered) return NGHTTP2_ERR_DEFERRED;
    const std::size_t size = (std::min)(left, room);
    flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (size == left && of.answered) {
      flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
      fields_.clear();
      coded_.clear();
      add_ending(of.ending);
      if (!of.trailers.empty()) add_grpc_metadata(fields_, coded_, of.trailers, metadata_part::both);
      nghttp2_submit_trailer(engine_.get(), of.id, fields_.data(), fields_.size());
    }
    return static_cast<ssize_t>(size);
  }

  void add_ending(const status& why) {
    const auto add = [this](std::string_view field, std::string value) {
      coded_.push_back(std::move(value));
      fields_.push_back(header_field(field, coded_.back()));
    };
    add("grpc-status", std::to_string(static_cast<int>(why.code())));
    if (!why.message().empty()) add("grpc-message", percent_encoded(why.message()));
    if (why.has(outcome::pushback)) add("grpc-retry-pushback-ms", std::to_string(why.outcome().pushback_ms));
    if (std::string details = grpc_status_details(why); !details.empty()) add("grpc-status-details-bin", std::move(details));
  }

  http2_engine& engine_;
  const grpc_coding& coding_;
  std::vector<nghttp2_nv> fields_;  // of the answer that is being written,
  grpc_coded_metadata coded_;       // and what they are views of
  bool any_left_ = false;
};

}  // namespace tenon::inline v0::protocol::detail
