// What one call costs in figures that repeat: allocations and system calls of the server and of the client apart, in steady state, over loopback TCP. Both run on
// one thread, turn by turn. tests/bench/guards.py runs it, counts the instructions of each side's turns besides, and compares all of it with what is recorded.
// usage: guards echo|json|msgpack|protobuf CONNECTIONS IN_FLIGHT CALLS [BYTES]       BYTES, 64, is for echo; prints `calls=... server_allocations=... server_system_calls=... client_...`

#include "guards.hpp"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "codec.hpp"
#include "echo.hpp"

namespace {

using codec_bench::message;

struct typed_service {
  message pass(const message& given);
  TENON_SERVICE(typed_service, pass)
};
struct typed_handler {
  message pass(message given) { return given; }
};

template <class Codec>
int measure_typed(std::size_t connections, std::size_t in_flight, std::size_t calls) {
  const message sent = codec_bench::make_message();
  return measure<tenon::client<typed_service, Codec>, typed_handler, typed_service>(
      typed_handler{}, [&sent](auto& client) { return client.pass(sent); }, connections, in_flight, calls);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: guards echo|json|msgpack|protobuf CONNECTIONS IN_FLIGHT CALLS [BYTES]\n");
    return 2;
  }
  const std::string_view what = argv[1];
  const auto number = [argv](int i) { return static_cast<std::size_t>(std::atoi(argv[i])); };
  if (what == "json") return measure_typed<tenon::codec::json>(number(2), number(3), number(4));
  if (what == "msgpack") return measure_typed<tenon::codec::msgpack>(number(2), number(3), number(4));
  if (what == "protobuf") return measure_typed<tenon::codec::protobuf>(number(2), number(3), number(4));
  const std::string text(argc > 5 ? number(5) : 64, 'x');
  return measure<tenon::client<echo_service>, plain_echo, echo_service>(plain_echo{}, [&text](auto& client) { return client.echo(text); }, number(2), number(3), number(4));
}
