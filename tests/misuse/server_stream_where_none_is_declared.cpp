// expect: tenon::server::serve: the object's method returns a tenon::stream, the contract's of that name does not; write tenon::stream<T> in the contract as well
#include <tenon/server.hpp>

struct market {
  int watch(tenon::source<int> symbols);
  TENON_SERVICE(market, watch)
};
struct my_market {
  tenon::stream<int> watch(tenon::source<int>) { co_yield 1; }
};
void use(tenon::server<>& server) { server.serve<market>(my_market{}); }
