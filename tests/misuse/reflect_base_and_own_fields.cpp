// expect: tenon: T has a base with fields and fields of its own; list them with TENON_STRUCT
#include <tenon/reflect.hpp>

struct base {
  int a;
};
struct derived : base {
  int b;
};

static_assert(tenon::field_count<derived> == 2);
