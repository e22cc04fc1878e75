// Calls of calc at a foreign server. Prints a line for each case.
#pragma once

#include "rpc_calc.hpp"

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

namespace interop {

inline int failures = 0;

inline void report(const char* name, bool good, const std::string& found) {
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
void run(const char* url, const std::string& failure, tenon::protocol::session_maker sessions) {
  const tenon::client<calc, Codec> client{url, {.sessions = sessions}};
  const auto limited = [&client] { return client.with({.timeout = std::chrono::seconds{10}}); };
  const auto same = [](const char* name, const auto& found, const auto& expected) { report(name, found && *found == expected, text_of(found)); };
  same("two arguments", limited().subtract(42, 23).get(), 19);
  same("an array as the one argument", limited().total({1, 2, 4}).get(), 7);
  same("an empty array as the one argument", limited().total({}).get(), 0);
  same("a struct as the one argument", limited().keep({"box", {1, 200, 70000, -5}}).get(), box{"box", {1, 200, 70000, -5}});
  same("text of many bytes", limited().keep({std::string(100'000, 'x'), {}}).get(), box{std::string(100'000, 'x'), {}});
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
  // A foreign server may run it beside the call that follows.
  tenon::result<int> after = limited().noted().get();
  for (int i = 0; i < 100 && after && *after == before; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    after = limited().noted().get();
  }
  same("a notification", after, before + 1);
}

}  // namespace interop
