// expect: tenon: T has more than 100 fields; list them with TENON_STRUCT
#include <tenon/reflect.hpp>

struct message {
  int f00, f01, f02, f03, f04, f05, f06, f07, f08, f09;
  int f10, f11, f12, f13, f14, f15, f16, f17, f18, f19;
  int f20, f21, f22, f23, f24, f25, f26, f27, f28, f29;
  int f30, f31, f32, f33, f34, f35, f36, f37, f38, f39;
  int f40, f41, f42, f43, f44, f45, f46, f47, f48, f49;
  int f50, f51, f52, f53, f54, f55, f56, f57, f58, f59;
  int f60, f61, f62, f63, f64, f65, f66, f67, f68, f69;
  int f70, f71, f72, f73, f74, f75, f76, f77, f78, f79;
  int f80, f81, f82, f83, f84, f85, f86, f87, f88, f89;
  int f90, f91, f92, f93, f94, f95, f96, f97, f98, f99;
  int one_more;
};

static_assert(tenon::field_count<message> == 101);
