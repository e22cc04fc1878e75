// expect: tenon: a service's method takes a reference to non-const, and nothing comes back through it; return the value
#include <tenon/reflect.hpp>

struct market {
  void last(std::string symbol, double& price);
  TENON_SERVICE(market, last)
};

static_assert(boost::hana::at_c<0>(tenon::methods_of<market>).index == 0);
