// expect: tenon::stream: g++ 12 breaks a struct that is made within co_yield; write it in bare braces
// only: g++
#include <string>

#include <tenon/core/stream.hpp>

struct seat {
  std::string row;
  int number;
};
tenon::stream<seat> seats(std::string row) { co_yield seat{row, 2}; }
