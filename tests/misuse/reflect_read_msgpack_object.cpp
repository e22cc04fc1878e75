// expect: tenon: msgpack::object owns nothing; read into msgpack::object_handle
#include <tenon/reflect.hpp>

static_assert(tenon::assert_readable_type<msgpack::object>());
