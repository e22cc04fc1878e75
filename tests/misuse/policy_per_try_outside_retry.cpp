// expect: tenon: a policy that is about one attempt (timeout with per_try) stands outside retry or hedge; write it after that, so that it sees each attempt
#include <tenon/policy/retry.hpp>
#include <tenon/policy/stack.hpp>
#include <tenon/policy/timeout.hpp>

using namespace tenon::literals;
constexpr auto size = tenon::policy::stack<tenon::timeout<tenon::timeout_options{.per_try = 10_ms}>, tenon::retry<>>::size;
