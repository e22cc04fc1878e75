// expect: tenon: two routes of a service take the same requests; give each its own verb or path, the names of parameters do not tell them apart
#include <tenon/service/routes.hpp>

#include <string>

struct orders {
  std::string one(int id);
  std::string other(int number);
  TENON_SERVICE(orders, (one, tenon::get("/orders/{id}")), (other, tenon::get("/orders/{number}")))
};
auto use() { return tenon::service::routes_of<orders>().size(); }
