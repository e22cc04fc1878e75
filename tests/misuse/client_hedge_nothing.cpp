// expect: tenon::client: hedge sends a call twice, and what it is for is not declared idempotent; write (last, tenon::idempotent) in TENON_SERVICE, or leave it to retry
#include <tenon/client/client.hpp>
#include <tenon/policy/hedge.hpp>

struct shop {
  void buy(int item);
  TENON_SERVICE(shop, buy)
};
void ask(asio::io_context& io) { tenon::client<shop, tenon::hedge<>> client{io, "tcp://127.0.0.1:1"}; }
