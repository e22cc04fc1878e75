// expect: tenon::timeout: the time is zero or less, so that every call would be refused; write a time above zero
#include <tenon/policy/timeout.hpp>

using namespace tenon::literals;
constexpr auto name = tenon::timeout<0_ms>::name;
