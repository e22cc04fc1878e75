// expect: tenon::server::serve: the contract's method returns a tenon::stream, the object's of that name does not; return tenon::stream<T> there as well
#include <tenon/server.hpp>

struct market {
  tenon::stream<int> watch(int symbol);
  TENON_SERVICE(market, watch)
};
struct my_market {
  int watch(int symbol) { return symbol; }
};
void use(tenon::server<>& server) { server.serve<market>(my_market{}); }
