#include <cstdio>
#include <string>
#include <vector>

#include <tenon.hpp>
#include <tenon/peers.hpp>

using namespace tenon::literals;

struct display {                                                    // what a client offers: a contract like any other
  std::string show(std::string text);
  void tick(int number);
  TENON_SERVICE(display, show, tick)
};

struct market {
  std::vector<tenon::peer<display>> watchers;                       // callers, kept: handles that outlive the call

  int watch(tenon::context& call) {
    watchers.push_back(tenon::peer<display>{call});
    return static_cast<int>(watchers.size());
  }
  tenon::task<std::string> close(std::string why) {                 // each is asked over its own connection
    std::string said;
    for (const auto& each : watchers) {
      each.with({.one_way = true}).tick(1).then([](tenon::result<void>) {});
      tenon::result<std::string> got = co_await each.with({.timeout = 1_s}).show(why);
      said += got ? *got : got.error().to_string();
    }
    co_return said;
  }
  TENON_SERVICE(market, watch, close)
};

struct screen {                                                     // the client's own object, served on the client's loop
  int ticks = 0;
  std::string show(std::string text) { return "seen after " + std::to_string(ticks) + " tick: " + text; }
  void tick(int number) { ticks += number; }
};

int main() {
  tenon::server server;
  server.serve(market{});
  auto at = server.listen("tcp://127.0.0.1:0");
  server.start();

  tenon::offers mine;
  mine.serve<display>(screen{});
  tenon::client<market> m{at.url(), tenon::client_options{.offers = mine}};
  std::printf("%d watches\n", m.watch().get().value());
  std::printf("%s\n", m.close("the bell rings").get().value().c_str());
  server.stop();
}

// prints:
// 1 watches
// seen after 1 tick: the bell rings
