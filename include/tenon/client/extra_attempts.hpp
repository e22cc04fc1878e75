// The attempts of a call that run beside its first: what a fan-out policy starts, and what is cancelled when one of them has the answer. Client layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include <tenon/client/call_state.hpp>
#include <tenon/client/channel.hpp>
#include <tenon/client/one_attempt.hpp>
#include <tenon/client/pause.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/units.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/protocol/concept.hpp>

namespace tenon::inline v0::detail {

// `Call` is the driver of the whole call, and its own first attempt; everything that policies keep per call is there.
template <class Stack, class Call>
class extra_attempts {
 public:
  extra_attempts(Call& call, call_base& self) noexcept : call_{call}, wake_{*this, self} {}
  extra_attempts(const extra_attempts&) = delete;
  extra_attempts& operator=(const extra_attempts&) = delete;

  /// Whether this call is one that may have several; decided when it was admitted.
  bool begun() const noexcept { return begun_; }
  void begin() {
    begun_ = true;
    next_ = Stack::fan_start(call_.view()).next;
    arm();
  }
  /// The call's own attempt has ended, and its policies know.
  void own_ended(status how) {
    // Others go on, or will: the end of the channel finds the call here, and its time is still watched.
    call_.via().park(call_.self_);
    call_.arm(call_.info_.deadline);
    ended(call_.view(), std::move(how), false);
  }
  /// The call is over: what is under way is cancelled, and its policies learn of `ended`.
  void drop(outcome ended) {
    begun_ = false;
    wake_.stop();
    while (first_ != nullptr) {
      first_->drop(ended);
      take(*first_);
    }
  }

 private:
  // One of them, as the channel sees it: a call of its own.
  class one final : public call_base, private one_attempt<Stack, one> {
    using own = one_attempt<Stack, one>;
    friend own;
    friend pause<one>;

   public:
    // Begins as the call is now: with its time, and with what those policies that see the call have noted.
    one(extra_attempts& among, bool paid, std::uint16_t number) : call_base{among.call_.via()}, own{*this, *this, among.call_.core_}, among_{among}, paid_{paid} {
      const auto mine = this->info_.waiter;
      this->info_ = among.call_.info_;
      this->info_.waiter = mine;
      this->info_.attempt = number;
      this->entry_ = among.call_.entry_;
      Stack::copy_of_call(this->states_, among.call_.states_);
    }

    void start() override {
      this->info_.now = own::via().now();
      if (Stack::can_wait && this->waiting_ != own::nowhere) [[unlikely]] {
        if (!own::attempt_admitted(Stack::resume(own::view(), own::stop_waiting()))) return;
      }
      if (!this->attempting_ && !own::admit_attempt()) return;
      own::send_kept();
    }
    void replied(const protocol::reply& answer) override {
      if (among_.call_.read(answer, [this](status why) { own::attempt_ended(std::move(why)); })) succeed();
    }
    void failed(status why) override { own::attempt_ended(facts().about(std::move(why))); }
    // Not that it comes: it is begun on the loop.
    void refused(status why) override { cancelled(std::move(why)); }
    void cancelled(status why) override { among_.call_.give_up(std::move(why)); }
    void expired() override {
      this->info_.now = own::via().now();
      // The call's own time is watched by the call.
      if (!this->attempting_ || this->info_.attempt_deadline > this->info_.now || this->info_.deadline <= this->info_.now) return;
      own::via().withdraw(*this);
      const outcome late{.code = code::deadline_exceeded, .flags = outcome::local};
      own::via().guard_user_code([&] { own::attempt_ended(facts().about(status{late, "no answer in the time of one attempt"})); });
    }
    /// Another one has ended the call.
    void drop(outcome ended) {
      this->info_.now = own::via().now();
      own::drop_attempt(ended);
    }
    /// It has ended; the loop's reference goes, and whoever holds another finds out.
    void close() noexcept {
      this->pause_.stop();
      disarm();
      phase_.store(phase::done, std::memory_order_release);
      release();
    }

    bool paid() const noexcept { return paid_; }
    auto view_of_call() noexcept { return typename Stack::view{this->core_.client, this->core_.endpoint, *this->entry_, among_.call_.states_, this->info_}; }

    one* next = nullptr;

   private:
    const call_facts<Stack>& facts() const noexcept { return among_.call_.facts(); }
    void may_have_run() noexcept { among_.call_.may_have_run(); }
    void opened() noexcept {}  // Streams have no extra attempts.
    void go_on() {
      own::via().withdraw(*this);
      start();
    }
    void succeed() {
      this->info_.now = own::via().now();
      Stack::observe_attempt(own::view(), {});
      this->attempting_ = false;
      among_.extra_ended(*this, {});
    }
    void decide(status why) { among_.extra_ended(*this, std::move(why)); }

    extra_attempts& among_;
    bool paid_;
  };

  friend pause<extra_attempts>;

  // The time for the next one has come, or one that is due starts outside of what has just ended.
  void go_on() {
    const call_reference<call_base> held{hold()};
    call_.info_.now = call_.via().now();
    while (begun_ && (due_paid_ > 0 || due_free_ > 0)) {
      const bool paid = due_paid_ > 0;
      --(paid ? due_paid_ : due_free_);
      start_one(paid);
    }
    while (begun_ && next_ <= call_.info_.now) {
      const policy::fan_step step = Stack::fan_time(call_.view());
      next_ = step.next;
      if (step.start) start_one(step.paid);
      else if (step.finish) return over(std::move(last_));
    }
    if (begun_) arm();
  }
  void start_one(bool paid) {
    one* made = new one{*this, paid, ++number_};
    made->next = std::exchange(first_, made);
    made->start();
  }
  void arm() {
    // Never within what has just ended, which may be a batch or a connection.
    if (due_paid_ > 0 || due_free_ > 0 || next_ <= call_.info_.now) wake_.go_on_soon();
    else if (next_ < call_.info_.deadline) call_.via().loop().arm(wake_, next_);
    else wake_.disarm();
  }

  void extra_ended(one& which, status how) {
    const call_reference<one> held = take(which);
    call_.info_.now = call_.via().now();
    ended(which.view_of_call(), std::move(how), which.paid());
  }
  void ended(const typename Stack::view& by, status how, bool paid) {
    const policy::fan_step step = Stack::fan_result(by, how.outcome(), paid);
    if (how.ok()) return over({});
    // What a policy of this client says is no news where a peer has said something.
    const bool refused = how.has(outcome::local) && how.has(outcome::not_executed) && how.outcome().producer != 0;
    if (!refused || last_.ok()) last_ = std::move(how);
    if (step.finish || !call_.via().open()) return over(std::move(last_));
    if (step.start) ++(step.paid ? due_paid_ : due_free_);
    next_ = step.next;
    arm();
  }
  // The call ends like this, and nobody waits for the others.
  void over(status how) {
    const call_reference<call_base> held{hold()};
    const outcome overtaken{.code = code::cancelled, .flags = outcome::local};
    drop(overtaken);
    call_.drop_attempt(overtaken);
    if (how.ok()) call_.call_succeeded();
    else call_.call_failed(std::move(how));
  }

  call_base* hold() noexcept {
    call_.self_.retain();
    return &call_.self_;
  }
  // Out of the list; it is gone when what is returned is.
  call_reference<one> take(one& which) noexcept {
    one** place = &first_;
    while (*place != &which) place = &(*place)->next;
    *place = which.next;
    which.close();
    return call_reference<one>{&which};
  }

  Call& call_;
  pause<extra_attempts> wake_;
  one* first_ = nullptr;
  status last_;  // the last failure, which is the call's when nothing better comes
  instant next_ = instant::never();
  std::uint16_t number_ = 0;
  std::uint8_t due_paid_ = 0;
  std::uint8_t due_free_ = 0;
  bool begun_ = false;
};

// In the place of those that never are.
struct no_extra_attempts {
  template <class Call>
  no_extra_attempts(Call&, call_base&) noexcept {}
};

}  // namespace tenon::inline v0::detail
