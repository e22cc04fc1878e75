// The contract of the market examples: declared only, so that a client links nothing of the server.
#pragma once

#include <string>
#include <vector>

#include <tenon.hpp>

struct quote {
  std::string symbol;
  double price = 0;
};

struct market {
  quote last(std::string symbol);
  quote buy(std::string symbol, int shares);
  double average(std::vector<std::string> symbols);
  TENON_SERVICE(market, (last, tenon::idempotent), (buy, tenon::params("symbol", "shares")), (average, tenon::idempotent))
};
