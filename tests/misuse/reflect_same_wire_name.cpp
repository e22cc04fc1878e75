// expect: tenon: two methods of a service have the same name on the wire; give each its own by tenon::name
#include <tenon/reflect.hpp>

struct market {
  int last(int id);
  int latest(int id);
  TENON_SERVICE(market, last, (latest, tenon::name("last")))
};

static_assert(boost::hana::at_c<0>(tenon::methods_of<market>).index == 0);
