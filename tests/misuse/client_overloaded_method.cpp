// expect alone: tenon: TENON_SERVICE lists a name that is not one method; list methods that are neither overloaded nor templates, each once
#include <tenon/client/client.hpp>

#include <string>

struct market {
  int last(int id);
  int last(std::string symbol);
  TENON_SERVICE(market, last)
};
void use(asio::io_context& io) { tenon::client<market> client{io, "tcp://127.0.0.1:1"}; }
