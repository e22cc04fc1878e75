// One property for every codec, over types of every shape. For tests/fuzz only.
#pragma once

#include "fuzz.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <tenon/codec/concept.hpp>
#include <tenon/core/bytes.hpp>
#include <tenon/reflect/struct.hpp>

namespace fuzz {

enum class color : std::uint8_t { red, green, blue };

struct point {
  int x = 1;
  std::int64_t y = 2;
};

struct everything {
  bool flag = false;
  std::int8_t tiny = 1;
  std::uint16_t medium = 2;
  std::int32_t large = 3;
  std::uint64_t huge = 4;
  float single = 1.5F;
  double real = 2.5;
  std::string text = "text";
  tenon::bytes data;
  color tint = color::green;
  std::optional<int> maybe;
  std::vector<double> numbers;
  std::vector<std::string> texts;
  std::map<std::string, int> by_name;
  std::map<int, std::string> by_number;
  std::chrono::system_clock::time_point when;
  std::chrono::milliseconds wait{5};
  point one;
  std::vector<point> points;
};

struct tree {
  std::string name;
  std::vector<tree> children;
  std::unique_ptr<tree> left;
  std::map<std::string, tree> by_name;
};

struct keyed {
  int first = 1;
  std::string second;
  TENON_STRUCT(keyed, (first, tenon::number(5), tenon::required), (second, tenon::number(500), tenon::name("2nd")))
};

// What only codecs without a schema can carry.
struct loose {
  std::variant<std::monostate, bool, std::int64_t, std::string, std::vector<int>, point> bare;
  std::variant<point, everything> named;
  std::tuple<int, std::string, point> both;
  std::array<int, 2> pair{};
  std::set<std::string> set;
  std::vector<std::optional<std::string>> maybes;
  std::vector<std::vector<bool>> flags;
  std::unique_ptr<everything> owned;
};

/// Reads `in` as a `T`. When it is one: what we write of it is read again, and from then on nothing changes. In any case: no more memory than `limits` allows for the
/// elements of containers, and a few times the input for text, messages and what grows.
template <class Codec, class T>
void check(std::string_view in) {
  tenon::limits bounds;
  bounds.max_nesting = 40;
  const memory_watch watch;
  T value{};
  const tenon::status read = Codec::decode(in, value, bounds);
  require(watch.most() <= bounds.memory_for(in.size()) + 16 * in.size() + 65536, "decoding took more memory than the limits allow");
  if (!read.ok()) {
    require(!read.message().empty(), "an error without a message");
    return;
  }
  const std::string first = tenon::encode<Codec>(value);
  T again{};
  require(Codec::decode(first, again, tenon::limits{}).ok(), "what was written is not read");
  require(tenon::encode<Codec>(again) == first, "what was written and read again is written differently");
  // Into a value that holds something else already: elements of containers leave nothing behind.
  std::vector<T> reused(1);
  require(Codec::decode(first, reused[0], tenon::limits{}).ok(), "what was written is not read into a used value");
  require(tenon::encode<Codec>(reused[0]) == first, "a used value is written differently");
}

/// Seeds for the types above, each after the byte that chooses it.
template <class Codec, class Value>
void add_seed(std::vector<std::string>& into, char chosen, const Value& value) {
  into.push_back(chosen + tenon::encode<Codec>(value));
}

inline everything full() {
  everything made;
  made.data.resize(3);
  made.maybe = -70000;
  made.numbers = {1.5, -1e300, 0};
  made.texts = {"", "one", std::string(300, 'x')};
  made.by_name = {{"a", 1}, {"\u00e9", -1}};
  made.by_number = {{-1, "minus"}, {100000, "many"}};
  made.when = std::chrono::system_clock::time_point{std::chrono::nanoseconds{1'700'000'000'123'456'789}};
  made.points.resize(3);
  return made;
}
inline tree grown() {
  tree made;
  made.name = "root";
  made.children.resize(2);
  made.left = std::make_unique<tree>();
  made.left->name = "left";
  made.by_name["more"].children.resize(1);
  return made;
}
inline loose mixed() {
  loose made;
  made.bare = std::string{"bare"};
  made.named = full();
  made.set = {"a", "b"};
  made.maybes = {std::nullopt, "x"};
  made.flags = {{true, false}, {}};
  made.owned = std::make_unique<everything>();
  return made;
}

}  // namespace fuzz
