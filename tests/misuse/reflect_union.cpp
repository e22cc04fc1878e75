// expect: tenon: unions cannot cross the wire, nothing says which member lives; use std::variant
#include <tenon/reflect.hpp>

union number {
  int whole;
  float real;
};

static_assert(tenon::assert_wire_type<number>());
