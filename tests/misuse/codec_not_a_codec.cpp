// expect: tenon::encode: the first template argument is not a codec; write tenon::encode<tenon::codec::json>(value)
#include <string>
#include <tenon/codec.hpp>

std::string wrong() { return tenon::encode<int>(3); }
