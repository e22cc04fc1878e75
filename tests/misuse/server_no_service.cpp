// expect: tenon::server::serve: the object's type is no service; write TENON_SERVICE in it, or name a contract first: server.serve<market>(object)
#include <tenon/server.hpp>

struct market {
  int last(int symbol) { return symbol; }
};
void use(tenon::server<>& server) { server.serve(market{}); }
