#include <tenon/codec/concept.hpp>

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include <tenon/codec.hpp>
#include <tenon/codec/protobuf.hpp>
#include <tenon/core/limits.hpp>

namespace {

using tenon::code;
using tenon::limits;

// The model of the concept's own documentation.
struct versioned {
  static constexpr std::string_view name = "versioned", content_type = "application/x-versioned";
  static constexpr std::uint8_t serialization = 9;
  template <class T>
  static void encode(tenon::buffer& out, const T& value) {
    out.push_back('1');
    tenon::codec::msgpack::encode(out, value);
  }
  template <class T>
  static tenon::status decode(std::string_view in, T& value, const tenon::limits& bounds) {
    if (in.empty() || in[0] != '1') return {tenon::code::invalid_argument, "expected edition 1 at byte 0"};
    return tenon::codec::msgpack::decode(in.substr(1), value, bounds);
  }
};
struct almost {
  static constexpr std::string_view name = "almost", content_type = "text/plain";
  template <class T>
  static void encode(tenon::buffer&, const T&) {}
};

static_assert(tenon::codec_type<versioned>);
static_assert(tenon::codec_type<tenon::codec::msgpack>);
static_assert(tenon::codec_type<tenon::codec::msgpack_positional>);
static_assert(tenon::codec_type<tenon::codec::msgpack_numbered>);
static_assert(tenon::codec_type<tenon::codec::json>);
static_assert(!tenon::codec_type<almost>);
static_assert(!tenon::codec_type<int>);

#define EVERY_CODEC versioned, tenon::codec::msgpack, tenon::codec::msgpack_positional, tenon::codec::msgpack_numbered, tenon::codec::json

struct point {
  int x = 1;
  int y = 2;
  bool operator==(const point&) const = default;
};
struct points {
  std::vector<point> all;
  int left = 7;
  bool operator==(const points&) const = default;
};
struct varied {
  std::optional<int> maybe;
  std::variant<std::monostate, int, std::string> either;
  std::map<std::string, point> named;
  points inner{{{5, 6}}, 8};
  std::string text;
  bool operator==(const varied&) const = default;
};
struct only_all {
  std::vector<point> all;
};

}  // namespace

TEST_CASE_TEMPLATE("a codec reads what it wrote: values, arguments, and nothing", Codec, EVERY_CODEC) {
  const points value{{{3, 4}, {}}, 5};
  CHECK(tenon::decode<points, Codec>(tenon::encode<Codec>(value)).value() == value);
  std::nullptr_t nothing = nullptr;
  CHECK(tenon::decode_into<Codec>(tenon::encode<Codec>(nullptr), nothing).ok());

  std::tuple<int, point> given{1, {2, 3}};
  tenon::buffer out;
  Codec::encode(out, tenon::codec::arguments{given, {}});
  std::tuple<int, point> read;
  tenon::codec::arguments into{read, {}};
  CHECK(Codec::decode(out.view(), into, limits{}).ok());
  CHECK(read == given);
}

TEST_CASE_TEMPLATE("what was written is what a used value holds after reading it", Codec, EVERY_CODEC, tenon::codec::protobuf, tenon::codec::proto_json) {
  const varied zero{{}, {}, {}, {{}, 0}, ""};
  const varied full{0, "x", {{"a", {3, 4}}, {"b", {0, 0}}}, {{{1, 2}, {0, 0}}, 0}, "long enough to have memory of its own"};
  for (const varied& value : {varied{}, zero, full, varied{{}, 5, {}, {}, "t"}}) {
    for (varied used : {varied{}, zero, full}) {
      CHECK(tenon::decode_into<Codec>(tenon::encode<Codec>(value), used).ok());
      CHECK(used == value);
    }
  }
}

TEST_CASE_TEMPLATE("formats that leave defaults out give them to what is missing", Codec, tenon::codec::protobuf, tenon::codec::proto_json) {
  points used{{}, 99};
  CHECK(tenon::decode_into<Codec>(tenon::encode<Codec>(only_all{{{3, 4}}}), used).ok());
  CHECK(used == points{{{3, 4}}, 7});
}

TEST_CASE_TEMPLATE("encode appends", Codec, EVERY_CODEC) {
  tenon::buffer out;
  out.append("before");
  Codec::encode(out, point{});
  CHECK(out.view().substr(0, 6) == "before");
  CHECK(tenon::decode<point, Codec>(out.view(6)).value() == point{});
}

TEST_CASE_TEMPLATE("decode takes all of its input, and leaves alone what the input does not mention", Codec, EVERY_CODEC) {
  const std::string wire = tenon::encode<Codec>(points{{{3, 4}}, 5});
  CHECK(tenon::decode<points, Codec>(wire + "~").error().code() == code::invalid_argument);
  CHECK(tenon::decode<points, Codec>(std::string_view{wire}.substr(0, wire.size() - 1)).error().code() == code::invalid_argument);
  CHECK(tenon::decode<points, Codec>("").error().code() == code::invalid_argument);
  points kept{{}, 99};
  CHECK(tenon::decode_into<Codec>(tenon::encode<Codec>(only_all{{{3, 4}}}), kept).ok());
  CHECK(kept == points{{{3, 4}}, 99});
}

TEST_CASE_TEMPLATE("a message beyond the limit is refused before it is read", Codec, EVERY_CODEC) {
  const std::string wire = tenon::encode<Codec>(std::string(100, 'x'));
  CHECK(tenon::decode<std::string, Codec>(wire, limits{.max_message_bytes = wire.size()}).has_value());
  const auto refused = tenon::decode<std::string, Codec>(wire, limits{.max_message_bytes = wire.size() - 1});
  CHECK(refused.error().code() == code::resource_exhausted);
  CHECK(refused.error().message() == "message of " + std::to_string(wire.size()) + " bytes exceeds the limit of " + std::to_string(wire.size() - 1));
}

TEST_CASE_TEMPLATE("elements that are short in the message and long in memory are refused before memory is taken", Codec, EVERY_CODEC) {
  struct small {};
  struct large {
    std::array<int, 1000> numbers{};
  };
  const std::string wire = tenon::encode<Codec>(std::vector<small>(2000));
  const auto refused = tenon::decode<std::vector<large>, Codec>(wire);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code() == code::resource_exhausted);
  CHECK(refused.error().message().find("expected elements of at most ") != std::string::npos);
  CHECK(tenon::decode<std::vector<large>, Codec>(wire, limits{.max_expansion = 10'000}).has_value());
  CHECK(tenon::decode<std::list<large>, Codec>(wire).error().code() == code::resource_exhausted);
  CHECK(tenon::decode<std::vector<std::unique_ptr<large>>, Codec>(wire).error().code() == code::resource_exhausted);
  std::map<int, small> map;
  for (int i = 0; i < 2000; ++i) map[i];
  CHECK(tenon::decode<std::map<int, large>, Codec>(tenon::encode<Codec>(map)).error().code() == code::resource_exhausted);
}

TEST_CASE("the same holds for protobuf, whose elements say nothing of how many there are") {
  struct small {};
  struct large {
    std::array<int, 1000> numbers{};
  };
  struct smalls {
    std::vector<small> all;
  };
  struct larges {
    std::vector<large> all;
  };
  const std::string wire = tenon::encode<tenon::codec::protobuf>(smalls{std::vector<small>(2000)});
  CHECK(tenon::decode<larges, tenon::codec::protobuf>(wire).error().code() == code::resource_exhausted);
  CHECK(tenon::decode<larges, tenon::codec::protobuf>(wire, limits{.max_expansion = 10'000}).has_value());
}

TEST_CASE("the memory that elements may take grows with the message") {
  CHECK(limits{}.memory_for(0) == 1024 * 1024);
  CHECK(limits{}.memory_for(1000) == 1024 * 1024 + 64'000);
  CHECK(limits{.max_expansion = 0}.memory_for(1000) == 1024 * 1024);
}
