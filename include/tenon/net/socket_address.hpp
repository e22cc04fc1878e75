// An endpoint as the system's socket address and back, for tcp and local sockets alike. Net layer.
// One socket type for all of them: asio's per-protocol sockets, acceptors and connects cost a hello server more than a second to compile.
#pragma once

#include <tenon/core/asio.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include <arpa/inet.h>
#include <asio/generic/stream_protocol.hpp>
#include <asio/ip/tcp.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <tenon/net/endpoint.hpp>

namespace tenon::inline v0::net {

using socket_address = asio::generic::stream_protocol::endpoint;
using socket = asio::basic_stream_socket<asio::generic::stream_protocol, asio::io_context::executor_type>;

namespace detail {

/// The address of a numeric host and port; nothing when the host is a name.
[[gnu::cold]] inline std::optional<socket_address> numeric_address(const std::string& host, std::uint16_t port) {
  ::sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) return socket_address{&four, sizeof(four), IPPROTO_TCP};
  ::sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  if (::inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) == 1) return socket_address{&six, sizeof(six), IPPROTO_TCP};
  return std::nullopt;
}

/// The address of a local socket; a leading `@` makes it abstract, which Linux spells with a leading zero byte.
[[gnu::cold]] inline socket_address local_address(const std::string& path) {
  ::sockaddr_un local{};
  local.sun_family = AF_UNIX;
  // endpoint::parse admits only what fits; of what was put together otherwise the system says that it knows no such address.
  if (path.size() >= sizeof(local.sun_path)) return {};
  std::memcpy(local.sun_path, path.data(), path.size());
  if (path.starts_with('@')) local.sun_path[0] = '\0';
  const std::size_t ending = path.starts_with('@') ? 0 : 1;
  return {&local, offsetof(::sockaddr_un, sun_path) + path.size() + ending, 0};
}

/// What a socket address is as an endpoint; `unix://` without a path for local peers, which have no name of their own.
[[gnu::cold]] inline endpoint endpoint_of(const socket_address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.data()->sa_family == AF_INET) {
    ::sockaddr_in four{};
    std::memcpy(&four, address.data(), sizeof(four));
    ::inet_ntop(AF_INET, &four.sin_addr, text.data(), text.size());
    return endpoint::tcp(text.data(), ntohs(four.sin_port));
  }
  if (address.data()->sa_family == AF_INET6) {
    ::sockaddr_in6 six{};
    std::memcpy(&six, address.data(), sizeof(six));
    ::inet_ntop(AF_INET6, &six.sin6_addr, text.data(), text.size());
    return endpoint::tcp(text.data(), ntohs(six.sin6_port));
  }
  return endpoint::local({});
}

}  // namespace detail
}  // namespace tenon::inline v0::net
