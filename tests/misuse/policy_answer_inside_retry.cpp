// expect: tenon: a policy that answers for the whole call (fallback, cache) stands inside retry or hedge; write it before that, or what it answers is repeated
#include <tenon/policy/retry.hpp>
#include <tenon/policy/stack.hpp>

struct instead : tenon::policy::base {
  static constexpr std::string_view name = "instead";
  static constexpr tenon::policy::side stands = tenon::policy::side::call;
  struct options {};
  static constexpr options defaults{};
  static tenon::outcome admit(tenon::policy::none&, const options&, tenon::policy::none&, tenon::call_info&) noexcept { return {}; }
  static void observe(tenon::policy::none&, const options&, tenon::policy::none&, tenon::call_info&, tenon::outcome) noexcept {}
};
constexpr auto size = tenon::policy::stack<tenon::retry<>, instead>::size;
