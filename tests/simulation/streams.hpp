// Streams over rpcx frames in a simulated world: their service, their callers, and the truth that both sides are held against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <simulation/stage.hpp>
#include <tenon/client/options.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/source.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/stream.hpp>
#include <tenon/core/task.hpp>
#include <tenon/net/connector.hpp>
#include <tenon/reflect/service.hpp>

namespace simulated {

class stream_book;

/// One item. The text is made of the two numbers, so that no other item has it.
struct drop {
  std::uint64_t stream = 0;
  std::uint32_t number = 0;
  std::string text;
};

/// The service: it streams down, up, and both ways. Where items go up the stream's number is in the metadata.
struct brook {
  stream_book* of;

  tenon::stream<drop> down(std::uint64_t id, std::uint32_t count);
  tenon::task<tenon::result<std::uint32_t>> up(tenon::context& call, tenon::source<drop> from);
  tenon::stream<drop> both(tenon::context& call, tenon::source<drop> from);
  TENON_SERVICE(brook, down, up, both)
};

enum class flow : std::uint8_t { down, up, both };

/// What is known of one stream, on both sides.
struct stream_record {
  std::uint64_t id = 0;
  flow which = flow::down;
  std::size_t caller = 0;
  std::uint32_t window = 0;  // of its caller
  instant started{};
  instant deadline = instant::never();
  duration attempt_time{};
  unsigned runs_allowed = 1;
  bool probe = false;

  // What was drawn for it.
  std::uint32_t count = 0;            // of items each way
  std::uint64_t giver_pauses = 0;     // in milliseconds, at most, before each item
  std::uint64_t reader_pauses = 0;
  std::uint32_t leave_after = never;  // so many items the caller leaves
  bool by_cancel = false;             // and not by letting go
  std::uint32_t answer_after = never; // so many items the handler does not read on
  bool runs_dry = false;              // the handler ends it with an error when everything was given

  // The caller's side.
  std::uint32_t read = 0;
  std::uint32_t written = 0;
  std::int64_t bytes_read = 0;
  std::int64_t bytes_written = 0;
  bool closed = false;  // it has said that no item follows
  bool left = false;
  bool cancel_asked = false;
  bool caller_closed = false;
  bool waits = false;  // for the stream, and not for its own pause
  bool said_late = false;
  bool denied = false;
  int ended = 0;

  // The handler's.
  unsigned runs = 0;
  std::uint32_t given = 0;
  std::uint32_t taken = 0;
  std::int64_t bytes_taken = 0;
  bool finished = false;
  bool answered_early = false;

  static constexpr std::uint32_t never = ~std::uint32_t{0};
  bool over() const { return ended != 0 || left; }
};

/// A client of the brook, whatever its policies.
class stream_caller {
 public:
  virtual ~stream_caller() = default;
  virtual void start(stream_record& made) = 0;
  virtual void move_to(std::unique_ptr<tenon::net::connector> where) = 0;
};

class stream_book {
 public:
  explicit stream_book(stage& world) : in{world} {}

  /// A client that calls `host`; which of the two kinds is drawn.
  void begin_caller(std::size_t which, const std::string& host, tenon::client_options options);
  void close_caller(std::size_t which);
  void close_callers() { callers_.clear(); }
  void move(std::size_t which, const std::string& host) { if (callers_[which].client != nullptr) callers_[which].client->move_to(in.wire.connector_to(host)); }
  std::size_t callers() const { return callers_.size(); }

  void open(std::size_t who, bool probing = false);
  /// In a world at rest: as many as a connection may hold, each to its end.
  void probe();

  void look_at_the_time();
  bool all_over() const;
  /// Whether handlers run, or sources wait, for streams that are over.
  std::int64_t handlers() const { return handlers_; }
  void check_the_end(const char* when);
  void check_what_was_denied();

  /// A handler of one stream, as long as it runs.
  class run {
   public:
    run(stream_book& book, std::uint64_t id);
    run(const run&) = delete;
    run& operator=(const run&) = delete;
    ~run() { --book_.handlers_; }
    stream_record& of() { return *record_; }
    duration pause();
    /// Before item `number` is yielded; says what it is.
    drop give(std::uint32_t number);
    void took(const drop& item);
    void source_ended(const tenon::status& how);
    std::uint32_t taken() const { return taken_; }
    tenon::status dry();

   private:
    stage::living here_;
    stream_book& book_;
    stream_record* record_;
    std::uint32_t taken_ = 0;
    std::int64_t bytes_given_ = 0;
    std::int64_t bytes_taken_ = 0;
  };

  // --- the callers' side

  static drop item_of(const stream_record& of, std::uint32_t number);
  void read_item(stream_record& of, const drop& item);
  void wrote(stream_record& of, const drop& item);
  void write_failed(stream_record& of, const tenon::status& why);
  void answered(stream_record& of, const tenon::result<std::uint32_t>& got);
  void ended(stream_record& of, const tenon::status& how);
  duration pause(const stream_record& of);

  stage& in;
  std::uint32_t server_window = 256 * 1024;
  std::size_t most_open = 1'000;  // on one connection

 private:
  struct hosted {
    std::unique_ptr<stream_caller> client;
    bool tries_again = false;
    std::uint32_t window = 0;
  };
  void judge(stream_record& of, const tenon::status& why);

  std::vector<std::unique_ptr<stream_record>> records_;
  std::vector<hosted> callers_;
  std::int64_t handlers_ = 0;
};

}  // namespace simulated
