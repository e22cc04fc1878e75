// What a service looks like over HTTP, as an OpenAPI 3.1 document: one more form of `tenon::describe`. Service layer, outside its door.
// Source: OpenAPI Specification 3.1.0; its schemas are JSON Schema 2020-12.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <tenon/core/text.hpp>
#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/hana.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/reflect/shape.hpp>
#include <tenon/service/describe.hpp>
#include <tenon/service/detail/json_schema.hpp>
#include <tenon/service/detail/route_path.hpp>
#include <tenon/service/route.hpp>
#include <tenon/service/routes_of.hpp>

namespace tenon::inline v0 {

namespace schema {
struct openapi_form {};
inline constexpr openapi_form openapi{};
}  // namespace schema

namespace detail {

// What all methods share: an answer by its schema, and Connect's error.
template <class Method>
void write_operation_end(json_schema_writer& to) {
  to.key("responses");
  to.raw(R"({"200":{"description":"the answer","content":{"application/json":{"schema":)");
  write_result_schema<Method>(to);
  to.raw(R"(}}},"default":{"description":"an error","content":{"application/json":{"schema":{"$ref":"#/components/schemas/tenon.error"}}}}}})");
}

template <class Method>
void write_operation_start(json_schema_writer& to, std::string_view verb, std::string_view suffix = {}) {
  to.key(verb);
  to.raw("{");
  to.key("operationId");
  to.quoted(join_text({service_name<typename Method::service_type>, ".", Method::name, suffix}));
  to.key("tags");
  to.raw("[");
  to.quoted(service_name<typename Method::service_type>);
  to.raw("]");
  if constexpr (has_attribute<doc_attribute>(Method::attributes)) {
    to.key("summary");
    to.quoted(find_attribute<doc_attribute>(Method::attributes)->value);
  }
}

// A method that streams has no path: whether a server answers it with events hangs on its protocols.
template <class Method>
void write_path(json_schema_writer& to) {
  if constexpr (Method::client_streams || Method::server_streams) return;
  constexpr auto parameters = static_cast<const typename Method::parameters*>(nullptr);
  to.key(join_text({"/", service_name<typename Method::service_type>, "/", Method::name}));
  to.raw("{");
  write_operation_start<Method>(to, "post");
  to.raw(R"(,"requestBody":{"required":true,"content":{"application/json":{"schema":)");
  write_parameters_schema<Method>(to, parameters);
  to.raw("}}}");
  write_operation_end<Method>(to);
  if constexpr (Method::is_safe) {
    write_operation_start<Method>(to, "get", ".get");
    to.raw(R"(,"parameters":[{"name":"message","in":"query","content":{"application/json":{"schema":)");
    write_parameters_schema<Method>(to, parameters);
    to.raw("}}}]");
    write_operation_end<Method>(to);
  }
  to.raw("}");
}

template <class... Methods>
void write_paths(json_schema_writer& to, const boost::hana::tuple<Methods...>*) {
  (write_path<Methods>(to), ...);
}

// --- routes

// The type of the parameter at `Index` of a route: a field of the one struct, or a parameter.
template <class Method, std::size_t Index>
consteval auto route_parameter_type() {
  if constexpr (service::detail::takes_one_record<Method>()) {
    return std::type_identity<typename std::remove_cvref_t<decltype(boost::hana::at_c<Index>(fields_of<type_at<0, typename Method::parameters>>))>::type>{};
  } else {
    return std::type_identity<type_at<Index, typename Method::parameters>>{};
  }
}

struct route_writer {
  const service::route* at;
  void (*write)(json_schema_writer&, const service::route&);
};

// A route's parameters where they are taken from: the path, and the query; for PUT, POST and PATCH the rest may come in the body.
template <class Method, std::size_t... Index>
void write_route_parameters(json_schema_writer& to, const service::route& of, std::index_sequence<Index...>) {
  const auto in_path = [&of](std::size_t index, std::string_view name) {
    for (std::size_t i = 0; i < service::detail::count_captures(of.path); ++i) {
      if (of.positional ? i == index : service::detail::capture_at(of.path, i) == name) return true;
    }
    return false;
  };
  const bool has_body = of.verb != "GET" && of.verb != "DELETE";
  to.key("parameters");
  to.raw("[");
  [[maybe_unused]] const auto one = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
    using type = typename decltype(route_parameter_type<Method, I>())::type;
    const service::route_parameter& parameter = of.parameters[I];
    const bool from_path = in_path(I, parameter.name);
    const bool from_query = !from_path && parameter.value != service::route_value::body && (!has_body || of.in_body != service::route::none);
    if (!from_path && !from_query) return;
    to.separate();
    to.raw("{");
    to.key("name");
    to.quoted(of.positional ? service::detail::capture_at(of.path, I) : parameter.name);
    to.key("in");
    to.quoted(from_path ? "path" : "query");
    const bool may_lack = of.is_record || parameter.is_list || codec::detail::can_be_left_out<type>;
    to.raw(from_path || !may_lack ? ",\"required\":true" : "");
    to.key("schema");
    write_schema<type>(to);
    to.raw("}");
  };
  (one(std::integral_constant<std::size_t, Index>{}), ...);
  to.raw("]");
  if (!has_body) return;
  // With one struct beside the path's names the body is that struct; otherwise an object with whatever the path does not say.
  bool anything = of.in_body != service::route::none;
  for (std::size_t i = 0; i < of.parameters.size() && of.in_body == service::route::none; ++i) anything = anything || !in_path(i, of.parameters[i].name);
  if (!anything) return;
  to.raw(of.in_body == service::route::none ? R"(,"requestBody":{"content":{"application/json":{"schema":)" : R"(,"requestBody":{"required":true,"content":{"application/json":{"schema":)");
  if (of.in_body == service::route::none) to.raw(R"({"type":"object","properties":{)");
  [[maybe_unused]] const auto member = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
    using type = typename decltype(route_parameter_type<Method, I>())::type;
    if (of.in_body == I) return write_schema<type>(to);
    if (of.in_body != service::route::none || in_path(I, of.parameters[I].name)) return;
    to.key(of.parameters[I].name);
    write_schema<type>(to);
  };
  (member(std::integral_constant<std::size_t, Index>{}), ...);
  to.raw(of.in_body == service::route::none ? "}}}}}" : "}}}");
}

template <class Method>
void write_route(json_schema_writer& to, const service::route& of) {
  std::string verb;
  for (const char c : of.verb) verb.push_back(static_cast<char>(c - 'A' + 'a'));
  write_operation_start<Method>(to, verb, join_text({".", verb, of.path}));
  write_route_parameters<Method>(to, of, std::make_index_sequence<service::detail::route_parameters<Method>.size()>{});
  write_operation_end<Method>(to);
}

template <contract S>
void list_routes(std::vector<route_writer>& all) {
  if constexpr (service::detail::routes_by_method<S>.size() != 0) {
    const auto methods = [&all]<class... Methods>(const boost::hana::tuple<Methods...>*) {
      for (const service::route& each : service::routes_of<S>()) {
        static_cast<void>(((each.method == Methods::name ? (all.push_back({&each, &write_route<Methods>}), true) : false) || ...));
      }
    };
    methods(&methods_of<S>);
  }
}

// One member of `paths` for all verbs of a path.
inline void write_routes(json_schema_writer& to, std::vector<route_writer>& all) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].at == nullptr) continue;
    const std::string_view path = all[i].at->path;
    to.key(path);
    to.raw("{");
    for (std::size_t other = i; other < all.size(); ++other) {
      if (all[other].at == nullptr || all[other].at->path != path) continue;
      all[other].write(to, *all[other].at);
      all[other].at = nullptr;
    }
    to.raw("}");
  }
}

}  // namespace detail

/// The OpenAPI document of one service or several: `tenon::describe<market, desk>(tenon::schema::openapi)`.
///
/// Shape   a path `/service/method` for each method, called by POST, and by GET with `message` in the query where it is declared tenon::safe, then the methods' routes; parameters, answers and their
///         structs by the schemas of `json_schema`. tenon::doc becomes the summary.
///         Methods that stream are not reached by HTTP, and left out. Errors are Connect's: `{"code","message","details"}`.
template <contract First, contract... More>
std::string describe(schema::openapi_form) {
  detail::json_schema_writer to{"#/components/schemas/"};
  to.raw(R"({"openapi":"3.1.0","info":{"title":)");
  to.quoted(service_name<First>);
  to.raw(R"(,"version":"0"},"paths":{)");
  detail::write_paths(to, &methods_of<First>);
  (detail::write_paths(to, &methods_of<More>), ...);
  std::vector<detail::route_writer> routes;
  detail::list_routes<First>(routes);
  (detail::list_routes<More>(routes), ...);
  detail::write_routes(to, routes);
  to.raw(R"(},"components":{"schemas":{"tenon.error":{"type":"object","properties":{"code":{"type":"string"},"message":{"type":"string"},)"
         R"("details":{"type":"array","items":{"type":"object","properties":{"type":{"type":"string"},"value":{"type":"string"}}}}},"required":["code"]})");
  to.write_definitions();
  to.raw("}}}");
  return to.take();
}

}  // namespace tenon::inline v0
