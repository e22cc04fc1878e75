// expect: tenon: a single std::byte is no message; use std::uint8_t for a number, std::vector<std::byte> for data
#include <tenon/reflect.hpp>

static_assert(tenon::assert_wire_type<std::byte>());
