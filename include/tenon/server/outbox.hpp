// What a connection has yet to send: answers that are being written, those that wait behind them, and the write that is under way. Server layer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include <tenon/core/buffer.hpp>
#include <tenon/core/kept_memory.hpp>
#include <tenon/core/spare_buffers.hpp>
#include <tenon/net/stream.hpp>

namespace tenon::inline v0::detail {

/// Two buffers that take turns: one is filled while the other is sent, so that all answers of a batch, and all that come meanwhile, leave in one write.
///
/// Laws    the memory of both together stays below the mark, as long as no answer is larger than an eighth of what is left of it; one that is may take its own size more,
///         and what growing by doubling adds to that. Up to 64 KiB are given without counting so closely.
class outbox {
 public:
  enum class progress { more, emptied };

  explicit outbox(std::size_t mark) noexcept : mark_{mark}, room_{(std::min)(mark, first_look)} {}

  /// The answers of the batch that is being served.
  buffer& batch() noexcept { return out_; }
  /// Where an answer goes that may come in the middle of another. A handler that runs now may end others, by an event they wait for: their answers must not land inside
  /// the one that is being written.
  buffer& current() noexcept { return reply_is_open_ ? aside_ : out_; }
  void begin_reply() noexcept { reply_is_open_ = true; }
  void end_reply() noexcept { reply_is_open_ = false; }
  /// After a reply has ended: what came meanwhile.
  void append_aside() {
    if (aside_.empty()) [[likely]] return;
    out_.append(aside_.view());
    aside_.clear();
  }

  /// More waits than the peer, who does not read, is allowed.
  bool full() const noexcept { return crowded() && !make_room(); }
  /// So much waits that it is time to ask whether it is full: for between two requests, where asking costs a comparison.
  bool crowded() const noexcept { return out_.size() > room_; }
  /// Whether the peer was ever sent anything.
  bool spoke() const noexcept { return spoke_; }
  bool writing() const noexcept { return writing_; }
  bool idle() const noexcept { return !writing_ && out_.empty(); }

  /// Begins to send what waits. False when there is nothing, or a write is under way.
  bool flush(net::stream& to, net::stream_user& user, std::size_t taken = 0) {
    if (writing_ || out_.empty()) return false;
    sending_.swap(out_);
    sent_ = taken;
    room_ = (std::min)(left(), first_look);
    write_on(to, user);
    return true;
  }
  /// The same where the stream may take all of it at once, so that there is no write to wait for. Returns how many bytes it took; the rest is under way.
  std::size_t flush_now(net::stream& to, net::stream_user& user) {
    if (writing_ || out_.empty()) return 0;
    const std::size_t taken = to.write_now(out_.data(), (std::min)(out_.size(), largest_write));
    spoke_ |= taken != 0;
    if (taken == out_.size()) [[likely]] out_.clear();
    else flush(to, user, taken);
    return taken;
  }
  /// In pieces, so that a peer that reads slowly is told from one that does not.
  void write_on(net::stream& to, net::stream_user& user) {
    spoke_ = writing_ = true;
    piece_ = (std::min)(sending_.size() - sent_, largest_write);
    to.write_all(sending_.data() + std::exchange(sent_, sent_ + piece_), piece_, user);
  }
  /// What has been emptied goes to whoever writes next; `borrow` before a batch of so many bytes, which a larger answer may follow if it is large.
  void borrow(spare_buffers& from, std::size_t asked) noexcept {
    if (out_.capacity() != 0) return;
    if (asked > spare_buffers::largest && mark_ > spare_buffers::largest_of_all) [[unlikely]] from.lend_large(out_);
    else from.lend(out_);
  }
  /// `keep_large`: not while there are streams or the peer reads too slowly for what it asks. What is kept would stand beside what they let wait.
  void give_back(spare_buffers& to, bool keep_large) noexcept {
    if (out_.empty()) give_back(to, out_, keep_large);
    if (!writing_) give_back(to, sending_, keep_large);
  }
  /// A write has ended; the bytes it wrote are `last_piece()`.
  void write_ended() noexcept { writing_ = false; }
  /// Nothing has happened for a while: gives memory back.
  void rest() noexcept { kept_memory::rest(out_); }
  std::size_t last_piece() const noexcept { return piece_; }
  /// `more`: `write_on` is to follow. Otherwise everything that was begun has been taken by the peer, and there is room again.
  progress settle(std::size_t mark) {
    if (sent_ != sending_.size()) [[unlikely]] return progress::more;
    mark_ = mark;
    room_ = (std::min)(mark, first_look);
    sending_.clear();
    return progress::emptied;
  }

 private:
  static constexpr std::size_t largest_write = 256 * 1024;
  static constexpr std::size_t first_look = 64 * 1024;

  static void give_back(spare_buffers& to, buffer& emptied, bool keep_large) noexcept {
    if (keep_large) [[likely]] return to.take_back_large(emptied);
    kept_memory::rest(emptied);
    to.take_back(emptied);
  }
  // Of the mark, beside what is being sent: its memory counts, where it is more than a little.
  std::size_t left() const noexcept {
    const std::size_t held = sending_.capacity() > first_look ? sending_.capacity() : sending_.size();
    return mark_ - (std::min)(mark_, held);
  }
  // Much waits. Doubling would go far beyond the mark at the end: from here on the memory grows by steps that stop there, and an eighth of it is for the answer at hand.
  [[gnu::cold, gnu::noinline]] bool make_room() const noexcept {
    const std::size_t most = left();
    if (most <= first_look) return room_ < most && out_.size() <= (room_ = most);
    if (out_.capacity() < most && !out_.reserve((std::min)(most, (std::max)(2 * first_look, 2 * out_.capacity())))) return false;
    const std::size_t memory = (std::min)(most, out_.capacity());
    room_ = memory - memory / 8;
    return out_.size() <= room_;
  }

  mutable buffer out_;  // `full` makes room in it
  buffer aside_;  // answers that came while another was being written
  buffer sending_;
  std::size_t sent_ = 0;  // bytes at the front of `sending_` that were given to the stream
  std::size_t piece_ = 0; // the last of them, by one write
  std::size_t mark_;
  mutable std::size_t room_;  // what `out_` may hold until the next look
  bool writing_ = false;
  bool spoke_ = false;
  bool reply_is_open_ = false;
};

}  // namespace tenon::inline v0::detail
