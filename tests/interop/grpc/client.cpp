// A client of gRPC's own interoperability test servers, unary cases.
// usage: grpc_client grpc://HOST:PORT    prints `ok <case>` or `FAIL <case>: <why>` for each
#include <tenon.hpp>
#include <tenon/grpc.hpp>

#include <cstdio>
#include <string>
#include <string_view>

#include "messages.hpp"

// Contracts: declared, and never defined on this side.
struct TestService {
  Empty EmptyCall(Empty);
  SimpleResponse UnaryCall(SimpleRequest);
  Empty UnimplementedCall(Empty);
  TENON_SERVICE((TestService, tenon::name("grpc.testing.TestService")), EmptyCall, UnaryCall, UnimplementedCall)
};
struct UnimplementedService {
  Empty UnimplementedCall(Empty);
  TENON_SERVICE((UnimplementedService, tenon::name("grpc.testing.UnimplementedService")), UnimplementedCall)
};

bool all_good = true;

void report(std::string_view name, bool good, const std::string& why = {}) {
  all_good = all_good && good;
  std::printf("%s %.*s%s%s\n", good ? "ok" : "FAIL", static_cast<int>(name.size()), name.data(), good ? "" : ": ", good ? "" : why.c_str());
}

template <class T>
std::string told(const tenon::result<T>& got) {
  return got ? "a value of another shape" : got.error().to_string();
}

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const std::string url = arguments[1];
  tenon::client<TestService, tenon::codec::protobuf> m{url, {.sessions = tenon::grpc}};

  const tenon::result<Empty> empty = m.EmptyCall({}).get();
  report("empty_unary", empty.has_value(), told(empty));

  const SimpleRequest large{.response_size = 314159, .payload = Payload{.body = tenon::bytes(271828)}};
  const tenon::result<SimpleResponse> answered = m.UnaryCall(large).get();
  report("large_unary", answered && answered->payload && answered->payload->body.size() == 314159, told(answered));

  tenon::metadata back;
  const std::string bytes = "\x0a\x0b\x0a\x0b\x0a\x0b";
  const tenon::metadata sent{{std::string{echo_initial}, "test_initial_metadata_value"}, {std::string{echo_trailing}, bytes}};
  const SimpleRequest small{.response_size = 1, .payload = Payload{.body = tenon::bytes(1)}};
  const tenon::result<SimpleResponse> with_metadata = m.with({.metadata = sent, .response_metadata = &back}).UnaryCall(small).get();
  report("custom_metadata", with_metadata && back.get(echo_initial) == "test_initial_metadata_value" && back.get(echo_trailing) == bytes, told(with_metadata));

  for (const std::string_view text : {std::string_view{"test status message"}, std::string_view{"\t\ntest with whitespace\r\nand Unicode BMP \xe2\x98\xba and non-BMP \xf0\x9f\x98\x88\t\n"}}) {
    const SimpleRequest refused{.response_status = EchoStatus{.code = 2, .message = std::string{text}}};
    const tenon::result<SimpleResponse> refusal = m.UnaryCall(refused).get();
    report(text.size() < 20 ? "status_code_and_message" : "special_status_message",
           !refusal && refusal.error().code() == tenon::code::unknown && refusal.error().message() == text, told(refusal));
  }

  const tenon::result<Empty> no_method = m.UnimplementedCall({}).get();
  report("unimplemented_method", !no_method && no_method.error().code() == tenon::code::unimplemented, told(no_method));

  tenon::client<UnimplementedService, tenon::codec::protobuf> nobody{url, {.sessions = tenon::grpc}};
  const tenon::result<Empty> no_service = nobody.UnimplementedCall({}).get();
  report("unimplemented_service", !no_service && no_service.error().code() == tenon::code::unimplemented, told(no_service));
  return all_good ? 0 : 1;
}
