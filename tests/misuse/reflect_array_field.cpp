// expect: tenon: T has a C array among its fields; use std::array
#include <tenon/reflect.hpp>

struct message {
  int first;
  int numbers[3];
};

static_assert(tenon::field_count<message> == 2);
