#include <tenon/reflect/service.hpp>

#include <doctest/doctest.h>

#include <boost/hana/for_each.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace hana = boost::hana;

namespace service_test {

struct quote {
  std::string symbol;
  double price = 0;
};

// Declared and never defined: the tests link all the same.
struct market {
  quote last(std::string symbol);
  tenon::result<quote> buy(std::string symbol, int shares) const;
  tenon::task<double> average(tenon::context&, std::vector<std::string> symbols);
  tenon::task<tenon::result<quote>> best() noexcept;
  asio::awaitable<double, int> worst(int) const noexcept;
  asio::awaitable<tenon::result<void>, int> close(tenon::context&);
  void reset();
  const quote& look(const std::string& symbol, std::string&& hint) const&;
  static int count(int);
  int last_of(quote) &;
  TENON_SERVICE(market, (last, tenon::idempotent, tenon::name("Last")), (buy, tenon::params("symbol", "shares")),
                (average, tenon::params("symbols")), best, worst, close, reset, look, count, last_of)
};

struct far {
  int twice(int value);
  void type();
};
TENON_SERVICE_FOR((far, tenon::name("pkg.v1.Far"), tenon::doc("a far one")), twice, type)

struct near {
  int twice(long value) { return static_cast<int>(value) * 2; }
  void type(tenon::context&);
};

class closed {
  int secret(int value) const { return value + 1; }

 public:
  TENON_SERVICE(closed, secret)
};

template <class T>
struct store {
  T get(std::string key);
  void put(std::string key, T value);
  TENON_SERVICE(store, get, put); // A semicolon may follow.
};

struct silent {
  TENON_SERVICE(silent)
};

struct derived : market {};

struct sixty_four {
  int m0(int value);
  int m1(int value);
  int m2(int value);
  int m3(int value);
  int m4(int value);
  int m5(int value);
  int m6(int value);
  int m7(int value);
  int m8(int value);
  int m9(int value);
  int m10(int value);
  int m11(int value);
  int m12(int value);
  int m13(int value);
  int m14(int value);
  int m15(int value);
  int m16(int value);
  int m17(int value);
  int m18(int value);
  int m19(int value);
  int m20(int value);
  int m21(int value);
  int m22(int value);
  int m23(int value);
  int m24(int value);
  int m25(int value);
  int m26(int value);
  int m27(int value);
  int m28(int value);
  int m29(int value);
  int m30(int value);
  int m31(int value);
  int m32(int value);
  int m33(int value);
  int m34(int value);
  int m35(int value);
  int m36(int value);
  int m37(int value);
  int m38(int value);
  int m39(int value);
  int m40(int value);
  int m41(int value);
  int m42(int value);
  int m43(int value);
  int m44(int value);
  int m45(int value);
  int m46(int value);
  int m47(int value);
  int m48(int value);
  int m49(int value);
  int m50(int value);
  int m51(int value);
  int m52(int value);
  int m53(int value);
  int m54(int value);
  int m55(int value);
  int m56(int value);
  int m57(int value);
  int m58(int value);
  int m59(int value);
  int m60(int value);
  int m61(int value);
  int m62(int value);
  int m63(int value);
  TENON_SERVICE(sixty_four, m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19,
                m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32, m33, m34, m35, m36, m37, m38, m39, m40,
                m41, m42, m43, m44, m45, m46, m47, m48, m49, m50, m51, m52, m53, m54, m55, m56, m57, m58, m59, m60, m61,
                m62, m63)
};

namespace {
struct hidden {
  int f(int);
  TENON_SERVICE(hidden, f)
};
struct hidden_far {
  int g(int);
};
TENON_SERVICE_FOR(hidden_far, g)
} // namespace

// Writes down what the stubs ask for: the method's index, the arguments, the token's result.
template <class S>
struct mock_client : tenon::stubs_of<S, mock_client<S>> {
  template <std::size_t Index, class... Arguments>
  std::string invoke_method(Arguments&&...) const {
    return std::to_string(Index) + "/" + std::to_string(sizeof...(Arguments));
  }
  template <std::size_t Index, class Token, class... Arguments>
  std::string invoke_method_with(Token&& token, Arguments&&...) const {
    return std::to_string(Index) + "/" + std::to_string(sizeof...(Arguments)) + token();
  }
};

template <std::size_t Index>
using of_market = tenon::method<market, Index>;

} // namespace service_test

using namespace service_test;

TEST_CASE("a struct with TENON_SERVICE is a contract") {
  static_assert(tenon::contract<market> && tenon::contract<far> && tenon::contract<closed> &&
                tenon::contract<store<int>>);
  static_assert(tenon::contract<silent> && tenon::contract<hidden> && tenon::contract<hidden_far>);
  static_assert(!tenon::contract<near> && !tenon::contract<int> && !tenon::contract<derived> &&
                !tenon::contract<quote>);
  CHECK(tenon::method_count<market> == 10);
  CHECK(tenon::method_count<silent> == 0);
}

TEST_CASE("a service is called by its struct's name, or by the one given") {
  CHECK(tenon::service_name<market> == "market");
  CHECK(tenon::service_name<store<int>> == "store");
  CHECK(tenon::service_name<far> == "pkg.v1.Far");
  CHECK(tenon::find_attribute<tenon::doc_attribute>(tenon::service_attributes<far>)->value == "a far one");
}

TEST_CASE("the methods are a hana tuple in the order of their listing") {
  std::string all;
  hana::for_each(tenon::methods_of<market>, [&all](auto method) { all += std::string(method.name) + "|"; });
  CHECK(all == "Last|buy|average|best|worst|close|reset|look|count|last_of|");
  CHECK(of_market<0>::identifier == "last");
  CHECK(of_market<9>::index == 9);
  static_assert(of_market<0>::is_idempotent && !of_market<1>::is_idempotent);
}

TEST_CASE("the response is what is left without result, task and awaitable") {
  static_assert(std::is_same_v<of_market<0>::response, quote>);
  static_assert(std::is_same_v<of_market<1>::response, quote>);
  static_assert(std::is_same_v<of_market<1>::declared_response, tenon::result<quote>>);
  static_assert(std::is_same_v<of_market<2>::response, double>);
  static_assert(std::is_same_v<of_market<3>::response, quote>);
  static_assert(std::is_same_v<of_market<4>::response, double>);
  static_assert(std::is_same_v<of_market<5>::response, void>);
  static_assert(std::is_same_v<of_market<6>::response, void>);
  static_assert(std::is_same_v<of_market<7>::response, quote>);
  static_assert(!of_market<0>::is_coroutine && of_market<2>::is_coroutine && of_market<3>::is_coroutine &&
                of_market<5>::is_coroutine);
  CHECK(of_market<4>::is_coroutine);
}

TEST_CASE("parameters are decayed and come without the context") {
  static_assert(std::is_same_v<of_market<1>::parameters, tenon::type_list<std::string, int>>);
  static_assert(std::is_same_v<of_market<2>::parameters, tenon::type_list<std::vector<std::string>>>);
  static_assert(std::is_same_v<of_market<5>::parameters, tenon::type_list<>>);
  static_assert(std::is_same_v<of_market<7>::parameters, tenon::type_list<std::string, std::string>>);
  static_assert(std::is_same_v<of_market<7>::declared_parameters, tenon::type_list<const std::string&, std::string&&>>);
  static_assert(std::is_same_v<tenon::type_at<1, of_market<1>::parameters>, int>);
  static_assert(of_market<2>::takes_context && of_market<5>::takes_context && !of_market<1>::takes_context);
  static_assert(std::is_same_v<of_market<1>::signature, tenon::result<quote>(std::string, int) const>);
  CHECK(of_market<1>::parameter_names.size() == 2);
  CHECK(of_market<1>::parameter_names[1] == "shares");
  CHECK(of_market<2>::parameter_names[0] == "symbols");
  CHECK(of_market<0>::parameter_names.empty());
}

TEST_CASE("a method is called by name on any object that has a fitting one") {
  near object;
  CHECK(tenon::method<far, 0>::call(object, 4) == 8);
  static_assert(tenon::method<far, 0>::callable_on<near, int>);
  static_assert(!tenon::method<far, 0>::callable_on<near, std::string>);
  static_assert(!tenon::method<far, 1>::callable_on<near>);
  static_assert(tenon::method<far, 1>::callable_on<near, tenon::context&>);
  static_assert(!tenon::method<closed, 0>::callable_on<near, int>);
  static_assert(!of_market<0>::callable_on<const market, std::string> &&
                of_market<1>::callable_on<const market, std::string, int>);
}

TEST_CASE("a private method is called on its own class") {
  const closed object;
  CHECK(tenon::method<closed, 0>::call(object, 4) == 5);
}

TEST_CASE("a stub has the method's own parameters: braces and conversions work") {
  const mock_client<market> client;
  CHECK(client.last("ACME") == "0/1");
  CHECK(client.last({"ACME", 2}) == "0/1");
  CHECK(client.buy("ACME", 3) == "1/2");
  CHECK(client.average({"ACME", "TNT"}) == "2/1");
  CHECK(client.close() == "5/0");
  CHECK(client.look("ACME", "hint") == "7/2");
  CHECK(client.last_of({"ACME", 1.5}) == "9/1");
  CHECK(mock_client<far>{}.type() == "1/0");
  CHECK(mock_client<closed>{}.secret(1) == "0/1");
  CHECK(mock_client<store<std::string>>{}.put("key", "value") == "1/2");
  CHECK(mock_client<hidden>{}.f(1) == "0/1");
  CHECK(mock_client<hidden_far>{}.g(1) == "0/1");
}

TEST_CASE("a stub takes a completion token as one more argument") {
  const mock_client<market> client;
  const auto token = [] { return std::string("!"); };
  CHECK(client.last("ACME", token) == "0/1!");
  CHECK(client.buy({"ACME", 2}, 3, token) == "1/2!");
  CHECK(client.reset(token) == "6/0!");
  CHECK(client.count(1, [owned = std::make_unique<int>(1)] { return std::to_string(*owned); }) == "8/11");
}

namespace {

struct reader {
  int look();
  TENON_SERVICE(reader, (look, tenon::safe))
};

}  // namespace

TEST_CASE("a method that is safe is idempotent as well") {
  static_assert(tenon::method<reader, 0>::is_safe && tenon::method<reader, 0>::is_idempotent);
  static_assert(!tenon::method<market, 0>::is_safe && tenon::method<market, 0>::is_idempotent);
}

TEST_CASE("a service may have many methods") {
  static_assert(tenon::method_count<sixty_four> == 64);
  const mock_client<sixty_four> client;
  CHECK(client.m0(1) == "0/1");
  CHECK(client.m63(1) == "63/1");
  int seen = 0;
  hana::for_each(tenon::methods_of<sixty_four>, [&seen](auto method) {
    CHECK(method.name == "m" + std::to_string(seen));
    ++seen;
  });
  CHECK(seen == 64);
}
