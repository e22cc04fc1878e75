// What `server::serve` makes of its argument and its template parameters: one served object per loop. Server layer.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <tenon/codec/concept.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/codec/msgpack.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/select.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/service/router.hpp>
#include <tenon/service/served.hpp>

namespace tenon::inline v0 {
namespace detail {

// The policies of one served object, as the service layer wants them.
template <class Stack>
class stack_guard {
 public:
  using call_state = typename Stack::call_states;
  outcome admit(call_state& state, call_info& info) noexcept { return Stack::admit_call(view(state, info)); }
  void observe(call_state& state, call_info& info, outcome result) noexcept { Stack::observe_call(view(state, info), result); }
  std::string_view producer(outcome result) const noexcept { return Stack::producer(result); }

 private:
  typename Stack::view view(call_state& state, call_info& info) noexcept { return {client_, endpoint_, options_, state, info}; }
  [[no_unique_address]] typename Stack::client_states client_{};
  [[no_unique_address]] typename Stack::endpoint_states endpoint_{};
  typename Stack::config options_ = Stack::defaults();
};

template <class T>
struct implementation_behind {
  using type = T;
};
template <class T>
struct implementation_behind<std::shared_ptr<T>> {
  using type = T;
};
template <class T>
struct implementation_behind<std::reference_wrapper<T>> {
  using type = T;
};

// What `serve` was given is an object, a shared_ptr, a std::ref, or a function that makes one object per loop.
template <class Given>
consteval auto implementation_of() {
  using plain = std::decay_t<Given>;
  if constexpr (std::is_invocable_v<plain&>) return std::type_identity<typename implementation_behind<std::decay_t<std::invoke_result_t<plain&>>>::type>{};
  else return std::type_identity<typename implementation_behind<plain>::type>{};
}
template <class Given>
using implementation = typename decltype(implementation_of<Given>())::type;

template <class T>
std::shared_ptr<T> hold(std::shared_ptr<T> object) {
  return object;
}
template <class T>
std::shared_ptr<T> hold(std::reference_wrapper<T> object) {
  return {std::shared_ptr<T>{}, &object.get()};
}
template <class T>
std::shared_ptr<T> hold(T&& object) {
  return std::make_shared<std::decay_t<T>>(std::forward<T>(object));
}

template <class T>
using kept_if_codec = std::conditional_t<codec_type<T>, std::tuple<T>, std::tuple<>>;
template <class Tuple>
struct as_codecs;
template <class... Given>
struct as_codecs<std::tuple<Given...>> {
  using type = service::codecs<Given..., codec::msgpack, codec::json>;
};
// The codecs among the parameters, then those every server speaks.
template <class... Parameters>
using codecs_of = typename as_codecs<decltype(std::tuple_cat(std::declval<kept_if_codec<Parameters>>()...))>::type;

template <class... Parameters>
struct serve_parameters {
  using contract_given = void;
  using stack = policy::stack_of<Parameters...>;
  using codecs = codecs_of<Parameters...>;
  static constexpr bool known = ((policy::any<Parameters> || codec_type<Parameters>)&&...);
};
template <class First, class... Rest>
  requires contract<First>
struct serve_parameters<First, Rest...> : serve_parameters<Rest...> {
  using contract_given = First;
};

// A service that was given to `serve`, made once per loop.
template <class S, class Given, class Stack, class Codecs>
class definition_of {
 public:
  explicit definition_of(Given given) : given_{std::move(given)} {
    if constexpr (!std::is_invocable_v<Given&>) object_ = hold(std::move(given_));
  }
  std::unique_ptr<service::instance> make() {
    using served = service::served<S, implementation<Given>, stack_guard<Stack>, Codecs>;
    if constexpr (std::is_invocable_v<Given&>) return std::make_unique<served>(hold(given_()), stack_guard<Stack>{});
    else return std::make_unique<served>(object_, stack_guard<Stack>{});
  }

 private:
  Given given_;
  std::shared_ptr<implementation<Given>> object_;
};

}  // namespace detail
}  // namespace tenon::inline v0
