// A method at a path of its own: what its attribute and its signature say, without their types. Service layer; route_table.hpp finds and binds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <tenon/core/status.hpp>
#include <tenon/protocol/http_site.hpp>

namespace tenon::inline v0::service {

/// How the text in a path or a query becomes JSON.
enum class route_value : std::uint8_t {
  text,         ///< quoted
  number,       ///< as it stands
  boolean,      ///< `true` or `false`
  enumeration,  ///< a name, quoted, or a number
  body          ///< it does not: a struct, a map, and whatever else no query can hold
};

struct route_parameter {
  std::string_view name{};
  route_value value = route_value::body;
  bool is_list = false;  ///< given as often as there are elements
};

/// One route of one method.
struct route {
  static constexpr std::size_t none = ~std::size_t{0};

  std::string_view verb{};
  std::string_view path{};
  std::string_view service{};
  std::string_view method{};
  std::string_view full_name{};
  std::span<const route_parameter> parameters{};
  bool is_record = false;       ///< the parameters are the fields of the method's one struct: what is not given keeps its default
  bool positional = false;      ///< the parameters have no names: the path's stand for them, and the arguments are an array
  std::size_t in_body = none;   ///< the parameter that the whole body is the value of
};

class instance;

/// The routes that a router knows.
class route_finder : public protocol::http_routes {
 public:
  /// Errors  already_exists for a route that another one stands in the way of.
  virtual status add(std::span<const route> routes) = 0;
  /// A service of the router, with routes or without: its `/service/method` stays reachable whatever captures say.
  virtual void add_service(const instance& served) = 0;
};

/// The routes of one service, and who makes the finder for them: a server without routes has none of its code.
struct route_list {
  std::span<const route> routes{};
  std::unique_ptr<route_finder> (*make_finder)() = nullptr;
};

}  // namespace tenon::inline v0::service
