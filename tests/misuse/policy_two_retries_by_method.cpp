// expect: tenon: two policies of one client want to repeat the call; keep one retry
#include <tenon/client.hpp>
#include <tenon/policy.hpp>

struct market {
  int last(int symbol);
  TENON_SERVICE(market, last)
};
struct mine : tenon::retry<> {
  static constexpr std::string_view name = "mine";
};
void use(tenon::client<market, tenon::retry<>, tenon::on_method<&market::last, mine>>& client) { (void)client.last(1); }
