// One call of one method: what only it knows, the reading and the keeping of its answer. Client layer.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include <tenon/client/attempts.hpp>
#include <tenon/client/call_state.hpp>
#include <tenon/codec/concept.hpp>
#include <tenon/reflect/service.hpp>

namespace tenon::inline v0::detail {

template <class S, std::size_t Index, class Codec>
inline constexpr called_method method_to_call{service_name<S>, method<S, Index>::name, static_cast<std::uint32_t>(Index), method<S, Index>::is_idempotent,
                                              static_cast<protocol::serialization>(Codec::serialization), static_cast<int>(method<S, Index>::parameters::size)};

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
  void end(status why) override {
    // The loop's reference, given up even when the callback throws.
    const call_reference<typed_call> held{this};
    this->complete(std::move(why));
  }
};

}  // namespace tenon::inline v0::detail
