// expect: tenon: retry and hedge both repeat the call, and a method can have one of them; give one to the methods that want it: retry<>, on_method<&market::last, hedge<>>
#include <tenon/policy/hedge.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/stack.hpp>

constexpr auto size = tenon::policy::stack<tenon::retry<>, tenon::hedge<>>::size;
