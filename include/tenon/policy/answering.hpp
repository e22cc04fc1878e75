// What policies that know values are lent by their driver: the bytes of the call, and a way to answer it. Policy layer.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

#include <tenon/core/context.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/policy/concept.hpp>

namespace tenon::inline v0::policy {

/// A driver's side. Values pass as the bytes they are on the wire, so that policies which keep them are compiled once for all methods.
class answering {
 public:
  /// Appends all that the answer may depend on, beside the method: who calls, the metadata of this call, the encoded arguments.
  virtual void append_key(std::string& into) const = 0;
  /// The encoded value, while a success is observed; empty at any other time.
  virtual std::string_view answer() const noexcept = 0;
  /// Answers with an encoded value. False when it cannot be read; the call goes on then.
  virtual bool give(std::string_view encoded) noexcept = 0;
  /// Lets the policy at this position of the stack make a value in the place of a failure. False when it has none either.
  virtual bool recover(std::size_t position, outcome why) noexcept = 0;

 protected:
  ~answering() = default;
};

/// A call that may be answered by a policy. `answers` is null where a driver cannot: around a decorated function, and on a server for what is not declared cacheable.
template <class Base>
struct answering_call_info : Base {
  answering* answers = nullptr;
};

/// A policy that replaces failures by values.
///
/// Laws    `replaces` says which; `recover` makes the value, `template <class Response> static status recover(state&, const options&, Info&, const status& why, Response& into)`,
///         without `into` where the method returns nothing, or answers why it cannot; `fits<Response>` says for which types it can. Those further in learn of the failure, it and those before it of the value.
template <class P>
concept recovers = P::answers && requires(const typename P::options& options, outcome result) {
  { P::replaces(options, result) } noexcept -> std::same_as<bool>;
};

namespace detail {

template <bool Wanted, class Base>
using with_answering = std::conditional_t<Wanted, answering_call_info<Base>, Base>;

}  // namespace detail
}  // namespace tenon::inline v0::policy
