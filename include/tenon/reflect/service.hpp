// The methods of a service: what is known of a contract at compile time, as a Hana tuple, and the calling of a method
// by its name. Reflect layer; routers, clients and descriptions are written on top of it. A contract's own methods are
// never referred to, only their types are: they may stay declared and not defined.
#pragma once

#include <array>
#include <cstddef>
#include <iterator>
#include <span>
#include <string_view>
#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/detail/for_each_macro.hpp>
#include <tenon/reflect/detail/signature.hpp>
#include <type_traits>
#include <utility>
#include <tenon/reflect/hana.hpp>

/// Makes a struct a service, inside its body, as the last thing; private methods may be named.
///
/// Shape   `TENON_SERVICE(market, last, (buy, tenon::params("symbol", "shares")), ...)`; a method is listed by its name
///         or as `(name, attributes...)`, and so is the service itself: `(market, tenon::name("market.v1.Market"))`
///         gives it a package. Without it the wire knows the service by the struct's name.
#define TENON_SERVICE(service, ...) TENON_DETAIL_METHODS([[maybe_unused]] friend, tenon_methods, service, __VA_ARGS__)

/// Makes a struct a service from outside, in the namespace of the struct and by its unqualified name; for types one may
/// not touch.
#define TENON_SERVICE_FOR(service, ...)                                                                                \
  TENON_DETAIL_METHODS([[maybe_unused]], TENON_DETAIL_JOIN(tenon_methods_of_, TENON_DETAIL_NAME(service)), service,    \
                       __VA_ARGS__)

// Inside the body the struct is incomplete: everything that asks about it is a template or a function that is called
// later.
#define TENON_DETAIL_METHODS(specifier, declaration, service, ...)                                                     \
  struct declaration {                                                                                                 \
    using tenon_type = TENON_DETAIL_NAME(service);                                                                     \
    [[maybe_unused]] static constexpr ::std::string_view tenon_names[] = {                                             \
        TENON_DETAIL_TEXT(TENON_DETAIL_NAME(service)), TENON_DETAIL_FOR_EACH(TENON_DETAIL_METHOD_TEXT, __VA_ARGS__)};  \
    static constexpr auto tenon_attributes() {                                                                         \
      return ::tenon::detail::attribute_list(::tenon::detail::attribute_list(TENON_DETAIL_ATTRIBUTES(service))         \
                                                 TENON_DETAIL_FOR_EACH(TENON_DETAIL_METHOD_ATTRIBUTES, __VA_ARGS__));  \
    }                                                                                                                  \
    enum tenon_indices : ::std::size_t { TENON_DETAIL_FOR_EACH(TENON_DETAIL_METHOD_INDEX, __VA_ARGS__) };              \
    TENON_DETAIL_FOR_EACH(TENON_DETAIL_METHOD_PARTS, __VA_ARGS__)                                                      \
    using tenon_callers = ::tenon::type_list<void TENON_DETAIL_FOR_EACH(TENON_DETAIL_METHOD_CALLER, __VA_ARGS__)>;     \
    template <class TenonClient, class TenonService = tenon_type>                                                      \
    struct tenon_stubs : ::tenon::detail::no_stub TENON_DETAIL_FOR_EACH(TENON_DETAIL_METHOD_STUB, __VA_ARGS__) {};     \
  };                                                                                                                   \
  specifier constexpr declaration tenon_declare_methods(const TENON_DETAIL_NAME(service)*) { return {}; }

#define TENON_DETAIL_METHOD_TEXT(item) TENON_DETAIL_TEXT(TENON_DETAIL_NAME(item)),
#define TENON_DETAIL_METHOD_ATTRIBUTES(item) , ::tenon::detail::attribute_list(TENON_DETAIL_ATTRIBUTES(item))
#define TENON_DETAIL_METHOD_INDEX(item) TENON_DETAIL_JOIN(tenon_index_, TENON_DETAIL_NAME(item)),
#define TENON_DETAIL_METHOD_CALLER(item) , TENON_DETAIL_JOIN(tenon_method_, TENON_DETAIL_NAME(item))
#define TENON_DETAIL_METHOD_STUB(item)                                                                                 \
  , TENON_DETAIL_JOIN(tenon_stub_, TENON_DETAIL_NAME(item))<                                                           \
        TenonClient, typename ::tenon::method<                                                                         \
                         TenonService, TENON_DETAIL_JOIN(tenon_index_, TENON_DETAIL_NAME(item))>::declared_parameters>
#define TENON_DETAIL_METHOD_PARTS(item) TENON_DETAIL_METHOD_PARTS_OF(TENON_DETAIL_NAME(item))
#define TENON_DETAIL_METHOD_PARTS_OF(name) TENON_DETAIL_METHOD_PARTS_NAMED(name)

// A caller, and a stub with the method's own parameters, once as they are and once with a completion token after them.
#define TENON_DETAIL_METHOD_PARTS_NAMED(name)                                                                          \
  struct tenon_method_##name {                                                                                         \
    template <class TenonService>                                                                                      \
    static auto tenon_pointer() -> decltype(&TenonService::name);                                                      \
    template <class TenonService>                                                                                      \
    using tenon_constant = ::tenon::detail::pointer_constant<&TenonService::name>;                                     \
    template <class TenonObject, class... TenonArguments>                                                              \
    static constexpr auto tenon_call(TenonObject& tenon_object, TenonArguments&&... tenon_arguments)                   \
        -> decltype(tenon_object.name(static_cast<TenonArguments&&>(tenon_arguments)...)) {                            \
      return tenon_object.name(static_cast<TenonArguments&&>(tenon_arguments)...);                                     \
    }                                                                                                                  \
  };                                                                                                                   \
  template <class TenonClient, class TenonParameters>                                                                  \
  struct tenon_stub_##name;                                                                                            \
  template <class TenonClient, class... TenonParameters>                                                               \
  struct tenon_stub_##name<TenonClient, ::tenon::type_list<TenonParameters...>> {                                      \
    auto name(TenonParameters... tenon_arguments) const {                                                              \
      return static_cast<const TenonClient&>(*this).template invoke_method<tenon_index_##name>(                        \
          static_cast<TenonParameters&&>(tenon_arguments)...);                                                         \
    }                                                                                                                  \
    template <class TenonToken>                                                                                        \
    auto name(TenonParameters... tenon_arguments, TenonToken&& tenon_token) const {                                    \
      return static_cast<const TenonClient&>(*this).template invoke_method_with<tenon_index_##name>(                   \
          static_cast<TenonToken&&>(tenon_token), static_cast<TenonParameters&&>(tenon_arguments)...);                 \
    }                                                                                                                  \
  };

namespace tenon::inline v0 {

namespace detail {

// A pointer as a type: equal pointers are one type, and neither needs a definition.
template <auto Pointer>
struct pointer_constant {};

void tenon_declare_methods(); // Ends the unqualified lookup: only argument-dependent lookup finds declarations.

template <class S>
using methods_declaration = decltype(tenon_declare_methods(static_cast<const S*>(nullptr)));

struct no_stub {};

template <class S>
struct service_methods {
  using declaration = methods_declaration<S>;
  static constexpr std::size_t count = std::size(declaration::tenon_names) - 1;
  static constexpr auto attributes = declaration::tenon_attributes();
};

// A pack of one signature, or void when the name stands for no method, or for more than one.
template <class Caller, class S>
consteval auto signature_behind() {
  if constexpr (requires { Caller::template tenon_pointer<S>(); }) {
    return type_list<typename function_behind<decltype(Caller::template tenon_pointer<S>())>::type>{};
  } else {
    return type_list<void>{};
  }
}

// Stands in for a signature that was refused, so that one mistake gives one sentence.
template <class Function>
using usable_signature =
    std::conditional_t<signature_of<Function>::value, signature_of<Function>, signature_of<void()>>;

inline constexpr std::array<std::string_view, 0> no_parameter_names{};

template <class Attribute>
inline constexpr bool is_params_attribute = false;
template <std::size_t Count>
inline constexpr bool is_params_attribute<params_attribute<Count>> = true;

template <class... Attributes>
constexpr std::span<const std::string_view> parameter_names_in(const boost::hana::tuple<Attributes...>& attributes) {
  std::span<const std::string_view> names = no_parameter_names;
  [[maybe_unused]] const auto look = [&names](const auto* attribute) {
    if constexpr (is_params_attribute<std::remove_cvref_t<decltype(*attribute)>>)
      names = attribute->names;
  };
  (look(find_attribute<Attributes>(attributes)), ...);
  return names;
}

} // namespace detail

/// A struct that says which of its methods are a service's: by TENON_SERVICE in its body or TENON_SERVICE_FOR beside
/// it.
///
/// Laws    the declaration is the struct's own; one inherited from a base does not count.
/// Model   `struct clock { int now(); TENON_SERVICE(clock, now) };`
template <class S>
concept contract = std::is_class_v<S> && requires(const S* service) { tenon_declare_methods(service); } &&
                   std::is_same_v<typename detail::methods_declaration<S>::tenon_type, S>;

/// The attributes given to the service itself.
template <contract S>
inline constexpr const auto& service_attributes = boost::hana::at_c<0>(detail::service_methods<S>::attributes);

/// The name of the service on the wire.
template <contract S>
inline constexpr std::string_view service_name =
    detail::name_or(service_attributes<S>, detail::methods_declaration<S>::tenon_names[0]);

/// How many methods the service has.
template <contract S>
inline constexpr std::size_t method_count = detail::service_methods<S>::count;

/// What is known of one method.
///
/// Shape   `name` on the wire, `identifier` in C++, `index` from 0, `attributes`, `parameter_names` (empty when not
///         given); `signature` is the member function's type, `parameters` a type_list of the decayed parameters
///         without a leading `tenon::context&`, `declared_parameters` the same as written, `response` what is left of
///         the declared one without result, task, awaitable and stream. `server_streams` where it returns a tenon::stream,
///         `client_streams` where it takes a tenon::source, which is none of the parameters: `item` is what that brings.
template <class S, std::size_t Index>
struct method {
 private:
  using caller = type_at<Index + 1, typename detail::methods_declaration<S>::tenon_callers>;
  using parts = detail::usable_signature<type_at<0, decltype(detail::signature_behind<caller, S>())>>;

 public:
  using service_type = S;
  using signature = type_at<0, decltype(detail::signature_behind<caller, S>())>;
  using parameters = typename parts::parameters;
  using declared_parameters = typename parts::declared_parameters;
  using response = typename parts::response;
  using declared_response = typename parts::declared_response;
  using item = typename parts::item;

  static constexpr std::size_t index = Index;
  static constexpr const auto& attributes = boost::hana::at_c<Index + 1>(detail::service_methods<S>::attributes);
  static constexpr std::string_view identifier = detail::methods_declaration<S>::tenon_names[Index + 1];
  static constexpr std::string_view name = detail::name_or(attributes, identifier);
  static constexpr std::span<const std::string_view> parameter_names = detail::parameter_names_in(attributes);
  static constexpr bool takes_context = parts::takes_context;
  static constexpr bool is_coroutine = parts::is_coroutine;
  static constexpr bool server_streams = parts::server_streams;
  static constexpr bool client_streams = parts::client_streams;
  static constexpr bool is_safe = has_attribute<safe_attribute>(attributes) || detail::has_route(attributes, "GET");
  static constexpr bool is_cacheable = has_attribute<cacheable_attribute>(attributes);
  static constexpr bool is_blocking = has_attribute<blocking_attribute>(attributes);
  static constexpr bool is_idempotent = is_safe || has_attribute<idempotent_attribute>(attributes) ||
                                        detail::has_route(attributes, "PUT") || detail::has_route(attributes, "DELETE");

  /// False where one of the sentences below is said: what else is amiss with the method follows from it.
  static constexpr bool is_sound = detail::signature_of<signature>::value && !parts::has_copied_context && !parts::has_source_among_others &&
                                   !parts::has_output_parameters && !(parts::is_coroutine && parts::has_reference_parameters) &&
                                   (parameter_names.empty() || parameter_names.size() == parameters::size);

  /// Calls the method of this name on any object that has one which takes these arguments; otherwise drops out of
  /// overload resolution.
  template <class Object, class... Arguments>
  static constexpr auto call(Object& object, Arguments&&... arguments)
      -> decltype(caller::tenon_call(object, static_cast<Arguments&&>(arguments)...)) {
    return caller::tenon_call(object, static_cast<Arguments&&>(arguments)...);
  }

  /// True when `call(object, arguments...)` compiles.
  template <class Object, class... Arguments>
  static constexpr bool callable_on = requires {
    typename std::type_identity<decltype(caller::tenon_call(std::declval<Object&>(), std::declval<Arguments>()...))>;
  };

  // At the end: clang leaves out what stands behind an assertion that fails, and would go on about what is missing.
  static_assert(detail::signature_of<signature>::value,
                "tenon: TENON_SERVICE lists a name that is not one method; list methods that are neither overloaded "
                "nor templates, each once");
  static_assert(!parts::has_copied_context, "tenon: a service's method takes a tenon::context by value or as const; take tenon::context& "
                                            "as its first parameter");
  static_assert(!parts::has_source_among_others, "tenon: a service's method takes a tenon::source beside other parameters; "
                                                 "take it alone (tenon::context& may stand first) and let the first item "
                                                 "say what the others would: a call that streams starts with no message");
  static_assert(!parts::has_output_parameters, "tenon: a service's method takes a reference to non-const, and nothing "
                                               "comes back through it; return the value, or a struct of values "
                                               "(tenon::context& stands first)");
  static_assert(!(parts::is_coroutine && parts::has_reference_parameters && !parts::has_output_parameters),
                "tenon: a service's method is a coroutine; take its parameters by value: a reference dies at the first "
                "suspension");
  static_assert(parameter_names.empty() || parameter_names.size() == parameters::size,
                "tenon: tenon::params gives another number of names than the method has parameters; name each one, "
                "tenon::context& aside");
};

namespace detail {

template <class S, std::size_t... Index>
consteval bool method_names_differ(std::index_sequence<Index...>) {
  const std::array<std::string_view, sizeof...(Index)> names{method<S, Index>::name...};
  for (std::size_t one = 0; one < names.size(); ++one) {
    for (std::size_t other = one + 1; other < names.size(); ++other) {
      if (names[one] == names[other])
        return false;
    }
  }
  return true;
}

template <class S, std::size_t... Index>
consteval bool is_any_blocking(std::index_sequence<Index...>) {
  return (method<S, Index>::is_blocking || ...);
}

template <class S, std::size_t... Index>
consteval boost::hana::tuple<method<S, Index>...> make_methods(std::index_sequence<Index...> indices) {
  static_assert(method_names_differ<S>(decltype(indices){}),
                "tenon: two methods of a service have the same name on the wire; give each its own by tenon::name");
  return {};
}

template <class S, std::size_t... Index>
consteval std::array<std::string_view, sizeof...(Index)> make_method_names(std::index_sequence<Index...>) {
  return {method<S, Index>::name...};
}
// The names of the methods on the wire, in the order of their listing.
template <class S>
inline constexpr auto method_names = make_method_names<S>(std::make_index_sequence<method_count<S>>{});

template <class S, std::size_t... Index>
consteval std::array<bool, sizeof...(Index)> find_idempotent_methods(std::index_sequence<Index...>) {
  return {method<S, Index>::is_idempotent...};
}
// Which of them are declared idempotent.
template <class S>
inline constexpr auto idempotent_methods = find_idempotent_methods<S>(std::make_index_sequence<method_count<S>>{});

} // namespace detail

/// Whether the service has a method that is declared tenon::blocking.
template <contract S>
inline constexpr bool has_blocking_methods = detail::is_any_blocking<S>(std::make_index_sequence<method_count<S>>{});

/// The methods of a service in the order of their listing: a hana::tuple of `method<S, Index>`.
template <contract S>
inline constexpr auto methods_of = detail::make_methods<S>(std::make_index_sequence<method_count<S>>{});

namespace detail {

template <class S, auto Pointer, std::size_t... Index>
consteval std::size_t find_method(std::index_sequence<Index...>) {
  std::size_t found = sizeof...(Index);
  const auto look = [&found]<std::size_t I>(std::integral_constant<std::size_t, I>) {
    using caller = type_at<I + 1, typename methods_declaration<S>::tenon_callers>;
    if constexpr (std::is_same_v<typename caller::template tenon_constant<S>, pointer_constant<Pointer>>) found = I;
  };
  (look(std::integral_constant<std::size_t, Index>{}), ...);
  return found;
}

} // namespace detail

/// The index of the method at `Pointer`, `method_index<market, &market::buy>`; `method_count` when it is not listed.
template <contract S, auto Pointer>
inline constexpr std::size_t method_index =
    detail::find_method<S, Pointer>(std::make_index_sequence<method_count<S>>{});

namespace detail {

// The same as a template, for those who know nothing of services.
template <class S>
struct index_in {
  template <auto Pointer>
  static constexpr std::size_t of = method_index<S, Pointer>;
};

} // namespace detail

/// The base of a typed client: for each method a const member function with the method's own parameters, without
/// tenon::context&.
///
/// Laws    `Client` derives from it and has `invoke_method<Index>(arguments...)`, for calls without, and
///         `invoke_method_with<Index>(token, arguments...)`, for calls with a completion token as the last argument;
///         both const.
template <contract S, class Client>
using stubs_of = typename detail::methods_declaration<S>::template tenon_stubs<Client>;

} // namespace tenon::inline v0
