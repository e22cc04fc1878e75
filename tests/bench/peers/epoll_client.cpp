// Load for epoll_server, without a library either: one read per readable connection, and one write of as many messages as have come back whole.
// usage: epoll_client port= connections=1 in_flight=1 bytes=64 seconds=1 warm_up=0.3
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "load/measurement.hpp"

namespace {

struct connection {
  int socket = -1;
  std::size_t part = 0;  // bytes of a message that has not come back whole
  std::vector<std::int64_t> started;
  std::size_t next = 0;
};

bool send_all(int socket, const char* data, std::size_t size) {
  while (size != 0) {
    const ssize_t sent = ::send(socket, data, size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent < 0) {
      pollfd writable{socket, POLLOUT, 0};
      ::poll(&writable, 1, 1000);
      continue;
    }
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const arguments given{argc, argv};
  measurement all{given};
  const std::size_t bytes = given.number("bytes", 64) + 4;  // as much as the raw asio echo's frame
  const std::size_t in_flight = given.number("in_flight", 1);
  const std::string messages(bytes * in_flight, 'x');
  std::vector<connection> connections(given.number("connections", 1));
  const int poll = ::epoll_create1(0);
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(static_cast<std::uint16_t>(given.number("port", 0)));
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (std::size_t i = 0; i < connections.size(); ++i) {
    connection& each = connections[i];
    each.socket = ::socket(AF_INET, SOCK_STREAM, 0);
    const int yes = 1;
    if (::connect(each.socket, reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0) {
      std::perror("epoll_client: connect");
      return 1;
    }
    ::setsockopt(each.socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    ::epoll_ctl(poll, EPOLL_CTL_ADD, each.socket, &event);
  }
  all.begin(nanoseconds_now());
  for (connection& each : connections) {
    each.started.assign(in_flight, nanoseconds_now());
    if (!send_all(each.socket, messages.data(), messages.size())) return 1;
  }
  std::vector<char> buffer(std::size_t{256} << 10);
  std::array<epoll_event, 256> events{};
  while (true) {
    const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      connection& each = connections[events[static_cast<std::size_t>(i)].data.u64];
      const ssize_t got = ::recv(each.socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (got < 0 && errno == EAGAIN) continue;
      if (got <= 0) {
        std::fprintf(stderr, "epoll_client: the server closed a connection\n");
        return 1;
      }
      const std::int64_t now = nanoseconds_now();
      each.part += static_cast<std::size_t>(got);
      const std::size_t whole = each.part / bytes;
      each.part -= whole * bytes;
      for (std::size_t answer = 0; answer < whole; ++answer) {
        if (!all.count(each.started[each.next], now)) return all.finish();
        each.started[each.next] = now;
        each.next = each.next + 1 == in_flight ? 0 : each.next + 1;
      }
      if (whole != 0 && !send_all(each.socket, messages.data(), whole * bytes)) return 1;
    }
  }
}
