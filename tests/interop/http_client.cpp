// Calls the market of http_server.cpp at a foreign Connect server. usage: http_client URL. Prints a line for each case.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <tenon.hpp>
#include <tenon/protocol/client_sessions.hpp>
#if defined(WITH_ZLIB)
#include <tenon/zlib.hpp>
#endif

namespace {

struct quote_request {
  std::string symbol;
  std::int32_t shares = 0;
};
struct quote {
  std::string symbol;
  double price = 0;
  std::vector<std::int32_t> sizes;
  bool operator==(const quote&) const = default;
};

// Declared and never defined: all that a client needs.
struct market {
  quote last(quote_request asked);
  quote buy(quote_request asked);
  quote slow(quote_request asked);
  quote missing(quote_request asked);
  TENON_SERVICE((market, tenon::name("shop.v1.Market")), (last, tenon::name("Last")), (buy, tenon::name("Buy")), (slow, tenon::name("Slow")), (missing, tenon::name("Missing")))
};

int failures = 0;

void report(const std::string& name, bool good, const std::string& found) {
  if (good) {
    std::printf("ok %s\n", name.c_str());
  } else {
    std::printf("FAIL %s: found %s\n", name.c_str(), found.c_str());
    ++failures;
  }
}

template <class Codec>
void run(const char* url, const std::string& in, const tenon::protocol::compression* how = nullptr) {
  const tenon::client<market, Codec> client{url, {.max_connections = 4, .calls_per_connection = 1, .compression = how, .compress_from_bytes = 1, .sessions = tenon::protocol::make_client_session}};
  const auto limited = [&client] { return client.with({.timeout = std::chrono::seconds{10}}); };
  const auto same = [&in](const char* name, const tenon::result<quote>& found, const quote& expected) {
    report(in + name, found && *found == expected, found ? "another quote of " + found->symbol.substr(0, 20) : found.error().to_string());
  };
  same("a call", limited().buy({"ACME", 2}).get(), quote{"ACME", 85, {}});
  same("text of 256 KiB", limited().buy({std::string(262'144, 'x'), 1}).get(), quote{std::string(262'144, 'x'), 42.5, {}});
  tenon::metadata told;
  same("metadata", client.with({.timeout = std::chrono::seconds{10}, .metadata = {{"trace", "abc"}, {"trace-bin", "\x01\x02\xFF"}}, .response_metadata = &told}).last({"ACME", 3}).get(),
       quote{"ACME", 42.5, {1, 2, 3}});
  report(in + "metadata came back", told.get("echo-trace") == "abc" && told.get("echo-trace-bin") == "\x01\x02\xFF", told.get("echo-trace").value_or("nothing") == "abc" ? "no bytes" : "no text");
  report(in + "trailing metadata", told.get("trailer-cost") == "7", "none");
  const auto none = limited().last({"NONE", 0}).get();
  report(in + "an error", !none && none.error().to_string() == "NOT_FOUND: no such symbol: \"NONE\" \xC3\xA9", none ? "a value" : none.error().to_string());
  report(in + "its detail", !none && none.error().details().size() == 1 && none.error().details()[0].type == "google.protobuf.StringValue" && none.error().details()[0].value == "\x0a\x02hi", "another");
  const auto missing = limited().missing({}).get();
  report(in + "an unknown method", !missing && missing.error().code() == tenon::code::unimplemented, missing ? "a value" : missing.error().to_string());
  const auto late = client.with({.timeout = std::chrono::milliseconds{100}}).slow({"A", 3000}).get();
  report(in + "a deadline", !late && late.error().code() == tenon::code::deadline_exceeded, late ? "a value" : late.error().to_string());
  std::vector<tenon::call<quote>> many;
  for (int i = 0; i < 200; ++i) many.push_back(limited().buy({"S" + std::to_string(i), i}));
  bool all = true;
  for (int i = 0; i < 200; ++i) all = many[static_cast<std::size_t>(i)].get() == tenon::result<quote>{quote{"S" + std::to_string(i), 42.5 * i, {}}} && all;
  report(in + "200 calls at once over four connections", all, "other answers");
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: http_client http://HOST:PORT\n");
    return 2;
  }
  run<tenon::codec::json>(arguments[1], "json: ");
  run<tenon::codec::protobuf>(arguments[1], "protobuf: ");
#if defined(WITH_ZLIB)
  run<tenon::codec::json>(arguments[1], "json, gzip: ", &tenon::gzip);
  run<tenon::codec::protobuf>(arguments[1], "protobuf, gzip: ", &tenon::gzip);
#endif
  return failures == 0 ? 0 : 1;
}
