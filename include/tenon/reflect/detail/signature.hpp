// What a method's type says: parameters, response, context. Reflect layer, detail of service.hpp.
#pragma once

#include <cstddef>
#include <tenon/core/fwd.hpp>
#include <type_traits>
#include <utility>

namespace asio {
template <typename T, typename Executor>
class awaitable;
}

namespace tenon::inline v0 {

/// A list of types, held without their values.
template <class... Types>
struct type_list {
  static constexpr std::size_t size = sizeof...(Types);
};

namespace detail {

template <std::size_t Index, class T>
struct indexed_type {
  using type = T;
};
template <class Indices, class... Types>
struct indexed_types;
template <std::size_t... Index, class... Types>
struct indexed_types<std::index_sequence<Index...>, Types...> : indexed_type<Index, Types>... {};

template <std::size_t Index, class T>
indexed_type<Index, T> find_type(const indexed_type<Index, T>*);

template <class List>
struct indexed_list;
template <class... Types>
struct indexed_list<type_list<Types...>> : indexed_types<std::make_index_sequence<sizeof...(Types)>, Types...> {};

// The response without what a handler may wrap around it; a coroutine type is one whose parameters outlive the call
// expression.
template <class T>
struct response_of {
  using type = T;
  static constexpr bool is_coroutine = false;
};
template <class T>
struct response_of<result<T>> {
  using type = T;
  static constexpr bool is_coroutine = false;
};
template <>
struct response_of<status> {
  using type = void;
  static constexpr bool is_coroutine = false;
};
template <class T>
struct response_of<task<T>> {
  using type = typename response_of<T>::type;
  static constexpr bool is_coroutine = true;
};
template <class T, class Executor>
struct response_of<asio::awaitable<T, Executor>> {
  using type = typename response_of<T>::type;
  static constexpr bool is_coroutine = true;
};
template <class T>
struct response_of<stream<T>> {
  using type = T;
  static constexpr bool is_coroutine = true;
};

template <class T>
inline constexpr bool is_stream = false;
template <class T>
inline constexpr bool is_stream<stream<T>> = true;

// What a source brings; void for any other parameter.
template <class T>
struct item_of {
  using type = void;
};
template <class T>
struct item_of<source<T>> {
  using type = T;
};
template <class T>
inline constexpr bool is_source = !std::is_void_v<typename item_of<std::remove_cvref_t<T>>::type>;

// The parameters whose values the caller gives with its call: a source's come later.
template <class... Parameters>
struct given_parameters {
  using declared = type_list<Parameters...>;
  using item = void;
};
template <class Parameter>
  requires is_source<Parameter>
struct given_parameters<Parameter> {
  using declared = type_list<>;
  using item = typename item_of<std::remove_cvref_t<Parameter>>::type;
};
template <class List>
struct decayed;
template <class... Parameters>
struct decayed<type_list<Parameters...>> {
  using type = type_list<std::decay_t<Parameters>...>;
};

// A context that nobody could give: it is not copied, and it is more than a value of the caller's.
template <class T>
inline constexpr bool is_copied_context = std::is_same_v<std::remove_cvref_t<T>, context> && !std::is_same_v<T, context&>;

template <bool TakesContext, class Response, class... Parameters>
struct signature_parts {
  using declared_response = Response;
  using response = typename response_of<std::remove_cvref_t<Response>>::type;
  using declared_parameters = typename given_parameters<Parameters...>::declared;
  using parameters = typename decayed<declared_parameters>::type;
  using item = typename given_parameters<Parameters...>::item;

  static constexpr bool takes_context = TakesContext;
  static constexpr bool server_streams = is_stream<std::remove_cvref_t<Response>>;
  static constexpr bool client_streams = !std::is_void_v<item>;
  static constexpr bool has_source_among_others = sizeof...(Parameters) > 1 && (is_source<Parameters> || ...);
  static constexpr bool is_coroutine = response_of<std::remove_cvref_t<Response>>::is_coroutine;
  static constexpr bool has_reference_parameters = ((std::is_reference_v<Parameters> && !is_source<Parameters>) || ...);
  static constexpr bool has_copied_context = (is_copied_context<Parameters> || ...);
  static constexpr bool has_output_parameters =
      ((std::is_lvalue_reference_v<Parameters> && !std::is_const_v<std::remove_reference_t<Parameters>> && !is_source<Parameters>) || ...);
};

template <class Response, class... Parameters>
struct signature_of_parameters : signature_parts<false, Response, Parameters...> {};
template <class Response, class... Parameters>
struct signature_of_parameters<Response, context&, Parameters...> : signature_parts<true, Response, Parameters...> {};

template <class Function>
struct signature_of : std::false_type {};
template <class R, class... P>
struct signature_of<R(P...)> : std::true_type, signature_of_parameters<R, P...> {};
template <class R, class... P>
struct signature_of<R(P...) const> : signature_of<R(P...)> {};
template <class R, class... P>
struct signature_of<R(P...)&> : signature_of<R(P...)> {};
template <class R, class... P>
struct signature_of<R(P...) const&> : signature_of<R(P...)> {};
template <class R, class... P>
struct signature_of<R(P...) noexcept> : signature_of<R(P...)> {};
template <class R, class... P>
struct signature_of<R(P...) const noexcept> : signature_of<R(P...)> {};
template <class R, class... P>
struct signature_of<R(P...) & noexcept> : signature_of<R(P...)> {};
template <class R, class... P>
struct signature_of<R(P...) const & noexcept> : signature_of<R(P...)> {};

// The function type behind a pointer to a member function or to a static one; void for anything else.
template <class Pointer>
struct function_behind {
  using type =
      std::conditional_t<std::is_function_v<std::remove_pointer_t<Pointer>>, std::remove_pointer_t<Pointer>, void>;
};
template <class Function, class Class>
struct function_behind<Function Class::*> {
  using type = std::conditional_t<std::is_function_v<Function>, Function, void>;
};

} // namespace detail

/// The type number `Index` of a type_list.
template <std::size_t Index, class List>
using type_at =
    typename decltype(detail::find_type<Index>(static_cast<const detail::indexed_list<List>*>(nullptr)))::type;

} // namespace tenon::inline v0
