#include <tenon/core/bytes.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdint>

namespace {

constexpr std::uint64_t there_and_back(std::uint64_t value) {
  std::array<char, 8> wire{};
  tenon::detail::store_big_endian_64(wire.data(), value);
  return tenon::detail::load_big_endian_64(wire.data());
}
static_assert(there_and_back(0x0102030405060708) == 0x0102030405060708);
static_assert(there_and_back(~std::uint64_t{0}) == ~std::uint64_t{0});

}  // namespace

TEST_CASE("numbers are written with the highest byte first") {
  std::array<char, 5> wire{};
  tenon::detail::store_big_endian_32(wire.data() + 1, 0x80FF0102);  // alignment does not matter
  CHECK(static_cast<unsigned char>(wire[1]) == 0x80);
  CHECK(static_cast<unsigned char>(wire[2]) == 0xFF);
  CHECK(static_cast<unsigned char>(wire[4]) == 0x02);
  CHECK(tenon::detail::load_big_endian_32(wire.data() + 1) == 0x80FF0102);
}
