// The server of gRPC's own interoperability tests: what the official test clients of other languages call.
// usage: grpc_server [SECONDS]    prints `listening HOST:PORT`, serves until its standard input ends, and then SECONDS more as a lame duck
#include <tenon.hpp>
#include <tenon/grpc.hpp>
#include <tenon/service/health.hpp>
#include <tenon/service/reflection.hpp>
#ifdef WITH_ZLIB
#include <tenon/zlib.hpp>
#endif

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <asio/steady_timer.hpp>

#include "messages.hpp"

struct TestService {
  Empty EmptyCall(tenon::context& call, Empty) {
    echo(call);
    return {};
  }

  tenon::result<SimpleResponse> UnaryCall(tenon::context& call, SimpleRequest request) {
    echo(call);
    if (request.response_status && request.response_status->code != 0) {
      return tenon::status{tenon::code_from_number(request.response_status->code), request.response_status->message};
    }
    if (request.response_size < 0) return tenon::status{tenon::code::invalid_argument, "response_size is negative"};
    SimpleResponse answer;
    answer.payload = Payload{.type = request.response_type, .body = tenon::bytes(static_cast<std::size_t>(request.response_size))};
    return answer;
  }

  tenon::stream<StreamingOutputCallResponse> StreamingOutputCall(tenon::context& call, StreamingOutputCallRequest request) {
    for (const ResponseParameters& each : request.response_parameters) {
      co_await pause(call, each);
      const StreamingOutputCallResponse answer = answer_of(each);
      co_yield answer;
    }
  }

  tenon::task<StreamingInputCallResponse> StreamingInputCall(tenon::source<StreamingInputCallRequest> requests) {
    StreamingInputCallResponse answer;
    while (const auto each = co_await requests.next()) {
      if (each->payload) answer.aggregated_payload_size += static_cast<std::int32_t>(each->payload->body.size());
    }
    co_return answer;
  }

  tenon::stream<StreamingOutputCallResponse> FullDuplexCall(tenon::context& call, tenon::source<StreamingOutputCallRequest> requests) {
    echo(call);
    while (const auto request = co_await requests.next()) {
      if (request->response_status && request->response_status->code != 0) {
        const tenon::status refused{tenon::code_from_number(request->response_status->code), request->response_status->message};
        co_yield refused;
      }
      for (const ResponseParameters& each : request->response_parameters) {
        co_await pause(call, each);
        const StreamingOutputCallResponse answer = answer_of(each);
        co_yield answer;
      }
    }
  }

  TENON_SERVICE((TestService, tenon::name("grpc.testing.TestService")), EmptyCall, UnaryCall, StreamingOutputCall, StreamingInputCall, FullDuplexCall)

 private:
  static tenon::task<void> pause(tenon::context& call, ResponseParameters before) {
    if (before.interval_us <= 0) co_return;
    asio::steady_timer timer{*call.io(), std::chrono::microseconds{before.interval_us}};
    (void)co_await timer.async_wait(tenon::use_task);
  }
  static StreamingOutputCallResponse answer_of(const ResponseParameters& wanted) {
    return {.payload = Payload{.body = tenon::bytes(static_cast<std::size_t>(wanted.size))}};
  }
  static void echo(tenon::context& call) {
    if (const auto value = call.request_metadata().get(echo_initial)) call.response_metadata().add(echo_initial, *value);
    if (const auto value = call.request_metadata().get(echo_trailing)) call.response_metadata().add(std::string{"trailer-"}.append(echo_trailing), *value);
  }
};

int main(int count, char** arguments) {
  tenon::server_options options{.lame_duck = std::chrono::seconds{count > 1 ? std::atoi(arguments[1]) : 0}};
#ifdef WITH_ZLIB
  options.compression = &tenon::gzip;
#endif
  tenon::server<tenon::grpc_protocols> server{options};
  server.serve(TestService{});
  tenon::serve_health(server);
  tenon::serve_reflection<TestService, tenon::health_service>(server);
  const tenon::bound where = server.listen("tcp://127.0.0.1:0");
  if (!server.start().ok()) return 1;
  std::printf("listening 127.0.0.1:%d\n", where.port());
  std::fflush(stdout);
  while (std::getchar() != EOF) {}
  server.stop();
}
