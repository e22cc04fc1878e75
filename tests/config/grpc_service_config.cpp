#include <tenon/config/grpc_service_config.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include <config/market_configuration.hpp>
#include <tenon/policy/breaker.hpp>
#include <tenon/policy/hedge.hpp>
#include <tenon/policy/select.hpp>

using namespace tenon::literals;
using tenon::grpc_service_config;

namespace {

using usual = simulated::market_configuration<tenon::timeout<9_s>, tenon::retry<>>;

constexpr std::string_view repeating =
    R"("retryPolicy": {"maxAttempts": 7, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 1.6, "retryableStatusCodes": ["UNAVAILABLE", "aborted", 8]})";

std::string error(const std::string& text) { return usual{}.from(grpc_service_config{text}).message(); }
std::string error_in_policy(const std::string& members) { return error(R"({"methodConfig": [{"name": [{}], "retryPolicy": {)" + members + "}}]}"); }

}  // namespace

TEST_CASE("a method follows the entry that fits it best, and that one alone") {
  usual all;
  const std::string text = R"({"loadBalancingConfig": [{"round_robin": {}}], "methodConfig": [
    {"name": [{}], "timeout": "3s"},
    {"name": [{"service": "market"}, {"service": "bank"}], "timeout": "1.5s", "waitForReady": true, )" +
                           std::string{repeating} + R"(},
    {"name": [{"service": "market", "method": "buy"}], "timeout": "0.000000001s"}]})";
  const tenon::status done = all.from(grpc_service_config{text});
  CHECK_MESSAGE(done.ok(), done.message());
  CHECK(all.of<0>(0).total == 1500_ms);
  CHECK(all.of<0>(1).total == 1_ns);
  const tenon::retry_options& read = all.of<1>(0);
  CHECK(read.max_attempts == 5);
  CHECK(read.base == 100_ms);
  CHECK(read.cap == 1_s);
  CHECK(read.multiplier == tenon::percent(160));
  CHECK(read.jitter == tenon::jitter::grpc);
  CHECK(read.on == tenon::codes(tenon::code::unavailable, tenon::code::aborted, tenon::code::resource_exhausted));
  CHECK_FALSE(read.idempotent_only);
  CHECK(all.of<1>(1) == tenon::retry_options{});
  CHECK(all.from(grpc_service_config{R"({"methodConfig": [{"name": [{}], "timeout": "3s"}]})"}).ok());
  CHECK(all.of<0>(1).total == 3_s);
}

TEST_CASE("throttling becomes the budget of retry") {
  usual all;
  CHECK(all.from(grpc_service_config{R"({"retryThrottling": {"maxTokens": 100, "tokenRatio": 0.125}})"}).ok());
  CHECK(all.of<1>(1).budget.form == tenon::budget_form::grpc);
  CHECK(all.of<1>(1).budget.tokens == 100);
  CHECK(all.of<1>(1).budget.share == tenon::percent(12.5));
  CHECK(error(R"({"retryThrottling": {"maxTokens": 1001, "tokenRatio": 0.1}})") == "retryThrottling.maxTokens: expected integer from 1 to 1000, found 1001");
  CHECK(error(R"({"retryThrottling": {"maxTokens": 10}})") == "retryThrottling.tokenRatio: expected a value, found none");
}

TEST_CASE("hedging is taken as gRPC means it: the delay may be none, and only the listed codes are not final") {
  simulated::market_configuration<tenon::hedge<>> all;
  CHECK(all.from(grpc_service_config{R"({"retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1}, "methodConfig": [
    {"name": [{"service": "market"}], "hedgingPolicy": {"maxAttempts": 7, "hedgingDelay": "0.5s", "nonFatalStatusCodes": ["INTERNAL", 10]}},
    {"name": [{"service": "market", "method": "buy"}], "hedgingPolicy": {"maxAttempts": 2}}]})"})
            .ok());
  const tenon::hedge_options& last = all.of<0>(0);
  CHECK(last.max_attempts == 5);
  CHECK(last.delay == 500_ms);
  CHECK(last.non_fatal == tenon::codes(tenon::code::internal, tenon::code::aborted));
  CHECK(last.max_extra == tenon::ratio{});
  CHECK_FALSE(last.idempotent_only);
  CHECK(last.budget.form == tenon::budget_form::grpc);
  const tenon::hedge_options& buy = all.of<0>(1);
  CHECK(buy.delay == tenon::hedge_options::at_once);
  CHECK(buy.non_fatal == tenon::code_set{});
}

TEST_CASE("a method that the config lets retry does not hedge, and the other way round") {
  using both = simulated::market_configuration<tenon::retry<>, tenon::policy::switchable<tenon::hedge<>>>;
  both all;
  const std::string text = R"({"retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1}, "methodConfig": [{"name": [{"service": "market", "method": "buy"}], "hedgingPolicy": {"maxAttempts": 3}}]})";
  REQUIRE(all.from(grpc_service_config{text}).ok());
  // Throttling alone turns nothing on.
  CHECK_FALSE(all.of<1>(0).enabled);
  CHECK(all.of<1>(1).enabled);
  CHECK(all.of<1>(1).max_attempts == 3);
  simulated::market_configuration<tenon::hedge<>, tenon::policy::switchable<tenon::retry<>>> other;
  REQUIRE(other.from(grpc_service_config{R"({"methodConfig": [{"name": [{"service": "market", "method": "buy"}], )" + std::string{repeating} + "}]}"}).ok());
  CHECK(other.of<0>(1).max_attempts == 1);
  CHECK(other.of<1>(1).enabled);
  CHECK(other.of<0>(0).max_attempts == 2);
  CHECK_FALSE(other.of<1>(0).enabled);
}

TEST_CASE("a longer first wait than the longest is the longest") {
  usual all;
  CHECK(all.from(grpc_service_config{
                     R"({"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 2, "initialBackoff": "2s", "maxBackoff": "1s", "backoffMultiplier": 2, "retryableStatusCodes": [14]}}]})"})
            .ok());
  CHECK(all.of<1>(0).base == 1_s);
  CHECK(all.of<1>(0).max_attempts == 2);
}

TEST_CASE("what is wrong with a service config is named by its path in gRPC's own words") {
  CHECK(error_in_policy(R"("maxAttempts": 1, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 2, "retryableStatusCodes": [14])") ==
        "methodConfig[0].retryPolicy.maxAttempts: expected integer from 2 to 2147483647, found 1");
  CHECK(error_in_policy(R"("maxAttempts": 2, "initialBackoff": "0s", "maxBackoff": "1s", "backoffMultiplier": 2, "retryableStatusCodes": [14])") ==
        "methodConfig[0].retryPolicy.initialBackoff: expected duration above zero, found \"0s\"");
  CHECK(error_in_policy(R"("maxAttempts": 2, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 2, "retryableStatusCodes": ["BUSY"])") ==
        "methodConfig[0].retryPolicy.retryableStatusCodes[0]: expected status code such as \"unavailable\", found \"BUSY\"");
  CHECK(error_in_policy(R"("maxAttempts": 2, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 2, "retryableStatusCodes": [])") ==
        "methodConfig[0].retryPolicy.retryableStatusCodes: expected at least one status code, found none");
  CHECK(error_in_policy(R"("maxAttempts": 2)") == "methodConfig[0].retryPolicy.initialBackoff: expected a value, found none");
  CHECK(error(R"({"methodConfig": [{"name": [{}], "timeout": "0s"}]})") == "methodConfig[0].timeout: expected duration above zero, found \"0s\"");
  CHECK(error(R"({"methodConfig": [{"name": [{}], "hedgingPolicy": {"hedgingDelay": "1s"}}]})") == "methodConfig[0].hedgingPolicy.maxAttempts: expected a value, found none");
  CHECK(error(R"({"methodConfig": [{"name": [{}], "hedgingPolicy": {"maxAttempts": 1}}]})") ==
        "methodConfig[0].hedgingPolicy.maxAttempts: expected integer from 2 to 2147483647, found 1");
  CHECK(error(R"({"methodConfig": [{"name": [{}], )" + std::string{repeating} + R"(, "hedgingPolicy": {"maxAttempts": 2}}]})") ==
        "methodConfig[0]: expected retryPolicy or hedgingPolicy, found \"both\"");
  CHECK(error(R"({"methodConfig": [{"name": [{"method": "buy"}]}]})") == "methodConfig[0].name: expected a service and, if it is for one method, a method");
  CHECK(error(R"({"methodConfig": [{"name": [{}]}, {"name": [{}]}]})") == "methodConfig[1].name: expected each name once, found one of methodConfig[0]");
  CHECK(error(R"({"methodConfig": [{"name": [{"service": "market", "method": "sell"}]}]})") ==
        "methodConfig[0].name: expected one of this service's methods, last, buy, found \"sell\"");
  CHECK(error(R"({"methodConfig": {}})") == "methodConfig: expected array, found \"object\"");
  CHECK(error("1") == "grpc_service_config: expected object, found \"number\"");
  CHECK(error("{") == "grpc_service_config: expected string, found end of input at byte 1");
}

TEST_CASE("a policy that a service has not is an error in its own entry, and passed over in one for everything") {
  simulated::market_configuration<tenon::breaker<>> bare;
  const std::string policy{repeating};
  CHECK(bare.from(grpc_service_config{R"({"retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1}, "methodConfig": [{"name": [{}], "timeout": "1s", )" + policy + "}]}"}).ok());
  CHECK(bare.from(grpc_service_config{R"({"methodConfig": [{"name": [{"service": "market"}], )" + policy + "}]}"}).message() ==
        "methodConfig[0]: expected one of this service's policies, breaker, found \"retry\"");
}
