// tenon's protobuf against libprotobuf's generated code for the same messages: random messages both ways, the last of two, merging, packed and unpacked, unknown fields.
#include <tenon/codec/protobuf.hpp>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include <doctest/doctest.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>
#if __has_include(<google/protobuf/stubs/logging.h>)
#include <google/protobuf/stubs/logging.h>
#endif
#include <peer.pb.h>

#include <tenon/codec/concept.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/reflect/enums.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/shape.hpp>
#include <tenon/service/describe.hpp>

#include "../../service/described.hpp"
#include "peer.hpp"

namespace mirror {
namespace {

using codec = tenon::codec::protobuf;
namespace pb = google::protobuf;

// Splitmix64: the same messages on every machine.
class random_source {
 public:
  explicit random_source(std::uint64_t seed) : state_{seed} {}
  std::uint64_t next() {
    std::uint64_t mixed = state_ += 0x9E37'79B9'7F4A'7C15U;
    mixed = (mixed ^ mixed >> 30) * 0xBF58'476D'1CE4'E5B9U;
    mixed = (mixed ^ mixed >> 27) * 0x94D0'49BB'1331'11EBU;
    return mixed ^ mixed >> 31;
  }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }
  bool one_in(std::size_t count) { return below(count) == 0; }
  // Every length of number is as likely as any other; zero comes often.
  std::uint64_t number() { return one_in(4) ? 0 : next() >> below(64); }
  std::string text() {
    constexpr std::string_view letters[] = {"a", "Z", "0", " ", "\x7f", "\xc3\xa9", "\xe5\xad\x97", "\xe0\xa4\x85", "\xed\x95\x9c", "\xf0\x9f\x8e\x89", "\n"};
    std::string text;
    for (std::size_t count = one_in(10) ? below(200) : below(12); count > 0; --count) text += letters[one_in(3) ? below(11) : below(3)];
    return text;
  }

 private:
  std::uint64_t state_;
};

template <class T>
void fill(random_source& random, T& value, int depth) {
  constexpr tenon::shape form = tenon::shape_of<T>;
  if constexpr (form == tenon::shape::boolean) {
    value = random.one_in(2);
  } else if constexpr (form == tenon::shape::enumeration) {
    value = tenon::enum_entries<T>[random.below(tenon::enum_entries<T>.size())].value;
  } else if constexpr (form == tenon::shape::integer) {
    value = static_cast<T>(random.number());
  } else if constexpr (form == tenon::shape::floating) {
    value = static_cast<T>(static_cast<std::int64_t>(random.number() >> 20)) / 8;
  } else if constexpr (form == tenon::shape::text) {
    value = random.text();
  } else if constexpr (form == tenon::shape::binary) {
    for (const char each : random.text()) value.push_back(static_cast<std::byte>(each));
  } else if constexpr (form == tenon::shape::duration) {
    value = T{static_cast<std::int64_t>(random.number())};
  } else if constexpr (form == tenon::shape::time_point) {
    value = T{typename T::duration{static_cast<std::int64_t>(random.number())}};
  } else if constexpr (form == tenon::shape::free_json) {
    if (random.one_in(2)) value = {{"a", {random.text(), nullptr, true, 1.5}}, {random.text(), random.below(1000)}};
  } else if constexpr (form == tenon::shape::optional) {
    if (random.one_in(2) || depth > 3) return;
    if constexpr (requires { value.emplace(); }) value.emplace();
    else value = std::make_unique<typename T::element_type>();
    fill(random, *value, depth + 1);
  } else if constexpr (form == tenon::shape::sequence) {
    for (std::size_t count = depth > 3 ? 0 : random.below(4); count > 0; --count) {
      typename T::value_type each{};
      fill(random, each, depth + 1);
      value.push_back(std::move(each));
    }
  } else if constexpr (form == tenon::shape::mapping) {
    for (std::size_t count = depth > 3 ? 0 : random.below(4); count > 0; --count) {
      typename T::key_type key{};
      fill(random, key, depth);
      fill(random, value[key], depth + 1);
    }
  } else if constexpr (form == tenon::shape::variant) {
    switch (random.below(4)) {
      case 0: break;
      case 1: value = static_cast<std::int32_t>(random.number()); break;
      case 2: value = random.text(); break;
      default: fill(random, value.template emplace<scalars>(), depth + 1);
    }
  } else {
    tenon::for_each_field(value, [&](auto, auto& member) { fill(random, member, depth); });
  }
}

// The other way round, over libprotobuf's own reflection.
void fill_theirs(random_source& random, pb::Message& message, int depth) {
  const pb::Descriptor& type = *message.GetDescriptor();
  const pb::Reflection& access = *message.GetReflection();
  if (type.full_name() == "google.protobuf.Timestamp" || type.full_name() == "google.protobuf.Duration") {
    access.SetInt64(&message, type.FindFieldByName("seconds"), static_cast<std::int64_t>(random.number() >> 32));
    access.SetInt32(&message, type.FindFieldByName("nanos"), static_cast<std::int32_t>(random.below(1'000'000'000)));
    return;
  }
  for (int index = 0; index < type.field_count(); ++index) {
    const pb::FieldDescriptor* const field = type.field(index);
    using kind = pb::FieldDescriptor::CppType;
    const bool is_message = field->cpp_type() == kind::CPPTYPE_MESSAGE;
    if (field->full_name() == "peer.nested.value" || (field->real_containing_oneof() != nullptr && random.one_in(2))) continue;
    if (random.one_in(3) || (is_message && depth > 3)) continue;
    for (std::size_t count = field->is_repeated() ? random.below(4) : 1; count > 0; --count) {
      const bool adds = field->is_repeated();
      const std::uint64_t number = random.number();
      switch (field->cpp_type()) {
        case kind::CPPTYPE_INT32: adds ? access.AddInt32(&message, field, static_cast<std::int32_t>(number)) : access.SetInt32(&message, field, static_cast<std::int32_t>(number)); break;
        case kind::CPPTYPE_INT64: adds ? access.AddInt64(&message, field, static_cast<std::int64_t>(number)) : access.SetInt64(&message, field, static_cast<std::int64_t>(number)); break;
        case kind::CPPTYPE_UINT32: adds ? access.AddUInt32(&message, field, static_cast<std::uint32_t>(number)) : access.SetUInt32(&message, field, static_cast<std::uint32_t>(number)); break;
        case kind::CPPTYPE_UINT64: adds ? access.AddUInt64(&message, field, number) : access.SetUInt64(&message, field, number); break;
        case kind::CPPTYPE_DOUBLE: {
          double real = 0;
          std::memcpy(&real, &number, sizeof real);
          if (real != real) real = -0.0;
          adds ? access.AddDouble(&message, field, real) : access.SetDouble(&message, field, real);
          break;
        }
        case kind::CPPTYPE_FLOAT: adds ? access.AddFloat(&message, field, static_cast<float>(number)) : access.SetFloat(&message, field, static_cast<float>(number)); break;
        case kind::CPPTYPE_BOOL: adds ? access.AddBool(&message, field, number % 2 != 0) : access.SetBool(&message, field, number % 2 != 0); break;
        case kind::CPPTYPE_ENUM: adds ? access.AddEnumValue(&message, field, static_cast<int>(number)) : access.SetEnumValue(&message, field, static_cast<int>(number)); break;
        case kind::CPPTYPE_STRING: adds ? access.AddString(&message, field, random.text()) : access.SetString(&message, field, random.text()); break;
        case kind::CPPTYPE_MESSAGE: fill_theirs(random, adds ? *access.AddMessage(&message, field) : *access.MutableMessage(&message, field), depth + 1); break;
      }
    }
  }
}

// Maps in the order of their keys, so that equal messages have equal bytes.
std::string sorted(const pb::Message& message) {
  std::string text;
  {
    pb::io::StringOutputStream stream{&text};
    pb::io::CodedOutputStream out{&stream};
    out.SetSerializationDeterministic(true);
    REQUIRE(message.SerializeToCodedStream(&out));
  }
  return text;
}

// What a Value says by null, by having no kind, and by being absent is one thing to nlohmann::json, which holds null for each.
void settle(pb::Value& value) {
  if (value.kind_case() == pb::Value::KIND_NOT_SET) value.set_null_value(pb::NULL_VALUE);
  if (value.has_list_value()) {
    for (pb::Value& each : *value.mutable_list_value()->mutable_values()) settle(each);
  }
  if (value.has_struct_value()) {
    for (auto& entry : *value.mutable_struct_value()->mutable_fields()) settle(entry.second);
  }
}
void settle(peer::everything& message) {
  if (!message.has_seven() || !message.seven().has_value()) return;
  settle(*message.mutable_seven()->mutable_value());
  if (message.seven().value().has_null_value()) message.mutable_seven()->clear_value();
}

std::string in_hex(std::string_view bytes) {
  std::string text;
  for (const char each : bytes) {
    for (const int shift : {4, 0}) text += "0123456789abcdef"[static_cast<unsigned char>(each) >> shift & 15];
  }
  return text;
}

}  // namespace

TEST_CASE("random messages of ours are read by libprotobuf, with no field unknown to it, and come back") {
  random_source random{1};
  for (int round = 0; round < 10'000; ++round) {
    everything ours;
    fill(random, ours, 0);
    const std::string wire = tenon::encode<codec>(ours);
    peer::everything theirs;
    REQUIRE(theirs.ParseFromString(wire));
    theirs.DiscardUnknownFields();
    const std::string back = sorted(theirs);
    REQUIRE(back.size() == wire.size());
    everything again;
    REQUIRE(tenon::decode_into<codec>(back, again).ok());
    REQUIRE(tenon::encode<codec>(again) == wire);
  }
}

TEST_CASE("random messages of libprotobuf's are read by us, and come back") {
  random_source random{2};
  everything reused;
  for (int round = 0; round < 10'000; ++round) {
    peer::everything theirs;
    fill_theirs(random, theirs, 0);
    const std::string wire = sorted(theirs);
    everything ours;
    const tenon::status read = tenon::decode_into<codec>(wire, ours);
    REQUIRE_MESSAGE(read.ok(), read.message());
    REQUIRE(tenon::decode_into<codec>(wire, reused).ok());
    const std::string written = tenon::encode<codec>(ours);
    REQUIRE(tenon::encode<codec>(reused) == written);
    peer::everything back;
    REQUIRE(back.ParseFromString(written));
    REQUIRE(sorted(back) == sorted(theirs));
  }
}

TEST_CASE("proto3's json of random messages of ours is read by libprotobuf") {
  using json = tenon::codec::proto_json;
  random_source random{6};
  for (int round = 0; round < 2'000; ++round) {
    everything ours;
    fill(random, ours, 0);
    if (ours.seven) ours.seven->rows.clear();  // Lists of lists are arrays of arrays to us, and of objects to .proto.
    const std::string text = tenon::encode<json>(ours);
    CAPTURE(text);
    peer::everything theirs;
    const auto read = pb::util::JsonStringToMessage(text, &theirs);
    REQUIRE_MESSAGE(read.ok(), read.ToString());
    peer::everything expected;
    REQUIRE(expected.ParseFromString(tenon::encode<codec>(ours)));
    REQUIRE(sorted(theirs) == sorted(expected));
    everything back;
    REQUIRE(tenon::decode_into<json>(text, back).ok());
    REQUIRE(tenon::encode<codec>(back) == tenon::encode<codec>(ours));
  }
}

TEST_CASE("proto3's json of random messages of libprotobuf's is read by us") {
  using json = tenon::codec::proto_json;
  random_source random{7};
  everything reused;
  for (int round = 0; round < 2'000; ++round) {
    peer::everything theirs;
    fill_theirs(random, theirs, 0);
    if (theirs.has_seven()) theirs.mutable_seven()->clear_rows();
    std::string text;
    REQUIRE(pb::util::MessageToJsonString(theirs, &text).ok());
    CAPTURE(text);
    const tenon::status read = tenon::decode_into<json>(text, reused);
    REQUIRE_MESSAGE(read.ok(), read.message());
    peer::everything back;
    REQUIRE(back.ParseFromString(tenon::encode<codec>(reused)));
    REQUIRE(sorted(back) == sorted(theirs));
  }
}

TEST_CASE("each type has the value that libprotobuf's accessor tells") {
  random_source random{3};
  for (int round = 0; round < 1'000; ++round) {
    scalars ours;
    fill(random, ours, 0);
    peer::scalars theirs;
    REQUIRE(theirs.ParseFromString(tenon::encode<codec>(ours)));
    CHECK(theirs.truth() == ours.truth);
    CHECK(theirs.signed_32() == ours.signed_32);
    CHECK(theirs.signed_64() == ours.signed_64);
    CHECK(theirs.unsigned_32() == ours.unsigned_32);
    CHECK(theirs.unsigned_64() == ours.unsigned_64);
    CHECK(theirs.zigzag_32() == ours.zigzag_32);
    CHECK(theirs.zigzag_64() == ours.zigzag_64);
    CHECK(theirs.fixed_32() == ours.fixed_32);
    CHECK(theirs.fixed_64() == ours.fixed_64);
    CHECK(theirs.sfixed_32() == ours.sfixed_32);
    CHECK(theirs.sfixed_64() == ours.sfixed_64);
    CHECK(theirs.single() == ours.single);
    CHECK(theirs.real() == ours.real);
    CHECK(theirs.text() == ours.text);
    CHECK(std::string_view{theirs.data()} == std::string_view{reinterpret_cast<const char*>(ours.data.data()), ours.data.size()});
    CHECK(static_cast<int>(theirs.tint()) == static_cast<int>(ours.tint));
    // The same bytes, not only the same values.
    CHECK(theirs.SerializeAsString() == tenon::encode<codec>(ours));
    CHECK(tenon::decode<scalars, codec>(theirs.SerializeAsString()).value() == ours);
  }
}

TEST_CASE("one message after another merges as libprotobuf merges them") {
  random_source random{4};
  for (int round = 0; round < 5'000; ++round) {
    peer::everything one;
    peer::everything other;
    fill_theirs(random, one, 0);
    fill_theirs(random, other, 0);
    const std::string wire = sorted(one) + sorted(other);
    peer::everything merged;
    REQUIRE(merged.ParseFromString(wire));
    everything ours;
    REQUIRE(tenon::decode_into<codec>(wire, ours).ok());
    peer::everything back;
    REQUIRE(back.ParseFromString(tenon::encode<codec>(ours)));
    REQUIRE(sorted(back) == sorted(merged));
  }
}

TEST_CASE("what describe prints of our structs is the .proto file that libprotobuf's side is made of") {
  std::ifstream file{PEER_PROTO};
  const std::string expected{std::istreambuf_iterator<char>{file}, {}};
  CHECK(tenon::describe<everything>(tenon::schema::proto) == expected);
}

TEST_CASE("protoc takes what describe prints") {
  int count = 0;
  for (const std::string& text : {tenon::describe<described::market>(tenon::schema::proto), tenon::describe<described::everything>(tenon::schema::proto),
                                  tenon::describe<described::holder>(tenon::schema::proto)}) {
    const std::string name = "described" + std::to_string(++count);
    std::ofstream{name + ".proto"} << text;
    const std::string command = PROTOC " --proto_path=. --descriptor_set_out=" + name + ".bin " + name + ".proto";
    CHECK(std::system(command.c_str()) == 0);
  }
}

TEST_CASE("a Value that is null, or has no kind, is a missing one to us and nothing else is lost with it") {
  for (const std::string_view value : {std::string_view{""}, std::string_view{"\x08\x00", 2}, std::string_view{"\x10\x01"}}) {
    peer::everything theirs;
    theirs.mutable_seven()->add_times()->set_nanos(380'508'743);
    REQUIRE(theirs.mutable_seven()->mutable_value()->ParseFromArray(value.data(), static_cast<int>(value.size())));
    everything ours;
    REQUIRE(tenon::decode_into<codec>(sorted(theirs), ours).ok());
    CHECK(ours.seven->value == nullptr);
    theirs.mutable_seven()->clear_value();
    CHECK(tenon::encode<codec>(ours) == sorted(theirs));
  }
  // Inside of a list a null has its place.
  peer::everything theirs;
  theirs.mutable_seven()->mutable_value()->mutable_list_value()->add_values();
  everything ours;
  REQUIRE(tenon::decode_into<codec>(sorted(theirs), ours).ok());
  CHECK(ours.seven->value == nlohmann::json::array({nullptr}));
  settle(theirs);
  CHECK(tenon::encode<codec>(ours) == sorted(theirs));
}

TEST_CASE("random damage: what libprotobuf refuses we refuse, and what it reads we read") {
#if __has_include(<google/protobuf/stubs/logging.h>)
  const pb::LogSilencer quiet;  // Else a line for each text that is no UTF-8.
#endif
  random_source random{5};
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    peer::everything theirs;
    fill_theirs(random, theirs, 2);
    // In one order, as libprotobuf's own differs from run to run: a disagreement must come again.
    std::string wire = sorted(theirs);
    for (std::size_t count = 1 + random.below(3); count > 0 && !wire.empty(); --count) {
      if (random.one_in(3)) wire.resize(random.below(wire.size()));
      else wire[random.below(wire.size())] = static_cast<char>(random.next());
    }
    everything ours;
    const tenon::status read = tenon::decode_into<codec>(wire, ours);
    const bool parsed = theirs.ParseFromString(wire);
    CAPTURE(read.message());
    CAPTURE(in_hex(wire));
    // A time that nanoseconds cannot hold, or a fraction of a second that is none, is a number like others to libprotobuf; it cuts tags to 32 bits.
    const auto says = [&read](const char* what) { return read.message().find(what) != std::string::npos; };
    const bool only_ours = says("nanoseconds") || says("can hold") || says("expected field number");
    if (!only_ours) REQUIRE(read.ok() == parsed);
    refused += parsed ? 0 : 1;
    if (!read.ok() || !parsed) continue;
    theirs.DiscardUnknownFields();
    settle(theirs);
    peer::everything back;
    REQUIRE(back.ParseFromString(tenon::encode<codec>(ours)));
    const bool same = sorted(back) == sorted(theirs);
    REQUIRE(same);
  }
  CHECK(refused > 1'000);
}

}  // namespace mirror
