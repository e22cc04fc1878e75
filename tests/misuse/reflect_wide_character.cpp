// expect: tenon: wide characters cannot cross the wire; use char, and std::string in UTF-8
#include <tenon/reflect.hpp>

static_assert(tenon::assert_wire_type<wchar_t>());
