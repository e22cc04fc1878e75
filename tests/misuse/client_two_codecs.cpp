// expect: tenon::client: two codecs; a client speaks one
#include <tenon/client.hpp>
#include <tenon/codec.hpp>

struct market {
  int last(int symbol);
  TENON_SERVICE(market, last)
};
tenon::client<market, tenon::codec::msgpack, tenon::codec::json> client{"tcp://127.0.0.1:9000"};
