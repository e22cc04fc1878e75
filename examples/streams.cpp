// Streams: a handler that yields, one that reads what its caller sends, and one that does both.
#include <cstdio>
#include <optional>
#include <string>

#include <tenon.hpp>

struct quote { std::string symbol; double price = 0; };
struct market {
  tenon::stream<quote> watch(std::string symbol) {                  // co_yield waits while the reader is slow
    for (const double price : {42.5, 43.0, 41.75}) co_yield {symbol, price};
  }
  tenon::task<double> average(tenon::source<quote> quotes) {        // one answer to many items
    double sum = 0;
    int count = 0;
    while (std::optional<quote> each = co_await quotes.next()) {
      sum += each->price;
      ++count;
    }
    if (count == 0) co_return 0;
    co_return sum / count;
  }
  tenon::stream<std::string> talk(tenon::source<std::string> lines) {
    while (std::optional<std::string> line = co_await lines.next()) {
      if (*line == "bye") co_yield tenon::status{tenon::code::aborted, "so soon?"};
      const std::string answer = "you said " + *line;
      co_yield answer;
    }
  }
  TENON_SERVICE(market, watch, average, talk)
};

int main() {
  tenon::server server;
  server.serve(market{});
  auto at = server.listen("tcp://127.0.0.1:0");
  server.start();
  tenon::client<market> m{at.url()};

  auto watched = m.watch("ACME");                                   // leaving it early ends the handler
  while (auto q = watched.next().get()) std::printf("%s at %.2f\n", q->symbol.c_str(), q->price);   // co_await watched.next() in a coroutine

  auto quotes = m.average();
  for (const double price : {1.0, 2.0, 6.0}) (void)quotes.write({"ACME", price}).get();   // waits while the handler is slow
  std::printf("average %.2f\n", quotes.finish().get().value_or(0));

  auto talk = m.talk();
  for (const char* line : {"hello", "bye"}) {
    (void)talk.write(line).get();
    if (auto answer = talk.next().get()) std::printf("%s\n", answer->c_str());
  }
  std::printf("%s\n", talk.status().to_string().c_str());
}
// prints:
// ACME at 42.50
// ACME at 43.00
// ACME at 41.75
// average 3.00
// you said hello
// ABORTED: so soon?
