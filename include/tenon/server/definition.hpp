// What `server::serve` makes of its argument and its template parameters: one served object per loop. Server layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <tenon/codec/concept.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/codec/msgpack.hpp>
#include <tenon/codec/protobuf.hpp>
#include <tenon/core/clock.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/random.hpp>
#include <tenon/policy/answering.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/configuration.hpp>
#include <tenon/policy/option_source.hpp>
#include <tenon/policy/select.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/service/router.hpp>
#include <tenon/service/served.hpp>
#include <tenon/service/thread_pool.hpp>

namespace tenon::inline v0 {
namespace detail {

// What all loops of a server have in common of one served object's policies: the options, and the state of those that share it.
template <class Stack>
struct guard_in_common {
  struct nothing {};
  guard_in_common(std::size_t methods, const typename Stack::config* table) : options{methods, table} {}
  policy::configuration<Stack> options;
  std::conditional_t<Stack::shares, typename Stack::client_states, nothing> states{};
};

// The policies of one served object on one loop, as the service layer wants them.
template <class Stack>
class stack_guard {
 public:
  using info_type = typename Stack::info_type;
  struct call_state {
    [[no_unique_address]] typename Stack::call_states states{};
    const typename Stack::config* options = nullptr;
  };
  static constexpr bool measures = Stack::measures;
  static constexpr bool named = Stack::named;
  static constexpr bool identifies = Stack::identifies;
  static constexpr bool keyed = Stack::keyed;
  static constexpr bool can_wait = Stack::can_wait;
  static constexpr bool answers = Stack::answers;
  using answering = policy::answering;

  explicit stack_guard(std::shared_ptr<guard_in_common<Stack>> common)
      : common_{std::move(common)}, random_{static_cast<std::uint64_t>(steady_clock{}.now().ns) ^ reinterpret_cast<std::uintptr_t>(this)} {
    if constexpr (Stack::shares) Stack::join(client_, common_->states);
  }
  stack_guard(const stack_guard&) = delete;
  stack_guard& operator=(const stack_guard&) = delete;

  outcome admit(call_state& state, info_type& info) noexcept {
    if constexpr (Stack::size == 0) {
      return {};
    } else {
      info.random = &random_;
      state.options = &common_->options.of(info.method);
      return Stack::admit_call(view(state, info));
    }
  }
  void observe([[maybe_unused]] call_state& state, [[maybe_unused]] info_type& info, [[maybe_unused]] outcome result) noexcept {
    if constexpr (Stack::size != 0) Stack::observe_call(view(state, info), result);
  }
  outcome resume(call_state& state, info_type& info, std::size_t position) noexcept { return Stack::resume(view(state, info), position); }
  void abandon(call_state& state, info_type& info, std::size_t position, outcome why) noexcept { Stack::abandon(view(state, info), position, why); }
  static bool is_answered(outcome result) noexcept { return policy::is_answered(result); }
  static bool waits(outcome result) noexcept { return policy::waits(result); }
  static std::size_t position_of(outcome result) noexcept { return Stack::position_of(result); }
  std::string_view producer(outcome result) const noexcept { return Stack::producer(result); }

 private:
  typename Stack::view view(call_state& state, info_type& info) noexcept { return {client_, endpoint_, *state.options, state.states, info}; }
  std::shared_ptr<guard_in_common<Stack>> common_;
  random_source random_;
  [[no_unique_address]] typename Stack::client_states client_{};
  [[no_unique_address]] typename Stack::endpoint_states endpoint_{};
};

// The options of one served object, from any thread.
class served_options {
 public:
  virtual ~served_options() = default;
  virtual std::string_view service() const noexcept = 0;
  /// `options` points at a value of the type that `key` stands for. False when no policy takes these.
  virtual bool set(const char* key, const void* options, std::size_t method) = 0;
  virtual std::unique_ptr<policy::option_draft> draft() = 0;
};

template <class S, class Stack>
class served_options_of final : public served_options {
 public:
  /// `table` has the options that the types of the policies say, in static storage.
  served_options_of(std::shared_ptr<guard_in_common<Stack>> common, const typename Stack::config* table) : common_{std::move(common)}, table_{table} {}
  std::string_view service() const noexcept override { return service_name<S>; }
  bool set(const char* key, const void* options, std::size_t method) override { return set_one(key, options, method, std::make_index_sequence<Stack::size>{}); }
  std::unique_ptr<policy::option_draft> draft() override { return policy::draft_of<Stack>(common_->options, table_, service_name<S>, method_names<S>.data(), idempotent_methods<S>.data()); }

 private:
  template <std::size_t... I>
  bool set_one([[maybe_unused]] const char* key, [[maybe_unused]] const void* options, [[maybe_unused]] std::size_t method, std::index_sequence<I...>) {
    return (set_if<typename policy::detail::without_switch<typename Stack::template at<I>>::type::options>(key, options, method) || ...);
  }
  template <class Options>
  bool set_if(const char* key, const void* options, std::size_t method) {
    return key == &type_key<Options> && common_->options.set(*static_cast<const Options*>(options), method);
  }
  std::shared_ptr<guard_in_common<Stack>> common_;
  const typename Stack::config* table_;
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
  using type = service::codecs<Given..., codec::msgpack, codec::json, codec::protobuf>;
};
// The codecs among the parameters, then those every server speaks.
template <class... Parameters>
using codecs_of = typename as_codecs<decltype(std::tuple_cat(std::declval<kept_if_codec<Parameters>>()...))>::type;

template <class... Parameters>
struct serve_parameters {
  using contract_given = void;
  using stack = policy::stack_of<Parameters...>;
  using codecs = codecs_of<Parameters...>;
  static constexpr bool known = ((policy::any<Parameters> || codec_type<Parameters> || policy::is_on_method<Parameters>)&&...);
  template <class S>
  static constexpr auto& table() {
    return policy::table_of<stack, method_count<S>, index_in<S>, Parameters...>;
  }
};
template <class First, class... Rest>
  requires contract<First>
struct serve_parameters<First, Rest...> : serve_parameters<Rest...> {
  using contract_given = First;
};

// A service that was given to `serve`, made once per loop.
template <class S, class Given, class Parameters>
class definition_of {
  using stack = typename Parameters::stack;
  using guard = stack_guard<stack>;
  static_assert(!stack::replaces, "tenon::server::serve: fallback and last_good answer calls that have failed, which is the client's part; write them among the client's parameters");

 public:
  explicit definition_of(Given given) : given_{std::move(given)} {
    if constexpr (!std::is_invocable_v<Given&>) object_ = hold(std::move(given_));
  }
  void use(service::thread_pool& pool) noexcept { pool_ = &pool; }
  std::unique_ptr<service::instance> make() {
    using served = service::served<S, implementation<Given>, guard, typename Parameters::codecs>;
    std::unique_ptr<served> made;
    if constexpr (std::is_invocable_v<Given&>) made = std::make_unique<served>(hold(given_()), common_);
    else made = std::make_unique<served>(object_, common_);
    if constexpr (has_blocking_methods<S>) made->use(*pool_);
    return made;
  }
  std::unique_ptr<served_options> options() { return std::make_unique<served_options_of<S, stack>>(common_, Parameters::template table<S>().data()); }

 private:
  Given given_;
  std::shared_ptr<implementation<Given>> object_;
  service::thread_pool* pool_ = nullptr;
  std::shared_ptr<guard_in_common<stack>> common_ = std::make_shared<guard_in_common<stack>>(method_count<S>, Parameters::template table<S>().data());
};

}  // namespace detail
}  // namespace tenon::inline v0
