// expect: tenon::server::serve: a template argument is neither a policy nor a codec; a contract may stand first only
#include <tenon/server.hpp>

struct market {
  int last(int symbol) { return symbol; }
  TENON_SERVICE(market, last)
};
void use(tenon::server<>& server) { server.serve<market, int>(market{}); }
