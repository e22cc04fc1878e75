// How much repeating a client may do in all, so that retries never become the load that keeps a service down. Policy layer; kept by retry, and by hedge.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <tenon/core/units.hpp>

namespace tenon::inline v0 {

/// How a budget earns and spends. One token is one repeated attempt.
enum class budget_form : std::uint8_t {
  successes,  ///< full at `tokens`; each success earns `share`, and time `per_second`
  grpc,       ///< full at `tokens`; each failed attempt costs one, each success earns `share`; repeats while more than half is left
  in_flight,  ///< of the calls under way at most `share` may be repeats, and always `tokens`
  window,     ///< each call of the last ten seconds earned `share`, and time `per_second`
  unlimited,
};

struct retry_budget_options {
  budget_form form = budget_form::successes;
  ratio share = percent(20);
  std::int32_t tokens = 10;
  std::int32_t per_second = 1;
  bool operator==(const retry_budget_options&) const = default;
};

/// A client's budget for repeating; on its loop.
///
/// Laws    integers only. `successes` earns on success on purpose: a budget that earns on every call grants a dead service a steady surplus.
/// Source  gRPC A6 (retry throttling); finagle RetryBudget with its fixed point of 1000; Envoy retry_budget.
class retry_budget {
 public:
  /// A call begins.
  void call_began(const retry_budget_options& chosen, instant now) noexcept {
    ++calls_;
    if (chosen.form == budget_form::window) [[unlikely]] earn(now);
  }
  /// A call ends, however it does; `repeating` when its last attempt was a repeat.
  void call_ended(bool repeating) noexcept {
    --calls_;
    if (repeating) [[unlikely]] --repeats_;
  }
  /// An attempt succeeded; `borrowed` when it was a repeat whose token comes back then.
  void succeeded(const retry_budget_options& chosen, bool borrowed = false) noexcept {
    if (spent_ != 0) [[unlikely]] spent_ = (std::max)(std::int64_t{0}, spent_ - earned_by_success(chosen) - (borrowed && chosen.form == budget_form::successes ? token : 0));
  }
  /// An attempt failed in a way that counts.
  void failed(const retry_budget_options& chosen) noexcept {
    if (chosen.form == budget_form::grpc) spent_ = (std::min)(spent_ + token, chosen.tokens * token);
  }
  /// A repeated attempt has ended without ending its call.
  void repeat_ended() noexcept { --repeats_; }

  /// Takes what one repeat costs. False when it is not there; nothing is taken then.
  bool take(const retry_budget_options& chosen, instant now) noexcept {
    if (!may_take(chosen, now)) return false;
    ++repeats_;
    return true;
  }

  /// A repeated attempt has ended and nothing was sent for it: what was taken comes back.
  void give_back(const retry_budget_options& chosen, instant now) noexcept {
    if (chosen.form == budget_form::successes) spent_ = (std::max)(std::int64_t{0}, spent_ - token);
    else if (chosen.form == budget_form::window) slot(now) += cost_of_one(chosen);
  }

  /// What is left, in millionths of a token: for `successes` and `grpc`.
  std::int64_t millionths_left(const retry_budget_options& chosen) const noexcept { return chosen.tokens * token - spent_; }

 private:
  static constexpr std::int64_t token = 1'000'000;
  static constexpr std::int64_t deposit = 1'000;
  static constexpr std::size_t seconds = 10;  // of the window, each with a slot of its own

  // gRPC keeps three decimals of the ratio.
  static std::int64_t earned_by_success(const retry_budget_options& chosen) noexcept {
    return chosen.form == budget_form::grpc ? chosen.share.ppm / 1'000 * 1'000 : chosen.share.ppm;
  }

  // In a window, whose deposits are all alike.
  static std::int64_t cost_of_one(const retry_budget_options& chosen) noexcept { return chosen.share.ppm <= 0 ? 0 : deposit * token / chosen.share.ppm; }

  bool may_take(const retry_budget_options& chosen, instant now) noexcept {
    switch (chosen.form) {
      case budget_form::successes: {
        const std::int64_t passed = spent_ == 0 ? 0 : (std::clamp)((now - since_).ns, std::int64_t{0}, std::int64_t{3'600'000'000'000});
        since_ = now;
        spent_ = (std::max)(std::int64_t{0}, spent_ - passed / 1'000 * chosen.per_second);
        if (chosen.tokens * token - spent_ < token) return false;
        spent_ += token;
        return true;
      }
      case budget_form::grpc: return 2 * spent_ < chosen.tokens * token;
      case budget_form::in_flight: return repeats_ < (std::max)(std::int64_t{chosen.tokens}, calls_ * chosen.share.ppm / token);
      case budget_form::window: {
        const std::int64_t cost = cost_of_one(chosen);
        std::int64_t balance = std::int64_t{chosen.per_second} * static_cast<std::int64_t>(seconds) * (std::max)(cost, deposit);
        slot(now);
        for (const std::int64_t each : window_) balance += each;
        if (cost == 0 || balance < cost) return false;
        slot(now) -= cost;
        return true;
      }
      case budget_form::unlimited: return true;
    }
    return false;
  }

  [[gnu::cold, gnu::noinline]] void earn(instant now) noexcept { slot(now) += deposit; }

  // The present second's; those that have run out since are cleared.
  std::int64_t& slot(instant now) noexcept {
    const std::int64_t second = now.ns / 1'000'000'000;
    for (std::int64_t i = (std::max)(second_ + 1, second - static_cast<std::int64_t>(seconds) + 1); i <= second; ++i) window_[static_cast<std::size_t>(i) % seconds] = 0;
    second_ = (std::max)(second_, second);
    return window_[static_cast<std::size_t>(second_) % seconds];
  }

  std::int64_t spent_ = 0;  // what is missing from a full bucket: zero is full whatever the options say, now or later
  instant since_{};
  std::int64_t calls_ = 0;
  std::int64_t repeats_ = 0;
  std::int64_t second_ = 0;
  std::array<std::int64_t, seconds> window_{};
};

}  // namespace tenon::inline v0
