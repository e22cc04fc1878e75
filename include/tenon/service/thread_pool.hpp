// The threads on which blocking methods run, and their queue. Service layer; owned by a server, made when it serves such a method.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <tenon/core/outcome.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>

namespace tenon::inline v0::service {

/// A fixed number of threads at most, each begun when there is work for it and none is idle; they end with the pool.
///
/// Laws    what was taken is run exactly once, on one of its threads, in the order of taking; `~thread_pool` waits for that, so it takes as long as what runs.
class thread_pool {
 public:
  /// Work as its owner keeps it: alive until it has been run.
  class job {
   public:
    explicit job(void (*run)(job& self) noexcept) noexcept : run_{run} {}
    job(const job&) = delete;
    job& operator=(const job&) = delete;

   protected:
    ~job() = default;

   private:
    friend thread_pool;
    void (*run_)(job& self) noexcept;
    job* next_ = nullptr;
  };

  /// `queue` is how many may wait for a thread.
  thread_pool(std::size_t threads, std::size_t queue) noexcept : most_threads_{threads == 0 ? 1 : threads}, most_waiting_{queue} {}
  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;
  ~thread_pool() {
    {
      const std::lock_guard guard{mutex_};
      ending_ = true;
    }
    work_came_.notify_all();
    for (std::thread& each : threads_) each.join();
  }

  /// From any thread. False when every thread is busy and the queue is full, or when the system gives no thread: nothing was taken then.
  bool take(job& work) {
    {
      const std::lock_guard guard{mutex_};
      if (waiting_ >= idle_ && !(threads_.size() < most_threads_ && begin_thread()) && (threads_.empty() || waiting_ - idle_ >= most_waiting_)) return false;
      work.next_ = nullptr;
      *last_ = &work;
      last_ = &work.next_;
      ++waiting_;
    }
    work_came_.notify_one();
    return true;
  }

  /// What a call is told that was not taken.
  [[gnu::cold]] status refusal(std::string_view method) const {
    status why{code::resource_exhausted, tenon::detail::join_text({method, ": every thread for blocking methods is busy (", tenon::detail::number_text{most_threads_}, "), and as many calls wait as may (",
                                                                   tenon::detail::number_text{most_waiting_}, ")"})};
    return std::move(why.add_flag(outcome::not_executed));
  }

  /// How many threads have been begun.
  std::size_t threads() const {
    const std::lock_guard guard{mutex_};
    return threads_.size();
  }

 private:
  // Counted as idle at once: it will come for the work that it is begun for.
  bool begin_thread() noexcept {
#if defined(__cpp_exceptions)
    try {
      threads_.emplace_back([this] { serve(); });
    } catch (const std::system_error&) {
      return false;
    }
#else
    threads_.emplace_back([this] { serve(); });
#endif
    ++idle_;
    return true;
  }

  void serve() {
    std::unique_lock guard{mutex_};
    while (true) {
      while (first_ == nullptr && !ending_) work_came_.wait(guard);
      if (first_ == nullptr) return;
      job* next = std::exchange(first_, first_->next_);
      if (first_ == nullptr) last_ = &first_;
      --waiting_;
      --idle_;
      guard.unlock();
      next->run_(*next);
      guard.lock();
      ++idle_;
    }
  }

  const std::size_t most_threads_;
  const std::size_t most_waiting_;
  mutable std::mutex mutex_;
  std::condition_variable work_came_;
  std::vector<std::thread> threads_;
  job* first_ = nullptr;
  job** last_ = &first_;
  std::size_t waiting_ = 0;
  std::size_t idle_ = 0;  // threads that run nothing; some of them are on their way to what waits
  bool ending_ = false;
};

}  // namespace tenon::inline v0::service
