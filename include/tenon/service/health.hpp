// gRPC's health checking, `grpc.health.v1.Health`, as any service here is written: for whoever balances load, or restarts what is ill. Service layer, outside its door.
#pragma once

#include <tenon/core/asio.hpp>

#include <algorithm>
#include <coroutine>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tenon/core/context.hpp>
#include <tenon/core/post.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/stream.hpp>
#include <tenon/core/text.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/reflect/struct.hpp>

namespace tenon::inline v0 {

/// The messages of grpc.health.v1, in its own spelling.
enum class ServingStatus { UNKNOWN = 0, SERVING = 1, NOT_SERVING = 2, SERVICE_UNKNOWN = 3 };
struct HealthCheckRequest {
  std::string service;  ///< the name of one; empty for the server as a whole
  TENON_STRUCT(HealthCheckRequest, (service, tenon::number(1)))
};
struct HealthCheckResponse {
  ServingStatus status = ServingStatus::UNKNOWN;
  TENON_STRUCT(HealthCheckResponse, (status, tenon::number(1)))
};

namespace detail {

// One Watch that waits, on the loop of its connection; told from any thread.
class health_listener : public std::enable_shared_from_this<health_listener> {
 public:
  explicit health_listener(asio::io_context& on) : io_{on} {}
  health_listener(const health_listener&) = delete;
  health_listener& operator=(const health_listener&) = delete;

  void tell() {
    detail::post(io_, [weak = weak_from_this()] {
      const auto alive = weak.lock();
      if (alive == nullptr) return;
      alive->news_ = true;
      if (const auto one = std::exchange(alive->waiting_, nullptr); one != nullptr) one.resume();
    });
  }

  struct wait {
    health_listener& self;
    bool await_ready() const noexcept { return self.news_; }
    void await_suspend(std::coroutine_handle<> one) const noexcept { self.waiting_ = one; }
    void await_resume() const noexcept { self.news_ = false; }
  };
  struct next_news {
    health_listener& self;
    wait awaiter_in_task() const noexcept { return {self}; }
  };
  next_news news() noexcept { return {*this}; }

 private:
  asio::io_context& io_;
  std::coroutine_handle<> waiting_;
  bool news_ = false;
};

// What all loops of a server know of its health.
class health_board {
 public:
  struct reading {
    ServingStatus status = ServingStatus::UNKNOWN;
    bool over = false;
  };

  void find_by(std::function<bool(std::string_view)> serves) { serves_ = std::move(serves); }

  [[gnu::cold]] reading read(std::string_view service) {
    const std::lock_guard guard{mutex_};
    const auto said = said_.find(service);
    if (said == said_.end() && !service.empty() && (serves_ == nullptr || !serves_(service))) return {ServingStatus::SERVICE_UNKNOWN, over_};
    if (over_) return {ServingStatus::NOT_SERVING, true};
    return {said != said_.end() ? said->second : whole_of(said_), false};
  }
  [[gnu::cold]] void say(std::string_view service, std::optional<ServingStatus> what) {
    change([&] {
      if (what) said_.insert_or_assign(std::string{service}, *what);
      else if (const auto found = said_.find(service); found != said_.end()) said_.erase(found);
    });
  }
  [[gnu::cold]] void end() {
    change([this] { over_ = true; });
  }

  [[gnu::cold]] std::shared_ptr<health_listener> listen(asio::io_context& on) {
    const std::lock_guard guard{mutex_};
    return listeners_.emplace_back(std::make_shared<health_listener>(on));
  }
  [[gnu::cold]] void leave(const std::shared_ptr<health_listener>& who) noexcept {
    const std::lock_guard guard{mutex_};
    listeners_.erase(std::remove(listeners_.begin(), listeners_.end(), who), listeners_.end());
  }

 private:
  using statuses = std::map<std::string, ServingStatus, std::less<>>;

  // A service of which nothing was said is as well as the whole.
  static ServingStatus whole_of(const statuses& said) {
    const auto whole = said.find(std::string_view{});
    return whole == said.end() ? ServingStatus::SERVING : whole->second;
  }
  template <class F>
  void change(F how) {
    const std::lock_guard guard{mutex_};
    how();
    for (const auto& each : listeners_) each->tell();
  }

  std::function<bool(std::string_view)> serves_;
  std::mutex mutex_;
  statuses said_;
  bool over_ = false;
  std::vector<std::shared_ptr<health_listener>> listeners_;
};

}  // namespace detail

/// The service `grpc.health.v1.Health`. As a contract it is what a client asks any server by: `tenon::client<tenon::health_service, tenon::codec::protobuf>`.
///
/// Errors  Check: not_found for a service that nobody serves. Watch: says SERVICE_UNKNOWN of it, and goes on watching; unavailable once the server stops.
/// Source  gRPC Health Checking Protocol.
class health_service {
 public:
  explicit health_service(std::shared_ptr<detail::health_board> board) : board_{std::move(board)} {}

  result<HealthCheckResponse> Check(HealthCheckRequest asked) {
    const auto now = board_->read(asked.service);
    if (now.status == ServingStatus::SERVICE_UNKNOWN) return status{code::not_found, detail::join_text({"no service ", asked.service, " is served here"})};
    return HealthCheckResponse{now.status};
  }

  /// What it is now, and then each change.
  stream<HealthCheckResponse> Watch(context& call, HealthCheckRequest asked) {
    struct listening {
      detail::health_board& board;
      std::shared_ptr<detail::health_listener> listener;
      ~listening() { board.leave(listener); }
    };
    const listening here{*board_, board_->listen(*call.io())};
    std::optional<ServingStatus> told;
    for (;;) {
      const auto now = board_->read(asked.service);
      if (told != now.status) {
        told = now.status;
        co_yield {now.status};
      } else if (now.over) {
        break;
      } else {
        co_await here.listener->news();
      }
    }
    const status why{code::unavailable, "the server is stopping"};
    co_yield why;
  }

  TENON_SERVICE((health_service, tenon::name("grpc.health.v1.Health")), (Check, tenon::safe), Watch)

 private:
  std::shared_ptr<detail::health_board> board_;
};

/// What a server says of its health. From any thread; copies are one.
///
/// Shape   every service that is served is SERVING, and so is the server as a whole, whose name is empty; a service of which nothing was said is as the whole. From the
///         moment in which the server begins to stop all of them are NOT_SERVING: see `server_options::lame_duck`.
class health {
 public:
  /// The service `name` is well, be it one of this server's or a name of the program's own.
  void serving(std::string_view name = {}) { board_->say(name, ServingStatus::SERVING); }
  void not_serving(std::string_view name = {}) { board_->say(name, ServingStatus::NOT_SERVING); }
  /// Nothing is said of it any more.
  void forget(std::string_view name) { board_->say(name, std::nullopt); }

  /// For `serve_health`.
  const std::shared_ptr<detail::health_board>& board() const noexcept { return board_; }

 private:
  std::shared_ptr<detail::health_board> board_ = std::make_shared<detail::health_board>();
};

/// Lets callers ask `server` for its health: `tenon::serve_health(server);`, or `tenon::health health = tenon::serve_health(server);` to have a say in it. Before `start`;
/// errors are the server's, and returned by its `start`.
template <class Server>
health serve_health(Server& server) {
  health made;
  made.board()->find_by([&server](std::string_view name) { return server.serves(name); });
  server.serve(health_service{made.board()});
  server.at_stop([board = made.board()] { board->end(); });
  return made;
}

}  // namespace tenon::inline v0
