// JSON-RPC without its stream: complete texts in, answers out. Protocol layer; jsonrpc.hpp puts it on a connection, HTTP and WebSocket may put it into theirs.
// Long because a text, its batch and the answers to both decide on the same few members.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/http_json.hpp>
#include <tenon/protocol/detail/jsonrpc_envelope.hpp>
#include <tenon/protocol/detail/jsonrpc_error.hpp>
#include <tenon/protocol/detail/jsonrpc_framing.hpp>
#include <tenon/protocol/detail/jsonrpc_pending.hpp>
#include <tenon/protocol/detail/jsonrpc_stream.hpp>
#include <tenon/protocol/detail/jsonrpc_text.hpp>
#include <tenon/protocol/detail/rpc_name.hpp>
#include <tenon/protocol/streaming.hpp>

namespace tenon::inline v0::protocol {

namespace detail {

// Room for the digits of a length that is not known yet.
inline constexpr std::string_view jsonrpc_header = "Content-Length: 0000000000\r\n\r\n";
inline constexpr std::size_t jsonrpc_header_digits = 10;

inline void begin_jsonrpc_frame(buffer& out, jsonrpc_framing framing) {
  if (framing == jsonrpc_framing::headers) out.append(jsonrpc_header);
}
/// Completes the text that `begin_jsonrpc_frame` began at `start`.
inline void end_jsonrpc_frame(buffer& out, std::size_t start, jsonrpc_framing framing) {
  if (framing == jsonrpc_framing::lines) return out.push_back('\n');
  if (framing == jsonrpc_framing::none) return;
  // Exactly the digits it takes: zeros and blanks in front are read by some peers only.
  const std::size_t size = out.size() - start - jsonrpc_header.size();
  const tenon::detail::number_text number{size};
  const std::string_view digits = number;
  char* const place = out.data() + start + jsonrpc_header.size() - 4 - jsonrpc_header_digits;
  std::memcpy(place, digits.data(), digits.size());
  std::memmove(place + digits.size(), place + jsonrpc_header_digits, size + 4);
  out.truncate(out.size() - (jsonrpc_header_digits - digits.size()));
}

}  // namespace detail

/// The server's half of a JSON-RPC conversation, whatever carries its texts.
///
/// Laws    `take` hands each call of a text to the sink, in order; calls of a batch may end in any order, and their answers leave as one array once the last has ended.
///         `begin_reply`, `end_reply` and `write_error` are a session's, with the addresses that the sink was given; between the first two nothing else is written.
///         With framing `none` nothing stays in `out`: what is complete waits in `finished()`, which the carrier takes after `take`, `end_reply` and `write_error`.
/// Units   what is kept is bounded: ids, and answers of batches that are not complete, take `max_message_bytes` each at most, and a little for refusals.
class jsonrpc_dialogue {
 public:
  explicit jsonrpc_dialogue(const limits& bounds, jsonrpc_framing framing = jsonrpc_framing::none) noexcept : bounds_{bounds}, framing_{framing} {}

  void use(jsonrpc_framing framing) noexcept { framing_ = framing; }

  template <request_sink Sink>
  void take(std::string_view text, Sink& sink, buffer& out) {
    request call;
    for (bool more = begin_text(text, call, out); more; more = next_call(call, out)) hand_on(call, sink);
    end_text(out);
  }
  /// The same for an object, `whole`, that has been taken apart, by way of a `call` that is the caller's. Not with framing `none`.
  template <request_sink Sink>
  void take(const detail::jsonrpc_envelope& from, std::string_view whole, request& call, Sink& sink, buffer& out) {
    reading_ = pending::none;
    if (prepare(from, whole, call, out)) hand_on(call, sink);
  }
  /// How deep a text may nest.
  std::size_t levels() const noexcept { return bounds_.max_nesting + 2; }

  /// Answers something that is no text at all; `number` is one of `detail::jsonrpc_number`.
  [[gnu::cold, gnu::noinline]] void refuse(buffer& out, int number, std::string_view why) {
    const std::size_t start = begin_answer(out, pending::none, "null");
    out.append(R"(,"error":)");
    detail::append_jsonrpc_error_head(out, number, why);
    out.append("}}");
    end_answer(out, start, pending::none, "null");
  }
  [[gnu::cold, gnu::noinline]] void refuse_oversized(buffer& out) { refuse(out, "null", pending::none, too_large("the text", bounds_.max_message_bytes)); }

  mark begin_reply(buffer& out, const reply_address& to) {
    const std::size_t start = begin_answer(out, pending_.batch_of(to.id), to);
    detail::append_literal(out, R"(,"result":)");
    return {.start = start, .payload = out.size()};
  }
  void end_reply(buffer& out, mark at, const reply_address& to, const metadata& extra) {
    if (to.streamed) [[unlikely]] out.append("null");
    if (!extra.empty()) [[unlikely]] detail::append_jsonrpc_meta(out, {}, extra);
    if (framing_ == jsonrpc_framing::lines && !pending::is_kept(to.id)) [[likely]] return detail::append_literal(out, "}\n");
    out.push_back('}');
    settle(out, at.start, to);
  }
  [[gnu::cold, gnu::noinline]] void write_error(buffer& out, const reply_address& to, const status& error, const metadata& extra) {
    const std::size_t start = begin_answer(out, pending_.batch_of(to.id), to);
    append_error(out, error, extra);
    settle(out, start, to);
  }

  // Streams, for a sink that takes part in them; with framing `none` there are none.
  mark begin_item(buffer& out, const reply_address& to) {
    const std::size_t start = begin_notice(out, detail::jsonrpc_notice::item, to);
    out.append(R"(,"value":)");
    return {.start = start, .payload = out.size()};
  }
  std::int64_t end_item(buffer& out, mark at, const reply_address& to) {
    const std::int64_t cost = to.unmetered ? 0 : cost_of_item(out.size() - at.payload);
    end_notice(out, at.start);
    return cost;
  }
  void write_credit(buffer& out, const reply_address& to, const items_taken& taken) {
    const std::size_t start = begin_notice(out, detail::jsonrpc_notice::input_credit, to);
    detail::append_jsonrpc_credit(out, taken);
    end_notice(out, start);
  }
  /// Texts that are whole, each on a line, framed as this dialogue frames its own.
  [[gnu::cold]] void carry(buffer& out, std::string_view lines) const {
    for (; !lines.empty(); lines.remove_prefix(lines.find('\n') + 1)) {
      const std::size_t start = out.size();
      detail::begin_jsonrpc_frame(out, framing_);
      out.append(lines.substr(0, lines.find('\n')));
      detail::end_jsonrpc_frame(out, start, framing_);
    }
  }

  /// With framing `none`: the answer to the text that was taken, once all its calls have ended; empty until then, and for a text that wants none.
  std::string_view finished() const noexcept { return finished_.view(); }
  void clear_finished() noexcept { finished_.clear(); }
  /// With framing `none`: whether calls of the text are under way.
  bool waiting() const noexcept { return carried_ != pending::none; }

 private:
  using pending = detail::jsonrpc_pending;
  using text_reader = detail::json_text;

  // What is no call, and yet means something to the sink.
  struct aside {
    enum class kind : std::uint8_t { none, answer, item, items_end, refused_item, credit, cancel };
    kind is = kind::none;
    std::uint64_t id = 0;
    std::string_view text{};
    std::int64_t bytes = 0;
  };

  template <class Sink>
  static constexpr bool takes_streams = requires(Sink& sink, std::uint64_t id, std::int64_t bytes) { sink.on_credit(id, bytes); };

  // The smallest refusal of one call; what a batch may hold is told by what its refusals would take.
  static constexpr std::size_t smallest_answer = 128;

  // --- reading a text

  template <class Sink>
  void hand_on(request& call, Sink& sink) {
    if (aside_.is != aside::kind::none) [[unlikely]] return tell(std::exchange(aside_, aside{}), sink);
    if constexpr (!takes_streams<Sink>) call.stream_credit = 0;
    sink.on_request(call);
  }

  [[gnu::noinline]] bool begin_text(std::string_view text, request& call, buffer& out) {
    reading_ = pending::none;
    rest_ = {};
    text_reader reader{text, levels()};
    const char* at = reader.skip_blanks(reader.begin);
    const bool is_array = reader.is_at(at, '[');
    std::size_t count = 1;
    detail::jsonrpc_envelope single;
    const std::string_view whole{at, static_cast<std::size_t>(reader.end - at)};
    if (is_array) {
      // All of it before any of it runs: half a batch must not run.
      detail::json_items items{reader, at};
      for (count = 0; items.next(); ++count) continue;
      at = items.after();
    } else {
      at = reader.is_at(at, '{') ? detail::cut_envelope(reader, at, single) : reader.skip_value(at);
    }
    if (at != nullptr && reader.skip_blanks(at) != reader.end) at = reader.fail(reader.skip_blanks(at), "the end of the text");
    if (at == nullptr) [[unlikely]] return refuse_text(reader, out), false;
    if (count == 0) [[unlikely]] return refuse(out, detail::jsonrpc_number::invalid_request, "Invalid Request: expected calls in the batch, found none"), false;
    if (is_array && !admit_batch(count, out)) return false;
    if (is_array || framing_ == jsonrpc_framing::none) {
      reading_ = pending_.open_batch(is_array);
      if (framing_ == jsonrpc_framing::none) carried_ = reading_;
    }
    if (is_array) {
      rest_ = whole.substr(1);
      return next_call(call, out);
    }
    if (whole.front() != '{') [[unlikely]] return refuse_element(out, "null", no_object), false;
    return prepare(single, whole, call, out);
  }

  // The next call of a batch, which is known to be well-formed.
  [[gnu::noinline]] bool next_call(request& call, buffer& out) {
    while (!rest_.empty()) {
      text_reader reader{rest_, rest_.size()};
      const char* at = reader.skip_blanks(reader.begin);
      detail::jsonrpc_envelope each;
      const bool is_object = reader.is_at(at, '{');
      const char* const first = at;
      at = is_object ? detail::cut_envelope(reader, at, each) : reader.skip_value(at);
      const std::string_view whole{first, static_cast<std::size_t>(at - first)};
      at = reader.skip_blanks(at);
      rest_ = reader.is_at(at, ',') ? std::string_view{at + 1, static_cast<std::size_t>(reader.end - at - 1)} : std::string_view{};
      if (!is_object) refuse_element(out, "null", no_object);
      else if (prepare(each, whole, call, out)) return true;
    }
    return false;
  }

  void end_text(buffer& out) {
    if (reading_ == pending::none) return;
    pending_.at(reading_).is_being_read = false;
    finish_batch(out, reading_);
    reading_ = pending::none;
  }

  // False for what is no call to hand on, and nothing aside: it has been answered, or wants no answer.
  bool prepare(const detail::jsonrpc_envelope& from, std::string_view whole, request& call, buffer& out) {
    // A response: whoever calls in the other direction may wait for it. Never answered, as that could be answered in turn, and so on for ever.
    if (from.method.empty() && (!from.result.empty() || !from.error.empty())) return set_aside({.is = aside::kind::answer, .text = whole});
    if (const std::string_view fault = detail::fault_of_request(from); !fault.empty()) [[unlikely]] {
      return refuse_element(out, detail::is_jsonrpc_id(from.id) ? from.id : "null", fault), false;
    }
    const bool one_way = from.id.empty();
    if (one_way && from.method.starts_with(detail::jsonrpc_notice::prefix)) return take_notice(from, whole);
    if (!within_limits(from, out)) [[unlikely]] return false;
    const detail::rpc_name name = detail::split_rpc_name(detail::json_string_value(from.method, method_storage_));
    call.service = name.service;
    call.method = name.method;
    call.payload = detail::jsonrpc_arguments(from.params);
    call.address = {one_way ? 0 : pending_.keep(from.id, reading_), serialization::json, one_way};
    call.timeout.reset();
    call.metadata_block = from.meta;
    call.read_metadata = &detail::read_jsonrpc_metadata;
    call.stream_credit = 0;
    if (!from.meta.empty()) call.timeout = detail::jsonrpc_timeout(from.meta);
    if (framing_ == jsonrpc_framing::none) return true;
    const auto credit = from.meta.empty() ? std::nullopt : detail::jsonrpc_stream_credit(from.meta);
    call.stream_credit = credit.value_or(1);
    call.address.unmetered = !credit;
    return true;
  }

  bool set_aside(const aside& what) noexcept {
    aside_ = what;
    return true;
  }
  [[gnu::noinline]] bool take_notice(const detail::jsonrpc_envelope& from, std::string_view whole) {
    namespace notice = detail::jsonrpc_notice;
    using kind = aside::kind;
    if (from.method == notice::item || from.method == notice::input_credit) return set_aside({.is = kind::answer, .text = whole});
    const detail::jsonrpc_notice_params said = detail::cut_jsonrpc_notice(from.params);
    const auto id = pending_.find(said.id);
    if (!id) return false;
    if (from.method == notice::input) return !said.value.empty() && set_aside({.is = said.value.size() > bounds_.max_message_bytes ? kind::refused_item : kind::item, .id = *id, .text = said.value});
    if (from.method == notice::input_end) return set_aside({.is = kind::items_end, .id = *id});
    if (from.method == notice::credit) return set_aside({.is = kind::credit, .id = *id, .bytes = said.bytes});
    if (from.method == notice::cancel) return set_aside({.is = kind::cancel, .id = *id});
    return false;
  }
  template <class Sink>
  [[gnu::noinline]] void tell(const aside& what, Sink& sink) {
    using kind = aside::kind;
    if constexpr (requires { sink.on_answer(what.text); }) {
      if (what.is == kind::answer) return sink.on_answer(what.text);
    }
    // The Language Server Protocol wants an answer even so; a batch waits for it.
    if constexpr (requires { sink.on_cancel_request(what.id); }) {
      if (what.is == kind::cancel) return sink.on_cancel_request(what.id);
    }
    if constexpr (takes_streams<Sink>) {
      switch (what.is) {
        case kind::item: return sink.on_item(what.id, what.text);
        case kind::items_end: return sink.on_items_end(what.id);
        case kind::refused_item: return sink.on_refused_item(what.id, too_large("an item", bounds_.max_message_bytes));
        case kind::credit: return sink.on_credit(what.id, what.bytes);
        default: return;
      }
    }
  }

  bool within_limits(const detail::jsonrpc_envelope& from, buffer& out) {
    const bool fits = from.params.size() <= bounds_.max_message_bytes && from.meta.size() <= bounds_.max_metadata_bytes &&
                      pending_.id_bytes() + from.id.size() <= bounds_.max_message_bytes;
    if (fits) [[likely]] return true;
    if (from.id.empty()) return false;
    if (from.params.size() > bounds_.max_message_bytes) refuse(out, from.id, reading_, too_large("\"params\"", bounds_.max_message_bytes));
    else if (from.meta.size() > bounds_.max_metadata_bytes) refuse(out, from.id, reading_, too_large("\"meta\"", bounds_.max_metadata_bytes));
    else refuse(out, "null", reading_, too_large("what the ids of calls under way take", bounds_.max_message_bytes));
    return false;
  }

  bool admit_batch(std::size_t count, buffer& out) {
    if (count <= bounds_.max_message_bytes / smallest_answer + 1 && held_ <= bounds_.max_message_bytes) [[likely]] return true;
    refuse(out, "null", pending::none,
           held_ > bounds_.max_message_bytes ? too_large("what the answers of unfinished batches take", bounds_.max_message_bytes)
                                             : status{refused_here(code::resource_exhausted), tenon::detail::join_text({"a batch of ", tenon::detail::number_text{count}, " calls is too large here"})});
    return false;
  }

  // --- refusals

  static constexpr std::string_view no_object = "Invalid Request: expected an object";

  [[gnu::cold]] static status too_large(std::string_view what, std::size_t limit) {
    status error{code::resource_exhausted, tenon::detail::join_text({what, " exceeds the limit of ", tenon::detail::number_text{limit}, " bytes"})};
    error.add_flag(outcome::not_executed).add_flag(outcome::no_retry);
    return error;
  }
  [[gnu::cold, gnu::noinline]] void refuse_text(const text_reader& text, buffer& out) {
    refuse(out, detail::jsonrpc_number::parse_error, tenon::detail::join_text({"Parse error: expected ", text.expected, " at byte ", tenon::detail::number_text{text.byte}}));
  }
  // One object of a text is no request.
  [[gnu::cold, gnu::noinline]] void refuse_element(buffer& out, std::string_view id, std::string_view why) {
    const std::size_t start = begin_answer(out, reading_, id);
    out.append(R"(,"error":)");
    detail::append_jsonrpc_error_head(out, detail::jsonrpc_number::invalid_request, why);
    out.append("}}");
    end_answer(out, start, reading_, id);
  }
  [[gnu::cold, gnu::noinline]] void refuse(buffer& out, std::string_view id, std::uint32_t in_batch, const status& why) {
    const std::size_t start = begin_answer(out, in_batch, id);
    append_error(out, why, {});
    end_answer(out, start, in_batch, id);
  }

  // --- writing answers

  void append_id(buffer& out, const reply_address& to) const { pending_.append_id(out, to.id); }
  void append_id(buffer& out, std::string_view id) const { out.append(id); }

  template <class Id>
  std::size_t begin_answer(buffer& out, std::uint32_t in_batch, const Id& id) {
    const std::size_t start = out.size();
    if (in_batch == pending::none) detail::begin_jsonrpc_frame(out, framing_);
    detail::append_literal(out, R"({"jsonrpc":"2.0","id":)");
    append_id(out, id);
    return start;
  }
  [[gnu::cold]] static void append_error(buffer& out, const status& error, const metadata& extra) {
    out.append(R"(,"error":)");
    detail::append_jsonrpc_error(out, error);
    detail::append_jsonrpc_meta(out, {}, extra);
    out.push_back('}');
  }

  std::size_t begin_notice(buffer& out, std::string_view quoted_method, const reply_address& of) const {
    const std::size_t start = out.size();
    detail::begin_jsonrpc_frame(out, framing_);
    detail::begin_jsonrpc_notice(out, quoted_method);
    append_id(out, of);
    return start;
  }
  void end_notice(buffer& out, std::size_t start) const {
    out.append("}}");
    detail::end_jsonrpc_frame(out, start, framing_);
  }

  void settle(buffer& out, std::size_t start, const reply_address& to) {
    const std::uint32_t in_batch = pending_.batch_of(to.id);
    end_answer(out, start, in_batch, to);
    pending_.forget(to.id);
    if (in_batch != pending::none) finish_batch(out, in_batch);
  }

  template <class Id>
  void end_answer(buffer& out, std::size_t start, std::uint32_t in_batch, const Id& id) {
    if (in_batch != pending::none) return collect(out, start, in_batch, id);
    detail::end_jsonrpc_frame(out, start, framing_);
    if (framing_ != jsonrpc_framing::none) return;
    finished_.append(out.view(start));
    out.truncate(start);
  }

  // The answer at the end of `out` goes to those of its batch; what would be too much for one message becomes an error.
  template <class Id>
  void collect(buffer& out, std::size_t start, std::uint32_t in_batch, const Id& id) {
    pending::batch& whole = pending_.at(in_batch);
    if (whole.is_array && held_ + (out.size() - start) > bounds_.max_message_bytes) [[unlikely]] {
      out.truncate(start);
      begin_answer(out, in_batch, id);
      append_error(out, status{code::resource_exhausted, tenon::detail::join_text({"the answers of the batch exceed ", tenon::detail::number_text{bounds_.max_message_bytes}, " bytes"})}, {});
    }
    held_ -= whole.answers.size();
    if (!whole.answers.empty()) whole.answers.push_back(',');
    whole.answers.append(out.view(start));
    held_ += whole.answers.size();
    out.truncate(start);
  }

  // Sends the answers of a batch, if all are there.
  void finish_batch(buffer& out, std::uint32_t index) {
    pending::batch& whole = pending_.at(index);
    if (whole.is_being_read || whole.due != 0) return;
    if (!whole.answers.empty()) {
      buffer& into = framing_ == jsonrpc_framing::none ? finished_ : out;
      const std::size_t start = into.size();
      detail::begin_jsonrpc_frame(into, framing_);
      if (whole.is_array) into.push_back('[');
      into.append(whole.answers.view());
      if (whole.is_array) into.push_back(']');
      detail::end_jsonrpc_frame(into, start, framing_);
    }
    held_ -= whole.answers.size();
    pending_.close_batch(index);
    if (carried_ == index) carried_ = pending::none;
  }

  limits bounds_;
  jsonrpc_framing framing_;
  pending pending_;
  std::string method_storage_;            // a method's name that has escapes
  std::string_view rest_;                 // of the batch that is being read; only while `take` runs
  std::uint32_t reading_ = pending::none; // the batch that is being read
  std::uint32_t carried_ = pending::none; // with framing `none`: the text's
  std::size_t held_ = 0;                  // what the answers of unfinished batches take
  buffer finished_;
  aside aside_;                           // only while `take` runs
};

}  // namespace tenon::inline v0::protocol
