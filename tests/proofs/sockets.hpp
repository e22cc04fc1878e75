// Sockets by hand for the proofs: peers that behave as badly as they like, and take no memory that would be counted as the server's.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace proofs {

/// A connection to a port of this machine. Blocking, unless told otherwise.
class plain_socket {
 public:
  explicit plain_socket(std::uint16_t port) : handle_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (handle_ >= 0 && ::connect(handle_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) close();
  }
  plain_socket(plain_socket&& other) noexcept : handle_{std::exchange(other.handle_, -1)} {}
  plain_socket& operator=(plain_socket&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~plain_socket() { close(); }

  bool is_open() const { return handle_ >= 0; }
  void close() {
    if (handle_ >= 0) ::close(std::exchange(handle_, -1));
  }
  void never_wait() { ::fcntl(handle_, F_SETFL, ::fcntl(handle_, F_GETFL) | O_NONBLOCK); }

  /// As much of it as the system takes; all of it where the socket waits.
  std::size_t say(std::string_view bytes) {
    std::size_t said = 0;
    while (said != bytes.size()) {
      const ssize_t step = ::send(handle_, bytes.data() + said, bytes.size() - said, MSG_NOSIGNAL);
      if (step <= 0) break;
      said += static_cast<std::size_t>(step);
    }
    return said;
  }
  /// Exactly so many bytes, or fewer when the other side has closed.
  std::string hear(std::size_t bytes) {
    std::string heard(bytes, '\0');
    std::size_t count = 0;
    while (count != bytes) {
      const ssize_t step = ::recv(handle_, heard.data() + count, bytes - count, 0);
      if (step <= 0) break;
      count += static_cast<std::size_t>(step);
    }
    heard.resize(count);
    return heard;
  }
  /// Whether the other side closes within the time. What comes before that is thrown away.
  bool is_closed_within(int milliseconds) {
    char thrown_away[4096];
    pollfd watched{.fd = handle_, .events = POLLIN, .revents = 0};
    while (::poll(&watched, 1, milliseconds) > 0) {
      if (::recv(handle_, thrown_away, sizeof(thrown_away), 0) <= 0) return true;
    }
    return false;
  }

 private:
  int handle_;
};

/// Lets this process have so many descriptors. False when the system does not allow it.
inline bool may_open(std::size_t descriptors) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  if (limit.rlim_cur >= descriptors) return true;
  if (limit.rlim_max < descriptors) limit.rlim_max = descriptors;
  limit.rlim_cur = descriptors;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

}  // namespace proofs
