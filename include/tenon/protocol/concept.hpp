// What a wire protocol is to tenon: bytes in, calls out, answers in, bytes out. No socket, no clock. Protocol layer.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/units.hpp>

namespace tenon::inline v0::protocol {

class compression;

/// The codec a message is in, by rpcx's number for it: codecs carry the same number as `Codec::serialization`.
enum class serialization : std::uint8_t { raw = 0, json = 1, protobuf = 2, msgpack = 3 };

/// Where an answer goes: copied from the request, kept while a handler runs.
struct reply_address {
  std::uint64_t id = 0;           ///< what the protocol correlates by; unused by protocols that answer in order
  serialization codec = serialization::raw;
  bool one_way = false;           ///< nothing is ever sent
  bool streamed = false;          ///< the answer is a stream: items, then an end without a value
  bool compress = false;          ///< the caller takes a compressed answer
  bool proto3_json = false;       ///< the caller's json, if that is the codec, is proto3's mapping: a client of Connect's or gRPC's
  bool unmetered = false;         ///< the caller grants no credit: items take none
};

/// Reads metadata out of the protocol's own spelling of it, when somebody asks.
using metadata_reader = void (*)(std::string_view block, metadata& into);

/// One request as it stands in the read buffer: the views die when `on_request` returns.
struct request {
  std::string_view service{};
  std::string_view method{};
  std::string_view payload{};
  reply_address address{};
  std::optional<duration> timeout{};  ///< what was left of the caller's time when it sent this
  std::string_view metadata_block{};
  metadata_reader read_metadata = nullptr;
  /// Asked in a way that promises to change nothing: a method that is not declared safe does not run, and refuses with `unimplemented`, `not_executed` and `no_retry`.
  bool safely = false;
  /// Not 0 when the caller takes part in streams: how many bytes of items it takes before it says that it can take more. See streaming.hpp.
  std::uint32_t stream_credit = 0;
};

/// One answer as it stands in the read buffer of a client.
struct reply {
  std::uint64_t id = 0;
  serialization codec = serialization::raw;
  std::string_view payload{};
  status error{};  ///< OK when the payload is the value
  std::string_view metadata_block{};
  metadata_reader read_metadata = nullptr;
  std::uint64_t next = 0;  ///< the id of the answer behind this one, where that has come; may be of nobody
};

/// What a client wants written in front of a payload. Of 80 bytes: g++ 12 clears what is larger by a string instruction, which costs more than all the rest of a request's head.
struct outgoing {
  std::uint64_t id = 0;
  std::string_view service{};
  std::string_view method{};
  serialization codec = serialization::msgpack;
  bool one_way = false;
  bool client_streams = false;      ///< items follow the request, whose payload is nothing by itself
  bool server_streams = false;      ///< items precede the answer, whose payload is empty
  int arguments = -1;               ///< how many the payload holds, for protocols that frame them themselves; negative when nobody says
  std::optional<duration> timeout{};
  const metadata* extra = nullptr;
  std::uint32_t stream_credit = 0;  ///< not 0 for a call that streams, whose `extra` is not null then: as in `request`
};

/// A message being written: where it starts, and where its payload does.
struct mark {
  std::size_t start = 0;
  std::size_t payload = 0;
};

/// What became of the bytes that a session was fed.
struct consumed {
  enum class state : std::uint8_t {
    more,   ///< everything complete was handled; feed the rest again when more has come
    wait,   ///< a request is being answered and this protocol answers in order, or the sink is full: feed the rest again later
    close,  ///< nothing more can be read here; send what was written, then close. `reason` says why
  };
  std::size_t bytes = 0;       ///< handled, and not to be fed again
  state next = state::more;
  std::string reason{};        ///< with `close`: for the log
};

/// What a receiver of items has read since it last said so: that much of its window is free again.
struct items_taken {
  std::int64_t bytes = 0;  ///< of payloads
  std::int64_t items = 0;
};

/// Whether the first bytes of a connection are this protocol's.
enum class sniffed : std::uint8_t { no, yes, need_more };

/// Takes the requests that a server session cuts out of the bytes.
///
/// Returns `on_request`: true when the answer is already written (or none is due); false when it comes later.
///         `full`: true when so much waits to be sent that nothing more should be read; asked before each message.
template <class T>
concept request_sink = requires(T& sink, const request& call) {
  { sink.on_request(call) } -> std::same_as<bool>;
  { sink.full() } -> std::convertible_to<bool>;
};

/// The server's half of a protocol on one connection.
///
/// Laws    `recognise` never says yes to bytes of another registered protocol, unless that stands before it in the list: the first that does not say no decides, and
///         `need_more` is for a bounded number of bytes. `consume` hands each complete request to the sink exactly once, in order, however the
///         bytes are cut; it holds no more than one unfinished header; it may write answers of its own to `out` (heartbeats, refusals). After `begin_reply` the payload is
///         appended to `out` and `end_reply` completes the message; nothing else is written to `out` between the two. `out` may be moved or grown at any time.
///         What a protocol may lack, found by `requires`: `write_going_away(out)`, and for one that does so in two steps `takes_last_calls()`, true until `write_gone(out)`,
///         which comes by itself when the peer has heard of the first, and from the driver when that takes too long; `write_heartbeat(out)`, which asks for a sign of life, and is false when this peer would
///         not understand it; `skipping()`, whether what is unfinished was refused and is thrown away as it comes, which the driver then reads in turn with others.
/// Model   struct line_session {   // "service method payload\n" -> "payload\n"
///           static constexpr std::string_view name = "line";  static constexpr bool answers_in_any_order = false;
///           static sniffed recognise(std::string_view first);
///           explicit line_session(const limits&);
///           template <request_sink Sink> consumed consume(std::string_view in, Sink& sink, buffer& out);
///           mark begin_reply(buffer& out, const reply_address&);
///           void end_reply(buffer& out, mark, const reply_address&, const metadata& extra);
///           void write_error(buffer& out, const reply_address&, const status&, const metadata& extra);
///           bool closing() const;     // close once everything written has been sent
///           bool unfinished() const;  // holds a part of a message whose bytes have left the read buffer
///         };
template <class T>
concept server_session = requires(T& session, std::string_view in, buffer& out, const reply_address& address, mark at, const status& error, const metadata& extra) {
  { T::name } -> std::convertible_to<std::string_view>;
  { T::answers_in_any_order } -> std::convertible_to<bool>;
  { T::recognise(in) } -> std::same_as<sniffed>;
  { session.begin_reply(out, address) } -> std::same_as<mark>;
  { session.end_reply(out, at, address, extra) } -> std::same_as<void>;
  { session.write_error(out, address, error, extra) } -> std::same_as<void>;
  { session.closing() } -> std::same_as<bool>;
  { session.unfinished() } -> std::same_as<bool>;
};

/// Takes what a client session reads.
class reply_sink {
 public:
  virtual void on_reply(const reply& answer) = 0;
  /// The peer stops serving this connection: requests that were sent after the one with the id `last` were not executed and will not be.
  virtual void on_going_away(std::uint64_t last) { (void)last; }
  /// A whole message in which the peer calls, notifies, or does not wait any more. False when nobody here serves.
  virtual bool on_request(std::string_view message) { return (void)message, false; }
  /// An item of a streamed answer.
  virtual void on_item(std::uint64_t id, serialization codec, std::string_view payload) { (void)id, (void)codec, (void)payload; }
  /// The peer can take so many bytes more of what this call sends.
  virtual void on_credit(std::uint64_t id, std::int64_t bytes) { (void)id, (void)bytes; }

 protected:
  ~reply_sink() = default;
};

/// Told of the requests in bytes that a client session wrote: the id, and where in the bytes the request ends.
class request_visitor {
 public:
  virtual void request(std::uint64_t id, std::size_t end) = 0;

 protected:
  ~request_visitor() = default;
};

/// How often a protocol's servers bear being asked for a sign of life, and whether while no call is under way.
struct heartbeats {
  duration interval = std::chrono::seconds{30};
  bool without_calls = true;
};

/// The client's half of a protocol on one connection: chosen by the URL at run time, hence virtual; called once per message.
///
/// Laws    as `server_session`; ids are the caller's, unique among the pending calls of the connection.
class client_session {
 public:
  virtual ~client_session() = default;
  virtual mark begin_request(buffer& out, const outgoing& call) = 0;
  virtual void end_request(buffer& out, mark at) = 0;
  /// `out` takes what the protocol itself must answer: acknowledgements, heartbeats.
  virtual consumed consume(std::string_view in, reply_sink& sink, buffer& out) = 0;

  // What a protocol may lack.
  /// What is said first on a new connection; it leaves with the first request.
  virtual void begin(buffer& out) { (void)out; }
  /// Requests whose payload has so many bytes or more leave compressed, and answers may come so. Before the first request. Nothing where the protocol has no word for it.
  virtual void use(const compression& how, std::size_t from_bytes) { (void)how, (void)from_bytes; }
  /// Asks for a sign of life. Returns false when the protocol has no such message.
  virtual bool write_heartbeat(buffer& out) { return (void)out, false; }
  /// For a client that was not told how often.
  virtual heartbeats usual_heartbeats() const noexcept { return {}; }
  /// The peer has ended the connection because it was asked too often.
  virtual bool asked_too_often() const noexcept { return false; }
  /// Says that nobody waits for this call any more. Returns false when the peer would not understand it.
  virtual bool write_cancel(buffer& out, std::uint64_t id) { return (void)out, (void)id, false; }
  /// Appends whole messages of somebody who calls, or answers, in the other direction.
  virtual void carry(buffer& out, std::string_view messages) { out.append(messages); }
  /// Finds the requests in bytes that were written here from a message's beginning on: of those that never left it is certain that nothing ran.
  virtual void visit_requests(std::string_view written, request_visitor& visitor) const { (void)written, (void)visitor; }

  // Streams, for a protocol whose `streams` is true; see streaming.hpp.
  virtual bool streams() const noexcept { return false; }
  virtual mark begin_item(buffer& out, std::uint64_t id, serialization codec) { return (void)id, (void)codec, mark{out.size(), out.size()}; }
  virtual std::int64_t end_item(buffer& out, mark at, std::uint64_t id) { return (void)out, (void)at, (void)id, 0; }
  virtual void write_end(buffer& out, std::uint64_t id) { (void)out, (void)id; }
  virtual void write_credit(buffer& out, std::uint64_t id, const items_taken& taken) { (void)out, (void)id, (void)taken; }
  /// The credit of a call that streams, as soon as its request is written.
  virtual std::int64_t first_credit() const noexcept { return 0; }
};

}  // namespace tenon::inline v0::protocol
