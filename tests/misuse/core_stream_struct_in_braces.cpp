// expect: tenon::stream: g++ 12 breaks a struct that is made within co_yield, inside the braces too
// only: g++
#include <string>

#include <tenon/core/stream.hpp>

struct seat {
  std::string row;
  int number;
};
struct ticket {
  int id;
  seat where;
};
tenon::stream<ticket> tickets(std::string row) { co_yield {1, seat{row, 2}}; }
