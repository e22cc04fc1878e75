// The messages of peer.proto as plain structs: what describe prints of them is peer.proto, letter for letter.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include <tenon/core/bytes.hpp>
#include <tenon/reflect/struct.hpp>

namespace mirror {

using tenon::fixed;
using tenon::number;
using tenon::sint;

enum class color { red = 0, green = 1, blue = 5, dark = -3 };

struct scalars {
  bool truth = false;
  std::int32_t signed_32 = 0;
  std::int64_t signed_64 = 0;
  std::uint32_t unsigned_32 = 0;
  std::uint64_t unsigned_64 = 0;
  std::int32_t zigzag_32 = 0;
  std::int64_t zigzag_64 = 0;
  std::uint32_t fixed_32 = 0;
  std::uint64_t fixed_64 = 0;
  std::int32_t sfixed_32 = 0;
  std::int64_t sfixed_64 = 0;
  float single = 0;
  double real = 0;
  std::string text;
  tenon::bytes data;
  color tint = color::red;
  bool operator==(const scalars&) const = default;
  TENON_STRUCT(scalars, truth, signed_32, signed_64, unsigned_32, unsigned_64, (zigzag_32, sint), (zigzag_64, sint), (fixed_32, fixed), (fixed_64, fixed),
               (sfixed_32, fixed), (sfixed_64, fixed), single, real, text, data, tint)
};

struct optionals {
  std::optional<bool> truth;
  std::optional<std::int32_t> signed_32;
  std::optional<std::uint64_t> unsigned_64;
  std::optional<std::int64_t> zigzag_64;
  std::optional<std::uint32_t> fixed_32;
  std::optional<double> real;
  std::optional<std::string> text;
  std::optional<tenon::bytes> data;
  std::optional<color> tint;
  std::optional<scalars> inner;
  bool operator==(const optionals&) const = default;
  TENON_STRUCT(optionals, truth, signed_32, (unsigned_64, number(5)), (zigzag_64, number(7), sint), (fixed_32, number(8), fixed), (real, number(13)), (text, number(14)),
               (data, number(15)), (tint, number(16)), (inner, number(536870911)))
};

struct lists {
  std::vector<bool> truth;
  std::vector<std::int32_t> signed_32;
  std::vector<std::int64_t> signed_64;
  std::vector<std::uint32_t> unsigned_32;
  std::vector<std::uint64_t> unsigned_64;
  std::vector<std::int32_t> zigzag_32;
  std::vector<std::int64_t> zigzag_64;
  std::vector<std::uint32_t> fixed_32;
  std::vector<std::uint64_t> fixed_64;
  std::vector<std::int32_t> sfixed_32;
  std::vector<std::int64_t> sfixed_64;
  std::vector<float> single;
  std::vector<double> real;
  std::vector<std::string> text;
  std::vector<tenon::bytes> data;
  std::vector<color> tint;
  std::vector<scalars> inner;
  bool operator==(const lists&) const = default;
  TENON_STRUCT(lists, truth, signed_32, signed_64, unsigned_32, unsigned_64, (zigzag_32, sint), (zigzag_64, sint), (fixed_32, fixed), (fixed_64, fixed),
               (sfixed_32, fixed), (sfixed_64, fixed), single, real, text, data, tint, inner)
};

struct maps {
  std::map<std::string, std::int32_t> by_text;
  std::map<std::int32_t, std::string> by_signed_32;
  std::map<std::int64_t, double> by_signed_64;
  std::map<std::uint32_t, tenon::bytes> by_unsigned_32;
  std::map<std::uint64_t, color> by_unsigned_64;
  std::map<std::int32_t, scalars> by_sign;
  std::map<std::string, std::int32_t> zigzag;
  bool operator==(const maps&) const = default;
  TENON_STRUCT(maps, by_text, by_signed_32, by_signed_64, by_unsigned_32, by_unsigned_64, by_sign, (zigzag, sint))
};

struct tree {
  std::int32_t value = 0;
  std::unique_ptr<tree> left;
  std::vector<tree> children;
  std::map<std::string, tree> named;
};

struct choice {
  std::int32_t before = 0;
  std::variant<std::monostate, std::int32_t, std::string, scalars> body;
  std::string after;
  bool operator==(const choice&) const = default;
};

using moment = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

struct nested {
  std::vector<std::vector<std::int32_t>> rows;
  std::optional<moment> at;
  std::optional<std::chrono::nanoseconds> took;
  std::vector<moment> times;
  nlohmann::json value;
  bool operator==(const nested&) const = default;
};

struct everything {
  std::optional<scalars> one;
  std::optional<optionals> two;
  std::optional<lists> three;
  std::optional<maps> four;
  std::optional<tree> five;
  std::optional<choice> six;
  std::optional<nested> seven;
  TENON_STRUCT((everything, tenon::name("peer.everything")), one, two, three, four, five, six, seven)
};

}  // namespace mirror
