// A client of gRPC's own interoperability test servers.
// usage: grpc_client grpc://HOST:PORT    prints `ok <case>` or `FAIL <case>: <why>` for each
#include <tenon.hpp>
#include <tenon/grpc.hpp>
#ifdef WITH_ZLIB
#include <tenon/zlib.hpp>
#endif

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "messages.hpp"

// Contracts: declared, and never defined on this side.
struct TestService {
  Empty EmptyCall(Empty);
  SimpleResponse UnaryCall(SimpleRequest);
  Empty UnimplementedCall(Empty);
  tenon::stream<StreamingOutputCallResponse> StreamingOutputCall(StreamingOutputCallRequest);
  StreamingInputCallResponse StreamingInputCall(tenon::source<StreamingInputCallRequest>);
  tenon::stream<StreamingOutputCallResponse> FullDuplexCall(tenon::source<StreamingOutputCallRequest>);
  TENON_SERVICE((TestService, tenon::name("grpc.testing.TestService")), EmptyCall, UnaryCall, UnimplementedCall, StreamingOutputCall, StreamingInputCall, FullDuplexCall)
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

std::size_t size_of(const std::optional<StreamingOutputCallResponse>& got) { return got && got->payload ? got->payload->body.size() : ~std::size_t{0}; }

constexpr int request_sizes[] = {27182, 8, 1828, 45904};
constexpr int response_sizes[] = {31415, 9, 2653, 58979};

void streams(tenon::client<TestService, tenon::codec::protobuf>& m) {
  {
    auto requests = m.StreamingInputCall();
    for (const int each : request_sizes) (void)requests.write({.payload = Payload{.body = tenon::bytes(static_cast<std::size_t>(each))}}).get();
    const tenon::result<StreamingInputCallResponse> sum = requests.finish().get();
    report("client_streaming", sum && sum->aggregated_payload_size == 74922, told(sum));
  }
  {
    StreamingOutputCallRequest wanted;
    for (const int each : response_sizes) wanted.response_parameters.push_back({.size = each});
    auto answers = m.StreamingOutputCall(wanted);
    bool good = true;
    for (const int each : response_sizes) good = size_of(answers.next().get()) == static_cast<std::size_t>(each) && good;
    good = !answers.next().get() && good;
    report("server_streaming", good && answers.status().ok(), answers.status().to_string());
  }
  {
    auto both = m.FullDuplexCall();
    bool good = true;
    for (std::size_t i = 0; i < 4; ++i) {
      StreamingOutputCallRequest wanted;
      wanted.response_parameters.push_back({.size = response_sizes[i]});
      wanted.payload = Payload{.body = tenon::bytes(static_cast<std::size_t>(request_sizes[i]))};
      good = both.write(wanted).get().has_value() && good;
      good = size_of(both.next().get()) == static_cast<std::size_t>(response_sizes[i]) && good;
    }
    both.end_writing();
    good = !both.next().get() && good;
    report("ping_pong", good && both.status().ok(), both.status().to_string());
  }
  {
    auto both = m.FullDuplexCall();
    both.end_writing();
    const bool nothing = !both.next().get();
    report("empty_stream", nothing && both.status().ok(), both.status().to_string());
  }
  {
    auto requests = m.StreamingInputCall();
    requests.cancel();
    const auto ended = requests.finish().get();
    report("cancel_after_begin", !ended && ended.error().code() == tenon::code::cancelled, told(ended));
  }
  {
    auto both = m.FullDuplexCall();
    StreamingOutputCallRequest wanted;
    wanted.response_parameters.push_back({.size = 31415});
    wanted.payload = Payload{.body = tenon::bytes(27182)};
    const bool sent = both.write(wanted).get().has_value();
    const bool first = size_of(both.next().get()) == 31415;
    both.cancel();
    const bool nothing = !both.next().get();
    report("cancel_after_first_response", sent && first && nothing && both.status().code() == tenon::code::cancelled, both.status().to_string());
  }
  {
    auto both = m.with({.timeout = std::chrono::milliseconds{1}}).FullDuplexCall();
    (void)both.write({.payload = Payload{.body = tenon::bytes(27182)}}).get();
    const bool nothing = !both.next().get();
    report("timeout_on_sleeping_server", nothing && both.status().code() == tenon::code::deadline_exceeded, both.status().to_string());
  }
  {
    auto both = m.FullDuplexCall();
    StreamingOutputCallRequest refused;
    refused.response_status = EchoStatus{.code = 2, .message = "test status message"};
    (void)both.write(refused).get();
    both.end_writing();
    const bool nothing = !both.next().get();
    report("status_code_and_message, streaming", nothing && both.status().code() == tenon::code::unknown && both.status().message() == "test status message", both.status().to_string());
  }
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
  streams(m);
#ifdef WITH_ZLIB
  tenon::client<TestService, tenon::codec::protobuf> compressing{url, {.compression = &tenon::gzip, .compress_from_bytes = 1, .sessions = tenon::grpc}};
  const tenon::result<SimpleResponse> zipped = compressing.UnaryCall(large).get();
  report("compressed_unary", zipped && zipped->payload && zipped->payload->body.size() == 314159, told(zipped));
  std::puts("the streaming cases again, compressed");
  streams(compressing);
#endif
  return all_good ? 0 : 1;
}
