// Ends a server by Ctrl-C and by the polite kill. Server layer; outside the door, since signals belong to the program.
#pragma once

#include <tenon/core/asio.hpp>

#include <csignal>
#include <memory>
#include <system_error>

#include <asio/basic_signal_set.hpp>

#include <tenon/core/code.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/server/server.hpp>

namespace tenon::inline v0 {

/// Lets `which` stop, as `which.stop()` does, at the first SIGINT or SIGTERM. The second one finds the system's own answer and ends the program at once,
/// so that a handler which does not end can be interrupted as well.
///
///   tenon::server server;
///   server.serve(market{});
///   server.listen("tcp://127.0.0.1:8080");
///   tenon::stop_on_signals(server);
///   return server.run().ok() ? 0 : 1;   // Ctrl-C: calls under way end, at most `options.drain` long, then run returns
///
/// Before `start` or `run`. A server that was stopped by other means lets go of the signals. Several servers of one program may each wait for them.
///
/// Errors  unavailable with the system's reason.
template <class Served>
status stop_on_signals(server<Served>& which) {
  using signals_type = asio::basic_signal_set<asio::io_context::executor_type>;
  const auto waiting = std::make_shared<signals_type>(which.io().get_executor());
  std::error_code error;
  waiting->add(SIGINT, error);
  if (!error) waiting->add(SIGTERM, error);
  if (error) return status{code::unavailable, detail::join_text({"tenon::stop_on_signals: ", error.message()})};
  // The server may have gone when a signal that came before is told of: it takes the set with it.
  waiting->async_wait([&which, weak = std::weak_ptr<signals_type>{waiting}](const std::error_code& failed, int) {
    const auto held = weak.lock();
    if (failed || held == nullptr) return;
    std::error_code ignored;
    held->clear(ignored);
    which.stop();
  });
  which.beside_.push_back(waiting);
  return {};
}

}  // namespace tenon::inline v0
