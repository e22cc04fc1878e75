// expect: tenon::client::configure: the method is none of those that TENON_SERVICE lists for this service
#include <tenon/client.hpp>
#include <tenon/policy.hpp>

struct market {
  int last(int symbol);
  int inner(int symbol);
  TENON_SERVICE(market, last)
};
bool use(tenon::client<market, tenon::timeout<>>& client) { return client.configure<&market::inner>(tenon::timeout_options{}); }
