// test_goodput             the stories of this folder; prints what each policy is worth, which is the table of the README
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include <simulation/goodput/model.hpp>

namespace {

std::vector<goodput::row>& table() {
  static std::vector<goodput::row> rows;
  return rows;
}

std::string two_places(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", number);
  return text;
}
std::string recovery_of(const goodput::figures& of) {
  if (of.recovery == goodput::lasting) return "";
  if (of.recovery < 0) return "not seen";
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", of.recovery);
  return text;
}
std::string from_to(const std::string& from, const std::string& to) { return from.empty() ? from : from + " → " + to; }

}  // namespace

void goodput::add_row(const row& what) { table().push_back(what); }

int main(int count, char** arguments) {
  const int failed = doctest::Context{count, arguments}.run();
  if (table().empty()) return failed;
  std::stable_sort(table().begin(), table().end(), [](const goodput::row& a, const goodput::row& b) { return a.place < b.place; });
  std::printf("| trouble | policy | goodput, without → with | attempts per call | well again after |\n|---|---|---|---|---|\n");
  for (const goodput::row& each : table()) {
    std::printf("| %s | %s | %s %s | %s | %s |\n", std::string{each.trouble}.c_str(), std::string{each.policy}.c_str(),
                from_to(two_places(each.without.goodput), two_places(each.with.goodput)).c_str(), std::string{each.measure}.c_str(),
                from_to(two_places(each.without.attempts), two_places(each.with.attempts)).c_str(), from_to(recovery_of(each.without), recovery_of(each.with)).c_str());
  }
  return failed;
}
