// expect: tenon::client: a method that streams has no one result for a completion token; call it without
#include <tenon/client.hpp>

#include <asio/use_future.hpp>

struct market {
  tenon::stream<int> watch(int symbol);
  TENON_SERVICE(market, watch)
};
void use(tenon::client<market>& m) { m.watch(1, asio::use_future); }
