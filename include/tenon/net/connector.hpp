// Opening a connection: what a client needs of a transport, and how it is done over sockets. Net layer.
#pragma once

#include <tenon/core/asio.hpp>

#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <asio/ip/tcp.hpp>

#include <tenon/net/endpoint.hpp>
#include <tenon/net/socket_address.hpp>
#include <tenon/net/socket_stream.hpp>
#include <tenon/net/stream.hpp>

namespace tenon::inline v0::net {

/// Opens one stream at a time.
class connector {
 public:
  /// Told once: a stream, or why there is none.
  class waiter {
   public:
    virtual void connected(std::unique_ptr<stream> opened) = 0;
    virtual void connect_failed(const std::error_code& error) = 0;

   protected:
    ~waiter() = default;
  };

  virtual ~connector() = default;
  /// Ends exactly once, never inside this call, unless `cancel` comes first.
  virtual void connect(waiter& who) = 0;
  virtual void cancel() noexcept = 0;
  /// The address that is tried, for messages.
  virtual std::string url() const = 0;
};

/// Connects to a tcp or local address; names are resolved at each attempt, and every address they have is tried in turn.
///
/// A template only so that a program that never connects does not compile it; `socket_connector` is its one instance.
template <class Io>
class basic_socket_connector final : public connector {
 public:
  basic_socket_connector(Io& io, endpoint where) : io_{io}, where_{std::move(where)} {}
  ~basic_socket_connector() override { cancel(); }

  [[gnu::cold]] void connect(waiter& who) override {
    cancel();
    state_ = std::make_shared<state>(io_, where_, who);
    if (where_.is_local()) return try_address(state_, detail::local_address(where_.path()));
    const std::string host = where_.host().empty() ? "localhost" : where_.host();
    // A numeric address needs no resolver, and so no resolver thread.
    if (const auto address = detail::numeric_address(host, where_.port())) return try_address(state_, *address);
    state_->resolver.async_resolve(host, std::to_string(where_.port()), [self = state_](const std::error_code& error, resolved found) {
      if (self->who == nullptr) return;
      if (error) return self->fail(error);
      self->found = std::move(found);
      self->next = self->found.begin();
      try_next(self, asio::error::host_not_found);
    });
  }
  [[gnu::cold]] void cancel() noexcept override {
    if (state_ == nullptr) return;
    state_->who = nullptr;
    std::error_code ignored;
    state_->resolver.cancel();
    if (state_->trying) state_->trying->close(ignored);
    state_ = nullptr;
  }
  std::string url() const override { return where_.url(); }

 private:
  using resolved = asio::ip::basic_resolver_results<asio::ip::tcp>;

  // One attempt. Outlives the connector while an operation is under way; what ends late finds `who` empty and says nothing to the attempt after it.
  struct state {
    state(Io& on, const endpoint& address, waiter& waiting) : io{on}, where{address}, who{&waiting}, resolver{on.get_executor()} {}
    Io& io;
    endpoint where;
    waiter* who;
    asio::ip::basic_resolver<asio::ip::tcp, typename Io::executor_type> resolver;
    std::optional<socket> trying;
    resolved found;
    resolved::const_iterator next;

    void fail(const std::error_code& error) {
      if (waiter* told = std::exchange(who, nullptr); told != nullptr) told->connect_failed(error);
    }
  };
  using shared = std::shared_ptr<state>;

  [[gnu::cold]] static void try_next(const shared& self, const std::error_code& last) {
    if (self->next == self->found.end()) return self->fail(last);
    const asio::ip::tcp::endpoint address = (self->next++)->endpoint();
    try_address(self, {address.data(), address.size(), IPPROTO_TCP});
  }

  [[gnu::cold]] static void try_address(const shared& self, const socket_address& address) {
    self->trying.emplace(self->io);
    self->trying->async_connect(address, [self](const std::error_code& error) {
      if (self->who == nullptr) return;
      if (error) return try_next(self, error);
      waiter* told = std::exchange(self->who, nullptr);
      told->connected(make_stream(std::move(*self->trying)));
    });
  }

  Io& io_;
  endpoint where_;
  shared state_;
};

using socket_connector = basic_socket_connector<asio::io_context>;

#if defined(TENON_SEPARATE_COMPILATION)
extern template class basic_socket_connector<asio::io_context>;
#endif

}  // namespace tenon::inline v0::net
