// expect: tenon::server::serve: a method declared tenon::blocking is a coroutine, which runs on the loop; return a plain value, or leave tenon::blocking out
#include <tenon/server/server.hpp>

struct shop {
  tenon::task<int> price(int item) { co_return item; }
  TENON_SERVICE(shop, (price, tenon::blocking))
};
void open(tenon::server<>& server) { server.serve(shop{}); }
