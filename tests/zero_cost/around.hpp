// A function, the same behind six policies that do nothing, and behind six that do: what the other two files share.
#pragma once

#include <string_view>

#include <tenon/core/status.hpp>
#include <tenon/policy/breaker.hpp>
#include <tenon/policy/bulkhead.hpp>
#include <tenon/policy/decorate.hpp>
#include <tenon/policy/limiter.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/throttle.hpp>
#include <tenon/policy/timeout.hpp>

namespace zero_cost {

// Defined elsewhere, so that nothing is known of it.
tenon::status leaf(int x) noexcept;

struct to_leaf {
  tenon::status operator()(int x) const noexcept { return leaf(x); }
};

// As a loop reads its clock: once per batch.
struct batch_time {
  const tenon::instant* at;
  tenon::instant now() const noexcept { return *at; }
  void sleep(tenon::duration) const {}
};

template <int Tag>
struct nothing : tenon::policy::base {
  static constexpr std::string_view name = std::string_view{"abcdef"}.substr(Tag, 1);
  struct options {};
  static constexpr options defaults{};
  static constexpr bool measures = false;
  static tenon::outcome admit(tenon::policy::none&, const options&, tenon::policy::none&, tenon::call_info&) noexcept { return {}; }
  static void observe(tenon::policy::none&, const options&, tenon::policy::none&, tenon::call_info&, tenon::outcome) noexcept {}
};

template <class... Policies>
using around = tenon::decorated<tenon::policy::stack<Policies...>, to_leaf, batch_time>;
using six_nothings = around<nothing<0>, nothing<1>, nothing<2>, nothing<3>, nothing<4>, nothing<5>>;
using six_real = around<tenon::timeout<>, tenon::limiter<tenon::limiter_options{.rate = {1'000'000'000, tenon::duration{1'000'000'000}}, .burst = 1'000'000'000}>, tenon::retry<>, tenon::throttle<>, tenon::breaker<>, tenon::bulkhead<>>;

[[gnu::noinline]] tenon::status call_bare(to_leaf& function, int x);
[[gnu::noinline]] tenon::status call_through_nothing(six_nothings& function, int x);
[[gnu::noinline]] tenon::status call_through_six(six_real& function, int x);

}  // namespace zero_cost
