// Peers in a simulated world that are none of tenon's clients: HTTP by hand, cut anywhere, and noise, from either side of a connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <simulation.hpp>
#include <simulation/stage.hpp>
#include <tenon/net/connector.hpp>
#include <tenon/net/listener.hpp>
#include <tenon/net/stream.hpp>

namespace simulated {

/// One end of a connection that says what was drawn for it, in pieces, and hangs up, or does not.
class stranger final : private tenon::net::connector::waiter, private tenon::net::stream_user {
 public:
  using told = std::function<void(std::string_view all)>;

  struct leaver {
    void operator()(stranger* who) const noexcept { who->leave(); }
  };
  /// Who lets go of it makes it hang up. It is still told how the operations end that are under way.
  using handle = std::unique_ptr<stranger, leaver>;

  /// `hears` is told everything that has come so far, whenever something comes.
  static handle make(stage& in, std::string text, bool hangs_up, told hears) { return handle{new stranger{in, std::move(text), hangs_up, std::move(hears)}}; }
  stranger(const stranger&) = delete;
  stranger& operator=(const stranger&) = delete;

  void connect(const std::string& name) {
    connector_ = in_.wire.connector_to(name);
    connector_->connect(*this);
  }
  void adopt(std::unique_ptr<tenon::net::stream> opened) {
    stream_ = std::move(opened);
    stream_->read_some(space_, sizeof(space_), *this);
    say_on();
  }
  bool connected() const { return stream_ != nullptr; }
  bool said_everything() const { return said_; }

 private:
  stranger(stage& in, std::string text, bool hangs_up, told hears) : in_{in}, unsaid_{std::move(text)}, hears_{std::move(hears)}, hangs_up_{hangs_up} {}
  ~stranger() = default;
  void leave() noexcept {
    *alive_ = false;
    hears_ = nullptr;
    connector_.reset();
    stream_.reset();
    release();
  }

  void connected(std::unique_ptr<tenon::net::stream> opened) override { adopt(std::move(opened)); }
  void connect_failed(const std::error_code&) override {}
  void retain() noexcept override { ++references_; }
  void release() noexcept override {
    if (--references_ == 0) delete this;
  }

  void later(std::uint64_t in_milliseconds, void (stranger::*what)()) {
    in_.plan(in_milliseconds, [this, alive = alive_, what] {
      if (*alive) (this->*what)();
    });
  }
  void say_on() {
    if (unsaid_.empty()) {
      said_ = true;
      if (hangs_up_) later(in_.random.below(40), &stranger::hang_up);
      return;
    }
    const std::size_t count = in_.chance(50) ? unsaid_.size() : 1 + in_.random.below(unsaid_.size());
    saying_ = unsaid_.substr(0, count);
    unsaid_.erase(0, count);
    stream_->write_all(saying_.data(), saying_.size(), *this);
  }
  void hang_up() { stream_->close(); }
  void write_done(const std::error_code& why) override {
    if (!why) later(in_.random.below(15), &stranger::say_on);
  }
  void read_done(const std::error_code& why, std::size_t count) override {
    if (why) return;
    heard_.append(space_, count);
    if (hears_) hears_(heard_);
    if (stream_ != nullptr) stream_->read_some(space_, sizeof(space_), *this);
  }

  stage& in_;
  std::string unsaid_;
  std::string saying_;
  std::string heard_;
  told hears_;
  bool hangs_up_;
  bool said_ = false;
  unsigned references_ = 1;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<tenon::net::connector> connector_;
  std::unique_ptr<tenon::net::stream> stream_;
  char space_[1024];
};

/// What nobody can make sense of, some of it for a while. Holds no call: its payloads cannot be read by any codec.
inline std::string noise(stage& in) {
  tenon::random_source& random = in.random;
  const auto some = [&random](std::size_t most) {
    std::string bytes(random.below(most), '\0');
    for (char& each : bytes) each = static_cast<char>(random.below(256));
    return bytes;
  };
  std::string bytes;
  switch (random.below(7)) {
    case 0: return some(400);
    case 1: return "\x08" + some(400);
    case 2: {
      constexpr std::string_view heads[] = {"POST /ledger/put HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n", "GET /\x01 HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
                                            "POST /ledger/put HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost:"};
      return std::string{heads[random.below(5)]} + some(200);
    }
    case 3: return R"({"jsonrpc":"2.0","method":"ledger.none","id":1})" "\n" + std::string(random.below(200), '{') + some(100);
    case 4: return std::string{"\x94\x00\x01\xA4none"} + some(200);
    default: {
      // Notices of streams that are none of this connection's, calls of what is not there, and then a bit that is wrong.
      constexpr std::string_view notices[] = {"item", "credit", "end", "cancel", "going_away", "nothing"};
      for (std::uint64_t i = 1 + random.below(4); i > 0; --i) {
        frame each{.bits = random.below(3) == 0 ? request : one_way, .codec = static_cast<std::uint8_t>(random.below(5)), .sequence = random.below(6)};
        each.method = notices[random.below(6)];
        if (random.below(3) == 0) each.service = "brook";
        if (random.below(2) == 0) each.metadata = {{"tenon-stream", std::to_string(random.below(2'000'000'000'000))}};
        each.payload = "\xC1";
        std::string made = each.bytes();
        if (random.below(2) == 0) {
          char& bit = made[random.below(made.size() - 1)];
          bit = static_cast<char>(static_cast<unsigned char>(bit) ^ (1U << random.below(8)));
        }
        bytes += made;
      }
      return bytes;
    }
  }
}

/// A server that answers with noise, whatever it is asked.
class babbler final : private tenon::net::accept_sink {
 public:
  babbler(stage& in, std::string name) : in_{in}, listener_{std::move(*in.wire.listen(std::move(name)))} { listener_->start(*this); }

 private:
  asio::io_context& next_io() override { return in_.io; }
  void accepted(asio::io_context&, std::unique_ptr<tenon::net::stream> opened) override {
    held_.push_back(stranger::make(in_, noise(in_), in_.chance(50), nullptr));
    held_.back()->adopt(std::move(opened));
  }

  stage& in_;
  std::unique_ptr<tenon::net::listener> listener_;
  std::deque<stranger::handle> held_;
};

/// An answer over HTTP, as far as one has to know it.
struct http_answer {
  int status = 0;
  std::string_view body;
};

/// Takes one whole answer off the front; nothing when it is not whole yet, and a status of -1 when it is none.
inline std::optional<http_answer> take_answer(std::string_view& from) {
  const std::size_t end = from.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  if (!from.starts_with("HTTP/1.1 ") || end < 12) return http_answer{.status = -1, .body = {}};
  http_answer found{.status = (from[9] - '0') * 100 + (from[10] - '0') * 10 + (from[11] - '0'), .body = {}};
  std::size_t length = 0;
  const std::string_view head = from.substr(0, end);
  constexpr std::string_view name = "\r\nContent-Length:";
  if (const std::size_t at = head.find(name); at != std::string_view::npos) {
    std::size_t i = at + name.size();
    while (i < head.size() && head[i] == ' ') ++i;
    for (; i < head.size() && head[i] >= '0' && head[i] <= '9'; ++i) length = length * 10 + static_cast<std::size_t>(head[i] - '0');
  }
  if (from.size() < end + 4 + length) return std::nullopt;
  found.body = from.substr(end + 4, length);
  from.remove_prefix(end + 4 + length);
  return found;
}

}  // namespace simulated
