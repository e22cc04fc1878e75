// expect: tenon: two policies of one name see the same thing; keep one, or tell them apart by policy::tagged<"a name", ...>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/stack.hpp>
#include <tenon/policy/timeout.hpp>

using namespace tenon::literals;
constexpr auto size = tenon::policy::stack<tenon::timeout<1_s>, tenon::timeout<2_s>, tenon::retry<>>::size;
