// Methods at paths of their own: tenon::get, post, put, patch, del, and what makes them work. Service layer, outside its door: for those who have routes.
#pragma once

#include <string_view>

#include <tenon/reflect/attributes.hpp>
#include <tenon/service/route.hpp>
#include <tenon/service/route_table.hpp>
#include <tenon/service/routes_of.hpp>

namespace tenon::inline v0 {

/// Where HTTP finds a method beside `/service/method`: `(get_order, tenon::get("/orders/{id}"))`. A method may have several; one that GET calls is safe, one that PUT or
/// DELETE calls is idempotent.
///
/// Shape   whole steps of a path, literal or `{parameter}`. Parameters have the names of tenon::params, or of the fields of the method's one struct; where it has neither,
///         the path's own names stand for the parameters in their order. What the path does not name comes from the query, `?limit=10&tag=a&tag=b`, and from the body: an
///         object by names, or the value of the one parameter that no query can hold (a struct, a map). The path counts before the query, that before the body.
constexpr route_attribute get(std::string_view path) { return {"GET", path}; }
constexpr route_attribute post(std::string_view path) { return {"POST", path}; }
constexpr route_attribute put(std::string_view path) { return {"PUT", path}; }
constexpr route_attribute patch(std::string_view path) { return {"PATCH", path}; }
constexpr route_attribute del(std::string_view path) { return {"DELETE", path}; }

namespace service {

// Declared in served.hpp: nobody writes an attribute of this file without including it.
template <class S>
route_list list_routes() noexcept {
  return {.routes = routes_of<S>(), .make_finder = &route_table::make};
}

}  // namespace service
}  // namespace tenon::inline v0
