// expect: tenon: a view of bytes can be sent only; read into std::vector<std::byte>
#include <tenon/reflect.hpp>

static_assert(tenon::assert_readable_type<std::span<const std::byte>>());
