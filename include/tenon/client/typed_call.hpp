// One call of one method: what only it knows, the reading and the keeping of its answer. Client layer.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include <tenon/client/attempts.hpp>
#include <tenon/client/call_state.hpp>
#include <tenon/codec/concept.hpp>
#include <tenon/core/status.hpp>
#include <tenon/policy/answering.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/reflect/service.hpp>

namespace tenon::inline v0::detail {

template <class S, std::size_t Index>
inline constexpr call_identity identity_of{service_name<S>, method<S, Index>::name};
template <class S, std::size_t Index, class Codec>
inline constexpr called_method method_to_call{service_name<S>, method<S, Index>::name, static_cast<std::uint32_t>(Index), method<S, Index>::is_idempotent,
                                              static_cast<protocol::serialization>(Codec::serialization), static_cast<int>(method<S, Index>::parameters::size),
                                              method<S, Index>::is_cacheable, &identity_of<S, Index>, method<S, Index>::client_streams, method<S, Index>::server_streams};

template <class S, std::size_t Index, class Codec, class Stack>
class typed_call final : public call_state<typename method<S, Index>::response>, public attempts<Stack> {
  using response = typename method<S, Index>::response;
  using base = call_state<response>;
  using driver = attempts<Stack>;

 public:
  typed_call(client_core<Stack>& core, const call_options* chosen) : base{core.via}, driver{*this, core, method_to_call<S, Index, Codec>, chosen} {}

  void start() override { driver::go(); }
  void replied(const protocol::reply& answer) override { driver::answered(answer); }
  void failed(status why) override { driver::attempt_failed(std::move(why)); }
  void refused(status why) override { end(driver::about(std::move(why.add_flag(outcome::not_executed)))); }
  void cancelled(status why) override { driver::give_up(std::move(why)); }

 private:
  void expired() override { driver::time_is_up(); }

  status read_answer(const protocol::reply& answer) override {
    if constexpr (std::is_void_v<response>) {
      return {};
    } else {
      return decode_into<Codec>(answer.payload, this->fresh_value(), this->channel_.options().limits);
    }
  }
  status recover_value(std::size_t position, const typename Stack::view& call, const status& why) override {
    status made = why;
    if constexpr (Stack::answers) recover_at(position, call, why, made, std::make_index_sequence<Stack::size>{});
    return made;
  }
  template <std::size_t... I>
  void recover_at(std::size_t position, const typename Stack::view& call, const status& why, status& made, std::index_sequence<I...>) {
    ((position == I ? recover_by<I>(call, why, made) : void()), ...);
  }
  template <std::size_t I>
  void recover_by([[maybe_unused]] const typename Stack::view& call, [[maybe_unused]] const status& why, [[maybe_unused]] status& made) {
    if constexpr (policy::recovers<typename Stack::template at<I>>) {
      if constexpr (std::is_void_v<response>) made = Stack::template recover<I, void>(call, why);
      else made = Stack::template recover<I, response>(call, why, this->fresh_value());
    }
  }
  void end(status why) override {
    // The loop's reference, given up even when the callback throws.
    const call_reference<typed_call> held{this};
    this->complete(std::move(why));
  }
};

}  // namespace tenon::inline v0::detail
