#include <tenon/client/connection_state.hpp>

#include <doctest/doctest.h>

TEST_CASE("states have names") {
  CHECK(tenon::connection_state_name(tenon::connection_state::idle) == "idle");
  CHECK(tenon::connection_state_name(tenon::connection_state::closed) == "closed");
  CHECK(tenon::connection_state_name(static_cast<tenon::connection_state>(99)) == "unknown");
}
