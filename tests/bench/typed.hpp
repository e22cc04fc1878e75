// The service whose one method takes the 40-field message and gives it back, and gRPC's form of both. For tests/bench only.
#pragma once

#include <cstdint>
#include <string>

#include <tenon.hpp>
#include <tenon/codec/protobuf.hpp>

#include "codec_numbers.hpp"

// What a client sees: taken by reference, so that a client's message is encoded where it stands.
struct typed_service {
  codec_bench::message pass(const codec_bench::message& given);
  TENON_SERVICE(typed_service, pass)
};
struct typed_handler {
  codec_bench::message pass(codec_bench::message given) { return given; }
};

// bench.proto of the peers, without an IDL.
struct payload {
  tenon::bytes body;
};
struct wanted {
  std::uint32_t count = 0;
  std::uint32_t bytes = 0;
};
struct grpc_service {
  payload Say(const payload& said);
  codec_bench::message Pass(const codec_bench::message& given);
  tenon::stream<payload> Watch(wanted what);
  TENON_SERVICE((grpc_service, tenon::name("bench.Echo")), Say, Pass, Watch)
};
struct grpc_handler {
  payload Say(payload said) { return said; }
  codec_bench::message Pass(codec_bench::message given) { return given; }
  tenon::stream<payload> Watch(wanted what) {
    const payload item{tenon::bytes(what.bytes, std::byte{'x'})};
    for (std::uint32_t i = 0; i < what.count; ++i) co_yield item;
  }
};
