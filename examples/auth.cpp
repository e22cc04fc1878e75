#include <cstdio>
#include <string>
#include <string_view>

#include <tenon.hpp>

struct market {
  std::string hello(tenon::context& call) { return "hello " + std::string{call.principal()}; }
  TENON_SERVICE(market, hello)
};

// On a client a function that gives credentials, on a server one that says who they belong to. What is shown can be read on the way, since tenon does not encrypt
// yet: use it in a trusted network or a tunnel.
std::string anns_token() { return "Bearer 12345"; }
std::string guess() { return "Bearer 54321"; }

tenon::result<std::string> who_is(std::string_view credential, const tenon::call_identity& to) {
  if (to.method == "ping") return std::string{"anybody"};           // rules per method, where they are needed
  if (tenon::same_secret(credential, "Bearer 12345")) return std::string{"ann"};
  return tenon::status{tenon::code::unauthenticated, "no such token"};
}

int main() {
  tenon::server server;
  server.serve<tenon::auth<&who_is>>(market{});
  auto at = server.listen("tcp://127.0.0.1:0");
  server.start();

  const auto say = [](const tenon::result<std::string>& got) { std::printf("%s\n", got ? got->c_str() : got.error().to_string().c_str()); };
  tenon::client<market, tenon::auth<&anns_token>> ann{at.url()};    // asked once; again when the server does not accept it any more
  say(ann.hello().get());
  tenon::client<market, tenon::auth<&guess>> thief{at.url()};
  say(thief.hello().get());
  tenon::client<market> nobody{at.url()};
  say(nobody.hello().get());
  say(nobody.with({.metadata = {{"authorization", "Bearer 12345"}}}).hello().get());  // a credential is metadata, on every protocol: curl -H 'authorization: ...'
}
// prints:
// hello ann
// UNAUTHENTICATED: market.hello: refused before the handler ran (auth)
// UNAUTHENTICATED: market.hello: refused before the handler ran (auth)
// hello ann
