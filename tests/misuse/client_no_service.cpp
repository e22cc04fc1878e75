// expect: tenon::client: the first argument is no service; write TENON_SERVICE in the struct, or TENON_SERVICE_FOR beside it
#include <tenon/client.hpp>

struct market {
  int last(int symbol);
};
tenon::client<market> client{"tcp://127.0.0.1:9000"};
