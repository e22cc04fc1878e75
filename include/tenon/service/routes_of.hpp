// The routes of a service, made by the compiler out of tenon::get, post, put, patch and del, and held against the methods' parameters. Service layer.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/hana.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/reflect/shape.hpp>
#include <tenon/service/detail/route_path.hpp>
#include <tenon/service/handler.hpp>
#include <tenon/service/route.hpp>

namespace tenon::inline v0::service {

namespace detail {

template <class T>
constexpr route_parameter route_parameter_of(std::string_view name) {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::boolean) return {name, route_value::boolean};
  else if constexpr (form == shape::integer || form == shape::floating || form == shape::duration) return {name, route_value::number};
  else if constexpr (form == shape::text || form == shape::time_point || form == shape::binary) return {name, route_value::text};
  else if constexpr (form == shape::enumeration) return {name, route_value::enumeration};
  else if constexpr (form == shape::optional) {
    return route_parameter_of<std::remove_cvref_t<decltype(*std::declval<T&>())>>(name);
  } else if constexpr (form == shape::sequence || form == shape::fixed_sequence) {
    const route_parameter element = route_parameter_of<typename T::value_type>(name);
    return {name, element.is_list ? route_value::body : element.value, true};
  } else {
    return {name, route_value::body};
  }
}

template <class... Fields>
consteval auto parameters_of_record(const boost::hana::tuple<Fields...>*) {
  return std::array<route_parameter, sizeof...(Fields)>{route_parameter_of<typename Fields::type>(Fields::name)...};
}
template <class Method, class... Parameters, std::size_t... Index>
consteval auto parameters_by_name(const type_list<Parameters...>*, std::index_sequence<Index...>) {
  constexpr bool named = Method::parameter_names.size() == sizeof...(Parameters);
  return std::array<route_parameter, sizeof...(Parameters)>{route_parameter_of<Parameters>(named ? Method::parameter_names[named ? Index : 0] : std::string_view{})...};
}

// Whether the fields of the one struct are the parameters.
template <class Method>
consteval bool takes_one_record() {
  if constexpr (Method::parameters::size == 1) return shape_of<type_at<0, typename Method::parameters>> == shape::record;
  else return false;
}
template <class Method>
consteval auto make_route_parameters() {
  if constexpr (takes_one_record<Method>()) return parameters_of_record(&fields_of<type_at<0, typename Method::parameters>>);
  else return parameters_by_name<Method>(static_cast<const typename Method::parameters*>(nullptr), std::make_index_sequence<Method::parameters::size>{});
}
template <class Method>
inline constexpr auto route_parameters = make_route_parameters<Method>();

// Nothing names the parameters but the path.
template <class Method>
inline constexpr bool has_no_names = !takes_one_record<Method>() && Method::parameters::size != 0 && Method::parameter_names.empty();

template <class Method>
constexpr std::size_t find_parameter(std::string_view name) {
  for (std::size_t i = 0; i < route_parameters<Method>.size(); ++i) {
    if (route_parameters<Method>[i].name == name) return i;
  }
  return route::none;
}

enum class route_fault { none, path, unknown, unnamed, unfit, twice };

template <class Method>
constexpr route_fault fault_of(const route_attribute& given) {
  if (!is_route_path(given.path)) return route_fault::path;
  const std::size_t captures = count_captures(given.path);
  if (has_no_names<Method> && captures != route_parameters<Method>.size()) return route_fault::unnamed;
  for (std::size_t i = 0; i < captures; ++i) {
    const std::string_view name = capture_at(given.path, i);
    const std::size_t index = has_no_names<Method> ? i : find_parameter<Method>(name);
    if (index == route::none) return route_fault::unknown;
    if (route_parameters<Method>[index].is_list || route_parameters<Method>[index].value == route_value::body) return route_fault::unfit;
    for (std::size_t other = 0; other < i; ++other) {
      if (capture_at(given.path, other) == name) return route_fault::twice;
    }
  }
  return route_fault::none;
}

template <class Method>
constexpr std::size_t parameter_in_body(const route_attribute& given) {
  if (takes_one_record<Method>() || given.verb == "GET") return route::none;
  std::size_t found = route::none;
  for (std::size_t i = 0; i < route_parameters<Method>.size(); ++i) {
    if (route_parameters<Method>[i].value != route_value::body) continue;
    if (found != route::none) return route::none;
    found = i;
  }
  return found;
}

template <class S, std::size_t Index>
consteval auto routes_of_method() {
  using asked = method<S, Index>;
  constexpr auto given = tenon::detail::routes_in(asked::attributes);
  std::array<route, given.size()> made{};
  if constexpr (given.size() != 0) {
    constexpr auto has = [](route_fault wanted) {
      for (const route_attribute& each : tenon::detail::routes_in(asked::attributes)) {
        if (fault_of<asked>(each) == wanted) return true;
      }
      return false;
    };
    static_assert(!has(route_fault::path), "tenon: a route's path is no path; write whole steps, literal or a {parameter}: \"/orders/{id}/lines\"");
    static_assert(!has(route_fault::unknown), "tenon: a route's path names a parameter that the method does not have; write a name of tenon::params, or of a field of its one struct");
    static_assert(!has(route_fault::unnamed), "tenon: a route cannot tell the method's parameters apart; name them by tenon::params, or take one struct, or name all of them in the path");
    static_assert(!has(route_fault::unfit), "tenon: a route's path names a parameter that no step of a path can hold; take it from the query or the body");
    static_assert(!has(route_fault::twice), "tenon: a route's path names a parameter twice; name each one once");
    for (std::size_t i = 0; i < given.size(); ++i) {
      made[i] = {.verb = given[i].verb,
                 .path = given[i].path,
                 .service = service_name<S>,
                 .method = asked::name,
                 .full_name = full_name<S, Index>,
                 .parameters = route_parameters<asked>,
                 .is_record = takes_one_record<asked>(),
                 .positional = has_no_names<asked>,
                 .in_body = parameter_in_body<asked>(given[i])};
    }
  }
  return made;
}

template <class S, std::size_t... Index>
consteval auto make_routes(std::index_sequence<Index...>) {
  std::array<route, (std::size_t{0} + ... + tenon::detail::routes_in(method<S, Index>::attributes).size())> all{};
  std::size_t count = 0;
  const auto take = [&](const auto& some) {
    for (const route& each : some) all[count++] = each;
  };
  (take(routes_of_method<S, Index>()), ...);
  return all;
}

template <std::size_t Count>
consteval bool routes_differ(const std::array<route, Count>& all) {
  for (std::size_t one = 0; one < Count; ++one) {
    for (std::size_t other = one + 1; other < Count; ++other) {
      if (all[one].verb == all[other].verb && compare_paths(all[one].path, all[other].path) == 0) return false;
    }
  }
  return true;
}

template <class S>
inline constexpr auto routes_by_method = make_routes<S>(std::make_index_sequence<method_count<S>>{});

}  // namespace detail

/// The routes of a service, in the order of its methods.
template <class S>
std::span<const route> routes_of() {
  static_assert(detail::routes_differ(detail::routes_by_method<S>),
                "tenon: two routes of a service take the same requests; give each its own verb or path, the names of parameters do not tell them apart");
  return detail::routes_by_method<S>;
}

}  // namespace tenon::inline v0::service
