// expect: tenon::server::serve: fallback and last_good answer calls that have failed, which is the client's part; write them among the client's parameters
#include <tenon/policy/fallback.hpp>
#include <tenon/server.hpp>

struct market {
  int last(int symbol) { return symbol; }
  TENON_SERVICE(market, (last, tenon::cacheable))
};
void use(tenon::server<>& server) { server.serve<tenon::fallback<[] { return 1; }>>(market{}); }
