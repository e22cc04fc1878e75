// The smallest program of a user: one message there and back. Compiled outside this project, by tests/cmake/stranger.cmake.
#include <tenon.hpp>

struct quote {
  std::string symbol;
  double price = 0;
};

int main() {
  std::string text = tenon::encode<tenon::codec::json>(quote{"ACME", 1.5});
  tenon::result<quote> back = tenon::decode<quote, tenon::codec::json>(text);
  return back && back->symbol == "ACME" && !tenon::version.empty() ? 0 : 1;
}
