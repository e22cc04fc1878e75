// What is served to, and called at, gRPC's Python: the messages, from which tenon prints the .proto that makes Python's stubs.
#pragma once

#include <tenon.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

struct Order {
  std::string symbol{};
  std::int64_t shares = 0;
  std::vector<std::string> tags{};
  tenon::bytes attachment{};
  TENON_STRUCT((Order, tenon::name("desk.v1.Order")), symbol, shares, tags, attachment)
};
struct Receipt {
  std::string text{};
  double price = 0;
  tenon::bytes attachment{};
  TENON_STRUCT((Receipt, tenon::name("desk.v1.Receipt")), text, price, attachment)
};
struct Wanted {
  std::string symbol{};
  std::int32_t count = 0;
  std::int32_t size = 0;
  TENON_STRUCT((Wanted, tenon::name("desk.v1.Wanted")), symbol, count, size)
};
struct Tick {
  std::int32_t number = 0;
  std::string text{};
  TENON_STRUCT((Tick, tenon::name("desk.v1.Tick")), number, text)
};
struct Total {
  std::int64_t shares = 0;
  std::int32_t orders = 0;
  TENON_STRUCT((Total, tenon::name("desk.v1.Total")), shares, orders)
};
struct Nothing {
  TENON_STRUCT((Nothing, tenon::name("desk.v1.Nothing")))
};

inline constexpr std::string_view trace_key = "trace";
inline constexpr std::string_view state_key = "state-bin";
// A desk.v1.Receipt whose text is `more`: the detail of an error.
inline constexpr std::string_view detail_type = "desk.v1.Receipt";
inline constexpr std::string_view detail_bytes = "\x0a\x04more";
