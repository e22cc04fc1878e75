// The processes that are killed: a server that writes on the board what it runs, and a client that keeps one busy.
#include <processes/board.hpp>

#include <coroutine>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>

#include <unistd.h>

#include <tenon/client/client.hpp>
#include <tenon/core/result.hpp>
#include <tenon/server/server.hpp>

namespace processes {

namespace {

// What a coroutine awaits that only waits to be cancelled.
class until_cancelled final : tenon::cancellation::listener {
 public:
  explicit until_cancelled(tenon::cancellation& which) : which_{which} {}
  bool await_ready() const noexcept { return which_.requested(); }
  void await_suspend(std::coroutine_handle<> self) {
    self_ = self;
    which_.listen(*this);
  }
  void await_resume() const noexcept {}

 private:
  void cancelled() override { self_.resume(); }
  tenon::cancellation& which_;
  std::coroutine_handle<> self_{};
};
struct cancelled {
  tenon::cancellation& which;
  until_cancelled operator co_await() const { return until_cancelled{which}; }
};

void wait_for_end_of_input() {
  char ignored[64];
  while (::read(0, ignored, sizeof ignored) > 0) {
  }
}

}  // namespace

std::uint32_t ledger::look(std::uint32_t id) {
  ++records->runs[id];
  ++records->answered;
  return id;
}
std::uint32_t ledger::put(std::uint32_t id) { return look(id); }
tenon::task<void> ledger::wait(tenon::context& call) {
  struct presence {
    explicit presence(board& on) : records{on} { ++records.waiting; }
    presence(const presence&) = delete;
    presence& operator=(const presence&) = delete;
    ~presence() { --records.waiting; }
    board& records;
  };
  const presence here{*records};
  co_await cancelled{call.cancel};
}

int serve(int port) {
  tenon::server server;
  server.serve(ledger{&shared_board()});
  const tenon::bound at = server.listen("tcp://127.0.0.1:" + std::to_string(port));
  if (!at) return 3;
  server.start();
  std::printf("%d\n", static_cast<int>(at.port()));
  std::fflush(stdout);
  wait_for_end_of_input();
  server.stop();
  return 0;
}

int call(int port) {
  tenon::client<ledger> client{"tcp://127.0.0.1:" + std::to_string(port)};
  for (int i = 0; i < 16; ++i) client.wait().then([](const tenon::result<void>&) {});
  std::function<void()> ask = [&] {
    client.look(1).then([&](const tenon::result<std::uint32_t>& got) {
      if (got) ask();
    });
  };
  for (int i = 0; i < 16; ++i) ask();
  std::printf("0\n");
  std::fflush(stdout);
  wait_for_end_of_input();
  return 0;
}

}  // namespace processes
