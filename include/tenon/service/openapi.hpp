// What a service looks like over HTTP, as an OpenAPI 3.1 document: one more form of `tenon::describe`. Service layer, outside its door.
// Source: OpenAPI Specification 3.1.0; its schemas are JSON Schema 2020-12.
#pragma once

#include <string>
#include <string_view>

#include <tenon/core/text.hpp>
#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/hana.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/service/describe.hpp>
#include <tenon/service/detail/json_schema.hpp>

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
void write_operation_start(json_schema_writer& to, std::string_view verb) {
  to.key(verb);
  to.raw("{");
  to.key("operationId");
  to.quoted(join_text({service_name<typename Method::service_type>, ".", Method::name, verb == "get" ? ".get" : ""}));
  to.key("tags");
  to.raw("[");
  to.quoted(service_name<typename Method::service_type>);
  to.raw("]");
  if constexpr (has_attribute<doc_attribute>(Method::attributes)) {
    to.key("summary");
    to.quoted(find_attribute<doc_attribute>(Method::attributes)->value);
  }
}

template <class Method>
void write_path(json_schema_writer& to) {
  constexpr auto parameters = static_cast<const typename Method::parameters*>(nullptr);
  to.key(join_text({"/", service_name<typename Method::service_type>, "/", Method::name}));
  to.raw("{");
  write_operation_start<Method>(to, "post");
  to.raw(R"(,"requestBody":{"required":true,"content":{"application/json":{"schema":)");
  write_parameters_schema<Method>(to, parameters);
  to.raw("}}}");
  write_operation_end<Method>(to);
  if constexpr (Method::is_safe) {
    write_operation_start<Method>(to, "get");
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

}  // namespace detail

/// The OpenAPI document of one service or several: `tenon::describe<market, desk>(tenon::schema::openapi)`.
///
/// Shape   a path `/service/method` for each method, called by POST, and by GET with `message` in the query where it is declared tenon::safe; parameters, answers and their
///         structs by the schemas of `json_schema`. tenon::doc becomes the summary. Errors are Connect's: `{"code","message","details"}`.
template <contract First, contract... More>
std::string describe(schema::openapi_form) {
  detail::json_schema_writer to{"#/components/schemas/"};
  to.raw(R"({"openapi":"3.1.0","info":{"title":)");
  to.quoted(service_name<First>);
  to.raw(R"(,"version":"0"},"paths":{)");
  detail::write_paths(to, &methods_of<First>);
  (detail::write_paths(to, &methods_of<More>), ...);
  to.raw(R"(},"components":{"schemas":{"tenon.error":{"type":"object","properties":{"code":{"type":"string"},"message":{"type":"string"},)"
         R"("details":{"type":"array","items":{"type":"object","properties":{"type":{"type":"string"},"value":{"type":"string"}}}}},"required":["code"]})");
  to.write_definitions();
  to.raw("}}}");
  return to.take();
}

}  // namespace tenon::inline v0
