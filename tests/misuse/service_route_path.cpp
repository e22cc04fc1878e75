// expect: tenon: a route's path is no path; write whole steps, literal or a {parameter}: "/orders/{id}/lines"
#include <tenon/service/routes.hpp>

#include <string>

struct orders {
  std::string one(int id);
  TENON_SERVICE(orders, (one, tenon::get("orders/no-{id}")))
};
auto use() { return tenon::service::routes_of<orders>().size(); }
