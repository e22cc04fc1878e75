// expect: tenon::call::then: the function does not take the result; write .then([](tenon::result<T> r) { ... })
#include <tenon/client.hpp>

struct market {
  int last(int symbol);
  TENON_SERVICE(market, last)
};
void use(tenon::client<market>& client) {
  client.last(1).then([](int price) { return price; });
}
