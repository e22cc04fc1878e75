// expect: tenon::server::serve: fallback, cache and singleflight answer a client's calls and do nothing on a server; write them among the client's parameters
#include <tenon/policy/cache.hpp>
#include <tenon/server/server.hpp>

struct shop {
  int price(int item) { return item; }
  TENON_SERVICE(shop, price)
};
void open(tenon::server<>& server) { server.serve<tenon::cache<>>(shop{}); }
