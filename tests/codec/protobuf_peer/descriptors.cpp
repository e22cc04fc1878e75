// What reflection says of a service is what protoc makes of its .proto file: both are read by libprotobuf, and must print alike.
#include <tenon/service/reflection.hpp>

#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include <tenon/service/describe.hpp>
#include <tenon/service/health.hpp>

#include "../../service/described.hpp"

namespace descriptors {

namespace pb = google::protobuf;

struct warehouse {
  described::everything take(described::everything all);
  tenon::stream<described::holder> watch(tenon::source<described::quote> from);
  tenon::task<int> count(tenon::context& call, std::map<std::string, int> by_name, std::optional<double> least);
  TENON_SERVICE((warehouse, tenon::name("depot.Warehouse")), (take, tenon::safe), watch, (count, tenon::idempotent))
};
struct nameless {
  void nothing();
  TENON_SERVICE(nameless, nothing)
};

struct complaints final : pb::DescriptorPool::ErrorCollector {
  void AddError(const std::string&, const std::string& element, const pb::Message*, ErrorLocation, const std::string& what) override { all += element + ": " + what + "\n"; }
  std::string all;
};

std::string printed(pb::DescriptorPool& pool, const pb::FileDescriptorProto& file) {
  complaints heard;
  const pb::FileDescriptor* built = pool.BuildFileCollectingErrors(file, &heard);
  return built == nullptr ? heard.all : built->DebugString();
}

/// The files that protobuf brings along, from its own generated code.
std::vector<const pb::FileDescriptor*> brought_along() {
  return {pb::Any::descriptor()->file(),       pb::Duration::descriptor()->file(), pb::Empty::descriptor()->file(),     pb::FieldMask::descriptor()->file(),
          pb::Struct::descriptor()->file(),    pb::Timestamp::descriptor()->file(), pb::Int32Value::descriptor()->file()};
}

std::string of_protoc(const std::string& text, const std::string& name) {
  std::ofstream{"reflected.proto"} << text;
  if (std::system(PROTOC " --proto_path=. --include_imports --descriptor_set_out=reflected.bin reflected.proto") != 0) return "protoc refuses it";
  std::ifstream bytes{"reflected.bin", std::ios::binary};
  pb::FileDescriptorSet all;
  if (!all.ParseFromIstream(&bytes)) return "no FileDescriptorSet";
  pb::DescriptorPool pool;
  std::string last;
  for (pb::FileDescriptorProto& each : *all.mutable_file()) {
    if (each.name() == "reflected.proto") each.set_name(name);
    last = printed(pool, each);
  }
  return last;
}

/// The first of what reflection answers, in a pool that knows nothing but the rest of it.
std::string of_reflection(const std::vector<std::string>& files) {
  pb::DescriptorPool pool;
  std::string last;
  for (std::size_t i = files.size(); i-- > 0;) {
    pb::FileDescriptorProto file;
    if (!file.ParseFromString(files[i])) return "no FileDescriptorProto";
    last = printed(pool, file);
  }
  return last;
}

template <class S>
void compare(const std::string& name) {
  CAPTURE(name);
  const auto files = tenon::service::detail::described_files::of<S>();
  const std::string expected = of_protoc(tenon::describe<S>(tenon::schema::proto), name);
  CHECK(expected.find("service ") != std::string::npos);
  CHECK(of_reflection(files->file_and_needs(name)) == expected);
}

}  // namespace descriptors

using namespace descriptors;

TEST_CASE("reflection says of a service what protoc makes of its .proto file") {
  compare<described::market>("exchange/v1.proto");
  compare<warehouse>("depot.proto");
  compare<nameless>("services.proto");
  compare<tenon::health_service>("grpc/health/v1.proto");
  compare<tenon::service::reflection_service>("grpc/reflection/v1.proto");
}

TEST_CASE("reflection has the files that protobuf brings along") {
  const auto files = tenon::service::detail::described_files::of<nameless>();
  for (const pb::FileDescriptor* each : brought_along()) {
    pb::FileDescriptorProto theirs;
    each->CopyTo(&theirs);
    each->CopyJsonNameTo(&theirs);
    theirs.clear_options();
    pb::DescriptorPool pool;
    CHECK(of_reflection(files->file_and_needs(each->name())) == printed(pool, theirs));
  }
}
