// A user's server that is linked with tenon::compiled: this file declares tenon's server only, the definitions come from there.
#include <tenon.hpp>

#if !defined(TENON_SEPARATE_COMPILATION)
#error "tenon::compiled does not say that the server is compiled elsewhere"
#endif

struct hello {
  std::string greet(std::string name) { return "hello, " + name; }
  TENON_SERVICE(hello, greet)
};

int main() {
  tenon::server server;
  const bool served = server.serve(hello{}).ok();
  const auto address = server.listen("tcp://127.0.0.1:0");
  const bool started = server.start().ok();
  tenon::client<hello> caller{address.url()};
  const tenon::result<std::string> answer = caller.greet("stranger").get();
  server.stop();
  return served && started && answer && *answer == "hello, stranger" ? 0 : 1;
}
