// Calls that wait, for a connection or for their next attempt. Client layer.
#pragma once

#include <cstddef>

#include <tenon/client/call_state.hpp>

namespace tenon::inline v0::detail {

// Calls in order of arrival; each is in one list at most, and its own links hold it.
class call_list {
 public:
  call_list() noexcept = default;
  call_list(const call_list&) = delete;
  call_list& operator=(const call_list&) = delete;

  void push_back(call_base& call) noexcept {
    call.next_ = nullptr;
    call.previous_ = last_;
    *last_ = &call;
    last_ = &call.next_;
    ++size_;
  }
  void remove(call_base& call) noexcept {
    if (call.next_ == nullptr) last_ = call.previous_;
    else call.next_->previous_ = call.previous_;
    *call.previous_ = call.next_;
    call.next_ = nullptr;
    call.previous_ = nullptr;
    --size_;
  }
  call_base* front() const noexcept { return first_; }
  bool empty() const noexcept { return first_ == nullptr; }
  std::size_t size() const noexcept { return size_; }

 private:
  call_base* first_ = nullptr;
  call_base** last_ = &first_;
  std::size_t size_ = 0;
};

}  // namespace tenon::inline v0::detail
