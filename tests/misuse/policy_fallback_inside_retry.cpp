// expect: tenon: a policy that answers for the whole call (fallback, cache) stands inside retry or hedge; write it before that, or what it answers is repeated
#include <tenon/policy/fallback.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/stack.hpp>

int one() { return 1; }
constexpr auto size = tenon::policy::stack<tenon::retry<>, tenon::fallback<&one>>::size;
