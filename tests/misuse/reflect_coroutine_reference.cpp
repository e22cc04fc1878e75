// expect: tenon: a service's method is a coroutine; take its parameters by value: a reference dies at the first
// suspension
#include <tenon/reflect.hpp>

struct market {
  tenon::task<double> last(const std::string& symbol);
  TENON_SERVICE(market, last)
};

static_assert(boost::hana::at_c<0>(tenon::methods_of<market>).index == 0);
