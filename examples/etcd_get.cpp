// A service that exists, in structs of one's own: writes, reads and watches a key of a real etcd. Nothing is generated: the numbers are those of etcd's rpc.proto.
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <tenon.hpp>
#include <tenon/grpc.hpp>

// The fields that are wanted here, by their numbers; the others are skipped.
struct header { std::int64_t revision = 0; TENON_STRUCT(header, (revision, tenon::number(3))) };
struct key_value {
  std::string key, value;
  std::int64_t version = 0;
  TENON_STRUCT(key_value, (key, tenon::number(1)), (version, tenon::number(4)), (value, tenon::number(5)))
};
struct put_request { std::string key, value; };                     // numbers count from 1 where none are given
struct put_response { header head; };
struct range_request { std::string key; };
struct range_response { header head; std::vector<key_value> found; };

enum class change { put, removed };
struct event { change type = change::put; key_value now; };
struct create_request {
  std::string key;
  std::int64_t from = 0;
  TENON_STRUCT(create_request, (key, tenon::number(1)), (from, tenon::number(3)))
};
struct watch_request { std::variant<std::monostate, create_request> wanted; };  // a oneof, of which this is the first
struct watch_response {
  bool created = false;
  std::vector<event> events;
  TENON_STRUCT(watch_response, (created, tenon::number(3)), (events, tenon::number(11)))
};

struct store {
  range_response Range(range_request);                              // declared, and never defined: etcd has the rest
  put_response Put(put_request);
  TENON_SERVICE((store, tenon::name("etcdserverpb.KV")), (Range, tenon::idempotent), Put)
};
struct watcher {
  tenon::stream<watch_response> Watch(tenon::source<watch_request>);
  TENON_SERVICE((watcher, tenon::name("etcdserverpb.Watch")), Watch)
};

int main(int count, char** arguments) {
  const std::string url = count > 1 ? arguments[1] : "grpc://127.0.0.1:2379";
  tenon::client<store, tenon::codec::protobuf, tenon::retry<>> etcd{url, {.sessions = tenon::grpc}};
  tenon::client<watcher, tenon::codec::protobuf> changes{url, {.sessions = tenon::grpc}};

  const tenon::result<put_response> first = etcd.Put({"greeting", "hello"}).get();
  if (!first) return std::printf("%s\n", first.error().to_string().c_str()), 1;
  const tenon::result<range_response> read = etcd.Range({"greeting"}).get();
  for (const key_value& each : read.value().found) std::printf("%s = %s\n", each.key.c_str(), each.value.c_str());

  auto watch = changes.Watch();
  (void)watch.write({create_request{"greeting", first->head.revision}}).get();  // from the first put on
  (void)etcd.Put({"greeting", "bye"}).get();
  for (std::size_t seen = 0; seen < 2;) {
    const std::optional<watch_response> said = watch.next().get();
    if (!said) return std::printf("%s\n", watch.status().to_string().c_str()), 1;
    for (const event& each : said->events) std::printf("%s is now %s\n", each.now.key.c_str(), each.now.value.c_str()), ++seen;
  }
}
// prints:
// greeting = hello
// greeting is now hello
// greeting is now bye
