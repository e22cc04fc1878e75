// expect: tenon::timeout: the argument is neither a duration nor timeout_options; write timeout<200_ms> with using namespace tenon::literals
#include <tenon/policy/timeout.hpp>

using wrong = tenon::timeout<200>;
constexpr auto name = wrong::name;
