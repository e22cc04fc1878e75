// expect alone: tenon: TENON_SERVICE lists a name that is not one method; list methods that are neither overloaded nor templates, each once
#include <tenon/server/server.hpp>

#include <string>

struct market {
  int last(int id) { return id; }
  int last(std::string) { return 1; }
  TENON_SERVICE(market, last)
};
void use(tenon::server<>& server) { server.serve(market{}); }
