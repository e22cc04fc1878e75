// The messages of gRPC's own interoperability tests, by hand: grpc/testing/empty.proto and messages.proto.
#pragma once

#include <tenon.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct Empty {};
struct Payload {
  std::int32_t type = 0;
  tenon::bytes body{};
};
struct EchoStatus {
  std::int32_t code = 0;
  std::string message{};
};
struct BoolValue {
  bool value = false;
};
struct SimpleRequest {
  std::int32_t response_type = 0;
  std::int32_t response_size = 0;
  std::optional<Payload> payload{};
  bool fill_username = false;
  bool fill_oauth_scope = false;
  std::optional<BoolValue> response_compressed{};
  std::optional<EchoStatus> response_status{};
  std::optional<BoolValue> expect_compressed{};
};
struct SimpleResponse {
  std::optional<Payload> payload{};
  std::string username{};
  std::string oauth_scope{};
};

struct ResponseParameters {
  std::int32_t size = 0;
  std::int32_t interval_us = 0;
  std::optional<BoolValue> compressed{};
};
struct StreamingOutputCallRequest {
  std::int32_t response_type = 0;
  std::vector<ResponseParameters> response_parameters{};
  std::optional<Payload> payload{};
  std::optional<EchoStatus> response_status{};
  TENON_STRUCT(StreamingOutputCallRequest, response_type, response_parameters, payload, (response_status, tenon::number(7)))
};
struct StreamingOutputCallResponse {
  std::optional<Payload> payload{};
};
struct StreamingInputCallRequest {
  std::optional<Payload> payload{};
  std::optional<BoolValue> expect_compressed{};
};
struct StreamingInputCallResponse {
  std::int32_t aggregated_payload_size = 0;
};

inline constexpr std::string_view echo_initial = "x-grpc-test-echo-initial";
inline constexpr std::string_view echo_trailing = "x-grpc-test-echo-trailing-bin";
