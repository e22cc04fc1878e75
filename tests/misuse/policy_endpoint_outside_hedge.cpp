// expect: tenon: a policy that keeps state per endpoint stands outside retry or hedge; write it after that, so that it sees each attempt
#include <tenon/policy/breaker.hpp>
#include <tenon/policy/hedge.hpp>
#include <tenon/policy/stack.hpp>

constexpr auto size = tenon::policy::stack<tenon::breaker<>, tenon::hedge<>>::size;
