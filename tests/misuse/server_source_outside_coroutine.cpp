// expect: tenon::server::serve: a handler that takes a tenon::source has to be a coroutine, which alone can wait for the next item; return tenon::task<T>
#include <tenon/server.hpp>

struct market {
  int upload(tenon::source<int> prices) { return prices.ended() ? 1 : 0; }
  TENON_SERVICE(market, upload)
};
void use(tenon::server<>& server) { server.serve(market{}); }
