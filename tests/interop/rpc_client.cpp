// Calls calc at a foreign server. usage: rpc_client URL. Prints a line for each case.
#include "rpc_calc.hpp"

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <tenon/protocol/client_sessions.hpp>

namespace {

int failures = 0;

void report(const char* name, bool good, const std::string& found) {
  if (good) {
    std::printf("ok %s\n", name);
  } else {
    std::printf("FAIL %s: found %s\n", name, found.c_str());
    ++failures;
  }
}

template <class T>
std::string text_of(const tenon::result<T>& found) {
  return found ? "another value" : found.error().to_string();
}

template <class Codec>
void run(const char* url, const std::string& failure) {
  const tenon::client<interop::calc, Codec> client{url, {.sessions = tenon::protocol::make_client_session}};
  const auto limited = [&client] { return client.with({.timeout = std::chrono::seconds{10}}); };
  const auto same = [](const char* name, const auto& found, const auto& expected) { report(name, found && *found == expected, text_of(found)); };
  same("two arguments", limited().subtract(42, 23).get(), 19);
  same("an array as the one argument", limited().total({1, 2, 4}).get(), 7);
  same("an empty array as the one argument", limited().total({}).get(), 0);
  same("a struct as the one argument", limited().keep({"box", {1, 200, 70000, -5}}).get(), interop::box{"box", {1, 200, 70000, -5}});
  same("text of many bytes", limited().keep({std::string(100'000, 'x'), {}}).get(), interop::box{std::string(100'000, 'x'), {}});
  same("no arguments", limited().version().get(), std::string{"1"});
  const tenon::result<int> failed = limited().fail("no such thing").get();
  report("an error", !failed && failed.error().to_string() == failure, failed ? "a value" : failed.error().to_string());

  auto slow = limited().slow(200);
  auto quick = limited().subtract(2, 1);
  same("a call that is made later and ends earlier", quick.get(), 1);
  report("while the first is still under way", !slow.done(), "it has ended");
  same("and ends in its time", slow.get(), 200);
  std::vector<tenon::call<int>> many;
  for (int i = 0; i < 500; ++i) many.push_back(limited().subtract(i, 1));
  bool all = true;
  for (int i = 0; i < 500; ++i) all = many[static_cast<std::size_t>(i)].get() == tenon::result<int>{i - 1} && all;
  report("500 calls at once", all, "other answers");

  const int before = limited().noted().get().value_or(-1);
  (void)client.with({.one_way = true}).note("x").get();
  same("a notification", limited().noted().get(), before + 1);
}

}  // namespace

int main(int count, char** arguments) {
  const char* const url = count > 1 ? arguments[1] : "";
  if (std::string_view{url}.starts_with("jsonrpc")) run<tenon::codec::json>(url, "UNKNOWN: no such thing (error -32000)");
  else run<tenon::codec::msgpack>(url, "UNKNOWN: no such thing");
  return failures == 0 ? 0 : 1;
}
