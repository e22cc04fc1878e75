#include <tenon/grpc.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <client/feed.hpp>
#include <simulation.hpp>
#include <tenon/codec/protobuf.hpp>
#include <tenon/protocol/detail/http2_engine.hpp>
#include <tenon/zlib.hpp>

using namespace tenon::protocol;
using namespace streaming;
using tenon::buffer;

namespace grpc_compression {

std::string deflated(std::string_view text) {
  buffer out;
  tenon::gzip.deflate(text, out);
  return std::string{out.view()};
}
std::string framed(std::string_view payload, char flag) {
  std::string message{flag, 0, 0, 0, 0};
  detail::set_grpc_length(message.data(), payload.size());
  return message.append(payload);
}
std::string message_of(std::string_view text) { return framed(text, 0); }
std::string compressed(std::string_view text) { return framed(deflated(text), 1); }

using fields = std::vector<std::pair<std::string, std::string>>;

// One HTTP/2 stream, spoken without tenon's sessions: says what it is told to, and keeps what it hears.
class raw_peer {
 public:
  explicit raw_peer(detail::http2_engine::side which) : engine_{which, this, &set, 64 * 1024} {}

  void ask(const fields& more, std::string said) {
    body_ = std::move(said);
    fields head{{":method", "POST"}, {":scheme", "http"}, {":path", "/shop.v1.Shop/Buy"}, {":authority", "h"}, {"te", "trailers"}, {"content-type", "application/grpc"}};
    head.insert(head.end(), more.begin(), more.end());
    const auto listed = as_nv(head);
    const nghttp2_data_provider data = provider(false);
    nghttp2_submit_request(engine_.get(), nullptr, listed.data(), listed.size(), &data, nullptr);
    engine_.send(out);
  }
  /// What a server answers to the first request.
  void answer_with(const fields& more, std::string said) {
    answer_ = {{":status", "200"}, {"content-type", "application/grpc"}};
    answer_.insert(answer_.end(), more.begin(), more.end());
    body_ = std::move(said);
  }
  void hear(std::string_view bytes) {
    CHECK(engine_.receive(bytes).empty());
    engine_.send(out);
  }

  buffer out;
  std::map<std::string, std::string> heard;
  std::string body;

 private:
  static std::vector<nghttp2_nv> as_nv(const fields& from) {
    std::vector<nghttp2_nv> listed;
    for (const auto& [name, value] : from) listed.push_back(detail::header_field(name, value));
    return listed;
  }
  nghttp2_data_provider provider(bool trailed) {
    nghttp2_data_provider data{};
    data.source.ptr = this;
    trailed_ = trailed;
    data.read_callback = [](nghttp2_session* session, std::int32_t id, std::uint8_t* into, std::size_t room, std::uint32_t* flags, nghttp2_data_source* source, void*) -> ssize_t {
      auto& self = *static_cast<raw_peer*>(source->ptr);
      const std::size_t size = (std::min)(room, self.body_.size());
      std::memcpy(into, self.body_.data(), size);
      self.body_.erase(0, size);
      if (self.body_.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (self.body_.empty() && self.trailed_) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        const nghttp2_nv trailer = detail::header_field("grpc-status", "0");
        nghttp2_submit_trailer(session, id, &trailer, 1);
      }
      return static_cast<ssize_t>(size);
    };
    return data;
  }
  static void set(nghttp2_session_callbacks* to) {
    nghttp2_session_callbacks_set_on_header_callback(
        to, [](nghttp2_session*, const nghttp2_frame*, const std::uint8_t* field, std::size_t field_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
          static_cast<raw_peer*>(user)->heard[std::string{detail::text_of(field, field_size)}] = detail::text_of(value, value_size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(to, [](nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size, void* user) {
      static_cast<raw_peer*>(user)->body.append(detail::text_of(data, size));
      nghttp2_session_consume(session, id, size);
      return 0;
    });
    nghttp2_session_callbacks_set_on_frame_recv_callback(to, [](nghttp2_session* session, const nghttp2_frame* frame, void* user) {
      auto& self = *static_cast<raw_peer*>(user);
      if (frame->hd.type != NGHTTP2_DATA || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0 || self.answer_.empty()) return 0;
      const auto listed = as_nv(self.answer_);
      const nghttp2_data_provider data = self.provider(true);
      return nghttp2_submit_response(session, frame->hd.stream_id, listed.data(), listed.size(), &data);
    });
  }

  std::string body_;
  fields answer_;
  bool trailed_ = false;
  detail::http2_engine engine_;
};

// Answers what it is asked, with what it was asked; or takes its caller's items.
struct service {
  explicit service(tenon::limits bounds = {}) : session{bounds} { session.use(&tenon::gzip); }

  bool on_request(const request& call) {
    if (!items_wanted) payloads.emplace_back(call.payload);
    address = call.address;
    if (items_wanted) return false;
    const mark at = session.begin_reply(out, call.address);
    out.append(answer.empty() ? call.payload : std::string_view{answer});
    session.end_reply(out, at, call.address, {});
    return true;
  }
  bool full() const { return false; }
  void on_cancel(std::uint64_t) { ++cancelled; }
  struct directions {
    bool client = false;
    bool server = false;
  };
  directions streams(std::string_view, std::string_view) const { return {.client = items_wanted}; }
  void on_item(std::uint64_t, std::string_view payload) {
    payloads.emplace_back(reads_at_once ? std::string_view{} : payload);
    if (reads_at_once) session.write_credit(out, address, {.bytes = static_cast<std::int64_t>(payload.size()), .items = 1});
  }
  void on_items_end(std::uint64_t) { ++ended; }
  void on_refused_item(std::uint64_t, const tenon::status&) {}
  void on_credit(std::uint64_t, std::int64_t) {}

  grpc_session session;
  buffer out;
  std::string answer;
  bool items_wanted = false;
  bool reads_at_once = false;
  reply_address address;
  std::vector<std::string> payloads;
  int cancelled = 0;
  int ended = 0;
};

struct caller : reply_sink {
  explicit caller(tenon::limits bounds = {}) : session{bounds, "localhost"} {}
  void call(std::string_view said) {
    const mark at = session.begin_request(out, {.id = 1, .service = "shop.v1.Shop", .method = "Buy", .codec = serialization::protobuf});
    out.append(said);
    session.end_request(out, at);
  }
  void on_reply(const reply& answer) override {
    payload = answer.payload;
    error = answer.error;
    ++answers;
  }
  grpc_client_session session;
  buffer out;
  std::string payload;
  tenon::status error;
  int answers = 0;
};

void give(service& to, buffer& from, std::size_t step) {
  while (!from.empty()) {
    const std::string piece{from.view().substr(0, step)};
    from.drop_front(piece.size());
    CHECK(to.session.consume(piece, to, to.out).bytes == piece.size());
  }
}
void give(caller& to, buffer& from, std::size_t step) {
  while (!from.empty()) {
    const std::string piece{from.view().substr(0, step)};
    from.drop_front(piece.size());
    CHECK(to.session.consume(piece, to, to.out).bytes == piece.size());
  }
}
void give(raw_peer& to, buffer& from, std::size_t) {
  const std::string bytes{from.view()};
  from.clear();
  if (!bytes.empty()) to.hear(bytes);
}
template <class A, class B>
void exchange(A& a, B& b, std::size_t step = 1'000'000) {
  while (!a.out.empty() || !b.out.empty()) {
    give(b, a.out, step);
    give(a, b.out, step);
  }
}

std::map<std::string, std::string> refusal_of(const fields& more, std::string body, tenon::limits bounds = {}, bool items = false) {
  service served{bounds};
  served.items_wanted = items;
  raw_peer client{detail::http2_engine::side::client};
  client.ask(more, std::move(body));
  exchange(client, served);
  CHECK(served.payloads.empty());
  return client.heard;
}
tenon::status refused_answer(const fields& more, std::string body, bool asks = true, tenon::limits bounds = {}) {
  raw_peer server{detail::http2_engine::side::server};
  server.answer_with(more, std::move(body));
  caller client{bounds};
  if (asks) client.session.use(tenon::gzip, 1025);
  client.call("x");
  exchange(client, server);
  CHECK(client.answers == 1);
  return client.error;
}

const std::string large(50'000, 'x');

struct compressed_world : simulated::world {
  explicit compressed_world(tenon::server_options options) : server{io, simulated::served_desk::logging(options)} {
    server.serve(feed{&records});
    server.listen(wire, "feed");
    server.start();
    run();
  }
  void start(tenon::task<void> what) {
    tenon::spawn(io, std::move(what));
    run();
  }
  feed_records records;
  tenon::server<tenon::grpc_protocols> server;
};
using feed_client = tenon::client<feed, tenon::codec::protobuf>;

}  // namespace grpc_compression

using namespace grpc_compression;

TEST_CASE("gRPC reads compressed messages, and answers so who takes it") {
  service served;
  raw_peer client{detail::http2_engine::side::client};
  client.ask({{"grpc-encoding", "gzip"}, {"grpc-accept-encoding", "deflate, gzip,identity"}}, compressed(large));
  exchange(client, served);
  REQUIRE(served.payloads == std::vector<std::string>{large});
  CHECK(client.heard["grpc-status"] == "0");
  CHECK(client.heard["grpc-encoding"] == "gzip");
  CHECK(client.heard["grpc-accept-encoding"] == "identity,gzip");
  CHECK(client.body == compressed(large));
}

TEST_CASE("a gRPC answer stays as it is where it is small, or its caller takes nothing else") {
  for (const fields& asked : {fields{}, fields{{"grpc-accept-encoding", "identity"}}, fields{{"grpc-accept-encoding", "gzip"}}}) {
    const bool takes = !asked.empty() && asked[0].second == "gzip";
    service served;
    raw_peer client{detail::http2_engine::side::client};
    const std::string said = takes ? std::string(1024, 'x') : large;
    client.ask(asked, message_of(said));
    exchange(client, served);
    CHECK(client.heard["grpc-status"] == "0");
    CHECK(client.heard.count("grpc-encoding") == 0);
    CHECK(client.body == message_of(said));
  }
  // An encoding that is announced and not used matters to nobody.
  service served;
  raw_peer client{detail::http2_engine::side::client};
  client.ask({{"grpc-encoding", "snappy"}}, message_of("plain"));
  exchange(client, served);
  CHECK(client.body == message_of("plain"));
}

TEST_CASE("a compressed gRPC request that cannot be read is refused with the reason") {
  auto said = refusal_of({{"grpc-encoding", "snappy"}}, framed("x", 1));
  CHECK(said["grpc-status"] == "12");
  CHECK(said["grpc-accept-encoding"] == "identity,gzip");
  CHECK(said["grpc-message"] == "the message is compressed in a way that is not read here; expected identity,gzip");
  for (const fields& none : {fields{}, fields{{"grpc-encoding", "identity"}}}) {
    said = refusal_of(none, framed("x", 1));
    CHECK(said["grpc-status"] == "13");
    CHECK(said["grpc-message"] == "the message is marked as compressed, and grpc-encoding names no compression");
  }
  said = refusal_of({{"grpc-encoding", "gzip"}}, framed("no gzip", 1));
  CHECK(said["grpc-status"] == "13");
  CHECK(said["grpc-message"].find("not gzip, or damaged") != std::string::npos);
  said = refusal_of({{"grpc-encoding", "gzip"}}, compressed(std::string(5001, 'x')), {.max_message_bytes = 5000});
  CHECK(said["grpc-status"] == "8");
}

TEST_CASE("a caller's compressed items are read one by one, and the first bad one ends the call") {
  for (const std::size_t step : {std::size_t{1}, std::size_t{50}, std::size_t{1'000'000}}) {
    service served;
    served.items_wanted = true;
    raw_peer client{detail::http2_engine::side::client};
    client.ask({{"grpc-encoding", "gzip"}}, message_of("one") + compressed(large) + message_of("") + compressed("four"));
    exchange(client, served, step);
    CHECK(served.payloads == std::vector<std::string>{"one", large, "", "four"});
    CHECK(served.ended == 1);
    CHECK(served.cancelled == 0);
  }
  auto said = refusal_of({{"grpc-encoding", "br"}}, framed("x", 1), {}, true);
  CHECK(said["grpc-status"] == "12");
  CHECK(said["grpc-accept-encoding"] == "identity,gzip");
  CHECK(refusal_of({}, framed("x", 1), {}, true)["grpc-status"] == "13");
  CHECK(refusal_of({{"grpc-encoding", "gzip"}}, framed("x", 1), {}, true)["grpc-status"] == "13");
  CHECK(refusal_of({{"grpc-encoding", "gzip"}}, compressed(std::string(5001, 'x')), {.max_message_bytes = 5000}, true)["grpc-status"] == "8");
}

TEST_CASE("small items that inflate to much are read no further than a connection may hold") {
  const std::string bomb = compressed(std::string(4'000'000, '\0'));
  std::string many;
  for (int i = 0; i < 100; ++i) many += bomb;
  REQUIRE(many.size() < 1'000'000);
  service served;
  served.items_wanted = true;
  raw_peer client{detail::http2_engine::side::client};
  client.ask({{"grpc-encoding", "gzip"}}, many);
  exchange(client, served);
  CHECK(client.heard["grpc-status"] == "8");
  CHECK(served.payloads.size() <= 5);
  CHECK(served.cancelled == 1);
  // Whoever reads them gets them all.
  service reading;
  reading.items_wanted = true;
  raw_peer patient{detail::http2_engine::side::client};
  patient.ask({{"grpc-encoding", "gzip"}}, many);
  std::size_t read = 0;
  while (!patient.out.empty()) {
    buffer some;
    some.append(patient.out.view().substr(0, 1000));
    patient.out.drop_front(some.size());
    give(reading, some, 1000);
    for (; read < reading.payloads.size(); ++read) {
      reading.session.write_credit(reading.out, reading.address, {.bytes = static_cast<std::int64_t>(reading.payloads[read].size()), .items = 1});
      reading.payloads[read].clear();
    }
    give(patient, reading.out, 0);
  }
  CHECK(reading.payloads.size() == 100);
  CHECK(reading.ended == 1);
  // Also who reads each as it is told of it, whatever has come behind it.
  service quick;
  quick.items_wanted = quick.reads_at_once = true;
  raw_peer hasty{detail::http2_engine::side::client};
  hasty.ask({{"grpc-encoding", "gzip"}}, many);
  exchange(hasty, quick);
  CHECK(quick.payloads.size() == 100);
  CHECK(quick.ended == 1);
}

TEST_CASE("a gRPC client compresses from its threshold on, and reads what comes compressed") {
  service served;
  caller client;
  client.session.use(tenon::gzip, 100);
  client.call(large);
  CHECK(client.out.size() < 1000);
  exchange(client, served);
  REQUIRE(served.payloads == std::vector<std::string>{large});
  CHECK(client.error.ok());
  CHECK(client.payload == large);

  raw_peer server{detail::http2_engine::side::server};
  server.answer_with({}, message_of("yes"));
  caller small;
  small.session.use(tenon::gzip, 100);
  small.call(std::string(99, 'x'));
  exchange(small, server);
  CHECK(server.heard.count("grpc-encoding") == 0);
  CHECK(server.heard["grpc-accept-encoding"] == "identity,gzip");
  CHECK(server.body == message_of(std::string(99, 'x')));
  CHECK(small.payload == "yes");

  raw_peer other{detail::http2_engine::side::server};
  other.answer_with({{"grpc-encoding", "gzip"}}, compressed("yes"));
  caller at;
  at.session.use(tenon::gzip, 100);
  at.call(std::string(100, 'x'));
  exchange(at, other);
  CHECK(other.heard["grpc-encoding"] == "gzip");
  CHECK(other.body == compressed(std::string(100, 'x')));
  CHECK(at.payload == "yes");
}

TEST_CASE("a gRPC client that compresses nothing reads what comes compressed") {
  raw_peer server{detail::http2_engine::side::server};
  server.answer_with({{"grpc-encoding", "gzip"}}, compressed("yes"));
  caller client;
  client.session.use(tenon::gzip, compress_nothing);
  client.call(large);
  exchange(client, server);
  CHECK(server.heard["grpc-accept-encoding"] == "identity,gzip");
  CHECK(server.heard.count("grpc-encoding") == 0);
  CHECK(server.body == message_of(large));
  CHECK(client.error.ok());
  CHECK(client.payload == "yes");
  // A server that reads no gzip may refuse a stream for having announced it.
  for (const std::size_t from_bytes : {std::size_t{100}, compress_nothing}) {
    raw_peer hears{detail::http2_engine::side::server};
    caller streams;
    streams.session.use(tenon::gzip, from_bytes);
    const tenon::metadata none;
    const mark at = streams.session.begin_request(
        streams.out, {.id = 1, .service = "shop.v1.Shop", .method = "Fill", .codec = serialization::protobuf, .client_streams = true, .extra = &none, .stream_credit = 1});
    streams.session.end_request(streams.out, at);
    exchange(streams, hears);
    CHECK(hears.heard[":path"] == "/shop.v1.Shop/Fill");
    CHECK(hears.heard["grpc-accept-encoding"] == "identity,gzip");
    CHECK(hears.heard.count("grpc-encoding") == (from_bytes == compress_nothing ? 0 : 1));
  }
}

TEST_CASE("a compressed gRPC answer that cannot be read fails its call") {
  CHECK(refused_answer({{"grpc-encoding", "gzip"}}, compressed("x")).ok());
  CHECK(refused_answer({{"grpc-encoding", "gzip"}}, compressed("x"), false).to_string() == "INTERNAL: the answer is compressed, which this client did not ask for");
  CHECK(refused_answer({}, framed("x", 1)).to_string() == "INTERNAL: the answer is marked as compressed, and grpc-encoding names no compression");
  CHECK(refused_answer({{"grpc-encoding", "br"}}, framed("x", 1)).code() == tenon::code::internal);
  CHECK(refused_answer({{"grpc-encoding", "gzip"}}, framed("x", 1)).code() == tenon::code::internal);
  const tenon::status much = refused_answer({{"grpc-encoding", "gzip"}}, compressed(std::string(5001, 'x')), true, {.max_message_bytes = 5000});
  CHECK(much.code() == tenon::code::resource_exhausted);
  CHECK(much.has(tenon::outcome::no_retry));
}

namespace grpc_compression {

tenon::result<std::size_t> uploaded(compressed_world& world, feed_client& client) {
  tenon::result<std::size_t> sum{std::size_t{0}};
  world.start([](feed_client& from, tenon::result<std::size_t>& into) -> tenon::task<void> {
    auto parts = from.upload();
    const std::string part(30'000, 'y');
    for (int i = 0; i < 20; ++i) {
      if (!co_await parts.write(part)) break;
    }
    into = co_await parts.finish();
  }(client, sum));
  world.on_loop([&] { world.records.door.open(); });
  return sum;
}

}  // namespace grpc_compression

TEST_CASE("streams are compressed in both directions, where both sides say so") {
  for (const bool server_knows : {true, false}) {
    for (const std::size_t from_bytes : {std::size_t{100}, compress_nothing}) {
      compressed_world world{{.compression = server_knows ? &tenon::gzip : nullptr}};
      feed_client client{world.io, world.wire.connector_to("feed"), {.compression = &tenon::gzip, .compress_from_bytes = from_bytes, .sessions = tenon::grpc}};
      heard<tick> ticks;
      world.start(read_all(client.count_to(200, 20'000), ticks));
      CHECK(ticks.ended() == "OK");
      REQUIRE(ticks.items.size() == 200);
      CHECK(ticks.items[199].text == std::string(20'000, 'x'));

      const tenon::result<std::size_t> sum = uploaded(world, client);
      if (server_knows || from_bytes == compress_nothing) CHECK(sum.value_or(0) == 600'000);
      else CHECK(sum.to_status().code() == tenon::code::unimplemented);
    }
  }
}
