// Records as arrays by position and as maps by number: the same codec but for how records are written. msgpack-c is the reference. codec/msgpack.hpp is the header under test.
#include <tenon/codec/msgpack.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include <doctest/doctest.h>
#include <msgpack.hpp>
#include <nlohmann/json.hpp>

#include <tenon/core/bytes.hpp>
#include <tenon/reflect/struct.hpp>

namespace {

using named = tenon::codec::msgpack;
using positional = tenon::codec::msgpack_positional;
using numbered = tenon::codec::msgpack_numbered;

#define EVERY_STYLE named, positional, numbered

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char each : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    text += digits[static_cast<unsigned char>(each) >> 4];
    text += digits[static_cast<unsigned char>(each) & 15U];
  }
  return text;
}

struct point {
  int x = 0;
  int y = 0;
  bool operator==(const point&) const = default;
  MSGPACK_DEFINE_ARRAY(x, y)
};
struct longer_point {
  int x = 0;
  int y = 0;
  int z = 9;
  std::string label = "kept";
};
struct keyed {
  std::string name;
  int size = 0;
  bool flag = false;
  bool operator==(const keyed&) const = default;
  TENON_STRUCT(keyed, (name, tenon::number(300)), (size, tenon::number(200), tenon::required), (flag, tenon::number(70000)))
};
struct holder {
  point inner;
  bool operator==(const holder&) const = default;
};

// Every shape that has a way to msgpack-c.
struct sample {
  bool flag = false;
  std::int8_t tiny = 0;
  std::uint8_t small = 0;
  std::int16_t medium = 0;
  std::uint16_t unsigned_medium = 0;
  std::int32_t large = 0;
  std::uint32_t unsigned_large = 0;
  std::int64_t huge = 0;
  std::uint64_t unsigned_huge = 0;
  float single = 0;
  double real = 0;
  std::string text;
  std::vector<std::int64_t> numbers;
  std::vector<std::string> texts;
  std::map<std::string, std::int32_t> by_name;
  std::map<std::int32_t, std::string> by_number;
  std::vector<point> points;
  point one;
  bool operator==(const sample&) const = default;
  MSGPACK_DEFINE_ARRAY(flag, tiny, small, medium, unsigned_medium, large, unsigned_large, huge, unsigned_huge, single, real, text, numbers, texts, by_name, by_number, points, one)
};

struct tree {
  std::string name;
  std::vector<tree> children;
  std::unique_ptr<tree> left;
  std::optional<point> at;
  std::variant<std::monostate, std::vector<int>, point> either;
  std::variant<point, holder> named;
  std::tuple<int, point> both;
  tenon::bytes data;
  std::chrono::system_clock::time_point when;
};

class random_values {
 public:
  explicit random_values(std::uint64_t seed) : state_{seed} {}
  std::uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  // All widths alike, and the edges of each.
  template <class Integer>
  Integer integer() {
    const std::uint64_t bits = next() >> next() % 64;
    return static_cast<Integer>(next() % 2 == 0 ? bits : ~bits);
  }
  std::string text() {
    constexpr std::array<std::size_t, 6> sizes{0, 31, 32, 255, 256, 70000};
    std::string made(next() % 50 == 0 ? sizes[next() % sizes.size()] : next() % 40, 'x');
    for (char& each : made) each = static_cast<char>('a' + next() % 26);
    return made;
  }
  point make_point() { return {integer<int>(), integer<int>()}; }
  sample make_sample() {
    sample made;
    made.flag = next() % 2 == 0;
    made.tiny = integer<std::int8_t>();
    made.small = integer<std::uint8_t>();
    made.medium = integer<std::int16_t>();
    made.unsigned_medium = integer<std::uint16_t>();
    made.large = integer<std::int32_t>();
    made.unsigned_large = integer<std::uint32_t>();
    made.huge = integer<std::int64_t>();
    made.unsigned_huge = integer<std::uint64_t>();
    // Never whole: msgpack-c writes whole floating numbers as integers, which we read and do not write.
    made.single = static_cast<float>(integer<std::int16_t>()) + 0.25F;
    made.real = static_cast<double>(integer<std::int32_t>()) + 0.1;
    made.text = text();
    for (std::uint64_t left = next() % 20; left != 0; --left) made.numbers.push_back(integer<std::int64_t>());
    for (std::uint64_t left = next() % 4; left != 0; --left) made.texts.push_back(text());
    for (std::uint64_t left = next() % 20; left != 0; --left) made.by_name[text()] = integer<std::int32_t>();
    for (std::uint64_t left = next() % 4; left != 0; --left) made.by_number[integer<std::int32_t>()] = text();
    for (std::uint64_t left = next() % 18; left != 0; --left) made.points.push_back(make_point());
    made.one = make_point();
    return made;
  }

 private:
  std::uint64_t state_;
};

tree make_tree() {
  tree made;
  made.name = "root";
  made.children.resize(2);
  made.children[1].name = "child";
  made.left = std::make_unique<tree>();
  made.left->either = std::vector<int>{1, 2};
  made.at = point{1, -2};
  made.either = point{3, 4};
  made.named = holder{{5, 6}};
  made.both = {7, point{8, 9}};
  made.data.resize(3);
  made.when = std::chrono::system_clock::time_point{std::chrono::seconds{1'700'000'000}};
  return made;
}

template <class Codec, class... Values>
std::string encode_arguments(const Values&... values) {
  std::tuple<const Values&...> tuple{values...};
  tenon::buffer out;
  Codec::encode(out, tenon::codec::arguments{tuple, std::span<const std::string_view>{}});
  return std::string{out.view()};
}
template <class Codec, class... Values>
std::tuple<Values...> decode_arguments(std::string_view in) {
  std::tuple<Values...> tuple{};
  tenon::codec::arguments target{tuple, std::span<const std::string_view>{}};
  const tenon::status read = tenon::decode_into<Codec>(in, target);
  CHECK_MESSAGE(read.ok(), read.message());
  return tuple;
}

}  // namespace

TEST_CASE("by position a record is an array, by number a map from field numbers") {
  CHECK(hex(tenon::encode<named>(point{1, 2})) == "82a17801a17902");
  CHECK(hex(tenon::encode<positional>(point{1, 2})) == "920102");
  CHECK(hex(tenon::encode<numbered>(point{1, 2})) == "8201010202");
  CHECK(hex(tenon::encode<numbered>(keyed{"a", 1, true})) == "83cd012ca161ccc801ce00011170c3");
  CHECK(hex(tenon::encode<positional>(std::vector<holder>{{{1, 2}}, {}})) == "9291920102" "91920000");
  CHECK(hex(tenon::encode<positional>(std::map<std::string, point>{{"a", {1, 2}}})) == "81a161920102");
}

TEST_CASE_TEMPLATE("what one style writes, all read", Codec, EVERY_STYLE) {
  const tree made = make_tree();
  const std::string wire = tenon::encode<Codec>(made);
  const std::string expected = tenon::encode<named>(made);
  const auto by_name = tenon::decode<tree, named>(wire);
  const auto by_position = tenon::decode<tree, positional>(wire);
  const auto by_number = tenon::decode<tree, numbered>(wire);
  REQUIRE_MESSAGE(by_name.has_value(), (by_name ? "" : by_name.error().message()));
  REQUIRE(by_position.has_value());
  REQUIRE(by_number.has_value());
  CHECK(tenon::encode<named>(*by_name) == expected);
  CHECK(tenon::encode<named>(*by_position) == expected);
  CHECK(tenon::encode<named>(*by_number) == expected);
  CHECK(tenon::decode<keyed, Codec>(tenon::encode<Codec>(keyed{"a", -1, true})).value() == keyed{"a", -1, true});
}

TEST_CASE_TEMPLATE("every prefix of a message is an error in every style", Codec, EVERY_STYLE) {
  const std::string whole = tenon::encode<Codec>(make_tree());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::unique_ptr<char[]> copy{new char[size]};
    whole.copy(copy.get(), size);
    CHECK_FALSE(tenon::decode<tree, Codec>(std::string_view{copy.get(), size}).has_value());
  }
}

TEST_CASE("by position a field may be added at the end") {
  const auto longer = tenon::decode<longer_point, positional>(tenon::encode<positional>(point{1, 2}));
  REQUIRE(longer.has_value());
  CHECK(longer->x == 1);
  CHECK(longer->z == 9);
  CHECK(longer->label == "kept");
  CHECK(tenon::decode<point, positional>(tenon::encode<positional>(longer_point{1, 2, 3, "skipped"})).value() == point{1, 2});
  const auto missing = tenon::decode<keyed, positional>("\x91\xa1" "a");
  CHECK(missing.error().message() == "field \"size\": expected a value (it is required), found none at byte 3");
}

TEST_CASE("reused elements that came by position keep nothing of what they held") {
  std::vector<longer_point> reused{{5, 6, 7, "old"}, {5, 6, 7, "old"}};
  REQUIRE(tenon::decode_into<positional>(tenon::encode<positional>(std::vector<point>{{1, 2}}), reused).ok());
  REQUIRE(reused.size() == 1);
  CHECK(reused[0].x == 1);
  CHECK(reused[0].z == 9);
  CHECK(reused[0].label == "kept");
}

TEST_CASE("a record among the alternatives of a bare variant is told from an array") {
  using either = std::variant<std::vector<int>, point>;
  CHECK(hex(tenon::encode<positional>(either{point{1, 2}})) == "82a17801a17902");
  for (const either& each : {either{point{1, 2}}, either{std::vector<int>{1, 2}}}) {
    CHECK(tenon::decode<either, positional>(tenon::encode<positional>(each)).value() == each);
    CHECK(tenon::decode<either, positional>(tenon::encode<numbered>(each)).value() == each);
  }
  // Where no alternative is an array, an array of another writer is the record.
  using or_text = std::variant<std::string, point>;
  CHECK(tenon::decode<or_text, named>("\x92\x01\x02").value() == or_text{point{1, 2}});
}

TEST_CASE_TEMPLATE("the arguments of a call come back in every style", Codec, EVERY_STYLE) {
  CHECK(decode_arguments<Codec, point>(encode_arguments<Codec>(point{1, 2})) == std::tuple{point{1, 2}});
  CHECK(decode_arguments<Codec, holder>(encode_arguments<Codec>(holder{{1, 2}})) == std::tuple{holder{{1, 2}}});
  CHECK(decode_arguments<Codec, holder, int>(encode_arguments<Codec>(holder{{1, 2}}, 3)) == std::tuple{holder{{1, 2}}, 3});
  CHECK(decode_arguments<Codec, std::string, point>(encode_arguments<Codec>(std::string{"a"}, point{1, 2})) == std::tuple{std::string{"a"}, point{1, 2}});
  const std::array<std::string_view, 2> names{"first", "second"};
  const std::tuple<int, int> values{1, 2};
  tenon::buffer out;
  Codec::encode(out, tenon::codec::arguments{values, std::span<const std::string_view>{names}});
  std::tuple<int, int> read;
  tenon::codec::arguments target{read, std::span<const std::string_view>{names}};
  REQUIRE(Codec::decode(out.view(), target, tenon::limits{}).ok());
  CHECK(read == values);
  CHECK(out.size() == (std::is_same_v<Codec, named> ? 16U : 3U));
}

TEST_CASE("by position tenon and msgpack-c write the same bytes and read each other's") {
  random_values random{20261120};
  sample reused;
  for (int round = 0; round < 2000; ++round) {
    const sample made = random.make_sample();
    const std::string wire = tenon::encode<positional>(made);
    msgpack::sbuffer reference;
    msgpack::pack(reference, made);
    REQUIRE(wire == std::string_view{reference.data(), reference.size()});
    REQUIRE(tenon::decode_into<positional>(wire, reused).ok());
    REQUIRE(reused == made);
    REQUIRE(msgpack::unpack(wire.data(), wire.size())->as<sample>() == made);
  }
}

TEST_CASE_TEMPLATE("every style is what nlohmann's reader and writer of MessagePack make of it", Codec, named, positional) {
  random_values random{7};
  for (int round = 0; round < 300; ++round) {
    const sample made = random.make_sample();
    const std::string wire = tenon::encode<Codec>(made);
    const auto free = tenon::decode<nlohmann::json, Codec>(wire);
    REQUIRE(free.has_value());
    // nlohmann knows no keys but text; the rest it reads from its own bytes as we do from ours.
    const auto reference = nlohmann::json::to_msgpack(*free);
    const std::string_view theirs{reinterpret_cast<const char*>(reference.data()), reference.size()};
    REQUIRE(nlohmann::json::from_msgpack(reference) == *free);
    REQUIRE(tenon::decode<sample, Codec>(theirs).value() == made);
  }
}
