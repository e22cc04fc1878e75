// expect: tenon::cache: ttl or stale is below zero
#include <tenon/policy/cache.hpp>

constexpr auto name = tenon::cache<tenon::cache_options{.ttl = tenon::duration{-1}}>::name;
