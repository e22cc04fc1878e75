#include <tenon/config/json_options.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>

#include <config/market_configuration.hpp>
#include <tenon/config/options_json.hpp>
#include <tenon/policy/order.hpp>
#include <tenon/policy/select.hpp>

using namespace tenon::literals;
using tenon::json_options;
using tenon::retry;
using tenon::retry_options;
using tenon::timeout;
using tenon::timeout_options;

namespace {

template <class... Policies>
struct configured : simulated::market_configuration<Policies...> {
  std::string error(std::string_view text) { return this->from(json_options{text}).message(); }
};

using usual = configured<retry<>, tenon::breaker<>, timeout<1_s>>;

struct own_options {
  int level = 1;
};
struct own : tenon::policy::base {
  static constexpr std::string_view name = "own";
  using options = own_options;
  static constexpr options defaults{};
  static tenon::outcome admit(tenon::policy::none&, const options&, tenon::policy::none&, tenon::call_info&) noexcept { return {}; }
  static void observe(tenon::policy::none&, const options&, tenon::policy::none&, tenon::call_info&, tenon::outcome) noexcept {}
};

template <class Policy>
void comes_back(std::string_view form) {
  typename Policy::options back{};
  const nlohmann::json written = tenon::options_to_json(Policy::defaults);
  CHECK_MESSAGE(tenon::options_from_json(written, back).ok(), form);
  CHECK(back == Policy::defaults);
  // And through a document, whose bounds the defaults must keep.
  const json_options document{nlohmann::json{{"defaults", {{std::string{Policy::name}, written}}}}.dump()};
  CHECK_MESSAGE(document.check_text().ok(), document.check_text().message());
  configured<Policy> all;
  const tenon::status done = all.from(document);
  CHECK_MESSAGE(done.ok(), done.message());
  CHECK(all.template of<0>(1) == Policy::defaults);
}

}  // namespace

TEST_CASE("a method's options come before its service's, and these before the defaults") {
  usual all;
  CHECK(all.error(R"({"defaults": {"timeout": {"total": "300ms"}, "retry": {"max_attempts": 5, "base": "10ms"}},
                      "services": {"market": {"retry": {"max_attempts": 4}}, "bank": {"timeout": {"total": "9s"}, "vault": {"x": 1}}},
                      "methods": {"market.buy": {"retry": {"max_attempts": 1, "budget": {"tokens": 3}}}, "bank.pay": {"retry": {"max_attempts": 2}}}})") == "");
  CHECK(all.of<2>(0).total == 300_ms);
  CHECK(all.of<2>(1).total == 300_ms);
  CHECK(all.of<0>(0).max_attempts == 4);
  CHECK(all.of<0>(1).max_attempts == 1);
  CHECK(all.of<0>(1).base == 10_ms);
  CHECK(all.of<0>(0).budget.tokens == 10);
  CHECK(all.of<0>(1).budget.tokens == 3);
  CHECK(all.of<0>(1).cap == retry_options{}.cap);
}

TEST_CASE("a document begins at the policies' types, not at what was said before") {
  usual all;
  all.options.set(timeout_options{.total = 7_s});
  CHECK(all.error(R"({"methods": {"market.buy": {"timeout": {"total": "2s"}}}})") == "");
  CHECK(all.of<2>(0).total == 1_s);
  CHECK(all.of<2>(1).total == 2_s);
  CHECK(all.error("{}") == "");
  CHECK(all.of<2>(1).total == 1_s);
}

TEST_CASE("what is wrong is named by its path, and nothing of the document is published") {
  const struct {
    const char* text;
    const char* error;
  } cases[] = {
      {R"({"methods": {"market.buy": {"retry": {"max_attempts": "x"}}}})", "methods.market.buy.retry.max_attempts: expected integer from 1 to 10, found \"x\""},
      {R"({"methods": {"market.buy": {"retry": {"max_attempts": 0}}}})", "methods.market.buy.retry.max_attempts: expected integer from 1 to 10, found 0"},
      {R"({"services": {"market": {"timeout": {"total": "0s"}}}})", "services.market.timeout.total: expected duration above zero, found \"0s\""},
      {R"({"defaults": {"retry": {"budget": {"share": "-1%"}}}})", "defaults.retry.budget.share: expected ratio from 0.0 to 2147.483647, found \"-1%\""},
      {R"({"defaults": {"retry": {"budget": {"per_second": -1}}}})", "defaults.retry.budget.per_second: expected integer from 0 to 2147483647, found -1"},
      {R"({"defaults": {"breaker": {"failure_rate": 50}}})", "defaults.breaker.failure_rate: expected ratio from 0.0 to 1.0, found 50"},
      {R"({"defaults": {"retyr": {}}})", "defaults.retyr: expected one of this service's policies, retry, breaker, timeout, found \"retyr\""},
      {R"({"services": {"market": {"limiter": {}}}})", "services.market.limiter: expected one of this service's policies, retry, breaker, timeout, found \"limiter\""},
      {R"({"methods": {"market.sell": {}}})", "methods.market.sell: expected one of this service's methods, last, buy, found \"sell\""},
      {R"({"methods": {"buy": {}}})", "methods.buy: expected a service and a method, such as \"market.buy\", found \"buy\""},
      {R"({"method": {}})", "method: expected one of defaults, services, methods, found \"method\""},
      {R"({"services": {"market": {"timeout": "1s"}}})", "services.market.timeout: expected object, found \"1s\""},
      {R"({"services": {"market": 1}})", "services.market: expected object, found \"number\""},
      {R"({"services": {"bank": {"timeout": {"total": "1 s"}}}})",
       "services.bank.timeout.total: expected duration such as \"25ms\", with one of ns, us, ms, s, min, h, or whole nanoseconds, found \"1 s\""},
      {R"({"services": []})", "services: expected object, found \"array\""},
      {"[]", "document: expected object, found \"array\""},
      {R"({"defaults": {"retry": {"base": "1s"}}})", "market.last: retry: cap is below base"},
      {R"({"defaults": {"breaker": {"failure_rate": 0}}})", "market.last: breaker: nothing opens it: failure_rate, consecutive and slow_call are zero"},
      {R"({"methods": {"market.buy": {"breaker": {"failures": ["OK"]}}}})", "market.buy: breaker: OK is among the failures"},
      {R"({"defaults": )", "json_options: field \"defaults\": expected value, found end of input at byte 13"},
      {"", "json_options: expected value, found end of input at byte 0"},
  };
  usual all;
  CHECK(all.error(R"({"defaults": {"timeout": {"total": "3s"}}})") == "");
  const void* const before = &all.options.of(0);
  for (const auto& each : cases) {
    CHECK(all.error(each.text) == each.error);
    CHECK(&all.options.of(0) == before);
  }
}

TEST_CASE("defaults may speak of policies of tenon that a service has not, and are checked all the same") {
  usual all;
  CHECK(all.error(R"({"defaults": {"limiter": {"rate": "10/s"}, "timeout": {"total": "2s"}}})") == "");
  CHECK(all.of<2>(0).total == 2_s);
  CHECK(all.error(R"({"defaults": {"limiter": {"rate": "10/x"}}})") == "defaults.limiter.rate: expected rate such as \"1000/s\", \"5/min\" or \"10/100ms\", or calls per second, found \"10/x\"");
}

TEST_CASE("a document must suit the place and the state of a policy") {
  configured<timeout<1_s>, retry<>, tenon::policy::tagged<"try", timeout<200_ms>>> placed;
  CHECK(placed.error(R"({"defaults": {"try": {"per_try": "50ms"}}})") == "");
  CHECK(placed.of<2>(0).per_try == 50_ms);
  CHECK(placed.error(R"({"defaults": {"timeout": {"per_try": "50ms"}}})") == "market.last: timeout: per_try is about one attempt, and this timeout stands before retry");
  configured<tenon::bulkhead<4, tenon::policy::sharing::shared>> shared;
  CHECK(shared.error(R"({"defaults": {"bulkhead": {"max_queue": 1}}})") ==
        "market.last: bulkhead: its state is shared by all loops, and calls can wait on their own loop only: max_queue must be 0");
  configured<tenon::limiter<tenon::per_second(5)>> limited;
  CHECK(limited.error(R"({"defaults": {"limiter": {"key": "peer"}}})") ==
        "market.last: limiter: key can become peer only where the policy's type says so: limiter_options{.key = limiter_key::peer}");
  CHECK(limited.error(R"({"defaults": {"limiter": {"key": "method", "rate": "7/min"}}})") == "");
  CHECK(limited.of<0>(0).rate == tenon::per_minute(7));
  configured<> empty;
  CHECK(empty.error(R"({"services": {"market": {"retry": {}}}})") == "services.market.retry: expected no policy, as this service has none, found \"retry\"");
  CHECK(empty.error(R"({"defaults": {"retry": {}}})") == "");
}

TEST_CASE("a policy that is there for one method is turned on where a document names it for a method") {
  using with_switch = configured<tenon::policy::switchable<timeout<1_s>>>;
  with_switch all;
  CHECK(all.error(R"({"defaults": {"timeout": {"total": "2s"}}, "methods": {"market.buy": {"timeout": {}}}})") == "");
  CHECK_FALSE(all.of<0>(0).enabled);
  CHECK(all.of<0>(1).enabled);
  CHECK(all.of<0>(1).total == 2_s);
  CHECK(all.error(R"({"defaults": {"timeout": {"enabled": true}}, "methods": {"market.buy": {"timeout": {"enabled": false}}}})") == "");
  CHECK(all.of<0>(0).enabled);
  CHECK_FALSE(all.of<0>(1).enabled);
  CHECK(all.error(R"({"defaults": {"timeout": {"enabled": 1}}})") == "defaults.timeout.enabled: expected one of total, per_try, server_default, server_max, min_useful, reserve, propagate, found \"enabled\"");
}

TEST_CASE("policies of one's own take part when the document knows them") {
  configured<own, timeout<1_s>> all;
  CHECK(all.error(R"({"defaults": {"own": {"level": 3}}})") == "defaults.own: the options of this policy are of a type of their own; write json_options<own>");
  CHECK(all.from(json_options<own>{R"({"defaults": {"own": {"level": 3}}, "methods": {"market.buy": {"own": {"level": -4}}}})"}).ok());
  CHECK(all.of<0>(0).level == 3);
  CHECK(all.of<0>(1).level == -4);
  CHECK(all.from(json_options<own>{R"({"defaults": {"own": {"leevl": 3}}})"}).message() == "defaults.own.leevl: expected one of level, found \"leevl\"");
}

TEST_CASE("the options of every policy come back from their own json") {
  comes_back<retry<>>("retry");
  comes_back<retry<retry_options{.max_attempts = 7, .base = 1_ms, .multiplier = tenon::percent(150), .jitter = tenon::jitter::grpc, .budget = {.form = tenon::budget_form::window}}>>("retry");
  comes_back<timeout<timeout_options{.total = 1500_us, .propagate = false}>>("timeout");
  comes_back<tenon::breaker<>>("breaker");
  comes_back<tenon::breaker<tenon::breaker_options{.consecutive = 5, .mode = tenon::breaker_mode::metrics_only}>>("breaker");
  comes_back<tenon::bulkhead<64>>("bulkhead");
  comes_back<tenon::limiter<>>("limiter");
  comes_back<tenon::limiter<tenon::limiter_options{.rate = {10, 100_ms}, .key = tenon::limiter_key::peer}>>("limiter");
  comes_back<tenon::adaptive_limit<>>("adaptive_limit");
  comes_back<tenon::throttle<>>("throttle");
  comes_back<tenon::load_shed<>>("load_shed");
  comes_back<tenon::hedge<>>("hedge");
  comes_back<tenon::hedge<tenon::hedge_options{.max_attempts = 4, .delay = tenon::hedge_options::at_once, .max_extra = {}}>>("hedge");
}

TEST_CASE("two documents take turns while calls read, and nobody sees half of one") {
  usual all;
  const json_options one{R"({"defaults": {"timeout": {"total": "1ns", "min_useful": "1ns"}, "retry": {"max_attempts": 1}}})"};
  const json_options two{R"({"defaults": {"timeout": {"total": "2ns", "min_useful": "2ns"}, "retry": {"max_attempts": 2}}})"};
  const json_options bad{R"({"defaults": {"timeout": {"total": "3ns"}, "retry": {"base": "1h"}}})"};
  REQUIRE(all.from(one).ok());
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0};
  std::thread reader{[&] {
    while (!stop.load()) {
      const auto& entry = all.options.of(0);
      const auto total = std::get<2>(entry).total.ns;
      if (total != std::get<2>(entry).min_useful.ns || total != std::get<0>(entry).max_attempts) torn.fetch_add(1);
    }
  }};
  for (int i = 0; i < 200; ++i) {
    CHECK(all.from(i % 2 == 0 ? two : one).ok());
    CHECK_FALSE(all.from(bad).ok());
  }
  stop = true;
  reader.join();
  CHECK(torn == 0);
}

TEST_CASE("json_options: hedge, named for a method that may not be sent twice, is an error; for a whole service it is about those that may") {
  simulated::market_configuration<tenon::hedge<>> all;
  const tenon::status refused = all.from(tenon::json_options{R"({"methods": {"market.buy": {"hedge": {"max_attempts": 3}}}})"});
  CHECK(refused.code() == tenon::code::invalid_argument);
  CHECK(refused.message() == "market.buy: hedge: the method is not declared tenon::idempotent, so that it would never be sent twice");
  CHECK(all.from(tenon::json_options{R"({"methods": {"market.last": {"hedge": {"max_attempts": 3}}}})"}).ok());
  CHECK(all.of<0>(0).max_attempts == 3);
  CHECK(all.from(tenon::json_options{R"({"services": {"market": {"hedge": {"max_attempts": 4}}}})"}).ok());
  CHECK(all.from(tenon::json_options{R"({"methods": {"market.buy": {"hedge": {"max_attempts": 1}}}})"}).ok());
  CHECK(all.from(tenon::json_options{R"({"methods": {"market.buy": {"hedge": {"max_attempts": 3, "idempotent_only": false}}}})"}).ok());
}
