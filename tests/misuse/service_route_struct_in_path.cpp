// expect: tenon: a route's path names a parameter that no step of a path can hold; take it from the query or the body
#include <tenon/service/routes.hpp>

#include <string>
#include <vector>

struct orders {
  std::string one(int id, std::vector<int> lines);
  TENON_SERVICE(orders, (one, tenon::put("/orders/{id}/{lines}"), tenon::params("id", "lines")))
};
auto use() { return tenon::service::routes_of<orders>().size(); }
