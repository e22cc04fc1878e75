// The server: services, addresses and loops put together. Server layer; the door people type.
#pragma once

#include <tenon/core/asio.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <asio/executor_work_guard.hpp>

#include <tenon/core/post.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/status.hpp>
#include <tenon/net/endpoint.hpp>
#include <tenon/net/listener.hpp>
#include <tenon/net/memory.hpp>
#include <tenon/net/stream.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/http1.hpp>
#include <tenon/protocol/rpcx.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/connection.hpp>
#include <tenon/server/definition.hpp>
#include <tenon/server/options.hpp>
#include <tenon/server/serving.hpp>
#include <tenon/service/handler.hpp>

namespace tenon::inline v0 {

/// The protocols a server speaks on its ports, in the order in which they are asked whose the first bytes are.
template <protocol::server_session... Sessions>
struct protocols {};

using default_protocols = protocols<protocol::rpcx_session, protocol::http1_session>;

/// An address a server listens on, or why it does not.
class bound {
 public:
  bound(endpoint where) : where_{std::move(where)} {}
  bound(status why) : why_{std::move(why)} {}

  explicit operator bool() const noexcept { return why_.ok(); }
  const status& error() const noexcept { return why_; }
  const endpoint& address() const noexcept { return where_; }
  /// The port, chosen by the system when 0 was asked for; 0 when not listening.
  std::uint16_t port() const noexcept { return where_.port(); }
  std::string url() const { return where_.url(); }

 private:
  endpoint where_;
  status why_;
};

/// Serves any number of services on any number of addresses, every protocol on each.
///
/// Set it up (`serve`, `listen`), then `run`, or `start` and later `stop`. Errors of the set-up are kept, told on stderr, and returned by `start` and `run`.
/// A handler may stop its server, and must not destroy it.
template <class Protocols = default_protocols>
class server {
 public:
  server() : server{server_options{}} {}
  /// With threads and io_contexts of its own, `options.loops` of them.
  explicit server(server_options options) : options_{options} {
    const unsigned count = options_.loops == 0 ? 1 : options_.loops;
    for (unsigned i = 0; i < count; ++i) workers_.push_back(std::make_unique<worker>(std::make_unique<asio::io_context>(1), options_));
  }
  /// On a caller's io_context, which one thread runs; it must outlive the server. `start` returns at once, and so does `stop`. Destroy the server on that
  /// thread, or when the io_context does not run.
  explicit server(asio::io_context& io, server_options options = {}) : options_{options}, owns_loops_{false} {
    workers_.push_back(std::make_unique<worker>(io, options_));
  }
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server() {
    stop();
    for (auto& each : workers_) {
      if (each->thread.joinable()) each->thread.join();
    }
    for (auto& each : listeners_) each->close();
    for (auto& each : workers_) each->serving.tear_down();
  }

  /// Serves `object`. Among the parameters, in any order: policies, which stand around every handler, outermost first, and codecs beside msgpack and json.
  /// A contract may stand first: then `object` is any object whose methods fit it. With several loops plain handlers run concurrently, one call per loop;
  /// give a function instead of an object and each loop has its own.
  ///
  /// Errors  already_exists for a second service of one name; failed_precondition after `start`.
  template <class... Parameters, class Object>
  status serve(Object&& object) {
    using parameters = detail::serve_parameters<Parameters...>;
    using implementation = detail::implementation<Object>;
    static_assert(parameters::known, "tenon::server::serve: a template argument is neither a policy nor a codec; a contract may stand first only");
    static_assert(!parameters::stack::has_loop, "tenon::server::serve: retry belongs to the client; a server answers once");
    constexpr bool has_contract = !std::is_void_v<typename parameters::contract_given>;
    static_assert(has_contract || contract<implementation>,
                  "tenon::server::serve: the object's type is no service; write TENON_SERVICE in it, or name a contract first: server.serve<market>(object)");
    if constexpr (has_contract || contract<implementation>) {
      using service_type = std::conditional_t<has_contract, typename parameters::contract_given, implementation>;
      constexpr bool fits = service::fits_contract<service_type, implementation>;
      static_assert(fits, "tenon::server::serve: the object has no method that fits the contract's; give it one of the same name that takes the same parameters");
      if (begun()) return refuse(status{code::failed_precondition, "serve after start; serve everything first"});
      if constexpr (fits) {
        detail::definition_of<service_type, std::decay_t<Object>, typename parameters::stack, typename parameters::codecs> made{std::forward<Object>(object)};
        for (auto& each : workers_) {
          if (status added = each->serving.router.add(made.make()); !added.ok()) return refuse(std::move(added));
        }
      }
    }
    return {};
  }

  /// Listens on an address; port 0 lets the system choose.
  ///
  /// Errors  invalid_argument for an address that cannot be read; unavailable with the system's reason; failed_precondition after `start`.
  bound listen(std::string_view url) {
    if (begun()) return refuse(status{code::failed_precondition, "listen after start; listen everywhere first"});
    result<endpoint> where = endpoint::parse(url);
    if (!where) return refuse(std::move(where).error().prefixed("listen"));
    return keep(net::listen_on(workers_.front()->io, *where));
  }
  /// Listens on a name of a network in memory, which must be on this server's io_context.
  bound listen(net::memory_network& network, std::string name) {
    if (begun()) return refuse(status{code::failed_precondition, "listen after start; listen everywhere first"});
    return keep(network.listen(std::move(name)));
  }

  /// Starts serving in the background. Returns why it cannot. A server that was stopped does not start again.
  status start() {
    begin(workers_.size());
    return setup_error_;
  }

  /// Serves until `stop`, the first loop on this thread. Returns why it could not.
  status run() {
    if (begin(workers_.size() - 1) && owns_loops_) workers_.front()->run(running_);
    if (owns_loops_) wait();
    return setup_error_;
  }

  /// Stops accepting, lets what is under way end (at most `options.drain`), closes, and ends the server's own loops with whatever else was posted to them.
  /// Waits for that, unless it is called from one of those loops. May be called from any thread, more than once, and before `run`.
  void stop() {
    {
      const std::lock_guard guard{mutex_};
      if (std::exchange(phase_, phase::stopping) == phase::serving) {
        post_while_alive(*workers_.front(), [this] {
          for (auto& each : listeners_) each->close();
        });
        for (auto& each : workers_) {
          post_while_alive(*each, [worker = each.get()] { worker->serving.start_drain(); });
        }
      }
    }
    for (auto& each : workers_) {
      if (!owns_loops_ || each->io.get_executor().running_in_this_thread()) return;
    }
    wait();
  }

  /// The io_context of the first loop: for timers and clients that live beside the handlers.
  asio::io_context& io() noexcept { return workers_.front()->io; }

 private:
  template <class List>
  struct connection_for;
  template <class... Sessions>
  struct connection_for<protocols<Sessions...>> {
    using type = detail::connection<Sessions...>;
  };
  using connection_type = typename connection_for<Protocols>::type;

  struct worker {
    worker(std::unique_ptr<asio::io_context> own, const server_options& options) : owned{std::move(own)}, io{*owned}, serving{io, options} {}
    worker(asio::io_context& borrowed, const server_options& options) : io{borrowed}, serving{io, options} {}

    // Whatever ends it: `running` counts it out.
    void run(std::atomic<std::size_t>& running) {
      struct count_out {
        std::atomic<std::size_t>& running;
        ~count_out() {
          running.fetch_sub(1, std::memory_order_acq_rel);
          running.notify_all();
        }
      };
      const count_out at_end{running};
      io.run();
    }

    std::unique_ptr<asio::io_context> owned;
    asio::io_context& io;
    detail::serving serving;
    std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
    std::thread thread;
  };

  struct acceptor final : net::accept_sink {
    explicit acceptor(server& owner) : self{owner} {}
    asio::io_context& next_io() override {
      worker& chosen = *self.workers_[next++ % self.workers_.size()];
      return chosen.io;
    }
    void accepted(asio::io_context& on, std::unique_ptr<net::stream> opened) override {
      for (auto& each : self.workers_) {
        if (&each->io != &on) continue;
        if (each == self.workers_.front()) return begin(*each, std::move(opened));
        detail::post(on, [this, worker = each.get(), opened = std::move(opened)]() mutable { begin(*worker, std::move(opened)); });
        return;
      }
    }
    void begin(worker& on, std::unique_ptr<net::stream> opened) {
      if (!on.serving.draining) connection_type::start(on.serving, std::move(opened));
    }
    server& self;
    std::size_t next = 0;
  };

  enum class phase : std::uint8_t { set_up, serving, stopping };

  bool begun() {
    const std::lock_guard guard{mutex_};
    return phase_ != phase::set_up;
  }

  // The last `threads` loops run in threads of their own. False when there is nothing to begin.
  bool begin(std::size_t threads) {
    const std::lock_guard guard{mutex_};
    if (!setup_error_.ok() || phase_ != phase::set_up) return false;
    phase_ = phase::serving;
    // One listener's callbacks run on the first loop's thread.
    post_while_alive(*workers_.front(), [this] {
      for (auto& each : listeners_) each->start(acceptor_);
    });
    if (!owns_loops_) return true;
    running_ = undrained_ = workers_.size();
    for (auto& each : workers_) {
      each->work.emplace(each->io.get_executor());
      each->serving.owner = this;
      each->serving.on_drained = [](void* self) { static_cast<server*>(self)->drained(); };
    }
    for (std::size_t i = workers_.size() - threads; i < workers_.size(); ++i) {
      workers_[i]->thread = std::thread{[this, worker = workers_[i].get()] { worker->run(running_); }};
    }
    return true;
  }

  // One loop has drained. None ends before the last: handlers there may still need what lives here.
  void drained() {
    if (undrained_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    for (auto& each : workers_) each->io.stop();
  }

  void wait() {
    for (std::size_t left; (left = running_.load(std::memory_order_acquire)) != 0;) running_.wait(left, std::memory_order_acquire);
  }

  // A caller's io_context may run its handlers after the server has gone.
  template <class Work>
  void post_while_alive(worker& on, Work work) {
    asio::post(on.io, [alive = std::weak_ptr<bool>{alive_}, work = std::move(work)] {
      if (!alive.expired()) work();
    });
  }

  bound keep(result<std::unique_ptr<net::listener>> opened) {
    if (!opened) return refuse(std::move(opened).error());
    listeners_.push_back(std::move(*opened));
    return listeners_.back()->address();
  }

  status refuse(status why) {
    const std::string line = "tenon::server: " + why.message() + "\n";
    std::fputs(line.c_str(), stderr);
    if (setup_error_.ok()) setup_error_ = why;
    return why;
  }

  server_options options_;
  bool owns_loops_ = true;
  phase phase_ = phase::set_up;
  status setup_error_;
  std::mutex mutex_;
  std::atomic<std::size_t> running_{0};    // loops that this server runs
  std::atomic<std::size_t> undrained_{0};  // those of them that still have calls or connections
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  acceptor acceptor_{*this};
  std::vector<std::unique_ptr<worker>> workers_;
  std::vector<std::unique_ptr<net::listener>> listeners_;
};

server() -> server<>;
server(server_options) -> server<>;

}  // namespace tenon::inline v0
