// How policies that may answer a call in the handler's place see it: the bytes of the question, and where an answer goes. Service layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include <tenon/core/buffer.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/text.hpp>
#include <tenon/service/exchange.hpp>

namespace tenon::inline v0::service {

namespace detail {

// What tells one sending of a question from another, and not one question from another.
inline bool is_about_sending(std::string_view key) noexcept {
  for (const std::string_view each : {"__ServerTimeout", "grpc-timeout", "connect-timeout-ms", "grpc-previous-rpc-attempts", "traceparent", "tracestate", "date", "content-length"}) {
    if (key == each) return true;
  }
  return false;
}

}  // namespace detail

/// Stands beside the call, and goes with it when it takes its time: a copy no longer needs the request.
///
/// Laws    a question is the same when its method, its codec, its encoded arguments and its principal are; and where the handler takes a context, which shows it the request's
///         metadata, these as well. An answer that has metadata of its own is not shown to policies: they keep the bytes of the value alone.
template <class Guard>
class answer_port final : public Guard::answering {
 public:
  answer_port(const exchange& call, const typename Guard::info_type& info, bool shows_metadata) noexcept : call_{&call}, info_{&info}, out_{&call.out}, shows_metadata_{shows_metadata} {}
  /// For a call that goes on without its request; `out` is where an answer that is given goes from then on, null when none will be.
  answer_port(const typename Guard::info_type& info, buffer* out) : out_{out} {
    if (info.answers != nullptr) info.answers->append_key(key_);
  }
  answer_port(const answer_port&) = delete;
  answer_port& operator=(const answer_port&) = delete;

  /// What the handler has given, while the guard learns of it.
  void answered(std::string_view encoded, const metadata& beside) noexcept { answer_ = beside.empty() ? encoded : std::string_view{}; }

  void append_key(std::string& into) const override {
    if (call_ == nullptr) return void(into.append(key_));
    into.append(tenon::detail::join_text({tenon::detail::number_text{static_cast<unsigned>(call_->call.address.codec)}, " "}));
    if constexpr (Guard::identifies) append_counted(into, info_->principal);
    if (shows_metadata_ && !call_->call.metadata_block.empty() && call_->call.read_metadata != nullptr) {
      metadata sent;
      call_->call.read_metadata(call_->call.metadata_block, sent);
      for (const auto& [key, value] : sent) {
        if (detail::is_about_sending(key)) continue;
        append_counted(into, key);
        append_counted(into, value);
      }
    }
    into.append("\n").append(call_->call.payload);
  }
  std::string_view answer() const noexcept override { return answer_; }
  bool give(std::string_view encoded) noexcept override {
    if (out_ == nullptr) return false;
    out_->append(encoded);
    return true;
  }
  bool recover(std::size_t, outcome) noexcept override { return false; }

 private:
  static void append_counted(std::string& into, std::string_view text) {
    into.append(tenon::detail::join_text({tenon::detail::number_text{text.size()}, ":", text}));
  }

  const exchange* call_ = nullptr;
  const typename Guard::info_type* info_ = nullptr;
  buffer* out_ = nullptr;
  bool shows_metadata_ = false;
  std::string key_;
  std::string_view answer_;
};

/// Nothing, for a guard that does not answer.
struct no_answer_port {
  template <class Info>
  no_answer_port(const Info&, buffer*) noexcept {}
};

}  // namespace tenon::inline v0::service
