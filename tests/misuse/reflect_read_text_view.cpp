// expect: tenon: a view of text can be sent only; read into std::string
#include <tenon/reflect.hpp>

static_assert(tenon::assert_readable_type<std::string_view>());
