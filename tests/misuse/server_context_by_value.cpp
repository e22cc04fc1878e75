// expect alone: tenon: a service's method takes a tenon::context by value or as const; take tenon::context& as its first parameter
#include <tenon/server/server.hpp>

struct market {
  int last(tenon::context, int symbol) { return symbol; }
  TENON_SERVICE(market, last)
};
void use(tenon::server<>& server) { server.serve(market{}); }
