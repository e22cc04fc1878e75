// A handler that streams, between its start and its end. Service layer; compiled only for methods that do.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <tenon/codec/concept.hpp>
#include <tenon/core/source.hpp>
#include <tenon/core/stream.hpp>
#include <tenon/core/task.hpp>
#include <tenon/service/exchange.hpp>
#include <tenon/service/guarded.hpp>
#include <tenon/service/handler.hpp>
#include <tenon/service/streamed.hpp>

namespace tenon::inline v0::service {

/// Runs the coroutine of one call and keeps what it may use, as `running` does. The coroutine starts when the connection has listed the call.
template <class S, class Implementation, class Guard, std::size_t Index, class Codec>
class streaming final : public streamed, private tenon::detail::yield_taker {
  using described = method<S, Index>;
  using handled = handler<S, Implementation, Index>;
  using coroutine = typename handled::returned;
  using kind = handler_return<coroutine>;
  static constexpr bool reads = described::client_streams;
  static constexpr bool yields = described::server_streams;

  static_assert(!yields || kind::in_stream, "tenon::server::serve: the contract's method returns a tenon::stream, the object's of that name does not; return tenon::stream<T> there as well");
  static_assert(yields || !kind::in_stream, "tenon::server::serve: the object's method returns a tenon::stream, the contract's of that name does not; write tenon::stream<T> in the contract as well");
  static_assert(yields || kind::in_task, "tenon::server::serve: a handler that takes a tenon::source has to be a coroutine, which alone can wait for the next item; return tenon::task<T>");

 public:
  streaming(std::shared_ptr<Implementation> object, Guard& guard, const exchange& call, const typename Guard::info_type& info, const typename Guard::call_state& state)
      : streamed{call, yields}, object_{std::move(object)}, guard_{&guard}, info_{info}, state_{state}, bounds_{call.bounds}, feed_{*this}, arguments_{make_arguments()} {
    context.info = info;
    if constexpr (Guard::identifies) context.set_principal(info.principal);
    context.place(service_name<S>, described::name, call.peer, call.io);
    context.set_origin(call.sink);
    if (!call.call.metadata_block.empty() && call.call.read_metadata != nullptr) call.call.read_metadata(call.call.metadata_block, context.request);
  }
  ~streaming() override {
    // The frame goes first: it may use the context, and wait for the source.
    running_.reset();
  }

  typename handled::values& arguments() noexcept { return arguments_; }

  void go_on() override {
    context.cancel.listen(*this);
    if (stopped_) return;
    if constexpr (reads) grant_window();
    failure_ = guarded(full_name<S, Index>, [&]() -> status {
      running_.emplace(handled::call(*object_, &context, arguments_));
      return {};
    });
    if (!failure_.ok()) return finish();
    if constexpr (yields) {
      running_->promise().give_to(*this);
    } else {
      if (running_->done()) return finish();
    }
    running_->promise().on_finish([](void* self) noexcept { static_cast<streaming*>(self)->finish(); }, this);
    running_->promise().set_home(*context.io());
    // Last, as everything that lets it go on: it may end, and this with it.
    if constexpr (yields) running_->resume();
  }

  status write_value(buffer& out) override {
    status ended = stopped_ ? stopped_with_ : failure_;
    if (ended.ok()) {
      ended = guarded(full_name<S, Index>, [&]() -> status {
        if constexpr (yields) {
          running_->promise().rethrow();
          return {};
        } else if constexpr (std::is_void_v<typename kind::given>) {
          running_->take();
          Codec::encode(out, nullptr);
          return {};
        } else {
          return write_given<Codec>(out, running_->take());
        }
      });
    }
    observe(ended.outcome());
    return ended;
  }

  bool write_item(buffer& out) override {
    if constexpr (yields) {
      status written = guarded(full_name<S, Index>, [&]() -> status {
        Codec::encode(out, std::as_const(running_->promise().item()));
        return {};
      });
      if (written.ok()) return true;
      stop_soon(std::move(written));
    }
    return false;
  }

  void dispose() noexcept override {
    sink_ = nullptr;
    if (!observed_) observe(outcome{.code = code::cancelled, .flags = outcome::local});
    delete this;
  }

 private:
  // The items as the source sees them.
  template <class T>
  struct feed final : tenon::detail::item_feed<T> {
    explicit feed(streaming& owner) noexcept : self{owner} {}
    bool ready() const noexcept override { return self.has_item() || self.is_over(); }
    bool has_ended() const noexcept override { return self.is_over(); }
    const status& how_it_ended() const noexcept override { return self.how_items_ended(); }
    std::optional<T> take() override {
      if (!self.has_item()) return std::nullopt;
      std::optional<T> item{std::in_place};
      status read = guarded(full_name<S, Index>, [&] { return decode_into<Codec>(self.next_item(), *item, self.bounds_); });
      if (!read.ok()) [[unlikely]] {
        read.set_message(tenon::detail::join_text({full_name<S, Index>, ": item ", read.message()}));
        self.refuse_items(std::move(read));
        return std::nullopt;
      }
      self.item_taken();
      return item;
    }
    streaming& self;
  };
  struct no_feed {
    explicit no_feed(streaming&) noexcept {}
  };
  template <class T>
  struct feed_or_none {
    using type = feed<T>;
  };
  template <class T>
    requires std::is_void_v<T>
  struct feed_or_none<T> {
    using type = no_feed;
  };

  auto make_arguments() {
    if constexpr (reads) return typename handled::values{source<typename described::item>{feed_}};
    else return typename handled::values{};
  }

  void wake_reader() override {
    if constexpr (reads) feed_.wake();
  }
  void go_on_from_yield() override {
    if constexpr (yields) running_->resume();
  }
  bool yielded() override {
    if constexpr (yields) {
      if (!running_->promise().ends_here()) return item_is_there();
      stop_soon(detail::said_by_handler(running_->promise().ending()));
    }
    return false;
  }

  void observe(outcome result) noexcept {
    observed_ = true;
    if constexpr (Guard::measures) {
      if (sink_ != nullptr) info_.now = sink_->read_clock();
    }
    guard_->observe(state_, info_, result);
  }

  std::shared_ptr<Implementation> object_;
  Guard* guard_;
  typename Guard::info_type info_;
  typename Guard::call_state state_;
  const limits& bounds_;
  [[no_unique_address]] typename feed_or_none<typename described::item>::type feed_;
  // Here, where the coroutine may refer to them: an implementation that is not the contract itself may take them by reference.
  typename handled::values arguments_;
  std::optional<coroutine> running_;
  status failure_;
  bool observed_ = false;
};

}  // namespace tenon::inline v0::service
