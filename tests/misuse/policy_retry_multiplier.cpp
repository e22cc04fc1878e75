// expect: tenon::retry: a multiplier below 1 would make the waits shorter; write percent(200) for twice as long each time
#include <tenon/policy/retry.hpp>

constexpr auto options = tenon::retry<tenon::retry_options{.multiplier = tenon::percent(50)}>::defaults;
