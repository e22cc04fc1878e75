// Starting, killing and stopping processes, and the memory they share.
#include <processes/board.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <new>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace processes {

namespace {

constexpr int board_file = 9;  // the number of the board's file in every process

void must(bool done, const char* what) {
  if (!done) throw std::runtime_error{std::string{what} + " failed"};
}

}  // namespace

board& shared_board() {
  static board* const made = [] {
    const bool inherited = ::fcntl(board_file, F_GETFD) != -1;
    if (!inherited) {
      const int file = ::memfd_create("board", 0);
      must(file >= 0 && ::ftruncate(file, sizeof(board)) == 0 && ::dup2(file, board_file) == board_file, "memfd_create");
      ::close(file);
    }
    void* place = ::mmap(nullptr, sizeof(board), PROT_READ | PROT_WRITE, MAP_SHARED, board_file, 0);
    must(place != MAP_FAILED, "mmap");
    return inherited ? static_cast<board*>(place) : ::new (place) board;
  }();
  return *made;
}

child::child(const char* role, int port) {
  (void)shared_board();
  int input[2];
  int output[2];
  must(::pipe2(input, O_CLOEXEC) == 0 && ::pipe2(output, O_CLOEXEC) == 0, "pipe2");
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input[0], 0);
  ::posix_spawn_file_actions_adddup2(&actions, output[1], 1);
  std::string port_text = std::to_string(port);
  std::string role_text{role};
  char program[] = "/proc/self/exe";
  char* arguments[] = {program, role_text.data(), port_text.data(), nullptr};
  const int error = ::posix_spawn(&pid_, program, &actions, nullptr, arguments, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(input[0]);
  ::close(output[1]);
  input_ = input[1];
  output_ = output[0];
  must(error == 0, "posix_spawn");
  // One line: the port. A process that ends without it closes the pipe.
  std::string line;
  for (char each = 0; ::read(output_, &each, 1) == 1 && each != '\n';) line.push_back(each);
  port_ = std::atoi(line.c_str());
}

child::~child() {
  if (pid_ > 0) kill();
  ::close(input_);
  ::close(output_);
}

void child::kill() {
  ::kill(pid_, SIGKILL);
  (void)wait_for_end();
}

int child::stop() {
  ::close(input_);
  input_ = -1;
  return wait_for_end();
}

int child::wait_for_end() {
  int how = 0;
  while (::waitpid(pid_, &how, 0) == -1 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(how) ? WEXITSTATUS(how) : -WTERMSIG(how);
}

std::size_t child::open_files() const {
  const std::filesystem::directory_iterator files{"/proc/" + std::to_string(pid_) + "/fd"};
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

double times::median() const {
  std::vector<double> sorted = all_;
  std::sort(sorted.begin(), sorted.end());
  return sorted.empty() ? 0 : sorted[sorted.size() / 2];
}
double times::longest() const { return all_.empty() ? 0 : *std::max_element(all_.begin(), all_.end()); }

}  // namespace processes
