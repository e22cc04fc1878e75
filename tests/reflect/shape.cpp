#include <tenon/reflect/shape.hpp>

#include <doctest/doctest.h>

#include <msgpack.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

using tenon::shape;
using tenon::shape_of;

namespace {

enum class colour { red };

struct inner {
  int a = 0;
};

// A field of every type the codecs take, in one aggregate.
struct everything {
  bool flag = false;
  std::vector<bool> flags;
  std::unique_ptr<everything> next;
  std::map<std::string, everything> children;
  nlohmann::json anything;
  msgpack::object_handle packed;
  std::optional<std::unique_ptr<int>> maybe;
  std::optional<inner> hint;
  std::variant<int, std::string> either;
  std::chrono::milliseconds delay{};
  std::chrono::system_clock::time_point at{};
  colour tint = colour::red;
  std::array<std::byte, 4> digest{};
  std::tuple<int, double> pair_of_numbers;
};

class listed {
 public:
  int a() const { return a_; }

 private:
  int a_ = 0;
  TENON_STRUCT(listed, a_)
};

class unlisted {
 public:
  int a() const { return a_; }

 private:
  int a_ = 0;
};

struct without_default {
  explicit without_default(int) {}
};

} // namespace

TEST_CASE("numbers are booleans, integers up to 64 bits, or floating") {
  CHECK(shape_of<bool> == shape::boolean);
  CHECK(shape_of<char> == shape::integer);
  CHECK(shape_of<std::int8_t> == shape::integer);
  CHECK(shape_of<std::uint8_t> == shape::integer);
  CHECK(shape_of<long> == shape::integer);
  CHECK(shape_of<unsigned long long> == shape::integer);
  CHECK(shape_of<float> == shape::floating);
  CHECK(shape_of<double> == shape::floating);
  CHECK(shape_of<long double> == shape::unsupported);
  CHECK(shape_of<wchar_t> == shape::unsupported);
  CHECK(shape_of<char8_t> == shape::unsupported);
  CHECK(shape_of<char32_t> == shape::unsupported);
  CHECK(shape_of<colour> == shape::enumeration);
}

TEST_CASE("a reference or const does not change the shape") {
  CHECK(shape_of<const int&> == shape::integer);
  CHECK(shape_of<std::string&&> == shape::text);
  CHECK(shape_of<const everything> == shape::record);
}

TEST_CASE("text is what holds chars, binary what holds std::byte") {
  CHECK(shape_of<std::string> == shape::text);
  CHECK(shape_of<std::string_view> == shape::text);
  CHECK(shape_of<const char*> == shape::text);
  CHECK(shape_of<char*> == shape::unsupported);
  CHECK(shape_of<std::wstring> == shape::unsupported);
  CHECK(shape_of<std::vector<std::byte>> == shape::binary);
  CHECK(shape_of<std::array<std::byte, 3>> == shape::binary);
  CHECK(shape_of<std::span<const std::byte>> == shape::binary);
  CHECK(shape_of<std::vector<unsigned char>> == shape::sequence);
  CHECK(shape_of<std::byte> == shape::unsupported);
}

TEST_CASE("containers are sequences or mappings") {
  CHECK(shape_of<std::vector<int>> == shape::sequence);
  CHECK(shape_of<std::vector<bool>> == shape::sequence);
  CHECK(shape_of<std::deque<int>> == shape::sequence);
  CHECK(shape_of<std::list<int>> == shape::sequence);
  CHECK(shape_of<std::set<int>> == shape::sequence);
  CHECK(shape_of<std::unordered_set<int>> == shape::sequence);
  CHECK(shape_of<std::array<int, 3>> == shape::fixed_sequence);
  CHECK(shape_of<std::map<std::string, int>> == shape::mapping);
  CHECK(shape_of<std::map<std::string, std::unique_ptr<int>>> == shape::mapping);
  CHECK(shape_of<std::unordered_map<int, int>> == shape::mapping);
  CHECK(shape_of<std::map<colour, int>> == shape::mapping);
  CHECK(shape_of<std::map<double, int>> == shape::unsupported);
  CHECK(shape_of<std::multimap<int, int>> == shape::unsupported);
  CHECK(shape_of<std::span<int>> == shape::unsupported);
}

TEST_CASE("optionals, variants, tuples and nothing") {
  CHECK(shape_of<std::optional<int>> == shape::optional);
  CHECK(shape_of<std::unique_ptr<int>> == shape::optional);
  CHECK(shape_of<std::unique_ptr<int[]>> == shape::unsupported);
  CHECK(shape_of<std::shared_ptr<int>> == shape::unsupported);
  CHECK(shape_of<int*> == shape::unsupported);
  CHECK(shape_of<std::variant<int, bool>> == shape::variant);
  CHECK(shape_of<std::pair<int, int>> == shape::tuple);
  CHECK(shape_of<std::tuple<>> == shape::tuple);
  CHECK(shape_of<std::monostate> == shape::null);
  CHECK(shape_of<std::nullptr_t> == shape::null);
}

TEST_CASE("durations cross, and the time points of the system's clock") {
  CHECK(shape_of<std::chrono::seconds> == shape::duration);
  CHECK(shape_of<std::chrono::duration<double>> == shape::duration);
  CHECK(shape_of<std::chrono::system_clock::time_point> == shape::time_point);
  CHECK(shape_of<std::chrono::sys_seconds> == shape::time_point);
  CHECK(shape_of<std::chrono::steady_clock::time_point> == shape::unsupported);
}

TEST_CASE("records and free-form values") {
  CHECK(shape_of<everything> == shape::record);
  CHECK(shape_of<listed> == shape::record);
  CHECK(shape_of<unlisted> == shape::unsupported);
  CHECK(shape_of<without_default> == shape::unsupported);
  CHECK(shape_of<nlohmann::json> == shape::free_json);
  CHECK(shape_of<nlohmann::ordered_json> == shape::free_json);
  CHECK(shape_of<msgpack::object> == shape::free_msgpack);
  CHECK(shape_of<msgpack::object_handle> == shape::free_msgpack);
}

TEST_CASE("an aggregate may have a field of every type that crosses the wire") {
  static_assert(tenon::field_count<everything> == 14);
  everything value;
  tenon::for_each_field(value, [](auto field, auto& member) {
    static_assert(tenon::assert_readable_type<typename decltype(field)::type>());
    static_cast<void>(member);
    CHECK(shape_of<decltype(member)> != shape::unsupported);
  });
  CHECK(tenon::field<everything, 13>::name == "pair_of_numbers");
}
