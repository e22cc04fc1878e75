#include <cstdio>
#include <string>
#include <string_view>

#include <tenon.hpp>

struct allowance_options { int calls = 2; };                        // beside the policy, not within: its defaults are needed there

template <allowance_options Options = allowance_options{}>
struct allowance : tenon::policy::base {                            // a policy: so many calls that succeed, and then no more
  static constexpr std::string_view name = "allowance";
  using options = allowance_options;
  static constexpr options defaults = Options;
  struct state { int used = 0; };                                   // one per client, on its loop: no lock
  using none = tenon::policy::none;                                 // nothing to remember about a single call

  static tenon::outcome admit(state& own, const options& chosen, none&, tenon::call_info&) noexcept {
    if (own.used >= chosen.calls) return tenon::refused_here(tenon::code::resource_exhausted);
    ++own.used;                                                     // counted before the answer: calls overlap
    return {};
  }
  static void observe(state& own, const options&, none&, tenon::call_info&, tenon::outcome result) noexcept {
    if (!result.ok()) --own.used;                                   // every call that was admitted comes here, once
  }
};

struct market {
  tenon::result<double> last(std::string symbol) {
    if (symbol != "ACME") return tenon::status{tenon::code::not_found, symbol};
    return 42.5;
  }
  TENON_SERVICE(market, last)
};

int main() {
  tenon::server server;
  server.serve(market{});
  auto at = server.listen("tcp://127.0.0.1:0");
  server.start();
  tenon::client<market, allowance<>> m{at.url()};                   // beside retry, breaker and the others, where it belongs
  const auto ask = [&m](const char* symbol) {
    const auto price = m.last(symbol).get();
    std::printf("%s\n", price ? "42.5" : price.error().to_string().c_str());
  };
  for (const char* symbol : {"ACME", "INIT", "ACME", "ACME"}) ask(symbol);
  m.configure(allowance_options{.calls = 3});                       // while calls run, for those that start from now on
  ask("ACME");
}
// prints:
// 42.5
// NOT_FOUND: INIT
// 42.5
// RESOURCE_EXHAUSTED: market.last: refused before the call was sent (allowance)
// 42.5
