#include <cstdio>
#include <string>

#include <tenon.hpp>

using namespace tenon::literals;

struct market {
  int* asked;
  double last(std::string) { return 42 + ++*asked; }
  double buy(std::string) { return 42 + ++*asked; }
  TENON_SERVICE(market, (last, tenon::cacheable), buy)              // a method that does not say so is asked every time
};

// Answers from memory, for as long as an answer is good. Failures are never kept, and what depends on who asks (metadata, principal) is kept apart.
// With singleflight behind it, one call fetches what many miss: tenon::client<market, tenon::cache<>, tenon::singleflight<>, tenon::retry<>>.
int main() {
  int asked = 0;
  tenon::server server;
  server.serve(market{&asked});
  auto at = server.listen("tcp://127.0.0.1:0");
  server.start();

  tenon::client<market, tenon::cache<tenon::cache_options{.ttl = 1_min}>> m{at.url()};
  const auto ask = [&](const char* symbol) { std::printf("last %s: %.0f\n", symbol, m.last(symbol).get().value_or(0)); };
  ask("ACME");
  ask("ACME");
  ask("INIT");                                                      // another question
  ask("ACME");
  std::printf("buy ACME: %.0f\n", m.buy("ACME").get().value_or(0));
  m.configure(tenon::cache_options{.ttl = {}});                     // off, while calls run
  ask("ACME");
}
// prints:
// last ACME: 43
// last ACME: 43
// last INIT: 44
// last ACME: 43
// buy ACME: 45
// last ACME: 46
