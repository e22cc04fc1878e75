// A call that is cancelled with something else: the handler that made it, or a token its caller holds. Client layer.
#pragma once

#include <memory>

#include <tenon/client/call_state.hpp>
#include <tenon/client/channel.hpp>
#include <tenon/client/options.hpp>
#include <tenon/core/cancellation.hpp>
#include <tenon/core/context.hpp>

namespace tenon::inline v0::detail {

// Lives with the cancellation, on its thread; the call may be on another.
class call_follower final : public cancellation::follower {
 public:
  explicit call_follower(call_base& call) noexcept : call_{call} {}
  void cancelled() override { call_.cancel(); }
  bool finished() const noexcept override { return call_.done(); }

 private:
  shared_call call_;
};

// Before the call starts, on its caller's thread. True when it is not to start, as it has been asked to end.
[[gnu::cold]] inline bool is_cancelled_already(const call_options& chosen) noexcept {
  return (chosen.cancel != nullptr && chosen.cancel->requested()) || (chosen.parent != nullptr && chosen.parent->cancelled());
}

// After it has been started.
[[gnu::cold]] inline void follow_cancel(call_base& call, const call_options& chosen) {
  if (call.done()) return;
  if (chosen.cancel != nullptr) chosen.cancel->listen(std::make_unique<call_follower>(call));
  if (chosen.parent != nullptr) chosen.parent->cancel.listen(std::make_unique<call_follower>(call));
}

}  // namespace tenon::inline v0::detail
