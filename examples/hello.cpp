#include <cstdio>
#include <string>
#include <vector>

#include <tenon.hpp>

using namespace tenon::literals;

struct quote { std::string symbol; double price = 0; };             // a message: any aggregate, no macro

struct market {                                                     // a service: any struct, one macro
  quote last(std::string symbol) { return {symbol, 42.5}; }         // plain function
  tenon::result<quote> buy(std::string symbol, int shares) {        // errors are values
    if (shares <= 0) return tenon::status{tenon::code::invalid_argument, "shares must be positive"};
    return quote{symbol, 42.5 * shares};
  }
  tenon::task<double> average(std::vector<std::string> symbols) {   // coroutine; asio::awaitable<double> is taken as well
    co_return symbols.empty() ? 0 : 42.5;
  }
  TENON_SERVICE(market, (last, tenon::idempotent), (buy, tenon::params("symbol", "shares")), average)
};

int main() {
  tenon::server server;                                             // every protocol on one port
  server.serve<tenon::timeout<1_s>>(market{});                      // policies are template parameters
  auto at = server.listen("tcp://127.0.0.1:0");                     // port 0: pick one, and say which
  server.start();

  tenon::client<market, tenon::timeout<200_ms>> m{at.url()};        // real member functions, checked by the compiler
  tenon::result<quote> q = m.last("ACME").get();
  std::printf("%s at %.2f\n", q->symbol.c_str(), q->price);

  tenon::result<quote> refused = m.buy("ACME", -3).get();
  std::printf("%s\n", refused.error().to_string().c_str());

  std::printf("average %.2f\n", m.average({"ACME", "INIT"}).get().value_or(0));
  server.stop();                                                    // lets calls under way end, then closes
}
// prints:
// ACME at 42.50
// INVALID_ARGUMENT: shares must be positive
// average 42.50
