// The service of the interop tests, as go/service.go has it: its names are Go's, since rpcx sends the names of Go fields and methods as they are.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <tenon.hpp>

namespace interop {

struct args {
  std::int64_t A = 0;
  std::int64_t B = 0;
};

struct reply {
  std::int64_t C = 0;
};

struct blob {
  tenon::bytes Data;
  std::string Text;
  friend bool operator==(const blob&, const blob&) = default;
};

struct nested {
  std::string Name;
  std::vector<std::int32_t> Values;
  friend bool operator==(const nested&, const nested&) = default;
};

struct mixed {
  std::string String;
  bool Bool = false;
  std::int8_t I8 = 0;
  std::int16_t I16 = 0;
  std::int32_t I32 = 0;
  std::int64_t I64 = 0;
  std::uint8_t U8 = 0;
  std::uint16_t U16 = 0;
  std::uint32_t U32 = 0;
  std::uint64_t U64 = 0;
  float F32 = 0;
  double F64 = 0;
  std::vector<std::string> Strings;
  std::map<std::string, std::int64_t> Counts;
  nested Inner;
  std::chrono::system_clock::time_point When;
  tenon::bytes Data;
  friend bool operator==(const mixed&, const mixed&) = default;
};

// The contract; rpcx_server.cpp implements it, and so does the Go peer.
struct Arith {
  reply Mul(args numbers);
  tenon::result<reply> Fail(args numbers);
  asio::awaitable<tenon::result<reply>> Slow(tenon::context& call, args numbers);
  reply Deadlines(args nothing);
  reply Meta(tenon::context& call, args nothing);
  reply Note(args nothing);
  reply Noted(args nothing);
  std::string Text(std::string text);
  blob Big(blob data);
  mixed Mixed(mixed message);
  TENON_SERVICE(Arith, Mul, Fail, Slow, Deadlines, Meta, Note, Noted, Text, Big, Mixed);
};

}  // namespace interop
