// A blocking method's call between the loop, where it came and is answered, and the thread of the pool where it runs. Service layer.
#pragma once

#include <tenon/core/asio.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <asio/executor_work_guard.hpp>

#include <tenon/core/buffer.hpp>
#include <tenon/core/connection_handle.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/post.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/service/exchange.hpp>
#include <tenon/service/guarded.hpp>
#include <tenon/service/handler.hpp>
#include <tenon/service/thread_pool.hpp>

namespace tenon::inline v0::service {

/// Keeps what the handler uses, and the encoded answer.
///
/// Laws    between `take` of the pool and the news on the loop the arguments, the answer and what the handler writes into its context are the pool's; the rest is the
///         loop's. Deadline, cancel and a lost caller reach the handler by `context.cancelled()`, and its nested calls (`{.parent = &context}`) by themselves. One that
///         nobody waits for any more when its turn comes is not run.
template <class S, class Implementation, class Guard, std::size_t Index, class Codec>
class offloaded final : public pending, public thread_pool::job {
  using handled = handler<S, Implementation, Index>;

 public:
  offloaded(std::shared_ptr<Implementation> object, Guard& guard, const exchange& call, const typename Guard::info_type& info, const typename Guard::call_state& state)
      : job{[](job& self) noexcept { static_cast<offloaded&>(self).run(); }}, object_{std::move(object)}, guard_{guard}, info_{info}, state_{state}, sink_{&call.sink}, peer_{call.peer},
        work_{call.io->get_executor()} {
    address = call.call.address;
    elsewhere = true;
    context.info = info;
    if constexpr (Guard::identifies) context.set_principal(info.principal);
    context.place(service_name<S>, method<S, Index>::name, peer_, call.io);
    context.cancel.share();
    if constexpr (handled::takes_context) {
      way_back_.emplace(call.sink);
      context.set_origin(*way_back_);
      if (!call.call.metadata_block.empty() && call.call.read_metadata != nullptr) call.call.read_metadata(call.call.metadata_block, context.request);
    }
  }

  typename handled::values arguments{};

  void go_on() override {}

  status write_value(buffer& out) override {
    if (ended_.ok()) out.append(value_.view());
    observe(ended_.outcome());
    return std::move(ended_);
  }

  // A thread cannot be taken from a handler: it is asked to end, and the call goes when it has.
  void dispose() noexcept override {
    if (!std::exchange(observed_, true)) {
      guard_.observe(state_, info_, outcome{.code = code::cancelled, .flags = outcome::local});
      context.cancel.request();
    }
    sink_ = nullptr;
    release();
  }

 private:
  // On a thread of the pool.
  void run() noexcept {
    if (context.cancelled()) {
      ended_ = status{code::cancelled, tenon::detail::join_text({full_name<S, Index>, ": nobody waited for it any more when a thread was free"})};
      ended_.add_flag(outcome::not_executed);
    } else {
      ended_ = guarded(full_name<S, Index>, [this]() -> status { return call_and_write<S, Index, Codec>(value_, *object_, &context, arguments); });
    }
    tenon::detail::post(*context.io(), [self = std::unique_ptr<offloaded, releaser>{this}] { self->ended(); });
  }

  // On the loop's again. The sink disposes of it.
  void ended() {
    elsewhere = false;
    work_.reset();
    if (sink_ != nullptr) sink_->finished(*this);
  }
  void observe(outcome result) noexcept {
    observed_ = true;
    if constexpr (Guard::measures) info_.now = sink_->read_clock();
    guard_.observe(state_, info_, result);
  }

  // The connection may go while the handler runs.
  class kept_origin final : public tenon::detail::origin {
   public:
    explicit kept_origin(origin& from) : origin{from.connection_id()}, kept_{from.handle()} {}
    std::shared_ptr<tenon::detail::connection_handle> handle() override { return kept_; }

   private:
    std::shared_ptr<tenon::detail::connection_handle> kept_;
  };

  // Two keep it, both on the loop: the sink, and what the pool will post. The news of a loop that has gone is dropped with it.
  struct releaser {
    void operator()(offloaded* held) const noexcept { held->release(); }
  };
  void release() noexcept {
    if (--references_ == 0) delete this;
  }

  std::shared_ptr<Implementation> object_;
  Guard& guard_;
  typename Guard::info_type info_;
  typename Guard::call_state state_;
  answer_sink* sink_;
  std::string peer_;
  std::optional<kept_origin> way_back_;
  // The io_context waits for the answer even if nothing else happens on it.
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  buffer value_;
  status ended_;
  int references_ = 2;
  bool observed_ = false;
};

}  // namespace tenon::inline v0::service
