// expect: tenon: tenon::params gives another number of names than the method has parameters; name each one,
// tenon::context& aside
#include <tenon/reflect.hpp>

struct market {
  double last(std::string symbol, int day);
  TENON_SERVICE(market, (last, tenon::params("symbol")))
};

static_assert(boost::hana::at_c<0>(tenon::methods_of<market>).index == 0);
