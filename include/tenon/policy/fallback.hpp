// A value instead of a failure, when everything else has been tried. Policy layer.
#pragma once

#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tenon/core/code.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/status.hpp>
#include <tenon/policy/concept.hpp>

namespace tenon::inline v0 {

struct fallback_options {
  /// What is replaced; an answer that says the question was wrong is none of these.
  code_set on = codes(code::unavailable, code::deadline_exceeded, code::resource_exhausted, code::internal, code::unknown);
  bool operator==(const fallback_options&) const = default;
};

namespace detail {

template <class Returned>
struct fallback_value {
  using type = Returned;
};
template <class T>
struct fallback_value<result<T>> {
  using type = T;
};
template <>
struct fallback_value<status> {
  using type = void;
};

template <class F>
consteval auto fallback_return() {
  if constexpr (std::is_invocable_v<const F&, const status&>) return std::type_identity<std::invoke_result_t<const F&, const status&>>{};
  else if constexpr (std::is_invocable_v<const F&>) return std::type_identity<std::invoke_result_t<const F&>>{};
  else return std::type_identity<std::nullptr_t>{};
}

}  // namespace detail

/// Answers in the peer's place when the call has failed for good.
///
/// Shape   `client<market, fallback<[](const status& why) { return quote{}; }>, retry<>>`; a pointer to a function will do, and one without a parameter. It returns what
///         the method returns, or a `result` of it; nothing, or a status, for a method that returns nothing. Where methods return different things, give each its own:
///         `on_method<&market::last, fallback<...>>`. It is called on the client's loop and must not block.
/// Laws    called at most once per call, after the last attempt. What stands before it in the list sees the value, what stands after it the failure; refusals by policies
///         count as failures. When the function has nothing either, the call ends with the original status and the other's text behind it.
///         An answer it made is marked by `tenon-degraded` in the call's response metadata.
template <auto Function, fallback_options Options = fallback_options{}>
struct fallback : policy::base {
 private:
  using function = std::remove_cv_t<decltype(Function)>;
  using returned = std::remove_cvref_t<typename decltype(detail::fallback_return<function>())::type>;
  using value = typename detail::fallback_value<returned>::type;

 public:
  static_assert(std::is_invocable_v<const function&, const status&> || std::is_invocable_v<const function&>,
                "tenon::fallback: the argument is no function of a status; write fallback<[](const tenon::status& why) { return quote{}; }>");
  static_assert(!Options.on.has(code::ok), "tenon::fallback: OK is among the failures");

  using options = fallback_options;
  static constexpr std::string_view name = "fallback";
  static constexpr options defaults = Options;
  static constexpr policy::side stands = policy::side::call;
  static constexpr bool measures = false;
  static constexpr bool answers = true;
  /// Whether the function gives what a method returns.
  template <class Response>
  static constexpr bool fits = std::is_void_v<Response> ? std::is_void_v<value> : std::is_convertible_v<value, Response>;

  static outcome admit(policy::none&, const options&, policy::none&, call_info&) noexcept { return {}; }
  static void observe(policy::none&, const options&, policy::none&, call_info&, outcome) noexcept {}

  static bool replaces(const options& chosen, outcome result) noexcept { return chosen.on.has(result.code); }

  template <class Response, class Info, class... Into>
  static status recover(policy::none&, const options&, Info&, const status& why, Into&... into) {
    static_assert(fits<Response>,
                  "tenon::fallback: its function does not give what the method returns; write one for each method that wants it: on_method<&market::last, fallback<...>>");
    if constexpr (!fits<Response>) {
      return why;
    } else if constexpr (std::is_void_v<returned>) {
      call(why);
      return {};
    } else if constexpr (std::is_same_v<returned, status>) {
      return call(why);
    } else if constexpr (std::is_same_v<returned, value>) {
      ((into = call(why)), ...);
      return {};
    } else {
      returned given = call(why);
      if (!given) return std::move(given).error();
      if constexpr (sizeof...(Into) != 0) ((into = std::move(*given)), ...);
      return {};
    }
  }

 private:
  static decltype(auto) call([[maybe_unused]] const status& why) {
    if constexpr (std::is_invocable_v<const function&, const status&>) return Function(why);
    else return Function();
  }
};

}  // namespace tenon::inline v0
