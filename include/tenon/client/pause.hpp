// What lets a call, or one attempt of it, go on: a time that has come, another call that woke it, or the loop's next turn. Client layer.
#pragma once

#include <tenon/client/call_state.hpp>
#include <tenon/client/channel.hpp>
#include <tenon/core/post.hpp>
#include <tenon/core/waiter.hpp>
#include <tenon/net/timer_wheel.hpp>

namespace tenon::inline v0::detail {

// `Owner::go_on()` is what follows; `self` is the node by which the channel knows the owner, and keeps it.
template <class Owner>
class pause final : public net::timer, public tenon::waiter {
 public:
  pause(Owner& owner, call_base& self) noexcept
      : tenon::waiter{[](tenon::waiter& woken) noexcept { static_cast<pause&>(woken).go_on_soon(); }}, owner_{owner}, self_{self} {}

  void expired() override {
    soon_ = false;
    self_.via().guard_user_code([this] { owner_.go_on(); });
  }
  // Never at once: whoever says so is in the middle of another call, or of this one's last attempt.
  void go_on_soon() {
    soon_ = true;
    self_.retain();
    post(self_.via().loop().io(), [this, held = call_reference<call_base>{&self_}] {
      // Meanwhile it may have ended, or have gone on by its time.
      if (held.get()->done() || !soon_) return;
      disarm();
      expired();
    });
  }
  void stop() noexcept {
    soon_ = false;
    disarm();
    leave();
  }

 private:
  Owner& owner_;
  call_base& self_;
  bool soon_ = false;
};

// In the place of one that is never needed.
struct no_pause {
  template <class Owner>
  no_pause(Owner&, call_base&) noexcept {}
};

}  // namespace tenon::inline v0::detail
