// A market on a port: reached by tenon, by any rpcx client, and by curl. Ends when its input does.
#include <cctype>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "market.hpp"

using namespace tenon::literals;

// Any object whose methods fit the contract serves it; these may say no, or take their time, where the contract just gives a value.
class exchange {
 public:
  tenon::result<quote> last(std::string symbol) const {
    const auto found = prices_.find(symbol);
    if (found == prices_.end()) return tenon::status{tenon::code::not_found, "no such symbol: " + symbol};
    return quote{symbol, found->second};
  }
  tenon::result<quote> buy(tenon::context& call, std::string symbol, int shares) const {
    if (shares <= 0) return tenon::status{tenon::code::invalid_argument, "shares must be positive"};
    call.response_metadata().set("order", symbol + "-" + std::to_string(shares));
    return last(symbol).transform([shares](quote each) { return quote{each.symbol, each.price * shares}; });
  }
  tenon::task<double> average(std::vector<std::string> symbols) const {
    double sum = 0;
    for (const std::string& symbol : symbols) sum += last(symbol).value_or(quote{}).price;
    co_return symbols.empty() ? 0 : sum / static_cast<double>(symbols.size());
  }

 private:
  std::map<std::string, double> prices_{{"ACME", 42.5}, {"INIT", 7.25}};
};

int main(int count, char** words) {
  const std::string port = count > 1 ? words[1] : "9000";
  tenon::server server;
  server.serve<market, tenon::timeout<1_s>>(exchange{});
  const auto at = server.listen("tcp://127.0.0.1:" + port);
  if (!at || !server.start().ok()) return 1;
  std::printf("listening on %s\n", at.url().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  server.stop();
  std::printf("drained and closed\n");
}
// prints:
// listening on tcp://127.0.0.1:...
// drained and closed
