// expect: tenon: something stands between retry and hedge; write one right behind the other, so that what follows sees each attempt of both
#include <tenon/policy/bulkhead.hpp>
#include <tenon/policy/hedge.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/select.hpp>

constexpr auto size = tenon::policy::stack<tenon::retry<>, tenon::bulkhead<>, tenon::policy::switchable<tenon::hedge<>>>::size;
