#include <tenon/config/options_json.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include <tenon/core/code.hpp>
#include <tenon/core/units.hpp>

using namespace tenon::literals;
using nlohmann::json;

namespace {

enum class colour : std::uint8_t { red, green, blue };

struct inner_options {
  std::int32_t tokens = 10;
  bool operator==(const inner_options&) const = default;
};
struct sample_options {
  tenon::duration wait = 25_ms;
  tenon::ratio share = tenon::percent(20);
  tenon::rate speed{};
  colour paint = colour::red;
  tenon::code refusal = tenon::code::unavailable;
  tenon::code_set on = tenon::codes(tenon::code::unavailable);
  std::int32_t count = -1;
  std::int64_t bytes = 0;
  std::uint64_t large = 0;
  double exact = 0;
  bool lifo = false;
  inner_options budget{};
  bool operator==(const sample_options&) const = default;
};

sample_options read(std::string_view text) {
  sample_options options;
  const tenon::status done = tenon::options_from_json(json::parse(text), options);
  CHECK_MESSAGE(done.ok(), done.message());
  return options;
}
std::string error(std::string_view text) {
  sample_options options;
  const tenon::status done = tenon::options_from_json(json::parse(text), options);
  CHECK(done.ok() == done.message().empty());
  return done.message();
}

}  // namespace

TEST_CASE("durations are read with each unit and exactly, or as nanoseconds") {
  CHECK(read(R"({"wait": "25ms"})").wait == 25_ms);
  CHECK(read(R"({"wait": "0.1s"})").wait == 100_ms);
  CHECK(read(R"({"wait": "5min"})").wait == 5_min);
  CHECK(read(R"({"wait": "1.5h"})").wait == 90_min);
  CHECK(read(R"({"wait": "0.000000001s"})").wait == 1_ns);
  CHECK(read(R"({"wait": "1.50us"})").wait == 1500_ns);
  CHECK(read(R"({"wait": 7})").wait == 7_ns);
  CHECK(read(R"({"wait": 0})").wait == 0_ns);
  CHECK(read(R"({"wait": "9223372036854775807ns"})").wait.ns == INT64_MAX);
}

TEST_CASE("what is no duration is refused with the forms that are") {
  constexpr std::string_view expected = "wait: expected duration such as \"25ms\", with one of ns, us, ms, s, min, h, or whole nanoseconds, found ";
  for (const char* each : {"\"25\"", "\"ms\"", "\"\"", "\"25 ms\"", "\"25MS\"", "\"25m\"", "\"-25ms\"", "\"1..5s\"", "\".5s\"", "\"5.s\"", "\"1.2.3s\"", "\"1e3s\"", "\"0.5ns\"", "\"0.0000000001s\"",
                           "\"9223372036854775808ns\"", "\"99999999999999999999s\"", "\"9223372037s\"", "-1", "1.5", "true", "null"}) {
    CAPTURE(each);
    CHECK(error(std::string{"{\"wait\": "} + each + "}") == std::string{expected} + each);
  }
}

TEST_CASE("ratios are numbers or percent, rates calls per time") {
  CHECK(read(R"({"share": 0.35})").share == tenon::percent(35));
  CHECK(read(R"({"share": "20%"})").share == tenon::percent(20));
  CHECK(read(R"({"share": "0.5%"})").share == tenon::percent(0.5));
  CHECK(read(R"({"share": 2})").share == tenon::percent(200));
  CHECK(error(R"({"share": "20"})") == "share: expected ratio such as 0.2 or \"20%\", found \"20\"");
  CHECK(error(R"({"share": "%"})") == "share: expected ratio such as 0.2 or \"20%\", found \"%\"");
  CHECK(error(R"({"share": -0.1})") == "share: expected ratio from 0.0 to 2147.483647, found -0.1");
  CHECK(error(R"({"share": 1e300})") == "share: expected ratio from 0.0 to 2147.483647, found 1e+300");
  CHECK(read(R"({"speed": "1000/s"})").speed == tenon::per_second(1000));
  CHECK(read(R"({"speed": "5/min"})").speed == tenon::per_minute(5));
  CHECK(read(R"({"speed": "10/100ms"})").speed == tenon::rate{10, 100_ms});
  CHECK(read(R"({"speed": 50})").speed == tenon::per_second(50));
  CHECK(read(R"({"speed": 0})").speed == tenon::rate{});
  for (const char* each : {"\"1000\"", "\"/s\"", "\"10/\"", "\"10/0s\"", "\"1.5/s\"", "\"10/x\"", "\"\"", "1.5"}) {
    CAPTURE(each);
    CHECK(error(std::string{"{\"speed\": "} + each + "}") == std::string{"speed: expected rate such as \"1000/s\", \"5/min\" or \"10/100ms\", or calls per second, found "} + each);
  }
  CHECK(error(R"({"speed": 2000000000})") == "speed: expected rate of at most 1e9 per second, found 2000000000");
}

TEST_CASE("codes and enums are read by name") {
  CHECK(read(R"({"refusal": "resource_exhausted"})").refusal == tenon::code::resource_exhausted);
  CHECK(read(R"({"refusal": "DATA_LOSS"})").refusal == tenon::code::data_loss);
  CHECK(read(R"({"on": ["aborted", 14]})").on == tenon::codes(tenon::code::aborted, tenon::code::unavailable));
  CHECK(read(R"({"on": []})").on == tenon::code_set{});
  CHECK(read(R"({"paint": "blue"})").paint == colour::blue);
  CHECK(error(R"({"refusal": "BUSY"})") == "refusal: expected status code such as \"unavailable\", found \"BUSY\"");
  CHECK(error(R"({"on": ["aborted", 17]})") == "on[1]: expected status code such as \"unavailable\", found 17");
  CHECK(error(R"({"on": "aborted"})") == "on: expected list of status codes such as [\"unavailable\"], found \"aborted\"");
  CHECK(error(R"({"paint": "pink"})") == "paint: expected one of red, green, blue, found \"pink\"");
}

TEST_CASE("numbers keep to their types, and an unknown option to the list of those there are") {
  CHECK(read(R"({"count": -2147483648, "bytes": 9223372036854775807, "lifo": true, "exact": 2.5})").count == INT32_MIN);
  CHECK(read(R"({"large": 9223372036854775807})").large == INT64_MAX);
  CHECK(error(R"({"count": 2147483648})") == "count: expected integer from -2147483648 to 2147483647, found 2147483648");
  CHECK(error(R"({"bytes": 9223372036854775808})") == "bytes: expected integer from -9223372036854775808 to 9223372036854775807, found 9223372036854775808");
  CHECK(error(R"({"count": 1.0})") == "count: expected integer from -2147483648 to 2147483647, found 1.0");
  CHECK(error(R"({"lifo": 1})") == "lifo: expected true or false, found 1");
  CHECK(error(R"({"budget": {"tokens": "x"}})") == "budget.tokens: expected integer from -2147483648 to 2147483647, found \"x\"");
  CHECK(error(R"({"budget": {"token": 1}})") == "budget.token: expected one of tokens, found \"token\"");
  CHECK(error(R"({"budget": [1]})") == "budget: expected object, found [1]");
  CHECK(error("[]") == "expected object, found []");
  // What is long is told by its kind.
  CHECK(error(R"({"count": "0123456789012345678901234567890123456789"})") == "count: expected integer from -2147483648 to 2147483647, found string");
}

TEST_CASE("options come back from their own json") {
  const sample_options written{.wait = tenon::duration{1'500'000'001},
                               .share = tenon::ratio{123'457},
                               .speed = {7, 250_ms},
                               .paint = colour::green,
                               .refusal = tenon::code::ok,
                               .on = tenon::codes(tenon::code::ok, tenon::code::unauthenticated),
                               .count = -3,
                               .bytes = INT64_MIN,
                               .large = 5,
                               .exact = 0.1,
                               .lifo = true,
                               .budget = {.tokens = 3}};
  const json document = tenon::options_to_json(written);
  CHECK(document["wait"] == "1500000001ns");
  CHECK(document["speed"] == "7/250ms");
  CHECK(read(document.dump()) == written);
  CHECK(read(tenon::options_to_json(sample_options{}).dump()) == sample_options{});
  // Every number of parts per million, near enough.
  for (std::int64_t each = 1; each < 2'000'000'000; each += each / 7 + 1) {
    const auto ppm = static_cast<std::int32_t>(each);
    sample_options back;
    CHECK(tenon::options_from_json(json{{"share", tenon::options_to_json(tenon::ratio{ppm})}}, back).ok());
    CHECK(back.share.ppm == ppm);
  }
}
