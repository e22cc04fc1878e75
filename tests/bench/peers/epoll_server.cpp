// The floor: an echo without a library and without messages. Whatever has arrived is read in one call and written back in one call.
// usage: epoll_server [port=0]    prints `listening 127.0.0.1:PORT`, serves until it is killed
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <string>
#include <unordered_map>
#include <vector>

#include "load/arguments.hpp"

namespace {

void watch(int poll, int operation, int socket, unsigned events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = socket;
  ::epoll_ctl(poll, operation, socket, &event);
}

// What the peer did not take at once. Empty but for peers that are slow to read.
std::unordered_map<int, std::string> unsent;

// False when the connection is over.
bool echo(int poll, int socket, std::vector<char>& buffer) {
  const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), 0);
  if (count <= 0) return count < 0 && errno == EAGAIN;
  ssize_t sent = ::send(socket, buffer.data(), static_cast<std::size_t>(count), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return false;
  if (sent < 0) sent = 0;
  if (sent < count) {
    unsent[socket].assign(buffer.data() + sent, static_cast<std::size_t>(count - sent));
    watch(poll, EPOLL_CTL_MOD, socket, EPOLLOUT);
  }
  return true;
}

bool send_rest(int poll, int socket) {
  std::string& rest = unsent[socket];
  const ssize_t sent = ::send(socket, rest.data(), rest.size(), MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN;
  rest.erase(0, static_cast<std::size_t>(sent));
  if (rest.empty()) {
    unsent.erase(socket);
    watch(poll, EPOLL_CTL_MOD, socket, EPOLLIN);
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const arguments given{argc, argv};
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(given.number("port", 0)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, SOMAXCONN) != 0) return 1;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::printf("listening 127.0.0.1:%u\n", static_cast<unsigned>(ntohs(address.sin_port)));
  std::fflush(stdout);

  const int poll = ::epoll_create1(0);
  watch(poll, EPOLL_CTL_ADD, listener, EPOLLIN);
  std::vector<char> buffer(std::size_t{256} << 10);
  std::array<epoll_event, 256> events{};
  while (true) {
    const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      const int socket = event.data.fd;
      if (socket == listener) {
        for (int made = 0; (made = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
          const int yes = 1;
          ::setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
          watch(poll, EPOLL_CTL_ADD, made, EPOLLIN);
        }
      } else if (!((event.events & EPOLLOUT) != 0 ? send_rest(poll, socket) : echo(poll, socket, buffer))) {
        unsent.erase(socket);
        ::close(socket);
      }
    }
  }
}
