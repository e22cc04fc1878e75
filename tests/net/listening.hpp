// What the tests of listeners, connectors and streams share: ends that remember what they were told.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <tenon/core/asio.hpp>
#include <tenon/net/connector.hpp>
#include <tenon/net/listener.hpp>
#include <tenon/net/stream.hpp>

namespace net_test {

// One side of a connection. It retains nothing by itself; `references` shows who does.
struct end final : tenon::net::stream_user {
  void read_done(const std::error_code& error, std::size_t count) override {
    ++reads;
    read_error = error;
    heard.append(space.data(), count);
    if (reading_on && !error) read();
  }
  void write_done(const std::error_code& error) override {
    ++writes;
    write_error = error;
  }
  void retain() noexcept override { ++references; }
  void release() noexcept override { --references; }

  void read() { stream->read_some(space.data(), space.size(), *this); }
  void write(const std::string& text) { stream->write_all(text.data(), text.size(), *this); }

  std::unique_ptr<tenon::net::stream> stream;
  std::array<char, 8192> space{};
  std::string heard;
  bool reading_on = false;
  int reads = 0;
  int writes = 0;
  std::error_code read_error;
  std::error_code write_error;
  int references = 0;
};

struct sink final : tenon::net::accept_sink {
  explicit sink(asio::io_context& on) : io{on} {}
  asio::io_context& next_io() override { return io; }
  void accepted(asio::io_context&, std::unique_ptr<tenon::net::stream> opened) override { streams.push_back(std::move(opened)); }
  void accepting_failed(const tenon::endpoint&, const std::error_code& why) override { failures.push_back(why); }
  asio::io_context& io;
  std::vector<std::error_code> failures;
  std::vector<std::unique_ptr<tenon::net::stream>> streams;
};

struct caller final : tenon::net::connector::waiter {
  void connected(std::unique_ptr<tenon::net::stream> opened) override {
    ++told;
    stream = std::move(opened);
  }
  void connect_failed(const std::error_code& why) override {
    ++told;
    error = why;
  }
  int told = 0;
  std::unique_ptr<tenon::net::stream> stream;
  std::error_code error;
};

// Runs until `done()`; the tests' own time limit ends what never comes.
template <class Done>
void run_until(asio::io_context& io, Done&& done) {
  io.restart();
  while (!done() && io.run_one() != 0) {
  }
}

}  // namespace net_test
