// test_goodput             the stories of this folder; prints what each policy is worth, which is the table of the README
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <string>
#include <vector>

#include <simulation/goodput/model.hpp>

namespace {

std::vector<goodput::row>& table() {
  static std::vector<goodput::row> rows;
  return rows;
}

std::string text_of(const goodput::figures& of) {
  char text[96];
  char recovery[32] = "never";
  if (of.recovery >= 0) std::snprintf(recovery, sizeof recovery, "%.1f s", of.recovery);
  std::snprintf(text, sizeof text, "%.2f, %.2f, %s", of.goodput, of.attempts, recovery);
  return text;
}

}  // namespace

void goodput::add_row(const row& what) { table().push_back(what); }

int main(int count, char** arguments) {
  const int failed = doctest::Context{count, arguments}.run();
  if (table().empty()) return failed;
  std::printf("| trouble | goodput is | without: goodput, attempts per call, recovery | with | policy |\n|---|---|---|---|---|\n");
  for (const goodput::row& each : table()) {
    std::printf("| %s | %s | %s | %s | %s |\n", std::string{each.trouble}.c_str(), std::string{each.measure}.c_str(), text_of(each.without).c_str(), text_of(each.with).c_str(),
                std::string{each.policy}.c_str());
  }
  return failed;
}
