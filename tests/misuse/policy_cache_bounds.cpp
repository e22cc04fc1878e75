// expect: tenon::cache: max_entries and max_bytes are at least one; for no cache at all write ttl 0
#include <tenon/policy/cache.hpp>

constexpr auto name = tenon::cache<tenon::cache_options{.max_entries = 0}>::name;
