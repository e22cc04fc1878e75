// expect: tenon: a time point on the wire counts whole seconds or a whole part of one
#include <chrono>
#include <ratio>
#include <string_view>
#include <tenon/codec.hpp>

using odd = std::chrono::time_point<std::chrono::system_clock, std::chrono::duration<long, std::ratio<2, 3>>>;

tenon::result<odd> wrong(std::string_view text) { return tenon::decode<odd, tenon::codec::json>(text); }
