// expect: tenon::fallback: its function does not give what the method returns; write one for each method that wants it: on_method<&market::last, fallback<...>>
#include <tenon/client/client.hpp>
#include <tenon/policy/fallback.hpp>

struct shop {
  std::string name(int item);
  TENON_SERVICE(shop, name)
};
int* one() { return nullptr; }
void ask(tenon::client<shop, tenon::fallback<&one>>& client) { client.name(1); }
