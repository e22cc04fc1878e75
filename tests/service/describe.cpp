#include <tenon/service/describe.hpp>

#include <doctest/doctest.h>

#include <string>

#include <nlohmann/json.hpp>

#include <tenon/codec/protobuf.hpp>
#include <tenon/core/source.hpp>
#include <tenon/core/stream.hpp>

#include "described.hpp"

namespace described {

static_assert(tenon::locked_schema<circle>("double radius = 1;"));
static_assert(tenon::locked_schema<quote>("reserved 3, 5;  // gone\n string symbol=1; double price = 2;"));
static_assert(!tenon::locked_schema<circle>("double radius = 2;"));
static_assert(!tenon::locked_schema<circle>("float radius = 1;"));
static_assert(!tenon::locked_schema<circle>("double radius = 1; double more = 2;"));
static_assert(!tenon::locked_schema<circle>(""));
static_assert(tenon::locked_schema<holder>("google.protobuf.Any detail = 7; optional sint32 count = 2;"));
static_assert(tenon::locked_schema<page<quote>>("repeated quote items = 1; int32 next = 2;"));

}  // namespace described

TEST_CASE("a service is described with its package, its messages and what C++ has no name for") {
  CHECK(tenon::describe<described::market>(tenon::schema::proto) == R"(syntax = "proto3";

package exchange.v1;

import "google/protobuf/empty.proto";

message LastRequest {
  string symbol = 1;
}

// The price of one symbol.
message quote {
  reserved 3, 5;
  // As the exchange spells it.
  // Upper case.
  string symbol = 1;
  double price = 2;
}

enum side {
  side_unspecified = 0;
  buy = 1;
  sell = 2;
}

message BuyRequest {
  quote argument1 = 1;
  int32 argument2 = 2;
  side argument3 = 3;
}

message BuyResponse {
  int32 value = 1;
}

message AllRequest {
  repeated string argument1 = 1;
}

message AllResponse {
  repeated quote value = 1;
}

// Where quotes come from.
service Market {
  rpc last(LastRequest) returns (quote) {
    option idempotency_level = IDEMPOTENT;
  }
  rpc buy(BuyRequest) returns (BuyResponse);
  rpc close(google.protobuf.Empty) returns (google.protobuf.Empty);
  // The best so far.
  rpc best(quote) returns (quote);
  rpc all(AllRequest) returns (AllResponse);
}
)");
}

TEST_CASE("what protobuf has no field for becomes a message beside the field") {
  CHECK(tenon::describe<described::everything>(tenon::schema::proto) == R"(syntax = "proto3";

import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";

// The price of one symbol.
message quote {
  reserved 3, 5;
  // As the exchange spells it.
  // Upper case.
  string symbol = 1;
  double price = 2;
}

message circle {
  double radius = 1;
}

enum state {
  open = 0;
  closed = 1;
}

enum door {
  door_open = 0;
  door_shut = 1;
}

message page_described_quote {
  repeated quote items = 1;
  int32 next = 2;
}

message everything {
  repeated RowsItem rows = 1;
  map<string, BooksItem> books = 2;
  map<int32, bool> sides = 3;
  oneof body {
    int64 body_int64 = 4;
    string body_string = 5;
    circle body_circle = 6;
    BodyItem5 body_item5 = 7;
  }
  BothItem both = 8;
  repeated float corner = 9;
  optional uint32 maybe = 10;
  circle shape = 11;
  repeated HolesItem holes = 12;
  google.protobuf.Timestamp at = 13;
  google.protobuf.Duration took = 14;
  google.protobuf.Value more = 15;
  state now = 16;
  door front = 17;
  page_described_quote quotes = 18;

  message RowsItem {
    repeated int32 value = 1;
  }

  message BooksItem {
    repeated quote value = 1;
  }

  message BodyItem5 {
    repeated int32 value = 1;
  }

  message BothItem {
    int32 value1 = 1;
    string value2 = 2;
  }

  message HolesItem {
    optional int32 value = 1;
  }
}
)");
}

TEST_CASE("a struct named after one of Google's types is imported, and its own name gives the file its package") {
  CHECK(tenon::describe<described::holder>(tenon::schema::proto) == R"(syntax = "proto3";

package shop.v1;

import "google/protobuf/any.proto";

message Holder {
  google.protobuf.Any detail = 7;
  optional sint32 count = 2;
}
)");
}

namespace {

struct reader {
  int look();
  TENON_SERVICE(reader, (look, tenon::safe))
};

struct streamer {
  tenon::stream<described::circle> watch(std::string symbol);
  int sum(tenon::source<described::circle> circles);
  tenon::stream<described::circle> both(tenon::context& call, tenon::source<int>& numbers);
  TENON_SERVICE(streamer, watch, sum, both)
};

}  // namespace

TEST_CASE("a safe method has no side effects in protobuf's words") {
  CHECK(tenon::describe<reader>(tenon::schema::proto).find("  rpc look(google.protobuf.Empty) returns (LookResponse) {\n    option idempotency_level = NO_SIDE_EFFECTS;\n  }\n") != std::string::npos);
}

TEST_CASE("methods that stream say so in the .proto, with what each item is") {
  CHECK(tenon::describe<streamer>(tenon::schema::proto) == R"(syntax = "proto3";

message WatchRequest {
  string argument1 = 1;
}

message circle {
  double radius = 1;
}

message SumResponse {
  int32 value = 1;
}

message BothRequest {
  int32 value = 1;
}

service streamer {
  rpc watch(WatchRequest) returns (stream circle);
  rpc sum(stream circle) returns (SumResponse);
  rpc both(stream BothRequest) returns (stream circle);
}
)");
  const auto schema = nlohmann::json::parse(tenon::describe<streamer>(tenon::schema::json_schema));
  CHECK(schema["$defs"].contains("watch.parameters"));
  CHECK(schema["$defs"].contains("watch.result_item"));
  CHECK(schema["$defs"].contains("sum.item"));
  CHECK(schema["$defs"].contains("sum.result"));
}
