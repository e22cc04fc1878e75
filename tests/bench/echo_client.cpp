// Load for echo_server: what raw_echo_client does, as typed calls. CONNECTIONS clients share one io_context; each keeps IN_FLIGHT callers busy,
// and a caller makes its next call when its answer has come: in a callback, in a tenon::task, or in an asio::awaitable.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tenon.hpp>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>

#include "echo.hpp"
#include "latencies.hpp"

namespace {

using echo_client = tenon::client<echo_service>;

struct measurement {
  asio::io_context io{1};
  // Its clock is read once for each batch of answers, as raw_echo_client does.
  tenon::net::loop& loop = tenon::net::loop::of(io);
  std::string payload;
  tenon::instant begins{};
  tenon::instant ends{};
  latencies found;
  bool failed = false;

  void fail(const std::string& what) {
    if (!std::exchange(failed, true)) std::fprintf(stderr, "echo_client: %s\n", what.c_str());
    io.stop();
  }

  // Counts an answer. False when it was the last.
  bool count(tenon::instant started, const tenon::result<std::string>& answer) {
    if (!answer) return fail(answer.error().to_string()), false;
    if (answer->size() != payload.size()) return fail("an answer of another length"), false;
    const tenon::instant now = loop.now();
    if (now >= ends) return io.stop(), false;
    if (now >= begins) found.add((now - started).ns);
    return true;
  }
};

struct caller {
  measurement& all;
  echo_client& client;
  tenon::instant started{};

  void call() {
    started = all.loop.now();
    client.echo(all.payload).then([this](const tenon::result<std::string>& answer) {
      if (all.count(started, answer)) call();
    });
  }
};

tenon::task<void> call_in_task(measurement& all, echo_client& client) {
  while (true) {
    const tenon::instant started = all.loop.now();
    const tenon::result<std::string> answer = co_await client.echo(all.payload);
    if (!all.count(started, answer)) co_return;
  }
}

asio::awaitable<void> call_in_awaitable(measurement& all, echo_client& client) {
  while (true) {
    const tenon::instant started = all.loop.now();
    const tenon::result<std::string> answer = co_await client.echo(all.payload);
    if (!all.count(started, answer)) co_return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view way = argc == 7 ? argv[6] : "then";
  if ((argc != 6 && argc != 7) || (way != "then" && way != "task" && way != "awaitable")) {
    std::fprintf(stderr, "usage: echo_client PORT CONNECTIONS IN_FLIGHT BYTES SECONDS [then|task|awaitable]\n");
    return 2;
  }
  const std::string url = std::string{"tcp://127.0.0.1:"} + argv[1];
  const auto connections = static_cast<std::size_t>(std::atoi(argv[2]));
  const auto in_flight = static_cast<std::size_t>(std::atoi(argv[3]));
  const double seconds = std::atof(argv[5]);
  measurement all;
  all.payload.assign(static_cast<std::size_t>(std::atoi(argv[4])), 'x');

  std::vector<echo_client> clients;
  for (std::size_t i = 0; i < connections; ++i) clients.emplace_back(all.io, url);
  std::vector<caller> callers;
  for (echo_client& client : clients) {
    for (std::size_t i = 0; i < in_flight; ++i) callers.push_back({all, client});
  }

  // A second to warm up, or less when the measurement itself is short.
  const double warm_up = seconds < 1 ? seconds : 1;
  all.begins = all.loop.refresh() + tenon::duration{static_cast<std::int64_t>(warm_up * 1e9)};
  all.ends = all.begins + tenon::duration{static_cast<std::int64_t>(seconds * 1e9)};
  for (caller& each : callers) {
    if (way == "then") each.call();
    else if (way == "task") tenon::spawn(all.io, call_in_task(all, each.client));
    else asio::co_spawn(all.io, call_in_awaitable(all, each.client), asio::detached);
  }
  all.io.run();
  if (all.failed) return 1;
  all.found.print(seconds);
}
