// expect: tenon::server::serve: retry and hedge belong to the client; a server answers once
#include <tenon/server.hpp>

#include <tenon/policy/hedge.hpp>

struct market {
  int last(int symbol) { return symbol; }
  TENON_SERVICE(market, (last, tenon::idempotent))
};
void use(tenon::server<>& server) { server.serve<tenon::hedge<>>(market{}); }
