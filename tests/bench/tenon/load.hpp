// Load by tenon's clients: what asio_client does, as typed calls. For tests/bench only.
// A caller makes its next call when its answer has come: in a callback, in a tenon::task, or in an asio::awaitable; in an open loop calls are made when they are due.
// `Call` is called with a client and begins a call; `fits` says whether an answer is right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <tenon.hpp>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/post.hpp>

#include "load/measurement.hpp"

namespace bench {

struct everything {
  explicit everything(const arguments& given) : all{given} {}

  asio::io_context io{1};
  // Its clock is read once for each batch of answers, as asio_client does.
  tenon::net::loop& loop = tenon::net::loop::of(io);
  measurement all;
  std::size_t under_way = 0;
  bool failed = false;

  void fail(const std::string& what) {
    if (!std::exchange(failed, true)) std::fprintf(stderr, "tenon: %s\n", what.c_str());
    io.stop();
  }
  template <class Call, class Answer>
  bool fits(const Call& call, const Answer& answer) {
    if (!answer) return fail(answer.error().to_string()), false;
    if (!call.fits(*answer)) return fail("a wrong answer"), false;
    return true;
  }
  // False when it was the last.
  template <class Call, class Answer>
  bool count(const Call& call, std::int64_t started, const Answer& answer) {
    if (!fits(call, answer)) return false;
    if (all.count(started, loop.now().ns)) return true;
    io.stop();
    return false;
  }
};

template <class Client, class Call>
struct caller {
  everything& all;
  const Call& make;
  Client& client;
  std::int64_t started = 0;

  void call() {
    started = all.loop.now().ns;
    make(client).then([this](const auto& answer) {
      if (all.count(make, started, answer)) call();
    });
  }
};

template <class Client, class Call>
tenon::task<void> call_in_task(everything& all, const Call& make, Client& client) {
  while (true) {
    const std::int64_t started = all.loop.now().ns;
    const auto answer = co_await make(client);
    if (!all.count(make, started, answer)) co_return;
  }
}

template <class Client, class Call>
asio::awaitable<void> call_in_awaitable(everything& all, const Call& make, Client& client) {
  while (true) {
    const std::int64_t started = all.loop.now().ns;
    const auto answer = co_await make(client);
    if (!all.count(make, started, answer)) co_return;
  }
}

// Sends what is due, and comes again after whatever has arrived: the client's core never sleeps, so that its own waking is no part of what is measured.
template <class Client, class Call>
void pace(everything& all, const Call& make, std::vector<Client>& clients, arrivals& calls, std::size_t next) {
  const std::int64_t now = nanoseconds_now();
  for (; calls.due() <= now && calls.due() < all.all.ends(); calls.next(), next = (next + 1) % clients.size()) {
    ++all.under_way;
    make(clients[next]).then([&all, &make, due = calls.due()](const auto& answer) {
      --all.under_way;
      if (all.fits(make, answer)) all.all.count_due(due, all.loop.now().ns);
    });
  }
  if (now >= all.all.ends() && all.under_way == 0) return all.io.stop();
  if (now >= all.all.ends() + patience) return all.fail("calls were not answered: the rate is above what the server can do");
  asio::post(all.io, [&all, &make, &clients, &calls, next] { pace(all, make, clients, calls, next); });
}

// Connects all, with a call on each, one call at a time for `calls` of them: to a throttle 64 calls without any answer are a sign that something is wrong.
template <class Client, class Call>
bool connect(everything& all, const Call& make, std::vector<Client>& clients, std::size_t calls) {
  for (std::size_t i = 0; i < calls || i < clients.size(); ++i) {
    bool done = false;
    make(clients[i % clients.size()]).then([&](const auto& answer) {
      done = true;
      all.fits(make, answer);
    });
    while (!done && all.io.run_one() != 0) {
    }
    if (!done || all.failed) return false;
  }
  return true;
}

/// Clients of `url`, and `way=then|task|awaitable` of calling, or `rate=` of an open loop.
template <class Client, class Call>
int run(const arguments& given, const std::string& url, const Call& make, const tenon::client_options& options = {}, std::size_t calls_first = 0) {
  everything all{given};
  std::vector<caller<Client, Call>> callers;
  arrivals calls{given.real("rate", 1)};
  std::vector<Client> clients;
  for (std::size_t i = 0; i < given.number("connections", 1); ++i) clients.emplace_back(all.io, url, options);
  if (!connect(all, make, clients, calls_first)) return 1;

  const std::int64_t now = all.loop.refresh().ns;
  all.all.begin(now);
  calls.begin(now);
  const std::string way = given.word("way", "then");
  const std::size_t in_flight = given.number("in_flight", 1);
  if (given.real("rate", 0) > 0) {
    asio::post(all.io, [&] { pace(all, make, clients, calls, 0); });
  } else if (way == "task") {
    for (Client& client : clients) {
      for (std::size_t i = 0; i < in_flight; ++i) tenon::spawn(all.io, call_in_task(all, make, client));
    }
  } else if (way == "awaitable") {
    for (Client& client : clients) {
      for (std::size_t i = 0; i < in_flight; ++i) asio::co_spawn(all.io, call_in_awaitable(all, make, client), asio::detached);
    }
  } else {
    for (Client& client : clients) {
      for (std::size_t i = 0; i < in_flight; ++i) callers.push_back({all, make, client});
    }
    for (auto& each : callers) each.call();
  }
  all.io.run();
  return all.all.finish(all.failed);
}

}  // namespace bench
