// expect: tenon: two alternatives of a variant have the same name on the wire, so that nothing tells them apart; wrap one of them in a struct
#include <string>
#include <tenon/codec.hpp>
#include <variant>

namespace a {
struct circle { double radius = 0; };
}
namespace b {
struct circle { double diameter = 0; };
}

std::string wrong(const std::variant<a::circle, b::circle>& shape) { return tenon::encode<tenon::codec::json>(shape); }
