// gRPC's messages where there are many on one stream: cut out of DATA as it comes, and gathered until DATA may take them. Protocol layer; shared by both halves of gRPC.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include <tenon/core/buffer.hpp>
#include <tenon/protocol/detail/grpc_status.hpp>
#include <tenon/protocol/detail/http2_engine.hpp>

namespace tenon::inline v0::protocol::detail {

// DATA in, messages out. Keeps the one that is not complete.
class grpc_cutter {
 public:
  enum class found : std::uint8_t { all_good, compressed, too_large, stopped };

  /// `each(payload, compressed)` for every message that is complete now, as long as it returns true; it may make the cutter go over, by `clear`, but not destroy it.
  /// Without `inflates` a compressed message is a fault.
  template <class Each>
  found feed(std::string_view bytes, std::size_t max_message_bytes, bool inflates, Each&& each) {
    while (true) {
      if (!kept_.empty()) {
        // The prefix first, then as much as it says.
        const std::size_t wanted = kept_.size() < grpc_prefix ? grpc_prefix : grpc_prefix + grpc_length(kept_.data());
        const std::size_t step = (std::min)(wanted - kept_.size(), bytes.size());
        kept_.append(bytes.substr(0, step));
        bytes.remove_prefix(step);
        if (kept_.size() < grpc_prefix) return found::all_good;
        if (const found fault = judge(kept_.data(), max_message_bytes, inflates); fault != found::all_good) return fault;
        if (kept_.size() < grpc_prefix + grpc_length(kept_.data())) {
          if (bytes.empty()) return found::all_good;
          continue;
        }
        buffer whole = std::move(kept_);
        if (!each(whole.view(grpc_prefix), whole.data()[0] != 0)) return found::stopped;
        if (kept_.empty() && whole.capacity() <= kept_bytes) {
          whole.clear();
          kept_ = std::move(whole);
        }
      }
      while (bytes.size() >= grpc_prefix) {
        if (const found fault = judge(bytes.data(), max_message_bytes, inflates); fault != found::all_good) return fault;
        const std::size_t size = grpc_length(bytes.data());
        if (bytes.size() - grpc_prefix < size) break;
        const std::string_view payload = bytes.substr(grpc_prefix, size);
        const bool compressed = bytes.front() != 0;
        bytes.remove_prefix(grpc_prefix + size);
        if (!each(payload, compressed)) return found::stopped;
      }
      kept_.append(bytes);
      return found::all_good;
    }
  }
  /// Whether a message has begun and not ended.
  bool unfinished() const noexcept { return !kept_.empty(); }
  std::size_t size() const noexcept { return kept_.size(); }
  void clear() noexcept {
    kept_.clear();
    if (kept_.capacity() > kept_bytes) kept_.release();
  }

 private:
  static constexpr std::size_t kept_bytes = 16 * 1024;

  static found judge(const char* prefix, std::size_t max_message_bytes, bool inflates) noexcept {
    if (prefix[0] != 0 && !inflates) return found::compressed;
    return grpc_length(prefix) > max_message_bytes ? found::too_large : found::all_good;
  }

  buffer kept_;
};

// Messages on their way out, until windows let DATA take them.
class grpc_outbox {
 public:
  /// What one stream may have here before its writer waits.
  static constexpr std::int64_t room = 32 * 1024;

  std::string_view view() const noexcept { return bytes_.view(sent_); }
  std::size_t size() const noexcept { return bytes_.size() - sent_; }

  /// A message with its prefix. Charged to its writer.
  void add(std::string_view message) { bytes_.append(message); }
  void took(std::size_t size) noexcept {
    sent_ += size;
    left_ += static_cast<std::int64_t>(size);
    if (sent_ == bytes_.size()) {
      sent_ = 0;
      bytes_.clear();
      if (bytes_.capacity() > kept_bytes) bytes_.release();
    } else if (sent_ > kept_bytes && sent_ > bytes_.size() / 2) {
      bytes_.drop_front(sent_);
      sent_ = 0;
    }
  }
  /// How much has left since it was asked last: that much its writer may write again.
  std::int64_t left() noexcept { return std::exchange(left_, 0); }
  void clear() noexcept {
    bytes_.clear();
    if (bytes_.capacity() > kept_bytes) bytes_.release();
    sent_ = 0;
    left_ = 0;
  }

 private:
  static constexpr std::size_t kept_bytes = 64 * 1024;

  buffer bytes_;
  std::size_t sent_ = 0;
  std::int64_t left_ = 0;
};

// What of a stream's window has been used, and how much of it may be given back: as much as is neither waiting to be read nor part of a message that has not ended.
// A message that is larger than the window passes all the same, as long as little else waits.
class grpc_inbound {
 public:
  void came(std::size_t bytes) noexcept { used_ += bytes; }
  void completed(std::size_t payload_bytes) noexcept { waiting_ += payload_bytes + grpc_prefix; }
  void read(std::int64_t payload_bytes, std::int64_t items) noexcept {
    waiting_ -= (std::min)(waiting_, static_cast<std::size_t>(payload_bytes) + static_cast<std::size_t>(items) * grpc_prefix);
  }
  std::size_t give_back(std::size_t unfinished_bytes) noexcept {
    constexpr auto little = static_cast<std::size_t>(http2_engine::stream_window) / 2;
    const std::size_t held = waiting_ <= little ? waiting_ : waiting_ + unfinished_bytes;
    if (used_ <= held) return 0;
    return std::exchange(used_, held) - held;
  }
  /// What waits to be read beyond the bytes that brought it: compressed items are small in the window and large here.
  std::size_t excess() const noexcept { return waiting_ > used_ ? waiting_ - used_ : 0; }
  void clear() noexcept { used_ = waiting_ = 0; }

 private:
  std::size_t used_ = 0;
  std::size_t waiting_ = 0;
};

}  // namespace tenon::inline v0::protocol::detail
