// The server: services, addresses and loops put together. Server layer; the door people type.
// Long because declarations and definitions stand apart, for explicit instantiation.
#pragma once

#include <tenon/core/asio.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <asio/executor_work_guard.hpp>

#include <tenon/core/post.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/net/endpoint.hpp>
#include <tenon/net/listener.hpp>
#include <tenon/net/memory.hpp>
#include <tenon/net/stream.hpp>
#include <tenon/policy/option_source.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/http1.hpp>
#include <tenon/protocol/http_site.hpp>
#include <tenon/protocol/rpcx.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/connection.hpp>
#include <tenon/server/definition.hpp>
#include <tenon/server/options.hpp>
#include <tenon/server/serving.hpp>
#include <tenon/service/handler.hpp>
#include <tenon/service/router.hpp>
#include <tenon/service/thread_pool.hpp>

namespace tenon::inline v0 {

/// The protocols a server speaks on its ports, in the order in which they are asked whose the first bytes are.
template <protocol::server_session... Sessions>
struct protocols {};

using default_protocols = protocols<protocol::rpcx_session, protocol::http1_session>;

namespace detail {

template <class List>
struct connection_for;
template <class... Sessions>
struct connection_for<protocols<Sessions...>> {
  using type = connection<Sessions...>;
};
template <class List>
using connection_of = typename connection_for<List>::type;

}  // namespace detail

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
/// Set it up (`serve`, `listen`), then `run`, or `start` and later `stop`: once. Errors of the set-up are kept, told on stderr, and returned by `start` and `run`.
/// A handler may stop its server, and must not destroy it.
template <class Protocols = default_protocols>
class server {
 public:
  server() : server{server_options{}} {}
  /// With threads and io_contexts of its own, `options.loops` of them.
  [[gnu::cold]] explicit server(server_options options);
  /// On a caller's io_context, which one thread runs; it must outlive the server. `start` returns at once, and so does `stop`. Destroy the server on that
  /// thread, or when the io_context does not run.
  [[gnu::cold]] explicit server(asio::io_context& io, server_options options = {});
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  [[gnu::cold]] ~server();

  /// Serves `object`. Among the parameters, in any order: policies, which stand around every handler, outermost first, and codecs beside msgpack and json.
  /// A contract may stand first: then `object` is any object whose methods fit it. With several loops plain handlers run concurrently, one call per loop;
  /// give a function instead of an object and each loop has its own.
  ///
  /// Errors  already_exists for a second service of one name; failed_precondition after `start` or `stop`.
  template <class... Parameters, class Object>
  status serve(Object&& object) {
    using parameters = detail::serve_parameters<Parameters...>;
    using implementation = detail::implementation<Object>;
    static_assert(parameters::known, "tenon::server::serve: a template argument is neither a policy nor a codec; a contract may stand first only");
    static_assert(!parameters::stack::repeats, "tenon::server::serve: retry and hedge belong to the client; a server answers once");
    constexpr bool has_contract = !std::is_void_v<typename parameters::contract_given>;
    static_assert(has_contract || contract<implementation>,
                  "tenon::server::serve: the object's type is no service; write TENON_SERVICE in it, or name a contract first: server.serve<market>(object)");
    if constexpr (has_contract || contract<implementation>) {
      using service_type = std::conditional_t<has_contract, typename parameters::contract_given, implementation>;
      constexpr bool fits = service::fits_contract<service_type, implementation>;
      // A contract at fault has said so itself.
      static_assert(fits || !service::is_sound_contract<service_type>, "tenon::server::serve: the object has no method that fits the contract's; give it one of the same name that takes the same parameters");
      if constexpr (fits) {
        using definition = detail::definition_of<service_type, std::decay_t<Object>, parameters>;
        definition made{std::forward<Object>(object)};
        if constexpr (has_blocking_methods<service_type>) made.use(pool());
        status added = add(&made, [](void* defined) { return static_cast<definition*>(defined)->make(); });
        if (added.ok()) options_of_services_.push_back(made.options());
        return added;
      }
    }
    return {};
  }

  /// Shows pages to GET, beside what is served: `server.show(tenon::pages<market>{})`, see <tenon/service/pages.hpp>.
  ///
  /// Errors  already_exists for a second time; failed_precondition after `start` or `stop`.
  template <class Pages>
  status show(Pages pages) {
    static_assert(std::is_base_of_v<protocol::http_pages, Pages>, "tenon::server::show: the object has no pages; write server.show(tenon::pages<market>{}), or derive from tenon::protocol::http_pages");
    if constexpr (!std::is_base_of_v<protocol::http_pages, Pages>) return {};
    else return show_pages(std::make_shared<const Pages>(std::move(pages)));
  }

  /// Other options for the policies of a service than those in their types, `server.configure<market>(timeout_options{...})`, for calls that arrive from now
  /// on. After everything has been served; from any thread. Returns whether a policy takes these.
  template <class S, class Options>
  bool configure(const Options& options) {
    return set_options(service_name<S>, &detail::type_key<Options>, &options, ~std::size_t{0});
  }
  /// The same for one method: `server.configure<market, &market::buy>(timeout_options{...})`.
  template <class S, auto Method, class Options>
  bool configure(const Options& options) {
    static_assert(method_index<S, Method> < method_count<S>, "tenon::server::configure: the method is none of those that TENON_SERVICE lists for this service");
    return set_options(service_name<S>, &detail::type_key<Options>, &options, method_index<S, Method>);
  }

  /// The options of all policies of all services from a document, `server.configure_from(json_options{text})`: all of it, or nothing when a part of it is wrong.
  /// After everything has been served; from any thread.
  ///
  /// Errors  invalid_argument, and where the document is wrong.
  template <class Source>
  status configure_from(const Source& from) {
    std::vector<std::unique_ptr<policy::option_draft>> drafts;
    std::vector<policy::option_draft*> listed;
    for (auto& each : options_of_services_) listed.push_back(drafts.emplace_back(each->draft()).get());
    status written = from.write(listed.data(), listed.size());
    if (written.ok()) {
      for (policy::option_draft* each : listed) each->publish();
    }
    return written;
  }

  /// Listens on an address, `tcp://host:port` or `unix:///path`; port 0 lets the system choose. Every protocol of the server is spoken there.
  ///
  /// Errors  invalid_argument for an address that cannot be read, or names a protocol as a client's does (`grpc://`); unavailable with the system's reason; failed_precondition after `start` or `stop`.
  [[gnu::cold]] bound listen(std::string_view url);
  /// Listens on a name of a network in memory, which must be on this server's io_context.
  [[gnu::cold]] bound listen(net::memory_network& network, std::string name);

  /// Starts serving in the background.
  ///
  /// Errors  the first one of the set-up; failed_precondition when it was started already, or was stopped, be it before it had started: a server does not start again.
  [[gnu::cold]] status start();

  /// Serves until `stop`, the first loop on this thread. After `start` it only waits for the end of that.
  ///
  /// Errors  the first one of the set-up; failed_precondition when it was stopped before it had started.
  status run();

  /// Goes on for `options.lame_duck` while health says that it will not; then stops accepting, lets what is under way end (at most `options.drain`), closes, and ends the server's own loops with whatever else was posted to them.
  /// Waits for that, unless it is called from one of those loops. May be called from any thread, more than once, and before `run`. A blocking handler that outlasts
  /// `options.drain` is asked to end, and waited for by the destructor, since a thread cannot be ended from outside.
  /// Before `start` or `run` it closes what listens, at once, and neither of them does anything any more; on a caller's io_context do that where you may destroy the server.
  [[gnu::cold]] void stop();

  /// Calls `what()` once when the server begins to stop, on the first loop and before anything is refused; or when it goes without having been started. Before `start`.
  template <class F>
  void at_stop(F what) {
    beside_.emplace_back(nullptr, [what = std::move(what)](std::nullptr_t) mutable { what(); });
  }

  /// Whether a service of this name is served. After `start` from any thread.
  [[gnu::cold]] bool serves(std::string_view service) const noexcept;

  /// The io_context of the first loop: for timers and clients that live beside the handlers.
  asio::io_context& io() noexcept { return workers_.front()->io; }

 private:
  template <class Served>
  friend status stop_on_signals(server<Served>& which);

  struct worker;
  struct acceptor final : net::accept_sink {
    explicit acceptor(server& owner) : self{owner} {}
    asio::io_context& next_io() override;
    void accepted(asio::io_context& on, std::unique_ptr<net::stream> opened) override;
    [[gnu::cold]] void accepting_failed(const endpoint& where, const std::error_code& why) override;
    bool has_place(const net::stream& opened);
    server& self;
    std::size_t next = 0;
    bool full = false;
  };

  struct lame_duck_end final : net::timer {
    explicit lame_duck_end(server& owner) : self{owner} {}
    [[gnu::cold]] void expired() override {
      self.post_while_alive(*self.workers_.front(), [](server& all, worker&) { all.leave(); });
    }
    server& self;
  };

  enum class phase : std::uint8_t { set_up, serving, stopping };

  using make_instance = std::unique_ptr<service::instance> (*)(void* definition);
  [[gnu::cold]] status add(void* definition, make_instance make);
  [[gnu::cold]] status show_pages(std::shared_ptr<const protocol::http_pages> pages);
  [[gnu::cold]] bool set_options(std::string_view service, const char* key, const void* options, std::size_t method);
  [[gnu::cold]] service::thread_pool& pool();
  [[gnu::cold]] bool begun();
  [[gnu::cold]] bool in_background();
  [[gnu::cold]] status begin(std::size_t threads, bool& began);
  [[gnu::cold]] void leave();
  [[gnu::cold]] void drained();
  void run_loop(worker& one);
  [[gnu::cold]] void wait();
  [[gnu::cold]] void post_while_alive(worker& on, void (*work)(server&, worker&));
  [[gnu::cold]] bound keep(result<std::unique_ptr<net::listener>> opened);
  [[gnu::cold]] status refuse(status why);

  server_options options_;
  bool owns_loops_ = true;
  phase phase_ = phase::set_up;
  bool in_background_ = false;  // begun by `start`; under mutex_
  status setup_error_;
  std::mutex mutex_;
  std::condition_variable one_ended_;
  std::size_t running_ = 0;                // loops that this server runs; under mutex_
  std::atomic<std::size_t> undrained_{0};  // those of them that still have calls or connections
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  acceptor acceptor_{*this};
  std::vector<std::unique_ptr<detail::served_options>> options_of_services_;
  std::shared_ptr<const protocol::http_pages> pages_;
  std::vector<std::unique_ptr<worker>> workers_;
  std::vector<std::unique_ptr<net::listener>> listeners_;
  std::shared_ptr<service::thread_pool> pool_;  // made with the first service that has blocking methods; shared, so that what it is is known there only
  std::vector<std::shared_ptr<void>> beside_;  // what goes when the server stops: what stop_on_signals keeps, and the turns of at_stop
  lame_duck_end lame_duck_{*this};
};

/// In <tenon/server/stop_on_signals.hpp>.
template <class Served>
status stop_on_signals(server<Served>& which);

server() -> server<>;
server(server_options) -> server<>;

// What follows is defined outside the class because it is not inline then: where an explicit instantiation is declared, none of it is compiled again.

template <class Protocols>
struct server<Protocols>::worker {
  worker(std::unique_ptr<asio::io_context> own, asio::io_context& on, const server_options& options) : owned{std::move(own)}, io{on}, serving{io, options} {}
  [[gnu::noinline]] ~worker() = default;

  std::unique_ptr<asio::io_context> owned;
  asio::io_context& io;
  detail::serving serving;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
  std::thread thread;
};

template <class Protocols>
server<Protocols>::server(server_options options) : options_{options} {
  const unsigned count = options_.loops == 0 ? 1 : options_.loops;
  for (unsigned i = 0; i < count; ++i) {
    auto own = std::make_unique<asio::io_context>(1);
    asio::io_context& io = *own;
    workers_.push_back(std::make_unique<worker>(std::move(own), io, options_));
    workers_.back()->serving.count_ids(i + 1, count);
  }
}

template <class Protocols>
server<Protocols>::server(asio::io_context& io, server_options options) : options_{options}, owns_loops_{false} {
  workers_.push_back(std::make_unique<worker>(nullptr, io, options_));
}

template <class Protocols>
server<Protocols>::~server() {
  stop();
  for (auto& each : workers_) {
    if (each->thread.joinable()) each->thread.join();
  }
  for (auto& each : listeners_) each->close();
  for (auto& each : workers_) each->serving.tear_down();
  // The blocking handlers that still run use what was served, and post to loops.
  pool_.reset();
}

template <class Protocols>
bound server<Protocols>::listen(std::string_view url) {
  if (begun()) return refuse(status{code::failed_precondition, "listen after start; listen everywhere first"});
  result<endpoint> where = endpoint::parse(url);
  if (!where) return refuse(std::move(where).error().prefixed("listen"));
  if (!where->protocol().empty()) {
    return refuse(status{code::invalid_argument, detail::join_text({"listen: address \"", url, "\": expected tcp://host:port or unix:///path without a protocol, which is for clients; "
                                                                    "a server speaks all of its own on every address, and they are its template parameter: tenon::server<protocols>"})});
  }
  return keep(net::listen_on(workers_.front()->io, *where));
}

template <class Protocols>
bound server<Protocols>::listen(net::memory_network& network, std::string name) {
  if (begun()) return refuse(status{code::failed_precondition, "listen after start; listen everywhere first"});
  return keep(network.listen(std::move(name)));
}

template <class Protocols>
status server<Protocols>::start() {
  bool began = false;
  status begun = begin(workers_.size(), began);
  if (begun.ok() && !began) return status{code::failed_precondition, "start: the server was started already"};
  return begun;
}

template <class Protocols>
status server<Protocols>::run() {
  if (in_background()) return wait(), status{};
  bool began = false;
  status begun = begin(workers_.size() - 1, began);
  if (began && owns_loops_) run_loop(*workers_.front());
  if (owns_loops_) wait();
  return begun;
}

template <class Protocols>
void server<Protocols>::stop() {
  {
    const std::lock_guard guard{mutex_};
    const phase before = std::exchange(phase_, phase::stopping);
    if (before == phase::set_up) {
      for (auto& each : listeners_) each->close();
    } else if (before == phase::serving) {
      post_while_alive(*workers_.front(), [](server& self, worker& first) {
        self.beside_.clear();
        if (self.options_.lame_duck <= duration{}) return self.leave();
        for (auto& each : self.workers_) self.post_while_alive(*each, [](server&, worker& one) { one.serving.going = true; });
        first.serving.loop.arm(self.lame_duck_, first.serving.loop.refresh() + self.options_.lame_duck);
      });
    }
  }
  for (auto& each : workers_) {
    if (!owns_loops_ || each->io.get_executor().running_in_this_thread()) return;
  }
  wait();
}

// On the first loop.
template <class Protocols>
void server<Protocols>::leave() {
  for (auto& each : listeners_) each->close();
  for (std::size_t i = 1; i < workers_.size(); ++i) {
    post_while_alive(*workers_[i], [](server&, worker& one) { one.serving.start_drain(); });
  }
  // At once: what has arrived by now and is not read yet comes too late.
  workers_.front()->serving.start_drain();
}

template <class Protocols>
bool server<Protocols>::serves(std::string_view service) const noexcept {
  for (const auto& each : options_of_services_) {
    if (each->service() == service) return true;
  }
  return false;
}

template <class Protocols>
status server<Protocols>::add(void* definition, make_instance make) {
  if (begun()) return refuse(status{code::failed_precondition, "serve after start; serve everything first"});
  for (auto& each : workers_) {
    if (status added = each->serving.router.add(make(definition)); !added.ok()) return refuse(std::move(added));
  }
  return {};
}

template <class Protocols>
status server<Protocols>::show_pages(std::shared_ptr<const protocol::http_pages> pages) {
  if (begun()) return refuse(status{code::failed_precondition, "show after start; show everything first"});
  if (pages_ != nullptr) return refuse(status{code::already_exists, "show: pages are shown already"});
  pages_ = std::move(pages);
  for (auto& each : workers_) each->serving.show(pages_.get());
  return {};
}

template <class Protocols>
service::thread_pool& server<Protocols>::pool() {
  if (pool_ == nullptr) pool_ = std::make_shared<service::thread_pool>(options_.blocking_threads, options_.max_blocking_queue);
  return *pool_;
}

template <class Protocols>
bool server<Protocols>::set_options(std::string_view service, const char* key, const void* options, std::size_t method) {
  for (auto& each : options_of_services_) {
    if (each->service() == service) return each->set(key, options, method);
  }
  return false;
}

template <class Protocols>
bool server<Protocols>::begun() {
  const std::lock_guard guard{mutex_};
  return phase_ != phase::set_up;
}

// `start` has begun it; it may have been stopped since.
template <class Protocols>
bool server<Protocols>::in_background() {
  const std::lock_guard guard{mutex_};
  return in_background_;
}

// The last `threads` loops run in threads of their own. OK without having begun: it serves already.
template <class Protocols>
status server<Protocols>::begin(std::size_t threads, bool& began) {
  const std::lock_guard guard{mutex_};
  if (phase_ == phase::stopping) return status{code::failed_precondition, "the server was stopped, and does not start again; make another one"};
  if (phase_ == phase::serving) return {};
  if (!setup_error_.ok()) return setup_error_;
  began = true;
  in_background_ = threads == workers_.size();
  phase_ = phase::serving;
  // One listener's callbacks run on the first loop's thread.
  post_while_alive(*workers_.front(), [](server& self, worker&) {
    for (auto& each : self.listeners_) each->start(self.acceptor_);
  });
  if (!owns_loops_) return {};
  running_ = undrained_ = workers_.size();
  for (auto& each : workers_) {
    each->work.emplace(each->io.get_executor());
    each->serving.owner = this;
    each->serving.on_drained = [](void* self) { static_cast<server*>(self)->drained(); };
  }
  for (std::size_t i = workers_.size() - threads; i < workers_.size(); ++i) {
    workers_[i]->thread = std::thread{[this, one = workers_[i].get()] { run_loop(*one); }};
  }
  return {};
}

// Whatever ends it is counted.
template <class Protocols>
void server<Protocols>::run_loop(worker& one) {
  struct count_out {
    server& self;
    ~count_out() {
      const std::lock_guard guard{self.mutex_};
      --self.running_;
      self.one_ended_.notify_all();
    }
  };
  const count_out at_end{*this};
  one.io.run();
}

// One loop has drained. None ends before the last: handlers there may still need what lives here.
template <class Protocols>
void server<Protocols>::drained() {
  if (undrained_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  for (auto& each : workers_) each->io.stop();
}

template <class Protocols>
void server<Protocols>::wait() {
  std::unique_lock guard{mutex_};
  while (running_ != 0) one_ended_.wait(guard);
}

// A caller's io_context may run its handlers after the server has gone.
template <class Protocols>
void server<Protocols>::post_while_alive(worker& on, void (*work)(server&, worker&)) {
  detail::post(on.io, [this, &on, work, alive = std::weak_ptr<bool>{alive_}] {
    if (!alive.expired()) work(*this, on);
  });
}

template <class Protocols>
bound server<Protocols>::keep(result<std::unique_ptr<net::listener>> opened) {
  if (!opened) return refuse(std::move(opened).error());
  // A `stop` from another thread closes what is listed here.
  const std::lock_guard guard{mutex_};
  if (phase_ != phase::set_up) return refuse(status{code::failed_precondition, "listen: the server was stopped meanwhile"});
  listeners_.push_back(std::move(*opened));
  return listeners_.back()->address();
}

template <class Protocols>
status server<Protocols>::refuse(status why) {
  std::fputs(detail::join_text({"tenon::server: ", why.message(), "\n"}).c_str(), stderr);
  if (setup_error_.ok()) setup_error_ = why;
  return why;
}

template <class Protocols>
asio::io_context& server<Protocols>::acceptor::next_io() {
  return self.workers_[next++ % self.workers_.size()]->io;
}

template <class Protocols>
void server<Protocols>::acceptor::accepted(asio::io_context& on, std::unique_ptr<net::stream> opened) {
  if (!has_place(*opened)) return opened->close();
  const auto begin = [](worker& one, std::unique_ptr<net::stream> stream) {
    if (!one.serving.draining) detail::connection_of<Protocols>::start(one.serving, std::move(stream));
  };
  for (auto& each : self.workers_) {
    if (&each->io != &on) continue;
    each->serving.places.fetch_add(1, std::memory_order_relaxed);
    if (each == self.workers_.front()) return begin(*each, std::move(opened));
    detail::post(on, [begin, one = each.get(), opened = std::move(opened)]() mutable { begin(*one, std::move(opened)); });
    return;
  }
}

// The log hears of the first of those that are turned away in a row.
template <class Protocols>
bool server<Protocols>::acceptor::has_place(const net::stream& opened) {
  std::size_t taken = 0;
  for (auto& each : self.workers_) taken += each->serving.places.load(std::memory_order_relaxed);
  const bool had_place = !std::exchange(full, taken >= self.options_.max_connections);
  if (full && had_place) self.workers_.front()->serving.log(opened.peer(), "turned away, and so are those that follow: there are as many connections as max_connections allows");
  return !full;
}

template <class Protocols>
void server<Protocols>::acceptor::accepting_failed(const endpoint& where, const std::error_code& why) {
  self.workers_.front()->serving.log(where.url(), detail::join_text({"accepting pauses, and is tried again every 100 ms: ", why.message()}));
}

#if defined(TENON_SEPARATE_COMPILATION)
extern template class server<default_protocols>;
#endif

}  // namespace tenon::inline v0
