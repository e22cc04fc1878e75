// Types that meet every rule of describe; shared with the test that has libprotobuf read what is printed.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include <tenon/core/result.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/reflect/struct.hpp>

namespace described {

enum class side { buy = 1, sell = 2 };
enum class state { open, closed };
enum class door { open, shut };

struct quote {
  std::string symbol;
  double price = 0;
  TENON_STRUCT((quote, tenon::doc("The price of one symbol."), tenon::reserved(3, 5)), (symbol, tenon::doc("As the exchange spells it.\nUpper case.")), price)
};
struct circle {
  double radius = 0;
};
template <class T>
struct page {
  std::vector<T> items;
  int next = 0;
};
struct everything {
  std::vector<std::vector<std::int32_t>> rows;
  std::map<std::string, std::vector<quote>> books;
  std::map<side, bool> sides;
  std::variant<std::monostate, std::int64_t, std::string, circle, std::vector<int>> body;
  std::tuple<int, std::string> both;
  std::array<float, 3> corner{};
  std::optional<std::uint8_t> maybe;
  std::optional<circle> shape;
  std::vector<std::optional<int>> holes;
  std::chrono::system_clock::time_point at;
  std::chrono::milliseconds took{};
  nlohmann::json more;
  state now = state::open;
  door front = door::open;
  page<quote> quotes;
};
struct any {
  std::string type_url;
  std::string value;
  TENON_STRUCT((any, tenon::name("google.protobuf.Any")), type_url, value)
};
struct holder {
  any detail;
  std::string rest;
  int count = 0;
  TENON_STRUCT((holder, tenon::name("shop.v1.Holder")), (detail, tenon::number(7)), (rest, tenon::unknown_fields), (count, tenon::required, tenon::sint))
};

struct market {
  quote last(std::string symbol);
  tenon::result<int> buy(quote what, int shares, side which);
  void close();
  quote best(quote of);
  std::vector<quote> all(std::vector<std::string> symbols);
  TENON_SERVICE((market, tenon::name("exchange.v1.Market"), tenon::doc("Where quotes come from.")), (last, tenon::idempotent, tenon::params("symbol")), buy, close,
                (best, tenon::doc("The best so far.")), all)
};

}  // namespace described
