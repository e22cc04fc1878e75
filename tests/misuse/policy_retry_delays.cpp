// expect: tenon::retry: base is above zero, and cap is not below base
#include <tenon/policy/retry.hpp>

using namespace tenon::literals;
constexpr auto options = tenon::retry<tenon::retry_options{.base = 500_ms}>::defaults;
