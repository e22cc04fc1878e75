// Streams over rpcx frames to readers that sleep, or die.
#include <proofs/slow_reader.hpp>

using client = tenon::client<proofs::spring>;

TEST_CASE("a reader that sleeps holds the server's memory down, over rpcx") {
  proofs::read_and_sleep<tenon::server<>, client>("rpcx", "tcp://", {});
}
TEST_CASE("a reader that vanishes ends the handler, over rpcx") {
  proofs::vanish<tenon::server<>, client>("tcp://", {});
}
