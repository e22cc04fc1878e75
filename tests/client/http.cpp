#include <tenon/protocol/client_sessions.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tenon/client/client.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/result.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>

namespace {

struct page {
  std::string title;
  std::vector<int> lines;
  bool operator==(const page&) const = default;
};

struct library {
  page find(std::string title, int line) { return {title, {line, line + 1}}; }
  void burn() {}
  tenon::result<int> count(tenon::context& call, page of) {
    if (of.lines.empty()) {
      tenon::status none{tenon::code::not_found, "no lines in \"" + of.title + "\""};
      none.add_detail({"a.B", "\x01\x02"});
      return none;
    }
    call.response_metadata().add("echo", call.request_metadata().get("trace").value_or("none"));
    return static_cast<int>(of.lines.size());
  }
  TENON_SERVICE((library, tenon::name("books.v1.Library")), (find, tenon::params("title", "line")), burn, count)
};

struct served_library {
  served_library() {
    server.serve(library{});
    url = "http" + server.listen("tcp://127.0.0.1:0").url().substr(3);
    server.start();
  }
  tenon::server<> server;
  std::string url;
};

template <class Client>
void call_everything(Client& books) {
  CHECK(books.find("T", 5).get().value() == page{"T", {5, 6}});
  CHECK(books.burn().get().has_value());
  tenon::metadata told;
  CHECK(books.with({.metadata = {{"trace", "abc"}}, .response_metadata = &told}).count(page{"T", {1, 2, 3}}).get().value() == 3);
  CHECK(told.get("echo") == "abc");
  const auto none = books.count(page{"T", {}}).get();
  REQUIRE(!none);
  CHECK(none.error().code() == tenon::code::not_found);
  CHECK(none.error().message() == "no lines in \"T\"");
  REQUIRE(none.error().details().size() == 1);
  CHECK(none.error().details()[0].value == "\x01\x02");
}

}  // namespace

TEST_CASE("a client calls over HTTP, in json, protobuf and msgpack") {
  served_library world;
  const tenon::client_options options{.sessions = tenon::protocol::make_client_session};
  tenon::client<library, tenon::codec::json> by_json{world.url, options};
  call_everything(by_json);
  tenon::client<library, tenon::codec::protobuf> by_protobuf{world.url, options};
  call_everything(by_protobuf);
  tenon::client<library> by_msgpack{world.url, options};
  call_everything(by_msgpack);
}

TEST_CASE("many calls at once go one after the other, over one connection or several") {
  served_library world;
  for (const std::size_t connections : {std::size_t{1}, std::size_t{4}}) {
    tenon::client<library, tenon::codec::json> books{world.url, {.max_connections = connections, .calls_per_connection = 1, .sessions = tenon::protocol::make_client_session}};
    std::vector<decltype(books.find("", 0))> calls;
    for (int i = 0; i < 200; ++i) calls.push_back(books.find("T", i));
    for (int i = 0; i < 200; ++i) CHECK(calls[static_cast<std::size_t>(i)].get().value().lines[0] == i);
  }
}

TEST_CASE("a client without the session for HTTP says what it needs") {
  tenon::client<library> books{"http://127.0.0.1:1"};
  CHECK(books.burn().get().error().message().ends_with("give it the option .sessions = tenon::protocol::make_client_session"));
}
