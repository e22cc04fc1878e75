// JSON-RPC 2.0 on one connection: the client's session. Protocol layer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/http_json.hpp>
#include <tenon/protocol/detail/jsonrpc_dialogue.hpp>
#include <tenon/protocol/detail/jsonrpc_envelope.hpp>
#include <tenon/protocol/detail/jsonrpc_error.hpp>
#include <tenon/protocol/detail/jsonrpc_framing.hpp>
#include <tenon/protocol/detail/jsonrpc_line.hpp>
#include <tenon/protocol/detail/jsonrpc_stream.hpp>
#include <tenon/protocol/detail/jsonrpc_text.hpp>
#include <tenon/protocol/detail/msgpack_rpc_numbers.hpp>
#include <tenon/protocol/streaming.hpp>

namespace tenon::inline v0::protocol {

/// The client's half of JSON-RPC. One argument goes as an array of it, several as the codec has them: by position, or by name where the contract names them.
/// Metadata and the time that is left go as a member `meta`, where there is either; a server that refuses members it does not know wants `timeout_options::propagate` off.
/// Streams go as detail/jsonrpc_stream.hpp has them.
///
/// Errors  what is no JSON, an answer above the limit, and an error that names no call close the connection with a reason. Requests of the server are
///         refused where this client offers nothing, its notifications dropped.
/// Source  JSON-RPC 2.0 Specification.
class jsonrpc_client_session final : public client_session {
 public:
  explicit jsonrpc_client_session(const limits& bounds, jsonrpc_framing framing = jsonrpc_framing::lines) noexcept
      : bounds_{bounds}, framing_{framing}, framer_{bounds.max_message_bytes + bounds.max_metadata_bytes, bounds.max_metadata_bytes}, tells_cancels_{framing == jsonrpc_framing::headers} {}

  /// The peer is known to ignore what it does not know, so that cancels may be told it; else only who uses headers, as the Language Server Protocol does, hears of them, and who streams.
  void tell_cancels() noexcept { tells_cancels_ = true; }

  mark begin_request(buffer& out, const outgoing& call) override {
    const std::size_t start = out.size();
    detail::begin_jsonrpc_frame(out, framing_);
    detail::append_literal(out, R"({"jsonrpc":"2.0","method":")");
    if (!call.service.empty()) {
      detail::append_json_text(out, call.service);
      out.push_back('.');
    }
    detail::append_json_text(out, call.method);
    out.push_back('"');
    if (!call.one_way) {
      const std::uint32_t number = numbers_.give(call.id);
      detail::append_literal(out, R"(,"id":)");
      detail::append_plain_number(out, number);
      if (call.stream_credit != 0) [[unlikely]] streams_.push_back({call.id, number, call.server_streams});
    }
    if (call.timeout || call.extra != nullptr) detail::append_jsonrpc_meta(out, call.timeout, call.extra != nullptr ? *call.extra : metadata{}, call.stream_credit);
    arguments_ = call.arguments;
    params_ = out.size();
    // Room for a bracket: whether one is needed is seen when the payload is there.
    if (arguments_ == 1) detail::append_literal(out, R"(,"params":[)");
    else if (arguments_ < 1) detail::append_literal(out, R"(,"params": )");
    else detail::append_literal(out, R"(,"params":)");
    return {.start = start, .payload = out.size()};
  }

  void end_request(buffer& out, mark at) override {
    if (arguments_ == 1 && framing_ == jsonrpc_framing::lines && out.size() != at.payload) [[likely]] return detail::append_literal(out, "]}\n");
    const std::string_view payload = out.view(at.payload);
    if (arguments_ == 0 || payload.empty() || (arguments_ < 0 && payload == "null")) {
      out.truncate(params_);
    } else if (arguments_ == 1) {
      out.push_back(']');
    } else if (arguments_ < 0 && !payload.starts_with('[') && !payload.starts_with('{')) {
      out.data()[at.payload - 1] = '[';
      out.push_back(']');
    }
    out.push_back('}');
    detail::end_jsonrpc_frame(out, at.start, framing_);
  }

  consumed consume(std::string_view in, reply_sink& sink, buffer& out) override {
    using kind = detail::jsonrpc_cut::kind;
    consumed done;
    // One for all of them: each text fills them anew.
    detail::jsonrpc_envelope found;
    reply answer;
    while (done.next == consumed::state::more && done.bytes != in.size()) {
      if (const detail::jsonrpc_line line = detail::read_jsonrpc_line(framer_, in.substr(done.bytes), levels(), found); line.used != 0) [[likely]] {
        done.bytes += line.used;
        deliver(found, line.object, answer, sink, out, done);
        continue;
      }
      const detail::jsonrpc_cut cut = framer_.next(in.substr(done.bytes));
      done.bytes += cut.used;
      if (cut.is == kind::starved) break;
      if (cut.is == kind::oversized) close(done, {"an answer exceeds the limit of ", tenon::detail::number_text{bounds_.max_message_bytes}, " bytes"});
      else if (cut.is != kind::text) close(done, {"expected answers in JSON, found other bytes"});
      else if (!cut.text.empty()) read_text(cut.text, sink, out, done);
    }
    return done;
  }

  /// The Language Server Protocol's way, which JSON-RPC alone does not have.
  [[gnu::cold]] bool write_cancel(buffer& out, std::uint64_t id) override {
    const open_stream* const of = find_stream(id);
    const auto number = of != nullptr ? std::optional{of->number} : tells_cancels_ ? numbers_.number_of(id) : std::nullopt;
    if (!number) return false;
    numbers_.take(*number);
    forget_stream(id);
    end_notice(out, begin_notice(out, detail::jsonrpc_notice::cancel, *number));
    return true;
  }

  bool streams() const noexcept override { return true; }
  mark begin_item(buffer& out, std::uint64_t id, serialization) override {
    const open_stream* const of = find_stream(id);
    const std::size_t start = begin_notice(out, detail::jsonrpc_notice::input, of != nullptr ? of->number : 0);
    out.append(R"(,"value":)");
    return {.start = start, .payload = out.size()};
  }
  std::int64_t end_item(buffer& out, mark at, std::uint64_t) override {
    const std::int64_t cost = cost_of_item(out.size() - at.payload);
    end_notice(out, at.start);
    return cost;
  }
  void write_end(buffer& out, std::uint64_t id) override {
    if (const open_stream* const of = find_stream(id); of != nullptr) end_notice(out, begin_notice(out, detail::jsonrpc_notice::input_end, of->number));
  }
  void write_credit(buffer& out, std::uint64_t id, const items_taken& taken) override {
    const open_stream* const of = find_stream(id);
    if (of == nullptr) return;
    const std::size_t start = begin_notice(out, detail::jsonrpc_notice::credit, of->number);
    detail::append_jsonrpc_credit(out, taken);
    end_notice(out, start);
  }
  void carry(buffer& out, std::string_view lines) override {
    for (; !lines.empty(); lines.remove_prefix(lines.find('\n') + 1)) {
      const std::size_t start = out.size();
      detail::begin_jsonrpc_frame(out, framing_);
      out.append(lines.substr(0, lines.find('\n')));
      detail::end_jsonrpc_frame(out, start, framing_);
    }
  }

  void visit_requests(std::string_view written, request_visitor& visitor) const override {
    detail::jsonrpc_framer framer{written.size(), written.size()};
    for (std::size_t end = 0; end != written.size();) {
      const detail::jsonrpc_cut cut = framer.next(written.substr(end));
      end += cut.used;
      if (cut.is != detail::jsonrpc_cut::kind::text) return;
      detail::json_text reader{cut.text, cut.text.size()};
      detail::jsonrpc_envelope call;
      if (cut.text.empty() || detail::cut_envelope(reader, reader.begin, call) == nullptr || call.method.empty()) continue;
      if (const auto number = detail::jsonrpc_integer(call.id); number && *number >= 0) {
        if (const auto id = numbers_.find(static_cast<std::uint64_t>(*number))) visitor.request(*id, end);
      }
    }
  }

 private:
  struct open_stream {
    std::uint64_t id = 0;
    std::uint32_t number = 0;
    bool server_streams = false;
  };

  // Those that a connection has at once are few: its server bounds them.
  const open_stream* find_stream(std::uint64_t id) const noexcept {
    const auto found = std::find_if(streams_.begin(), streams_.end(), [id](const open_stream& each) { return each.id == id; });
    return found == streams_.end() ? nullptr : &*found;
  }
  void forget_stream(std::uint64_t id) {
    std::erase_if(streams_, [id](const open_stream& each) { return each.id == id; });
  }

  std::size_t begin_notice(buffer& out, std::string_view quoted_method, std::uint32_t number) const {
    const std::size_t start = out.size();
    detail::begin_jsonrpc_frame(out, framing_);
    detail::begin_jsonrpc_notice(out, quoted_method);
    out.append(tenon::detail::number_text{number});
    return start;
  }
  void end_notice(buffer& out, std::size_t start) const {
    out.append("}}");
    detail::end_jsonrpc_frame(out, start, framing_);
  }

  std::size_t levels() const noexcept { return bounds_.max_nesting + 2; }

  void read_text(std::string_view text, reply_sink& sink, buffer& out, consumed& done) {
    detail::json_text reader{text, levels()};
    const char* at = reader.skip_blanks(reader.begin);
    detail::jsonrpc_envelope found;
    reply answer;
    if (reader.is_at(at, '{')) {
      at = detail::cut_envelope(reader, at, found);
      if (at != nullptr) return deliver(found, text, answer, sink, out, done);
    } else if (reader.is_at(at, '[')) {
      detail::json_items items{reader, at};
      while (done.next == consumed::state::more && items.next()) {
        found.clear();
        if (items.value.front() != '{') continue;
        detail::cut_envelope(reader, items.value.data(), found);
        deliver(found, items.value, answer, sink, out, done);
      }
      at = items.after();
    }
    if (at == nullptr && !reader.expected.empty()) close(done, {"an answer is no JSON: expected ", reader.expected, " at byte ", tenon::detail::number_text{reader.byte}});
  }

  void deliver(const detail::jsonrpc_envelope& from, std::string_view whole, reply& answer, reply_sink& sink, buffer& out, consumed& done) {
    if (!from.method.empty()) return take_call(from, whole, sink, out);
    const bool failed = !from.error.empty() && from.error != "null";
    // Nobody can tell which of the calls the server could not read.
    if (from.id == "null" && failed) return close(done, {"the server could not read a request: ", detail::read_jsonrpc_error(from.error).message()});
    std::uint64_t number = 0;
    if (!detail::read_plain_number(from.id, number) && !read_odd_number(from.id, number)) [[unlikely]] return;
    const auto id = numbers_.take(number);
    if (!id) return;
    answer.id = *id;
    answer.codec = serialization::json;
    answer.payload = from.result;
    answer.metadata_block = from.meta;
    answer.read_metadata = &detail::read_jsonrpc_metadata;
    if (!streams_.empty()) [[unlikely]] {
      // A stream's last word has no value of its own.
      if (const open_stream* const of = find_stream(*id); of != nullptr && of->server_streams && from.result == "null") answer.payload = {};
      forget_stream(*id);
    }
    const bool sound = !failed && !from.result.empty();
    if (!sound) [[unlikely]] answer.error = failed ? detail::read_jsonrpc_error(from.error) : status{outcome{.code = code::internal, .flags = outcome::local}, "the answer has neither result nor error"};
    sink.on_reply(answer);
    if (!sound) [[unlikely]] answer.error = status{};
  }
  // An id as a peer may spell it that does not send back what it was sent: as text, or with zeros in front.
  [[gnu::cold, gnu::noinline]] static bool read_odd_number(std::string_view digits, std::uint64_t& number) noexcept {
    if (digits.size() > 1 && digits.front() == '"') digits = digits.substr(1, digits.size() - 2);
    const auto found = detail::jsonrpc_integer(digits);
    if (!found || *found < 0) return false;
    number = static_cast<std::uint64_t>(*found);
    return true;
  }

  // The server says something by itself.
  [[gnu::noinline]] void take_call(const detail::jsonrpc_envelope& from, std::string_view whole, reply_sink& sink, buffer& out) {
    namespace notice = detail::jsonrpc_notice;
    if (from.id.empty() && (from.method == notice::item || from.method == notice::input_credit)) return take_notice(from, sink, out);
    // Of this client's own calls it can only be an answer; all else is for whoever serves here.
    if (!sink.on_request(whole)) refuse(from.id, out);
  }
  void take_notice(const detail::jsonrpc_envelope& from, reply_sink& sink, buffer& out) {
    const detail::jsonrpc_notice_params said = detail::cut_jsonrpc_notice(from.params);
    const auto number = said.id.empty() ? std::nullopt : detail::jsonrpc_integer(said.id);
    const auto id = number && *number >= 0 ? numbers_.find(static_cast<std::uint64_t>(*number)) : std::nullopt;
    if (!id) return;
    if (from.method == detail::jsonrpc_notice::input_credit) return sink.on_credit(*id, said.bytes);
    if (said.value.size() <= bounds_.max_message_bytes) return said.value.empty() ? void() : sink.on_item(*id, serialization::json, said.value);
    // Ends the call here, and then there.
    write_cancel(out, *id);
    status error{code::resource_exhausted, tenon::detail::join_text({"an item of the answer has ", tenon::detail::number_text{said.value.size()}, " bytes; the limit is ", tenon::detail::number_text{bounds_.max_message_bytes}})};
    sink.on_reply(reply{.id = *id, .error = error.add_flag(outcome::local).add_flag(outcome::no_retry)});
  }

  // The server asks something: nothing is served on this side, and it need not wait to learn that.
  [[gnu::cold]] void refuse(std::string_view id, buffer& out) const {
    if (id.empty()) return;
    const std::size_t start = out.size();
    detail::begin_jsonrpc_frame(out, framing_);
    out.append(R"({"jsonrpc":"2.0","id":)");
    out.append(id);
    out.append(R"(,"error":)");
    detail::append_jsonrpc_error_head(out, detail::jsonrpc_number::method_not_found, "this peer serves no methods");
    out.append("}}");
    detail::end_jsonrpc_frame(out, start, framing_);
  }

  [[gnu::cold]] static void close(consumed& done, std::initializer_list<std::string_view> reason) {
    done.next = consumed::state::close;
    done.reason = "jsonrpc: " + tenon::detail::join_text(reason);
  }

  limits bounds_;
  jsonrpc_framing framing_;
  detail::jsonrpc_framer framer_;
  detail::msgpack_rpc_numbers numbers_;
  std::vector<open_stream> streams_;
  std::size_t params_ = 0;  // where the request that is being written has its params
  int arguments_ = -1;      // and how many they are
  bool tells_cancels_;
};

}  // namespace tenon::inline v0::protocol
