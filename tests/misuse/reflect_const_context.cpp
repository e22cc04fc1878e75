// expect: tenon: a service's method takes a tenon::context by value or as const; take tenon::context& as its first
#include <tenon/reflect.hpp>

struct market {
  double last(const tenon::context& call, std::string symbol);
  TENON_SERVICE(market, last)
};

static_assert(boost::hana::at_c<0>(tenon::methods_of<market>).index == 0);
