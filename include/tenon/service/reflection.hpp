// gRPC's server reflection: what grpcurl and its kin ask a server for before they call it. Service layer, outside its door.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <tenon/core/bytes.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/source.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/stream.hpp>
#include <tenon/core/text.hpp>
#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/reflect/struct.hpp>
#include <tenon/service/detail/described_files.hpp>

namespace tenon::inline v0 {
namespace service {

// The messages of grpc.reflection.v1, in its own spelling; v1alpha has the same ones.
struct ExtensionRequest {
  std::string containing_type;
  int extension_number = 0;
  TENON_STRUCT(ExtensionRequest, (containing_type, tenon::number(1)), (extension_number, tenon::number(2)))
};
// One of the questions is asked: a oneof of strings, which a variant could not tell apart in the other codecs.
struct ServerReflectionRequest {
  std::string host;
  std::optional<std::string> file_by_filename;
  std::optional<std::string> file_containing_symbol;
  std::optional<ExtensionRequest> file_containing_extension;
  std::optional<std::string> all_extension_numbers_of_type;
  std::optional<std::string> list_services;
  TENON_STRUCT(ServerReflectionRequest, (host, tenon::number(1)), (file_by_filename, tenon::number(3)), (file_containing_symbol, tenon::number(4)),
               (file_containing_extension, tenon::number(5)), (all_extension_numbers_of_type, tenon::number(6)), (list_services, tenon::number(7)))
};
struct FileDescriptorResponse {
  std::vector<bytes> file_descriptor_proto;
  TENON_STRUCT(FileDescriptorResponse, (file_descriptor_proto, tenon::number(1)))
};
struct ExtensionNumberResponse {
  std::string base_type_name;
  std::vector<int> extension_number;
  TENON_STRUCT(ExtensionNumberResponse, (base_type_name, tenon::number(1)), (extension_number, tenon::number(2)))
};
struct ServiceResponse {
  std::string name;
  TENON_STRUCT(ServiceResponse, (name, tenon::number(1)))
};
struct ListServiceResponse {
  std::vector<ServiceResponse> service;
  TENON_STRUCT(ListServiceResponse, (service, tenon::number(1)))
};
struct ErrorResponse {
  int error_code = 0;
  std::string error_message;
  TENON_STRUCT(ErrorResponse, (error_code, tenon::number(1)), (error_message, tenon::number(2)))
};
struct ServerReflectionResponse {
  std::string valid_host;
  ServerReflectionRequest original_request;
  std::variant<std::monostate, FileDescriptorResponse, ExtensionNumberResponse, ListServiceResponse, ErrorResponse> message_response;
  TENON_STRUCT(ServerReflectionResponse, (valid_host, tenon::number(1)), (original_request, tenon::number(2)),
               (message_response, tenon::numbers(4, 5, 6, 7),
                tenon::names("file_descriptor_response", "all_extension_numbers_response", "list_services_response", "error_response")))
};

/// Answers the questions of both versions.
class reflection_answers {
 public:
  explicit reflection_answers(std::shared_ptr<const detail::described_files> files) : files_{std::move(files)} {}

  /// Holds no answer when nothing was asked.
  [[gnu::cold]] ServerReflectionResponse answer(ServerReflectionRequest asked) const {
    ServerReflectionResponse said;
    auto& into = said.message_response;
    if (asked.file_by_filename) {
      give_file(*asked.file_by_filename, "file", *asked.file_by_filename, into);
    } else if (asked.file_containing_symbol) {
      give_file(files_->file_with(*asked.file_containing_symbol), "symbol", *asked.file_containing_symbol, into);
    } else if (asked.file_containing_extension) {
      // proto3 has none.
      into = not_found("extension of", asked.file_containing_extension->containing_type);
    } else if (asked.all_extension_numbers_of_type) {
      const std::string& name = *asked.all_extension_numbers_of_type;
      if (files_->has_message(name)) into = ExtensionNumberResponse{.base_type_name = name, .extension_number = {}};
      else into = not_found("message", name);
    } else if (asked.list_services) {
      ListServiceResponse list;
      for (const std::string& each : files_->services()) list.service.push_back({each});
      into = std::move(list);
    }
    said.valid_host = asked.host;
    said.original_request = std::move(asked);
    return said;
  }

  stream<ServerReflectionResponse> answer_all(source<ServerReflectionRequest> questions) const {
    while (auto asked = co_await questions.next()) {
      const ServerReflectionResponse said = answer(std::move(*asked));
      if (said.message_response.index() == 0) {
        const status why{code::invalid_argument, "the request asks for nothing"};
        co_yield why;
      }
      co_yield said;
    }
  }

 private:
  static ErrorResponse not_found(std::string_view what, std::string_view name) {
    return {.error_code = static_cast<int>(code::not_found), .error_message = tenon::detail::join_text({"no ", what, " ", name, " is known here"})};
  }
  void give_file(std::string_view file, std::string_view what, std::string_view asked, decltype(ServerReflectionResponse::message_response)& into) const {
    FileDescriptorResponse found;
    for (const std::string& each : files_->file_and_needs(file)) {
      const auto* first = reinterpret_cast<const std::byte*>(each.data());
      found.file_descriptor_proto.emplace_back(first, first + each.size());
    }
    if (found.file_descriptor_proto.empty()) into = not_found(what, asked);
    else into = std::move(found);
  }

  std::shared_ptr<const detail::described_files> files_;
};

/// The service itself: `grpc.reflection.v1.ServerReflection`, and its elder.
struct reflection_service {
  reflection_answers answers;
  stream<ServerReflectionResponse> ServerReflectionInfo(source<ServerReflectionRequest> questions) { return answers.answer_all(questions); }
  TENON_SERVICE((reflection_service, tenon::name("grpc.reflection.v1.ServerReflection")), ServerReflectionInfo)
};
struct reflection_service_alpha {
  reflection_answers answers;
  stream<ServerReflectionResponse> ServerReflectionInfo(source<ServerReflectionRequest> questions) { return answers.answer_all(questions); }
  TENON_SERVICE((reflection_service_alpha, tenon::name("grpc.reflection.v1alpha.ServerReflection")), ServerReflectionInfo)
};

}  // namespace service

/// Lets grpcurl and its kin list, describe and call these services: `tenon::serve_reflection<market, desk>(server);`, of whichever contracts `server` serves. Before
/// `start`; errors are the server's, and returned by its `start`.
///
/// Shape   descriptors say what `describe<market>(schema::proto)` prints, with one file for each package, `market/v1.proto`, and `services.proto` for services without one.
/// Source  gRPC Server Reflection Protocol, grpc.reflection.v1 and v1alpha.
template <contract... Services, class Server>
void serve_reflection(Server& server) {
  static_assert(sizeof...(Services) != 0, "tenon::serve_reflection: no service is named; write tenon::serve_reflection<market>(server)");
  const service::reflection_answers answers{service::detail::described_files::of<Services..., service::reflection_service, service::reflection_service_alpha>()};
  server.serve(service::reflection_service{answers});
  server.serve(service::reflection_service_alpha{answers});
}

}  // namespace tenon::inline v0
