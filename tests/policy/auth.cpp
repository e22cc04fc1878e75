#include <tenon/policy/auth.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <client/shop.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/task.hpp>
#include <tenon/policy/limiter.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/server/server.hpp>

using namespace tenon::literals;
using simulated::frame;
using simulated::outcome_of;
using simulated::peer;
using simulated::scripted_shop;
using simulated::shop;
using tenon::auth;
using tenon::code;
using tenon::result;
using tenon::status;

namespace {

// A source as people write it: it counts how often it was asked, and gives what it has.
struct tokens final : tenon::credential_source {
  int asked = 0;
  std::string now = "first";
  bool broken = false;
  result<std::string> credential() override {
    ++asked;
    if (broken) return status{code::unavailable, "no disk"};
    return now;
  }
};

std::string unauthenticated(const frame& to) { return scripted_shop::error_to(to, "UNAUTHENTICATED: who?"); }
std::string shown_by(const frame& request) { return request.value_of("authorization"); }

result<std::string> principal_of(std::string_view credential) {
  if (tenon::same_secret(credential, "Bearer ann")) return std::string{"ann"};
  if (tenon::same_secret(credential, "Bearer bob")) return std::string{"bob"};
  if (credential == "Bearer eve") return status{code::permission_denied};
  return status{code::unauthenticated};
}

int verified = 0;
result<std::string> counted(std::string_view credential) {
  ++verified;
  return principal_of(credential);
}

result<std::string> by_method(std::string_view credential, const tenon::call_identity& to) {
  if (to.service != "vault") return status{code::permission_denied};
  if (to.method == "who") return principal_of(credential);
  return status{code::permission_denied};
}

struct vault {
  std::string who(tenon::context& context) { return std::string{context.principal()}; }
  tenon::task<std::string> later(tenon::context& context) { co_return std::string{context.principal()}; }
  int plain(int x) { return x; }
  TENON_SERVICE(vault, who, later, plain)
};

template <class... Policies>
struct guarded_vault : simulated::world {
  guarded_vault() {
    server.serve<Policies...>(vault{});
    server.listen(wire, "vault");
    server.start();
    run();
    caller.connect("vault");
  }
  std::string ask(std::string method, std::string credential, std::string payload = "null") {
    frame question{.codec = simulated::json, .sequence = ++sequence, .service = "vault", .method = std::move(method), .payload = std::move(payload)};
    if (!credential.empty()) question.metadata.emplace_back("authorization", std::move(credential));
    caller.say(question.bytes());
    const auto answers = simulated::frames_in(caller.heard());
    if (answers.size() != 1) return "(no answer)";
    return (answers[0].bits & simulated::error) != 0 ? answers[0].value_of("__rpcx_error__") : answers[0].payload;
  }
  tenon::server<> server{io};
  peer caller{*this};
  std::uint64_t sequence = 0;
};

}  // namespace

TEST_CASE("secrets are compared whole") {
  CHECK(tenon::same_secret("abc", "abc"));
  CHECK(tenon::same_secret("", ""));
  CHECK_FALSE(tenon::same_secret("abc", "abd"));
  CHECK_FALSE(tenon::same_secret("abcabc", "abc"));
  CHECK_FALSE(tenon::same_secret("ab", "abc"));
  CHECK_FALSE(tenon::same_secret("", "abc"));
  CHECK_FALSE(tenon::same_secret("abc", ""));
}

TEST_CASE("a client shows its credentials with every call, beside the metadata of the call") {
  scripted_shop world;
  tenon::client<shop, tenon::codec::json, auth<[] { return std::string{"Bearer abc"}; }>> client{world.io, world.connector()};
  outcome_of<int> got;
  client.with({.metadata = {{"trace", "7"}}}).price("bread").then(got.taker());
  const auto sent = world.requests();
  REQUIRE(sent.size() == 1);
  CHECK(shown_by(sent[0]) == "Bearer abc");
  CHECK(sent[0].value_of("trace") == "7");
  world.answer(sent[0], "3");
  CHECK(**got.value == 3);
  tenon::client<shop, tenon::codec::json, auth<[] { return std::string{"k"}; }, "__AUTH">> rpcx{world.io, world.connector()};
  outcome_of<int> other;
  rpcx.price("bread").then(other.taker());
  const auto second = world.requests();
  REQUIRE(second.size() == 1);
  CHECK(second[0].value_of("__AUTH") == "k");
}

TEST_CASE("credentials that the peer does not accept are renewed once for any number of calls, which are then repeated without asking retry") {
  scripted_shop world;
  tokens source;
  tenon::client<shop, tenon::codec::json, auth<>> client{world.io, world.connector()};
  CHECK(client.configure(tenon::auth_options{.source = &source}));
  outcome_of<int> got[5];
  for (auto& each : got) client.price("bread").then(each.taker());
  auto sent = world.requests();
  REQUIRE(sent.size() == 5);
  CHECK(source.asked == 1);
  source.now = "second";
  for (const frame& each : sent) world.server.say(unauthenticated(each));
  CHECK(source.asked == 2);
  sent = world.requests();
  REQUIRE(sent.size() == 5);
  for (const frame& each : sent) CHECK(shown_by(each) == "second");
  for (const frame& each : sent) world.answer(each, "1");
  for (auto& each : got) CHECK(each.text() == "OK");
}

TEST_CASE("credentials are renewed once per call, and only when there is something new to show") {
  scripted_shop world;
  tokens source;
  tenon::client<shop, tenon::codec::json, auth<>> client{world.io, world.connector()};
  client.configure(tenon::auth_options{.source = &source});
  outcome_of<int> same;
  client.price("bread").then(same.taker());
  world.server.say(unauthenticated(world.requests().at(0)));
  CHECK(world.requests().empty());
  CHECK(same.text() == "UNAUTHENTICATED: who?");
  // A source that had nothing new is left alone for a while.
  CHECK(source.asked == 2);
  outcome_of<int> soon;
  client.price("bread").then(soon.taker());
  world.server.say(unauthenticated(world.requests().at(0)));
  CHECK(source.asked == 2);
  world.pass(2_s);
  outcome_of<int> twice;
  client.price("bread").then(twice.taker());
  source.now = "second";
  world.server.say(unauthenticated(world.requests().at(0)));
  source.now = "third";
  const auto again = world.requests();
  REQUIRE(again.size() == 1);
  world.server.say(unauthenticated(again[0]));
  CHECK(world.requests().empty());
  CHECK(twice.text() == "UNAUTHENTICATED: who?");
}

TEST_CASE("credentials that grow old between two attempts are asked for again, and a source that fails leaves the old ones") {
  scripted_shop world;
  tokens source;
  constexpr tenon::retry_options steady{.max_attempts = 4, .jitter = tenon::jitter::none, .idempotent_only = false};
  tenon::client<shop, tenon::codec::json, tenon::retry<steady>, auth<>> client{world.io, world.connector()};
  client.configure(tenon::auth_options{.source = &source, .keep = 20_ms});
  outcome_of<int> got;
  client.price("bread").then(got.taker());
  auto sent = world.requests();
  CHECK(shown_by(sent.at(0)) == "first");
  source.now = "second";
  world.server.say(scripted_shop::error_to(sent[0], "UNAVAILABLE: busy"));
  world.pass(25_ms);
  sent = world.requests();
  CHECK(shown_by(sent.at(0)) == "second");
  source.broken = true;
  world.server.say(scripted_shop::error_to(sent[0], "UNAVAILABLE: busy"));
  world.pass(50_ms);
  sent = world.requests();
  CHECK(shown_by(sent.at(0)) == "second");
  world.answer(sent[0], "1");
  CHECK(got.text() == "OK");
}

TEST_CASE("a server asks who calls before it reads the arguments, and tells the handler") {
  guarded_vault<auth<&principal_of>> world;
  CHECK(world.ask("who", "Bearer ann") == "\"ann\"");
  CHECK(world.ask("later", "Bearer bob") == "\"bob\"");
  CHECK(world.ask("plain", "Bearer bob", "7") == "7");
  CHECK(world.ask("plain", "", "no json") == "UNAUTHENTICATED: vault.plain: refused before the handler ran (auth)");
  CHECK(world.ask("who", "Bearer mallory") == "UNAUTHENTICATED: vault.who: refused before the handler ran (auth)");
  CHECK(world.ask("who", "Bearer eve") == "PERMISSION_DENIED: vault.who: refused before the handler ran (auth)");
}

TEST_CASE("a verifier may know the method, and what it does not allow is refused") {
  guarded_vault<auth<&by_method>> world;
  CHECK(world.ask("who", "Bearer ann") == "\"ann\"");
  CHECK(world.ask("plain", "Bearer ann", "7") == "PERMISSION_DENIED: vault.plain: refused before the handler ran (auth)");
}

TEST_CASE("a credential that is unknown is looked up once in a while, whatever comes in between") {
  guarded_vault<auth<&counted>> world;
  verified = 0;
  for (int i = 0; i < 10; ++i) CHECK(world.ask("who", "Bearer mallory").substr(0, 15) == "UNAUTHENTICATED");
  CHECK(verified == 1);
  CHECK(world.ask("who", "Bearer ann") == "\"ann\"");
  CHECK(verified == 2);
  world.pass(1_s);
  (void)world.ask("who", "Bearer mallory");
  CHECK(verified == 3);
}

TEST_CASE("a server with nobody to ask, or with a client's function, lets nobody in") {
  guarded_vault<auth<>> nobody;
  CHECK(nobody.ask("plain", "Bearer ann", "7").substr(0, 15) == "UNAUTHENTICATED");
  guarded_vault<auth<[] { return std::string{"Bearer ann"}; }>> confused;
  CHECK(confused.ask("plain", "Bearer ann", "7").substr(0, 15) == "UNAUTHENTICATED");
}

TEST_CASE("a limiter behind auth counts each principal by itself") {
  static constexpr tenon::limiter_options each{.rate = tenon::per_second(1), .burst = 1, .key = tenon::limiter_key::principal};
  guarded_vault<auth<&principal_of>, tenon::limiter<each>> world;
  CHECK(world.ask("plain", "Bearer ann", "1") == "1");
  CHECK(world.ask("plain", "Bearer ann", "2").substr(0, 18) == "RESOURCE_EXHAUSTED");
  CHECK(world.ask("plain", "Bearer bob", "3") == "3");
}
