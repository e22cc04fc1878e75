// Load for typed_server over rpcx: the 40-field message in each codec.
// usage: typed_client port= codec=msgpack|json|protobuf connections=1 in_flight=1 seconds=1 warm_up=0.3
#include "tenon/load.hpp"

#include "tenon/typed_call.hpp"

template <class Codec>
int run(const arguments& given) {
  return bench::run<tenon::client<typed_service, Codec>>(given, "tcp://127.0.0.1:" + given.word("port", "0"), typed_call{});
}

int main(int argc, char** argv) {
  const arguments given{argc, argv};
  const std::string codec = given.word("codec", "msgpack");
  if (codec == "json") return run<tenon::codec::json>(given);
  if (codec == "protobuf") return run<tenon::codec::protobuf>(given);
  return run<tenon::codec::msgpack>(given);
}
