// expect: tenon: a route cannot tell the method's parameters apart; name them by tenon::params, or take one struct, or name all of them in the path
#include <tenon/service/routes.hpp>

#include <string>

struct orders {
  std::string one(int id, std::string name);
  TENON_SERVICE(orders, (one, tenon::put("/orders/{id}")))
};
auto use() { return tenon::service::routes_of<orders>().size(); }
