#pragma once
// What both units see: the same messages and the same service, instantiated in each.
#include <tenon.hpp>

struct quote {
  std::string symbol;
  double price = 0;
};

struct market {
  quote last(std::string symbol) { return {std::move(symbol), 1.5}; }
  TENON_SERVICE(market, (last, tenon::idempotent))
};

std::string encoded_by_second(const quote& value);
tenon::status serve_from_second(tenon::server<>& server);
const void* version_seen_by_second();
