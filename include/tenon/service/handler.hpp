// One method of one object as a handler: what it takes, what it gives, and how it is called. Service layer.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <tenon/core/asio.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/source.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/stream.hpp>
#include <tenon/core/task.hpp>
#include <tenon/reflect/service.hpp>

namespace tenon::inline v0::service {

namespace detail {

template <class List>
struct parameters_tuple;
template <class... Types>
struct parameters_tuple<type_list<Types...>> {
  using type = std::tuple<Types...>;
};

// What a handler is called with beside its context: the arguments, or the source that stands alone.
template <class M>
struct handed_over {
  using type = typename parameters_tuple<typename M::parameters>::type;
};
template <class M>
  requires M::client_streams
struct handed_over<M> {
  using type = std::tuple<source<typename M::item>>;
};

// Arguments are moved into the handler; a source stays where it is, and may be taken by reference.
template <class Value>
struct passed_as {
  using type = Value&&;
};
template <class T>
struct passed_as<source<T>> {
  using type = source<T>&;
};
template <class Value>
using passed = typename passed_as<Value>::type;

// `market.buy`, joined by the compiler: it stands in front of every message about the method.
template <class S, std::size_t Index>
constexpr auto join_names() {
  constexpr std::string_view service = service_name<S>;
  constexpr std::string_view name = method<S, Index>::name;
  std::array<char, service.size() + 1 + name.size()> text{};
  for (std::size_t i = 0; i < service.size(); ++i) text[i] = service[i];
  text[service.size()] = '.';
  for (std::size_t i = 0; i < name.size(); ++i) text[service.size() + 1 + i] = name[i];
  return text;
}
template <class S, std::size_t Index>
inline constexpr auto joined_names = join_names<S, Index>();

}  // namespace detail

/// `service.method`, as messages and logs name it.
template <class S, std::size_t Index>
inline constexpr std::string_view full_name{detail::joined_names<S, Index>.data(), detail::joined_names<S, Index>.size()};

/// Whether an object of type `Implementation` has a method that can stand for method `Index` of contract `S`, and whether it takes a context.
template <class S, class Implementation, std::size_t Index>
struct handler_fit {
  using values = typename detail::handed_over<method<S, Index>>::type;

 private:
  template <std::size_t... V>
  static consteval bool wants_context(std::index_sequence<V...>) {
    return method<S, Index>::template callable_on<Implementation, tenon::context&, detail::passed<std::tuple_element_t<V, values>>...>;
  }
  template <std::size_t... V>
  static consteval bool fits_without(std::index_sequence<V...>) {
    return method<S, Index>::template callable_on<Implementation, detail::passed<std::tuple_element_t<V, values>>...>;
  }
  using positions = std::make_index_sequence<std::tuple_size_v<values>>;

 public:
  static constexpr bool takes_context = wants_context(positions{});
  static constexpr bool fits = takes_context || fits_without(positions{});
};

namespace detail {

template <class S, class Implementation, std::size_t... Index>
consteval bool every_method_fits(std::index_sequence<Index...>) {
  return (handler_fit<S, Implementation, Index>::fits && ...);
}
template <class S, std::size_t... Index>
consteval bool every_method_is_sound(std::index_sequence<Index...>) {
  return (method<S, Index>::is_sound && ...);
}

}  // namespace detail

/// Whether contract `S` is one that anything could serve. Where it is not, each of its methods at fault has said why by a sentence of its own.
template <class S>
inline constexpr bool is_sound_contract = detail::every_method_is_sound<S>(std::make_index_sequence<method_count<S>>{});

/// Whether an object of type `Implementation` can serve contract `S`.
template <class S, class Implementation>
inline constexpr bool fits_contract = detail::every_method_fits<S, Implementation>(std::make_index_sequence<method_count<S>>{});

/// Method `Index` of contract `S` on an object of type `Implementation`, whose own signature counts: it may take a context or return a task where the contract does not.
template <class S, class Implementation, std::size_t Index>
struct handler : handler_fit<S, Implementation, Index> {
  using handler_fit<S, Implementation, Index>::takes_context;
  using typename handler_fit<S, Implementation, Index>::values;

  /// `context` is looked at only when the method takes one.
  static decltype(auto) call(Implementation& object, [[maybe_unused]] tenon::context* context, values& arguments) {
    return std::apply(
        [&](auto&... each) -> decltype(auto) {
          if constexpr (takes_context) return method<S, Index>::call(object, *context, static_cast<detail::passed<std::remove_reference_t<decltype(each)>>>(each)...);
          else return method<S, Index>::call(object, static_cast<detail::passed<std::remove_reference_t<decltype(each)>>>(each)...);
        },
        arguments);
  }

  using returned = decltype(call(std::declval<Implementation&>(), nullptr, std::declval<values&>()));
};

/// What a handler's return type holds, and in what kind of coroutine, if any.
template <class Returned>
struct handler_return {
  using given = Returned;
  static constexpr bool in_task = false;
  static constexpr bool in_awaitable = false;
  static constexpr bool in_stream = false;
};
template <class T>
struct handler_return<task<T>> : handler_return<T> {
  static constexpr bool in_task = true;
};
template <class T>
struct handler_return<asio::awaitable<T>> : handler_return<T> {
  static constexpr bool in_awaitable = true;
};
template <class T>
struct handler_return<stream<T>> : handler_return<T> {
  static constexpr bool in_stream = true;
};

namespace detail {

// A handler may hand on the error of a call of its own. That one may not have run, or have thrown; this handler did run, its caller must not take it for safe to
// repeat, and it has not thrown.
[[gnu::cold]] inline status said_by_handler(status why) noexcept {
  why.remove_flag(outcome::not_executed).remove_flag(outcome::threw);
  return why;
}

}  // namespace detail

/// Appends what a handler gave; its status when it gave none.
template <class Codec, class Given>
status write_given(buffer& out, Given&& given) {
  using plain = std::remove_cvref_t<Given>;
  if constexpr (std::is_same_v<plain, result<void>> || std::is_same_v<plain, status>) {
    status said = [&given] {
      if constexpr (std::is_same_v<plain, status>) return std::forward<Given>(given);
      else return std::forward<Given>(given).error();
    }();
    if (!said.ok()) [[unlikely]] return detail::said_by_handler(std::move(said));
    Codec::encode(out, nullptr);
    return {};
  } else if constexpr (tenon::detail::is_result<plain>) {
    if (!given) [[unlikely]] return detail::said_by_handler(std::forward<Given>(given).error());
    Codec::encode(out, *given);
    return {};
  } else {
    Codec::encode(out, given);
    return {};
  }
}

/// Calls method `Index` of contract `S` on an object and appends what it gives. The handler is a plain one.
template <class S, std::size_t Index, class Codec, class Implementation>
status call_and_write(buffer& out, Implementation& object, tenon::context* context, typename handler<S, Implementation, Index>::values& arguments) {
  using handled = handler<S, Implementation, Index>;
  if constexpr (std::is_void_v<typename handled::returned>) {
    handled::call(object, context, arguments);
    Codec::encode(out, nullptr);
    return {};
  } else {
    return write_given<Codec>(out, handled::call(object, context, arguments));
  }
}

}  // namespace tenon::inline v0::service
