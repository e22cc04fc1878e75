// The program on DESIGN.md's first page as it is written there.
#include <tenon.hpp>

#include <doctest/doctest.h>

#include <exception>
#include <future>
#include <string>
#include <vector>

#include <asio/use_future.hpp>

using namespace tenon::literals;

namespace {

struct quote { std::string symbol; double price = 0; };             // a message: any aggregate, no macro

struct market {                                                     // a service: any struct, one macro
  quote last(std::string symbol);                                   // plain function
  tenon::result<quote> buy(std::string symbol, int shares);         // errors are values
  tenon::task<double> average(std::vector<std::string> symbols);    // coroutine; asio::awaitable<double> is taken as well
  tenon::stream<quote> watch(std::string symbol);                   // server streaming
  TENON_SERVICE(market, (last, tenon::idempotent), buy, average, watch)
};

quote market::last(std::string symbol) { return {symbol, 42.5}; }
tenon::result<quote> market::buy(std::string symbol, int shares) {
  if (shares <= 0) return tenon::status{tenon::code::invalid_argument, "shares must be positive"};
  return quote{symbol, shares * 42.5};
}
tenon::task<double> market::average(std::vector<std::string> symbols) { co_return static_cast<double>(symbols.size()); }

tenon::stream<quote> market::watch(std::string symbol) {
  for (int i = 1; i <= 3; ++i) co_yield {symbol, i * 1.5};
}

using market_client = tenon::client<market, tenon::codec::msgpack, tenon::retry<>, tenon::breaker<>, tenon::timeout<200_ms>>;

struct row { int id = 0; };
struct database {
  int failures = 2;
  tenon::result<row> find(int id) {
    if (failures-- > 0) return tenon::status{tenon::code::unavailable, "busy"};
    return row{id};
  }
};

tenon::task<double> in_a_coroutine(market_client& m) {
  auto r = co_await m.buy("ACME", 3);
  auto s = m.watch("ACME");
  double last = 0;
  while (auto q = co_await s.next()) last = q->price;
  co_return s.status().ok() ? r->price + last : 0;
}

}  // namespace

TEST_CASE("the program of the design works as it is written") {
  tenon::server server;
  server.serve<tenon::limiter<tenon::per_second(1000)>, tenon::timeout<1_s>>(market{});   // policies; a contract may stand first
  auto where = server.listen("tcp://127.0.0.1:0");
  REQUIRE(where);
  server.start();

  market_client m{"tcp://127.0.0.1:" + std::to_string(where.port())};
  tenon::result<quote> q = m.last("ACME").get();                      // blocking
  REQUIRE(q);
  CHECK(q->price == 42.5);

  asio::io_context io;
  double bought = 0;
  tenon::spawn(io, in_a_coroutine(m), [&](std::exception_ptr, double price) { bought = price; });
  io.run();
  CHECK(bought == 127.5 + 4.5);

  std::promise<double> called_back;
  m.last("ACME").then([&](tenon::result<quote> got) { called_back.set_value(got->price); });
  CHECK(called_back.get_future().get() == 42.5);
  auto f = m.last("ACME", asio::use_future);                          // any asio completion token, as the last argument
  CHECK(f.get()->symbol == "ACME");
  CHECK(m.buy("ACME", -3).get().error().message() == "shares must be positive");
  CHECK(*m.average({"a", "b"}).get() == 2);

  quote a_quote;
  std::string text = tenon::encode<tenon::codec::json>(quote{"ACME", 1.5});
  tenon::result<quote> back = tenon::decode<quote, tenon::codec::json>(text);
  tenon::status s = tenon::decode_into<tenon::codec::json>(text, a_quote);       // reuses a_quote's memory
  CHECK(s.ok());
  CHECK(back->symbol == "ACME");
  CHECK(a_quote.price == 1.5);

  database db;
  auto guarded = tenon::decorate<tenon::retry<>, tenon::breaker<>>([&](int id) -> tenon::result<row> { return db.find(id); });
  CHECK(guarded(7)->id == 7);
  std::string proto = tenon::describe<market>(tenon::schema::proto);             // also json_schema
  CHECK(proto.find("service market {") != std::string::npos);
  server.stop();
}
