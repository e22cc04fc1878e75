// One io_context's time: its clock, read once per batch, and its wheel of deadlines. Net layer.
#pragma once

#include <tenon/core/asio.hpp>

#include <chrono>
#include <memory>
#include <optional>

#include <asio/basic_waitable_timer.hpp>

#include <tenon/core/clock.hpp>
#include <tenon/core/spare_buffers.hpp>
#include <tenon/net/timer_wheel.hpp>

namespace tenon::inline v0::net {

/// What every connection and call on one io_context shares. Used on the thread that runs the io_context.
///
/// There is one per io_context, found by `loop::of(io)`: asio keeps it as a service, so that a client and a server on one io_context share one wheel.
class loop : public asio::execution_context::service, private clock_watcher {
 public:
  inline static asio::execution_context::id id;

  explicit loop(asio::execution_context& context)
      : service(context), io_{static_cast<asio::io_context&>(context)}, clock_{steady_}, wheel_{std::in_place, clock_.now()}, now_{clock_.now()}, alarm_{std::in_place, io_} {}

  static loop& of(asio::io_context& io) { return asio::use_service<loop>(io); }

  asio::io_context& io() const noexcept { return io_; }
  bool on_this_thread() const noexcept { return io_.get_executor().running_in_this_thread(); }

  /// Runs this loop on a clock that is turned by hand: nothing fires unless the clock moves. Before anything else uses the loop.
  void use(manual_clock& by_hand) {
    alarm_.reset();
    clock_ = by_hand;
    wheel_.emplace(by_hand.now());
    now_ = by_hand.now();
    by_hand.watch(*this);
  }

  /// The time of the current batch: a plain load.
  instant now() const noexcept { return now_; }
  /// Reads the clock: at the start of each batch, and before work that no batch carries.
  instant refresh() noexcept { return now_ = clock_.now(); }

  /// The io_context waits for what is armed: `io.run()` returns only when nothing is, and `rest()` has said so.
  void arm(timer& what, instant when) {
    wheel_->arm(what, when);
    if (alarm_ && what.armed() && when < alarm_at_) set_alarm();
  }

  /// Memory that the connections of this loop write into in turn.
  tenon::detail::spare_buffers& spare() noexcept { return spare_; }

  /// When nothing is armed, lets go of the io_context: the alarm of a deadline that was disarmed would keep `run()` waiting for it.
  void rest() {
    if (!alarm_ || wheel_->next() != instant::never()) return;
    alarm_at_ = instant::never();
    alarm_->cancel();
  }

 private:
  void shutdown() noexcept override { alarm_.reset(); }

  void clock_moved() override { fire(); }

  // Not inlined: whoever turns the clock and whoever waits for it share it.
  [[gnu::noinline]] void fire() {
    refresh();
    wheel_->advance(now_);
  }

  // The one timer of the loop. It is never cancelled for a deadline that was met: it finds nothing due and sleeps on.
  void set_alarm() {
    const instant next = wheel_->next();
    // Deadlines within one tick share one alarm: setting it costs a system call.
    if (next == alarm_at_) return;
    alarm_at_ = next;
    alarm_->expires_at(std::chrono::steady_clock::time_point{std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::nanoseconds{next.ns})});
    alarm_->async_wait([this](const std::error_code& error) {
      if (error) return;
      alarm_at_ = instant::never();
      const set_again after{*this};
      fire();
    });
  }

  // A timer that throws leaves io.run(); the others are still to come.
  struct set_again {
    explicit set_again(loop& which) noexcept : self{which} {}
    set_again(const set_again&) = delete;
    set_again& operator=(const set_again&) = delete;
    ~set_again() {
      if (self.alarm_ && self.alarm_at_ == instant::never()) self.set_alarm();
    }
    loop& self;
  };

  asio::io_context& io_;
  steady_clock steady_;
  clock_ref clock_;
  std::optional<timer_wheel> wheel_;
  instant now_;
  tenon::detail::spare_buffers spare_;
  instant alarm_at_ = instant::never();
  // Not asio::steady_timer, which erases the type of its executor at half a second of compile time.
  using alarm_timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, asio::io_context::executor_type>;
  std::optional<alarm_timer> alarm_;
};

}  // namespace tenon::inline v0::net
