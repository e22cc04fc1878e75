// expect: tenon::server::show: the object has no pages; write server.show(tenon::pages<market>{}), or derive from tenon::protocol::http_pages
#include <tenon/server.hpp>

struct market {
  int last(int symbol) { return symbol; }
  TENON_SERVICE(market, last)
};
void use(tenon::server<>& server) { server.show(market{}); }
