// The program that protobuf's conformance runner tests: reads a message in one form, answers with the same in another. conformance.sh starts the runner.
// Shape   on both sides four bytes of length, the lowest first, and a message: conformance.ConformanceRequest in, conformance.ConformanceResponse out.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include <tenon/codec/json.hpp>
#include <tenon/codec/protobuf.hpp>

#include "conformance_messages.hpp"

namespace conformance {
namespace {

using tenon::codec::proto_json;
using tenon::codec::protobuf;

constexpr tenon::codec::json_style make_strict() {
  tenon::codec::json_style style = tenon::codec::proto3;
  style.refuse_unknown = true;
  return style;
}
using strict_json = tenon::codec::basic_json<make_strict()>;

std::string_view text_of(const tenon::bytes& data) { return {reinterpret_cast<const char*>(data.data()), data.size()}; }

tenon::bytes data_of(std::string_view text) {
  const auto* const first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

tenon::status read_payload(const Request& request, TestAllTypesProto3& message) {
  if (request.protobuf_payload) return tenon::decode_into<protobuf>(text_of(*request.protobuf_payload), message);
  if (request.test_category == TestCategory::JSON_IGNORE_UNKNOWN_PARSING_TEST) return tenon::decode_into<proto_json>(*request.json_payload, message);
  return tenon::decode_into<strict_json>(*request.json_payload, message);
}

Response answer(const Request& request) {
  Response response;
  if (request.message_type != "protobuf_test_messages.proto3.TestAllTypesProto3") {
    response.skipped = "only proto3's messages are here";
  } else if (!request.protobuf_payload && !request.json_payload) {
    response.skipped = "only binary and json are read here";
  } else if (request.requested_output_format != WireFormat::PROTOBUF && request.requested_output_format != WireFormat::JSON) {
    response.skipped = "only binary and json are written here";
  } else {
    TestAllTypesProto3 message;
    const tenon::status read = read_payload(request, message);
    if (!read.ok()) response.parse_error = read.message();
    else if (request.requested_output_format == WireFormat::PROTOBUF) response.protobuf_payload = data_of(tenon::encode<protobuf>(message));
    else response.json_payload = tenon::encode<proto_json>(message);
  }
  return response;
}

bool read_exactly(char* into, std::size_t size) { return std::fread(into, 1, size, stdin) == size; }

bool serve_one() {
  std::array<unsigned char, 4> prefix{};
  if (!read_exactly(reinterpret_cast<char*>(prefix.data()), prefix.size())) return false;
  const std::uint32_t size = prefix[0] | static_cast<std::uint32_t>(prefix[1]) << 8 | static_cast<std::uint32_t>(prefix[2]) << 16 | static_cast<std::uint32_t>(prefix[3]) << 24;
  std::string bytes(size, '\0');
  if (!read_exactly(bytes.data(), size)) return false;
  const tenon::result<Request> request = tenon::decode<Request, protobuf>(bytes);
  Response response;
  // The first question is for a list of failures that the program itself knows of, and it knows of none.
  if (!request.has_value()) response.runtime_error = request.error().message();
  else if (request->message_type == "conformance.FailureSet") response.protobuf_payload.emplace();
  else response = answer(*request);
  const std::string text = tenon::encode<protobuf>(response);
  const auto length = static_cast<std::uint32_t>(text.size());
  prefix = {static_cast<unsigned char>(length), static_cast<unsigned char>(length >> 8), static_cast<unsigned char>(length >> 16), static_cast<unsigned char>(length >> 24)};
  return std::fwrite(prefix.data(), 1, prefix.size(), stdout) == prefix.size() && std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
}

}  // namespace
}  // namespace conformance

int main() {
  while (conformance::serve_one()) {
  }
  return 0;
}
