// expect: tenon: TENON_SERVICE lists a name that is not one method; list methods that are neither overloaded nor
// templates, each once
#include <tenon/reflect.hpp>

struct market {
  int last;
  TENON_SERVICE(market, last)
};

static_assert(boost::hana::at_c<0>(tenon::methods_of<market>).index == 0);
