// expect: tenon::on_method: the method is none of those that TENON_SERVICE lists for this service
#include <tenon/client.hpp>
#include <tenon/policy.hpp>

struct market {
  int last(int symbol);
  int inner(int symbol);
  TENON_SERVICE(market, last)
};
tenon::client<market, tenon::on_method<&market::inner, tenon::timeout<>>> client{"tcp://127.0.0.1:9000"};
