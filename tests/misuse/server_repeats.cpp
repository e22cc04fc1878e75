// expect: tenon::server::serve: retry and hedge belong to the client; a server answers once
#include <tenon/server.hpp>

#include <string_view>

struct market {
  int last(int symbol) { return symbol; }
  TENON_SERVICE(market, last)
};
struct again : tenon::policy::base {
  static constexpr std::string_view name = "again";
  static constexpr tenon::policy::kind what = tenon::policy::kind::loop;
  struct options {};
  static constexpr options defaults{};
  static tenon::policy::decision decide(tenon::policy::none&, const options&, tenon::policy::none&, tenon::call_info&, tenon::outcome) noexcept { return {.again = true}; }
};
void use(tenon::server<>& server) { server.serve<again>(market{}); }
