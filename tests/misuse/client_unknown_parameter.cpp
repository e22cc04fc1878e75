// expect: tenon::client: a template argument is neither a policy nor a codec
#include <tenon/client.hpp>

struct market {
  int last(int symbol);
  TENON_SERVICE(market, last)
};
tenon::client<market, int> client{"tcp://127.0.0.1:9000"};
