// What a client lets its server call over the client's own connection. Peers layer; the client's side of it.
#pragma once

#include <tenon/core/asio.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <tenon/client/offered.hpp>
#include <tenon/core/connection_handle.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/peers/carried_stream.hpp>
#include <tenon/protocol/jsonrpc.hpp>
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
namespace detail {

// Serves on any number of clients' connections, each loop with its own instances, as a server's loops have.
class offered_services final : public offered {
 public:
  explicit offered_services(const server_options& options) : options_{options} {
    // The connection that carries it has these of its own.
    options_.first_byte_timeout = options_.message_timeout = options_.idle_timeout = options_.keepalive.interval = {};
  }
  offered_services(const offered_services&) = delete;
  offered_services& operator=(const offered_services&) = delete;
  ~offered_services() override {
    for (auto& each : homes_) each->tear_down();
  }

  template <class Definition>
  status add(std::string_view name, Definition given) {
    const std::lock_guard guard{mutex_};
    if (!homes_.empty()) return status{code::failed_precondition, "offers::serve after a server has called; serve everything first"};
    for (const auto& each : definitions_) {
      if (each->name == name) return status{code::already_exists, join_text({"service \"", name, "\" is offered already"})};
    }
    definitions_.push_back(std::make_unique<definition<Definition>>(name, std::move(given)));
    return {};
  }
  service::thread_pool& pool() {
    if (pool_ == nullptr) pool_ = std::make_unique<service::thread_pool>(options_.blocking_threads, options_.max_blocking_queue);
    return *pool_;
  }

  void open(const std::shared_ptr<connection_handle>& by) override {
    auto path = std::make_shared<carried>(by, options_.limits.max_message_bytes + options_.limits.max_metadata_bytes + 1024 * 1024);
    by->path([&path] { return path; });
    connection<protocol::rpcx_session, protocol::jsonrpc_session>::start(home_of(by->io()), std::make_unique<carried_stream>(std::move(path)));
  }

 private:
  struct any_definition {
    explicit any_definition(std::string_view of) : name{of} {}
    virtual ~any_definition() = default;
    virtual std::unique_ptr<service::instance> make() = 0;
    std::string_view name;
  };
  template <class Definition>
  struct definition final : any_definition {
    definition(std::string_view of, Definition held) : any_definition{of}, given{std::move(held)} {}
    std::unique_ptr<service::instance> make() override { return given.make(); }
    Definition given;
  };

  serving& home_of(asio::io_context& io) {
    const std::lock_guard guard{mutex_};
    for (auto& each : homes_) {
      if (&each->io == &io) return *each;
    }
    serving& made = *homes_.emplace_back(std::make_unique<serving>(io, options_));
    for (const auto& each : definitions_) (void)made.router.add(each->make());
    return made;
  }

  server_options options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<any_definition>> definitions_;
  std::unique_ptr<service::thread_pool> pool_;
  std::vector<std::unique_ptr<serving>> homes_;
};

}  // namespace detail

/// The services a client offers to its server: objects whose methods a handler there calls by `tenon::peer`, over the connection that the client has made.
///
///   tenon::offers mine;
///   mine.serve(screen{});
///   tenon::client<market> m{url, {.offers = mine}};
///
/// They run on the client's loop, as a server's do on its own: plain handlers, coroutines and blocking ones, with policies, deadlines and cancels. A lost connection
/// cancels them. `options` bound what the server may ask for: limits, pending calls, write buffer.
///
/// Laws    served before the first client is made with it; one `offers` may be given to several clients. Called are clients over rpcx, and over JSON-RPC on a connection of its own or a
///         WebSocket; those of other protocols never are.
class offers {
 public:
  explicit offers(const server_options& options = {}) : made_{std::make_shared<detail::offered_services>(options)} {}

  /// As `server::serve`: an object, a shared_ptr, a std::ref, or a function that makes one per loop; a contract may stand first, then codecs and policies.
  ///
  /// Errors  already_exists for a second service of one name; failed_precondition after a server has called.
  template <class... Parameters, class Object>
  status serve(Object&& object) {
    using parameters = detail::serve_parameters<Parameters...>;
    using implementation = detail::implementation<Object>;
    static_assert(parameters::known, "tenon::offers::serve: a template argument is neither a policy nor a codec; a contract may stand first only");
    static_assert(!parameters::stack::has_loop, "tenon::offers::serve: retry belongs to the one who calls; who offers answers once");
    constexpr bool has_contract = !std::is_void_v<typename parameters::contract_given>;
    static_assert(has_contract || contract<implementation>,
                  "tenon::offers::serve: the object's type is no service; write TENON_SERVICE in it, or name a contract first: offers.serve<display>(object)");
    if constexpr (has_contract || contract<implementation>) {
      using service_type = std::conditional_t<has_contract, typename parameters::contract_given, implementation>;
      constexpr bool fits = service::fits_contract<service_type, implementation>;
      // A contract at fault has said so itself.
      static_assert(fits || !service::is_sound_contract<service_type>,
                    "tenon::offers::serve: the object has no method that fits the contract's; give it one of the same name that takes the same parameters");
      if constexpr (fits) {
        detail::definition_of<service_type, std::decay_t<Object>, parameters> made{std::forward<Object>(object)};
        if constexpr (has_blocking_methods<service_type>) made.use(made_->pool());
        return made_->add(service_name<service_type>, std::move(made));
      }
    }
    return {};
  }

  /// For `client_options::offers`.
  operator std::shared_ptr<detail::offered>() const noexcept { return made_; }

 private:
  std::shared_ptr<detail::offered_services> made_;
};

}  // namespace tenon::inline v0
