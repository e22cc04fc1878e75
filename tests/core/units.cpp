#include <tenon/core/units.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <ratio>

using namespace tenon::literals;
using tenon::duration;
using tenon::instant;

namespace {

constexpr std::int64_t most = (std::numeric_limits<std::int64_t>::max)();
constexpr std::int64_t least = (std::numeric_limits<std::int64_t>::min)();

template <duration D>
constexpr std::int64_t in_template = D.ns;
template <tenon::rate R>
constexpr std::int64_t count_of = R.count;
template <tenon::ratio R>
constexpr std::int32_t ppm_of = R.ppm;

static_assert(in_template<200_ms> == 200'000'000 && in_template<1_s> == 1'000'000'000 && in_template<2_min> == 120'000'000'000);
static_assert(in_template<3_us> == 3'000 && in_template<4_ns> == 4 && in_template<duration{std::chrono::hours{1}}> == 3'600'000'000'000);
static_assert(count_of<tenon::per_second(1000)> == 1000 && tenon::per_minute(3).per == 60_s);
static_assert(ppm_of<tenon::percent(50)> == 500'000 && tenon::percent(0.1).ppm == 1'000 && tenon::percent(-1).ppm == -10'000);

static_assert(duration{std::chrono::milliseconds{5}} == 5_ms);
static_assert(std::chrono::nanoseconds{7_us} == std::chrono::nanoseconds{7'000});
static_assert((1500_us).milliseconds() == 1);
static_assert(1_s + 1_ms - 1_ms == 1_s && 2_ms * 3 == 6_ms && 6_ms / 3 == 2_ms && 1_ms < 1_s);
static_assert(200_ms + std::chrono::milliseconds{1} == 201_ms);

// "For ever", as people write it.
static_assert(duration{(std::chrono::hours::max)()}.ns == most && duration{(std::chrono::seconds::min)()}.ns == least);
static_assert(duration{(std::chrono::milliseconds::max)()}.ns == most && duration{(std::chrono::nanoseconds::max)()}.ns == most);
static_assert(duration{std::chrono::duration<double>{1e300}}.ns == most && duration{std::chrono::duration<double>{-1e300}}.ns == least);
static_assert(duration{std::chrono::duration<double>{std::numeric_limits<double>::infinity()}}.ns == most);
static_assert(duration{std::chrono::duration<double>{std::numeric_limits<double>::quiet_NaN()}}.ns == 0);
static_assert(duration{std::chrono::duration<std::uint64_t>{~std::uint64_t{0}}}.ns == most);
static_assert(duration{std::chrono::duration<float>{0.5F}} == 500_ms);
static_assert(duration{std::chrono::duration<std::int64_t, std::pico>{2'999}}.ns == 2 && duration{std::chrono::duration<int, std::ratio<1, 60>>{3}} == 50_ms);

static_assert((duration{most} + 1_ns).ns == most && (duration{least} + duration{-1}).ns == least);
static_assert((duration{least} - 1_ns).ns == least && (duration{most} - duration{-1}).ns == most);
static_assert((1_min * most).ns == most && (1_min * least).ns == least && (duration{-60} * least).ns == most);

static_assert((instant{5} + 3_ns).ns == 8 && (instant{5} + duration{most}) == instant::never());
static_assert(instant::never() + duration{-1} == instant::never() && instant::never() + 1_s == instant::never());
static_assert((instant{least} + duration{-1}).ns == least);
static_assert((instant{most} - instant{-1}).ns == most && (instant{least} - instant{1}).ns == least && instant{7} - instant{4} == 3_ns);
static_assert(instant{1} < instant::never());

}  // namespace

TEST_CASE("a length of time comes from chrono, goes to chrono, and never wraps") {
  volatile std::int64_t far = most;
  CHECK((duration{far} + 1_s).ns == most);
  CHECK(duration{std::chrono::hours{far}}.ns == most);
  CHECK(instant{1} + duration{far} == instant::never());
}
