// expect: tenon::on_method: the fallback's function does not give what the method returns
#include <tenon/client/client.hpp>
#include <tenon/policy/fallback.hpp>
#include <tenon/policy/select.hpp>

struct shop {
  std::string name(int item);
  TENON_SERVICE(shop, name)
};
int* one() { return nullptr; }
void ask(asio::io_context& io) { tenon::client<shop, tenon::on_method<&shop::name, tenon::fallback<&one>>> client{io, "tcp://127.0.0.1:1"}; }
