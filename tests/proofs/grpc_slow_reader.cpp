// Streams over gRPC to readers that sleep, or die.
#include <proofs/slow_reader.hpp>

#include <tenon/codec/protobuf.hpp>
#include <tenon/grpc.hpp>

using server = tenon::server<tenon::grpc_protocols>;
using client = tenon::client<proofs::spring, tenon::codec::protobuf>;

TEST_CASE("a reader that sleeps holds the server's memory down, over gRPC") {
  proofs::read_and_sleep<server, client>("gRPC", "grpc://", {.sessions = tenon::grpc});
}
TEST_CASE("a reader that vanishes ends the handler, over gRPC") {
  proofs::vanish<server, client>("grpc://", {.sessions = tenon::grpc});
}
