// The limits of a server's and of a client's options hold for every decode on their side, whatever the codec. server/options.hpp and client/options.hpp are under test.
#include <tenon/server/options.hpp>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <tenon/client.hpp>
#include <tenon/codec.hpp>
#include <tenon/server.hpp>

namespace {

struct tree {
  std::vector<tree> children;
};
struct wide {
  std::array<int, 500> numbers{};
};
struct garden {
  int depth(tree planted) {
    int levels = 1;
    for (const tree& child : planted.children) levels += depth(child);
    return levels;
  }
  tree grow(int levels) {
    tree root;
    for (; levels > 1; --levels) {
      tree next;
      next.children.push_back(std::move(root));
      root = std::move(next);
    }
    return root;
  }
  std::size_t count(std::vector<wide> all) { return all.size(); }
  std::string text(std::size_t size) { return std::string(size, 'x'); }
  std::size_t size(std::string text) { return text.size(); }
  TENON_SERVICE(garden, depth, grow, count, text, size)
};

tree grown(int levels) { return garden{}.grow(levels); }

struct world {
  explicit world(const tenon::limits& bounds) : server{tenon::server_options{.limits = bounds}} {
    server.serve(garden{});
    url = server.listen("tcp://127.0.0.1:0").url();
    server.start();
  }
  tenon::server<> server;
  std::string url;
};

template <class T>
tenon::status error_of(tenon::result<T> answer) {
  REQUIRE_FALSE(answer.has_value());
  return answer.error();
}

}  // namespace

TEST_CASE_TEMPLATE("a server's limits hold for what clients ask", Codec, tenon::codec::msgpack, tenon::codec::json) {
  world there{{.max_message_bytes = 2000, .max_nesting = 12}};
  tenon::client<garden, Codec> client{there.url};
  CHECK(client.depth(grown(5)).get().value() == 5);
  const tenon::status deep = error_of(client.depth(grown(10)).get());
  CHECK(deep.code() == tenon::code::invalid_argument);
  CHECK(deep.message().find("garden.depth: request field \"") == 0);
  CHECK(deep.message().find("children[0].children[0]") != std::string::npos);
  CHECK(deep.message().find("expected at most 12 levels of nesting") != std::string::npos);
  CHECK(client.size(std::string(1000, 'x')).get().value() == 1000);
  CHECK(error_of(client.size(std::string(3000, 'x')).get()).code() == tenon::code::resource_exhausted);
}

TEST_CASE_TEMPLATE("a client's limits hold for what servers answer", Codec, tenon::codec::msgpack, tenon::codec::json) {
  world there{{}};
  tenon::client<garden, Codec> client{there.url, tenon::client_options{.limits = {.max_message_bytes = 2000, .max_nesting = 12}}};
  CHECK(client.grow(5).get().has_value());
  const tenon::status deep = error_of(client.grow(10).get());
  CHECK(deep.message().find("expected at most 12 levels of nesting") != std::string::npos);
  CHECK(client.text(1000).get().value().size() == 1000);
  CHECK(error_of(client.text(3000).get()).code() == tenon::code::resource_exhausted);
}

TEST_CASE("a server takes no memory beyond a multiple of the message for its elements") {
  world there{{.max_expansion = 0}};
  tenon::client<garden, tenon::codec::msgpack_positional> client{there.url};
  CHECK(client.count(std::vector<wide>(100)).get().value() == 100);
  const tenon::status refused = error_of(client.count(std::vector<wide>(600)).get());
  CHECK(refused.code() == tenon::code::resource_exhausted);
  CHECK(refused.message().find("garden.count: request expected elements of at most 1048576 more bytes in memory, found 1200000") == 0);
}
