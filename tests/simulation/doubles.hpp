// Doubles of parts of the library that can be told to be broken: what a simulation must catch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <simulation/run.hpp>
#include <simulation/weather.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/status.hpp>
#include <tenon/policy/bulkhead.hpp>
#include <tenon/policy/timeout.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/rpcx.hpp>
#include <tenon/protocol/rpcx_client.hpp>

namespace simulated {

/// What is broken in the world that runs now; doubles are made by the library, which has no place for a reference.
inline mutation broken_now = mutation::none;

/// `lost_reply`: one answer of a few is not sent. `lost_item`: nor is one item of a stream. `doubled_end`: the end of a caller's items is told once more, of whatever stream
/// got the latest.
struct forgetful_session : tenon::protocol::rpcx_session {
  using rpcx_session::rpcx_session;
  void end_reply(tenon::buffer& out, tenon::protocol::mark at, const tenon::protocol::reply_address& to, const tenon::metadata& extra) {
    if (broken_now == mutation::lost_reply && ++answers_ % 8 == 0) return out.truncate(at.start);
    rpcx_session::end_reply(out, at, to, extra);
  }
  std::int64_t end_item(tenon::buffer& out, tenon::protocol::mark at, const tenon::protocol::reply_address& to, const tenon::metadata& extra) {
    const std::int64_t cost = rpcx_session::end_item(out, at, to, extra);
    if (broken_now == mutation::lost_item && ++items_ % 8 == 0) out.truncate(at.start);
    return cost;
  }
  template <tenon::protocol::request_sink Sink>
  tenon::protocol::consumed consume(std::string_view in, Sink& sink, tenon::buffer& out) {
    if (broken_now != mutation::doubled_end) return rpcx_session::consume(in, sink, out);
    twice<Sink> doubled{sink, latest_};
    return rpcx_session::consume(in, doubled, out);
  }

 private:
  template <class Sink>
  struct twice {
    Sink& inner;
    std::uint64_t& latest;
    bool on_request(const tenon::protocol::request& call) { return inner.on_request(call); }
    bool full() const noexcept { return inner.full(); }
    void on_cancel(std::uint64_t id) { inner.on_cancel(id); }
    void on_answer(std::string_view message) { inner.on_answer(message); }
    void on_item(std::uint64_t id, std::string_view payload) { inner.on_item(latest = id, payload); }
    void on_refused_item(std::uint64_t id, tenon::status why) { inner.on_refused_item(id, std::move(why)); }
    void on_credit(std::uint64_t id, std::int64_t bytes) { inner.on_credit(id, bytes); }
    void on_items_end(std::uint64_t id) {
      inner.on_items_end(id);
      inner.on_items_end(latest);
    }
  };

  int answers_ = 0;
  int items_ = 0;
  std::uint64_t latest_ = 0;
};

/// `double_completion`: an answer is given once more, to whoever has the place of its call by then. `false_not_executed`: of every request without
/// an answer it is said that it was never sent.
class doubling_session final : public tenon::protocol::client_session, private tenon::protocol::reply_sink {
 public:
  explicit doubling_session(const tenon::limits& bounds) : inner_{bounds} {}
  static std::unique_ptr<tenon::protocol::client_session> make(std::string_view, const tenon::limits& bounds) { return std::make_unique<doubling_session>(bounds); }

  tenon::protocol::mark begin_request(tenon::buffer& out, const tenon::protocol::outgoing& call) override {
    const auto place = static_cast<std::uint32_t>(call.id);
    if (!call.one_way) {
      if (latest_.size() <= place) latest_.resize(place + 1);
      latest_[place] = call.id;
    }
    return inner_.begin_request(out, call);
  }
  void end_request(tenon::buffer& out, tenon::protocol::mark at) override { inner_.end_request(out, at); }
  tenon::protocol::consumed consume(std::string_view in, tenon::protocol::reply_sink& sink, tenon::buffer& out) override {
    sink_ = &sink;
    return inner_.consume(in, *this, out);
  }
  void begin(tenon::buffer& out) override { inner_.begin(out); }
  bool write_heartbeat(tenon::buffer& out) override { return inner_.write_heartbeat(out); }
  bool write_cancel(tenon::buffer& out, std::uint64_t id) override { return inner_.write_cancel(out, id); }
  bool streams() const noexcept override { return inner_.streams(); }
  tenon::protocol::mark begin_item(tenon::buffer& out, std::uint64_t id, tenon::protocol::serialization codec) override { return inner_.begin_item(out, id, codec); }
  std::int64_t end_item(tenon::buffer& out, tenon::protocol::mark at, std::uint64_t id) override { return inner_.end_item(out, at, id); }
  void write_end(tenon::buffer& out, std::uint64_t id) override { inner_.write_end(out, id); }
  void write_credit(tenon::buffer& out, std::uint64_t id, const tenon::protocol::items_taken& taken) override { inner_.write_credit(out, id, taken); }
  void visit_requests(std::string_view written, tenon::protocol::request_visitor& visitor) const override {
    if (broken_now != mutation::false_not_executed) return inner_.visit_requests(written, visitor);
    for (const std::uint64_t each : latest_) visitor.request(each, (std::numeric_limits<std::size_t>::max)());
  }

 private:
  void on_reply(const tenon::protocol::reply& answer) override {
    sink_->on_reply(answer);
    if (broken_now != mutation::double_completion) return;
    tenon::protocol::reply again = answer;
    again.id = latest_[static_cast<std::uint32_t>(answer.id) % latest_.size()];
    sink_->on_reply(again);
  }
  void on_going_away(std::uint64_t last) override { sink_->on_going_away(last); }
  void on_item(std::uint64_t id, tenon::protocol::serialization codec, std::string_view payload) override { sink_->on_item(id, codec, payload); }
  void on_credit(std::uint64_t id, std::int64_t bytes) override { sink_->on_credit(id, bytes); }
  bool on_request(std::string_view message) override { return sink_->on_request(message); }

  tenon::protocol::rpcx_client_session inner_;
  tenon::protocol::reply_sink* sink_ = nullptr;
  std::vector<std::uint64_t> latest_;
};

inline constexpr tenon::duration call_time = milliseconds(400);
inline constexpr std::int32_t places = 3;
inline constexpr tenon::bulkhead_options few_places{.max_in_flight = places, .max_queue = 4, .max_wait = milliseconds(100)};

/// `late_deadline`: the call ends later than it was told to.
struct lazy_timeout : tenon::timeout<call_time> {
  static tenon::outcome admit(tenon::policy::none& state, const options& chosen, tenon::policy::none& call, tenon::call_info& info) noexcept {
    const tenon::outcome admitted = timeout::admit(state, chosen, call, info);
    if (broken_now == mutation::late_deadline) info.deadline = info.deadline + milliseconds(300);
    return admitted;
  }
};

/// `leaked_permit`: a call that failed keeps its place.
struct leaky_bulkhead : tenon::bulkhead<few_places> {
  template <class Info>
  static void observe(state& of, const options& chosen, call_state& call, Info& info, tenon::outcome ended) noexcept {
    if (broken_now != mutation::leaked_permit || ended.ok()) bulkhead::observe(of, chosen, call, info, ended);
  }
};

}  // namespace simulated
