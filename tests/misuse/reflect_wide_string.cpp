// expect: tenon: wide strings cannot cross the wire; use std::string in UTF-8
#include <tenon/reflect.hpp>

static_assert(tenon::assert_wire_type<std::wstring>());
