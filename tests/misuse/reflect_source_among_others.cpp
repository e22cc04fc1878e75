// expect: tenon: a service's method takes a tenon::source beside other parameters; take it alone
#include <tenon/core/source.hpp>
#include <tenon/reflect.hpp>

struct market {
  int upload(int market_id, tenon::source<int> prices);
  TENON_SERVICE(market, upload)
};

static_assert(boost::hana::at_c<0>(tenon::methods_of<market>).index == 0);
