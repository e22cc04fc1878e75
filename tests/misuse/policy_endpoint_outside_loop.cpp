// expect: tenon: a policy that keeps state per endpoint stands outside retry or hedge; write it after that, so that it sees each attempt
#include <tenon/policy/stack.hpp>

struct repeat : tenon::policy::base {
  static constexpr std::string_view name = "repeat";
  static constexpr tenon::policy::kind what = tenon::policy::kind::loop;
  struct options {};
  static constexpr options defaults{};
  static tenon::policy::decision decide(tenon::policy::none&, const options&, tenon::policy::none&, tenon::call_info&, tenon::outcome) noexcept { return {}; }
};
struct each : tenon::policy::base {
  static constexpr std::string_view name = "each";
  static constexpr tenon::policy::scope where = tenon::policy::scope::endpoint;
  struct options {};
  static constexpr options defaults{};
  static tenon::outcome admit(tenon::policy::none&, const options&, tenon::policy::none&, tenon::call_info&) noexcept { return {}; }
  static void observe(tenon::policy::none&, const options&, tenon::policy::none&, tenon::call_info&, tenon::outcome) noexcept {}
};
constexpr auto size = tenon::policy::stack<each, repeat>::size;
