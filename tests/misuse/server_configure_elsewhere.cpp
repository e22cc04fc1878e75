// expect: tenon::server::configure: the method is none of those that TENON_SERVICE lists for this service
#include <tenon/policy.hpp>
#include <tenon/server.hpp>

struct market {
  int last(int symbol);
  int inner(int symbol);
  TENON_SERVICE(market, last)
};
bool use(tenon::server<>& server) { return server.configure<market, &market::inner>(tenon::timeout_options{}); }
