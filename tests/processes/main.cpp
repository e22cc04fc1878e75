// test_processes              the tests: they start this program again, in one of the roles below, and kill it
// test_processes serve PORT   a server; says its port, and stops when its standard input ends
// test_processes call PORT    a client that keeps that server busy
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <csignal>
#include <cstdlib>
#include <string_view>

#include <processes/board.hpp>

int main(int count, char** arguments) {
  // A child that is gone is found out by its end of the pipe.
  std::signal(SIGPIPE, SIG_IGN);
  if (count == 3 && arguments[1] == std::string_view{"serve"}) return processes::serve(std::atoi(arguments[2]));
  if (count == 3 && arguments[1] == std::string_view{"call"}) return processes::call(std::atoi(arguments[2]));
  return doctest::Context{count, arguments}.run();
}
