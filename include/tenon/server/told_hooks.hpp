// What a program's hooks are told of one connection and its calls. Server layer.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include <tenon/core/context.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/status.hpp>
#include <tenon/server/hooks.hpp>
#include <tenon/service/exchange.hpp>

namespace tenon::inline v0::detail {

/// Asks the hooks that are there; each question costs one look at a null pointer where there is none.
class told_hooks {
 public:
  explicit told_hooks(const server_hooks& hooks) noexcept : hooks_{hooks} {}

  status accept(const connection_info& by) {
    if (hooks_.accept == nullptr) return {};
    status answer = hooks_.accept(hooks_.object, by);
    vetoed_ = !answer.ok();
    return answer;
  }
  void received(const connection_info& by, std::size_t count) const {
    if (hooks_.received != nullptr) [[unlikely]] (void)hooks_.received(hooks_.object, by, count);
  }
  void sent(const connection_info& by, std::size_t count) const {
    if (hooks_.sent != nullptr) [[unlikely]] (void)hooks_.sent(hooks_.object, by, count);
  }
  /// A connection that a hook has turned away has never been there.
  [[gnu::cold]] void closed(const connection_info& by, std::string_view why) const {
    if (hooks_.closed != nullptr && !vetoed_) (void)hooks_.closed(hooks_.object, by, why);
  }

  /// False, and the reason in the exchange, when a hook does not want the call.
  bool before(service::exchange& call) const { return hooks_.before_call == nullptr || ask(call); }
  void after(const service::exchange& call, service::disposition became) const {
    if (hooks_.after_call != nullptr && became != service::disposition::pending) [[unlikely]] tell(call, became);
  }
  void after(const service::pending& call, const status& ended) const {
    if (hooks_.after_call != nullptr) [[unlikely]] (void)hooks_.after_call(hooks_.object, call.context, ended);
  }

 private:
  // As a handler would have it.
  [[gnu::cold]] static void describe(const service::exchange& exchange, context& call) {
    call.info.now = exchange.now;
    call.info.deadline = exchange.deadline;
    call.info.request_bytes = exchange.call.payload.size();
    call.info.on_server = true;
    call.place(exchange.call.service, exchange.call.method, exchange.peer, exchange.io);
    call.set_origin(exchange.sink);
    if (!exchange.call.metadata_block.empty() && exchange.call.read_metadata != nullptr) exchange.call.read_metadata(exchange.call.metadata_block, call.request);
  }
  [[gnu::cold, gnu::noinline]] bool ask(service::exchange& exchange) const {
    context call;
    describe(exchange, call);
    status answer = hooks_.before_call(hooks_.object, call);
    if (answer.ok()) return true;
    exchange.error = std::move(answer.add_flag(outcome::not_executed));
    return false;
  }
  [[gnu::cold, gnu::noinline]] void tell(const service::exchange& exchange, service::disposition became) const {
    context call;
    describe(exchange, call);
    (void)hooks_.after_call(hooks_.object, call, became == service::disposition::refused ? exchange.error : status{});
  }

  const server_hooks& hooks_;
  bool vetoed_ = false;
};

}  // namespace tenon::inline v0::detail
