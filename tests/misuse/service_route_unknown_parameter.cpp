// expect: tenon: a route's path names a parameter that the method does not have; write a name of tenon::params, or of a field of its one struct
#include <tenon/service/routes.hpp>

#include <string>

struct orders {
  std::string one(int id, int line);
  TENON_SERVICE(orders, (one, tenon::get("/orders/{number}/{line}"), tenon::params("id", "line")))
};
auto use() { return tenon::service::routes_of<orders>().size(); }
