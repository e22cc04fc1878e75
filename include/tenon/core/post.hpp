// Handing work to an io_context: asio::post behind one function, so that it is compiled once and not per kind of work. Core layer.
#pragma once

#include <tenon/core/asio.hpp>

#include <memory>
#include <utility>

#include <tenon/core/frame_cache.hpp>

namespace tenon::inline v0::detail {

// Work of any kind: run once, or destroyed with its io_context. A function pointer and not a virtual function: g++ compiles every override it has seen of
// a virtual function that is called anywhere, and so a client's work into a program that only serves.
class posted_work : public from_frame_cache {
 public:
  enum class step : bool { destroy, run };

  void run() { act_(this, step::run); }
  struct deleter {
    void operator()(posted_work* done) const { done->act_(done, step::destroy); }
  };

 protected:
  explicit posted_work(void (*act)(posted_work*, step)) noexcept : act_{act} {}
  ~posted_work() = default;

 private:
  void (*act_)(posted_work*, step);
};

inline void post_work(asio::io_context& io, std::unique_ptr<posted_work, posted_work::deleter> work) {
  // asio's own recycling has two blocks a thread, which reads and writes take turns in.
  struct handler {
    using allocator_type = frame_allocator<char>;
    allocator_type get_allocator() const noexcept { return {}; }
    void operator()() const { work->run(); }
    std::unique_ptr<posted_work, posted_work::deleter> work;
  };
  asio::post(io, handler{std::move(work)});
}

// `work()` is called by whoever runs `io`; never inside this call.
template <class Work>
void post(asio::io_context& io, Work work) {
  class held final : public posted_work {
   public:
    explicit held(Work&& given) : posted_work{&act}, work_{std::move(given)} {}

   private:
    static void act(posted_work* self, step what) {
      auto* me = static_cast<held*>(self);
      if (what == step::run) me->work_();
      else delete me;
    }
    Work work_;
  };
  post_work(io, std::unique_ptr<posted_work, posted_work::deleter>{new held{std::move(work)}});
}

}  // namespace tenon::inline v0::detail
