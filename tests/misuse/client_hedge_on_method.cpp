// expect: tenon::client: hedge sends a call twice, and what it is for is not declared idempotent; write (last, tenon::idempotent) in TENON_SERVICE, or leave it to retry
#include <tenon/client/client.hpp>
#include <tenon/policy/hedge.hpp>

struct shop {
  int price(int item);
  void buy(int item);
  TENON_SERVICE(shop, (price, tenon::idempotent), buy)
};
void ask(asio::io_context& io) { tenon::client<shop, tenon::on_method<&shop::buy, tenon::hedge<>>> client{io, "tcp://127.0.0.1:1"}; }
