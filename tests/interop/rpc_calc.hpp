// The service that the JSON-RPC and MessagePack-RPC peers know: node_jsonrpc/peer.js and go_msgpack_rpc/main.go serve the same methods.
#pragma once

#include <string>
#include <vector>

#include <tenon.hpp>

namespace interop {

struct box {
  std::string name;
  std::vector<int> sizes;
  friend bool operator==(const box&, const box&) = default;
};

struct calc {
  int subtract(int minuend, int subtrahend);
  int total(std::vector<int> numbers);
  box keep(box what);
  std::string version();
  tenon::result<int> fail(std::string why);
  asio::awaitable<int> slow(int milliseconds);
  void note(std::string text);
  int noted();
  TENON_SERVICE(calc, (subtract, tenon::params("minuend", "subtrahend")), total, keep, version, fail, slow, note, noted)
};

}  // namespace interop
