// Makes calls that are not answered, and says what each takes its own process in memory; the server's is measured from outside.
// usage: pending_client port= protocol=rpcx|grpc connections=1 in_flight=1 bytes=64 linger=1    prints `calls_per_second=1 client_bytes=N` when the server holds them all
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include <tenon/grpc.hpp>

#include "load/measurement.hpp"
#include "tenon/load.hpp"

#include "echo.hpp"
#include "typed.hpp"

namespace {

// Pages that no other process has.
std::size_t own_kib() {
  std::ifstream lines{"/proc/self/smaps_rollup"};
  std::size_t sum = 0;
  for (std::string word; lines >> word;) {
    std::size_t kib = 0;
    if (word.starts_with("Private_") && lines >> kib) sum += kib;
  }
  return sum;
}

template <class Client, class Call>
int hold(const arguments& given, const std::string& url, const tenon::client_options& options, Call call) {
  bench::everything all{given};
  std::vector<Client> clients;
  for (std::size_t i = 0; i < given.number("connections", 1); ++i) clients.emplace_back(all.io, url, options);
  // A call that is answered stands behind all others on its connection, so that the server has taken those.
  const auto ask_all = [&] {
    for (Client& each : clients) {
      bool done = false;
      call(each, std::string{"short"}).then([&](const auto& answer) {
        done = true;
        if (!answer) all.fail(answer.error().to_string());
      });
      while (!done && all.io.run_one() != 0) {
      }
    }
    return !all.failed;
  };
  if (!ask_all()) return 1;
  const std::size_t before = own_kib();
  const std::string text(given.number("bytes", 64), 'x');
  const std::size_t in_flight = given.number("in_flight", 1);
  for (Client& each : clients) {
    for (std::size_t i = 0; i < in_flight; ++i) {
      call(each, text).then([&](const auto& answer) { all.fail(answer ? "a call was answered" : answer.error().to_string()); });
    }
    all.io.poll();
  }
  if (!ask_all()) return 1;
  std::printf("calls_per_second=1 client_bytes=%zu\n", (own_kib() - before) * 1024 / (clients.size() * in_flight));
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const arguments given{argc, argv};
  const std::string at = "127.0.0.1:" + given.word("port", "0");
  if (given.word("protocol", "rpcx") == "grpc") {
    return hold<tenon::client<grpc_service, tenon::codec::protobuf>>(given, "grpc://" + at, {.sessions = tenon::grpc}, [](auto& client, const std::string& text) {
      const auto* first = reinterpret_cast<const std::byte*>(text.data());
      return client.Say(payload{tenon::bytes(first, first + text.size())});
    });
  }
  return hold<tenon::client<echo_service>>(given, "tcp://" + at, {}, [](auto& client, const std::string& text) { return client.echo(text); });
}
