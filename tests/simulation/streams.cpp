#include <simulation/streams.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <simulation/doubles.hpp>
#include <tenon/client/client.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/codec/msgpack.hpp>
#include <tenon/core/spawn.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/timeout.hpp>
#include <tenon/protocol/streaming.hpp>

namespace simulated {

using tenon::code;

namespace {

constexpr tenon::retry_options eager{.base = milliseconds(5), .cap = milliseconds(40), .budget = {.form = tenon::budget_form::unlimited}};
constexpr duration stubborn_time = milliseconds(2'000);
constexpr duration attempt_time = milliseconds(700);
using plain_client = tenon::client<brook, tenon::codec::json>;
using stubborn_client = tenon::client<brook, tenon::codec::msgpack, tenon::timeout<stubborn_time>, tenon::retry<eager>, tenon::timeout<attempt_time>>;

constexpr std::uint32_t longest_text = 900;
// What an item takes of a window at most, with what its codec adds.
constexpr std::int64_t largest_item = longest_text + 100;

std::int64_t cost_of(const drop& item) { return tenon::protocol::cost_of_item(item.text.size()); }
std::string key_of(const stream_record& of) { return std::to_string(of.id); }
std::uint64_t id_in(const tenon::context& call) { return std::strtoull(std::string{call.request_metadata().get("stream").value_or("0")}.c_str(), nullptr, 10); }

// Its items, or its end; then that the end is one.
template <class Reader>
tenon::task<void> read(stream_book& book, stream_record& of, std::shared_ptr<Reader> from) {
  const stage::living here{book.in};
  while (true) {
    const duration pause = book.pause(of);
    if (pause > duration{}) co_await stage::sleep{book.in, pause};
    of.waits = true;
    std::optional<drop> item = co_await from->next();
    of.waits = false;
    if (!item) break;
    book.read_item(of, *item);
    if (of.read != of.leave_after || of.cancel_asked) continue;
    book.in.note_event("leaves", of.id);
    if (of.by_cancel) {
      of.cancel_asked = true;
      from->cancel();
      continue;
    }
    of.left = true;
    from->cancel();
    co_return;
  }
  const tenon::status how = from->status();
  book.ended(of, how);
  std::optional<drop> more = co_await from->next();
  if (more) book.in.wrong(of.id, "an item came after its end");
  if (from->status().code() != how.code()) book.in.wrong(of.id, "it ended once more, otherwise: " + from->status().to_string());
}

// True when everything was written.
template <class Writer>
tenon::task<bool> write_items(stream_book& book, stream_record& of, std::shared_ptr<Writer> to) {
  for (std::uint32_t number = 1; number <= of.count; ++number) {
    const duration pause = book.pause(of);
    if (pause > duration{}) co_await stage::sleep{book.in, pause};
    const drop item = stream_book::item_of(of, number);
    of.waits |= of.which == flow::up;
    tenon::result<void> sent = co_await to->write(item);
    if (of.which == flow::up) of.waits = false;
    if (!sent) {
      book.write_failed(of, sent.error());
      co_return false;
    }
    book.wrote(of, item);
    if (of.which == flow::up && of.written == of.leave_after) co_return false;
  }
  co_return true;
}

tenon::task<void> write_up(stream_book& book, stream_record& of, std::shared_ptr<tenon::stream_writer<drop, std::uint32_t>> to) {
  const stage::living here{book.in};
  of.closed = co_await write_items(book, of, to);
  if (!of.closed && of.written == of.leave_after) {
    book.in.note_event("leaves", of.id);
    if (!of.by_cancel) {
      of.left = true;
      co_return;
    }
    of.cancel_asked = true;
    to->cancel();
  }
  of.waits = true;
  tenon::result<std::uint32_t> got = co_await to->finish();
  of.waits = false;
  book.answered(of, got);
}

tenon::task<void> write_both(stream_book& book, stream_record& of, std::shared_ptr<tenon::stream_pair<drop, drop>> to) {
  const stage::living here{book.in};
  if (!co_await write_items(book, of, to)) co_return;
  of.closed = true;
  to->end_writing();
}

template <class Client>
class caller_of final : public stream_caller {
 public:
  caller_of(stream_book& book, const std::string& name, const tenon::client_options& options) : book_{book}, client_{book.in.io, book.in.wire.connector_to(name), options} {}
  void start(stream_record& of) override {
    tenon::call_options options;
    options.metadata = {{"stream", key_of(of)}};
    if (of.probe) options.wait_for_ready = true;
    if (const duration left = of.deadline - of.started; of.deadline != instant::never()) options.timeout = left;
    const auto asked = client_.with(options);
    switch (of.which) {
      case flow::down: return follow(read(book_, of, std::make_shared<tenon::stream_reader<drop>>(asked.down(of.id, of.count))));
      case flow::up: return follow(write_up(book_, of, std::make_shared<tenon::stream_writer<drop, std::uint32_t>>(asked.up())));
      case flow::both: {
        const auto pair = std::make_shared<tenon::stream_pair<drop, drop>>(asked.both());
        follow(read(book_, of, pair));
        return follow(write_both(book_, of, pair));
      }
    }
  }
  void move_to(std::unique_ptr<tenon::net::connector> where) override { client_.move_to(std::move(where)); }

 private:
  void follow(tenon::task<void> what) { tenon::spawn(book_.in.io, std::move(what)); }
  stream_book& book_;
  Client client_;
};

}  // namespace

// --- the service

tenon::stream<drop> brook::down(std::uint64_t id, std::uint32_t count) {
  stream_book::run mine{*of, id};
  stage& in = of->in;
  for (std::uint32_t number = 1; number <= count; ++number) {
    const duration pause = mine.pause();
    if (pause > duration{}) co_await stage::sleep{in, pause};
    drop next = mine.give(number);
    co_yield next;
  }
  mine.of().finished = true;
  if (mine.of().runs_dry) co_yield mine.dry();
}

tenon::task<tenon::result<std::uint32_t>> brook::up(tenon::context& call, tenon::source<drop> from) {
  stream_book::run mine{*of, id_in(call)};
  stage& in = of->in;
  while (true) {
    const duration pause = mine.pause();
    if (pause > duration{}) co_await stage::sleep{in, pause};
    std::optional<drop> item = co_await from.next();
    if (!item) break;
    mine.took(*item);
    if (mine.taken() == mine.of().answer_after) {
      mine.of().answered_early = true;
      co_return mine.taken();
    }
  }
  mine.source_ended(from.status());
  if (!from.status().ok()) co_return from.status();
  mine.of().finished = true;
  if (mine.of().runs_dry) co_return mine.dry();
  co_return mine.taken();
}

tenon::stream<drop> brook::both(tenon::context& call, tenon::source<drop> from) {
  stream_book::run mine{*of, id_in(call)};
  stage& in = of->in;
  while (true) {
    const duration pause = mine.pause();
    if (pause > duration{}) co_await stage::sleep{in, pause};
    std::optional<drop> item = co_await from.next();
    if (!item) break;
    mine.took(*item);
    drop next = mine.give(item->number);
    co_yield next;
  }
  mine.source_ended(from.status());
  if (!from.status().ok()) co_yield from.status();
  mine.of().finished = true;
  if (mine.of().runs_dry) co_yield mine.dry();
}

stream_book::run::run(stream_book& book, std::uint64_t id) : here_{book.in}, book_{book}, record_{nullptr} {
  static stream_record nobodys;
  record_ = id == 0 || id > book.records_.size() ? &nobodys : book.records_[id - 1].get();
  ++book.handlers_;
  if (record_ == &nobodys) {
    book.in.wrong(id, "a handler ran for a stream that nobody opened");
    return;
  }
  ++record_->runs;
  book.in.note_event("flows", id);
  if (record_->denied) book.in.wrong(id, "its handler ran after its status had said that it did not");
  if (record_->runs > record_->runs_allowed) book.in.wrong(id, "its handler ran more often than it was asked to");
}

duration stream_book::run::pause() {
  const std::uint64_t most = record_->which == flow::down ? record_->giver_pauses : record_->reader_pauses;
  return most == 0 || book_.in.random.below(3) == 0 ? duration{} : milliseconds(book_.in.random.below(most));
}

drop stream_book::run::give(std::uint32_t number) {
  drop next = item_of(*record_, number);
  record_->given = (std::max)(record_->given, number);
  // The item at hand has no credit yet, and the one before it may have gone beyond the window.
  if (bytes_given_ - record_->bytes_read > record_->window + 2 * largest_item) book_.in.wrong(record_->id, "more was given than its reader granted");
  bytes_given_ += cost_of(next);
  return next;
}

void stream_book::run::took(const drop& item) {
  if (item.stream != record_->id) return book_.in.wrong(record_->id, "its handler got an item of another, of stream " + std::to_string(item.stream));
  if (item.number != ++taken_) book_.in.wrong(record_->id, "its handler got item " + std::to_string(item.number) + " in the place of " + std::to_string(taken_));
  if (item.text != item_of(*record_, item.number).text) book_.in.wrong(record_->id, "its handler got an item that is not whole");
  record_->taken = (std::max)(record_->taken, taken_);
  bytes_taken_ += cost_of(item);
  record_->bytes_taken = (std::max)(record_->bytes_taken, bytes_taken_);
}

void stream_book::run::source_ended(const tenon::status& how) {
  book_.in.note_event("source ends", record_->id);
  if (how.ok()) {
    if (!record_->closed) return book_.in.wrong(record_->id, "its source ended well before its caller said so");
    if (taken_ != record_->written) book_.in.wrong(record_->id, "its source ended well, and of " + std::to_string(record_->written) + " items " + std::to_string(taken_) + " came");
    return;
  }
  if (how.code() != code::cancelled && how.code() != code::deadline_exceeded) book_.in.wrong(record_->id, "its source ends as none does: " + how.to_string());
}

tenon::status stream_book::run::dry() { return tenon::status{code::not_found, "dry " + key_of(*record_)}; }

// --- the callers

void stream_book::begin_caller(std::size_t which, const std::string& host, tenon::client_options options) {
  if (callers_.size() <= which) callers_.resize(which + 1);
  hosted& one = callers_[which];
  one.tries_again = in.chance(50);
  constexpr std::uint32_t windows[] = {1, 600, 5'000, 256 * 1024};
  one.window = options.stream_window_bytes = windows[in.random.below(4)];
  if (one.tries_again) one.client = std::make_unique<caller_of<stubborn_client>>(*this, host, options);
  else one.client = std::make_unique<caller_of<plain_client>>(*this, host, options);
}

void stream_book::close_caller(std::size_t which) {
  in.note_event("streaming client closes", which);
  for (const auto& each : records_) {
    if (each->caller == which) each->caller_closed = true;
  }
  callers_[which].client.reset();
}

void stream_book::open(std::size_t who, bool probing) {
  if (records_.size() >= 60 || callers_[who].client == nullptr) return;
  records_.push_back(std::make_unique<stream_record>());
  stream_record& of = *records_.back();
  of.id = records_.size();
  of.which = static_cast<flow>(in.random.below(3));
  of.caller = who;
  of.window = callers_[who].window;
  of.started = in.now();
  of.probe = probing;
  of.count = static_cast<std::uint32_t>(probing ? 2 : in.chance(10) ? 0 : in.random.below(in.chance(20) ? 60 : 12));
  if (callers_[who].tries_again) {
    of.runs_allowed = 4;
    of.deadline = of.started + stubborn_time;
    of.attempt_time = attempt_time;
  }
  ++in.told.streams;
  if (!probing) {
    of.giver_pauses = in.chance(60) ? 0 : in.random.below(25);
    of.reader_pauses = in.chance(40) ? 0 : in.random.below(25);
    of.runs_dry = in.chance(10);
    if (in.chance(20)) of.leave_after = 1 + static_cast<std::uint32_t>(in.random.below(8));
    if (in.chance(10) && of.which == flow::up) of.answer_after = 1 + static_cast<std::uint32_t>(in.random.below(8));
    of.by_cancel = in.chance(50);
    if (in.chance(20)) of.deadline = (std::min)(of.deadline, of.started + milliseconds(1 + in.random.below(400)));
  }
  in.note_event("opens", of.id);
  callers_[who].client->start(of);
}

void stream_book::probe() {
  for (std::size_t who = 0; who < callers_.size(); ++who) {
    for (std::size_t i = 0; i < (std::min)(most_open, std::size_t{4}); ++i) open(who, true);
  }
}

duration stream_book::pause(const stream_record& of) {
  const std::uint64_t most = of.which == flow::up ? of.giver_pauses : of.reader_pauses;
  return most == 0 || in.random.below(3) == 0 ? duration{} : milliseconds(in.random.below(most));
}

// Of every size, and many that are small.
drop stream_book::item_of(const stream_record& of, std::uint32_t number) {
  const std::uint64_t mixed = of.id * 7919 + number * 104729;
  const std::size_t size = mixed % 4 == 0 ? mixed % longest_text : mixed % 24;
  std::string text = key_of(of) + "." + std::to_string(number);
  if (text.size() < size) text.append(size - text.size(), static_cast<char>('a' + mixed % 26));
  return {of.id, number, std::move(text)};
}

void stream_book::read_item(stream_record& of, const drop& item) {
  ++in.told.items;
  if (item.stream != of.id) return in.wrong(of.id, "it got an item of another, of stream " + std::to_string(item.stream));
  if (item.number != ++of.read) in.wrong(of.id, "it got item " + std::to_string(item.number) + " in the place of " + std::to_string(of.read));
  if (item.text != item_of(of, item.number).text) in.wrong(of.id, "it got an item that is not whole");
  if (item.number > of.given) in.wrong(of.id, "it got an item that nobody has given");
  of.bytes_read += cost_of(item);
}

void stream_book::wrote(stream_record& of, const drop& item) {
  ++in.told.items;
  ++of.written;
  of.bytes_written += cost_of(item);
  if (of.bytes_written - of.bytes_taken > server_window + 2 * largest_item) in.wrong(of.id, "more was written than its handler granted");
}

void stream_book::write_failed(stream_record& of, const tenon::status& why) {
  in.note_event("cannot write: " + why.to_string(), of.id);
  // Whoever reads is told the end; here it is said that nothing more can be sent.
  if (why.code() == code::failed_precondition && !of.finished && !of.answered_early) in.wrong(of.id, "nobody had answered: " + why.to_string());
}

void stream_book::answered(stream_record& of, const tenon::result<std::uint32_t>& got) {
  if (got) {
    if (*got != of.taken) in.wrong(of.id, "it is told that " + std::to_string(*got) + " items were taken, of " + std::to_string(of.taken));
    if (of.answered_early) of.finished = true;
    ended(of, {});
  } else {
    ended(of, got.error());
  }
}

void stream_book::ended(stream_record& of, const tenon::status& how) {
  if (++of.ended > 1) return in.wrong(of.id, "it ended twice");
  in.note_event(how.ok() ? "flows no more" : how.to_string(), of.id);
  if (!how.ok()) return judge(of, how);
  ++in.told.streams_ok;
  if (!of.finished) in.wrong(of.id, "it ended well before its handler did");
  if (of.runs_dry && !of.answered_early) in.wrong(of.id, "it ended well although its handler ended it otherwise");
  if (of.which != flow::up && of.read != of.count) in.wrong(of.id, "it ended well, and of " + std::to_string(of.count) + " items " + std::to_string(of.read) + " came");
}

void stream_book::judge(stream_record& of, const tenon::status& why) {
  const instant now = in.now();
  if (of.probe) in.wrong(of.id, "it failed in a world at rest: " + why.to_string());
  if (of.read != 0 || of.written != 0) ++in.told.streams_broken;
  if (why.has(tenon::outcome::not_executed)) {
    of.denied = true;
    if (of.runs != 0) in.wrong(of.id, "its status says that no handler ran, and one did: " + why.to_string());
  }
  switch (why.code()) {
    case code::not_found:
      if (!of.runs_dry || !of.finished || why.message() != "dry " + key_of(of)) in.wrong(of.id, "it got an error that nobody gave: " + why.to_string());
      if (of.which != flow::up && of.read != of.count) in.wrong(of.id, "items were lost before its end: of " + std::to_string(of.count) + " came " + std::to_string(of.read));
      break;
    case code::deadline_exceeded: {
      ++in.told.late;
      const duration slack = why.has(tenon::outcome::local) ? duration{} : milliseconds(1);
      const bool attempt = of.attempt_time > duration{} && now >= of.started + of.attempt_time;
      if (now + slack < of.deadline && !attempt) in.wrong(of.id, "its time was not up: " + why.to_string());
      break;
    }
    case code::cancelled:
      ++in.told.cancelled;
      if (!of.cancel_asked) in.wrong(of.id, "nobody cancelled it: " + why.to_string());
      break;
    case code::unavailable:
      ++in.told.lost;
      if (of.caller_closed || in.sky.harmed() || in.sky.outwaited() || (in.troubled() && (why.has(tenon::outcome::not_executed) || of.attempt_time > duration{}))) break;
      in.wrong(of.id, "nothing was lost: " + why.to_string());
      break;
    case code::resource_exhausted:
      if (most_open >= records_.size() || !why.has(tenon::outcome::not_executed)) in.wrong(of.id, "there was room: " + why.to_string());
      break;
    default: in.wrong(of.id, "nothing here ends like that: " + why.to_string());
  }
}

// --- the end

void stream_book::look_at_the_time() {
  for (const auto& each : records_) {
    if (!each->over() && each->waits && each->deadline + milliseconds(1) <= in.now() && !std::exchange(each->said_late, true)) in.wrong(each->id, "its time is up and it has not ended");
  }
}

bool stream_book::all_over() const {
  return std::ranges::all_of(records_, [](const auto& each) { return each->over(); });
}

void stream_book::check_the_end(const char* when) {
  for (const auto& each : records_) {
    if (!each->over()) in.wrong(each->id, std::string{"the stream never ended"} + when);
  }
}

void stream_book::check_what_was_denied() {
  for (const auto& each : records_) {
    if (each->denied && each->runs != 0) in.wrong(each->id, "its status said that no handler ran, and one did");
  }
}

}  // namespace simulated
