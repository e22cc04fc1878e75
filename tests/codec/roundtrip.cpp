// Every type through every codec: what all of them owe to the types, whatever their wire looks like. codec.hpp is the header under test.
#include <tenon/codec.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <tenon/core/bytes.hpp>
#include <tenon/reflect/struct.hpp>

namespace {

using packed = tenon::codec::msgpack;
using text = tenon::codec::json;

#define EVERY_CODEC packed, text

enum class color : std::uint8_t { red, green, blue };
enum class wide : std::int64_t { low = -100, high = 200 };

struct point {
  int x = 1;
  int y = 2;
  bool operator==(const point&) const = default;
};
struct line {
  point from;
  point to;
  std::optional<std::string> label;
  bool operator==(const line&) const = default;
};
struct derived : point {
  bool operator==(const derived&) const = default;
};
struct empty {
  bool operator==(const empty&) const = default;
};
class hidden {
 public:
  hidden() = default;
  hidden(int a, std::string b) : a_{a}, b_{std::move(b)} {}
  bool operator==(const hidden&) const = default;

 private:
  int a_ = 0;
  std::string b_;
  TENON_STRUCT(hidden, (a_, tenon::name("a")), (b_, tenon::name("b with \"quotes\" and \\"), tenon::required))
};
struct tree {
  std::string name;
  std::vector<tree> children;
  std::unique_ptr<tree> left;
  std::map<std::string, tree> more;
};

template <class Codec, class T>
void check(const T& value) {
  const std::string wire = tenon::encode<Codec>(value);
  CAPTURE(wire);
  const tenon::result<T> read = tenon::decode<T, Codec>(wire);
  REQUIRE_MESSAGE(read.has_value(), (read ? std::string{} : read.error().message()));
  CHECK(*read == value);
}

template <class Codec, class Integer>
void check_integers() {
  using bounds = std::numeric_limits<Integer>;
  for (const Integer each : {(bounds::min)(), static_cast<Integer>((bounds::min)() + 1), Integer{0}, Integer{1}, Integer{100}, static_cast<Integer>((bounds::max)() - 1), (bounds::max)()}) check<Codec>(each);
  for (int shift = 0; shift < bounds::digits; ++shift) {
    const auto power = static_cast<Integer>(Integer{1} << shift);
    check<Codec>(power);
    check<Codec>(static_cast<Integer>(power - 1));
    if constexpr (bounds::is_signed) check<Codec>(static_cast<Integer>(-power));
  }
}

}  // namespace

TEST_CASE_TEMPLATE("integers of every width come back", Codec, EVERY_CODEC) {
  check_integers<Codec, char>();
  check_integers<Codec, std::int8_t>();
  check_integers<Codec, std::uint8_t>();
  check_integers<Codec, std::int16_t>();
  check_integers<Codec, std::uint16_t>();
  check_integers<Codec, std::int32_t>();
  check_integers<Codec, std::uint32_t>();
  check_integers<Codec, std::int64_t>();
  check_integers<Codec, std::uint64_t>();
}

TEST_CASE_TEMPLATE("booleans and floating numbers come back bit for bit", Codec, EVERY_CODEC) {
  check<Codec>(true);
  check<Codec>(false);
  for (const double each : {0.0, -0.0, 1.0, 0.1, -1.5, 1e300, 5e-324, 1.7976931348623157e308, 123456789.123456789, 9007199254740993.0}) check<Codec>(each);
  for (const float each : {0.0F, 1.0F, 0.1F, -1.5F, 3.4028235e38F, 1e-45F}) check<Codec>(each);
}

TEST_CASE_TEMPLATE("text and binary of every length come back", Codec, EVERY_CODEC) {
  for (const std::size_t size : {0U, 1U, 2U, 3U, 7U, 8U, 9U, 15U, 16U, 17U, 31U, 32U, 33U, 255U, 256U, 65535U, 65536U}) {
    check<Codec>(std::string(size, 'x'));
    tenon::bytes data(size);
    for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<std::byte>(i * 7);
    check<Codec>(data);
  }
  check<Codec>(std::string{"\0\x01\x1f\"\\/\b\f\n\r\t\x7f", 13});
  check<Codec>(std::string{"\u00e9\u4f60\u597d\U0001f600"});
  check<Codec>(std::array<std::byte, 3>{std::byte{1}, std::byte{2}, std::byte{255}});
  CHECK(tenon::encode<Codec>(std::string_view{"a"}) == tenon::encode<Codec>(std::string{"a"}));
  CHECK(tenon::encode<Codec>(static_cast<const char*>("a")) == tenon::encode<Codec>(std::string{"a"}));
}

TEST_CASE_TEMPLATE("enums come back, also where a number has no name", Codec, EVERY_CODEC) {
  check<Codec>(color::blue);
  check<Codec>(static_cast<color>(77));
  check<Codec>(wide::low);
  check<Codec>(wide::high);
  check<Codec>(static_cast<wide>(1'000'000'000'000));
}

TEST_CASE_TEMPLATE("optionals come back, full and empty", Codec, EVERY_CODEC) {
  check<Codec>(std::optional<int>{});
  check<Codec>(std::optional<int>{0});
  check<Codec>(std::optional<std::string>{""});
  check<Codec>(std::optional<std::vector<int>>{std::vector<int>{}});
  check<Codec>(std::vector<std::optional<int>>{1, std::nullopt, 3});
  check<Codec>(std::monostate{});
  const auto owned = tenon::decode<std::unique_ptr<point>, Codec>(tenon::encode<Codec>(std::make_unique<point>(point{3, 4})));
  CHECK(**owned == point{3, 4});
  CHECK(*tenon::decode<std::unique_ptr<point>, Codec>(tenon::encode<Codec>(std::unique_ptr<point>{})) == nullptr);
}

TEST_CASE_TEMPLATE("containers come back", Codec, EVERY_CODEC) {
  check<Codec>(std::vector<int>{});
  check<Codec>(std::vector<int>(1000, -5));
  check<Codec>(std::vector<std::uint8_t>{0, 127, 128, 255});
  check<Codec>(std::vector<bool>{true, false, true});
  check<Codec>(std::vector<std::vector<std::string>>{{}, {"a"}, {"b", "c"}});
  check<Codec>(std::deque<std::string>{"a", "b"});
  check<Codec>(std::list<double>{1.5, 2.5});
  check<Codec>(std::set<std::string>{"b", "a"});
  check<Codec>(std::unordered_set<int>{3, 1, 2});
  check<Codec>(std::array<std::string, 3>{"a", "", "c"});
  check<Codec>(std::array<int, 0>{});
  check<Codec>(std::array<int, 100>{1, 2, 3});
  check<Codec>(std::array<std::array<int, 2>, 2>{{{1, 2}, {3, 4}}});
}

TEST_CASE_TEMPLATE("maps come back with keys of every kind", Codec, EVERY_CODEC) {
  check<Codec>(std::map<std::string, int>{});
  check<Codec>(std::map<std::string, int>{{"", 0}, {"a\"b", 1}, {"\u00e9", 2}});
  check<Codec>(std::map<int, std::string>{{-1, "a"}, {0, "b"}, {100000, "c"}});
  check<Codec>(std::map<std::uint64_t, int>{{(std::numeric_limits<std::uint64_t>::max)(), 1}});
  check<Codec>(std::map<color, int>{{color::red, 1}, {color::blue, 2}});
  check<Codec>(std::map<color, int>{{static_cast<color>(77), 2}});
  check<Codec>(std::unordered_map<std::string, std::vector<int>>{{"a", {1}}, {"b", {}}});
  check<Codec>(std::unordered_map<int, std::map<int, int>>{{1, {{2, 3}}}});
}

TEST_CASE_TEMPLATE("pairs and tuples come back", Codec, EVERY_CODEC) {
  check<Codec>(std::pair{1, std::string{"a"}});
  check<Codec>(std::tuple{});
  check<Codec>(std::tuple{true, 1, 2.5, std::string{"a"}, std::vector<int>{1, 2}, point{}});
}

TEST_CASE_TEMPLATE("variants come back, bare and named", Codec, EVERY_CODEC) {
  using bare = std::variant<std::monostate, bool, int, std::string, std::vector<int>, point>;
  for (const bare& each : {bare{}, bare{true}, bare{5}, bare{"a"}, bare{std::vector<int>{1}}, bare{point{5, 6}}}) check<Codec>(each);
  using named = std::variant<int, double, std::string, tenon::bytes, color, point, line>;
  for (const named& each : {named{5}, named{5.0}, named{"a"}, named{tenon::bytes(3)}, named{color::green}, named{point{5, 6}}, named{line{}}}) check<Codec>(each);
  check<Codec>(std::variant<std::variant<int, std::string>, bool>{std::variant<int, std::string>{"a"}});
  check<Codec>(std::vector<bare>{5, "a"});
}

TEST_CASE_TEMPLATE("durations and times come back", Codec, EVERY_CODEC) {
  using std::chrono::nanoseconds;
  using time = std::chrono::system_clock::time_point;
  check<Codec>(std::chrono::milliseconds{-1500});
  check<Codec>((std::chrono::nanoseconds::max)());
  check<Codec>(std::chrono::hours{5});
  check<Codec>(std::chrono::duration<double>{0.25});
  for (const std::int64_t ns : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{999'999'999}, std::int64_t{1'700'000'000'123'456'789}, std::int64_t{-1'000'000'000'000'000'000}}) {
    check<Codec>(time{nanoseconds{ns}});
  }
  check<Codec>(std::chrono::sys_seconds{std::chrono::seconds{-62'135'596'800}});
  check<Codec>(std::chrono::sys_days{std::chrono::days{20000}});
}

TEST_CASE_TEMPLATE("records come back: nested, derived, empty, private and recursive", Codec, EVERY_CODEC) {
  check<Codec>(point{-1, 1'000'000});
  check<Codec>(line{{1, 2}, {3, 4}, "label"});
  check<Codec>(line{});
  check<Codec>(derived{{7, 8}});
  check<Codec>(empty{});
  check<Codec>(hidden{5, "b"});
  check<Codec>(std::vector<line>(3));
  check<Codec>(std::map<std::string, line>{{"a", line{{1, 2}, {3, 4}, "x"}}});

  tree root{"root", {}, std::make_unique<tree>(), {}};
  root.children.push_back(tree{"child", {}, nullptr, {}});
  root.left->name = "left";
  root.more.emplace("more", tree{"other", {}, nullptr, {}});
  const std::string wire = tenon::encode<Codec>(root);
  const auto read = tenon::decode<tree, Codec>(wire);
  REQUIRE(read.has_value());
  CHECK(tenon::encode<Codec>(*read) == wire);
  CHECK(read->children.at(0).name == "child");
  CHECK(read->left->name == "left");
  CHECK(read->more.at("more").name == "other");
}

TEST_CASE_TEMPLATE("free-form fields come back", Codec, EVERY_CODEC) {
  check<Codec>(nlohmann::json{});
  check<Codec>(nlohmann::json::parse(R"({"a": [1, -2, 1.5, "x", null, true, {"b": {}}], "c": 18446744073709551615})"));
  check<Codec>(std::map<std::string, nlohmann::json>{{"a", 1}, {"b", "x"}});
}

TEST_CASE_TEMPLATE("records skip what they do not know and keep what is missing", Codec, EVERY_CODEC) {
  const std::string wire = tenon::encode<Codec>(line{{5, 6}, {7, 8}, "label"});
  struct shorter {
    point to;
    int other = 3;
  };
  const auto read = tenon::decode<shorter, Codec>(wire);
  REQUIRE(read.has_value());
  CHECK(read->to == point{7, 8});
  CHECK(read->other == 3);

  line kept{{1, 1}, {2, 2}, "kept"};
  const shorter message;
  REQUIRE(tenon::decode_into<Codec>(tenon::encode<Codec>(message), kept).ok());
  CHECK(kept == line{{1, 1}, {1, 2}, "kept"});
}

TEST_CASE_TEMPLATE("decode_into leaves nothing of the elements that were there before", Codec, EVERY_CODEC) {
  struct only_y {
    int y = 9;
  };
  std::vector<point> points{{5, 5}, {6, 6}, {7, 7}};
  REQUIRE(tenon::decode_into<Codec>(tenon::encode<Codec>(std::vector<only_y>(2)), points).ok());
  CHECK(points == std::vector<point>{{1, 9}, {1, 9}});

  std::vector<line> lines(1, line{{5, 5}, {6, 6}, "old"});
  struct only_from {
    only_y from;
  };
  REQUIRE(tenon::decode_into<Codec>(tenon::encode<Codec>(std::vector<only_from>(1)), lines).ok());
  CHECK(lines == std::vector<line>{line{{1, 9}, {1, 2}, std::nullopt}});

  std::set<int> set{1, 2, 3};
  REQUIRE(tenon::decode_into<Codec>(tenon::encode<Codec>(std::set<int>{4}), set).ok());
  CHECK(set == std::set<int>{4});
}

TEST_CASE_TEMPLATE("a required field that is missing is an error that names it", Codec, EVERY_CODEC) {
  const auto read = tenon::decode<hidden, Codec>(tenon::encode<Codec>(empty{}));
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().message().find("field \"b with \"quotes\" and \\\": expected a value (it is required), found none") == 0);
}

TEST_CASE_TEMPLATE("nesting beyond the limit is an error for every recursive type", Codec, EVERY_CODEC) {
  tree root;
  for (int depth = 0; depth < 60; ++depth) {
    tree next;
    next.left = std::make_unique<tree>(std::move(root));
    root = std::move(next);
  }
  const std::string wire = tenon::encode<Codec>(root);
  CHECK(tenon::decode<tree, Codec>(wire).has_value());
  const auto read = tenon::decode<tree, Codec>(wire, tenon::limits{.max_nesting = 60});
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().message().find("expected at most 60 levels of nesting") != std::string::npos);
  CHECK_FALSE(tenon::decode<empty, Codec>(wire, tenon::limits{.max_nesting = 60}).has_value());
}

TEST_CASE_TEMPLATE("every prefix of a message is an error", Codec, EVERY_CODEC) {
  const std::string wire = tenon::encode<Codec>(line{{1, -200}, {300, 70000}, "label"});
  for (std::size_t size = 0; size < wire.size(); ++size) {
    const std::unique_ptr<char[]> copy{new char[size]};
    wire.copy(copy.get(), size);
    CHECK_FALSE(tenon::decode<line, Codec>(std::string_view{copy.get(), size}).has_value());
  }
  CHECK(tenon::decode<line, Codec>(wire).has_value());
  CHECK_FALSE(tenon::decode<line, Codec>(wire + "x").has_value());
}
