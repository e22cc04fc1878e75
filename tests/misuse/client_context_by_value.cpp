// expect alone: tenon: a service's method takes a tenon::context by value or as const; take tenon::context& as its first parameter
#include <tenon/client/client.hpp>

struct market {
  int last(tenon::context call, int symbol);
  TENON_SERVICE(market, last)
};
void use(asio::io_context& io) { tenon::client<market> client{io, "tcp://127.0.0.1:1"}; }
