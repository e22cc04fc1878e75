// expect: tenon: a policy that answers for the whole call (fallback, cache) stands inside retry or hedge; write it before that, or what it answers is repeated
#include <tenon/policy/cache.hpp>
#include <tenon/policy/hedge.hpp>
#include <tenon/policy/stack.hpp>

constexpr auto size = tenon::policy::stack<tenon::hedge<>, tenon::cache<>>::size;
