// expect: tenon::server::serve: the object has no method that fits the contract's; give it one of the same name that takes the same parameters
#include <tenon/server.hpp>

#include <string>

struct market {
  int last(std::string symbol);
  TENON_SERVICE(market, last)
};
struct my_market {
  int last(int symbol) { return symbol; }
};
void use(tenon::server<>& server) { server.serve<market>(my_market{}); }
