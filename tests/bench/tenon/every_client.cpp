// Load for every_server, and for foreign servers of the same protocols, gRPC C++'s among them.
// usage: every_client port= protocol=rpcx|jsonrpc|msgpackrpc|http|grpc connections=1 in_flight=1 bytes=64 seconds=1 warm_up=0.3 [method=say|pass|watch]
// HTTP/1.1 has one call at a time on a connection. Methods are gRPC's; `watch` counts items of streams, over gRPC and rpcx; their latencies are not taken.
#include "tenon/load.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <tenon/grpc.hpp>
#include <tenon/protocol/client_sessions.hpp>

#include "tenon/echo_call.hpp"
#include "tenon/typed_call.hpp"

using grpc_client = tenon::client<grpc_service, tenon::codec::protobuf>;

struct say_call {
  explicit say_call(const arguments& given) : said{tenon::bytes(given.number("bytes", 64), std::byte{'x'})} {}
  auto operator()(auto& client) const { return client.Say(said); }
  bool fits(const payload& answer) const { return answer.body.size() == said.body.size(); }

  payload said;
};

tenon::task<void> read_streams(bench::everything& all, grpc_client& client, wanted what) {
  while (true) {
    auto items = client.Watch(what);
    while (true) {
      const std::optional<payload> item = co_await items.next();
      if (!item) break;
      const std::int64_t now = all.loop.now().ns;
      if (now >= all.all.ends()) {
        all.io.stop();
        co_return;
      }
      all.all.add_items(1, now);
    }
    if (const tenon::status how = items.status(); !how.ok()) {
      all.fail(how.to_string());
      co_return;
    }
  }
}

int watch(const arguments& given, const std::string& url) {
  bench::everything all{given};
  std::vector<grpc_client> clients;
  for (std::size_t i = 0; i < given.number("connections", 1); ++i) clients.emplace_back(all.io, url, tenon::client_options{.sessions = tenon::grpc});
  const wanted what{.count = 100'000, .bytes = static_cast<std::uint32_t>(given.number("bytes", 64))};
  all.all.begin(all.loop.refresh().ns);
  for (grpc_client& client : clients) {
    for (std::size_t i = 0; i < given.number("in_flight", 1); ++i) tenon::spawn(all.io, read_streams(all, client, what));
  }
  all.io.run();
  return all.all.finish(all.failed);
}

int main(int argc, char** argv) {
  const arguments given{argc, argv};
  const std::string protocol = given.word("protocol", "rpcx");
  const std::string method = given.word("method", "say");
  const std::string at = "127.0.0.1:" + given.word("port", "0");
  const tenon::client_options by_scheme{.sessions = tenon::protocol::make_client_session};
  if (method == "watch") {
    const std::string url = (protocol == "grpc" ? "grpc://" : "tcp://") + at;
    return watch(given, url);
  }
  if (protocol == "grpc" && method == "pass") return bench::run<grpc_client>(given, "grpc://" + at, typed_call{}, {.sessions = tenon::grpc});
  if (protocol == "grpc") return bench::run<grpc_client>(given, "grpc://" + at, say_call{given}, {.sessions = tenon::grpc});
  if (protocol == "jsonrpc") return bench::run<tenon::client<echo_service, tenon::codec::json>>(given, "jsonrpc+tcp://" + at, echo_call{given}, by_scheme);
  if (protocol == "http") return bench::run<tenon::client<echo_service, tenon::codec::json>>(given, "http://" + at, echo_call{given}, by_scheme);
  if (protocol == "msgpackrpc") return bench::run<tenon::client<echo_service>>(given, "msgpackrpc+tcp://" + at, echo_call{given}, by_scheme);
  return bench::run<tenon::client<echo_service>>(given, "tcp://" + at, echo_call{given});
}
