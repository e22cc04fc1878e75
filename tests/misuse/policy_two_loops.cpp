// expect: tenon: two policies of one client want to repeat the call; keep one retry
#include <tenon/policy/stack.hpp>

struct repeat : tenon::policy::base {
  static constexpr std::string_view name = "repeat";
  static constexpr tenon::policy::kind what = tenon::policy::kind::loop;
  struct options {};
  static constexpr options defaults{};
  static tenon::policy::decision decide(tenon::policy::none&, const options&, tenon::policy::none&, tenon::call_info&, tenon::outcome) noexcept { return {}; }
};
constexpr auto size = tenon::policy::stack<repeat, repeat>::size;
