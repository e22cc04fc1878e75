// expect: tenon: a message must be default-constructible, so that it can be read into; give T a default constructor
#include <tenon/reflect.hpp>

struct order {
  explicit order(int);
};

static_assert(tenon::assert_wire_type<order>());
