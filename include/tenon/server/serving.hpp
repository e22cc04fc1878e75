// What the connections of one loop share: services, limits, and the list of themselves. Server layer.
#pragma once

#include <tenon/core/asio.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <tenon/net/loop.hpp>
#include <tenon/net/timer_wheel.hpp>
#include <tenon/protocol/http_site.hpp>
#include <tenon/server/options.hpp>
#include <tenon/server/ration.hpp>
#include <tenon/service/router.hpp>

namespace tenon::inline v0 {
namespace detail {

class serving;

// A connection as its loop sees it, whatever it speaks.
class served_connection {
 public:
  served_connection() = default;
  served_connection(const served_connection&) = delete;
  served_connection& operator=(const served_connection&) = delete;

  /// The loop is draining: what is under way is answered, new requests are refused, then it closes.
  virtual void drain() = 0;
  /// Closes now, and forgets every handler that is under way; the loop's services may be gone afterwards.
  virtual void tear_down() noexcept = 0;

  void leave() noexcept {
    if (previous_ != nullptr) *previous_ = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
    previous_ = nullptr;
    next_ = nullptr;
  }

 protected:
  ~served_connection() { leave(); }

 private:
  friend class serving;
  served_connection** previous_ = nullptr;
  served_connection* next_ = nullptr;
};

// One loop's part of a server.
class serving {
 public:
  serving(asio::io_context& on, const server_options& options) : io{on}, loop{net::loop::of(on)}, chosen{options} {}
  serving(const serving&) = delete;
  serving& operator=(const serving&) = delete;
  ~serving() { tear_down(); }

  /// For a new connection. Loops count in steps of their number, each from its own place.
  std::uint64_t next_connection_id() noexcept { return std::exchange(connection_id_, connection_id_ + id_step_); }
  void count_ids(std::uint64_t first, std::uint64_t step) noexcept {
    connection_id_ = first;
    id_step_ = step;
  }

  void add(served_connection& who) noexcept {
    who.next_ = first_;
    who.previous_ = &first_;
    if (first_ != nullptr) first_->previous_ = &who.next_;
    first_ = &who;
    ++connections;
  }
  void remove(served_connection& who) {
    who.leave();
    --connections;
    places.fetch_sub(1, std::memory_order_relaxed);
    if (connections != 0) return;
    if (draining) drained();
    // Nobody is left to be waited for: an alarm that nobody needs any more does not keep the io_context running.
    else loop.rest();
  }

  /// What its sessions over HTTP are told.
  const protocol::http_site& site() noexcept {
    site_.coding = chosen.compression;
    site_.options = chosen.http.options.get();
    site_.routes = router.routes();
    site_.look = chosen.http.look != nullptr ? chosen.http.look : site_.routes != nullptr ? site_.routes->look() : site_.pages != nullptr ? site_.pages->look() : nullptr;
    return site_;
  }
  void show(const protocol::http_pages* pages) noexcept { site_.pages = pages; }

  /// Where connections that were refused read what they throw away: one place for all of them.
  char* waste() {
    if (waste_ == nullptr) waste_ = std::make_unique_for_overwrite<char[]>(waste_bytes);
    return waste_.get();
  }
  static constexpr std::size_t waste_bytes = 64 * 1024;

  // What refused peers may take of the loop: in each millisecond so many reads of what they go on sending, and so many closings. One costs some 20 us, most of them the
  // kernel's, so that they get a tenth of the time, and who is served waits for no more than that even where its own process has the same core.
  static constexpr unsigned refused_reads = 2;
  static constexpr unsigned refused_closings = 2;
  // Who waits for being closed holds a descriptor: so many may, and those beyond are closed at once.
  static constexpr std::size_t most_waiting_for_closing = 1'000;

  /// Asks every connection to finish; calls `drained` when none is left, at the latest after `options.drain`.
  [[gnu::cold]] void start_drain() {
    if (draining) return;
    draining = going = true;
    // Draining a connection may close it, and take others along: the list is walked from its head, each moved to a list of those already asked.
    served_connection* pending = first_;
    first_ = nullptr;
    if (pending != nullptr) pending->previous_ = &pending;
    while (pending != nullptr) {
      served_connection* next = pending;
      next->leave();
      --connections;
      add(*next);
      next->drain();
    }
    if (connections == 0) return drained();
    give_up_.owner = this;
    loop.arm(give_up_, loop.refresh() + chosen.drain);
  }

  [[gnu::cold, gnu::noinline]] void tear_down() noexcept {
    while (first_ != nullptr) {
      served_connection* each = first_;
      each->leave();
      each->tear_down();
    }
    connections = 0;
  }

  [[gnu::cold, gnu::noinline]] void log(std::string_view peer, std::string_view why) const {
    if (chosen.log == nullptr) return;
    std::string line{peer};
    line.append(": ").append(why);
    chosen.log(line);
  }

  asio::io_context& io;
  net::loop& loop;
  service::router router;
  const server_options& chosen;
  std::size_t connections = 0;
  std::atomic<std::size_t> places{0};  // connections that were dealt to this loop, begun or on their way to its thread, less those that have ended
  bool draining = false;
  bool going = false;  // draining, or about to
  ration reads_of_refused{loop, refused_reads};
  ration closings_of_refused{loop, refused_closings};
  void (*on_drained)(void* owner) = nullptr;
  void* owner = nullptr;

 private:
  struct timeout final : net::timer {
    serving* owner = nullptr;
    void expired() override {
      owner->tear_down();
      owner->drained();
    }
  };

  [[gnu::cold, gnu::noinline]] void drained() {
    give_up_.disarm();
    loop.rest();
    if (const auto told = std::exchange(on_drained, nullptr); told != nullptr) told(owner);
  }

  served_connection* first_ = nullptr;
  std::unique_ptr<char[]> waste_;
  protocol::http_site site_{.draining = &going};
  std::uint64_t connection_id_ = 1;
  std::uint64_t id_step_ = 1;
  timeout give_up_;
};

}  // namespace detail
}  // namespace tenon::inline v0
