// expect: tenon: a method has at most 64 parameters; group them into a struct
#include <array>
#include <span>
#include <string_view>

#include <tenon/codec/msgpack.hpp>

int main() {
  std::array<int, 65> values{};
  tenon::codec::arguments target{values, std::span<const std::string_view>{}};
  return tenon::decode_into<tenon::codec::msgpack>("", target).ok() ? 0 : 1;
}
