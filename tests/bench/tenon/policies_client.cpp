// Load for echo_server through six policies, whose limits are far away: what is measured is asking, not refusing.
// usage: policies_client port= connections=1 in_flight=1 bytes=64 seconds=1 warm_up=0.3 [way=then|task|awaitable] [rate=]
#include "tenon/load.hpp"

#include "tenon/echo_call.hpp"

constexpr tenon::limiter_options wide{.rate = {1'000'000'000, tenon::duration{1'000'000'000}}, .burst = 1'000'000'000};
using six_client = tenon::client<echo_service, tenon::timeout<>, tenon::limiter<wide>, tenon::retry<>, tenon::throttle<>, tenon::breaker<>, tenon::bulkhead<>>;

int main(int argc, char** argv) {
  const arguments given{argc, argv};
  return bench::run<six_client>(given, "tcp://127.0.0.1:" + given.word("port", "0"), echo_call{given}, {}, 1000);
}
