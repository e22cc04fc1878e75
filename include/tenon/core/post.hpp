// Handing work to an io_context: asio::post behind one function, so that it is compiled once and not per kind of work. Core layer.
#pragma once

#include <tenon/core/asio.hpp>

#include <memory>
#include <type_traits>
#include <utility>

#include <tenon/core/frame_cache.hpp>

namespace tenon::inline v0::detail {

// Work of any kind: run once, or destroyed with its io_context.
class posted_work : public from_frame_cache {
 public:
  virtual ~posted_work() = default;
  virtual void run() = 0;
};

inline void post_work(asio::io_context& io, std::unique_ptr<posted_work> work) {
  asio::post(io, [work = std::move(work)] { work->run(); });
}

// `work()` is called by whoever runs `io`; never inside this call.
template <class Work>
void post(asio::io_context& io, Work work) {
  class held final : public posted_work {
   public:
    explicit held(Work&& given) : work_{std::move(given)} {}
    void run() override { work_(); }

   private:
    Work work_;
  };
  post_work(io, std::make_unique<held>(std::move(work)));
}

}  // namespace tenon::inline v0::detail
