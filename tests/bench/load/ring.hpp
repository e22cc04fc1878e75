// A queue of start times that takes no memory in steady state. For tests/bench only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

class ring {
 public:
  void push_back(std::int64_t time) {
    if (count_ == times_.size()) grow();
    times_[(first_ + count_++) & (times_.size() - 1)] = time;
  }
  std::int64_t pop_front() {
    const std::int64_t time = times_[first_];
    first_ = (first_ + 1) & (times_.size() - 1);
    --count_;
    return time;
  }

 private:
  void grow() {
    std::vector<std::int64_t> more(times_.size() * 2);
    for (std::size_t i = 0; i < count_; ++i) more[i] = times_[(first_ + i) & (times_.size() - 1)];
    times_.swap(more);
    first_ = 0;
  }

  std::vector<std::int64_t> times_ = std::vector<std::int64_t>(16);
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};
