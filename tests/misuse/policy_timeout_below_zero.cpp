// expect: tenon::timeout: a time is below zero; zero means that it is not set
#include <tenon/policy/timeout.hpp>

constexpr auto options = tenon::timeout<tenon::timeout_options{.reserve = tenon::duration{-1}}>::defaults;
