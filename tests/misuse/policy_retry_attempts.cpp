// expect: tenon::retry: max_attempts includes the first and is from 1 to 10
#include <tenon/policy/retry.hpp>

constexpr auto options = tenon::retry<tenon::retry_options{.max_attempts = 0}>::defaults;
