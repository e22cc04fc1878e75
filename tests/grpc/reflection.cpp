#include <tenon/service/reflection.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <service/described.hpp>
#include <simulation.hpp>
#include <tenon/codec/protobuf.hpp>
#include <tenon/core/spawn.hpp>
#include <tenon/grpc.hpp>
#include <tenon/service/health.hpp>

namespace grpc_reflection {

using tenon::service::ErrorResponse;
using tenon::service::ExtensionNumberResponse;
using tenon::service::FileDescriptorResponse;
using tenon::service::ListServiceResponse;
using tenon::service::ServerReflectionRequest;
using tenon::service::ServerReflectionResponse;
using tenon::service::detail::file_descriptor;

// Of the same package as market.
struct desk {
  described::quote best(std::string symbol) { return {symbol, 1}; }
  described::circle round() { return {}; }
  TENON_SERVICE((desk, tenon::name("exchange.v1.Desk")), best, round)
};

template <class Contract>
struct asked_world : simulated::world {
  asked_world() : server{io} {
    server.serve(desk{});
    tenon::serve_reflection<desk, described::market, tenon::health_service>(server);
    server.listen(wire, "desk");
    server.start();
    run();
  }
  /// The answers to all of these on one stream, then its end.
  std::vector<ServerReflectionResponse> ask(std::vector<ServerReflectionRequest> questions) {
    tenon::client<Contract, tenon::codec::protobuf> client{io, wire.connector_to("desk"), {.sessions = tenon::grpc}};
    std::vector<ServerReflectionResponse> all;
    tenon::spawn(io, [](auto& by, auto what, auto& into, std::string& end) -> tenon::task<void> {
      auto stream = by.ServerReflectionInfo();
      for (const auto& each : what) {
        (void)co_await stream.write(each);
        if (auto said = co_await stream.next()) into.push_back(std::move(*said));
      }
      stream.end_writing();
      while (auto said = co_await stream.next()) into.push_back(std::move(*said));
      end = stream.status().to_string();
    }(client, std::move(questions), all, ended));
    run();
    return all;
  }
  file_descriptor file_with(const std::string& symbol) {
    ServerReflectionRequest asked;
    asked.file_containing_symbol = symbol;
    const auto said = ask({asked});
    REQUIRE(said.size() == 1);
    const auto* files = std::get_if<FileDescriptorResponse>(&said[0].message_response);
    if (files == nullptr) return {.name = std::get<ErrorResponse>(said[0].message_response).error_message};
    const auto& first = files->file_descriptor_proto.front();
    return *tenon::decode<file_descriptor, tenon::codec::protobuf>(std::string{reinterpret_cast<const char*>(first.data()), first.size()});
  }

  tenon::server<tenon::grpc_protocols> server;
  std::string ended = "not yet";
};

ServerReflectionRequest list() {
  ServerReflectionRequest asked;
  asked.host = "here";
  asked.list_services = "";
  return asked;
}

}  // namespace grpc_reflection

using namespace grpc_reflection;

TEST_CASE_TEMPLATE("both versions list what is described, themselves included", Contract, tenon::service::reflection_service, tenon::service::reflection_service_alpha) {
  asked_world<Contract> world;
  const auto said = world.ask({list(), list()});
  CHECK(world.ended == "OK");
  REQUIRE(said.size() == 2);
  CHECK(said[1].valid_host == "here");
  CHECK(said[1].original_request.list_services == "");
  std::string names;
  for (const auto& each : std::get<ListServiceResponse>(said[1].message_response).service) names += each.name + "\n";
  CHECK(names ==
        "exchange.v1.Desk\n"
        "exchange.v1.Market\n"
        "grpc.health.v1.Health\n"
        "grpc.reflection.v1.ServerReflection\n"
        "grpc.reflection.v1alpha.ServerReflection\n");
}

TEST_CASE("services of one package are in one file, with one message for both") {
  asked_world<tenon::service::reflection_service> world;
  for (const std::string symbol : {"exchange.v1.Desk", "exchange.v1.Market", "exchange.v1.Market.buy", "exchange.v1.quote", "exchange.v1.quote.price", "exchange.v1.side",
                                   "exchange.v1.side_unspecified", "exchange.v1.circle"}) {
    CAPTURE(symbol);
    const file_descriptor file = world.file_with(symbol);
    CHECK(file.name == "exchange/v1.proto");
    CHECK(file.service.size() == 2);
    int quotes = 0;
    for (const auto& each : file.message_type) quotes += each.name == "quote" ? 1 : 0;
    CHECK(quotes == 1);
  }
  CHECK(world.file_with("exchange.v1.nothing").name == "no symbol exchange.v1.nothing is known here");
  CHECK(world.file_with("google.protobuf.Timestamp").name == "google/protobuf/timestamp.proto");
}

TEST_CASE("a file comes with those that it imports") {
  asked_world<tenon::service::reflection_service> world;
  ServerReflectionRequest asked;
  asked.file_by_filename = "exchange/v1.proto";
  ServerReflectionRequest none;
  none.file_by_filename = "exchange/v2.proto";
  const auto said = world.ask({asked, none});
  REQUIRE(said.size() == 2);
  CHECK(std::get<FileDescriptorResponse>(said[0].message_response).file_descriptor_proto.size() == 2);
  CHECK(std::get<ErrorResponse>(said[1].message_response).error_code == static_cast<int>(tenon::code::not_found));
  CHECK(std::get<ErrorResponse>(said[1].message_response).error_message == "no file exchange/v2.proto is known here");
}

TEST_CASE("there are no extensions, and who asks for nothing is told so") {
  asked_world<tenon::service::reflection_service> world;
  ServerReflectionRequest extension;
  extension.file_containing_extension = tenon::service::ExtensionRequest{"exchange.v1.quote", 100};
  ServerReflectionRequest numbers;
  numbers.all_extension_numbers_of_type = "exchange.v1.quote";
  ServerReflectionRequest of_nobody;
  of_nobody.all_extension_numbers_of_type = "exchange.v1.nobody";
  const auto said = world.ask({extension, numbers, of_nobody, {}});
  REQUIRE(said.size() == 3);
  CHECK(std::get<ErrorResponse>(said[0].message_response).error_message == "no extension of exchange.v1.quote is known here");
  CHECK(std::get<ExtensionNumberResponse>(said[1].message_response).base_type_name == "exchange.v1.quote");
  CHECK(std::get<ErrorResponse>(said[2].message_response).error_message == "no message exchange.v1.nobody is known here");
  CHECK(world.ended == "INVALID_ARGUMENT: the request asks for nothing");
}
